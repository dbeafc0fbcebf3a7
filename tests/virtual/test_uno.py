from __future__ import annotations

import pytest

from drivers.virtual.bench import VirtualBench
from tests.virtual.host import Host


@pytest.fixture
def make():
    opened = []

    def build(**options):
        bench = VirtualBench(monitor=None, io_manager="uno", **options)
        host = Host(bench.urls["io"], bench.clock)
        opened.extend((host, bench))
        bench.clock.sleep(2.0)  # opening the port resets an Uno
        host.quiet(0.1)
        return bench, host

    yield build
    for thing in opened:
        thing.close()


def both(host, command):
    """A passthrough: up to the DUT's own m-ready."""
    return host.ask(f"dut {command}%", last="[dut]: m-ready")


@pytest.mark.parametrize(
    ("command", "lines"),
    [
        ("tm 0%", ["m-timestmp-mode-FALLING", "m-[Timer disabled after mode change]", "m-ready"]),
        ("enable-timer%", ["m-timer-enabled", "m-ready"]),
        ("disable-timer%", ["m-timer-disabled", "m-ready"]),
    ],
)
def test_its_own_commands_answer_as_in_the_published_sessions(make, command, lines):
    _, host = make()
    assert host.ask(command) == lines


def test_passthrough_answers_as_in_the_published_sessions(make):
    _, host = make(workload="ad01")
    assert both(host, "profile") == [
        "m-dut-passthrough(profile)",
        "m-ready",
        "[dut]: m-profile-[ULPMark for tinyML Firmware V0.0.1]",
        "[dut]: m-model-[ad01]",
        "[dut]: m-ready",
    ]
    lines = both(host, "infer 10 1")
    assert lines[:6] == [
        "m-dut-passthrough(infer 10 1)",
        "m-ready",
        "[dut]: m-warmup-start-1",
        "[dut]: m-warmup-done",
        "[dut]: m-infer-start-10",
        "[dut]: m-infer-done",
    ]
    assert lines[6].startswith("[dut]: m-results-[")
    assert lines[7:] == ["[dut]: m-ready"]


def test_the_duts_first_line_follows_the_answer_by_the_published_20_ms(make):
    bench, host = make(workload="ad01")
    host.write(b"dut infer 10 1%")
    host.until("m-ready")
    answered = bench.clock.now()
    assert host.line() == "[dut]: m-warmup-start-1"
    assert bench.clock.now() - answered == pytest.approx(0.020, abs=0.003)


def test_a_boot_of_the_dut_is_relayed_unasked(make):
    bench, host = make()
    bench.dut.reset()
    assert host.until("[dut]: m-ready") == [
        "[dut]: m-timestamp-mode-energy",
        "[dut]: m-init-done",
        "[dut]: m-ready",
    ]


def test_loading_goes_at_the_published_320_bytes_a_second(make):
    bench, host = make(workload="ad01")
    both(host, "db load 2560")
    begin = bench.clock.now()
    for k in range(99):
        lines = both(host, "db " + "5a" * min(26, 2560 - 26 * k))
    assert lines[-2:] == ["[dut]: m-load-done", "[dut]: m-ready"]
    assert bench.clock.now() - begin == pytest.approx(7.97, rel=0.1)


def test_laps_come_only_while_the_timer_runs_in_steps_of_4_us(make):
    bench, host = make(workload="ad01")
    assert not any("lap" in line for line in both(host, "timestamp"))
    host.ask("tm 0%")
    host.ask("enable-timer%")
    lines = both(host, "infer 2000 0")
    laps = [int(line.removeprefix("m-lap-us-")) for line in lines if line.startswith("m-lap-us-")]
    _, _, start, stop = bench.world.handle({"op": "edges"})["falling_s"]
    assert len(laps) == 2
    assert all(lap % 4 == 0 for lap in laps)
    assert laps[1] - laps[0] == pytest.approx((stop - start) * 1e6, abs=4)


def test_its_resonator_may_be_wrong_and_its_microseconds_wrap(make):
    bench, host = make(workload="ad01", uno_ppm=5000.0)
    host.ask("tm 0%")
    host.ask("enable-timer%")
    bench.io._boot_ns = bench.world.now_ns - int((2**32 - 1_000_000) * 1000 / 1.005)
    lines = both(host, "infer 1900 0")
    first, second = (int(line.removeprefix("m-lap-us-")) for line in lines if line.startswith("m-lap-us-"))
    assert second < first
    _, start, stop = bench.world.handle({"op": "edges"})["falling_s"]
    assert (second - first) % 2**32 == pytest.approx((stop - start) * 1e6 * 1.005, abs=8)


def test_a_change_of_mode_disables_the_timer(make):
    _, host = make(workload="ad01")
    host.ask("enable-timer%")
    host.ask("tm 0%")
    assert not any("lap" in line for line in both(host, "timestamp"))


def test_talking_over_the_dut_loses_its_bytes(make):
    _, host = make(workload="kws01")
    host.ask("dut infer 1 1%", last="[dut]: m-warmup-start-1")
    host.write(b"dut db 0000000000000000000000000000000000000000%")
    text = host.quiet(2.0)
    assert b"m-infer-start-1\r\n" not in text
    assert b"[dut]: rt-1\r\n" in text  # what was left of two lines, merged into one


def test_what_comes_while_the_boot_loader_runs_is_lost():
    with VirtualBench(monitor=None, io_manager="uno") as bench:
        host = Host(bench.urls["io"], bench.clock)
        host.write(b"tm 0%")
        assert b"FALLING" not in host.quiet(3.0)
        host.close()


def test_opening_the_port_anew_resets_it_at_once(make):
    bench, host = make()
    host.ask("enable-timer%")
    host.close()
    again = Host(bench.urls["io"], bench.clock)
    again.write(b"tm 0%")
    assert again.quiet(2.0) == b""
    assert again.ask("tm 0%")[-1] == "m-ready"
    again.close()
