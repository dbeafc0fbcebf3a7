"""Operating points: what a figure of energy over latency, or a table beside it, shows of a measurement.

A point is a session of ours, a point of a sweep, a recording, or a published result, of the catalogue or of a
tree on disk. ``energy.report.point_sources`` reads them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import PurePath
from typing import Any, Literal

from energy.benchmark.workloads import WORKLOADS
from energy.catalogue.assumed import budget_of_row, has_budget, mean_power_w
from energy.catalogue.choose import Condition, condition
from energy.catalogue.processors import ProcessorKind, kind_of_row
from energy.catalogue.row import Row
from energy.evidence.scope_text import SCOPE_NOT_STATED

Source = Literal["session", "recording", "sweep", "tree", "catalogue"]
"""Where a point comes from; ``"tree"``: a published submission on disk, with recomputed figures."""

_MACS = {workload.benchmark: workload.macs for workload in WORKLOADS.values()}
_ONLY_PUBLISHED = (
    "round",
    "division",
    "organization",
    "system",
    "known_as",
    "accelerator",
    "runner",
    "verdict",
)
"""Columns that only published results have: a condition on them leaves other points alone."""


@dataclass(frozen=True, kw_only=True)
class OperatingPoint:
    """An operating point. SI units; None, or an empty text, where something is not known.

    Attributes:
        name: Its name: the path of its folder as it was named, or the id of the published row.
        source: Where it comes from.
        label: A short name for figures.
        path: Folder or file that it was read from; of the catalogue, the row's path in its round.
        benchmark: ``"ad"``, ``"ic"``, ``"kws"``, ``"vww"``, ``"sww"``; empty where it is other work.
        latency_s: Seconds per inference: 1 / median inferences per second, of performance mode where such a
            session or run belongs to it, else of energy mode.
        latency_mode: ``"performance"`` or ``"energy"``.
        joule_per_inference: Median energy per inference, exact rule; of ``sww``, energy of the whole stream.
        expanded_uncertainty_j: Its expanded uncertainty, 95 %.
        coverage_factor: Of that.
        assumed: Whether the uncertainty is that of an assumed budget, as of all published results.
        power_w: Mean power inside the windows, of energy mode.
        power_expanded_w: Its expanded uncertainty, 95 %. Of published results it is in proportion to that of
            the energy: the uncertainty of the windows' length (0.02 %) is small beside it.
        accuracy: The workload's metric as a fraction (top-1 or AUC).
        accuracy_metric: ``"top-1"``, ``"AUC"`` or ``"TP/FN/FP"``.
        macs: Multiply-accumulates of an inference of the benchmark's reference network; None in the open
            division, whose networks are others.
        flash_bytes: Memory of the firmware: code, constants, initial values.
        ram_bytes: Variables, stack, heap.
        board: The board; of a published result, the system.
        voltage_v: Supply voltage.
        clock_hz: Clock.
        temperature_c: Ambient temperature.
        setting: What else tells it from the other points of a sweep.
        monitor: Model of the monitor.
        processor: Name of the processor.
        processor_kind: Its kind.
        scope: What the measured rail feeds and which work lies inside the window, as text.
        virtual: Whether it comes from the virtual bench.
        valid: Whether its session is valid, or the files of the published result have no errors; None where
            nobody has checked them.
        findings: Codes of its errors and warnings.
        notes: What else a reader has to know.
        published: Columns that only a published result has.
    """

    name: str
    source: Source
    label: str = ""
    path: str = ""
    benchmark: str = ""
    latency_s: float | None = None
    latency_mode: str = ""
    joule_per_inference: float | None = None
    expanded_uncertainty_j: float | None = None
    coverage_factor: float | None = None
    assumed: bool = False
    power_w: float | None = None
    power_expanded_w: float | None = None
    accuracy: float | None = None
    accuracy_metric: str = ""
    macs: int | None = None
    flash_bytes: int | None = None
    ram_bytes: int | None = None
    board: str = ""
    voltage_v: float | None = None
    clock_hz: float | None = None
    temperature_c: float | None = None
    setting: str = ""
    monitor: str = ""
    processor: str = ""
    processor_kind: ProcessorKind = "not known"
    scope: str = ""
    virtual: bool = False
    valid: bool | None = None
    findings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    published: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def own(self) -> bool:
        """Whether somebody named it, and it is not of the catalogue."""
        return self.source != "catalogue"

    @property
    def streaming(self) -> bool:
        """Whether its energy is that of a whole stream, not of an inference."""
        return self.benchmark == "sww"

    @property
    def joule_per_mac(self) -> float | None:
        """Energy per multiply-accumulate of the reference network."""
        if self.joule_per_inference is None or not self.macs or self.streaming:
            return None
        return self.joule_per_inference / self.macs

    @property
    def joule_seconds(self) -> float | None:
        """Energy per inference times latency (energy-delay product)."""
        if self.joule_per_inference is None or self.latency_s is None or self.streaming:
            return None
        return self.joule_per_inference * self.latency_s

    @property
    def memory_bytes(self) -> int | None:
        """Flash and RAM together; None unless both are known."""
        if self.flash_bytes is None or self.ram_bytes is None:
            return None
        return self.flash_bytes + self.ram_bytes

    @property
    def scope_text(self) -> str:
        """Its scope, or that none is stated."""
        return self.scope or SCOPE_NOT_STATED

    def to_json(self) -> dict[str, Any]:
        """A flat document in SI units, for ``--json``, conditions and data frames."""
        document = {name: value for name, value in asdict(self).items() if name != "published"}
        published = {name: self.published.get(name, "") for name in _ONLY_PUBLISHED}
        return {
            **document,
            **published,
            "findings": ", ".join(self.findings),
            "notes": " ".join(self.notes),
            "joule_per_mac": self.joule_per_mac,
            "joule_seconds": self.joule_seconds,
            "memory_bytes": self.memory_bytes,
        }


@dataclass(frozen=True)
class LeftOut:
    """A measurement that has no point.

    Attributes:
        name: Its name, as that of a point.
        reason: Why, as a phrase.
        own: Whether somebody named it, and it is not of the catalogue.
    """

    name: str
    reason: str
    own: bool = True

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return asdict(self)


@dataclass(frozen=True)
class PointSet:
    """Operating points, and what has none.

    Attributes:
        points: The points.
        left_out: What was found and is no point, with the reason.
    """

    points: tuple[OperatingPoint, ...] = ()
    left_out: tuple[LeftOut, ...] = ()

    def __iter__(self) -> Iterator[OperatingPoint]:
        return iter(self.points)

    def __len__(self) -> int:
        return len(self.points)

    def __add__(self, other: PointSet) -> PointSet:
        """Both; a published result that somebody named takes the place of the catalogue's."""
        named = {point.name for point in self.points if point.published}
        more = tuple(point for point in other.points if point.own or point.name not in named)
        return PointSet(self.points + more, self.left_out + other.left_out)

    @property
    def own(self) -> tuple[OperatingPoint, ...]:
        """The points that are not of the catalogue."""
        return tuple(point for point in self.points if point.own)

    @property
    def virtual(self) -> bool:
        """Whether any comes from the virtual bench."""
        return any(point.virtual for point in self.points)

    def where(self, conditions: Sequence[str]) -> PointSet:
        """The points that meet each condition, as ``joulebench catalogue list --where`` takes them.

        A condition on a column that only published results have (``round=v1.3``) leaves other points alone.

        Raises:
            UsageError: ``catalogue.condition``.
        """
        columns = list(OperatingPoint(name="", source="catalogue").to_json())
        checks = [condition(text, columns) for text in conditions]
        kept = tuple(point for point in self.points if all(_holds(check, point) for check in checks))
        return replace(self, points=kept)

    def left_out_lines(self) -> list[str]:
        """A line for each reason: how many were left out, and the first of them."""
        by_reason: dict[tuple[bool, str], list[str]] = {}
        for left in self.left_out:
            by_reason.setdefault((left.own, left.reason), []).append(left.name)
        lines: list[str] = []
        for (own, reason), names in by_reason.items():
            noun = "" if own else " published result" + ("s" if len(names) > 1 else "")
            which = f" ({_some([short_name(name) for name in names])})" if own else ""
            lines.append(f"{len(names)}{noun} left out: {reason}{which}")
        return lines


_MOST_NAMED = 3
_LONGEST = 40
"""Characters of a name up to which it stands whole in a line."""


def short_name(name: str) -> str:
    """The name of a point in a line of text: a long path without its folders."""
    return name if len(name) <= _LONGEST else PurePath(name).name


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def _holds(check: Condition, point: OperatingPoint) -> bool:
    if check.column in _ONLY_PUBLISHED and not point.published:
        return True
    return check.holds(point)


def catalogue_points(rows: Iterable[Row]) -> PointSet:
    """The published results as points: those with an energy; all others are left out with the reason.

    Args:
        rows: Rows of the catalogue.
    """
    points: list[OperatingPoint] = []
    left: list[LeftOut] = []
    for row in rows:
        if row.joule_per_inference:
            points.append(point_of_row(row))
        else:
            left.append(LeftOut(row.id, "no energy was published", own=False))
    return PointSet(tuple(points), tuple(left))


def point_of_row(row: Row, source: Source = "catalogue") -> OperatingPoint:
    """A published result as a point, its energy with the U of the assumed budget.

    Args:
        row: The row; one with an energy.
        source: Where it was read.
    """
    budget = budget_of_row(row) if has_budget(row) else None
    joule = row.joule_per_inference
    rate = row.inferences_per_second or row.energy_mode_inferences_per_second
    power_w = mean_power_w(row) if joule and (row.power_w or rate) else None
    expanded = budget.expanded if budget else None
    return OperatingPoint(
        name=row.id,
        source=source,
        label=row.system,
        path=row.path,
        benchmark=row.benchmark,
        latency_s=1.0 / rate if rate else None,
        latency_mode="performance" if row.inferences_per_second else "energy" if rate else "",
        joule_per_inference=joule,
        expanded_uncertainty_j=expanded,
        coverage_factor=budget.k if budget else None,
        assumed=budget is not None,
        power_w=power_w,
        power_expanded_w=expanded / joule * power_w if expanded and joule and power_w else None,
        accuracy=accuracy_of_row(row),
        accuracy_metric=row.accuracy_metric,
        macs=_MACS.get(row.benchmark) if row.division == "closed" else None,
        board=row.system,
        voltage_v=row.voltage_v,
        clock_hz=clock_of(row.frequency),
        monitor=row.monitor,
        processor=row.processor,
        processor_kind=kind_of_row(row),
        valid=None if not row.verdict else row.verdict != "error",
        findings=row.findings,
        published={
            "round": row.round,
            "division": row.division,
            "organization": row.organization,
            "system": row.system,
            "known_as": "; ".join(row.names),
            "accelerator": row.accelerator,
            "runner": row.runner,
            "verdict": row.verdict,
        },
    )


def accuracy_of_row(row: Row) -> float | None:
    """The accuracy of a published result as a fraction; None where it has none that is a fraction."""
    try:
        value = float(row.accuracy)
    except ValueError:
        return None
    return value / 100.0 if row.accuracy_metric == "top-1" else value


def clock_of(text: str) -> float | None:
    """A clock in Hz as systems' descriptions give it, such as ``120 MHz``; None where it is no number."""
    words = text.casefold().replace("mhz", " mhz").replace("ghz", " ghz").split()
    if len(words) != 2 or words[1] not in ("mhz", "ghz"):
        return None
    try:
        return float(words[0]) * (1e6 if words[1] == "mhz" else 1e9)
    except ValueError:
        return None
