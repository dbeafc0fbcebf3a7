"""Sessions with DUTs whose consoles add to the protocol: the figures are those of a plain console."""

from __future__ import annotations

import pytest

from energy.bench.benchfile import bench_of
from tests.session.support import Watcher, watcher
from tests.session.test_session import true_windows

__all__ = ["watcher"]

CONSOLES = {
    "plain": [],
    "echo": [["echo", {}]],
    "echo-cr": [["echo", {"end": "\r"}]],
    "echo-each": [["echo", {"each": True, "end": "\r\n"}]],
    "prompt-and-echo": [["prompt", {"text": "dut> "}], ["echo", {}]],
    "prompt": [["prompt", {"text": "[dut@board ~]$ "}]],
    "bare-lf": [["line-ends", {"end": "\n"}]],
    "another-program": [["waiting-bytes", {"boot": True, "delay_s": 0.01, "text": "AT\r\n~\x00x\xf0~"}]],
    "chatter": [["chatter", {"text": "radio: searching\r\n"}]],
}
PERFORMANCE = {
    **CONSOLES,
    "another-program": [["waiting-bytes", {"text": "AT\r\n~\x00x\xf0~"}]],
    "bare-cr": [["line-ends", {"end": "\r"}]],
}


def bench(faults, *, uno):
    return bench_of(
        {
            "schema": "joulebench.bench/1",
            "scope": {"feeds": ["core"]},
            "name": "console",
            "virtual": {"settings": {"faults": faults}},
            "dut": {"board": "NUCLEO-L4R5ZI", "voltage_v": 1.8, **({} if uno else {"baud": 9600})},
            "limits": {"highest_v": 3.3, "highest_a": 0.05},
            "ambient": {"temperature_c": 23.0},
            "monitor": {"driver": "lpm01a", "port": "virtual"},
            **({"io_manager": {"driver": "uno", "port": "virtual"}} if uno else {}),
        },
        "test",
    )


@pytest.mark.parametrize("uno", [True, False])
@pytest.mark.parametrize("name", sorted(CONSOLES))
def test_the_energy_is_the_worlds_whatever_the_console_adds(name, uno, watcher: Watcher):
    outcome = watcher.run(bench(CONSOLES[name], uno=uno), "ad01")
    assert outcome.valid, outcome.findings
    assert outcome.figures is not None
    assert [finding.code for finding in outcome.findings] == []
    for figures, (start, stop) in zip(outcome.figures.windows, true_windows(watcher), strict=True):
        truth = watcher.truth_j(start, stop)
        assert abs(figures.energy_j() - truth) <= 0.0005 * truth + figures.window.bounds.position_j


@pytest.mark.parametrize("name", sorted(PERFORMANCE))
def test_the_throughput_is_the_boards_whatever_the_console_adds(name, watcher: Watcher):
    outcome = watcher.run(bench(PERFORMANCE[name], uno=True), "ad01", "performance")
    assert outcome.valid, outcome.findings
    assert outcome.throughput is not None
    board = watcher.worlds[-1].board
    assert outcome.throughput.median == pytest.approx(board.workloads["ad01"].throughput_ips, rel=1e-4)
