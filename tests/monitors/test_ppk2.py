"""The PPK2's driver on its twin, whose truth it cannot see."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import time

import numpy as np
import pytest

from drivers.dut.driver import open_dut
from drivers.links.clock import RealClock
from drivers.ppk2.driver import open_ppk2, switch_off
from drivers.ppk2.pace import Pace
from drivers.ppk2.twin.instrument import CALIBRATION
from drivers.virtual.bench import VirtualBench
from drivers.virtual.remote import RemoteBench
from energy.errors import BenchError
from energy.signal import EdgeKind, SampleKind
from energy.window.edges import edges_of_input
from tests.links.peer import Log, Peer
from tests.monitors.sink import Keeper, setup

RATE = 100_000.0
WINDOW = 30


def fails(code, call):
    with pytest.raises(BenchError) as caught:
        call()
    assert caught.value.code == code
    assert caught.value.hint
    return caught.value


class Host(contextlib.ExitStack):
    """A host's side of a bench with a PPK2."""

    def __init__(self, faults=(), settings=None, **options):
        super().__init__()
        self.bench = VirtualBench(monitor="ppk2", io_manager=None, faults=faults, **options)
        self.callback(self.bench.close)
        self.twin, self.clock, self.sink, self.log = self.bench.monitor, self.bench.clock, Keeper(), Log()
        self.monitor = self.open(settings or {})
        self.dut = open_dut(
            self.bench.urls["dut"], settings={"baud": 9600}, clock=self.clock, transcript=self.log
        )
        self.callback(self.dut.close)

    def open(self, settings):
        monitor = open_ppk2(
            self.bench.urls["monitor"],
            settings={"virtual": True, **settings},
            clock=self.clock,
            transcript=self.log,
        )
        self.callback(monitor.close)
        return monitor

    def begin(self, voltage_v=1.8):
        self.signal = self.monitor.configure(setup(RATE, voltage_v))
        if self.monitor.limits.sources:
            self.monitor.on()
        assert self.dut.wait_ready(20.0) == "energy"
        self.monitor.start(self.sink)

    def measure(self, seconds=0.2):
        self.dut.infer(WINDOW, 1, 60.0)
        self.clock.sleep(seconds)
        self.monitor.stop()

    def world(self, op, **rest):
        return self.bench.world.handle({"op": op, **rest})

    def edges(self):
        (source,) = self.sink.inputs.values()
        return list(edges_of_input(source, self.sink.levels[source.name], RATE))

    def quantum_a(self):
        """The largest step of current of the ranges that were used, by the formula's derivative."""
        used = {int(change.name[1]) for change in self.sink.ranges}
        c = self.twin.calibration
        step = 4 * 1.8 / 163840
        return max(step / c["R"][k] * (c["GI"][k] + 2 * abs(c["GS"][k]) * 0.72 / c["R"][k]) for k in used)


@pytest.mark.parametrize(
    ("options", "settings"),
    [
        ({}, {}),
        ({"ppm": -120.0, "logic": 5}, {"logic": 5}),
        ({"ampere": True}, {"mode": "ampere"}),
        ({"transport": "socket"}, {}),
        ({"faults": ["uncalibrated"]}, {}),
        ({"board": "GAP9"}, {}),
    ],
    ids=["source", "slow clock, D5", "ampere", "socket", "uncalibrated", "GAP9"],
)
def test_a_window_has_the_worlds_energy_within_the_adcs_steps(options, settings):
    with Host(settings=settings, **options) as it:
        it.begin()
        it.measure()
        fall_s = it.world("edges")["falling_s"][-2:]
        true_j = it.world("truth", start_s=fall_s[0], stop_s=fall_s[1])["energy_j"]
        opening, closing = (edge for edge in it.edges() if edge.kind is EdgeKind.FALL)
        window = it.sink.values()[round(opening.position) : round(closing.position)].astype(np.float64)
        energy_j = window.sum() * it.signal.joule_per_unit
        steps_j = 0.5 * it.quantum_a() * len(window) * it.signal.joule_per_unit
        edges_j = (opening.bound + closing.bound) * window.max() * it.signal.joule_per_unit
        ppm = abs(options.get("ppm", 20.0)) * 1e-6
        assert abs(energy_j - true_j) <= steps_j + edges_j + (ppm + 1e-6) * true_j
        rate_hz = RATE * (1 + options.get("ppm", 20.0) * 1e-6)
        span = closing.position - opening.position
        assert abs(span - (fall_s[1] - fall_s[0]) * rate_hz) <= opening.bound + closing.bound
        assert opening.bound == 0.5  # 10 us apart: half of that either way
        assert opening.source == f"d{settings.get('logic', 0)}"
        assert not it.sink.gaps
        assert not it.sink.faults
        assert it.sink.complete == it.sink.stop - 1
        assert (it.signal.kind, it.signal.dtype, it.signal.voltage_v) == (SampleKind.CURRENT, "float32", 1.8)


def test_pulses_of_10_us_are_seen_and_shorter_ones_may_be_missed():
    with Host() as it:
        it.begin()
        falls = []
        for width_ns in (10_000, 25_000, 1_000_000):
            it.clock.sleep(0.0100037)
            falls.append(it.clock.now())
            it.twin.edge(width_ns)
        it.clock.sleep(0.1)
        it.monitor.stop()
        edges = it.edges()
        seen = [edge for edge in edges if edge.kind is EdgeKind.FALL]
        origin = seen[0].position - falls[0] * RATE * (1 + 20e-6)
        assert len(seen) == 3
        assert len(edges) == 6
        for edge, fall in zip(seen, falls, strict=True):
            assert abs(edge.position - origin - fall * RATE * (1 + 20e-6)) <= 1.0


def test_what_is_sent_is_the_documented_bytes_in_a_safe_order():
    with Host() as it:
        it.monitor.configure(setup(RATE, 3.3))
        it.monitor.on()
        it.monitor.start(it.sink)
        it.monitor.stop()
        it.monitor.off()
        sent = it.twin.commands
        words = [command.hex(" ") for command in sent if command not in (b"\x07", b"\x19")]
        setting = ["0c 00", "0c 00", "0c 00", "0d 0c e4", "11 02", "16"]
        assert words == [*setting, "0c 01", "06", "0c 00", "0c 00", "0c 00", "06"]  # the last: to see it off
        assert sent.index(b"\x07") < sent.index(b"\x19") < sent.index(b"\x06")
        assert not it.twin.spike_filter
        settings = it.monitor.settings()
        assert settings["regulator_mv"] == 3300
        assert "unconfirmed" in settings["confirmation"]
        assert settings["spike_filter"].startswith("off")
        assert settings["calibration"]["R"] == list(CALIBRATION["R"])
        assert settings["calibration"]["calibrated"] is True


def test_configure_switches_nothing_on_and_the_voltage_is_set_before_the_mode():
    with Host() as it:
        it.twin.regulator_mv = 5000  # what somebody else has left
        highest = []
        it.bench.world.supply.listeners.append(lambda: highest.append(it.bench.world.supply.voltage_v))
        it.monitor.configure(setup(RATE, 1.8))
        assert not it.world("state")["supply_on"]
        it.monitor.on()
        assert highest == [1.8]


@pytest.mark.parametrize(
    ("rate", "volts", "code"),
    [(50_000.0, 3.3, "ppk2.rate"), (RATE, 0.79, "ppk2.voltage"), (RATE, 1.8005, "ppk2.voltage")],
)
def test_what_it_cannot_do_is_refused_before_anything_is_sent(rate, volts, code):
    with Host() as it:
        fails(code, lambda: it.monitor.configure(setup(rate, volts)))
        assert it.twin.commands == []


def test_no_voltage_above_the_benchs_limit_is_set():
    with Host() as it:
        it.monitor.configure(setup(RATE, 1.8))
        fails("ppk2.voltage", lambda: it.monitor.set_voltage(3.4))  # the limit is 3.3 V
        assert it.twin.regulator_mv == 1800


def damaged(name, hearings, **params):
    """Commands for the regulator that are damaged on their way."""
    return [
        (name, {"port": "to-monitor", "heard": "\x0d", "hearing": hearing, **params}) for hearing in hearings
    ]


def test_a_damaged_command_for_the_voltage_is_noticed_and_sent_again():
    with Host(faults=damaged("garbled-message", [1, 3], xor=1)) as it:
        it.monitor.configure(setup(RATE, 1.8))
        assert (it.bench.struck, it.twin.regulator_mv) == (1, 1800)
        it.monitor.set_voltage(1.8)
        assert (it.bench.struck, it.twin.regulator_mv) == (2, 1800)


def test_a_voltage_that_is_not_the_one_that_was_sent_is_refused():
    with Host(faults=damaged("garbled-message", [1, 2, 3], xor=1)) as it:
        refused = fails("ppk2.readback", lambda: it.monitor.configure(setup(RATE, 1.8)))
        assert "1800 mV" in refused.message
        assert f"VDD: {it.twin.regulator_mv}" in refused.message
        assert it.twin.regulator_mv != 1800


def test_metadata_that_do_not_follow_the_voltage_accuse_nobody():
    with Host(faults=damaged("lost-message", [1, 2, 3])) as it:  # so does a unit that states what it had
        it.monitor.configure(setup(RATE, 1.8))
        assert (it.bench.struck, it.twin.regulator_mv) == (3, 3300)


def test_an_ammeter_powers_nothing():
    with Host(settings={"mode": "ampere"}, ampere=True) as it:
        assert not it.monitor.limits.sources
        it.monitor.configure(setup(RATE, 1.8))
        fails("ppk2.mode", it.monitor.on)
        it.monitor.off()
        assert it.world("state")["supply_on"]  # by somebody else
        assert it.twin.mode == "ampere"


@pytest.mark.parametrize("settings", [{"range": 3}, {"mode": "smu"}, {"logic": 8}, {"logic": True}], ids=str)
def test_settings_that_it_does_not_have_are_refused_before_the_port_is_opened(settings):
    call = {"clock": RealClock(), "transcript": Log()}
    fails("ppk2.setting", lambda: open_ppk2("/dev/none", settings=settings, **call))


@pytest.mark.parametrize(("count", "told"), [(1, 1), (63, 63), (40, 40)])
def test_lost_samples_are_a_gap_of_their_number(count, told):
    fault = ("dropped-samples", {"infer": 0, "delay_s": 0.1, "count": count})
    with Host([fault]) as it:
        it.begin()
        it.measure()
        (gap,) = it.sink.gaps
        ((first, stop),) = it.twin.drop
        assert (gap.first, gap.count) == (first, told)
        assert (first, stop) == (gap.first, gap.first + gap.count)


@pytest.mark.parametrize("ppm", [-100, 20, 100])
@pytest.mark.parametrize("turns", [1, 2, 25])
def test_whole_turns_of_the_counter_are_missed_by_the_host_clock_and_break_the_time_base(turns, ppm):
    with Host([("lost-wraps", {"infer": 0, "delay_s": 0.1, "turns": turns})], ppm=ppm) as it:
        it.begin()
        it.clock.sleep(15.0)  # as in a session: by then it is known how the clocks drift apart
        it.measure(8.0)
        ((first, _),) = it.twin.drop
        before, after = it.sink.gaps
        assert before.count is None
        assert after.count is None
        assert before.first <= first <= after.first
        assert after.first - before.first <= 5000  # one delivery of the twin's
        assert abs(int(re.search(r"about (\d+) samples", before.reason)[1]) - 64 * turns) <= 64 * (ppm != 20)


def test_edges_are_not_complete_beyond_turns_that_may_be_lost():
    with Host() as it:
        it.begin()
        it.clock.sleep(0.2)
        it.bench.world.handle({"op": "fault", "name": "lost-wraps"})
        it.clock.sleep(0.5)
        ((first, _),) = it.twin.drop
        assert it.sink.complete <= first  # so whoever waits for them waits for the verdict
        assert it.sink.stop > first + 40_000
        it.clock.sleep(7.0)
        assert it.sink.complete > first + 600_000
        assert len(it.sink.gaps) == 2


def test_deliveries_of_a_busy_host_that_are_late_for_long_are_noted_and_no_loss():
    noise, pace = np.random.default_rng(1), Pace(RATE, 64)
    for k in range(6000):
        now_s, late_s = k * 0.01, noise.exponential(3e-5)
        if 20 <= now_s < 45:
            late_s += 9e-4 + noise.exponential(2e-3)  # every delivery waits for another process
        assert pace.add(now_s + late_s, round(now_s * RATE)) == []
    assert pace.doubtful
    assert pace.verified > 59 * RATE


@pytest.mark.parametrize("ppm", [-450, -300, 300])
def test_a_sample_clock_that_differs_by_a_small_part_is_no_loss(ppm):
    with Host(ppm=ppm) as it:
        it.begin()
        it.clock.sleep(30.0)
        assert it.sink.gaps == []
        assert it.sink.complete > 28 * RATE


def test_turns_that_are_lost_by_a_slow_sample_clock_are_found():
    with Host(ppm=-300) as it:
        it.begin()
        it.clock.sleep(20.0)
        it.bench.world.handle({"op": "fault", "name": "lost-wraps", "params": {"turns": 2}})
        it.clock.sleep(12.0)
        ((first, _),) = it.twin.drop
        before, after = it.sink.gaps
        assert before.first <= first <= after.first


@pytest.mark.parametrize("count", [1, 2, 3, 5, 203])
def test_after_a_byte_slip_the_samples_are_their_own_again(count):
    with Host([("byte-slip", {"infer": 0, "delay_s": 0.1, "count": count})]) as it:
        it.begin()
        it.measure()
        gaps = [gap for gap in it.sink.gaps if gap.count is not None]
        assert len(gaps) == 1
        assert count / 4 <= gaps[0].count <= count / 4 + 9
        assert it.monitor.settings()["irregularities"]["resyncs"] == 1
        opening, closing = (edge for edge in it.edges() if edge.kind is EdgeKind.FALL)
        fall_s = it.world("edges")["falling_s"][-2:]
        span = closing.position - opening.position
        assert abs(span - (fall_s[1] - fall_s[0]) * RATE * (1 + 20e-6)) <= 1.0


def test_an_unplugged_ppk2_is_a_fault_of_the_stream_and_what_came_before_is_kept():
    with Host([("unplugged-port", {"port": "monitor", "infer": 0, "delay_s": 0.1})]) as it:
        it.begin()
        with contextlib.suppress(BenchError):  # a monitor without USB powers no DUT
            it.measure()
        assert [error.code for error in it.sink.faults] == ["link.unplugged"]
        assert it.sink.stop > 10_000
        it.monitor.stop()
        fails("link.unplugged", it.monitor.off)


def test_one_that_says_nothing_is_silent():
    with Host(["silent-monitor"]) as it:
        error = fails("ppk2.silent", it.monitor.identify)
        assert it.bench.urls["monitor"] in error.message


def test_one_that_sends_no_samples_is_silent():
    with Host() as it:
        it.monitor.configure(setup(RATE, 1.8))
        it.twin.silent = True
        fails("ppk2.silent", lambda: it.monitor.start(it.sink))
        it.monitor.stop()


def test_one_that_does_not_stop_says_so_and_can_be_switched_off():
    with Host([("error-answer", {"command": "07", "times": 99})]) as it:
        it.monitor.configure(setup(RATE, 1.8))
        it.monitor.on()
        it.monitor.start(it.sink)
        fails("ppk2.stop", it.monitor.stop)
        it.monitor.off()
        assert not it.world("state")["supply_on"]


def test_what_a_killed_session_left_running_is_stopped_before_metadata_is_read():
    with Host() as it:
        it.begin()
        it.clock.sleep(0.2)
        it.monitor._link.close()  # as a kill does: nothing is stopped
        again = it.open({})
        it.clock.sleep(0.1)
        identity = again.identify()
        assert identity.details == {
            "VDD": "1800",
            "HW": "9173",
            "mode": "2",
            "IA": "56",
            "calibrated": True,
        }
        assert not it.twin.running


def test_off_works_in_mid_stream_and_the_stream_goes_on():
    with Host() as it:
        it.begin()
        it.clock.sleep(0.1)
        it.monitor.off()
        assert not it.world("state")["supply_on"]
        it.clock.sleep(0.1)
        it.monitor.stop()
        assert not it.sink.faults
        assert abs(it.sink.values()[-1000:].mean()) < 100e-9  # nothing flows: less than some steps of range 0
        assert it.sink.ranges[-1].name == "R0"


_DOOMED = """
import sys
from drivers.ppk2.driver import open_ppk2
from drivers.virtual.clock import RemoteWorld, VirtualClock
from energy.instruments import Setup

class Nobody:
    def __getattr__(self, name):
        return lambda *arguments: None

control, url = sys.argv[1:3]
clock = VirtualClock(RemoteWorld(control).request)
monitor = open_ppk2(url, settings={}, clock=clock, transcript=lambda line: None)
monitor.configure(Setup(100e3, 1.8, 3.3, 0.05))
monitor.on()
monitor.start(Nobody())
print("streaming", flush=True)
while True:
    clock.sleep(0.01)
"""


def test_the_guardian_switches_off_after_a_kill_in_mid_stream():
    with RemoteBench(monitor="ppk2", io_manager=None) as bench:
        command = [sys.executable, "-c", _DOOMED, bench.control, bench.urls["monitor"]]
        doomed = subprocess.Popen(command, stdout=subprocess.PIPE)
        try:
            assert doomed.stdout.readline() == b"streaming\n"
            assert bench.world.request({"op": "state"})["supply_on"]
        finally:
            doomed.kill()
            doomed.communicate()
        assert switch_off(bench.urls["monitor"], settings={})
        assert not bench.world.request({"op": "state"})["supply_on"]


def test_the_guardian_sends_power_off_first_and_is_sure_once_metadata_came():
    commands = bytearray()

    def answer(command: bytes) -> bytes:
        commands.extend(command + b"\x19")
        return b"R0: 1031.64\nEND\n"

    with Peer(answer, end=b"\x19") as peer:
        assert switch_off(peer.url, settings={"mode": "source"})
    assert bytes(commands) == b"\x0c\x00" + b"\x07" + b"\x0c\x00" * 2 + b"\x19"
    with Peer(lambda command: b"", end=b"\x19") as peer:
        begin = time.monotonic()
        assert not switch_off(peer.url, timeout_s=0.1)
        assert time.monotonic() - begin < 2.0
    with pytest.raises(BenchError, match=r"link\.missing"):
        switch_off("/dev/ttyNOT-THERE", timeout_s=0.05)


LOST_BYTE = ("R3: 0.9", "GI2: 0.", "O1: 9", "S4: 2.", "I3: -2", "UG0: 1", "GS1")
"""Places of the metadata after which a byte is lost."""


@pytest.mark.parametrize("place", LOST_BYTE)
def test_a_byte_of_the_calibration_lost_once_changes_no_current(place):
    fault = ("lost-bytes", {"port": "monitor", "after": place, "count": 1})
    with Host(faults=[fault]) as it:
        it.monitor.identify()
        record = it.monitor.settings()["calibration"]
        assert {name: tuple(values) for name, values in record.items() if name in CALIBRATION} == CALIBRATION


@pytest.mark.parametrize(
    ("coefficients", "named"),
    [
        ({"R": (1031.4, 101.8, 10.1, 0.421, 0.0431)}, "R3: 0.421"),
        ({"R": (1031.4, 101.8, 101.632, 0.9421, 0.0431)}, "R2: 101.632"),
        ({"GI": (1.0, 9.981, 1.0, 1.0, 1.0)}, "GI1: 9.981"),
        ({"I": (-1.2e-8, -9.4, 3.1e-7, -2.2e-6, 1.8e-5)}, "I1: -9.4"),
        ({"UG": (1.0, 1.0, 1.0, 1.0, 0.0)}, "UG4: 0"),
        ({"O": (112.4, 97.2, 84.1, 91.7, 10350.0)}, "O4: 10350"),
        ({"S": (2.1e-9, 1.7e-8, 1.1e-7, 1.3, 2.4e-5)}, "S3: 1.3"),
    ],
)
def test_a_damaged_coefficient_is_refused_before_the_output_is_on(coefficients, named):
    with Host(calibration=coefficients) as it:
        error = fails("ppk2.metadata", lambda: it.monitor.configure(setup(RATE, 1.8)))
        assert named in error.message
        assert not it.world("state")["supply_on"]
        assert b"\x0c\x01" not in it.twin.commands


def test_readings_that_never_agree_are_refused():
    ohms = iter(range(1000, 1100))

    def answer(command: bytes) -> bytes:
        return (
            "".join(f"R{k}: {ohm}\n" for k, ohm in enumerate((next(ohms), 101, 10, 0.9, 0.04))).encode()
            + b"END"
        )

    with Peer(answer, end=b"\x19") as peer:
        monitor = open_ppk2(peer.url, settings={}, clock=RealClock(), transcript=Log())
        error = fails("ppk2.metadata", monitor.identify)
        assert "R0 1003 and 1004" in error.message
        monitor.close()


def test_metadata_that_break_off_are_asked_for_again():
    whole = "".join(f"R{k}: {ohm}\n" for k, ohm in enumerate((1000.0, 101.0, 10.0, 0.9, 0.04))).encode()
    answers = [whole + b"END", whole + b"END", b"R0: 10"]
    with Peer(lambda command: answers.pop(), end=b"\x19") as peer:
        monitor = open_ppk2(peer.url, settings={}, clock=RealClock(), transcript=Log())
        assert monitor.identify().details == {"calibrated": None}
        assert answers == []
        assert monitor.settings()["calibration"]["R"][0] == 1000.0
        monitor.close()


def test_a_constant_current_does_not_sit_on_one_code_of_the_twin():
    with Host() as it:
        it.monitor.configure(setup(RATE, 1.8))
        it.monitor.on()
        it.clock.sleep(3.0)
        it.monitor.start(it.sink)
        it.clock.sleep(0.2)
        it.monitor.stop()
        currents = np.concatenate([block.columns[0] for block in it.sink.blocks])[5000:15000]
        idle_a = it.world("state")["power_w"] / 1.8
    codes, counts = np.unique(currents, return_counts=True)
    assert len(codes) >= 3
    assert counts.max() < 0.8 * len(currents)
    assert abs(currents.mean(dtype=np.float64) - idle_a) < np.diff(codes).min() / 10
