"""A Sphinx extension: what comments in a page ask for, put in their place before the page is parsed.

A code host shows none of these comments, so pages read well there, too::

    <!-- toctree: Measure
    measure
    record
    -->
    <!-- from the code: errors -->

The first is the list of pages below this one, under a caption, which may be left out; the second a part that
``pages_from_code`` makes. A link to a folder outside the documentation becomes plain text.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pages_from_code
from docutils.nodes import Element
from errors_part import error_classes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from sphinx.ext.napoleon import GoogleDocstring
from sphinx.util.nodes import make_refnode

ERRORS = error_classes()
"""The kinds of errors by name."""

_COMMENT = re.compile(r"^<!-- (toctree|from the code)(?:: ([^\n]+?))? *(?:\n([^>]*))?-->$", re.MULTILINE)
_LINK = re.compile(r"\[([^\]\n]+)\]\(([^)#\s]+)\)")


def _read(app: Sphinx, docname: str, source: list[str]) -> None:
    """Completes a page's text when Sphinx reads it."""
    page = Path(app.env.doc2path(docname))

    def put(found: re.Match[str]) -> str:
        kind, name, rest = found.group(1), found.group(2) or "", (found.group(3) or "").strip()
        if kind == "toctree":
            caption = f":caption: {name}\n" if name else ""
            return f"```{{toctree}}\n:hidden:\n:glob:\n{caption}\n{rest}\n```"
        if name not in pages_from_code.PARTS:
            raise ExtensionError(f"{docname}: nothing is called {name!r} in pages_from_code.PARTS")
        app.env.note_dependency(pages_from_code.__file__)
        return pages_from_code.PARTS[name]()

    def without_folder(found: re.Match[str]) -> str:
        target = (page.parent / found.group(2)).resolve()
        outside = not target.is_relative_to(Path(app.srcdir).resolve())
        return found.group(1) if outside and target.is_dir() else found.group()

    source[0] = _LINK.sub(without_folder, _COMMENT.sub(put, source[0]))


def _refer(app: Sphinx, env: BuildEnvironment, node: pending_xref, content: Element) -> Element | None:
    """A type in a signature or docstring that has no entry under the name that it has there.

    A public type is found by its last name, a kind of error at ``JoulebenchError``; a type of a room, which
    the reference does not describe, stays text. Everything else is a warning.
    """
    target = str(node.get("reftarget", ""))
    last = target.rpartition(".")[2]
    public = "JoulebenchError" if last in ERRORS else last
    objects = env.domains.python_domain.objects
    for name in (f"joulebench.{public}", public):
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
