"""Wrong wiring on the virtual bench, seen from a host that shares no code with the drivers."""

from __future__ import annotations

import pytest

from drivers.io_managers.uno import open_uno
from drivers.virtual.bench import VirtualBench
from drivers.virtual.pin import add_low
from drivers.virtual.wiring import WIRING
from energy.errors import UsageError
from tests.links.peer import Log
from tests.virtual.host import Host


@pytest.fixture
def make():
    opened = []

    def build(*faults, **options):
        bench = VirtualBench(faults=faults, monitor=options.pop("monitor", None), **options)
        host = Host(bench.urls["dut"], bench.clock, 9600)
        opened.extend((host, bench))
        return bench, host

    yield build
    for thing in opened:
        thing.close()


def joule(bench, start_s, stop_s):
    return bench.world.handle({"op": "truth", "start_s": start_s, "stop_s": stop_s})["energy_j"]


def test_without_its_supply_wire_the_dut_draws_nothing_and_is_silent(make):
    bench, host = make("open-supply")
    assert host.quiet(1.0) == b""
    assert joule(bench, 0.0, 1.0) == 0.0
    assert bench.world.supply.on


def test_a_back_powered_dut_answers_with_the_supply_off_and_runs_on_when_it_comes(make):
    bench, host = make("back-powered", monitor="lpm01a")
    assert not bench.world.supply.on
    host.until("m-ready")
    assert host.ask("name%")[-1] == "m-ready"
    before_s = bench.clock.now()
    assert joule(bench, 0.0, before_s) == 0.0  # the supply gives none of what it lives on
    bench.world.supply.switch(True)
    bench.clock.sleep(1.0)
    assert joule(bench, before_s, before_s + 1.0) == pytest.approx(bench.board.idle_w, rel=1e-6)
    assert host.quiet(0.1) == b""  # it has not booted again
    bench.world.supply.switch(False)
    assert host.ask("name%")[-1] == "m-ready"


def test_a_short_circuit_draws_its_current_and_nothing_runs(make):
    bench, host = make(("short-circuit", {"current_a": 0.2}))
    assert host.quiet(1.0) == b""
    assert joule(bench, 0.0, 1.0) == pytest.approx(0.2 * bench.world.supply.voltage_v, rel=1e-9)


def test_a_short_circuit_trips_the_monitor_s_protection_at_power_on():
    with VirtualBench(faults=["short-circuit"]) as bench:
        assert bench.world.timeline.power_w(0) == 0.0
        bench.world.supply.switch(True)
        assert bench.world.timeline.power_w(0) == pytest.approx(bench.world.supply.voltage_v)


def test_every_third_byte_is_damaged_without_a_common_ground(make):
    _, host = make("missing-ground")
    text = host.quiet(1.0)
    assert [k for k, byte in enumerate(text) if byte >= 0x80] == list(range(0, len(text), 3))
    assert bytes(byte & 0x7F for byte in text).startswith(b"m-timestamp-mode-energy\r\n")


def test_another_firmware_says_so(make):
    _, host = make(("other-firmware", {"workload": "vww01", "mode": "performance"}))
    assert host.until("m-ready")[0] == "m-timestamp-mode-performance"
    assert "m-model-[vww01]" in host.ask("profile%")


def test_an_inverted_pin_falls_at_the_end_of_its_pulse(make):
    bench, host = make("inverted-pin")
    seen = []
    bench.dut.pin.watchers.append(lambda width: seen.append((bench.world.now_ns, width)))
    host.until("m-ready")
    host.ask("timestamp%")
    width = round(bench.board.hold_s * 1e9)
    assert seen == [(mark + width, width) for mark in bench.world.falling_ns]


def test_an_input_that_samples_levels_sees_an_inverted_pin_low_between_its_marks(make):
    bench, host = make("inverted-pin")
    lows = []
    bench.dut.pin.watchers.append(lambda width: add_low(lows, bench.dut.pin, bench.world.now_ns, width))
    host.until("m-ready")
    host.ask("timestamp%")
    boot, mark = bench.world.falling_ns
    width = round(bench.board.hold_s * 1e9)
    assert lows[0] == (boot + width, mark)
    assert lows[1][0] == mark + width
    assert lows[1][1] > bench.world.now_ns


@pytest.mark.parametrize(("at", "left"), [("both", []), ("monitor", ["io"]), ("io", ["monitor"])])
def test_a_timestamp_wire_is_open_where_asked(at, left):
    with VirtualBench(io_manager="uno", faults=[("open-timestamp", {"at": at})]) as bench:
        twins = {id(bench.monitor): "monitor", id(bench.io): "io"}
        watchers = [getattr(watcher, "__self__", None) for watcher in bench.dut.pin.watchers]
        assert [twins[id(twin)] for twin in watchers] == left


def test_the_io_manager_can_be_silent_and_only_where_there_is_one():
    with VirtualBench(io_manager="uno", monitor=None, faults=["silent-io"]) as bench:
        host = Host(bench.urls["io"], bench.clock)
        bench.clock.sleep(2.0)
        host.write(b"name%")
        assert host.quiet(1.0) == b""
        host.close()
    with pytest.raises(UsageError, match="no IO manager"):
        VirtualBench(monitor=None, faults=["silent-io"])


@pytest.mark.parametrize("name", sorted(WIRING))
def test_a_parameter_that_is_not_known_is_named(name):
    with pytest.raises(UsageError, match="no parameter colour"):
        VirtualBench(io_manager="uno", faults=[(name, {"colour": 1})])


@pytest.mark.drivers
@pytest.mark.parametrize(("width_s", "reported_s"), [(None, 1e-3), (200e-9, 0.0), (40e-6, 40e-6)])
def test_the_uno_measures_a_pulse_by_both_its_edges_and_goes_back_to_falling_ones(width_s, reported_s):
    faults = [("short-pulse", {"every": True, "width_s": width_s})] if width_s else []
    with VirtualBench(io_manager="uno", monitor=None, faults=faults) as bench:
        uno = open_uno(bench.urls["io"], settings={}, clock=bench.clock, transcript=Log())
        dut = uno.dut()
        dut.wait_ready(5.0)
        reported_s = bench.board.hold_s if width_s is None else reported_s
        assert uno.pulse_s(dut.timestamp) == pytest.approx(reported_s, abs=4e-6)
        dut.timestamp()
        assert len(uno.laps()) == 1
        uno.close()


@pytest.mark.drivers
def test_a_pulse_that_never_comes_has_no_length():
    with VirtualBench(io_manager="uno", monitor=None, faults=["open-timestamp"]) as bench:
        uno = open_uno(bench.urls["io"], settings={}, clock=bench.clock, transcript=Log())
        dut = uno.dut()
        dut.wait_ready(5.0)
        assert uno.pulse_s(dut.timestamp) is None
        uno.close()
