"""Throughput in energy mode against performance mode (mlperf-tiny.md 3)."""

from __future__ import annotations

import statistics
from collections.abc import Iterable

from energy.findings import Finding
from energy.runs.measurement import Measurement

WARNING = 0.02
ERROR = 0.05


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
    ours, theirs = median_throughput(energy), median_throughput(performance)
    if not ours or not theirs:
        return
    apart = ours / theirs - 1
    evidence = (
        f"{ours:.6g} inf/s in energy mode, {theirs:.6g} inf/s in performance mode ({apart * 100:+.2f} %)"
    )
    if abs(apart) > ERROR:
        yield Finding("throughput.differs", evidence)
    elif abs(apart) > WARNING:
        yield Finding("throughput.apart", evidence)
