"""Monitors that misread on demand: their energy is wrong by exactly the errors of their twins."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from drivers.testkit import MonitorContract
from drivers.virtual.bench import VirtualBench
from energy.errors import UsageError

pytestmark = pytest.mark.drivers

GAIN, OFFSET_A, VOLTAGE_GAIN = 0.02, 150e-6, -0.03


@dataclass(frozen=True)
class Kind:
    """A monitor, and what its digits and its rate allow to see.

    Attributes:
        digits: Largest relative error of the energy by the digits of its samples.
        ppm: Error of its clock that a window of 0.9 s shows beyond its edges.
    """

    driver: str
    digits: float
    ppm: float
    settings: dict[str, Any] = field(default_factory=dict)
    twin: dict[str, Any] = field(default_factory=dict)


KINDS = {
    "lpm01a energy": Kind("lpm01a", 5e-4, 1e4),
    "lpm01a current": Kind("lpm01a", 5e-4, 1e4, {"output": "current"}),
    "ppk2": Kind("ppk2", 1e-3, 300.0),
    "keithley-2450": Kind("keithley-2450", 1e-6, 1e5),
    "keithley-2461": Kind("keithley-2461", 1e-6, 300.0),
    "keysight-n6705": Kind("keysight-n6705", 1e-6, 1e4),
    "joulescope js220": Kind("joulescope", 1e-6, 300.0),
    "joulescope js110": Kind("joulescope", 1e-6, 300.0, twin={"model": "js110"}),
}
each_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


class Run:
    """One window of the same world, measured by a monitor with these errors."""

    def __init__(self, kind: Kind, **errors: Any) -> None:
        kit = MonitorContract()
        kit.driver, kit.settings, kit.twin_settings = kind.driver, kind.settings, {**kind.twin, **errors}
        self.voltage_v, self.fast = kit.voltage_v, 1 + errors.get("ppm", 0.0) * 1e-6
        self._find, kit._samples = kit._samples, self._samples
        with kit.stand() as it:
            self.energy_j, self.true_j = kit.measure(it)
            assert not it.sink.faults
            self.own = it.monitor.own_energy()
            self.columns = [
                np.concatenate(part) for part in zip(*(b.columns for b in it.sink.blocks), strict=True)
            ]
            self.volts = it.monitor.measured_voltage_v()
            self.output_v = it.bench.world.supply.output_v

    def _samples(self, it, rate_hz, started_s, fall_s):
        own = [started_s + (fall - started_s) * self.fast for fall in fall_s]  # on the monitor's clock
        first, stop = self._find(it, rate_hz, started_s, own)
        self.samples, self.seconds = stop - first, (stop - first) / rate_hz
        return first, stop


@each_kind
def test_the_energy_is_wrong_by_exactly_gain_offset_and_voltage_gain(kind):
    ideal = Run(kind, ppm=0.0)
    wrong = Run(kind, ppm=0.0, gain=GAIN, offset_a=OFFSET_A)
    more_j = OFFSET_A * ideal.voltage_v * ideal.seconds
    assert more_j > 0.005 * ideal.energy_j  # enough to be seen
    assert wrong.energy_j == pytest.approx(ideal.energy_j * (1 + GAIN) + more_j, rel=kind.digits)
    stated = Run(kind, ppm=0.0, voltage_gain=VOLTAGE_GAIN)
    # Of a source the true voltage is another, and with it the true power: each run beside its own truth.
    wrong_by, edges = stated.energy_j / stated.true_j, ideal.energy_j / ideal.true_j
    assert wrong_by / edges == pytest.approx(1 + VOLTAGE_GAIN, rel=2 * kind.digits)
    if stated.volts is not None:  # not the true voltage, but what the instrument holds it for
        assert stated.volts == pytest.approx(stated.output_v * (1 + VOLTAGE_GAIN), abs=1e-3)


@each_kind
def test_the_energy_is_wrong_by_the_clocks_error(kind):
    for ppm in (kind.ppm, -kind.ppm):
        run = Run(kind, ppm=ppm)
        edges = 2 / run.samples  # a sample at each end
        assert edges < 0.6 * abs(run.fast - 1)
        assert run.energy_j / run.true_j == pytest.approx(run.fast, abs=edges)


@pytest.mark.parametrize("model", ["js220", "js110"])
def test_a_joulescopes_own_counter_of_energy_has_the_same_errors_as_its_samples(model):
    run = Run(
        Kind("joulescope", 0.0, 0.0, twin={"model": model}),
        **{"gain": GAIN, "offset_a": OFFSET_A, "voltage_gain": VOLTAGE_GAIN},
    )
    assert run.own is not None
    amperes, volts = (column[run.own.first : run.own.stop].astype(np.float64) for column in run.columns)
    rate_hz = run.samples / run.seconds
    assert run.own.energy_j == pytest.approx(float(amperes @ volts) / rate_hz, rel=1e-6)


@pytest.mark.parametrize("driver", ["lpm01a", "ppk2"])
def test_a_monitor_may_begin_to_misread_in_the_middle_of_a_window(driver):
    kind = KINDS[driver if driver in KINDS else f"{driver} energy"]
    ideal = Run(kind, ppm=0.0)
    late = [["misreading", {"infer": 0, "delay_s": ideal.seconds / 2, "gain": 0.1}]]
    drifted = Run(kind, ppm=0.0, faults=late)
    # The DUT's work repeats itself: half of the window has half of the energy, within one inference of 20.
    assert drifted.energy_j == pytest.approx(1.05 * ideal.energy_j, rel=0.1 / 20 + kind.digits)


@pytest.mark.parametrize("driver", sorted({kind.driver for kind in KINDS.values()}))
def test_every_twin_states_the_serial_number_that_it_was_given(driver):
    seen = []
    for settings in ({}, {"serial": "TWIN-2"}):
        kit = MonitorContract()
        kit.driver, kit.twin_settings = driver, settings
        with kit.stand() as it:
            seen.append(it.monitor.identify().serial_number)
    assert seen[0]
    assert "TWIN-2" not in seen[0]
    assert "TWIN-2" in seen[1]


def test_an_ammeter_that_has_no_voltage_cannot_misread_it():
    with pytest.raises(UsageError, match=r"ammeter.*virtual\.settings"):
        VirtualBench(monitor="ppk2", ampere=True, voltage_gain=0.01)


@pytest.mark.parametrize("errors", [{"gain": -1.0}, {"voltage_gain": -2.0}, {"offset_a": float("inf")}])
def test_errors_that_no_instrument_has_are_refused(errors):
    with pytest.raises(UsageError, match=r"virtual\.settings"):
        VirtualBench(monitor="lpm01a", **errors)
