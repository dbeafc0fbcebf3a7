"""The LPM01A twin's binary stream, static mode and the rest, byte for byte after protocols.md 3."""

from __future__ import annotations

import re
from fractions import Fraction

import numpy as np
import pytest

from drivers.lpm01a.twin.binary import sample_words, temperature_packet, timestamp_packet, voltage_packet
from tests.virtual.host import Host, Recorder
from tests.virtual.test_lpm01a import SETUP, benches

BINARY = [*SETUP[:8], "freq 100", "output current", "format bin_hexa", "freq 10k", *SETUP[11:]]


@pytest.fixture
def make():
    yield from benches()


def values(raw: bytes) -> np.ndarray:
    word = np.frombuffer(raw, ">u2").astype(np.int64)
    return np.ldexp((word & 0xFFF).astype(float), -4 * (word >> 12))


def begin(shield):
    shield.write(b"start\n")
    shield.until("\0PowerShield > ack start")
    shield.line()


def record(bench, shield, seconds, *faults):
    begin(shield)
    origin = bench.world.now_ns
    recorder = Recorder(shield)
    for name, params in faults:
        bench.world.handle({"op": "fault", "name": name, "params": params})
    bench.clock.sleep(seconds)
    shield.write(b"stop\n")
    bench.clock.sleep(0.01)
    recorder.stop()
    return origin, bytes(recorder.data)


def split(data: bytes) -> tuple[list[bytes], bytes]:
    """Bytes of samples between the marks, and what follows the end; only for streams of nothing else."""
    body, _, rest = data.partition(bytes.fromhex("F0 F4 FF FF"))
    return re.split(rb"\xf0\xf3.....\xff\xff", body, flags=re.DOTALL), rest


def test_samples_are_the_documented_words():
    assert sample_words(np.array([672 / 16**5, 325 / 16**3])) == bytes.fromhex("52 A0 31 45")


@pytest.mark.parametrize(("truncate", "low", "high"), [(False, -0.5, 0.5), (True, -1.0, 0.0)])
def test_words_of_any_value_are_within_the_last_bit_of_a_normalised_mantissa(truncate, low, high):
    true = 10.0 ** np.random.default_rng(3).uniform(-12, 0, 20_000)
    raw = sample_words(true, truncate)
    mantissa = np.frombuffer(raw, ">u2") & 0xFFF
    assert mantissa.min() >= 0x100
    off = (values(raw) - true) / (values(raw) / mantissa)
    assert off.min() >= low * (1 + 1e-9)
    assert off.max() <= high * (1 + 1e-9)


def test_a_mantissa_that_rounds_up_to_a_thirteenth_bit_is_normalised():
    assert sample_words(np.array([4095.7 / 16**4, 0.0])) == bytes.fromhex("31 00 30 00")


def test_packets_are_the_documented_bytes():
    assert timestamp_packet(65535, 7) == bytes.fromhex("F0 F3 00 00 FF FF 07 FF FF")
    assert timestamp_packet(1000, 0, overflow=True) == bytes.fromhex("F0 F3 80 00 03 E8 00 FF FF")
    assert voltage_packet(3292) == bytes.fromhex("F0 F7 0C DC FF FF")
    assert temperature_packet(-1.0) == bytes.fromhex("F0 F8 FF FF FF FF")


def test_a_stream_has_a_mark_at_0_and_every_thousand_samples_and_ends_with_a_summary(make):
    bench, shield = make(ppm=0.0)
    shield.set_up(*BINARY)
    _, data = record(bench, shield, 0.25)
    assert data.startswith(bytes.fromhex("F0 F3 00 00 00 00 00 FF FF"))
    assert data[9 + 2000 :][:9] == bytes.fromhex("F0 F3 00 00 00 64 07 FF FF")
    samples, rest = split(data)
    assert [len(part) for part in samples] == [0, 2000, 2000, 1000]
    assert rest.startswith(b"\xf0\xf2summary beg\r\nmin ")
    assert rest.endswith(b"\r\n\0PowerShield > Acquisition completed\r\n\r\n")


@pytest.mark.parametrize("output", ["current", "energy"])
def test_every_sample_is_the_true_one_of_its_own_period(make, output):
    bench, shield = make(ppm=130.0)
    shield.set_up(*(f"output {output}" if text.startswith("output") else text for text in BINARY))
    origin, data = record(bench, shield, 0.12)
    read = values(b"".join(split(data)[0]))
    period = Fraction(10**9) / 10_000 / (1 + Fraction(130) / 10**6)
    truth = np.array(
        [
            float(bench.world.timeline.energy_j(origin + k * period, origin + (k + 1) * period))
            for k in range(len(read))
        ]
    )
    if output == "current":
        truth /= 1.8 * float(period) * 1e-9
    np.testing.assert_allclose(read, truth, rtol=0.2e-2)


def test_dropped_samples_leave_the_marks_where_they_are(make):
    bench, shield = make(ppm=0.0)
    shield.set_up(*BINARY)
    _, data = record(
        bench, shield, 0.3, ("dropped-samples", {"count": 7, "at_s": bench.world.now_ns / 1e9 + 0.15})
    )
    assert [len(part) for part in split(data)[0]] == [0, 2000, 1986, 2000, 0]


def test_its_own_faults_are_in_the_bytes(make):
    bench, shield = make(ppm=0.0)
    shield.set_up(*BINARY)
    now = bench.world.now_ns / 1e9
    _, data = record(
        bench,
        shield,
        0.45,
        ("unknown-packet", {"hex": "F0 FE 2A FF FF", "at_s": now + 0.05}),
        ("overflow-flag", {"at_s": now + 0.15}),
        ("odd-byte", {"at_s": now + 0.25}),
    )
    assert data.count(bytes.fromhex("F0 FE 2A FF FF")) == 1
    assert bytes.fromhex("F0 F3 80 00 00 C8 07 FF FF") in data
    assert [len(part) for part in split(data)[0]] == [0, 2005, 2000, 1999, 2000, 1000]


def test_while_a_binary_stream_runs_packets_answer(make):
    bench, shield = make(ppm=0.0, temperature_c=-4.0)
    shield.set_up(*BINARY)
    begin(shield)
    shield.quiet(0.05)
    for command, expected in [
        ("volt get", "F0 F7 07 08 FF FF"),
        ("temp degc", "F0 F8 FF FF FF FF"),
        ("targrst 100m", "F0 F6 FF FF"),
        ("pwr off", "F0 F9 00 FF FF"),
    ]:
        shield.write(command.encode() + b"\n")
        assert bytes.fromhex(expected) in shield.quiet(0.001)
    shield.write(b"freq 1k\n")
    assert b"\xf0\xf1error freq 1k\r\nError detail: " in shield.quiet(0.001)
    assert not bench.world.supply.on


def test_overcurrent_is_packet_f5_and_the_last(make):
    bench, shield = make()
    shield.set_up(*BINARY)
    begin(shield)
    shield.quiet(0.05)
    bench.world.handle({"op": "fault", "name": "overcurrent-stop"})
    assert shield.quiet(1.0).endswith(bytes.fromhex("F0 F5 FF FF"))


@pytest.mark.parametrize("form", ["ascii_dec", "bin_hexa"])
def test_an_edge_on_d7_starts_the_stream_after_trigdelay(make, form):
    bench, shield = make(ppm=0.0)
    shield.set_up(*BINARY, "freq 1k", f"format {form}", "trigsrc d7", "trigdelay 2m")
    dut = Host(bench.urls["dut"], bench.clock, 9600)
    dut.until("m-ready")
    shield.write(b"start\n")
    shield.quiet(0.1)
    assert not bench.monitor.running
    dut.ask("timestamp%")
    assert bench.monitor.running
    edge_ns = bench.world.falling_ns[-1]
    shield.write(b"stop\n")
    shield.quiet(0.01)
    dut.close()
    bench.world.run(0)
    assert bench.monitor._acquisition._sampler.origin_ns == edge_ns + 2_000_000


def test_the_target_loses_its_power_for_as_long_as_it_is_told(make):
    bench, shield = make()
    shield.set_up()
    assert shield.command("targrst 100m") == b"\r\nPowerShield > ack targrst 100m\r\n\r\n"
    assert not bench.world.supply.on
    bench.clock.sleep(0.11)
    assert bench.world.supply.on
    assert b"error targrst 2" in shield.command("targrst 2")


def static(shield):
    shield.write(b"start\n")
    text = shield.quiet(1.0).replace(b"\0", b"").decode()
    return re.findall(r"^\d{4}[+-]\d\d(?=\r$)", text, re.MULTILINE), text


def test_static_mode_gives_one_mean_value_and_the_first_is_too_high(make):
    bench, shield = make(board="NUCLEO-L4R5ZI")
    shield.set_up("output current", "acqmode stat")
    bench.clock.sleep(2.0)
    read = [static(shield) for _ in range(3)]
    true_a = bench.world.timeline.power_w(bench.world.now_ns) / 1.8
    first, second, third = (float(f"{found[0][:4]}e{found[0][4:]}") for found, _ in read)
    assert second == third == pytest.approx(true_a, rel=0.5e-3)
    assert first == pytest.approx(true_a + 8e-3, rel=0.5e-3)
    assert all("Acquisition completed" in text for _, text in read)


def test_static_mode_refuses_a_current_that_is_not_constant(make):
    bench, shield = make()
    shield.set_up("output current", "acqmode stat")  # the board is booting
    bench.dut.reset()
    found, text = static(shield)
    assert not found
    assert "error: static acquisition: current not constant" in text


def test_help_lists_commands_but_not_eventsrc(make):
    _, shield = make()
    words = shield.command("help").decode().split()
    assert {"trigsrc", "format", "targrst", "calib"} <= set(words)
    assert "eventsrc" not in words


def test_a_voltage_calibrates_and_so_does_calib(make):
    bench, shield = make()
    shield.set_up()
    before = bench.monitor.calibrations
    bench.world.temperature_c = 37.0  # it is 3 degC warmer
    assert shield.command("temp degc") == b"\r\nPowerShield > ack temp degc 40.0\r\n\r\n"
    assert shield.command("calib") == b"\r\nPowerShield > ack calib\r\n\r\n"
    assert (bench.monitor.calibrations, bench.monitor.calibrated_c) == (before + 1, 40.0)
