"""The class of every figure: a notebook shows it without pyplot, and its files hold text as text."""

from __future__ import annotations

import io
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from energy.printable import drawable

EMBEDDED: dict[Any, Any] = {
    "pdf.fonttype": 42,
    "ps.fonttype": 42,
    "svg.fonttype": "none",
    "svg.hashsalt": "joulebench",
}
"""Fonts as TrueType in PDF and PostScript; text as text in SVG, with names that are the same in every run.
Type 3, matplotlib's default for PDF, is what many publishers refuse."""


class ShownFigure(Figure):
    """A figure that gives IPython a PNG of itself."""

    def savefig(self, fname: Any, *, transparent: bool | None = None, **kwargs: Any) -> None:
        """Writes the figure as matplotlib does, with fonts embedded as TrueType and SVG text as text."""
        from matplotlib.text import Text

        for artist in self.findobj():  # a name in it may come from a file of anybody
            if isinstance(artist, Text) and (shown := drawable(artist.get_text())) != artist.get_text():
                artist.set_text(shown)
            if (name := artist.get_gid()) is not None:
                artist.set_gid(drawable(name))
        with mpl.rc_context(EMBEDDED):  # pyright: ignore[reportUnknownMemberType]
            super().savefig(fname, transparent=transparent, **kwargs)  # pyright: ignore[reportUnknownMemberType]

    def _repr_png_(self) -> bytes:  # pyright: ignore[reportUnusedFunction]  # called by IPython
        picture = io.BytesIO()
        self.savefig(picture, format="png", dpi=96 if self.get_figwidth() > 8 else 192)
        return picture.getvalue()
