"""Operating points as a chart of energy or power over latency, for figure, table and JSON.

The numbers are computed here once, so that figure, table and JSON have the same ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from energy.catalogue.choose import chosen
from energy.catalogue.row import Row
from energy.errors import UsageError
from energy.report.points import LeftOut, OperatingPoint, PointSet, catalogue_points
from energy.report.region import Region, Verdict

Quantity = Literal["energy", "power"]
Facet = Literal["auto", "workload", "none"]

BENCHMARKS = ("ad", "ic", "kws", "vww", "sww")
_MANY = 30
"""Points from which a chart of several workloads has a panel for each."""


@dataclass(frozen=True)
class Reference:
    """A system that others are compared with.

    Attributes:
        name: Its name.
        points: Its point of each benchmark.
    """

    name: str
    points: Mapping[str, OperatingPoint]


@dataclass(frozen=True)
class View:
    """What the axes show.

    Attributes:
        y: Energy per inference, or mean power.
        per_mac: Whether energy and latency are divided by the multiply-accumulates of the reference network.
        relative_to: Whether both are divided by those of a system, for each benchmark; None: they are not.
    """

    y: Quantity = "energy"
    per_mac: bool = False
    relative_to: Reference | None = None


@dataclass(frozen=True)
class Placed:
    """A point in a chart.

    Attributes:
        point: The point.
        x: Latency as the axis has it: in seconds, seconds per MAC, or relative.
        y: Energy or power as the axis has it.
        y_expanded: Expanded uncertainty of ``y``, 95 %, without that of a reference; None if there is none.
        front: Whether no other point of its benchmark has both lower latency and lower ``y``.
        region: Where it lies with respect to the region of interest; None without one.
        number: Its number in the figure and in the table beside it; 0 where points have none.
    """

    point: OperatingPoint
    x: float
    y: float
    y_expanded: float | None = None
    front: bool = False
    region: Verdict | None = None
    number: int = 0

    def to_json(self) -> dict[str, Any]:
        """For ``--json``: the point, and its place."""
        return {
            **self.point.to_json(),
            "x": self.x,
            "y": self.y,
            "y_expanded": self.y_expanded,
            "front": self.front,
            "region": self.region,
            "number": self.number or None,
        }


@dataclass(frozen=True)
class Panel:
    """A panel of a chart.

    Attributes:
        benchmark: Its benchmark; empty where it shows several.
        placed: Its points.
    """

    benchmark: str
    placed: tuple[Placed, ...]

    @property
    def streaming(self) -> bool:
        """Whether its energies are those of whole streams."""
        return self.benchmark == "sww"


@dataclass(frozen=True)
class Chart:
    """A chart.

    Attributes:
        view: What the axes show.
        panels: Its panels.
        region: The region of interest.
        left_out: What is not in it, with the reason.
        numbered: What each number stands for: a system for published results, a point for others.
    """

    view: View
    panels: tuple[Panel, ...]
    region: Region = field(default_factory=Region)
    left_out: tuple[LeftOut, ...] = ()
    numbered: Mapping[int, str] = field(default_factory=dict[int, str])

    @property
    def placed(self) -> tuple[Placed, ...]:
        """All points."""
        return tuple(placed for panel in self.panels for placed in panel.placed)

    @property
    def own(self) -> tuple[Placed, ...]:
        """The points that are not of the catalogue."""
        return tuple(placed for placed in self.placed if placed.point.own)

    @property
    def virtual(self) -> bool:
        """Whether any point comes from the virtual bench."""
        return any(placed.point.virtual for placed in self.placed)

    def left_out_lines(self) -> list[str]:
        """A line for each reason: how many were left out, and the first of them."""
        return PointSet((), self.left_out).left_out_lines()

    def to_json(self) -> dict[str, Any]:
        """For ``--json``, SI units."""
        reference = self.view.relative_to
        return {
            "y": self.view.y,
            "per_mac": self.view.per_mac,
            "relative_to": reference.name if reference else None,
            "region": self.region.to_json(),
            "points": [placed.to_json() for placed in self.placed],
            "left_out": [left.to_json() for left in self.left_out],
        }


def chart_of(
    points: PointSet, view: View | None = None, region: Region | None = None, facet: Facet = "auto"
) -> Chart:
    """A chart of operating points.

    Args:
        points: The points.
        view: What the axes show.
        region: The region of interest.
        facet: A panel for each workload; ``"auto"``: where there are several workloads and many points.

    Raises:
        UsageError: ``usage.view``.
    """
    view, region = view or View(), region or Region()
    if view.y == "power" and view.per_mac:
        raise UsageError(
            "usage.view",
            "a mean power is not divided by multiply-accumulates",
            "Leave --per or --y power out.",
        )
    several = len({point.benchmark for point in points}) > 1
    split = facet == "workload" or (facet == "auto" and several and len(points) > _MANY)
    placed: list[Placed] = []
    left = list(points.left_out)
    for point in points:
        found = _place(point, view, mixed=several and not split)
        if isinstance(found, str):
            left.append(LeftOut(point.name, found, point.own))
        else:
            placed.append(replace(found, region=region.verdict(point) if region else None))
    placed = _with_fronts(placed)
    numbers, placed = _numbered(placed)
    names = ordered({one.point.benchmark for one in placed}) if split else [""]
    panels = [
        Panel(name, tuple(one for one in placed if not split or one.point.benchmark == name))
        for name in names
    ]
    if not split and len({one.point.benchmark for one in placed}) == 1:
        panels = [replace(panels[0], benchmark=placed[0].point.benchmark)]
    return Chart(view, tuple(panels), region, tuple(left), numbers)


def ordered(benchmarks: Iterable[str]) -> list[str]:
    """Benchmarks in the order in which panels and legends have them."""
    known = [name for name in BENCHMARKS if name in benchmarks]
    return [*known, *sorted(set(benchmarks) - set(known))]


def _place(point: OperatingPoint, view: View, *, mixed: bool) -> Placed | str:
    """A point with its coordinates, or why it has none."""
    energy = view.y == "energy"
    x, y = point.latency_s, point.joule_per_inference if energy else point.power_w
    expanded = point.expanded_uncertainty_j if energy else point.power_expanded_w
    if x is None or y is None:
        return "its latency is not known" if x is None else f"its {view.y} is not known"
    if point.streaming and energy and (mixed or view.per_mac):
        return "energy of sww is that of a whole stream, not of an inference"
    if view.per_mac:
        if not point.macs:
            return "the multiply-accumulates of its network are not known"
        x, y, expanded = x / point.macs, y / point.macs, expanded and expanded / point.macs
    if view.relative_to is not None:
        reference = view.relative_to.points.get(point.benchmark)
        if reference is None:
            return f"{view.relative_to.name} has no {point.benchmark or 'such workload'}"
        base = _place(reference, replace(view, relative_to=None), mixed=False)
        if isinstance(base, str):
            return f"of {view.relative_to.name}: {base}"
        x, y, expanded = x / base.x, y / base.y, expanded and expanded / base.y
    if not (x > 0 and y > 0):
        return f"its {view.y} is not above zero"
    return Placed(point, x, y, expanded)


def _with_fronts(placed: Sequence[Placed]) -> list[Placed]:
    """Marks the Pareto front of each benchmark.

    A point that is not valid is on none, and one of the virtual bench only where no other is.
    """
    real = {one.point.benchmark for one in placed if not one.point.virtual and one.point.valid is not False}
    on_front: set[int] = set()
    for benchmark in {one.point.benchmark for one in placed}:
        members = [
            (one.x, one.y, number)
            for number, one in enumerate(placed)
            if one.point.benchmark == benchmark
            and one.point.valid is not False
            and (benchmark not in real or not one.point.virtual)
        ]
        on_front.update(front(members))
    return [replace(one, front=number in on_front) for number, one in enumerate(placed)]


def front(members: Iterable[tuple[float, float, int]]) -> list[int]:
    """The Pareto front: those than which no other is at most as large in both and smaller in one.

    Args:
        members: x, y and number of each.
    """
    found: list[int] = []
    lowest, last = float("inf"), (float("inf"), float("inf"))
    for x, y, number in sorted(members):
        if y < lowest or (x, y) == last:  # equal points are on it together
            found.append(number)
            lowest, last = y, (x, y)
    return found


def _numbered(placed: Sequence[Placed]) -> tuple[dict[int, str], list[Placed]]:
    """Numbers the points: those of a published system have the same number, in the order of their names."""
    names = {system_of(one.point): None for one in sorted(placed, key=_order)}
    numbers = {name: number for number, name in enumerate(names, 1)}
    return (
        {number: name for name, number in numbers.items()},
        [replace(one, number=numbers[system_of(one.point)]) for one in placed],
    )


def _order(one: Placed) -> tuple[bool, str, str]:
    """Own points first; published ones by round, organisation, system."""
    return not one.point.own, system_of(one.point).casefold(), one.point.name


def system_of(point: OperatingPoint) -> str:
    """What a number in a figure stands for: a published system, or a point of somebody's own."""
    if not point.published:
        return point.name
    about = point.published
    division = "" if about["division"] == "closed" else f"{about['division']} "
    return f"{about['round']} {division}{about['organization']} {point.board}"


def reference_of(name: str, rows: Sequence[Row], read: Callable[[Sequence[str]], PointSet]) -> Reference:
    """The system that points are compared with.

    Args:
        name: A path, the id of a published row, or words that only one published system has.
        rows: The catalogue.
        read: Reads the points of paths.

    Raises:
        UsageError: ``catalogue.unknown``, ``catalogue.several``; ``usage.reference`` for two points of a
            workload.
    """
    points = read([name]) if Path(name).exists() else _published(name, rows)
    by_benchmark: dict[str, OperatingPoint] = {}
    for point in points:
        if point.benchmark in by_benchmark:
            first = by_benchmark[point.benchmark].name
            text = f"{name} has several points of {point.benchmark}: {first}, {point.name}"
            raise UsageError("usage.reference", text, "Name one of them.")
        by_benchmark[point.benchmark] = point
    if not by_benchmark:
        raise UsageError("usage.reference", f"{name} has no operating point", "Name another system.")
    systems = {system_of(point) for point in points}
    return Reference(systems.pop() if len(systems) == 1 else name, by_benchmark)


def _published(name: str, rows: Sequence[Row]) -> PointSet:
    named = [row for row in rows if name.strip("/") in (row.id, row.path)]
    found = named or chosen(rows, [name.replace("/", " ")])
    points = catalogue_points(found)
    systems = sorted({system_of(point) for point in points})
    if len(systems) == 1:
        wanted = systems[0]
        return replace(points, points=tuple(p for p in catalogue_points(rows) if system_of(p) == wanted))
    if not systems:
        raise UsageError(
            "catalogue.unknown",
            f"no published system with an energy is called {name!r}",
            "`joulebench catalogue list WORDS --where energy` finds them.",
        )
    raise UsageError(
        "catalogue.several",
        f"{len(systems)} published systems are called {name!r}: {', '.join(systems[:6])}",
        "Name one of them, or add a word.",
    )
