"""All drivers together on the virtual bench, whose truth they cannot see."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time

import numpy as np
import pytest

from drivers.dut.driver import open_dut
from drivers.io_managers.uno import open_uno
from drivers.links.clock import RealClock
from drivers.lpm01a.driver import open_lpm01a, switch_off
from drivers.virtual.bench import VirtualBench
from drivers.virtual.remote import RemoteBench
from energy.errors import BenchError
from tests.links.peer import Log
from tests.monitors.sink import Keeper, setup

WINDOW = 250


class Host(contextlib.ExitStack):
    """A host's side of a bench in energy mode, up to the running stream."""

    def __init__(self, bench: VirtualBench, **settings):
        super().__init__()
        self.bench, self.clock, self.log, self.sink = bench, bench.clock, Log(), Keeper()
        common = {"clock": bench.clock, "transcript": self.log}
        self.monitor = open_lpm01a(bench.urls["monitor"], settings=settings, **common)
        self.callback(self.monitor.close)
        self.io = None
        if "io" in bench.urls:
            self.io = open_uno(bench.urls["io"], settings={}, **common)
            self.callback(self.io.close)
            self.dut = self.io.dut()
        else:
            self.dut = open_dut(bench.urls["dut"], settings={"baud": 9600}, **common)
            self.callback(self.dut.close)

    def __enter__(self):
        super().__enter__()
        try:
            if self.io is not None:
                self.io.prepare()
            self.signal = self.monitor.configure(setup(1000.0, 3.3))
        except BenchError:
            self.close()
            raise
        return self

    def begin(self):
        self.monitor.on()
        assert self.dut.wait_ready(20.0) == "energy"
        self.monitor.start(self.sink)
        self.dut.timestamp()
        self.dut.load(bytes(490))

    def measure(self, seconds=1.5):
        inference = self.dut.infer(WINDOW, 1, 60.0)
        self.clock.sleep(seconds)
        return inference

    def world(self, op, **rest):
        return self.bench.world.handle({"op": op, **rest})


@contextlib.contextmanager
def host(faults=(), settings=None, **bench):
    with VirtualBench(faults=faults, **bench) as virtual, Host(virtual, **(settings or {})) as it:
        yield it


@pytest.mark.parametrize(
    ("bench", "settings"),
    [
        ({"io_manager": "uno"}, {}),
        ({"io_manager": None}, {"output": "current"}),
        ({"transport": "socket"}, {}),
        ({"first_timestamp": False, "ppm": 0.0}, {}),
    ],
    ids=["uno", "direct", "socket", "no first mark"],
)
def test_a_window_has_the_worlds_energy(bench, settings):
    with host(settings=settings, **bench) as it:
        it.begin()
        inference = it.measure()
        it.monitor.stop()
        it.monitor.off()
        fall_s = it.world("edges")["falling_s"][-2:]
        true_j = it.world("truth", start_s=fall_s[0], stop_s=fall_s[1])["energy_j"]
        opening, closing = it.sink.edges[-2:]
        window = it.sink.values()[round(opening.position) : round(closing.position)]
        energy_j = window.sum() * it.signal.joule_per_unit
        edges_j = (opening.bound + closing.bound) * window.max() * it.signal.joule_per_unit
        assert abs(energy_j - true_j) <= 0.0005 * true_j + edges_j
        rate_hz = 1000.0 * (1 + bench.get("ppm", 130.0) * 1e-6)
        span = closing.position - opening.position
        assert abs(span - (fall_s[1] - fall_s[0]) * rate_hz) <= opening.bound + closing.bound
        assert len(it.sink.edges) == 3  # timestamp, opening, closing: the boot's came before the stream
        assert not it.sink.gaps
        assert not it.sink.faults
        assert len(inference.results) == 12
        assert not it.world("state")["supply_on"]
        if it.io is not None:
            laps = it.io.laps()
            assert abs((laps[-1].own_s - laps[-2].own_s) - (fall_s[1] - fall_s[0])) <= 8e-6


def test_two_runs_give_the_same_samples_and_the_same_transcript():
    runs = []
    for _ in range(2):
        with host(io_manager="uno") as it:
            it.begin()
            it.measure()
            it.monitor.stop()
            by_wire = {}
            for line in it.log:
                by_wire.setdefault(line.source, []).append((line.sent, line.text))
            runs.append((it.sink.values().tolist(), it.sink.edges, by_wire))
    assert runs[0] == runs[1]


def test_performance_mode_tells_the_duts_own_microseconds():
    with VirtualBench(mode="performance", monitor=None) as bench:
        dut = open_dut(bench.urls["dut"], settings={}, clock=bench.clock, transcript=Log())
        assert dut.wait_ready(20.0) == "performance"
        dut.load(bytes(490))
        inference = dut.infer(WINDOW, 1, 60.0)
        assert inference.stop_us - inference.start_us > 0
        dut.close()


STREAM_FAULTS = [
    ("dropped-samples", {"infer": 0, "delay_s": 0.5, "count": 3}),
    ("garbled-bytes", {"port": "monitor", "infer": 0, "delay_s": 0.5}),
    ("garbled-bytes", {"port": "monitor", "infer": 0, "delay_s": 0.5, "count": 30, "skip": 5}),
    ("lost-bytes", {"port": "monitor", "infer": 0, "delay_s": 0.5}),
    ("lost-bytes", {"port": "monitor", "infer": 0, "delay_s": 0.5, "count": 4000}),
    ("lost-bytes", {"port": "monitor", "infer": 0, "after": "TimeStamp", "count": 3}),
]


@pytest.mark.parametrize(("name", "params"), STREAM_FAULTS)
def test_damage_to_the_stream_becomes_a_gap(name, params):
    with host([(name, params)]) as it:
        it.begin()
        it.measure()
        it.monitor.stop()
        assert it.sink.gaps
        assert not it.sink.faults


@pytest.mark.parametrize(
    ("name", "params", "code"),
    [
        ("overcurrent-stop", {"infer": 0, "delay_s": 0.2}, "bench.current"),
        ("unplugged-port", {"port": "monitor", "infer": 0, "delay_s": 0.2}, "link.unplugged"),
    ],
)
def test_the_end_of_a_stream_is_a_fault(name, params, code):
    with host([(name, params)]) as it:
        it.begin()
        with contextlib.suppress(BenchError):  # a monitor without USB powers no DUT
            it.measure()
        assert [error.code for error in it.sink.faults] == [code]
        assert it.sink.values().size


@pytest.mark.parametrize("io_manager", [None, "uno"])
@pytest.mark.parametrize(
    ("name", "params", "code"),
    [
        ("silent-dut", {"infer": 0, "delay_s": 0.2}, "dut.incomplete"),
        ("brown-out", {"infer": 0, "delay_s": 0.2}, "dut.reset"),
        ("error-answer", {"port": "dut", "command": "infer"}, "dut.error-answer"),
        ("lost-bytes", {"after": "m-infer-d", "count": 2}, None),
        ("lost-bytes", {"after": "m-infer-st", "count": 2}, "dut.unexpected"),
    ],
)
def test_what_befalls_the_dut_in_an_inference_has_a_code(name, params, code, io_manager):
    with host([(name, params)], io_manager=io_manager) as it:
        it.begin()
        if code is None:
            assert it.measure().results
            return
        with pytest.raises(BenchError) as caught:
            it.measure()
        assert caught.value.code == code
        assert caught.value.hint
        it.monitor.off()
        assert not it.world("state")["supply_on"]


@pytest.mark.parametrize(("name", "code"), [("silent-dut", "dut.silent"), ("wrong-baud", "dut.garbled")])
def test_a_dut_that_cannot_be_understood_at_boot_has_a_code(name, code):
    with host([(name, {})]) as it:
        it.monitor.on()
        with pytest.raises(BenchError) as caught:
            it.dut.wait_ready(5.0)
        assert caught.value.code == code
        assert "9600" in caught.value.hint


def test_an_unplugged_dut_is_named():
    with host([("unplugged-port", {"port": "dut", "infer": 0, "delay_s": 0.1})]) as it:
        it.begin()
        with pytest.raises(BenchError, match=r"link\.unplugged"):
            it.measure()


@pytest.mark.parametrize(
    ("name", "params", "code"),
    [
        ("error-answer", {"command": "freq"}, "lpm01a.refused"),
        ("silent-monitor", {}, "lpm01a.silent"),
    ],
)
def test_a_monitor_that_refuses_or_says_nothing_has_a_code(name, params, code):
    with VirtualBench(faults=[(name, params)]) as bench:
        with pytest.raises(BenchError) as caught:
            Host(bench).__enter__()
        assert caught.value.code == code


def test_old_firmware_refuses_a_thousand_energies_a_second():
    with VirtualBench(max_energy_hz=100) as bench, pytest.raises(BenchError, match=r"lpm01a\.refused"):
        Host(bench).__enter__()


def test_power_off_in_mid_stream_leaves_nothing_on():
    with host() as it:
        it.begin()
        it.monitor.off()
        assert not it.world("state")["supply_on"]
        it.monitor.stop()
        assert not it.sink.faults
        assert np.isfinite(it.sink.values()).all()


_DOOMED = """
import sys, time
from drivers.lpm01a.driver import open_lpm01a
from drivers.virtual.clock import RemoteWorld, VirtualClock
from energy.instruments import Setup

class Nobody:
    def __getattr__(self, name):
        return lambda *arguments: None

control, url = sys.argv[1:3]
clock = VirtualClock(RemoteWorld(control).request)
monitor = open_lpm01a(url, settings={}, clock=clock, transcript=lambda line: None)
monitor.configure(Setup(1000.0, 3.3, 3.3, 0.05))
monitor.on()
monitor.start(Nobody())
clock.sleep(1.5)
print("streaming", flush=True)
while True:
    clock.sleep(0.01)
"""


def test_the_guardian_switches_off_after_a_kill_in_mid_stream():
    with RemoteBench() as bench:
        command = [sys.executable, "-c", _DOOMED, bench.control, bench.urls["monitor"]]
        doomed = subprocess.Popen(command, stdout=subprocess.PIPE)
        try:
            assert doomed.stdout.readline() == b"streaming\n"
            assert bench.world.request({"op": "state"})["supply_on"]
        finally:
            doomed.kill()
            begin = time.monotonic()
            doomed.communicate()
        assert switch_off(bench.urls["monitor"])
        assert time.monotonic() - begin < 1.0
        assert not bench.world.request({"op": "state"})["supply_on"]


def test_in_real_time_nothing_races():
    with RemoteBench(pace=1.0, io_manager="uno") as bench, contextlib.ExitStack() as stack:
        log, sink, clock = Log(), Keeper(), RealClock()
        monitor = open_lpm01a(bench.urls["monitor"], settings={}, clock=clock, transcript=log)
        stack.callback(monitor.close)
        io = open_uno(bench.urls["io"], settings={}, clock=clock, transcript=log)
        stack.callback(io.close)
        io.prepare()
        monitor.configure(setup(1000.0, 3.3))
        monitor.on()
        assert io.dut().wait_ready(5.0) == "energy"
        monitor.start(sink)
        io.dut().load(bytes(52))
        io.dut().infer(20, 1, 10.0)
        monitor.stop()
        monitor.off()
        assert len(sink.edges) == 2
        assert not sink.gaps
        assert not sink.faults
        fall_s = bench.world.request({"op": "edges"})["falling_s"][-2:]
        span = sink.edges[1].position - sink.edges[0].position
        assert abs(span - (fall_s[1] - fall_s[0]) * 1000.13) <= 2.0
