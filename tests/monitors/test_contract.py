"""The contract of a monitor, held by every driver that there is."""

from __future__ import annotations

from importlib.metadata import entry_points

from drivers.testkit import MonitorContract


class TestLpm01a(MonitorContract):
    driver = "lpm01a"


class TestLpm01aCurrent(MonitorContract):
    driver = "lpm01a"
    settings = {"output": "current"}


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
    settings = {"mode": "ampere"}
    twin_settings = {"ampere": True}


def test_no_driver_is_left_out():
    held = {kind.driver for kind in MonitorContract.__subclasses__()}
    held.add("replay")  # plays recordings, no DUT answers it: tests/recording/test_replay.py
    assert held == {point.name for point in entry_points(group="joulebench.monitors")}
