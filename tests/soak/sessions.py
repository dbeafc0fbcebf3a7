"""Many sessions in one process: nothing may grow with their number."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from energy.benchmark.inputs import synthetic_inputs
from energy.benchmark.workloads import WORKLOADS
from energy.session.outcome import Plan
from energy.session.record import run_record
from energy.session.recorded import RecordPlan
from energy.session.run import run_session
from tests.session.support import virtual
from tests.soak.memory import Held, held

MOST_PER_SESSION = 2000.0
"""Bytes by which the memory may grow with each session, by the line through all but the first sessions."""
WARM_UP = 0.2
"""Part of the sessions that comes before: imports, caches, pools of memory."""


@dataclass
class Sessions:
    """What a run has shown.

    Attributes:
        kind: ``"record"`` or ``"measure"``.
        held: What the process held after each session.
        took_s: Time that they took.
        wrong: Sessions that were not as they must be.
    """

    kind: str
    held: list[Held] = field(default_factory=list[Held])
    took_s: float = 0.0
    wrong: list[str] = field(default_factory=list[str])

    @property
    def settled(self) -> list[Held]:
        """What was held after the warm-up."""
        return self.held[int(len(self.held) * WARM_UP) :]

    @property
    def slope(self) -> float:
        """Bytes of memory a session, by a straight line."""
        sizes = [each.resident for each in self.settled]
        return float(np.polyfit(np.arange(len(sizes)), sizes, 1)[0])

    def problems(self) -> list[str]:
        """What must not be; empty where all is well."""
        found = list(self.wrong)
        for name in ("threads", "descriptors", "children", "temporary"):
            counts = [getattr(each, name) for each in self.settled]
            if counts[-1] > counts[0] or max(counts) > min(counts) + 2:
                found.append(
                    f"{name}: {counts[0]} after the warm-up, {max(counts)} at most, {counts[-1]} last"
                )
        if self.slope > MOST_PER_SESSION:
            found.append(f"memory grows by {self.slope:.0f} bytes a session")
        return found


def record_once(folder: Path) -> str:
    """A recording of a window on the virtual bench; what is wrong with it."""
    plan = RecordPlan(virtual(autorun=(4, 0.1)), windows=1, iterations=4, leading=1)
    result = run_record(plan, folder, lambda figures: None, lambda seconds: None)
    sound = len(result.windows) == 1 and result.ended == "windows"
    return "" if sound else f"{len(result.windows)} windows, ended by {result.ended}"


def measure_once(folder: Path) -> str:
    """A whole session in energy mode on the virtual bench; what is wrong with it."""
    workload = WORKLOADS["kws01"]
    plan = Plan(virtual(), workload, "energy", synthetic_inputs(workload, 5))
    outcome = run_session(plan, folder, lambda part, text: None)
    return "" if len(outcome.trials) == 5 else f"{len(outcome.trials)} trials"


def run_sessions(
    kind: str, count: int, folder: Path, progress: Callable[[Sessions], None] = lambda _: None
) -> Sessions:
    """Runs sessions one after the other; each folder is removed.

    Args:
        kind: ``"record"`` or ``"measure"``.
        count: How many.
        folder: Where their folders are made, and temporary files meanwhile: nobody else's are counted.
        progress: Called after each.
    """
    answer = Sessions(kind)
    temporary, tempfile.tempdir = tempfile.tempdir, str(folder / "temporary")
    Path(tempfile.tempdir).mkdir()
    try:
        _run(answer, count, folder, progress)
    finally:
        tempfile.tempdir = temporary
    return answer


def _run(answer: Sessions, count: int, folder: Path, progress: Callable[[Sessions], None]) -> None:
    once = {"record": record_once, "measure": measure_once}[answer.kind]
    begun = time.monotonic()
    for number in range(count):
        place = folder / f"session-{number}"
        if wrong := once(place):
            answer.wrong.append(f"session {number}: {wrong}")
        shutil.rmtree(place)
        answer.held.append(held())
        answer.took_s = time.monotonic() - begun
        progress(answer)
