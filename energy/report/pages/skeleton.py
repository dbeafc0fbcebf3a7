"""The skeleton of every page: header, contents, sections, styles and scripts in a single file.

Names, notes and lines of logs may come from anybody: the templates escape all text, data go in as JSON
without ``<``, and the page's own policy lets only its own scripts run (by their SHA-256) and loads nothing.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from energy import __version__
from energy.errors import BenchError, UsageError
from energy.printable import for_json, printable_lines
from energy.recording.inside import refuse_special
from energy.report.pages.parts import Fact, Section

if TYPE_CHECKING:
    import numpy.typing as npt
    from jinja2 import Environment, Template

_HINT = "pip install 'joulebench[report]'"


@dataclass
class Page:
    """A page.

    Attributes:
        kind: The kind of page: ``Session``, ``Sweep``, ``Comparison``, ``Validation``.
        title: Its title, which begins with what was measured.
        sections: Its sections; an iterator is read section by section while the page is written.
        facts: The facts of its header: board, voltage, clock, monitor, workload, verdict.
        virtual: Whether anything on it comes from the virtual bench.
        contents: Id and title of each section for the contents; None: those of ``sections``, a sequence.
        scripts: Names of scripts in ``templates/`` that draw its plots.
        styles: Names of style sheets in ``templates/`` that it needs beside that of all pages.
        notes: Lines below the header.
        sound: Whether no error was found in what it is of.
    """

    kind: str
    title: str
    sections: Iterable[Section]
    facts: Sequence[Fact] = ()
    virtual: bool = False
    contents: Sequence[tuple[str, str]] | None = None
    scripts: Sequence[str] = ()
    styles: Sequence[str] = ()
    notes: Sequence[str] = field(default_factory=list[str])
    sound: bool = True


def check_page(path: Path) -> None:
    """Makes sure that a page can have this name, before anything long is done for it.

    Raises:
        UsageError: ``usage.html``, ``page.unwritable``.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise UsageError("usage.html", f"{path} ends in neither .html nor .htm", "Give another name.")
    with _written(path):
        refuse_special(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = _draft(path)
        draft.unlink(missing_ok=True)
        draft.touch(exist_ok=False)
        draft.unlink()


def write_page(page: Page, path: Path) -> Path:
    """Writes a page; whoever opens the file meanwhile sees the old one.

    Args:
        page: The page.
        path: The file to write; its folders are made.

    Raises:
        UsageError: ``usage.html``, ``page.unwritable``.
        BenchError: ``report.jinja2``, ``report.plotly`` if a package is not installed.
    """
    check_page(path)
    pieces = render(page)
    draft = _draft(path)
    with _written(path):
        try:
            with draft.open("x", encoding="utf-8", newline="\n") as file:
                for piece in pieces:
                    file.write(piece)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    return path


def render(page: Page) -> Iterator[str]:
    """The page in pieces.

    Raises:
        BenchError: ``report.jinja2``, ``report.plotly`` if a package is not installed.
    """
    scripts = [_file("page.js"), *(_file(name) for name in page.scripts)]
    bundle = plotly_js()
    contents = page.contents
    if contents is None:
        page.sections = list(page.sections)
        contents = [(section.id, section.title) for section in page.sections]
    template = _environment().get_template("page.html.j2")
    return _generated(template, page=page, contents=contents, scripts=scripts, bundle=bundle)


def _generated(
    template: Template, *, page: Page, contents: Any, scripts: list[str], bundle: str
) -> Iterator[str]:
    hashes = " ".join(f"'{_digest(script)}'" for script in [*scripts, bundle])
    return template.generate(
        page=page,
        contents=contents,
        scripts=scripts,
        bundle=bundle,
        style="\n".join(_file(name) for name in ("page.css", *page.styles)),
        policy=f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'",
        version=__version__,
    )


def _digest(script: str) -> str:
    """A script's SHA-256 as a Content Security Policy names it (W3C CSP Level 3, 2.3.1)."""
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"


@cache
def plotly_js() -> str:
    """The script of plotly: the only bundle that its package ships.

    Raises:
        BenchError: ``report.plotly``.
    """
    try:
        return (resources.files("plotly") / "package_data" / "plotly.min.js").read_text(encoding="utf-8")
    except ImportError as error:
        raise BenchError(
            "report.plotly", "Pages need the package plotly, which is not installed", _HINT
        ) from error


def json_script(value: Any) -> str:
    """A value as JSON inside a ``script`` element: without ``<``, and without a character that steers text.

    Arrays of numpy become objects ``{"dtype": "f4", "bdata": base64}`` of little-endian numbers, as plotly
    reads them; floats that are no numbers become null.
    """
    return for_json(json.dumps(_plain(value), separators=(",", ":"), ensure_ascii=False)).replace(
        "<", "\\u003c"
    )


def plot_script(value: Any) -> str:
    """The data of a plot as ``json_script`` writes them; texts hold no markup but line breaks.

    Plotly takes a few tags in names, labels and hover texts as markup, so that a name from a file could
    become a link. Templates of hover texts are left as they are: they are the program's own.
    """
    return json_script(_without_markup(value))


_TAG = re.compile(r"<(?!br>)")
_TEMPLATES = ("hovertemplate", "texttemplate")


def _without_markup(value: Any) -> Any:
    if isinstance(value, str):
        return _TAG.sub("&lt;", value)
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return {name: item if name in _TEMPLATES else _without_markup(item) for name, item in items}
    if isinstance(value, list | tuple):
        return [_without_markup(item) for item in cast("list[Any]", value)]
    return value


_TYPED = ("f4", "f8", "i1", "u1", "i2", "u2", "i4", "u4")


def _plain(value: Any) -> Any:
    import numpy as np

    if isinstance(value, np.ndarray):
        return _typed(cast("npt.NDArray[Any]", value))
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return printable_lines(value)  # a script puts it into the page as it is
    if isinstance(value, dict):
        return {
            printable_lines(str(name)): _plain(item) for name, item in cast("dict[Any, Any]", value).items()
        }
    if isinstance(value, list | tuple):
        return [_plain(item) for item in cast("list[Any]", value)]
    return value


def _typed(array: npt.NDArray[Any]) -> Any:
    kind = f"{array.dtype.kind}{array.dtype.itemsize}"
    if kind not in _TYPED or array.ndim != 1:
        return [_plain(item) for item in array.tolist()]
    data = array.astype(array.dtype.newbyteorder("<")).tobytes()
    return {"dtype": kind, "bdata": base64.b64encode(data).decode("ascii")}


@cache
def _file(name: str) -> str:
    return (resources.files("energy.report.pages") / "templates" / name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError as error:
        raise BenchError(
            "report.jinja2", "HTML pages need the package jinja2, which is not installed", _HINT
        ) from error
    environment = Environment(
        loader=PackageLoader("energy.report.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_clean,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["json_script"] = json_script
    environment.filters["plot_script"] = plot_script
    return environment


def _clean(value: Any) -> Any:
    """Text without control characters and lone surrogates; line ends and tabs stay."""
    return printable_lines(value) if type(value) is str else value


def _draft(path: Path) -> Path:
    """The name of a page that is not complete yet."""
    return path.with_name(f".{path.name}.part")


@contextmanager
def _written(path: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        text = f"{path} cannot be written: {error.strerror or error}"
        raise UsageError("page.unwritable", text, "Name another file.") from error
