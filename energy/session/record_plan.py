"""Plans of recordings without a protocol: on a bench, of a virtual DUT, or a recording replayed."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path

from energy.bench.benchfile import SCHEMA, BenchFile, bench_of
from energy.errors import UsageError
from energy.recording.imports.given import Given
from energy.session.record import RecordPlan

_VIRTUAL_ITERATIONS = 40
_VIRTUAL_PAUSE_S = 0.3


def make_record_plan(
    bench: BenchFile,
    *,
    windows: int | None = None,
    seconds: float | None = None,
    iterations: int | None = None,
    leading: int | None = None,
) -> RecordPlan:
    """A recording on a bench; a virtual DUT then measures by itself.

    Args:
        bench: Where.
        windows: It ends after so many.
        seconds: It ends after so long.
        iterations: Inferences in each window, where known.
        leading: Edges that are left out at the beginning; None: the one that a virtual DUT makes when it
            boots, and none of a real one.

    Raises:
        UsageError: ``usage.seconds``, ``usage.leading``, ``usage.windows``, ``usage.iterations``.
    """
    if seconds is not None and not (math.isfinite(seconds) and seconds > 0):
        raise UsageError("usage.seconds", f"{seconds} seconds is no time", "Try 60.")
    if leading is not None and leading < 0:
        raise UsageError("usage.leading", f"{leading} leading edges is below 0", "Try 0.")
    for name, number in (("windows", windows), ("iterations", iterations)):
        if number is not None and number < 1:
            raise UsageError(f"usage.{name}", f"{number} {name} is below 1", "Give 1 or more.")
    if leading is None:
        leading = 1 if bench.virtual else 0
    return RecordPlan(_by_itself(bench, iterations), windows, seconds, iterations, leading)


def replay_bench(recording: Path, speed: float = 1.0, given: Given | None = None) -> BenchFile:
    """A recording in place of a bench: it is played again as if a monitor streamed it.

    Args:
        recording: Its folder or file.
        speed: How many of its seconds pass in one; ``inf``: without waiting.
        given: Facts that a file of a monitor's own program does not hold.

    Raises:
        UsageError: ``usage.speed``.
    """
    if math.isnan(speed) or speed <= 0:
        raise UsageError("usage.speed", f"a replay's speed is above 0, not {speed}", "Try 1, 10 or inf.")
    stated = {name: value for name, value in asdict(given or Given()).items() if value is not None}
    document = {
        "schema": SCHEMA,
        "name": "replay",
        "dut": {"board": "replayed", "voltage_v": 3.3},  # nothing is powered
        "limits": {"highest_v": 60.0, "highest_a": 10.0},
        "monitor": {"driver": "replay", "port": str(recording), "settings": {"speed": speed, **stated}},
    }
    return bench_of(document, "the replayed recording")


def _by_itself(bench: BenchFile, iterations: int | None) -> BenchFile:
    """The bench, whose DUT measures by itself if it is a twin."""
    if bench.virtual is None or "autorun" in bench.virtual.settings:
        return bench
    autorun = (iterations or _VIRTUAL_ITERATIONS, _VIRTUAL_PAUSE_S)
    settings = {**bench.virtual.settings, "autorun": autorun}
    return bench.model_copy(update={"virtual": bench.virtual.model_copy(update={"settings": settings})})
