"""A matplotlib figure that a notebook shows with any backend and without pyplot."""

from __future__ import annotations

import io

from matplotlib.figure import Figure


class ShownFigure(Figure):
    """A figure that gives IPython a PNG of itself."""

    def _repr_png_(self) -> bytes:  # pyright: ignore[reportUnusedFunction]  # called by IPython
        picture = io.BytesIO()
        self.savefig(picture, format="png", dpi=96)  # pyright: ignore[reportUnknownMemberType]
        return picture.getvalue()
