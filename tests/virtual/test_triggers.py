"""When faults begin, and faults of whole messages and of clocks: each where its parameters say."""

from __future__ import annotations

import pytest

from drivers.virtual.bench import VirtualBench
from drivers.virtual.sampler import Sampler
from drivers.virtual.timeline import Timeline
from drivers.virtual.world import NS
from energy.errors import UsageError
from tests.virtual.host import Host
from tests.virtual.test_lpm01a import Shield

BOOT = [b"m-timestamp-mode-energy\r\n", b"m-init-done\r\n", b"m-ready\r\n"]


@pytest.fixture
def make():
    opened = []

    def build(*faults, **options):
        bench = VirtualBench(faults=faults, monitor=options.pop("monitor", None), **options)
        opened.append(bench)
        if "dut" not in bench.urls:
            return bench, None
        opened.insert(0, Host(bench.urls["dut"], bench.clock, 9600))
        return bench, opened[0]

    yield build
    for thing in opened:
        thing.close()


@pytest.fixture
def shield():
    opened = []

    def build(*faults, **options):
        bench = VirtualBench(faults=faults, **options)
        opened.append(bench)
        opened.insert(0, Shield(bench.urls["monitor"], bench.clock, 3686400))
        return bench, opened[0]

    yield build
    for thing in opened:
        thing.close()


@pytest.mark.parametrize(
    ("name", "params", "arrive"),
    [
        ("lost-message", {}, [*BOOT[1:]]),
        ("lost-message", {"count": 2}, [*BOOT[2:]]),
        ("half-message", {}, [BOOT[0][: len(BOOT[0]) // 2], *BOOT[1:]]),
        ("doubled-message", {}, [BOOT[0], *BOOT]),
        ("garbled-message", {}, [b"m-timestamp-\xedode-energy\r\n", *BOOT[1:]]),
        ("garbled-message", {"xor": 1}, [b"m-timestamp-lode-energy\r\n", *BOOT[1:]]),
    ],
)
def test_the_next_message_is_damaged_and_no_other(make, name, params, arrive):
    bench, host = make((name, params))
    assert host.quiet(1.0) == b"".join(arrive)
    assert bench.struck == params.get("count", 1)


def test_a_fault_begins_when_its_text_is_heard_and_hits_the_answer_to_it(shield):
    bench, host = shield(("lost-message", {"port": "monitor", "heard": "version"}))
    assert b"powershield" in host.command("powershield")
    assert bench.struck == 0
    host.write(b"ver")
    assert host.quiet(0.01) == b""
    host.write(b"sion\n")
    assert host.quiet(0.01) == b""
    assert bench.struck == 1
    assert b"version: " in host.command("version")


def test_a_text_is_waited_for_as_often_as_asked_and_not_before_its_time(shield):
    second = {"port": "monitor", "heard": "status", "hearing": 2}
    powered = {"port": "monitor", "heard": "volt get", "boot": True}
    _, host = shield(("lost-message", second), ("half-message", powered))
    assert b"status ok" in host.command("status")
    assert host.command("status") == b""
    assert b"status ok" in host.command("status")
    host.command("htc")
    assert b"volt get" in host.command("volt get")
    host.command("pwr on")
    assert b"volt get" not in host.command("volt get")
    assert b"volt get" in host.command("volt get")


def test_what_vanishes_at_a_command_does_not_execute_it(shield):
    unplugged = ("unplugged-port", {"port": "monitor", "heard": "pwr on", "powered": True})
    bench, host = shield(unplugged)
    host.command("htc")
    host.write(b"pwr on\n")
    bench.world.run(NS)
    bench.world.pump()
    assert (bench.struck, bench.port("monitor").unplugged, bench.world.supply.on) == (1, True, False)


def test_a_supply_and_an_io_manager_are_heard_and_a_port_that_is_not_there_is_named(make):
    settings = {"monitor": "joulescope", "supply": "scpi", "io_manager": "uno"}
    silent = {"heard": "s/i/ctrl = 1", "delay_s": 0.5}
    bench, _ = make(("silent-monitor", silent), **settings)
    driver = bench.monitor.given["make_driver"]()
    driver.open(bench.monitor.url)
    driver.publish(f"{bench.monitor.url}/s/i/ctrl", 0)
    driver.publish(f"{bench.monitor.url}/s/i/ctrl", 1)
    bench.world.run(NS // 4)
    assert bench.struck == 0
    bench.world.run(NS // 4)
    assert (bench.struck, bench.monitor.silent) == (1, True)
    with pytest.raises(UsageError, match="no port 'supply'"):
        make(("silent-dut", {"heard": "OUTP", "hears": "supply"}))


def test_a_closing_mark_and_the_supply_s_end_begin_faults(make):
    bench, host = make(("silent-dut", {"closed": 1}))
    host.until("m-ready")
    assert host.ask("infer 3 0%")[-1] == "m-ready"
    host.write(b"infer 3 0%")
    lines = host.quiet(5.0).decode().split()
    assert "m-infer-start-3" in lines
    assert "m-infer-done" not in lines
    bench, _ = make(("back-powered", {"off": True, "delay_s": 1.0}))
    bench.world.run(NS)
    bench.world.supply.switch(False)
    bench.world.run(NS // 2)
    assert (bench.struck, bench.dut.back_powered) == (0, False)
    bench.world.run(NS)
    assert (bench.struck, bench.dut.back_powered) == (1, True)


def test_bytes_that_are_late_strike_when_there_are_some(make):
    bench, host = make(("late-bytes", {"at_s": 2.0, "for_s": 1.0, "by_s": 0.2}))
    host.quiet(4.0)
    assert bench.struck == 0
    bench, host = make(("late-bytes", {"for_s": 1.0, "by_s": 0.2}))
    assert host.quiet(4.0) == b"".join(BOOT)
    assert bench.struck == len(BOOT)


def test_protection_that_has_nothing_to_end_does_not_strike(shield):
    bench, host = shield(("overcurrent-stop", {"boot": True, "delay_s": 0.1}))
    host.set_up()
    host.command("pwr on")
    host.quiet(1.0)
    assert bench.struck == 0


# Clocks


def test_a_clock_that_drifts_keeps_the_numbers_of_its_samples():
    sampler = Sampler(Timeline(), 1000, 1000.0, 0.0)
    now_ns = 1000 + 2_500_000  # in the middle of sample 2
    sampler.hasten(now_ns, 250_000.0)
    assert sampler.complete(now_ns) == 2
    assert sampler.boundary_ns(3) - now_ns == pytest.approx(0.5e6 / 1.25, abs=1)
    assert sampler.boundary_ns(4) - sampler.boundary_ns(3) == pytest.approx(1e6 / 1.25, abs=1)


def test_the_lpm01a_and_the_uno_drift_from_their_moment_on(shield, make):
    bench, host = shield(("drifting-clock", {"ppm": 100_000.0, "at_s": 10.0}), ppm=0.0)
    host.set_up()
    host.write(b"start\n")
    begin_ns = bench.world.now_ns
    host.quiet(10.0 - begin_ns / NS)
    before = bench.monitor.position()
    assert before == pytest.approx((10 * NS - begin_ns) / 1e6, abs=1)
    host.quiet(2.0)
    assert bench.monitor.position() - before == pytest.approx(2200, abs=2)

    drift = ("drifting-clock", {"port": "io", "ppm": 100_000.0, "at_s": 10.0})
    bench, _ = make(drift, io_manager="uno")
    bench.world.run(10 * NS - 1)
    before_us = bench.io.clock_us()
    bench.world.run(NS + 1)
    assert bench.io.clock_us() - before_us == pytest.approx(1_100_000, abs=8)


def test_a_clock_that_cannot_drift_is_named():
    with pytest.raises(UsageError, match="the clock of JoulescopeTwin does not drift"):
        VirtualBench(monitor="joulescope", supply="scpi", faults=["drifting-clock"])
