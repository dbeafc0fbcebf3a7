"""Sessions on the virtual bench, with a view of the world that the drivers do not have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import drivers.virtual.environment
import energy.benchmark.limits as limits
import energy.runs.checks.windows as windows
import energy.session.trials as trials
from drivers.virtual.bench import VirtualBench
from energy.bench.benchfile import BenchFile, bench_of
from energy.benchmark.inputs import synthetic_inputs
from energy.benchmark.limits import WINDOWS
from energy.benchmark.workloads import WORKLOADS
from energy.session.outcome import Outcome, Plan
from energy.session.run import run_session


def virtual(board: str = "NUCLEO-L4R5ZI", voltage_v: float = 1.8, **settings: Any) -> BenchFile:
    """A virtual bench with these settings of its world."""
    return bench_of(
        {
            "schema": "joulebench.bench/1",
            "scope": {"feeds": ["core"]},
            "name": "test",
            "virtual": {"settings": settings},
            "dut": {"board": board, "voltage_v": voltage_v},
            "limits": {"highest_v": 3.3, "highest_a": 0.05},
            "ambient": {"temperature_c": 23.0},
            "monitor": {"driver": "lpm01a", "port": "virtual"},
            "io_manager": {"driver": "uno", "port": "virtual"},
        },
        "test",
    )


def shorten_windows(patch: pytest.MonkeyPatch, seconds: float) -> None:
    """Lets windows be shorter than the rules ask, for monitors of millions of samples a second."""
    for room in (limits, trials, windows):
        patch.setattr(room, "SHORTEST_WINDOW_S", seconds)


class Watcher:
    """Runs sessions and keeps the worlds that they ran in."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.worlds: list[VirtualBench] = []
        self.states: list[dict[str, Any]] = []
        self.folder = folder
        watcher = self

        class Watched(VirtualBench):
            def __init__(self, *args: Any, **kwargs: Any) -> None:
                super().__init__(*args, **kwargs)
                watcher.worlds.append(self)

            def close(self) -> None:
                watcher.states.append(self.world.handle({"op": "state"}))
                super().close()

        monkeypatch.setattr(drivers.virtual.environment, "VirtualBench", Watched)

    def run(self, bench: BenchFile, workload: str = "ad01", mode: Any = "energy") -> Outcome:
        """One session."""
        facts = WORKLOADS[workload]
        plan = Plan(bench, facts, mode, synthetic_inputs(facts, WINDOWS))
        return run_session(plan, self.folder / "session", lambda part, doing: None)

    @property
    def session(self) -> dict[str, Any]:
        """The session's own record."""
        return json.loads((self.folder / "session" / "session.json").read_text(encoding="utf-8"))

    def truth_j(self, start_s: float, stop_s: float) -> float:
        """True energy between two instants of the last world."""
        request = {"op": "truth", "start_s": start_s, "stop_s": stop_s}
        return self.worlds[-1].world.handle(request)["energy_j"]

    def edges_s(self) -> list[float]:
        """True times of all falling edges of the last world."""
        return self.worlds[-1].world.handle({"op": "edges"})["falling_s"]


@pytest.fixture
def watcher(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Watcher:
    return Watcher(monkeypatch, tmp_path)
