"""The trace of a measurement in a page: windows shaded, gaps marked, every sample at the edges."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from energy.findings import Severity
from energy.report.pages.parts import Plot
from energy.report.pages.pyramid import EDGE_S, MOST_SAMPLES, Pyramid, pyramid
from energy.report.units import engineering, prefixed, scale_for
from energy.runs.measurement import Measurement
from energy.uncertainty.rounding import prefix_for
from energy.window.figures import WindowFigures
from energy.window.integrator import Window

_LISTED = 12
CLOCK = "time on the monitor's clock (s)"


def trace_plot(measured: Measurement) -> Plot:
    """The whole recording as a plot.

    Args:
        measured: The run, with its trace.
    """
    trace, rows = measured.run.samples, measured.session.windows
    order = sorted(rows, key=lambda row: (not flawed(row.window), row.window.number not in (1, len(rows))))
    spans = [(row.window.number, row.window.opening.position, row.window.closing.position) for row in order]
    made = pyramid(trace, spans)
    unit_power = scale_for(highest_w(made))
    rate = trace.signal.rate_hz
    whole = [(trace.first + made.offset) / rate, (max(trace.stop, trace.first + 1) + made.offset) / rate]
    extra = {
        "series": [series_of(made, "power", "--line")],
        "windows": [window_json(row) for row in rows],
        "gaps": [[gap.first / rate, (gap.first + (gap.count or 1)) / rate] for gap in trace.gaps],
        "whole": whole,
        **axis_json(unit_power, CLOCK),
    }
    gaps = f", {plural(len(trace.gaps), 'gap')} in red" if trace.gaps else ""
    label = (
        f"Power over time of {counted(trace.count)} samples at {engineering(rate, 'Hz')}: "
        f"{plural(len(rows), 'window')} shaded{gaps}."
    )
    return Plot(
        "trace", label, script="trace", extra=extra, caption=f"{label} {_held(made, rows)}", height=440
    )


def counted(number: int) -> str:
    """A large number in groups of three digits: ``10 000 000``."""
    return f"{number:,}".replace(",", " ")


def plural(number: int, noun: str) -> str:
    """A number of things: ``1 gap``, ``2 gaps``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def axis_json(power: int, origin: str) -> dict[str, Any]:
    """The axes of ``trace.js``: a power of ten for watts, and the title of the time axis."""
    return {"factor": 10.0**-power, "unit": prefixed(power, "W"), "origin": origin, "edge": EDGE_S}


def series_of(made: Pyramid, name: str, colour: str, origin_s: float = 0.0) -> dict[str, Any]:
    """A series of ``trace.js``.

    Args:
        made: Its samples.
        name: Its name.
        colour: A colour of the page, such as ``--c1``.
        origin_s: The time that is drawn at 0.
    """
    return {**made.to_json(), "name": name, "colour": colour, "origin": origin_s}


def window_json(row: WindowFigures, origin_s: float = 0.0) -> dict[str, Any]:
    """A window of ``trace.js``."""
    window = row.window
    return {
        "number": window.number,
        "start": window.start_s - origin_s,
        "stop": window.stop_s - origin_s,
        "flawed": flawed(window),
    }


def flawed(window: Window) -> bool:
    """Whether a window has an error."""
    return any(finding.severity is Severity.ERROR for finding in window.findings)


def highest_w(made: Pyramid) -> float:
    """The highest finite power of a recording in watt; 0 if there is none."""
    arrays = [level.high for level in made.levels[:1]] + [part.power_w for part in made.wholes]
    finite = [values[np.isfinite(values)] for values in arrays]
    return max((float(values.max()) for values in finite if len(values)), default=0.0)


def _held(made: Pyramid, rows: Sequence[WindowFigures]) -> str:
    """A sentence about what of the recording the page holds."""
    if made.entire or not made.levels:
        return "The page holds every sample."
    finest = engineering(made.levels[-1].width / made.rate_hz, "s", 3)
    ends = f"every sample of the first and last {EDGE_S * 1e3:g} ms of each window"
    if made.left_out:
        kept = len(rows) - len(made.left_out)
        numbers = ", ".join(map(str, made.left_out[:_LISTED]))
        more = f" and {len(made.left_out) - _LISTED} more" if len(made.left_out) > _LISTED else ""
        ends += (
            f" but {numbers}{more}: at most {counted(MOST_SAMPLES)} samples, those of {kept} windows, "
            "are held; joulebench plot draws the others"
        )
    return f"The page holds columns down to {finest} and {ends}."


def scatter_plot(measured: Measurement) -> Plot | None:
    """Energy per inference (or energy) of each window, with the median; None below two windows."""
    rows = measured.session.windows
    cost = measured.session.joule_per_inference()
    middle = cost or measured.session.energy_j()
    if len(rows) < 2 or middle is None or not math.isfinite(middle.median):
        return None
    values = [row.joule_per_inference() if cost else row.energy_j() for row in rows]
    scale, unit = prefix_for(middle.median, "J")
    factor = 1.0 / scale
    what = "energy per inference" if cost else "energy of a window"
    numbers = [row.window.number for row in rows]
    points = {
        "x": numbers,
        "y": [value * factor if value is not None else None for value in values],
        "mode": "markers" if len(rows) > 60 else "lines+markers",
        "line": {"color": "--band", "width": 1},
        "marker": {
            "size": 8,
            "color": ["--error" if flawed(row.window) else "--c1" for row in rows],
        },
        "hovertemplate": f"window %{{x}}: %{{y:.6~g}} {unit}<extra></extra>",
    }
    every = {"dtick": 1} if len(rows) <= 20 else {}
    layout = {
        "xaxis": {"title": {"text": "window"}, "tickformat": "d", **every},
        "yaxis": {"title": {"text": f"{what} ({unit})"}, "exponentformat": "none"},
        "shapes": [
            {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": middle.median * factor,
             "y1": middle.median * factor, "line": {"color": "--dim", "width": 1, "dash": "dash"}}
        ],
        "showlegend": False,
    }  # fmt: skip
    deviation = middle.relative_deviation
    spread = f"; relative standard deviation {deviation * 100:.3f} %" if deviation is not None else ""
    label = f"The {what} of each window; dashed: their median, {engineering(middle.median, 'J', 6)}{spread}."
    return Plot("scatter", label, [points], layout, height=300)
