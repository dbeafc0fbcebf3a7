"""A session in real time, with the machine busy: nothing in it may depend on who runs first.

On a machine that stalls for longer than any timeout the session may fail; then it is run again.
"""

from __future__ import annotations

import itertools
import subprocess
import sys

import pytest

from drivers.virtual.boards import load_board
from energy.benchmark.inputs import synthetic_inputs
from energy.benchmark.workloads import WORKLOADS
from energy.errors import BenchError
from energy.session.outcome import Plan
from energy.session.run import run_session
from tests.conftest import machine
from tests.session.support import virtual
from tests.stalls import Stalls, unless_stalled

BUSY = "while True: pass"


@pytest.mark.clock(first=True)
def test_a_minute_in_real_time_beside_two_busy_processes_shows_no_race(tmp_path):
    workload = WORKLOADS["kws01"]
    plan = Plan(virtual(pace=1.0), workload, "energy", synthetic_inputs(workload, 5))
    board = load_board("NUCLEO-L4R5ZI").workloads["kws01"]
    folders = (tmp_path / str(number) for number in itertools.count())

    def attempt(stalls: Stalls) -> None:
        try:
            outcome = run_beside_busy_processes(plan, next(folders))
        except BenchError as error:  # such as an answer that the machine had no time for
            raise AssertionError(
                f"{error}, after the machine had stalled for {stalls.late_s:.1f} s"
            ) from error
        assert outcome.valid, outcome.findings
        assert outcome.figures is not None
        assert [trial.attempt for trial in outcome.trials] == [1] * 5
        cost = outcome.figures.joule_per_inference()
        assert cost is not None
        assert outcome.throughput is not None
        # An edge is known to one sample of 10 000, and the firmware holds its pin for 1 ms.
        assert cost.median == pytest.approx(board.energy_j, rel=1e-3)
        assert outcome.throughput.median == pytest.approx(board.throughput_ips, rel=5e-4)

    with machine(alone=True):
        unless_stalled(attempt, tries=3)


def run_beside_busy_processes(plan, folder):
    busy = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(2)]
    try:
        return run_session(plan, folder / "session", lambda part, doing: None)
    finally:
        for process in busy:
            process.kill()
            process.wait()
