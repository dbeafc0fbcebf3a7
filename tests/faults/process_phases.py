"""The phases of a session as its processes announce them, and the gate at which the parent waits for one."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import energy.benchmark.limits as limits
import energy.runs.checks.windows as windows
import energy.session.closed_trials as closed_trials
import energy.session.trials as trials
from drivers.virtual.world import NS
from tests.faults.cells import Truth

REPEATED = ("loading", "warm-up", "in-window", "closing-edge")
"""Phases that every trial has; the pilot comes first."""
ANNOUNCE = "JOULEBENCH_TEST_ANNOUNCE"
GATE = "JOULEBENCH_TEST_GATE"
TARGET = "JOULEBENCH_TEST_TARGET"
"""Names of the environment: two descriptors, and ``PHASE:OCCURRENCE``."""


class Announcer:
    """Writes each phase's name into a pipe; at the wanted one it waits until the parent lets it continue."""

    def __init__(self) -> None:
        self._out, self._gate = int(os.environ[ANNOUNCE]), int(os.environ[GATE])
        phase, _, occurrence = os.environ[TARGET].partition(":")
        self._wanted = phase, int(occurrence)
        self._seen: Counter[str] = Counter()

    def __call__(self, phase: str) -> None:
        """Announces the beginning of a phase."""
        self._seen[phase] += 1
        wanted = (phase, self._seen[phase]) == self._wanted
        os.write(self._out, f"{phase}{'!' if wanted else ''}\n".encode())
        if wanted:
            os.read(self._gate, 1)


WINDOW_S = 2.0


def shorten_windows(patch: Callable[[object, str, object], None] = setattr) -> None:
    """Lets windows be shorter than the rules ask, in this process: cells take a third of the time."""
    for room in (limits, windows, trials, closed_trials):
        patch(room, "SHORTEST_WINDOW_S", WINDOW_S)


def announced(truth: Truth, announce: Callable[[str], None]) -> None:
    """Lets a world announce what only it knows: warm-up, window, closing edge."""
    dut: Any = truth.bench.dut
    infer = dut._infer

    def telling(iterations: int, warmups: int) -> Iterator[Any]:
        announce("warm-up")
        opened = False
        for step in infer(iterations, warmups):
            works = step[0].endswith("inference") and step[2] > 0
            if works and not opened:
                opened = True
                announce("in-window")
            yield step
            if works:
                announce("closing-edge")

    dut._infer = telling


def works_of(truth: Truth) -> list[dict[str, Any]]:
    """What the DUT has done, for a file or a reply."""
    return [
        {
            "iterations": work.iterations,
            "start_s": work.start_ns / NS,
            "stop_s": work.stop_ns / NS,
            "energy_j": truth.energy_j(work),
            "answer": work.answer,
        }
        for work in truth.works
        if work.start_ns is not None and work.stop_ns is not None
    ]
