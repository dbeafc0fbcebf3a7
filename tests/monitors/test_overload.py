"""Readings that no current can give: the monitor's overload, never a short circuit and never a current."""

from __future__ import annotations

import math

import numpy as np
import pytest

from drivers.keithley.readings import Window, check_reading
from drivers.links.overload import without_overload
from drivers.testkit import driver
from drivers.virtual.bench import VirtualBench
from energy.errors import BenchError
from tests.links.peer import Log
from tests.monitors.sink import Keeper, setup

MARKS = [9.9e37, -9.9e37, 9.91e37, math.inf, -math.inf, math.nan]


@pytest.mark.parametrize("mark", [*MARKS, 0.13, -0.121])
def test_marks_and_values_beyond_the_range_are_replaced(mark):
    values = np.array([0.01, mark, 0.119, -0.119])
    kept, largest = without_overload(values, 0.1)
    assert np.array_equal(np.isnan(kept), [False, True, False, False])
    assert largest is not None
    assert np.array_equal(kept[[0, 2, 3]], values[[0, 2, 3]])
    assert without_overload(kept[[0, 2, 3]], 0.1)[1] is None


@pytest.mark.parametrize("mark", MARKS)
def test_an_overload_in_a_gated_window_is_its_fault_and_no_current(mark):
    sink = Keeper()
    window = Window(sink, 0, 1000.0, 0.05, 0.1)
    window.add(np.array([0.01, mark, 0.01], np.float32), np.arange(3) / 1000.0)
    assert window.fault is not None
    assert window.fault.code == "monitor.overload"
    stored = np.concatenate([block.columns[0] for block in sink.blocks])
    assert np.isnan(stored[1])
    assert stored[[0, 2]] == pytest.approx(0.01)


def test_a_reading_at_the_limit_is_a_limited_current_and_one_beyond_the_range_is_not():
    with pytest.raises(BenchError, match=r"bench\.current"):
        check_reading(0.05, 0.05, 0.1)
    with pytest.raises(BenchError, match=r"monitor\.overload"):
        check_reading(9.9e37, 0.05, 0.1)
    check_reading(0.01, 0.05, 0.1)


@pytest.mark.parametrize("value", [9.9e37, -9.9e37, math.nan, 0.2, 5.0])
@pytest.mark.parametrize("name", ["keithley-2450", "keysight-n6705"])
def test_an_overload_outside_a_window_is_reported_as_such_while_samples_come(name, value):
    if name == "keysight-n6705" and value == 0.2:
        pytest.skip("its seamless range ends at 3 A")
    with VirtualBench(monitor=name, io_manager=None) as bench:
        monitor = driver("monitors", name)(
            bench.urls["monitor"], settings={}, clock=bench.clock, transcript=Log()
        )
        monitor.configure(setup(50.0 if name == "keithley-2450" else 1000.0, 1.8, "monitor", highest_a=0.05))
        monitor.on()
        bench.clock.sleep(3.0)
        sink = Keeper()
        monitor.start(sink)
        bench.clock.sleep(1.0)
        assert not sink.faults
        bench.world.handle({"op": "fault", "name": "overload", "params": {"value": value}})
        bench.clock.sleep(2.0)
        assert [fault.code for fault in sink.faults] == ["monitor.overload"]
        assert "range" in sink.faults[0].hint
        currents = np.concatenate([block.columns[0] for block in sink.blocks])
        assert np.nanmax(np.abs(currents)) < 0.05
        assert np.count_nonzero(np.isnan(currents)) == 1
        monitor.off()
        monitor.close()
