"""The assumed budget of a published energy: what can be stated of a result that was published without one.

No published result says which specimen of a monitor measured it, when that was calibrated, how warm it was or
what the measured rail fed. So the budget has the maker's specification of the monitor and assumptions, each
marked as what it is:

- gain, offset, sample clock: the monitor's specification, through the entry point of its driver;
- voltage: as stated, with the tolerance of an LPM01A's supply; a JS110 measures it;
- scatter: of the published windows, where their trace was read; else that of the median published session;
- edges: each at most a sample of 1 ms wrong in a window of 10 s, the shortest that the rules allow.

Two specimens are two unknown errors, so nothing cancels between two results. Whether a submitter used one
specimen for all results of a submission is likely and not known: ``Specimen`` chooses.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Literal

from energy.bench.entrypoints import load
from energy.benchmark.workloads import WORKLOADS
from energy.catalogue.row import Row
from energy.errors import UsageError
from energy.instruments import Accuracy
from energy.signal import SampleKind
from energy.uncertainty.budget import Budget, budget_of
from energy.uncertainty.comparability import Circumstances
from energy.uncertainty.compare import Subject
from energy.uncertainty.estimator import median_factor
from energy.uncertainty.facts import Conditions, WindowFacts
from energy.uncertainty.inputs import Input, triangular
from energy.uncertainty.model import Model

Specimen = Literal["unknown", "one a submission"]
"""Which specimens measured: nobody knows, so that each result has its own; or one for all results that an
organisation submitted to a division of a round."""

SPECIFICATIONS = "joulebench.specifications"
"""Functions that return the accuracy specification of a monitor by the name of its model."""
TYPICAL_RSD = 7e-4
"""Median of the relative standard deviations of published sessions' windows (mlperf-tiny.md 3)."""
SHORTEST_S = 10.0
"""Shortest window that the rules allow (mlperf-tiny.md 1)."""
STREAM_S = 1200.0
"""Length of the stream of ``sww`` (mlperf-tiny.md 1)."""
SAMPLE_S = 1e-3
"""Sample interval of all published traces (protocols.md 3.6)."""
ASSUMED_VOLTAGE_V = 1.8
"""Where no file states the voltage: the lowest that an LPM01A supplies, and that most results have."""


@dataclass(frozen=True)
class Monitor:
    """How runners use a monitor.

    Attributes:
        driver: Name of its specification's entry point.
        model: Its name in budgets.
        kind: Kind of its samples.
        current_range: The range in use; None if the instrument chooses.
    """

    driver: str
    model: str
    kind: SampleKind
    current_range: str | None


_MONITORS = {
    "lpm01a": Monitor("lpm01a", "LPM01A", SampleKind.ENERGY, "dynamic"),
    "js110": Monitor("joulescope-js110", "JS110", SampleKind.CURRENT_VOLTAGE, None),
}


def monitor_named(name: str) -> Monitor:
    """How runners use a monitor.

    Args:
        name: As logs name it; one that has budgets.
    """
    return _MONITORS[name]


_WORKLOADS = {workload.benchmark: workload.id for workload in WORKLOADS.values()}


@cache
def specification(driver: str) -> tuple[Accuracy, ...]:
    """The accuracy specification that a driver registers.

    Args:
        driver: Name of the entry point.

    Raises:
        UsageError: ``bench.no-driver``.
        BenchError: ``bench.driver-broken``.
    """
    return tuple(load(SPECIFICATIONS, driver)())


def has_budget(row: Row) -> bool:
    """Whether a row has an energy, and a monitor that is known."""
    return bool(row.joule_per_inference) and row.monitor in _MONITORS


def budget_of_row(row: Row, specimen: Specimen = "unknown") -> Budget:
    """The assumed budget of a published energy per inference.

    Args:
        row: The row.
        specimen: Which monitors measured the rows that are compared with it.

    Raises:
        UsageError: ``catalogue.no-energy`` where it has no energy, or its monitor is not known.
    """
    if not has_budget(row) or row.joule_per_inference is None:
        raise UsageError(
            "catalogue.no-energy",
            f"{row.id} has no energy with a known monitor, so it has no budget",
            "`joulebench catalogue list --where energy` lists the rows that have one.",
        )
    conditions = _conditions(row, specimen)
    joule = row.joule_per_inference
    window = WindowFacts(joule, joule / mean_power_w(row), 1)
    model = Model(conditions, [window])
    figure = model.energy(window)
    for given in (_scatter(row, joule), _edges(row, joule)):
        figure = figure + model.inputs.number(given)
    return budget_of("energy per inference", "J", figure, joule, model.inputs, notes_of(row))


def subject_of_row(row: Row, specimen: Specimen = "unknown") -> Subject:
    """A published row as it enters a comparison.

    Args:
        row: The row.
        specimen: Which monitors measured the rows that are compared with it.

    Raises:
        UsageError: ``catalogue.no-energy``.
    """
    budget = budget_of_row(row, specimen)
    return Subject(row.id, budget, _circumstances(row, _conditions(row, specimen)))


def submission_of(row: Row) -> str:
    """Round, division and organisation of a row: what one organisation submitted at one time."""
    return f"{row.round}/{row.division}/{row.organization}"


def mean_current_a(row: Row) -> float | None:
    """Mean current inside the windows; None where energy, time or voltage is not published."""
    if not row.joule_per_inference or not row.voltage_v:
        return None
    return mean_power_w(row) / row.voltage_v


def mean_power_w(row: Row) -> float:
    """Mean power inside the windows: as printed, else energy per inference times inferences per second.

    Args:
        row: A row with an energy.

    Raises:
        UsageError: ``catalogue.no-energy`` where there is no throughput, either.
    """
    if row.power_w:
        return row.power_w
    rate = row.energy_mode_inferences_per_second or row.inferences_per_second
    if not rate or row.joule_per_inference is None:
        raise UsageError(
            "catalogue.no-energy",
            f"{row.id} has an energy without a throughput, so its mean power is not known",
            "Name another row.",
        )
    return row.joule_per_inference * rate


def notes_of(row: Row) -> list[str]:
    """What a reader of a row's budget has to know."""
    notes = [
        "An assumed budget: the monitor's specimen, its calibration and the temperature were not published.",
        "Scope: not published; nobody knows what the measured rail fed.",
    ]
    if row.monitor_inferred:
        notes.append("No file names the monitor; it is inferred from their form.")
    if row.voltage_v is None:
        notes.append("No file states the supply voltage.")
    if row.energy_mode_inferences_per_second is None and row.power_w is None:
        notes.append("The mean power is computed with the throughput of performance mode.")
    over = over_range(row)
    if over is not None:
        notes.append(
            f"Its mean current of {over[0] * 1e3:.1f} mA is above the monitor's range of "
            f"{over[1] * 1e3:g} mA, for which nothing is specified: the budget is too small."
        )
    if row.verdict == "error":
        notes.append(f"Its files have errors: {', '.join(row.findings)}.")
    return notes


def over_range(row: Row) -> tuple[float, float] | None:
    """Mean current and upper end of the monitor's range, in A, where the current is above it; else None."""
    current_a, monitor = mean_current_a(row), _MONITORS.get(row.monitor)
    if current_a is None or monitor is None or monitor.current_range is None:
        return None
    for line in specification(monitor.driver):
        if line.quantity == "current" and line.range == monitor.current_range and current_a > line.full_scale:
            return current_a, line.full_scale
    return None


def _conditions(row: Row, specimen: Specimen) -> Conditions:
    monitor = _MONITORS[row.monitor]
    submission = submission_of(row)
    shared = specimen == "one a submission"
    measures_voltage = monitor.kind is SampleKind.CURRENT_VOLTAGE
    return Conditions(
        kind=monitor.kind,
        session=row.id,
        model=monitor.model,
        serial_number=f"one for {submission} (assumed)" if shared else "",
        bench=submission if shared else row.id,
        voltage_v=row.voltage_v or ASSUMED_VOLTAGE_V,
        scope=None,
        voltage_source="samples" if measures_voltage else "assumed",
        lines=specification(monitor.driver),
        current_range=monitor.current_range,
    )


def _scatter(row: Row, joule: float) -> Input:
    """The scatter of the median: of the row's windows where a trace was read, else assumed."""
    windows = row.windows or 1
    measured = row.scatter_rsd is not None and windows > 1
    rsd = row.scatter_rsd if measured and row.scatter_rsd is not None else TYPICAL_RSD
    factor = median_factor(windows) / math.sqrt(windows)
    return Input(
        f"{row.id}/scatter",
        f"scatter of {windows} windows, median" if windows > 1 else "scatter of one window",
        "A" if measured else "B",
        "t" if measured else "normal",
        rsd * joule * factor,
        1.0,
        windows - 1 if measured else math.inf,
        "J",
        f"{rsd * 100:.2g} % {'in the published trace' if measured else 'in the median published session'}, "
        f"/ sqrt({windows}) x {median_factor(windows):.3f}",
        "measured" if measured else "assumed",
    )


def _edges(row: Row, joule: float) -> Input:
    length_s = STREAM_S if row.streaming else SHORTEST_S
    return triangular(
        f"{row.id}/edges",
        "edges, a sample each",
        2.0 * SAMPLE_S / length_s * joule,
        "J",
        f"{SAMPLE_S * 1e3:g} ms each in a window of {length_s:g} s",
        "assumed",
    )


def _circumstances(row: Row, conditions: Conditions) -> Circumstances:
    monitor = _MONITORS[row.monitor]
    return Circumstances(
        workload=_WORKLOADS.get(row.benchmark, row.benchmark),
        mode="energy",
        scope=None,
        voltage_v=row.voltage_v,
        rule="mlcommons" if row.runner.startswith("MLC") else "eembc",
        range=monitor.current_range,
        virtual=False,
        runner="mlcommons" if row.runner.startswith("MLC") else "eembc",
        board=row.system,
        model=monitor.model,
        serial_number=conditions.serial_number,
        current_a=mean_current_a(row),
        lines=conditions.lines,
        errors=row.findings if row.verdict == "error" else (),
    )
