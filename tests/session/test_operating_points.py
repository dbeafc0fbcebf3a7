"""Sessions at other voltages, clocks and temperatures find the energy of the closed form."""

from __future__ import annotations

import pytest

from drivers.virtual.boards import load_board
from drivers.virtual.truth import Point, operating_point
from energy.errors import JoulebenchError
from tests.session.support import virtual, watcher

__all__ = ["watcher"]


def at_clock(bench, clock_hz):
    return bench.model_copy(update={"dut": bench.dut.model_copy(update={"clock_hz": clock_hz})})


@pytest.mark.parametrize(
    ("workload", "at"),
    [("ad01", Point(1.8, 120e6)), ("ad01", Point(2.4, 48e6, 50.0)), ("kws01", Point(2.0, 160e6, 0.0))],
)
def test_a_session_finds_the_energy_of_its_operating_point(watcher, workload, at):
    bench = virtual(voltage_v=at.voltage_v, temperature_c=at.temperature_c, ppm=0.0)
    outcome = watcher.run(at_clock(bench, at.clock_hz), workload)
    assert outcome.valid, outcome.findings
    truth = operating_point("NUCLEO-L4R5ZI", workload, at)
    cost = outcome.figures.joule_per_inference()
    # Digits of the monitor 5e-4, from one command to the next up to 6e-4, the hold of 1 ms in 10 s.
    assert cost.median == pytest.approx(truth.energy_j, rel=1.2e-3)
    assert outcome.throughput.median == pytest.approx(truth.throughput_ips, rel=3e-4)
    state = watcher.states[-1]
    assert (state["temperature_c"], state["voltage_v"]) == (at.temperature_c, at.voltage_v)


def test_a_clock_that_the_board_does_not_have_is_refused(watcher):
    with pytest.raises(JoulebenchError, match="from 4 to 200 MHz"):
        watcher.run(at_clock(virtual(), 300e6))


def test_a_voltage_that_is_too_low_for_the_clock_is_a_dut_that_does_not_boot(watcher):
    with pytest.raises(JoulebenchError, match=r"dut\.") as caught:
        watcher.run(at_clock(virtual(), 200e6))
    assert load_board("NUCLEO-L4R5ZI").outcome(1.8, 200e6) == "hangs"
    assert caught.value.hint
