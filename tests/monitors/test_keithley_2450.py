"""The Keithley 2450 and its twin: readings at times of their own, end to end by PyVISA on real sockets."""

from __future__ import annotations

import contextlib
import threading
import time

import numpy as np
import pytest

from drivers.io_managers.uno import open_uno
from drivers.keithley_2450.buffer import ReadingBuffer, Stream
from drivers.keithley_2450.driver import open_2450, switch_off
from drivers.virtual.bench import VirtualBench
from energy.errors import BenchError
from energy.instruments.specification import line_for
from tests.links.peer import Log
from tests.monitors.sink import Keeper, setup

LINE_HZ = 50.0
OVERHEAD_S = 250e-6
JITTER_S = 40e-6
TOLERANCE = 2.0
VOLTAGE_V = 1.8


class Host(contextlib.ExitStack):
    def __init__(self, faults=(), settings=None, **twin):
        super().__init__()
        self.bench = self.enter_context(
            VirtualBench(monitor="keithley-2450", io_manager="uno", faults=faults, **twin)
        )
        self.clock, self.log, self.sink = self.bench.clock, Log(), Keeper()
        common = {"clock": self.clock, "transcript": self.log}
        self.monitor = open_2450(
            self.bench.urls["monitor"], settings={"virtual": True, **(settings or {})}, **common
        )
        self.callback(self.monitor.close)
        self.io = open_uno(self.bench.urls["io"], settings={}, **common)
        self.callback(self.io.close)
        self.dut = self.io.dut()

    def begin(self, edges="io", **limits):
        self.io.prepare()
        self.signal = self.monitor.configure(setup(LINE_HZ, VOLTAGE_V, edges, **limits))
        assert not self.world("state")["supply_on"]
        self.monitor.on()
        assert self.dut.wait_ready(20.0) == "energy"
        self.monitor.start(self.sink)
        return self

    def world(self, op, **rest):
        return self.bench.world.handle({"op": op, **rest})


@pytest.fixture
def host():
    with contextlib.ExitStack() as stack:
        yield lambda *arguments, **settings: stack.enter_context(Host(*arguments, **settings))


def test_a_window_has_the_worlds_energy_within_what_readings_with_pauses_can_tell(host):
    it = host().begin()
    it.dut.infer(100, 0, 30.0)
    it.clock.sleep(0.5)
    it.monitor.stop()
    it.monitor.off()
    assert not it.sink.faults
    assert not it.sink.gaps
    start_s, stop_s = it.world("edges")["falling_s"][-2:]
    true_j = it.world("truth", start_s=start_s, stop_s=stop_s)["energy_j"]
    # Sample 0 begins with the opening edge: where the closing one lies, their own times tell.
    count = round((stop_s - start_s) * it.signal.rate_hz)
    assert 200 < count < len(it.sink.values())
    energy_j = it.sink.values()[:count].sum() * it.signal.joule_per_unit
    # A sample's pause may hold any power between the lowest and the highest; a reading may lie the tolerance
    # away from its place, with half a sample of rounding, at full power.
    period_s = 1 / it.signal.rate_hz
    highest_w, lowest_w = (
        f(it.bench.board.inference("kws01").powers) * 1e-12 * (1 + 1e-3) for f in (max, min)
    )
    pauses_j = count * (OVERHEAD_S + JITTER_S) * (highest_w - lowest_w)
    bound_j = pauses_j + (TOLERANCE + 0.5) * period_s * highest_w
    assert abs(energy_j - true_j) <= bound_j
    assert bound_j < 0.025 * true_j
    assert not it.world("state")["supply_on"]


def test_the_sample_period_is_the_mean_interval_of_the_instruments_own_times(host):
    it = host()
    signal = it.monitor.configure(setup(LINE_HZ, VOLTAGE_V, "io"))
    true_s = 1 / LINE_HZ + OVERHEAD_S
    assert abs(1 / signal.rate_hz - true_s) <= JITTER_S / 5 + 1e-4 * true_s  # the mean of 50, and the clock
    settings = it.monitor.settings()
    assert settings["aperture_s"] == 1 / LINE_HZ
    assert 0 < settings["interval_spread_s"] <= 2 * JITTER_S
    assert settings["covered"] == pytest.approx(0.02 / true_s, rel=1e-3)
    assert it.monitor.limits.start_latency_s[1] >= TOLERANCE * true_s


def test_without_an_edge_to_wait_for_it_begins_at_once_and_goes_on_till_it_is_stopped(host):
    it = host().begin(edges="monitor")
    it.clock.sleep(3.0)
    assert it.sink.blocks  # while it runs
    it.monitor.stop()
    assert abs(it.sink.stop - 3.0 * it.signal.rate_hz) <= 2
    before = it.sink.stop
    it.clock.sleep(1.0)
    assert it.sink.stop == before
    assert it.monitor.settings()["worst_deviation_samples"] < TOLERANCE


def test_until_the_edge_nothing_comes(host):
    it = host().begin()
    it.clock.sleep(2.0)
    it.monitor.stop()
    assert not it.sink.blocks
    assert not it.sink.faults


def test_lost_readings_become_a_gap_of_their_number(host):
    it = host().begin(edges="monitor")
    it.clock.sleep(1.0)
    it.world("fault", name="dropped-samples", params={"count": 9})
    it.clock.sleep(1.0)
    it.monitor.stop()
    assert [gap.count for gap in it.sink.gaps] == [9]
    assert abs(it.sink.gaps[0].first - it.signal.rate_hz) <= 2
    assert not it.sink.faults


def test_a_pause_between_readings_becomes_a_gap(host):
    it = host().begin(edges="monitor")
    it.clock.sleep(1.0)
    it.world("fault", name="pause", params={"pause_s": 0.5})
    it.clock.sleep(2.0)
    it.monitor.stop()
    assert [gap.count for gap in it.sink.gaps] == [round(0.5 * it.signal.rate_hz)]
    assert not it.sink.faults


@pytest.mark.parametrize(
    ("fault", "settings", "limits", "code"),
    [
        (("hurry", {}), {}, {}, "k2450.time-base"),
        (("buffer-full", {}), {}, {}, "k2450.buffer-full"),
        (None, {"longest_s": 2.0}, {}, "k2450.buffer-full"),
        (None, {}, {"highest_a": 0.005}, "bench.current"),
        (("unplugged-port", {"port": "monitor"}), {}, {}, "visa.open"),  # the link tries anew, once
        (("silent-monitor", {}), {}, {}, "visa.silent"),
    ],
    ids=["faster", "full", "too small", "limit", "unplugged", "silent"],
)
def test_what_ends_the_trust_in_the_readings_is_one_fault(host, fault, settings, limits, code):
    it = host((), settings).begin("monitor", **limits)
    it.clock.sleep(1.0)
    if fault:
        it.world("fault", name=fault[0], params=fault[1])
    it.clock.sleep(10.0)
    it.monitor.stop()
    found = [error.code for error in it.sink.faults]
    assert found == [code] or (code == "visa.open" and found == ["visa.lost"])
    assert it.sink.faults[0].hint


def test_a_time_that_no_run_can_have_is_a_garbled_answer_and_no_gap(host):
    it = host().begin(edges="monitor")
    it.clock.sleep(1.5)
    ninety = {"port": "monitor", "heard": ":TRAC:DATA?", "after": "E+", "xor": 9}  # 1.5E+00 becomes 1.5E+90
    it.world("fault", name="garbled-bytes", params=ninety)
    it.clock.sleep(2.0)
    it.monitor.stop()
    assert [error.code for error in it.sink.faults] == ["k2450.answer"]
    assert "E+90" in it.sink.faults[0].message
    assert not it.sink.gaps


def test_the_set_up_puts_limits_first_and_never_touches_the_output(host):
    it = host()
    it.monitor.configure(setup(LINE_HZ, VOLTAGE_V, "io", highest_a=0.05))
    sent = [line.text for line in it.log if line.source == "monitor" and line.sent]
    before = sent[: next(k for k, text in enumerate(sent) if text.startswith(":SOUR:VOLT:LEV "))]
    assert ":SOUR:VOLT:ILIM 0.05" in before
    assert ":SOUR:VOLT:ILIM?" in before
    assert ":SOUR:VOLT:PROT PROT5" in before
    assert ":SENS:CURR:RSEN 1" in before
    assert not any("OUTP" in text for text in sent)
    assert it.monitor.settings()["range_a"] == 0.1


@pytest.mark.parametrize(
    ("faults", "code"),
    [
        (["wrong-language"], "k2450.language"),
        (["silent-monitor"], "visa.silent"),
        ([("error-answer", {"command": ":SOUR:VOLT:ILIM"})], "k2450.readback"),
        ([("error-answer", {"command": ":SENS:CURR:RANG 0.05"})], "k2450.refused"),
        ([("pause", {"at_s": 0.5})], "k2450.trial"),
        ([("error-answer", {"command": ":SOUR:FUNC"})], "k2450.refused"),
        ([("error-answer", {"command": ":TRAC:MAKE"})], "k2450.refused"),
        ([("error-answer", {"command": ":INIT"})], "k2450.refused"),
        ([("error-answer", {"command": ":TRIG:BLOC:MEAS"})], "k2450.refused"),
    ],
)
def test_what_it_refuses_or_does_not_say_has_a_code(host, faults, code):
    it = host(faults)
    with pytest.raises(BenchError) as caught:
        it.monitor.configure(setup(LINE_HZ, VOLTAGE_V, "io"))
    assert caught.value.code == code
    assert caught.value.hint
    assert not it.world("state")["supply_on"]


def test_a_rate_beyond_its_integration_times_is_refused_before_anything_is_set(host):
    it = host()
    with pytest.raises(BenchError, match=r"k2450\.rate"):
        it.monitor.configure(setup(10_000.0, VOLTAGE_V, "io"))
    sent = [line.text for line in it.log if line.sent and line.source == "monitor"]
    assert sent == ["*LANG?", ":SYST:LFR?"]


def test_a_voltage_above_the_benchs_limit_or_before_it_is_set_is_refused(host):
    it = host()
    with pytest.raises(BenchError, match=r"k2450\.voltage"):
        it.monitor.set_voltage(VOLTAGE_V)
    it.monitor.configure(setup(LINE_HZ, VOLTAGE_V))
    with pytest.raises(BenchError, match=r"k2450\.voltage"):
        it.monitor.set_voltage(3.4)
    it.monitor.set_voltage(3.0)
    assert it.world("state")["voltage_v"] == 3.0


def test_it_says_who_it_is_and_what_each_range_is_worth(host):
    it = host()
    assert it.monitor.identify().model == "2450"
    row = line_for(it.monitor.accuracy(), "current", "measure", "100 mA")
    assert row is not None
    assert (row.gain, row.offset, row.status) == (0.00025, 6e-6, "specified")
    it.monitor.configure(setup(500.0, VOLTAGE_V))  # 0.1 cycles of the mains
    short = line_for(it.monitor.accuracy(), "current", "measure", it.monitor.settings()["current_range"])
    assert short is not None
    assert (short.range, short.status) == ("100 mA", "assumed")
    assert short.offset == pytest.approx(row.offset + 1e-4 * 0.1)


def test_an_unknown_setting_is_refused_before_anything_is_opened():
    with pytest.raises(BenchError, match=r"k2450\.setting") as caught:
        open_2450("nowhere", settings={"plc": 1}, clock=None, transcript=None)
    assert "nplc" in caught.value.hint


@pytest.mark.parametrize("times", [0, 2])
def test_off_is_confirmed_while_readings_run(host, times):
    faults = [("error-answer", {"command": "OUTP OFF", "times": times})] if times else []
    it = host(faults).begin(edges="monitor")
    it.clock.sleep(1.0)
    it.monitor.off()
    assert not it.world("state")["supply_on"]


def test_off_that_is_not_confirmed_is_an_error(host):
    it = host([("error-answer", {"command": "OUTP OFF", "times": 9})]).begin()
    with pytest.raises(BenchError, match=r"k2450\.off-unconfirmed"):
        it.monitor.off()


def test_the_guardian_switches_off_by_the_address_alone(host):
    it = host().begin()
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


class _Filled(ReadingBuffer):
    """A buffer of readings made by hand, that becomes fuller by itself."""

    def __init__(self, times_s, step):
        self._times, self._step, self._count = np.asarray(times_s), step, 0

    def count(self):
        self._count = min(self._count + self._step, len(self._times))
        return self._count

    def room(self):
        return len(self._times) + 1

    def now(self):
        return 0.0

    def read(self, first, stop):
        return np.full(stop - first, 0.01), self._times[first:stop].copy()


@pytest.mark.parametrize("step", [1, 7, 100])
def test_however_readings_are_fetched_every_place_is_a_reading_or_in_a_gap(step):
    rng = np.random.default_rng(1)
    places = np.delete(np.arange(100), [30, 31, 32, 33, 70, 71, 72, 73, 74])
    times_s = (places + rng.uniform(-0.3, 0.3, len(places))) * 0.02 + 5.0
    sink = Keeper()
    stream = Stream(_Filled(times_s, step), sink, 50.0, TOLERANCE, 1.0)
    for _ in range(100):
        stream.fetch()
    assert [(gap.first, gap.count) for gap in sink.gaps] == [(30, 4), (70, 5)]
    assert sink.stop == 100
    assert not sink.faults


@pytest.mark.parametrize(
    ("line_hz", "named", "code"), [(60.0, 0.0, ""), (50.0, 60.0, "k2450.line-frequency")]
)
def test_the_mains_frequency_comes_from_the_instrument(line_hz, named, code):
    with VirtualBench(monitor="keithley-2450", line_hz=line_hz) as bench:
        settings = {"line_hz": named} if named else {}
        monitor = open_2450(bench.urls["monitor"], settings=settings, clock=bench.clock, transcript=Log())
        if code:
            with pytest.raises(BenchError, match="50 Hz") as caught:
                monitor.configure(setup(50.0, VOLTAGE_V))
            assert caught.value.code == code
        else:
            monitor.configure(setup(50.0, VOLTAGE_V))
            assert monitor.settings()[":SENS:CURR:NPLC"] == pytest.approx(60 / 50)
            assert monitor.settings()["aperture_s"] == pytest.approx(0.02)
        monitor.close()
