"""A Sphinx extension: what comments in a page ask for, put in their place before the page is parsed.

A code host shows none of these comments, so pages read well there, too::

    <!-- toctree: Measure
    measure
    record
    -->
    <!-- from the code: errors -->

The first is the list of pages below this one, under a caption, which may be left out (``*``: all that are not
listed yet); the second a part that
``pages_from_code`` makes. A link to a folder outside the documentation becomes plain text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pages_from_code
from docutils.nodes import Element
from errors_part import error_classes
from python_part import names_in_signatures
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from sphinx.ext.napoleon.docstring import GoogleDocstring
from sphinx.util.nodes import make_refnode

ERRORS = error_classes()
"""The kinds of errors by name."""

_COMMENT = re.compile(r"^<!-- (toctree|from the code)(?:: ([^\n]+?))? *(?:\n([^>]*))?-->$", re.MULTILINE)
_LINK = re.compile(r"\[([^\]\n]+)\]\(([^)#\s]+)\)")


def _read(app: Sphinx, docname: str, source: list[str]) -> None:
    """Completes a page's text when Sphinx reads it."""
    page = Path(app.env.doc2path(docname))
    listed = [
        line for kind, _, lines in _COMMENT.findall(source[0]) if kind == "toctree" for line in lines.split()
    ]

    def put(found: re.Match[str]) -> str:
        kind, name, rest = found.group(1), found.group(2) or "", (found.group(3) or "").split()
        if kind == "toctree":
            caption = f":caption: {name}\n" if name else ""
            entries = [entry for line in rest for entry in (_others(page, listed) if line == "*" else [line])]
            lines = "\n".join(entries)
            return f"```{{toctree}}\n:hidden:\n{caption}\n{lines}\n```" if entries else ""
        if name not in pages_from_code.PARTS:
            raise ExtensionError(f"{docname}: nothing is called {name!r} in pages_from_code.PARTS")
        app.env.note_dependency(pages_from_code.__file__)
        return pages_from_code.PARTS[name]()

    def without_folder(found: re.Match[str]) -> str:
        target = (page.parent / found.group(2)).resolve()
        outside = not target.is_relative_to(Path(app.srcdir).resolve())
        return found.group(1) if outside and target.is_dir() else found.group()

    source[0] = _LINK.sub(without_folder, _COMMENT.sub(put, source[0]))


def _others(page: Path, listed: Sequence[str]) -> list[str]:
    """The pages beside this one that none of its lists names: those that somebody adds."""
    beside = sorted(path.stem for path in page.parent.glob("*.md") if path != page)
    return [name for name in beside if name not in listed]


def _refer(app: Sphinx, env: BuildEnvironment, node: pending_xref, content: Element) -> Element | None:
    """A type in a signature or docstring that has no entry under the name that it has there.

    A public type is found by its last name, a kind of error at ``JoulebenchError``; a type of a room that no
    signature names stays text. Everything else is a warning.
    """
    target = str(node.get("reftarget", ""))
    module, _, last = target.rpartition(".")
    known = names_in_signatures().get(last)
    names = [f"joulebench.{'JoulebenchError' if last in ERRORS else last}"]
    if known is not None and module in ("", known.module):
        names.append(last)
    objects = env.domains.python_domain.objects
    for name in names:
        if name in objects:
            entry = objects[name]
            return make_refnode(app.builder, node["refdoc"], entry.docname, entry.node_id, content, target)
    return content if target.startswith(("energy.", "joulebench.")) else None


class _Properties:
    """Docstrings of properties, kept from napoleon, which takes their first line up to a colon for a type."""

    def __init__(self) -> None:
        self.kept: list[str] = []

    def take(self, _app: Sphinx, what: str, _name: str, _of: Any, _options: Any, lines: list[str]) -> None:
        """Before napoleon's turn: leaves nothing."""
        if what == "property":
            self.kept, lines[:] = [*lines], []

    def put(self, app: Sphinx, what: str, name: str, of: Any, options: Any, lines: list[str]) -> None:
        """After it: the docstring, read as that of a method."""
        if what == "property":
            lines[:] = GoogleDocstring(self.kept, app.config, app, "method", name, of, options).lines()


def setup(app: Sphinx) -> dict[str, Any]:
    """Connects the extension."""
    app.connect("source-read", _read)
    app.connect("missing-reference", _refer)
    properties = _Properties()
    app.connect("autodoc-process-docstring", properties.take, priority=100)  # napoleon's is 500
    app.connect("autodoc-process-docstring", properties.put, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
