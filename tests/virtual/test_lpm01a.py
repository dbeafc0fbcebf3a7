from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from drivers.lpm01a.twin.stream import sample_lines, timestamp_line
from drivers.virtual.bench import VirtualBench
from drivers.virtual.boards import load_board
from tests.virtual.host import Host, Recorder

SETUP = [
    "htc",
    'lcd 1 "MLPerf Tiny"',
    'lcd 2 "     monitor    "',
    "pwr off",
    "acqtime inf",
    "trigdelay 0",
    "trigsrc sw",
    "eventsrc d7 fal",
    "output energy",
    "format ascii_dec",
    "freq 1k",
    "volt 1800m",
    "pwr on nostatus",
]
"""The MLCommons runner's sequence (protocols.md 3.2)."""


class Shield(Host):
    """A host on the monitor's port."""

    def command(self, text, silence=0.0):
        """The reply's bytes, NULs removed."""
        self.write(text.encode() + b"\n")
        return self.quiet(0.001).replace(b"\0", b"")

    def set_up(self, *extra):
        for text in (*SETUP, *extra):
            assert self.command(text) == f"\r\nPowerShield > ack {text}\r\n\r\n".encode()


def benches():
    """For a fixture: makes benches with a host on the monitor's port, and closes them."""
    opened = []

    def build(**options):
        bench = VirtualBench(**options)
        opened.append(bench)
        shield = Shield(bench.urls["monitor"], bench.clock, 3686400)
        opened.insert(0, shield)
        return bench, shield

    yield build
    for thing in opened:
        thing.close()


@pytest.fixture
def make():
    yield from benches()


def decoded(text):
    """Samples and positions of events, read with Python's own float; and the lines that are neither."""
    samples, events, rest = [], [], []
    for line in text.replace(b"\0", b"").decode().split("\r\n"):
        if re.fullmatch(r"\d{4}[+-]\d\d", line):
            samples.append(float(f"{line[:4]}e{line[4:]}"))
        elif line.startswith("event"):
            events.append((line, len(samples)))
        elif line:
            rest.append(line)
    return np.array(samples), events, rest


def record(bench, shield, seconds):
    shield.write(b"start\n")
    shield.until("\0PowerShield > ack start")
    shield.line()
    begin = bench.world.now_ns
    recorder = Recorder(shield)
    bench.clock.sleep(seconds)
    shield.write(b"stop\n")
    bench.clock.sleep(0.01)
    recorder.stop()
    return begin, bytes(recorder.data)


def test_replies_are_byte_for_byte_the_documented_ones(make):
    _, shield = make()
    shield.set_up()
    assert (
        shield.command("powershield")
        == b"\r\nPowerShield > ack powershield 540619864-1110659081-4784204\r\n\r\n"
    )
    assert shield.command("version") == b"\r\nPowerShield > ack version: 1.0.6\r\n\r\n"
    assert shield.command("volt get") == b"\r\nPowerShield > ack volt get 1800-03\r\n\r\n"
    assert shield.command("temp degc") == b"\r\nPowerShield > ack temp degc 28.0\r\n\r\n"
    assert shield.command("echo ABC") == b"\r\nPowerShield > echo ABC\r\n\r\n"
    assert shield.command("status") == b"\r\nPowerShield > ack status ok\r\n\r\n"


def test_the_reply_to_start_is_29_characters_and_one_nul(make):
    _, shield = make(first_timestamp=False)
    shield.set_up()
    shield.write(b"start\n")
    reply = shield.quiet(0.001)
    assert (len(reply), reply.count(b"\0")) == (30, 1)


@pytest.mark.parametrize(
    "command",
    ["volt 1700m", "volt 3400m", "freq 3k", "output power", "acqtime 200", "lcd 3 \"x\"",
     "lcd 1 \"12345678901234567\"", "pwr maybe", "volt 1.8", "eventsrc d8 fal",
     "trigdelay 31", "bogus", "stop"],
)  # fmt: skip
def test_what_it_does_not_take_is_refused_with_a_detail(make, command):
    _, shield = make()
    shield.set_up()
    first, second = shield.command(command).decode().strip().split("\r\n")
    assert first == f"PowerShield > error {command}"
    assert second.startswith("Error detail: ")


def test_without_host_control_only_the_common_commands_work(make):
    _, shield = make()
    assert b"ack version" in shield.command("version")
    assert b"error pwr on" in shield.command("pwr on")
    assert b"ack htc" in shield.command("htc\r")
    assert b"ack pwr on" in shield.command("pwr on")


def test_an_old_firmware_limits_energy_to_100_hz(make):
    _, shield = make(max_energy_hz=100)
    shield.command("htc")
    shield.command("output energy")
    assert b"error freq 1k" in shield.command("freq 1k")


def test_samples_are_the_documented_digits():
    assert sample_lines(np.array([640.9e-6, 0.0, 0.07935, 9.9996e-5])) == (
        b"6409-07\r\n0000-10\r\n7935-05\r\n1000-07\r\n"
    )
    assert sample_lines(np.array([9.9999e-5, 1.2349e-3]), truncate=True) == b"9999-08\r\n1234-06\r\n"


def test_lines_of_any_value_are_within_half_a_unit_of_the_last_digit():
    rng = np.random.default_rng(3)
    values = 10.0 ** rng.uniform(-9, 1, 20_000)
    read = np.array([float(f"{t[:4]}e{t[4:]}") for t in sample_lines(values).decode().split()])
    assert np.max(np.abs(read / values - 1)) <= 0.5e-3 * (1 + 1e-9)
    cut = np.array([float(f"{t[:4]}e{t[4:]}") for t in sample_lines(values, truncate=True).decode().split()])
    assert np.all((cut <= values * (1 + 1e-12)) & (cut > values * (1 - 1.0001e-3)))


def test_a_time_mark_is_the_documented_line():
    assert timestamp_line(1000, 1000) == b"TimeStamp: 001s 000ms, buff 07%\r\n\0"


def test_a_stream_has_a_time_mark_every_thousand_samples_and_ends_with_a_summary(make):
    bench, shield = make(ppm=0.0)
    shield.set_up()
    _, data = record(bench, shield, 2.5)
    samples, _, rest = decoded(data)
    assert len(samples) == 2500
    assert [line for line in rest if line.startswith("Time")] == [
        f"TimeStamp: {second:03d}s 000ms, buff {0 if second == 0 else 7:02d}%" for second in range(3)
    ]
    assert rest[3] == "PowerShield > ack stop"
    assert [rest[4], rest[5], rest[-2], rest[-1]] == [
        "end",
        "summary beg",
        "summary end",
        "PowerShield > Acquisition completed",
    ]
    head = data.split(b"TimeStamp: 001s")[0]
    assert head.count(b"-08\r\n") == 1000


@pytest.mark.parametrize("ppm", [0.0, 130.0, -40.0])
def test_every_sample_is_the_true_energy_of_its_own_period(make, ppm):
    bench, shield = make(ppm=ppm)
    shield.set_up()
    begin, data = record(bench, shield, 1.2)
    samples, _, _ = decoded(data)
    period = Fraction(10**9) / 1000 / (1 + Fraction(ppm) / 10**6)
    assert len(samples) == int((1.2e9) / period)
    truth = [
        float(bench.world.timeline.energy_j(begin + k * period, begin + (k + 1) * period))
        for k in range(len(samples))
    ]
    np.testing.assert_allclose(samples, truth, rtol=0.5001e-3)


def session(make, **options):
    """One window of 300 inferences; its samples, events and the truth."""
    bench, shield = make(**options)
    shield.set_up()
    dut = Host(bench.urls["dut"], bench.clock, 9600)
    shield.write(b"start\n")
    shield.until("\0PowerShield > ack start")
    shield.line()
    recorder = Recorder(shield)
    dut.until("m-ready")
    dut.ask("infer 300 1%", last="m-ready")
    bench.clock.sleep(0.2)
    shield.write(b"stop\n")
    bench.clock.sleep(0.01)
    recorder.stop()
    dut.close()
    edges = bench.world.handle({"op": "edges"})["falling_s"][-2:]
    truth = bench.world.handle({"op": "truth", "start_s": edges[0], "stop_s": edges[1]})["energy_j"]
    return *decoded(bytes(recorder.data)), edges, truth


@pytest.mark.parametrize(("truncate", "bound"), [(False, 0.5e-3), (True, 1e-3)])
@pytest.mark.parametrize("output", ["energy", "current"])
def test_the_energy_of_a_window_agrees_with_the_truth(make, truncate, bound, output, monkeypatch):
    if output == "current":
        monkeypatch.setitem(globals(), "SETUP", [text.replace("energy", "current") for text in SETUP])
    samples, events, _, (start, stop), truth = session(make, truncate=truncate)
    _, (_, first), (_, last) = events
    factor = 1.0 if output == "energy" else 1.8 / 1000 / (1 + 130e-6)
    energy = samples[first:last].sum() * factor
    grid = 2 * 0.048 * 1e-3  # each edge lies somewhere in its sample, of at most 48 mW
    assert abs(energy - truth) <= bound * truth + grid
    assert last - first == pytest.approx((stop - start) * 1000 * (1 + 130e-6), abs=1)
    assert [line for line, _ in events] == ["event 00 ris", "event 01 ris", "event 02 ris"]


def test_no_event_comes_without_its_source_and_none_from_too_short_a_pulse(make):
    _, events, _, _, _ = session(make, faults=[("short-pulse", {"infer": 0, "which": "stop"})])
    assert len(events) == 2


def test_overcurrent_stops_the_stream_with_the_quoted_line_until_status_clears_it(make):
    bench, shield = make()
    shield.set_up()
    shield.write(b"start\n")
    bench.clock.sleep(0.5)
    bench.world.handle({"op": "fault", "name": "overcurrent-stop"})
    bench.clock.sleep(1.0)
    _, _, rest = decoded(shield.quiet(0.5))
    assert rest[-1] == "error: Overcurrent >59mA, dynamic acquisition stopped"
    assert b"ack status error: Overcurrent" in shield.command("status")
    assert b"ack status ok" in shield.command("status")


def test_a_board_that_draws_too_much_trips_the_protection_by_itself(make):
    board = load_board("NUCLEO-H7A3ZI-Q")
    kws01 = board.workloads["kws01"]
    hungry = {"kws01": replace(kws01, energy_j=1.8 * kws01.energy_j)}
    bench, shield = make(board=replace(board, workloads=hungry))
    shield.set_up("volt 3000m")  # 219 mW at 3 V are 73 mA
    shield.write(b"start\n")
    shield.quiet(0.3)
    bench.dut.rx.send(b"infer 100 1%")
    _, _, rest = decoded(shield.quiet(1.0))
    assert rest[-1].startswith("error: Overcurrent")


def test_dropped_samples_leave_the_time_marks_where_they_are(make):
    bench, shield = make(ppm=0.0, faults=[("dropped-samples", {"at_s": 1.5, "count": 7})])
    shield.set_up()
    _, data = record(bench, shield, 3.0)
    parts = data.replace(b"\0", b"").split(b"TimeStamp: ")
    assert [part.count(b"-0") for part in parts[2:4]] == [993, 1000]


def test_power_off_works_in_the_middle_of_a_stream(make):
    bench, shield = make()
    shield.set_up()
    shield.write(b"start\n")
    shield.quiet(0.5)
    shield.write(b"pwr off\n")
    text = shield.quiet(0.01)
    assert b"PowerShield > ack pwr off" in text
    assert not bench.world.supply.on
    samples, _, _ = decoded(shield.quiet(0.5))
    assert samples[-1] == 0.0


def test_an_acquisition_of_limited_time_ends_by_itself(make):
    _, shield = make(ppm=0.0)
    shield.set_up("acqtime 1")
    shield.write(b"start\n")
    samples, _, rest = decoded(shield.quiet(3.0))
    assert len(samples) == 1000
    assert rest[-1] == "PowerShield > Acquisition completed"


def delay_of_an_event_s(bench, shield):
    """Virtual time from an edge on D7 to its line on the wire, in steps of 1 ms."""
    shield.quiet(0.05)
    bench.monitor.edge(10_000)
    for milliseconds in range(1, 3000):
        if b"event" in shield.quiet(0.001):
            return milliseconds / 1000
    raise AssertionError("no event came")


@pytest.mark.parametrize("rate", ["1", "100", "1k", "5k"])
def test_an_event_is_on_the_wire_within_5_ms_as_in_published_sessions(make, rate):
    bench, shield = make()
    shield.set_up(f"freq {rate}")
    shield.command("start")
    assert max(delay_of_an_event_s(bench, shield) for _ in range(5)) <= 0.006


def test_samples_are_on_the_wire_within_5_ms_too(make):
    bench, shield = make(ppm=0.0)
    shield.set_up()
    shield.write(b"start\n")
    received = 0
    for _ in range(50):
        received += len(re.findall(rb"\d{4}[+-]\d\d\r", shield.quiet(0.0173)))
        assert 0 <= bench.monitor.position() - received <= 5
    assert received > 800


def test_late_delivery_is_a_fault(make):
    bench, shield = make(faults=[("late-delivery", {"delay_s": 0.2})])
    shield.set_up()
    shield.command("start")
    assert max(delay_of_an_event_s(bench, shield) for _ in range(7)) > 0.05
