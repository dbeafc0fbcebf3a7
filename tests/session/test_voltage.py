"""The supply voltage in energy sessions: measured where an instrument can, compared, else called assumed."""

from __future__ import annotations

import pytest

from drivers.dut.twin.dut import DutTwin
from tests.session.support import watcher
from tests.session.test_clocks import KINDS, bench_for

__all__ = ["watcher"]

SOURCES = {
    "lpm01a": "monitor",
    "n6705": "samples",
    "ppk2-source": "assumed",
    "2450": "monitor",
    "2461": "monitor",
}


def codes(outcome):
    return {finding.code for finding in outcome.findings if finding.code.startswith("voltage.")}


def sagging(monkeypatch, by_v):
    """A supply that gives less from the first trial on, and stays there."""
    original = DutTwin._infer

    def infer(self, iterations, warmups):
        if self.infers == 2:
            supply = self._world.supply
            supply.voltage_v -= by_v
            for changed in supply.listeners:
                changed()
        yield from original(self, iterations, warmups)

    monkeypatch.setattr(DutTwin, "_infer", infer)


@pytest.mark.parametrize("name", list(SOURCES))
def test_the_record_states_who_measured_the_voltage(watcher, name):
    outcome = watcher.run(bench_for(KINDS[name], 0.0))
    record = watcher.session["voltage"]
    assert record["source"] == SOURCES[name]
    assert record["stated_v"] == 1.8
    assert all(value == pytest.approx(1.8, rel=5e-3) for value in record["measured_v"])
    assert codes(outcome) == (set() if record["measured_v"] else {"voltage.assumed"})
    assert outcome.valid


@pytest.mark.parametrize(
    ("name", "by_v", "evidence"),
    [
        ("lpm01a", 0.1, "1.7 V by the monitor, 1.8 V in the bench file (-5.6 %"),
        ("n6705", 0.1, "1.7 V by the monitor's samples, 1.8 V in the bench file (-5.6 %"),
        ("2450", 0.1, "1.7 V by the monitor, 1.8 V in the bench file (-5.6 %"),
        ("2461", 0.1, "1.7 V by the monitor, 1.8 V in the bench file (-5.6 %"),
        ("ppk2-ampere", 0.05, "1.75 V by the supply, 1.8 V in the bench file (-2.8 %"),
    ],
)
def test_a_supply_that_sags_and_stays_makes_no_valid_session(watcher, monkeypatch, name, by_v, evidence):
    sagging(monkeypatch, by_v)
    bench = bench_for(KINDS[name], 0.0)
    if bench.supply is not None:
        supply = bench.supply.model_copy(update={"settings": {"measure": "MEAS:VOLT?"}})
        bench = bench.model_copy(update={"supply": supply})
    outcome = watcher.run(bench)
    assert codes(outcome) == {"voltage.off"}
    assert not outcome.valid
    (found,) = [finding for finding in outcome.findings if finding.code == "voltage.off"]
    assert evidence in found.evidence
    used = "energy is that of the measured voltage" if name == "n6705" else "energy is computed with 1.8 V"
    assert used in found.evidence


def test_a_supply_that_measures_is_asked_before_the_first_trial_after_each_and_at_the_end(watcher):
    bench = bench_for(KINDS["ppk2-ampere"], 0.0)
    supply = bench.supply.model_copy(update={"settings": {"measure": "MEAS:VOLT?"}})
    outcome = watcher.run(bench.model_copy(update={"supply": supply}))
    record = watcher.session["voltage"]
    assert (record["source"], len(record["measured_v"])) == ("supply", 7)
    assert codes(outcome) == set()
