"""Short names of operating points: what tells each from the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import PurePath

from energy.report.points import OperatingPoint
from energy.report.setups import volts
from energy.report.units import compact

_PARTS: tuple[Callable[[OperatingPoint], str], ...] = (
    lambda point: point.board,
    lambda point: point.setting if point.source != "sweep" else "",
    lambda point: volts(point.voltage_v) if point.voltage_v else "",
    lambda point: compact(point.clock_hz, "Hz") if point.clock_hz else "",
    lambda point: f"{point.temperature_c:g} °C" if point.temperature_c is not None else "",
    lambda point: point.setting if point.source == "sweep" else "",
    lambda point: point.monitor,
    lambda point: str(point.published.get("round", "")),
)
"""What a name is made of, in order."""


def distinct_labels(points: Sequence[OperatingPoint]) -> dict[str, str]:
    """A name for each point, by its ``name``: the circumstances that are not the same for all.

    Points of different workloads may have the same name: colour or panel tells them apart. Where nothing else
    does, the name of the folder follows.

    Args:
        points: The points.
    """
    varied = [part for part in _PARTS if len({part(point) for point in points}) > 1]
    texts = {point.name: _joined(point, varied) or point.board or _folder(point) for point in points}
    again = Counter((point.benchmark, texts[point.name]) for point in points)
    for point in points:
        if again[point.benchmark, texts[point.name]] > 1:
            texts[point.name] = ", ".join(dict.fromkeys([texts[point.name], _folder(point)]))
    return texts


def _joined(point: OperatingPoint, parts: Sequence[Callable[[OperatingPoint], str]]) -> str:
    """The parts that a point has, none that another one holds already (the clock, in a sweep's setting)."""
    found: list[str] = []
    for part in parts:
        pieces = [piece for piece in part(point).split(", ") if piece]
        found += [piece for piece in pieces if piece not in found]
    return ", ".join(found)


def _folder(point: OperatingPoint) -> str:
    return PurePath(point.path or point.name).name


def common_text(points: Sequence[OperatingPoint]) -> str:
    """What is the same for all points: board, voltage, clock, as far as it is known."""
    parts = [{part(point) for point in points} for part in _PARTS[:4]]
    return " · ".join(values.pop() for values in parts if len(values) == 1 and values != {""})
