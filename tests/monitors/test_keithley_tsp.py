"""A Keithley 2461's readings with their times, made by hand, and the language of its twin."""

from __future__ import annotations

import numpy as np
import pytest

from drivers.keithley.readings import Window
from drivers.keithley_2461.twin.tsp import Attribute, Interpreter, Name, choice, number
from tests.monitors.sink import Keeper

# Readings and times, by hand


def _taken(times_s, rate_hz, limit_a=1.0):
    sink = Keeper()
    window = Window(sink, 100, rate_hz, limit_a)
    sink.stop = 100
    times = np.asarray(times_s, np.float32)
    for low in range(0, len(times), 1000):
        window.add(np.full(len(times[low : low + 1000]), 0.01, np.float32), times[low : low + 1000])
    return sink, window


def test_float32_times_of_the_longest_window_show_no_gap_that_is_none_and_one_that_is():
    rate_hz, stop = 50_000.0, 2**22 - 1
    times = np.arange(stop - 5000, stop) / rate_hz
    readings = np.full(1, 0.01, np.float32)
    sink = Keeper()
    window = Window(sink, 0, rate_hz, 1.0)
    window.add(readings, np.float32(times[:1]))
    first_step = window.stop
    lost = np.delete(times, 1234)
    window.add(np.full(len(lost) - 1, 0.01, np.float32), np.float32(lost[1:]))
    assert first_step == 1
    assert [(gap.first, gap.count) for gap in sink.gaps] == [(1234, 1)]
    assert window.fault is None


def test_times_that_go_back_are_a_fault():
    _, window = _taken([0.0, 1e-3, 2e-3, 1e-3], 1000.0)
    assert window.fault.code == "k2461.timestamps"


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, 3e38])
def test_times_that_are_none_are_a_fault_and_no_gap(wrong):
    sink, window = _taken([0.0, 1e-3, wrong, 3e-3], 1000.0)
    assert window.fault.code == "k2461.timestamps"
    assert (sink.gaps, window.stop) == ([], 104)


def test_a_reading_at_the_limit_is_a_fault():
    _, window = _taken([0.0, 1e-3], 1000.0, limit_a=0.01)
    assert window.fault.code == "bench.current"


# The twin's language


@pytest.fixture
def tsp():
    language = Interpreter(names={"smu.ON", "smu.OFF"})
    language.attributes["smu.source.level"] = Attribute(0.0, number(0, 20))
    language.attributes["smu.source.output"] = Attribute(Name("smu.OFF"), choice("smu.ON", "smu.OFF"))
    language.functions["trigger.model.state"] = lambda: (Name("trigger.STATE_IDLE"), Name("x"), 0)
    return language


def test_assignments_calls_and_print_are_served(tsp):
    assert tsp.run("smu.source.level = 1.8e0") == b""
    assert tsp.run("print(smu.source.level)") == b"1.8\n"
    assert tsp.run("smu.source.output = smu.ON") == b""
    assert tsp.run("print(smu.source.output, nil)") == b"smu.ON\tnil\n"
    assert tsp.run("print(trigger.model.state())") == b"trigger.STATE_IDLE\tx\t0\n"
    assert not tsp.log


@pytest.mark.parametrize(
    ("line", "number"),
    [
        ("smu.source.level = 30", 1130),
        ("smu.source.output = 1", 1130),
        ("smu.source.levle = 3", -286),
        ("smu.sauce()", -286),
        ("print(smu.nothing)", -286),
        ("trigger.model.state(3)", -286),
        ("smu.source.level 3", -285),
        ("smu.source.level = = 3", -285),
        ("print(smu.source.level", -285),
        ("__import__('os')", -285),
        (":SOUR:VOLT 3", -285),
        ("print", -285),
    ],
)
def test_anything_else_goes_into_the_event_log(tsp, line, number):
    assert tsp.run(line) == b""
    assert [error.number for error in tsp.log] == [number]
    assert tsp.attributes["smu.source.level"].value == 0.0
