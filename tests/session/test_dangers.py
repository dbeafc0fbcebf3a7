"""What can burn a board, on every monitor and in every phase of a session: how long until the supply is off.

All cells: ``python -m tests.session.dangers``. Here every phase of the gravest fault, and two of each other.
"""

from __future__ import annotations

import pytest

from energy.errors import EXIT_SUPPLY_ON
from tests.session.dangers import BENCHES, FAULTS, PHASES, Cell, planted, run_cell
from tests.session.support import Watcher, watcher

__all__ = ["watcher"]

POWERS_THE_DUT = (
    "lpm01a",
    "lpm01a-binary",
    "keysight-n6705",
    "keithley-2461",
    "keithley-2450",
    "ppk2-source",
)
"""Monitors that are the supply, too. Beside the others stands a SCPI supply, which still answers."""
NOTICED_S = {"keysight-n6705": 2.0, "keithley-2461": 2.0, "keithley-2450": 2.0}
"""docs/reference/alarms.md: a silent instrument on VISA is one that has not answered in 1.5 s."""
_SILENT_S = 1.3
"""Likewise: a stream of which nothing has come."""
_STARTING_S = 2.5
"""A stream that ends before it has begun: noticed so long after the supply was switched on."""
_TRIES_S = 20.0
"""What switching off may take with an instrument that does not answer: three tries, each with its time, and
three more after the stream was stopped. Then the guardian takes over."""


def cell(watcher: Watcher, patch: pytest.MonkeyPatch, name: str, fault: str, phase: str) -> Cell:
    kind, params = FAULTS[fault]
    came = run_cell(watcher, patch, planted(name, (kind, {**params, **PHASES[phase]})))
    assert came.begun_s is not None, "the fault never began"
    assert came.error is not None, "nobody noticed"
    return came


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("name", BENCHES)
def test_a_current_above_the_limit_is_off_within_a_second(watcher, monkeypatch, name, phase):
    came = cell(watcher, monkeypatch, name, "over-current", phase)
    assert came.codes[0] in ("bench.current", "scpi.measured", "scpi.current")
    assert not came.on
    assert came.took_s is not None
    assert came.took_s < 1.0


@pytest.mark.parametrize("name", BENCHES)
def test_a_current_just_above_the_limit_is_off_within_a_second_too(watcher, monkeypatch, name):
    """5 % more: a supply that limits the current gives 95 % of its voltage, and never more than the limit."""
    current_a = planted(name).limits.highest_a * 1.05
    came = run_cell(
        watcher, monkeypatch, planted(name, ("short-circuit", {"current_a": current_a, **PHASES["trial"]}))
    )
    assert came.codes[0] == "bench.current"
    assert not came.on
    assert came.took_s is not None
    assert came.took_s < 1.0


@pytest.mark.parametrize("phase", ["boot", "trial"])
@pytest.mark.parametrize("name", BENCHES)
def test_a_monitor_that_is_out_of_reach_ends_the_session_and_nobody_calls_the_supply_off(
    watcher, monkeypatch, name, phase
):
    came = cell(watcher, monkeypatch, name, "unreachable", phase)
    if name in POWERS_THE_DUT:
        assert came.on
        assert "supply.may-be-on" in came.codes
        assert came.error is not None
        assert came.error.worst_status == EXIT_SUPPLY_ON
        assert came.end_s - came.begun_s < _TRIES_S
    else:
        assert not came.on
        assert came.took_s < 1.0
        assert came.codes[0] in ("link.unplugged", "joulescope.removed", "joulescope.command")


@pytest.mark.parametrize("phase", ["boot", "trial"])
@pytest.mark.parametrize("name", BENCHES)
def test_a_stream_that_ends_is_noticed(watcher, monkeypatch, name, phase):
    came = cell(watcher, monkeypatch, name, "ended", phase)
    if came.on:  # the instrument that powers the DUT does not answer, either
        assert name in POWERS_THE_DUT
        assert "supply.may-be-on" in came.codes
        assert came.end_s - came.begun_s < _TRIES_S
    else:
        assert came.took_s < (_STARTING_S if phase == "boot" else NOTICED_S.get(name, _SILENT_S))
    assert came.codes[0].endswith((".silent", ".timeout", ".lost"))


@pytest.mark.parametrize("phase", ["boot", "trial"])
@pytest.mark.parametrize("name", BENCHES)
def test_a_supply_that_switches_itself_off_ends_the_session(watcher, monkeypatch, name, phase):
    came = cell(watcher, monkeypatch, name, "supply lost", phase)
    assert not came.on
    if (name, phase) == ("ppk2-source", "boot"):
        # It says nothing of its output, and no current has flowed yet that could stop: a DUT that is silent.
        assert came.codes[0] == "dut.silent"
        return
    assert came.end_s - came.begun_s < 3.0
    assert came.codes[0].endswith((".output-off", ".current", ".measured", ".readback"))
