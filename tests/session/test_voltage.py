"""The supply voltage in energy sessions: measured where an instrument can, compared, else called assumed."""

from __future__ import annotations

import pytest

from drivers.virtual.world import Supply
from tests.session.support import watcher
from tests.session.test_clocks import KINDS, bench_for

__all__ = ["watcher"]

SAG_V = 0.1
SOURCES = {
    "lpm01a": "monitor",
    "n6705": "samples",
    "ppk2-source": "assumed",
    "2450": "assumed",
    "2461": "assumed",
}


def codes(outcome):
    return {finding.code for finding in outcome.findings if finding.code.startswith("voltage.")}


def sagging(monkeypatch):
    """A supply that gives less than it is set to, whoever sets it."""
    original = Supply.__setattr__

    def less(self, name, value):
        original(self, name, value - SAG_V if name == "voltage_v" and value else value)

    monkeypatch.setattr(Supply, "__setattr__", less)


@pytest.mark.parametrize("name", list(SOURCES))
def test_the_record_states_who_measured_the_voltage(watcher, name):
    outcome = watcher.run(bench_for(KINDS[name], 0.0))
    record = watcher.session["voltage"]
    assert record["source"] == SOURCES[name]
    assert record["stated_v"] == 1.8
    assert all(value == pytest.approx(1.8, rel=5e-3) for value in record["measured_v"])
    assert codes(outcome) == (set() if record["measured_v"] else {"voltage.assumed"})
    assert outcome.valid
