"""The Keithley 2461 and its twin: windows gated by the DUT's edges, end to end by PyVISA on real sockets."""

from __future__ import annotations

import contextlib
import threading
import time

import numpy as np
import pytest

from drivers.io_managers.uno import open_uno
from drivers.keithley_2461.driver import open_2461, switch_off
from drivers.virtual.bench import VirtualBench
from energy.errors import BenchError
from energy.recording.store import RecordingWriter
from energy.window.integrator import WindowIntegrator
from energy.window.pairing import SequencePairing
from energy.window.rules import EnergyRule
from tests.links.peer import Log
from tests.monitors.sink import Keeper, setup

RATE_HZ = 10_000.0
PPM = 20.0
LATENCY_S = 10e-6
ITERATIONS = 10
VOLTAGE_V = 1.8


class Host(contextlib.ExitStack):
    def __init__(self, faults=(), settings=None, **twin):
        super().__init__()
        self.bench = self.enter_context(
            VirtualBench(monitor="keithley-2461", io_manager="uno", faults=faults, ppm=PPM, **twin)
        )
        self.clock, self.log, self.sink = self.bench.clock, Log(), Keeper()
        common = {"clock": self.clock, "transcript": self.log}
        self.monitor = open_2461(
            self.bench.urls["monitor"], settings={"virtual": True, **(settings or {})}, **common
        )
        self.callback(self.monitor.close)
        self.io = open_uno(self.bench.urls["io"], settings={}, **common)
        self.callback(self.io.close)
        self.dut = self.io.dut()

    def begin(self, rate_hz=RATE_HZ):
        self.io.prepare()
        self.signal = self.monitor.configure(setup(rate_hz, VOLTAGE_V))
        assert not self.world("state")["supply_on"]
        self.monitor.on()
        assert self.world("state")["voltage_v"] == VOLTAGE_V
        assert self.dut.wait_ready(20.0) == "energy"
        self.monitor.start(self.sink)
        return self

    def window(self, timeout_s=2.0):
        self.monitor.arm()
        self.dut.infer(ITERATIONS, 0, 30.0)
        self.monitor.collect(timeout_s)

    def world(self, op, **rest):
        return self.bench.world.handle({"op": op, **rest})

    def true_windows(self):
        """Start, stop and energy of every window, by the DUT's own edges."""
        falls = self.world("edges")["falling_s"][1:]  # without the boot's
        return [
            (start, stop, self.world("truth", start_s=start, stop_s=stop)["energy_j"])
            for start, stop in zip(falls[0::2], falls[1::2], strict=True)
        ]


@pytest.fixture
def host():
    with contextlib.ExitStack() as stack:
        yield lambda *arguments, **settings: stack.enter_context(Host(*arguments, **settings))


def test_gated_windows_have_the_worlds_energy_through_recording_and_integrator(host, tmp_path):
    it = host().begin()
    for _ in range(3):
        it.window()
    it.monitor.stop()
    sink = it.sink
    assert not sink.faults
    assert len(sink.edges) == 6
    assert [gap.count is None for gap in sink.gaps] == [False, True] * 2
    writer = RecordingWriter(tmp_path / "r", it.signal, virtual=True, about={})
    integrator = WindowIntegrator(writer, SequencePairing())
    known = [gap for gap in sink.gaps if gap.count is not None]
    for block in sink.blocks:
        while known and known[0].first < block.first:
            writer.gap(known.pop(0))
        writer.append(block)
    for gap in sink.gaps:
        integrator.gap(gap)
    windows = [window for edge in sink.edges for window in integrator.edge(edge)]
    windows += integrator.finish(writer.stop)
    writer.close()
    truth = it.true_windows()
    assert len(windows) == len(truth) == 3
    for window, (start_s, stop_s, true_j) in zip(windows, truth, strict=True):
        assert not window.findings
        # At each edge up to one period and the latency are not covered; float32 costs 2^-24 of a reading;
        # samples are counted by the nominal rate, the clock runs PPM fast.
        currents = np.concatenate([block.columns[0] for block in sink.blocks])
        edge_j = (1 / RATE_HZ + 2 * LATENCY_S) * currents.max() * VOLTAGE_V
        bound_j = edge_j + true_j * (PPM * 1e-6 + 2**-23)
        assert abs(window.energies[EnergyRule.EXACT].energy_j - true_j) <= bound_j
        assert bound_j < 1e-3 * true_j
        span = window.closing.position - window.opening.position
        bounds = window.closing.bound + window.opening.bound
        assert abs(span - (stop_s - start_s) * RATE_HZ * (1 + PPM * 1e-6)) <= bounds


def test_at_fifty_thousand_readings_a_second_the_buffer_comes_in_pieces(host):
    it = host().begin(50_000.0)
    it.monitor.arm()
    it.dut.infer(30, 0, 30.0)
    it.monitor.collect(2.0)
    assert len(it.sink.blocks) > 1
    (_, _, true_j), *_ = it.true_windows()
    energy_j = float(it.sink.values().astype(np.float64).sum()) * it.signal.joule_per_unit
    assert abs(energy_j - true_j) <= 2e-4 * true_j
    assert not it.sink.gaps
    assert not it.sink.faults


def test_the_set_up_puts_limits_first_and_never_touches_the_output(host):
    it = host()
    it.monitor.configure(setup(RATE_HZ, VOLTAGE_V, highest_a=0.05))
    sent = [line.text for line in it.log if line.source == "monitor" and line.sent]
    level = next(k for k, text in enumerate(sent) if text.startswith("smu.source.level ="))
    before = sent[:level]
    assert "smu.source.ilimit.level = 0.05" in before
    assert "print(smu.source.ilimit.level)" in before
    assert "smu.source.protect.level = smu.PROTECT_5V" in before  # the step above the bench's 3.3 V
    assert "print(smu.source.protect.level)" in before
    rate = sent.index(f"smu.digitize.samplerate = {RATE_HZ:g}")
    assert rate < sent.index("smu.digitize.aperture = smu.APERTURE_AUTO")
    assert not any(text.startswith("smu.source.output") for text in sent)
    settings = it.monitor.settings()
    assert settings["smu.digitize.range"] == "0.1"
    assert settings["smu.digitize.sense"] == "smu.SENSE_4WIRE"
    assert "not measured" in settings["voltage"]


def test_without_a_closing_edge_only_the_opening_one_is_told_and_the_next_window_is_sound(host):
    it = host([("missing-edge", {"infer": 0, "which": "stop"})]).begin()
    it.window(0.3)
    assert len(it.sink.edges) == 1
    assert it.sink.edges[0].position == 0
    assert any("closed" in text for text in it.monitor.settings()["strange"])
    it.window()
    opening, closing = it.sink.edges[1:]
    energy_j = it.sink.blocks[-1].columns[0].sum(dtype=np.float64) * it.signal.joule_per_unit
    assert closing.position - opening.position == len(it.sink.blocks[-1])
    assert abs(energy_j - it.true_windows()[1][2]) <= 1e-3 * energy_j
    assert not it.sink.faults


def test_without_an_opening_edge_the_closing_one_is_taken_for_it_and_alone(host):
    it = host([("missing-edge", {"infer": 0, "which": "start"})]).begin()
    it.window(0.3)
    assert len(it.sink.edges) == 1


def test_without_any_edge_nothing_is_told(host):
    faults = [("missing-edge", {"infer": 0, "which": which}) for which in ("start", "stop")]
    it = host(faults).begin()
    it.window(0.3)
    assert not it.sink.edges
    assert not it.sink.blocks
    assert any("no edge opened" in text for text in it.monitor.settings()["strange"])
    it.window()
    assert len(it.sink.edges) == 2
    assert not it.sink.gaps


def test_lost_readings_become_a_gap_of_exactly_their_number(host):
    it = host([("dropped-samples", {"infer": 1, "delay_s": 0.1, "count": 37})]).begin()
    it.window()
    it.window()
    lost = [gap for gap in it.sink.gaps if gap.reason.startswith("the times")]
    assert [gap.count for gap in lost] == [37]
    opening, closing = it.sink.edges[2:]
    start_s, stop_s, _ = it.true_windows()[1]
    assert abs(lost[0].first - opening.position - 0.1 * RATE_HZ) <= 2
    assert abs(closing.position - opening.position - (stop_s - start_s) * RATE_HZ) <= 2


@pytest.mark.parametrize("name", ["doubled-edge", "overrun"])
def test_an_edge_too_many_spoils_its_own_window_and_no_other(host, name):
    params = {"infer": 1, **({"delay_s": 0.1} if name == "overrun" else {"which": "start"})}
    it = host([(name, params)]).begin()
    for _ in range(3):
        it.window()
    edges = it.sink.edges
    spoilt = [gap for gap in it.sink.gaps if gap.count is None and "edges" in gap.reason]
    assert len(spoilt) == 1
    assert edges[2].position < spoilt[0].first < edges[3].position
    assert len(edges) == 6
    assert edges[5].position - edges[4].position > 0.9 * (edges[1].position - edges[0].position)


def test_bounces_within_the_hold_are_one_edge(host):
    bouncing = [("bouncing-edge", {"infer": 0, "which": which}) for which in ("start", "stop")]
    it = host(bouncing).begin()
    it.window()
    start_s, stop_s, _ = it.true_windows()[0]
    opening, closing = it.sink.edges
    assert abs(closing.position - opening.position - (stop_s - start_s) * RATE_HZ) <= 2
    assert not it.sink.gaps


def test_a_pulse_too_short_for_the_line_is_not_seen(host):
    it = host([("short-pulse", {"infer": 0, "which": "stop"})]).begin()
    it.window(0.3)
    assert len(it.sink.edges) == 1


@pytest.mark.parametrize(
    ("faults", "settings"),
    [([("buffer-full", {"infer": 0, "delay_s": 0.2})], {}), ([], {"window_s": 0.2})],
    ids=["fault", "too small"],
)
def test_a_full_buffer_is_a_fault(host, faults, settings):
    it = host(faults, settings).begin()
    it.window()
    assert [error.code for error in it.sink.faults] == ["k2461.buffer-full"]
    assert "window_s" in it.sink.faults[0].hint
    start_s, stop_s, _ = it.true_windows()[0]
    assert it.sink.stop < 0.9 * (stop_s - start_s) * RATE_HZ


def test_an_output_that_the_instrument_has_switched_off_is_a_fault(host):
    it = host([("overcurrent-stop", {"infer": 0, "delay_s": 0.1})]).begin()
    it.monitor.arm()
    with pytest.raises(BenchError, match=r"dut\."):
        it.dut.infer(ITERATIONS, 0, 2.0)
    it.monitor.collect(0.1)
    assert [error.code for error in it.sink.faults] == ["k2461.output-off"]


def test_an_error_that_the_instrument_logs_in_a_window_is_a_fault(host):
    it = host().begin()
    it.monitor.arm()
    it.bench.monitor._command("smu.nothing = 1")
    it.dut.infer(ITERATIONS, 0, 30.0)
    it.monitor.collect(2.0)
    assert [error.code for error in it.sink.faults] == ["k2461.event"]


def test_a_garbled_voltage_has_a_code(host):
    it = host().begin()
    it.window()
    it.monitor.stop()
    assert it.monitor.measured_voltage_v() == pytest.approx(VOLTAGE_V, rel=1e-2)
    garbled = {"port": "monitor", "heard": "smu.measure.read()", "after": "1.", "xor": 0x80}
    it.world("fault", name="garbled-bytes", params=garbled)
    with pytest.raises(BenchError) as caught:
        it.monitor.measured_voltage_v()
    assert caught.value.code == "k2461.answer"


def test_a_current_at_the_limit_is_a_fault(host):
    it = host()
    it.io.prepare()
    it.signal = it.monitor.configure(setup(RATE_HZ, VOLTAGE_V, highest_a=0.01))
    it.monitor.on()
    it.dut.wait_ready(20.0)
    it.monitor.start(it.sink)
    it.window()
    assert [error.code for error in it.sink.faults] == ["bench.current"]


@pytest.mark.parametrize(
    ("faults", "code"),
    [
        (["wrong-language"], "k2461.language"),
        (["silent-monitor"], "visa.silent"),
        ([("error-answer", {"command": "smu.digitize.range"})], "k2461.refused"),
        ([("error-answer", {"command": "trigger.model.setblock(4"})], "k2461.refused"),
        ([("error-answer", {"command": "trigger.model.load"})], "k2461.refused"),
    ],
)
def test_what_it_refuses_or_does_not_say_has_a_code(host, faults, code):
    it = host(faults)
    with pytest.raises(BenchError) as caught:
        it.monitor.configure(setup(RATE_HZ, VOLTAGE_V))
    assert caught.value.code == code
    assert caught.value.hint
    assert not it.world("state")["supply_on"]


def test_an_instrument_in_scpi_is_told_how_to_change(host):
    it = host(["wrong-language"])
    with pytest.raises(BenchError, match="SCPI") as caught:
        it.monitor.identify()
    assert "*LANG TSP" in caught.value.hint


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (setup(500.0, 1.8), "k2461.rate"),
        (setup(1e6, 1.8), "k2461.rate"),  # 40 s of it: more readings than float32 times tell apart
        (setup(RATE_HZ, 30.0), "k2461.voltage"),
        (setup(RATE_HZ, 1.8, highest_a=2.0), "k2461.current"),
    ],
)
def test_what_it_cannot_do_is_refused_before_anything_is_sent(host, wanted, code):
    it = host()
    with pytest.raises(BenchError) as caught:
        it.monitor.configure(wanted)
    assert caught.value.code == code
    assert not any(line.sent for line in it.log if line.source == "monitor")


def test_a_buffer_beyond_its_memory_is_refused_with_the_instruments_words(host):
    it = host(capacity=100_000)
    with pytest.raises(BenchError, match=r"100000 at most.*k2461\.refused"):
        it.monitor.configure(setup(RATE_HZ, VOLTAGE_V))


def test_a_gate_that_does_not_wait_has_a_code(host):
    it = host([("error-answer", {"command": "trigger.model.initiate"})]).begin()
    with pytest.raises(BenchError, match=r"planted error.*k2461\.refused"):
        it.monitor.arm()


def test_a_voltage_above_the_benchs_limit_or_before_it_is_set_is_refused(host):
    it = host()
    with pytest.raises(BenchError, match=r"k2461\.voltage"):
        it.monitor.set_voltage(VOLTAGE_V)
    it.monitor.configure(setup(RATE_HZ, VOLTAGE_V))
    with pytest.raises(BenchError, match=r"k2461\.voltage"):
        it.monitor.set_voltage(3.4)
    it.monitor.set_voltage(3.0)
    assert it.world("state")["voltage_v"] == 3.0


def test_it_says_who_it_is_and_what_it_is_worth(host):
    it = host()
    identity = it.monitor.identify()
    assert (identity.model, identity.virtual) == ("2461", True)
    assert identity.serial_number
    assert {row.status for row in it.monitor.accuracy()} == {"assumed"}


def test_an_unknown_setting_is_refused_before_anything_is_opened():
    with pytest.raises(BenchError, match=r"k2461\.setting") as caught:
        open_2461("nowhere", settings={"windows_s": 3}, clock=None, transcript=None)
    assert "window_s" in caught.value.hint


@pytest.mark.parametrize(
    "faults",
    [[], [("error-answer", {"command": "smu.source.output = smu.OFF", "times": 2})]],
    ids=["at once", "refused twice"],
)
def test_off_is_confirmed_with_the_gate_open(host, faults):
    it = host(faults).begin()
    it.monitor.arm()
    assert it.world("state")["supply_on"]
    it.monitor.off()
    assert not it.world("state")["supply_on"]


def test_off_that_is_not_confirmed_is_an_error(host):
    it = host([("error-answer", {"command": "smu.source.output = smu.OFF", "times": 9})]).begin()
    with pytest.raises(BenchError, match=r"k2461\.off-unconfirmed"):
        it.monitor.off()


def test_the_guardian_switches_off_by_the_address_alone(host):
    it = host().begin()
    it.monitor.arm()
    it.monitor.close()
    ended = threading.Event()

    def live():
        while not ended.is_set():
            it.world("advance", seconds=1e-3, sent={})
            time.sleep(1e-3)

    world = threading.Thread(target=live)
    world.start()
    try:
        assert switch_off(it.bench.urls["monitor"])
    finally:
        ended.set()
        world.join()
    assert not it.world("state")["supply_on"]
