"""An hour at a million samples a second through a real recording: what is kept, on how much disk and memory.

The samples are those of ``tests.soak.world``. They come from the replay's monitor, as fast as the recording
takes them; everything from the queue on is what ``joulebench record`` runs.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from statistics import median
from typing import Any

from energy.errors import JoulebenchError
from energy.findings import Finding
from energy.recording import replay
from energy.recording.keep import Keep, Storage
from energy.recording.store import Recording
from energy.session.observer import Observer
from energy.session.record import run_record
from energy.session.record_plan import replay_bench
from energy.session.recorded import RecordPlan
from energy.signal import Block, Edge, Gap
from energy.window.integrator import integrate_trace
from energy.window.pairing import SequencePairing
from tests.soak.day import MINUTE, Day
from tests.soak.memory import can_measure, resident_bytes
from tests.soak.world import BLOCK, RATE_HZ, STRETCH, UNIT_A, VOLTS, World, first_low, level, true_j

HOUR_S = 3600
_STEP = 4 * RATE_HZ
"""Samples that come between two looks of the recording at its queue: an instrument would not wait for it."""
_PATIENCE_S = 300.0
_LOOK_S = 0.2
_SETTLED = 10
"""The minute of samples from which on memory must not grow."""


class Source(World):
    """The world as a recording that is replayed.

    Args:
        seconds: Its length.
        patience_s: After so long without a look the recording has ended, and all that is left comes.
    """

    def __init__(self, seconds: int, patience_s: float = _PATIENCE_S) -> None:
        super().__init__()
        self.virtual = True
        self.about: dict[str, Any] = {}
        self.gaps: list[Gap] = []
        self.findings: list[Finding] = []
        self.first, self.stop = 0, seconds * RATE_HZ
        self.count = self.stop
        self.taken = 0
        self.due = _STEP
        self._patience_s = patience_s
        last = self.stop // STRETCH
        self.edges = [Edge(first_low(k) - 0.5, 0.5, source="gpi0") for k in range(last)]

    def read(self, first: int, stop: int) -> Iterator[Block]:
        """Samples, when they are due; a recording that has not looked for long has ended."""
        for block in super().read(first, stop):
            asked = time.monotonic()
            while block.stop > self.due:
                time.sleep(0.001)
                if time.monotonic() - asked > self._patience_s:
                    self.due = self.stop
            yield block

    def looked(self, _: float) -> None:
        """The recording has taken what had come: more is due."""
        self.due = self.taken + _STEP


@dataclass
class _Taker(Observer):
    """Tells the source what has been recorded."""

    source: Source

    def block(self, block: Block) -> None:
        self.source.taken = block.stop


@dataclass
class Hour:
    """What a run has shown.

    Attributes:
        day: Samples, windows, memory, and the windows beside the truth, as of ``tests.soak.day``.
        keep: What was to be kept.
        budget: The disk budget.
        ended: How it ended: ``"replay"``, or the code of an error.
        full: Bytes of all samples.
        disk: The most bytes that its files took at any time.
        left: Bytes of its files in the end.
        kept: Samples that it keeps.
        memory: Bytes of memory, at many moments of each minute of samples.
        wrong: What must not be.
    """

    day: Day
    keep: Keep
    budget: int | None
    ended: str = ""
    full: int = 0
    disk: int = 0
    left: int = 0
    kept: int = 0
    memory: dict[int, list[int]] = field(default_factory=dict[int, list[int]])
    wrong: list[str] = field(default_factory=list[str])

    def problems(self) -> list[str]:
        """What must not be; empty where all is well."""
        found = self.wrong + [p for p in self.day.problems() if "the total" not in p]
        if self.ended != "replay":
            found.append(f"it ended with {self.ended}")
        if self.budget is not None and self.disk > self.budget:
            found.append(f"its files took {self.disk} bytes, the budget is {self.budget}")
        return found


def run_hour(
    folder: Path,
    keep: Keep,
    seconds: int = HOUR_S,
    budget: int | None = None,
    patience_s: float = _PATIENCE_S,
    **more: int,
) -> Hour:
    """Records so many seconds of samples, a multiple of 20.

    Args:
        folder: Where the recording is made.
        keep: What is kept.
        seconds: The time.
        budget: The disk budget in bytes.
        patience_s: As of ``Source``.
        more: Other fields of ``Storage``.
    """
    source = Source(seconds, patience_s)
    day = Day(source.stop, source.stop // STRETCH // 2)
    hour = Hour(day, keep, budget, full=source.stop * 8)
    storage = Storage(keep, budget, rolling=True, **more)
    plan = RecordPlan(replay_bench(folder, math.inf), iterations=None, storage=storage)
    over = threading.Event()
    looker = threading.Thread(target=_look, args=(hour, source, folder, over), daemon=True)
    begun = time.monotonic()
    opened, replay.open_trace = replay.open_trace, lambda path, given: source
    looker.start()
    try:
        result = run_record(plan, folder, lambda figures: None, source.looked, observer=_Taker(source))
    except JoulebenchError as error:
        hour.ended = error.code
    else:
        hour.ended = result.ended
        for figures in result.windows:
            day.closed(figures.window)
        _check_left(hour, folder, [figures.window for figures in result.windows])
    finally:
        replay.open_trace = opened
        over.set()
        looker.join()
        _compare_memory(hour)
    day.took_s = time.monotonic() - begun
    hour.left = _size(folder)
    return hour


def _look(hour: Hour, source: Source, folder: Path, over: threading.Event) -> None:
    """Takes memory and disk down while it records."""
    while not over.wait(_LOOK_S):
        hour.disk = max(hour.disk, _size(folder))
        if can_measure():
            hour.memory.setdefault(source.taken // MINUTE, []).append(resident_bytes())


def _compare_memory(hour: Hour) -> None:
    """Takes the tenth minute's median for the memory in the beginning, and the highest one after it.

    Blocks that wait come and go within a second, by some MB; a median of many moments shows what stays. Until
    the tenth minute the marks of clocks and the buffers of files fill up.
    """
    last = hour.day.samples // MINUTE
    whole = {minute: median(values) for minute, values in hour.memory.items() if _SETTLED <= minute < last}
    if _SETTLED in whole:
        hour.day.after_minute, hour.day.most = round(whole[_SETTLED]), round(max(whole.values()))


def _size(folder: Path) -> int:
    total = 0
    for file in folder.iterdir():
        try:
            total += file.stat().st_size
        except FileNotFoundError:  # a file that waited is gone
            continue
    return total


def _check_left(hour: Hour, folder: Path, windows: list[Any]) -> None:
    """Opens what is left: it holds what it should, and gives the same windows and levels."""
    recording = Recording(folder)
    hour.kept = recording.count
    if recording.stop != hour.day.samples:
        hour.wrong.append(f"it ends at sample {recording.stop}")
    if any(gap.lost for gap in recording.gaps):
        hour.wrong.append("it states losses")
    if hour.keep is not Keep.FULL:
        _check_levels(hour, recording)
    if hour.keep is Keep.LEVELS:
        return
    again, findings = integrate_trace(recording, SequencePairing())
    if [replace(window, number=1) for window in again] != [replace(window, number=1) for window in windows]:
        hour.wrong.append("integrated again, the windows differ")
    codes = {finding.code for finding in findings}
    if codes - {"recording.reduced"}:
        hour.wrong.append(f"integrated again: {sorted(codes)}")


def _check_levels(hour: Hour, recording: Recording) -> None:
    """Compares the levels of each block with the closed form."""
    total, rows = Fraction(0), 0
    for levels in recording.levels():
        total += Fraction(float(levels.columns["energy_j"].sum()))
        count = len(levels.columns["count"])
        for k in range(0, count, 997):
            block = (levels.first + k) * levels.samples // BLOCK
            least = float((level(block) + 700) * UNIT_A)
            if levels.columns["current_a_min"][k] != least or levels.columns["voltage_v_max"][k] != VOLTS[0]:
                hour.wrong.append(f"row {levels.first + k} of the levels is wrong")
        rows += count
    truth = true_j(hour.day.samples)
    if rows != hour.day.samples * 100 // RATE_HZ or abs(total / truth - 1) > Fraction(1, 10**9):
        hour.wrong.append(f"{rows} rows of levels hold {float(total)} J instead of {float(truth)} J")
