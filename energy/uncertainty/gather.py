"""Gathers the facts of a budget from a session's documents, its windows and its recording."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from energy.findings import Finding
from energy.instruments import Accuracy
from energy.signal import RangeChange, SampleKind, SampleSource, Signal
from energy.uncertainty.facts import Conditions, IdleFacts, RangePart, WindowFacts
from energy.window.figures import SessionFigures, WindowFigures
from energy.window.rules import EnergyRule

if TYPE_CHECKING:
    from energy.evidence.stated_conditions import AccuracyLine, StatedConditions


class NoBudgetError(Exception):
    """There can be no budget.

    Attributes:
        finding: Why.
    """

    def __init__(self, code: str, evidence: str) -> None:
        super().__init__(evidence)
        self.finding = Finding(code, evidence)


class Ranged(SampleSource, Protocol):
    """A recording of ours: samples, and the changes of the monitor's range in it."""

    ranges: list[RangeChange]


def stated_conditions(document: Mapping[str, Any]) -> StatedConditions:
    """The part of ``session.json`` that a budget needs.

    Raises:
        NoBudgetError: If the document lacks it, or holds something else there.
    """
    from pydantic import ValidationError

    from energy.evidence.stated_conditions import StatedConditions

    try:
        return StatedConditions.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise NoBudgetError("uncertainty.no-conditions", f"session.json, {where}: {first['msg']}") from error


def conditions_of(stated: StatedConditions, signal: Signal) -> Conditions:
    """Instruments and conditions of a session.

    Raises:
        NoBudgetError: ``uncertainty.no-scope``, ``uncertainty.no-specification``.
    """
    bench, monitor = stated.bench, stated.monitor
    if bench.scope is None:
        raise NoBudgetError("uncertainty.no-scope", f"the bench file {bench.name!r} has no [scope]")
    if monitor is None or not (monitor.accuracy or stated.calibration):
        raise NoBudgetError(
            "uncertainty.no-specification",
            f"{monitor.model if monitor else 'the monitor'} states no accuracy, and no certificate is named",
        )
    measured = stated.voltage.measured_v
    mean_v = statistics.fmean(measured) if measured else None
    by_samples = signal.kind is SampleKind.CURRENT_VOLTAGE
    return Conditions(
        kind=signal.kind,
        session=f"{stated.begun} {bench.name} {stated.workload or ''}".strip(),
        model=monitor.model,
        serial_number=monitor.serial_number,
        bench=bench.name,
        voltage_v=mean_v if by_samples and mean_v else bench.dut.voltage_v,
        scope=bench.scope,
        voltage_source="samples" if by_samples else stated.voltage.source,
        measured_v=None if by_samples else mean_v,
        voltage_tolerance=bench.dut.voltage_tolerance,
        lines=specification_of(stated),
        current_range=_setting(monitor.settings, "current_range"),
        voltage_range=_setting(monitor.settings, "voltage_range"),
        calibration=stated.calibration,
        temperature_c=stated.ambient_c,
        common_edges=stated.edges.get("source") == "io",
        resistances=bench.wiring.resistances if bench.wiring else (),
    )


def specification_of(stated: StatedConditions) -> tuple[Accuracy, ...]:
    """The monitor's accuracy specification as the session wrote it down."""
    return tuple(_line(row) for row in stated.monitor.accuracy) if stated.monitor else ()


def _setting(settings: Mapping[str, Any], name: str) -> str | None:
    value = settings.get(name)
    return None if value is None else str(value)


def _line(row: AccuracyLine) -> Accuracy:
    given: dict[str, Any] = row.model_dump(exclude={"verified"})
    given["status"] = row.status or ("specified" if row.verified else "assumed")
    return Accuracy(**given)


def windows_of(figures: SessionFigures, source: SampleSource) -> list[WindowFacts]:
    """The windows as facts of a budget.

    Args:
        figures: The windows with their numbers of inferences.
        source: The samples; where the monitor changed its range in a window, they are read once more.

    Raises:
        NoBudgetError: ``uncertainty.no-windows`` if a figure is missing or no number;
            ``uncertainty.not-kept`` if its samples would be needed and are not kept.
    """
    facts: list[WindowFacts] = []
    for row in figures.windows:
        energy = row.window.energies[EnergyRule.EXACT]
        usable = row.iterations and row.window.duration_s > 0 and np.isfinite(energy.energy_j)
        if not usable or row.iterations is None or energy.energy_j <= 0:
            evidence = (
                f"window {row.window.number}: {energy.energy_j:.4g} J, {row.iterations or 'no'} inferences"
            )
            raise NoBudgetError("uncertainty.no-windows", evidence)
        _refuse_not_kept(row, source)
        facts.append(_window(row, row.iterations, source))
    if not facts:
        raise NoBudgetError("uncertainty.no-windows", "there is no window")
    return facts


def _refuse_not_kept(row: WindowFigures, source: SampleSource) -> None:
    """Refuses a window whose parts on each range would be needed, and whose samples are not kept.

    Raises:
        NoBudgetError: ``uncertainty.not-kept``.
    """
    first, stop = row.window.opening.position, row.window.closing.position
    given_up = getattr(source, "reduced", ())
    if getattr(source, "ranges", ()) and any(low < stop and high > first for low, high in given_up):
        evidence = f"window {row.window.number} from sample {first:.10g} to {stop:.10g}"
        raise NoBudgetError("uncertainty.not-kept", evidence)


def _window(row: WindowFigures, iterations: int, source: SampleSource) -> WindowFacts:
    window = row.window
    energy = window.energies[EnergyRule.EXACT]
    samples = math.ceil(window.closing.position) - math.floor(window.opening.position)
    return WindowFacts(
        energy.energy_j,
        window.duration_s,
        iterations,
        samples,
        energy.missing,
        window.bounds.step_j,
        window.bounds.position_j,
        (window.opening.bound + window.closing.bound) / window.rate_hz,
        range_parts(source, getattr(source, "ranges", ()), window.opening.position, window.closing.position),
    )


def range_parts(
    source: SampleSource, changes: Sequence[RangeChange], opening: float, closing: float
) -> dict[str, RangePart]:
    """Energy and time of a window on each range; empty where the range did not change in it.

    Args:
        source: The samples.
        changes: Changes of the range, in order.
        opening: Position of the opening edge.
        closing: Position of the closing edge.
    """
    positions = np.array([change.position for change in changes])
    first, stop = round(opening), round(closing)
    at = int(np.searchsorted(positions, first, side="right"))
    end = int(np.searchsorted(positions, stop, side="left"))
    if not len(changes) or (at == end and at == 0):
        return {}
    names = ["" if at == 0 else changes[at - 1].name] + [change.name for change in changes[at:end]]
    if len(set(names)) == 1:
        return _whole(source, names[0], first, stop)
    index = {name: k for k, name in enumerate(dict.fromkeys(names))}
    energies, counts = np.zeros(len(index)), np.zeros(len(index))
    of_stretch = np.array([index[name] for name in names])
    borders = positions[at:end]
    scale = source.signal.joule_per_unit
    for block in source.read(first, stop):
        stretch = of_stretch[np.searchsorted(borders, np.arange(block.first, block.stop), side="right")]
        values = block.columns[0].astype(np.float64)
        for column in block.columns[1:]:
            values = values * column
        energies += np.bincount(stretch, np.nan_to_num(values) * scale, len(index))
        counts += np.bincount(stretch, minlength=len(index))
    rate = source.signal.rate_hz
    return {
        name: RangePart(float(energies[k]), float(counts[k]) / rate) for name, k in index.items() if counts[k]
    }


def _whole(source: SampleSource, name: str, first: int, stop: int) -> dict[str, RangePart]:
    total = 0.0
    for block in source.read(first, stop):
        values = block.columns[0].astype(np.float64)
        for column in block.columns[1:]:
            values = values * column
        total += float(np.nansum(values)) * source.signal.joule_per_unit
    return {name: RangePart(total, (stop - first) / source.signal.rate_hz)}


def idle_of(stated: StatedConditions, source: SampleSource) -> IdleFacts | None:
    """The idle stretch of a session; None where none was recorded, or samples are missing in it."""
    if stated.idle is None or stated.idle.stop <= stated.idle.first:
        return None
    first, stop = stated.idle.first, stated.idle.stop
    parts = _whole(source, "", first, stop)[""]
    count = sum(len(block) for block in source.read(first, stop))
    return IdleFacts(parts.energy_j, parts.time_s) if count == stop - first else None
