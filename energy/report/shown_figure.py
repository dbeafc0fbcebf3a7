"""A matplotlib figure that a notebook shows by itself, whatever backend is chosen and without pyplot."""

from __future__ import annotations

import io

from matplotlib.figure import Figure


class ShownFigure(Figure):
    """A figure with the picture that IPython asks a cell's value for."""

    def _repr_png_(self) -> bytes:  # pyright: ignore[reportUnusedFunction]  # called by IPython
        picture = io.BytesIO()
        self.savefig(picture, format="png", dpi=96)  # pyright: ignore[reportUnknownMemberType]
        return picture.getvalue()
