"""The N6705 against its twin, reached by PyVISA on a real socket, in a world whose truth neither can see."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest

from drivers.dut.driver import open_dut
from drivers.io_managers.uno import open_uno
from drivers.keysight_n6705.driver import open_n6705, switch_off
from drivers.links.clock import RealClock
from drivers.virtual.bench import VirtualBench
from drivers.virtual.remote import RemoteBench
from energy.errors import BenchError
from energy.instruments import Setup
from energy.instruments.specification import line_for
from energy.signal import SampleKind
from tests.links.peer import Log
from tests.monitors.sink import Keeper, setup

FULL_HZ = 1.0 / 204.8e-6
"""Two values in a record, at least 102.4 us each (protocols.md 4.1)."""
LATEST_S = 5e-6 + 20.48e-6
"""From the edge to the digital port's trigger, and on to the next step of the grid."""


class Host(contextlib.ExitStack):
    """A host's side of a bench in energy mode."""

    def __init__(self, bench: VirtualBench, **settings):
        super().__init__()
        self.bench, self.clock, self.log, self.sink = bench, bench.clock, Log(), Keeper()
        common = {"clock": bench.clock, "transcript": self.log}
        settings = {"virtual": True, **settings}
        self.monitor = open_n6705(bench.urls["monitor"], settings=settings, **common)
        self.callback(self.monitor.close)
        self.io = None
        if "io" in bench.urls:
            self.io = open_uno(bench.urls["io"], settings={}, **common)
            self.callback(self.io.close)
            self.dut = self.io.dut()
        else:
            self.dut = open_dut(bench.urls["dut"], settings={"baud": 9600}, **common)
            self.callback(self.dut.close)

    def begin(self, rate_hz=FULL_HZ, edges="monitor"):
        """Up to the running log; in ``edges="io"`` the DUT's ``timestamp`` starts it."""
        if self.io is not None:
            self.io.prepare()
        self.signal = self.monitor.configure(setup(rate_hz, 1.8, edges))
        self.monitor.on()
        assert self.dut.wait_ready(20.0) == "energy"
        self.monitor.start(self.sink)
        self.started_s = self.clock.now()
        if edges == "io":
            self.clock.sleep(0.7)  # during which it waits
            assert not self.sink.blocks
            self.dut.timestamp()
            self.started_s = self.world("edges")["falling_s"][-1]

    def world(self, op, **rest):
        return self.bench.world.handle({"op": op, **rest})

    def sent(self):
        return [line.text for line in self.log if line.sent and line.source == "monitor"]

    def faults(self):
        return [error.code for error in self.sink.faults]


@contextlib.contextmanager
def host(faults=(), settings=None, **bench):
    with (
        VirtualBench(monitor="keysight-n6705", faults=faults, **bench) as virtual,
        Host(virtual, **(settings or {})) as it,
    ):
        yield it


def code_of(action, *arguments):
    with pytest.raises(BenchError) as caught:
        action(*arguments)
    assert caught.value.hint
    return caught.value.code


def energy_between(it, first_s, last_s, latest_s):
    """Energy from ``first_s`` to ``last_s`` after the start of record 0, and how wrong it may be.

    Truth is taken from the world's own edges; where record 0 begins is known to ``latest_s``.
    """
    power = np.concatenate([np.prod(np.array(block.columns, np.float64), axis=0) for block in it.sink.blocks])
    total = np.concatenate(([0.0], np.cumsum(power))) / it.signal.rate_hz
    positions = (np.array([first_s, last_s]) - latest_s / 2) * it.signal.rate_hz
    low, high = np.interp(positions, np.arange(len(total)), total)
    # Each end: half the latency, its clock's 15 ppm (bounded by 20), and somewhere within a record.
    away_s = latest_s / 2 + 20e-6 * last_s + 1.0 / it.signal.rate_hz
    # And the record's joules themselves are scaled by the clock.
    return high - low, 2 * away_s * power.max() + (20e-6 + 1e-6) * (high - low)


@pytest.mark.parametrize(
    ("bench", "settings", "edges", "rate_hz"),
    [
        ({"io_manager": "uno"}, {}, "io", FULL_HZ),
        ({"io_manager": "uno"}, {"byte_order": "little", "fetch_s": 2.0}, "io", 1000.0),
        ({}, {"range": 0.1}, "monitor", FULL_HZ),
        ({"old": True, "transport": "socket", "channel": 2}, {"channel": 2}, "monitor", 100.0),
    ],
    ids=["edge starts it", "little-endian", "own start", "older firmware, channel 2"],
)
def test_a_window_has_the_worlds_energy(bench, settings, edges, rate_hz):
    with host(settings=settings, **bench) as it:
        it.begin(rate_hz, edges)
        it.dut.load(bytes(490))
        it.dut.infer(60, 1, 60.0)
        it.clock.sleep(0.3)
        it.monitor.stop()
        it.monitor.off()
        first_s, last_s = it.world("edges")["falling_s"][-2:]
        true_j = it.world("truth", start_s=first_s, stop_s=last_s)["energy_j"]
        latest_s = LATEST_S if edges == "io" else 20.48e-6
        energy_j, bound_j = energy_between(it, first_s - it.started_s, last_s - it.started_s, latest_s)
        assert abs(energy_j - true_j) <= bound_j
        assert bound_j < (0.0015 if rate_hz > 500 else 0.015) * true_j
        assert not it.sink.gaps
        assert not it.sink.faults
        assert not it.world("state")["supply_on"]
        stopped_s = it.clock.now()
        assert abs(it.sink.stop - (stopped_s - it.started_s) * it.signal.rate_hz) <= 2 + 20e-6 * it.sink.stop
        assert it.monitor.own_energy() is None


def test_two_runs_give_the_same_samples_and_the_same_dialogue():
    runs = []
    for _ in range(2):
        with host() as it:
            it.begin()
            it.dut.infer(5, 1, 60.0)
            it.monitor.stop()
            lines = [(line.time_s, line.sent, line.text) for line in it.log if line.source == "monitor"]
            runs.append((it.sink.values().tolist(), lines))
    assert runs[0] == runs[1]


def test_limits_are_read_back_before_a_voltage_is_set_and_the_output_stays_off():
    with host() as it:
        it.monitor.configure(Setup(1000.0, 1.8, 3.3, 0.05))
        sent = [text for text in it.sent() if not text.startswith(("SYST", "*"))]
        order = [
            *("OUTP OFF,(@1)", "OUTP? (@1)", "EMUL PS2Q,(@1)", "FUNC VOLT,(@1)"),
            *("CURR:LIM 0.05,(@1)", "CURR:LIM? (@1)", "VOLT:PROT:REM 3.3,(@1)", "VOLT:PROT:REM? (@1)"),
            *("SENS:ELOG:FUNC:CURR ON,(@1)", "SENS:ELOG:FUNC:VOLT ON,(@1)", "SENS:SWE:TINT:RES RES20"),
            *("SENS:ELOG:PER? (@1)", "FORM REAL", "FORM:BORD NORM", "TRIG:ELOG:SOUR BUS,(@1)"),
            *("SENS:ELOG:FUNC:CURR? (@2,3,4)", "VOLT 1.8,(@1)", "VOLT? (@1)"),
        ]
        places = [sent.index(text, 1) for text in order]  # the first query comes before all of them
        assert places == sorted(places)
        assert not any(text.startswith("OUTP ON") for text in sent)
        assert "*RST;*CLS" not in it.sent()
        assert not it.world("state")["supply_on"]


def test_an_output_that_was_on_is_off_and_discharged_before_it_is_set_up():
    with host() as it:
        it.monitor.configure(setup(1000.0, 1.8))
        it.monitor.on()
        assert it.world("state")["supply_on"]
        begin = it.clock.now()
        it.monitor.configure(setup(1000.0, 1.8))
        assert it.clock.now() - begin >= 3.0
        assert not it.world("state")["supply_on"]


@pytest.mark.parametrize(("asked_hz", "steps"), [(1000.0, 49), (FULL_HZ, 10), (250.0, 195), (1.0, 48828)])
def test_the_rate_is_that_of_the_real_period(asked_hz, steps):
    with host() as it:
        signal = it.monitor.configure(setup(asked_hz, 1.8))
        assert signal.kind is SampleKind.CURRENT_VOLTAGE
        assert signal.rate_hz == pytest.approx(1.0 / (steps * 20.48e-6), rel=1e-9)
        assert it.monitor.settings()["period_s"] == pytest.approx(steps * 20.48e-6)


def test_who_it_is_and_what_is_in_its_slots():
    with host(modules=["N6731B", "N6781A"], channel=2, settings={"channel": 2}) as it:
        who = it.monitor.identify()
        assert (who.model, who.serial_number, who.virtual) == ("N6705C", "MY56000000", True)
        assert who.details["modules"] == ["N6731B", "N6781A"]
        assert it.sent() == ["*IDN?", "SYST:CHAN?", "SYST:CHAN:MOD? (@1,2)"]


@pytest.mark.parametrize(
    ("bench", "settings", "wanted", "code"),
    [
        ({"identity": "Keysight Technologies,E36312A,MY1,1.0"}, {}, {}, "n6705.model"),
        ({}, {"channel": 3}, {}, "n6705.module"),
        ({"modules": ["N6781A", ""]}, {"channel": 2}, {}, "n6705.module"),
        ({"modules": ["N6781A", ""]}, {"channel": 4}, {}, "n6705.module"),
        ({}, {}, {"voltage_v": 5.0}, "n6705.voltage"),
        ({}, {}, {"rate_hz": 6000.0}, "n6705.rate"),
        ({}, {"range": 0.01}, {}, "n6705.range"),
        ({"faults": [("error-answer", {"command": "FORM REAL"})]}, {}, {}, "n6705.readback"),
        ({"faults": [("error-answer", {"command": "ABOR:ELOG"})]}, {}, {}, "n6705.refused"),
        ({"faults": [("error-answer", {"command": "CURR:LIM 0.05"})]}, {}, {}, "n6705.readback"),
        ({"faults": [("error-answer", {"command": "SENS:ELOG:PER 1"})]}, {}, {}, "n6705.period"),
        ({"faults": ["silent-monitor"]}, {}, {}, "visa.silent"),
        ({"faults": ["second-channel"]}, {}, {}, "n6705.other-channel"),
        ({"faults": [("second-channel", {"channel": 4})]}, {}, {}, "n6705.other-channel"),
    ],
)
def test_what_does_not_fit_is_an_error_before_the_output_is_on(bench, settings, wanted, code):
    wanted = {"rate_hz": 1000.0, "voltage_v": 1.8, "highest_v": 3.3, "highest_a": 0.05, **wanted}
    with host(settings=settings, **bench) as it:
        assert code_of(it.monitor.configure, Setup(**wanted)) == code
        assert not it.world("state")["supply_on"]


@pytest.mark.parametrize(
    "settings", [{"chanel": 1}, {"channel": 7}, {"range": "wide"}, {"byte_order": "middle"}, {"reset": 1}]
)
def test_settings_that_mean_nothing_are_named(settings):
    with pytest.raises(BenchError) as caught:
        open_n6705("TCPIP::127.0.0.1::1::SOCKET", settings=settings, clock=RealClock(), transcript=Log())
    assert caught.value.code == "n6705.setting"


def test_errors_that_others_have_left_in_the_queue_are_cleared_first():
    with host(["error-queue"]) as it:
        it.monitor.configure(setup(1000.0, 1.8))


def test_a_second_channel_is_found_at_the_start():
    with host() as it:
        it.monitor.configure(setup(FULL_HZ, 1.8))
        it.world("fault", name="second-channel", params={"channel": 3})
        with pytest.raises(BenchError, match="channel 3") as caught:
            it.monitor.start(it.sink)
        assert caught.value.code == "n6705.other-channel"


@pytest.mark.parametrize("rate_hz", [FULL_HZ, 1000.0], ids=["stretched twofold", "not stretched"])
def test_a_second_channel_during_the_run_is_a_fault_and_later_samples_are_not_handed_over(rate_hz):
    with host() as it:
        it.begin(rate_hz)
        it.clock.sleep(3.0)
        assert not it.sink.faults
        before = it.sink.stop
        it.world("fault", name="second-channel-later", params={})
        it.clock.sleep(2.5)
        assert it.faults() == ["n6705.other-channel"]
        at_most = before + 2.1 * rate_hz  # it is looked for every two seconds, or when records are missing
        assert it.sink.stop <= at_most
        it.clock.sleep(3.0)
        it.monitor.stop()
        assert it.faults() == ["n6705.other-channel"]
        assert it.sink.stop <= at_most


def test_a_second_channel_that_was_there_for_a_moment_only_at_the_end_is_found_by_stop():
    with host() as it:
        it.begin(1000.0)
        it.clock.sleep(2.7)
        it.world("fault", name="second-channel-later", params={})
        it.monitor.stop()
        assert it.faults() == ["n6705.other-channel"]


def test_a_memory_that_overran_is_a_gap_of_unknown_length_and_the_stream_goes_on():
    with host() as it:
        it.begin()
        it.clock.sleep(1.1)
        before = it.sink.stop
        it.world("advance", seconds=30.0, sent={})  # the host was asleep
        it.clock.sleep(2.0)
        it.monitor.stop()
        gap, end = it.sink.gaps  # both ends of what was fetched then are marked
        assert gap.count is end.count is None
        assert end.first == it.sink.stop or end.first > gap.first + 19 * FULL_HZ
        assert before <= gap.first <= before + FULL_HZ
        assert "20 s" in gap.reason
        assert not it.sink.faults
        assert it.sink.stop - gap.first > 20.0 * FULL_HZ - 1


def test_a_pause_that_the_memory_bridges_loses_nothing():
    with host() as it:
        it.begin()
        it.clock.sleep(1.1)
        it.world("advance", seconds=15.0, sent={})
        it.clock.sleep(2.0)
        seconds = it.clock.now() - it.started_s
        it.monitor.stop()
        assert not it.sink.gaps
        assert not it.sink.faults
        assert abs(it.sink.stop - seconds * FULL_HZ) < 5


def test_a_memory_that_always_overruns_ends_in_a_fault():
    with host([("fifo-overrun", {"fifo_s": 0.2})]) as it:
        it.begin()
        it.clock.sleep(4.0)
        assert len(it.sink.gaps) == 4  # two ends each, twice
        assert it.faults() == ["n6705.time-base"]


def test_an_edge_that_may_have_been_forgotten_is_a_fault():
    with host() as it:
        it.begin(edges="io")
        it.world("advance", seconds=25.0, sent={})
        it.clock.sleep(1.0)
        assert it.faults() == ["n6705.overrun"]
        assert not it.sink.blocks


@pytest.mark.parametrize(("lost", "gaps"), [(0, False), (2000, True)])
def test_an_answer_that_is_late_accuses_no_clock_and_hides_no_loss(lost, gaps):
    late = {"port": "monitor", "heard": "FETC", "hearing": 4, "by_s": 0.3, "for_s": 0.1}
    faults = [("late-bytes", late), ("dropped-samples", {"at_s": 2.5, "count": lost})]
    with host(faults) as it:
        it.begin()
        it.clock.sleep(4.0)
        it.monitor.stop()
        assert it.bench.struck >= 2
        assert bool(it.sink.gaps) == gaps
        assert not it.sink.faults


@pytest.mark.parametrize(("count", "gaps"), [(2000, True), (0, False)])
def test_missing_records_are_a_gap(count, gaps):
    with host([("dropped-samples", {"at_s": 2.0, "count": count})]) as it:
        it.begin()
        it.clock.sleep(4.0)
        it.monitor.stop()
        assert bool(it.sink.gaps) == gaps
        assert not it.sink.faults


def test_nothing_comes_before_the_edge_and_a_pulse_that_is_too_short_is_none():
    with host([("short-pulse", {"edge": 1, "width_s": 2e-6})]) as it:
        it.begin(edges="io")
        it.clock.sleep(2.0)
        it.monitor.stop()
        assert it.sink.stop == 0
        assert not it.sink.faults


@pytest.mark.parametrize(
    ("name", "params", "code"),
    [
        ("overcurrent-stop", {"at_s": 2.0}, "n6705.output-off"),
        ("error-queue", {"at_s": 2.0}, "n6705.refused"),
        ("silent-monitor", {"at_s": 2.0}, "visa.silent"),
        ("unplugged-port", {"at_s": 2.0, "port": "monitor"}, "visa.lost"),
        ("error-answer", {"at_s": 2.0, "command": "FETC", "times": 1000}, "visa.silent"),
    ],
)
def test_the_end_of_a_stream_is_one_fault(name, params, code):
    with host([(name, params)]) as it:
        it.begin()
        it.clock.sleep(9.0)
        assert it.faults() == [code]
        assert it.sink.values().size
        it.monitor.stop()
        assert it.faults() == [code]


def test_power_off_in_mid_stream_leaves_nothing_on():
    with host() as it:
        it.begin()
        it.clock.sleep(1.0)
        it.monitor.off()
        assert not it.world("state")["supply_on"]
        it.clock.sleep(3.0)
        it.monitor.stop()
        assert not it.sink.faults
        assert np.isfinite(it.sink.values()).all()
        assert it.sink.values()[-1] == 0.0


def test_an_output_that_does_not_say_that_it_is_off_is_an_error():
    with host() as it:
        it.monitor.configure(setup(1000.0, 1.8))
        it.monitor.on()
        it.bench.monitor.silent = True
        assert code_of(it.monitor.off) == "n6705.off-unconfirmed"
        it.bench.monitor.silent = False
        it.monitor.off()
        assert not it.world("state")["supply_on"]


def test_it_is_switched_off_even_if_none_of_its_answers_arrives():
    with host() as it:
        it.begin()
        it.clock.sleep(1.0)
        it.bench.port("monitor").mangles.append(lambda data: b"")
        it.clock.sleep(6.0)
        assert it.faults() == ["visa.silent"]
        assert code_of(it.monitor.off) == "n6705.off-unconfirmed"
        assert not it.world("state")["supply_on"]


def test_a_log_that_does_not_start_is_an_error():
    with host([("error-answer", {"command": "INIT:ELOG"})]) as it:
        it.monitor.configure(setup(1000.0, 1.8))
        assert code_of(it.monitor.start, it.sink) == "n6705.refused"
        it.monitor.stop()


def test_a_voltage_above_the_benchs_limit_is_not_sent():
    with host() as it:
        it.monitor.configure(setup(1000.0, 1.8))
        assert code_of(it.monitor.set_voltage, 4.0) == "n6705.voltage"
        it.monitor.set_voltage(3.0)
        assert it.world("state")["voltage_v"] == pytest.approx(3.0)


def test_figures_that_nobody_has_read_in_a_makers_document_are_marked():
    with host() as it:
        assert {row.status for row in it.monitor.accuracy()} == {"assumed"}
    with host(modules=["N6785A"]) as it:
        it.monitor.identify()
        assert {row.status for row in it.monitor.accuracy()} == {"assumed"}
        assert line_for(it.monitor.accuracy(), "current", "measure", "8 A") is not None


def test_the_guardian_switches_it_off_by_its_port():
    with RemoteBench(monitor="keysight-n6705", pace=1.0) as bench:
        monitor = open_n6705(bench.urls["monitor"], settings={}, clock=RealClock(), transcript=Log())
        monitor.configure(setup(1000.0, 1.8))
        monitor.on()
        assert bench.world.request({"op": "state"})["supply_on"]
        monitor.close()
        assert bench.world.request({"op": "state"})["supply_on"]
        assert switch_off(bench.urls["monitor"])
        assert not bench.world.request({"op": "state"})["supply_on"]


def test_in_real_time_nothing_races():
    with RemoteBench(monitor="keysight-n6705", pace=1.0) as bench, contextlib.ExitStack() as stack:
        clock, sink, log = RealClock(), Keeper(), Log()
        settings = {"fetch_s": 0.05}
        monitor = open_n6705(bench.urls["monitor"], settings=settings, clock=clock, transcript=log)
        stack.callback(monitor.close)
        signal = monitor.configure(setup(FULL_HZ, 1.8))
        monitor.on()
        begin = clock.now()
        monitor.start(sink)
        for _ in range(20):
            clock.sleep(0.04)
            monitor.set_voltage(1.8)  # while another thread fetches
        monitor.stop()
        seconds = clock.now() - begin
        monitor.off()
        assert not sink.faults
        assert not sink.gaps
        assert 0.5 * seconds < sink.stop / signal.rate_hz <= seconds
