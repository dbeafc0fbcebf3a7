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
_MOST_NAMED = 3
_LONGEST = 48
"""Characters of a text in a label or title."""


def distinct_labels(points: Sequence[OperatingPoint]) -> dict[str, str]:
    """A name for each point, by its ``name``: the circumstances that are not the same for all.

    Points of different workloads may have the same name: colour or panel tells them apart. Where nothing else
    does, the name of the folder follows.

    Args:
        points: The points.
    """
    varied = [part for part in _PARTS if len({part(point) for point in points}) > 1]
    texts = {point.name: _joined(point, varied) or point.board or _folder(point) for point in points}
    texts = {name: shortened(text) for name, text in texts.items()}
    again = Counter((point.benchmark, texts[point.name]) for point in points)
    for point in points:
        if again[point.benchmark, texts[point.name]] > 1:
            known = _joined(point, varied)
            texts[point.name] = shortened(", ".join(dict.fromkeys(filter(None, [known, _folder(point)]))))
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
    return " · ".join(shortened(values.pop()) for values in parts if len(values) == 1 and values != {""})


def shortened(text: str) -> str:
    """A text from elsewhere, cut where it is too long for a figure."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def scope_lines_of(points: Sequence[OperatingPoint]) -> list[str]:
    """A line for each scope; with several, the boards that have it.

    Args:
        points: The points.
    """
    by_scope: dict[str, list[str]] = {}
    for point in points:
        whose = "published results" if point.published else point.board or point.name
        by_scope.setdefault(point.scope_text, []).append(whose)
    if len(by_scope) == 1:
        return [_scope(scope) for scope in by_scope]
    return [f"{_some(list(dict.fromkeys(names)))}: {_scope(scope)}" for scope, names in by_scope.items()]


def _scope(text: str) -> str:
    return text if text.startswith("scope") else f"scope: {text}"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more
