"""Throughput in energy mode against performance mode (mlperf-tiny.md 3)."""

from __future__ import annotations

import statistics
from collections.abc import Iterable

from energy.findings import Finding
from energy.runs.measurement import Measurement
from energy.window.plausibility import throughput_apart


def median_throughput(measured: Measurement) -> float | None:
    """Median inferences per second of a run, or None."""
    values = [window.throughput for window in measured.windows if not window.tainted]
    known = [value for value in values if value is not None]
    if known:
        return statistics.median(known)
    printed = measured.run.printed
    return printed.median_throughput.number if printed and printed.median_throughput else None


def energy_against_performance(energy: Measurement, performance: Measurement) -> Iterable[Finding]:
    """Whether both runs are equally fast."""
    if energy.run.benchmark == "sww" or energy.broken:
        return
    yield from throughput_apart(median_throughput(energy), median_throughput(performance))
