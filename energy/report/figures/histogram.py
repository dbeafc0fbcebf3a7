"""The figure of an energy's distribution: over the windows of a recording, or over single inferences."""

# pyright: reportUnknownMemberType=false
# (matplotlib's own types leave **kwargs of every drawing method unknown)

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from energy.characterize.single import single_inferences
from energy.errors import UsageError
from energy.report.figures.axes import si_axis
from energy.report.figures.captions import footer_lines, headline_lines, joules, subject
from energy.report.figures.legends import legend_above
from energy.report.figures.style import (
    INK,
    ORANGE,
    SCREEN_IN,
    SERIES,
    add_footer,
    add_title,
    house_style,
    new_figure,
    plain_height_in,
    room_in,
)
from energy.report.figures.view import window_of
from energy.runs.measurement import Measurement

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Of = Literal["windows", "inferences"]
_MOST_BINS = 60
_MOST_COLOURS = 5
"""Up to so many windows, the inferences of each have a colour."""
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Energies:
    """The energies of a histogram.

    Attributes:
        of: What each is the energy of.
        groups: Their values in joule by name: a group for each window, or a single one.
        note: What should be known of them, or an empty text.
    """

    of: Of
    groups: dict[str, Floats]
    note: str = ""

    @property
    def values_j(self) -> Floats:
        """All of them, shape (n,)."""
        return np.concatenate(list(self.groups.values()))


def energies_of(measured: Measurement, of: Of | None = None, window: int | None = None) -> Energies:
    """Energies of windows, or of single inferences where the signal shows them.

    Args:
        measured: The recording with its windows.
        of: What; None for inferences if every window shows them, else windows.
        window: Number of the only window whose inferences are wanted.

    Raises:
        UsageError: ``usage.inference`` if inferences are asked for and cannot be resolved; ``usage.window``.
    """
    windows = [row.window for row in measured.session.windows]
    if window is not None:
        windows = [window_of(measured, window)]
    if not windows:
        hint = "`joulebench integrate` tells what it finds in its edges."
        raise UsageError("usage.window", f"{measured.run.path} has no window", hint)
    note = ""
    if of != "windows":
        found = [single_inferences(measured.run.samples, each) for each in windows]
        unresolved = [row for row in found if not row.resolved]
        if not unresolved:
            names = [f"window {each.number}" for each in windows]
            return Energies(
                "inferences", {name: row.energy_j for name, row in zip(names, found, strict=True)}
            )
        if of == "inferences":
            raise UsageError("usage.inference", unresolved[0].text(), "Use --of windows.")
        note = unresolved[0].text()
    per = measured.session.joule_per_inference() is not None
    rows = [row for row in measured.session.windows if row.window in windows]
    values = [(row.joule_per_inference() if per else row.energy_j()) or 0.0 for row in rows]
    return Energies("windows", {"energy per inference" if per else "energy": np.array(values)}, note)


def bins_of(values_j: Floats) -> Floats:
    """Edges of the bins: numpy's ``auto`` rule, at most sixty; a narrow bin if all values are the same."""
    low, high = float(values_j.min()), float(values_j.max())
    if high - low <= abs(high) * 1e-9:
        half = abs(high) * 0.01 or 1e-9
        return np.array([low - half, high + half])
    edges = np.histogram_bin_edges(values_j, "auto")
    return edges if len(edges) <= _MOST_BINS + 1 else np.linspace(low, high, _MOST_BINS + 1)


def draw_histogram(
    measured: Measurement,
    title: str | None = None,
    *,
    width_in: float = SCREEN_IN,
    of: Of | None = None,
    window: int | None = None,
) -> Figure:
    """Draws how often which energy occurred, with the mean and each single value below.

    Args:
        measured: The recording with its windows.
        title: First line of the title; None for what was measured on what.
        width_in: Width of the figure.
        of: As ``energies_of``.
        window: As ``energies_of``.
    """
    energies = energies_of(measured, of, window)
    values = energies.values_j
    finite = values[np.isfinite(values)]
    if not len(finite):
        raise UsageError(
            "usage.histogram", "no energy is finite", "`joulebench integrate` shows what is wrong."
        )
    groups = {name: row[np.isfinite(row)] for name, row in energies.groups.items()}
    if len(groups) > _MOST_COLOURS:
        groups = {f"{len(groups)} windows": finite}
    lost = len(values) - len(finite)
    left = f"{lost} energies are not finite and left out" if lost else ""
    texts = [title or subject(measured), *headline_lines(measured), _spread(finite, energies.of)]
    notes = [energies.note, left, *footer_lines(measured)]
    with house_style(width_in) as size:
        figure = new_figure(width_in, plain_height_in(width_in) + room_in(width_in, texts, notes, 2))
        axes = figure.add_subplot()
        axes.hist(list(groups.values()), bins=bins_of(finite).tolist(), stacked=True, label=list(groups),
                  color=SERIES[: len(groups)], edgecolor="white", lw=size.line * 0.5)  # fmt: skip
        mean = float(finite.mean())
        colour = ORANGE if len(groups) == 1 else INK
        axes.axvline(mean, color=colour, lw=size.line * 1.8, label=f"mean {joules(mean)}")
        axes.plot(finite, np.full(len(finite), -0.025), "|", color=INK, alpha=0.5, clip_on=False,
                  ms=size.marker, transform=axes.get_xaxis_transform())  # fmt: skip
        axes.margins(x=0.03)
        axes.tick_params(axis="x", pad=size.marker + 2)
        si_axis(axes, "x", f"energy of {_what(energies)}", "J")
        si_axis(axes, "y", energies.of, "")
        legend_above(axes, width_in)
        add_title(figure, texts, virtual=measured.run.virtual)
        add_footer(figure, notes)
    return figure


def _what(energies: Energies) -> str:
    if energies.of == "inferences":
        return "an inference"
    return "a window" if "energy" in energies.groups else "an inference, mean of a window"


def _spread(values: Floats, of: Of) -> str:
    if len(values) < 2:
        return f"a single {of.removesuffix('s')}"
    part = float(values.std(ddof=1)) / abs(float(values.mean())) if values.mean() else float("nan")
    return f"{len(values)} {of}, standard deviation {part * 100:.2g} % of the mean"
