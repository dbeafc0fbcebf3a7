"""The contract of a monitor, held by every driver that there is."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import ClassVar

from drivers.testkit import MonitorContract


class TestLpm01a(MonitorContract):
    driver = "lpm01a"


class TestLpm01aCurrent(MonitorContract):
    driver = "lpm01a"
    settings: ClassVar = {"output": "current"}


class TestLpm01aByTheUno(MonitorContract):
    driver = "lpm01a"
    edges = "io"


class TestKeithley2461(MonitorContract):
    driver = "keithley-2461"


class TestKeithley2450(MonitorContract):
    driver = "keithley-2450"


class TestN6705(MonitorContract):
    driver = "keysight-n6705"


class TestPpk2(MonitorContract):
    driver = "ppk2"


class TestPpk2Ampere(MonitorContract):
    driver = "ppk2"
    settings: ClassVar = {"mode": "ampere"}
    twin_settings: ClassVar = {"ampere": True}


class TestJoulescope(MonitorContract):
    driver = "joulescope"

    def unplug(self, it):
        it.bench.world.handle({"op": "fault", "name": "joulescope-removed", "params": {}})
        end_s = it.bench.clock.now() + 30.0
        while not it.sink.faults and it.bench.clock.now() < end_s:
            it.bench.clock.sleep(0.1)
        assert it.sink.faults
        return it.sink.faults[0]


class TestJoulescopeJs110(TestJoulescope):
    twin_settings: ClassVar = {"model": "js110"}


def test_no_driver_is_left_out():
    held = {kind.driver for kind in MonitorContract.__subclasses__()}
    held.add("replay")  # plays recordings, no DUT answers it: tests/recording/test_replay.py
    assert held == {point.name for point in entry_points(group="joulebench.monitors")}
