"""The LPM01A's driver in binary, started by an edge, and its extras, on the virtual bench."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest

from drivers.io_managers.uno import open_uno
from drivers.links.clock import RealClock
from drivers.lpm01a.driver import open_lpm01a, switch_off
from drivers.testkit import MonitorContract
from drivers.virtual.bench import VirtualBench
from drivers.virtual.remote import RemoteBench
from energy.errors import BenchError
from energy.instruments import Deadline, Setup
from energy.signal import SampleKind
from tests.links.peer import Log
from tests.monitors.sink import Keeper, setup

PPM = 130.0
BINARY = {"format": "bin_hexa", "output": "current"}
ENERGY = {"format": "bin_hexa"}


class Desk(contextlib.ExitStack):
    """A virtual bench with an Uno, its monitor set up, a stream that waits for an edge."""

    def __init__(self, settings, rate_hz, edges="io", voltage_v=1.8, **bench):
        super().__init__()
        self.log, self.sink, self.rate_hz = Log(), Keeper(), rate_hz
        self.bench = self.enter_context(VirtualBench(io_manager="uno", **bench))
        self.clock, self.twin = self.bench.clock, self.bench.monitor
        self.monitor = self.open(settings)
        io = open_uno(self.bench.urls["io"], settings={}, clock=self.clock, transcript=self.log)
        self.callback(io.close)
        io.prepare()
        self.dut = io.dut()
        self.monitor.identify()
        self.signal = self.monitor.configure(setup(rate_hz, voltage_v, edges))

    def open(self, settings):
        monitor = open_lpm01a(
            self.bench.urls["monitor"], settings=settings, clock=self.clock, transcript=self.log
        )
        self.callback(monitor.close)
        return monitor

    def begin(self):
        """Everything on, the stream armed, and the edge that starts it."""
        if not self.bench.world.supply.on:
            self.monitor.on()
            self.dut.wait_ready(20.0)
        self.sink = Keeper()
        self.monitor.start(self.sink)
        self.clock.sleep(0.2)
        assert not self.sink.blocks
        self.dut.timestamp()

    def falls(self):
        """The world's edges in samples of the monitor's clock, which begins with the one after the boot's."""
        falls_s = np.array(self.bench.world.handle({"op": "edges"})["falling_s"])
        return falls_s, (falls_s - falls_s[1]) * self.rate_hz * (1 + PPM * 1e-6)

    def fault(self, name, **params):
        self.bench.world.handle({"op": "fault", "name": name, "params": params})

    def measure(self, seconds):
        """A stream of so long, stopped."""
        self.begin()
        self.clock.sleep(seconds)
        self.monitor.stop()


def fails(code, call):
    with pytest.raises(BenchError) as caught:
        call()
    assert caught.value.code == code
    assert caught.value.hint
    return caught.value


def between(values, start, stop):
    """Sum of samples between two positions, parts of samples at the ends included."""
    first, last = int(start), int(stop)
    head, tail = (1 - (start - first)) * values[first], (stop - last) * values[last]
    return head + values[first + 1 : last].astype(float).sum() + tail


@pytest.mark.parametrize(
    ("settings", "rate_hz"),
    [
        (BINARY, 100e3),
        (ENERGY, 10e3),
        ({"output": "current"}, 5e3),
        ({}, 1e3),
    ],
    ids=["binary current", "binary energy", "ASCII current", "ASCII energy"],
)
def test_a_window_by_the_worlds_clock_has_the_worlds_energy(settings, rate_hz):
    with Desk(settings, rate_hz) as desk:
        desk.begin()
        desk.dut.load(bytes(490))
        desk.dut.infer(20, 1, 60.0)
        desk.clock.sleep(0.1)
        desk.monitor.stop()
        desk.monitor.off()
        falls_s, positions = desk.falls()
        true_j = desk.bench.world.handle({"op": "truth", "start_s": falls_s[2], "stop_s": falls_s[3]})[
            "energy_j"
        ]
        values = desk.sink.values()
        energy_j = between(values, *positions[2:4]) * desk.signal.joule_per_unit
        quantisation = 0.002 if "format" in settings else 0.0005
        rate = PPM * 1e-6 if settings.get("output") == "current" else 0.0
        edges_j = 2 * values.max() * desk.signal.joule_per_unit
        assert abs(energy_j - true_j) <= (quantisation + rate) * true_j + edges_j
        assert edges_j < 0.01 * true_j
        assert desk.signal.kind is (SampleKind.CURRENT if "output" in settings else SampleKind.ENERGY)
        assert desk.signal.dtype == ("float32" if "format" in settings else "float64")
        assert values.dtype == np.dtype(desk.signal.dtype)
        assert not desk.sink.gaps
        assert not desk.sink.faults
        assert not desk.sink.edges
        assert not desk.bench.world.supply.on


def test_two_binary_runs_give_the_same_samples():
    runs = []
    for _ in range(2):
        with Desk(BINARY, 10e3) as desk:
            desk.measure(0.5)
            runs.append((desk.sink.values().tobytes(), list(desk.log.texts())))
    assert runs[0] == runs[1]


def test_dropped_samples_are_counted_exactly():
    with Desk(BINARY, 10e3) as desk:
        desk.begin()
        desk.fault("dropped-samples", count=37)
        desk.fault("dropped-samples", count=5, at_s=desk.clock.now() + 0.55)
        desk.clock.sleep(1.0)
        desk.monitor.stop()
        got = desk.sink
        assert desk.monitor.settings()["irregularities"]["lost-sample"] == 42
        assert [gap.count for gap in got.gaps] == [1000, 1000]
        taken = sum(map(len, got.blocks)) + sum(gap.count for gap in got.gaps)
        assert taken == got.stop == desk.twin._acquisition.position()


@pytest.mark.parametrize(
    ("fault", "params", "gap_count", "irregularity"),
    [
        ("odd-byte", {}, 1000, "lost-framing"),
        ("overflow-flag", {}, 1000, "overflow"),
        ("lost-bytes", {"port": "monitor", "count": 301}, 1000, "lost-framing"),
        ("garbled-bytes", {"port": "monitor", "count": 1, "skip": 8, "xor": 0xF0}, None, None),
    ],
)
def test_damage_to_a_binary_stream_is_a_gap_or_one_sample(fault, params, gap_count, irregularity):
    with Desk(BINARY, 10e3) as desk:
        desk.begin()
        desk.fault(fault, at_s=desk.clock.now() + 0.33, **params)
        desk.clock.sleep(1.0)
        desk.monitor.stop()
        assert not desk.sink.faults
        if irregularity:
            assert [gap.count for gap in desk.sink.gaps] == [gap_count]
            assert desk.monitor.settings()["irregularities"][irregularity] == 1
        assert desk.sink.stop == desk.twin._acquisition.position()


def test_an_unknown_packet_is_kept_and_noted_and_costs_nothing():
    with Desk(BINARY, 10e3) as desk:
        desk.begin()
        desk.fault("unknown-packet", at_s=desk.clock.now() + 0.33)
        desk.clock.sleep(0.5)
        desk.monitor.stop()
        assert desk.monitor.settings()["unknown_packets"] == ["F0 FE 01 02 FF FF"]
        assert "unknown packet F0 FE 01 02 FF FF" in desk.log.texts()
        assert not desk.sink.gaps
        assert not desk.sink.faults


@pytest.mark.parametrize(
    ("name", "params", "code"),
    [
        ("overcurrent-stop", {}, "bench.current"),
        ("unplugged-port", {"port": "monitor"}, "link.unplugged"),
    ],
)
def test_the_end_of_a_binary_stream_is_a_fault(name, params, code):
    with Desk(BINARY, 10e3) as desk:
        desk.begin()
        desk.clock.sleep(0.35)
        desk.fault(name, at_s=desk.clock.now() + 0.05, **params)
        desk.clock.sleep(0.5)
        assert [error.code for error in desk.sink.faults] == [code]
        assert desk.sink.values().size >= 3000
        desk.monitor.stop()


def test_binary_cannot_be_the_source_of_edges():
    with Desk(BINARY, 10e3) as desk:
        error = fails("lpm01a.edges", lambda: desk.monitor.configure(setup(10e3, 1.8, "monitor")))
        assert "io" in error.hint


def test_what_it_can_do_depends_on_output_and_format():
    with VirtualBench() as bench:

        def limits(**settings):
            common = {"clock": bench.clock, "transcript": Log()}
            monitor = open_lpm01a(bench.urls["monitor"], settings=settings, **common)
            monitor.close()
            return monitor.limits

        assert max(limits().rates_hz) == 5e3
        assert limits().sees_edges
        assert limits().starts_on_edge
        binary = limits(format="bin_hexa", output="current")
        assert (max(binary.rates_hz), binary.full_rate_hz, binary.sees_edges) == (100e3, 100e3, False)
        assert binary.start_latency_s == (0.0, 1e-3)
        assert max(limits(format="bin_hexa").rates_hz) == 10e3
        high = limits(format="bin_hexa", output="current", funcmode="high")
        assert (high.rates_hz, high.highest_a) == ((100e3, 50e3), 0.01)


@pytest.mark.parametrize(
    "settings",
    [
        {"formt": 1},
        {"format": "hex"},
        {"output": "power"},
        {"funcmode": "high"},
        {"baud": "fast"},
        {"baud": 0},
    ],
)
def test_a_setting_that_is_none_is_refused_before_the_port_is_opened(settings):
    fails("lpm01a.setting", lambda: open_lpm01a("/dev/none", settings=settings, clock=None, transcript=Log()))


def test_a_voltage_above_the_benchs_limit_is_never_sent():
    with VirtualBench() as bench:
        monitor = open_lpm01a(bench.urls["monitor"], settings={}, clock=bench.clock, transcript=Log())
        before_v = bench.world.supply.voltage_v
        fails("lpm01a.voltage", lambda: monitor.configure(Setup(1000.0, 3.0, 2.0, 0.05)))
        assert bench.world.supply.voltage_v == before_v != 3.0
        monitor.close()


def test_an_old_firmwares_refusal_says_what_is_known_of_it():
    with VirtualBench(version="1.0.0", max_energy_hz=100) as bench:
        monitor = open_lpm01a(bench.urls["monitor"], settings={}, clock=bench.clock, transcript=Log())
        monitor.identify()
        error = fails("lpm01a.refused", lambda: monitor.configure(setup(1000.0, 3.3)))
        assert "1.0.0" in error.hint
        assert "100 samples/s" in error.hint
        monitor.configure(setup(100.0, 3.3))
        assert monitor.settings()["firmware"]["highest_energy_hz"] == 100.0
        monitor.close()


def test_an_instrument_left_in_binary_at_100_khz_can_be_set_up_for_ascii_energy():
    with Desk(BINARY, 100e3) as desk:
        desk.monitor.close()
        other = desk.open({})
        assert other.configure(setup(1000.0, 3.3)).kind is SampleKind.ENERGY


@pytest.mark.parametrize("armed", [False, True])
def test_what_a_killed_session_left_in_binary_is_stopped_first(armed):
    with Desk(BINARY, 10e3) as desk:
        desk.monitor.on()
        desk.dut.wait_ready(20.0)
        desk.monitor.start(desk.sink)
        if not armed:
            desk.dut.timestamp()
        desk.clock.sleep(0.3)
        desk.monitor._link.close()  # as a kill does: nothing is said to the instrument
        other = desk.open({})
        assert other.identify().firmware == "1.0.6"
        other.configure(setup(1000.0, 3.3))
        assert not desk.bench.world.supply.on


def test_a_stream_that_no_edge_started_can_be_stopped():
    with Desk(BINARY, 10e3) as desk:
        desk.monitor.on()
        desk.dut.wait_ready(20.0)
        desk.monitor.start(desk.sink)
        desk.clock.sleep(0.3)
        desk.monitor.stop()
        assert not desk.sink.blocks
        assert not desk.sink.faults
        assert not desk.sink.gaps
        desk.monitor.start(desk.sink)
        desk.dut.timestamp()
        desk.clock.sleep(0.2)
        desk.monitor.stop()
        assert desk.sink.stop > 1000


@pytest.mark.parametrize("text_in_binary", [False, True])
def test_commands_are_answered_while_a_binary_stream_runs(text_in_binary):
    with Desk(BINARY, 10e3, text_in_binary=text_in_binary, temperature_c=28.0) as desk:
        desk.begin()
        desk.clock.sleep(0.25)
        assert desk.monitor.temperature_c() == 31.0
        assert desk.monitor.read_voltage() == 1.8
        desk.monitor.reset_target(0.05)
        assert not desk.bench.world.supply.on
        desk.clock.sleep(0.1)
        assert desk.bench.world.supply.on
        desk.clock.sleep(0.3)
        desk.monitor.stop()
        assert not desk.sink.gaps
        assert not desk.sink.faults
        assert desk.sink.stop == desk.twin._acquisition.position()


def test_commands_are_answered_while_an_ascii_stream_runs():
    with Desk({}, 1e3, edges="monitor") as desk:
        desk.monitor.on()
        desk.monitor.start(desk.sink)
        desk.clock.sleep(0.3)
        assert desk.monitor.temperature_c() == 28.0
        desk.monitor.reset_target(0.05)
        assert not desk.bench.world.supply.on
        fails("lpm01a.reset", lambda: desk.monitor.reset_target(1.5))
        for call in (desk.monitor.calibrate, desk.monitor.autotest, lambda: desk.monitor.floor_current(1)):
            fails("lpm01a.busy", call)
        desk.monitor.stop()
        assert not desk.sink.faults


@pytest.mark.parametrize("text_in_binary", [False, True])
def test_power_off_in_mid_binary_stream_leaves_nothing_on(text_in_binary):
    with Desk(BINARY, 10e3, text_in_binary=text_in_binary) as desk:
        desk.begin()
        desk.clock.sleep(0.25)
        desk.monitor.off()
        assert not desk.bench.world.supply.on
        desk.monitor.stop()
        assert not desk.sink.faults
        assert desk.sink.stop == desk.twin._acquisition.position()


def test_a_temperature_that_has_moved_is_answered_with_a_calibration_before_the_start():
    with Desk(BINARY, 10e3, temperature_c=22.0) as desk:
        after_volt = desk.twin.calibrations
        desk.bench.world.temperature_c = 26.9
        desk.measure(0.1)
        assert desk.twin.calibrations == after_volt
        desk.bench.world.temperature_c = 27.5
        desk.measure(0.1)
        assert desk.twin.calibrations == after_volt + 1
        desk.measure(0.1)
        assert desk.twin.calibrations == after_volt + 1
        settings = desk.monitor.settings()
        assert settings["calib_for_temperature_c"] == [30.5]
        assert settings["calibrated_at_c"] == 30.5


def test_a_firmware_without_thermometer_still_measures():
    refusal = ("error-answer", {"command": "temp", "times": 99})
    with Desk(BINARY, 10e3, faults=[refusal]) as desk:
        desk.measure(0.2)
        assert desk.sink.stop > 1000
        assert desk.monitor.settings()["temp"] == "refused"


def test_the_floor_current_is_the_worlds_and_the_first_one_is_discarded():
    with Desk(BINARY, 100e3) as desk:
        desk.monitor.on()
        desk.dut.wait_ready(20.0)
        desk.clock.sleep(1.0)
        currents = desk.monitor.floor_current(3)
        true_a = desk.bench.world.handle({"op": "state"})["power_w"] / 1.8
        assert currents == pytest.approx([true_a] * 3, rel=0.5e-3)
        assert desk.monitor.settings()["discarded_first_static_a"] == pytest.approx(true_a + 8e-3, rel=1e-3)
        assert desk.monitor.floor_current(1) == currents[:1]
        desk.measure(0.1)  # it is set up as before
        assert desk.sink.stop == pytest.approx(10_000, abs=3000)
        assert not desk.sink.gaps
        assert not desk.sink.faults


def test_a_current_that_is_not_constant_has_a_code_and_the_setup_comes_back():
    with Desk(BINARY, 10e3) as desk:
        desk.monitor.on()
        fails("lpm01a.not-constant", lambda: desk.monitor.floor_current(1))  # the board is booting
        desk.dut.wait_ready(20.0)
        desk.monitor.start(desk.sink)
        desk.dut.timestamp()
        desk.clock.sleep(0.2)
        desk.monitor.stop()
        assert desk.sink.stop > 1000


def test_a_static_acquisition_that_says_nothing_has_a_code():
    with Desk(BINARY, 10e3) as desk:
        desk.monitor.on()
        desk.dut.wait_ready(20.0)
        desk.clock.sleep(1.0)
        desk.fault("silent-monitor", at_s=desk.clock.now() + 2.0)
        fails("lpm01a.static", lambda: desk.monitor.floor_current(99))
        fails("lpm01a.silent", desk.monitor.calibrate)


def test_its_own_test_says_something():
    with Desk({}, 1e3) as desk:
        assert desk.monitor.autotest() == "ok"


def test_the_guardian_switches_off_in_the_middle_of_a_binary_stream():
    with RemoteBench(io_manager=None, pace=1.0) as bench:
        sink, clock = Keeper(), RealClock()
        monitor = open_lpm01a(bench.urls["monitor"], settings=BINARY, clock=clock, transcript=Log())
        monitor.configure(setup(100e3, 1.8, "io"))
        monitor.start(sink)
        monitor.on()  # the boot's edge starts it
        deadline = Deadline(clock, 10.0)
        while not sink.blocks and not deadline.expired():
            clock.sleep(0.01)
        assert sink.blocks
        assert bench.world.request({"op": "state"})["supply_on"]
        monitor._link.close()  # as a kill does
        assert switch_off(bench.urls["monitor"], settings=BINARY)
        assert not bench.world.request({"op": "state"})["supply_on"]


class TestContractInBinary(MonitorContract):
    driver = "lpm01a"
    settings = BINARY


class TestContractOfBinaryEnergy(MonitorContract):
    driver = "lpm01a"
    settings = ENERGY
