"""Faults of wires, supplies and converters: each does in the world just what its name says."""

from __future__ import annotations

import numpy as np
import pytest

from drivers.virtual.bench import VirtualBench
from drivers.virtual.boards import load_board
from drivers.virtual.pin import Mark
from drivers.virtual.sampler import Sampler
from drivers.virtual.world import NS
from energy.errors import UsageError

BOARD = load_board("NUCLEO-L4R5ZI")


class Bench:
    """A DUT without an IO manager; its bytes and marks are written down with their times."""

    def __init__(self, *faults, **settings):
        self.bench = VirtualBench(monitor=None, faults=faults, **settings)
        self.heard: list[tuple[float, bytes]] = []
        self.edges_s: list[float] = []
        self.bench.dut.listener = lambda data, start, byte: self.heard.append((self.now_s, data))
        self.bench.dut.pin.watchers.append(lambda width: self.edges_s.append(self.now_s))

    @property
    def now_s(self) -> float:
        return self.bench.world.now_ns / NS

    def run(self, seconds: float) -> None:
        self.bench.world.run(round(seconds * NS))

    def send(self, text: str) -> None:
        self.bench.dut.rx.send(text.encode())

    @property
    def text(self) -> str:
        return b"".join(data for _, data in self.heard).decode("latin-1")


@pytest.fixture
def made():
    made: list[Bench] = []

    def make(*faults, **settings):
        made.append(Bench(*faults, **settings))
        return made[-1]

    yield make
    for one in made:
        one.bench.close()


def powers_w(bench: Bench, start_s: float, stop_s: float, rate_hz: float = 1000.0):
    """What a monitor of the world samples."""
    sampler = Sampler(bench.bench.world.timeline, round(start_s * NS), rate_hz, 0.0)
    return sampler.powers_w(0, round((stop_s - start_s) * rate_hz))


def true_w(bench: Bench, start_s: float, stop_s: float) -> float:
    """The world's own mean power."""
    request = {"op": "truth", "start_s": start_s, "stop_s": stop_s}
    return bench.bench.world.handle(request)["energy_j"] / (stop_s - start_s)


def ask(bench: Bench, number: int = 2) -> float:
    """Runs an inference command; returns when it was sent."""
    bench.run(3.0)
    begun_s = bench.now_s
    bench.send(f"infer {number} 0%")
    bench.run(3.0)
    return begun_s


def infer(bench: Bench, number: int = 2) -> tuple[float, float]:
    """Runs an inference command; returns when the inferences were begun and done, by their power."""
    begun_s = ask(bench, number)
    working = np.flatnonzero(powers_w(bench, begun_s, bench.now_s, 1e5) > 1.5 * BOARD.load_w)
    return begun_s + working[0] / 1e5, begun_s + (working[-1] + 1) / 1e5


def test_late_bytes_come_late_in_order_and_those_after_the_time_in_time(made):
    prompt, late = made(), made(("late-bytes", {"by_s": 0.5, "for_s": 0.1, "at_s": 1.0}))
    for bench in (prompt, late):
        for _ in range(4):
            bench.run(0.98)
            bench.send("name%")
    assert late.text == prompt.text
    shifts = [after[0] - before[0] for after, before in zip(late.heard, prompt.heard, strict=True)]
    assert max(shifts) == pytest.approx(0.5)
    assert shifts[0] == shifts[-1] == 0.0
    times = [time_s for time_s, _ in late.heard]
    assert times == sorted(times)


def test_doubled_bytes_come_twice_and_a_byte_for_the_dut_is_lost_on_the_way_to_it(made):
    bench = made(
        ("doubled-bytes", {"after": "m-rea", "at_s": 2.0}), ("lost-bytes", {"port": "to-dut", "at_s": 4.0})
    )
    bench.run(2.5)
    bench.send("name%")
    bench.run(2.0)
    assert "m-readdy" in bench.text
    bench.send("name%")
    bench.run(1.0)
    assert "e-[Unknown command: ame]" in bench.text
    assert bench.bench.struck == 2


@pytest.mark.parametrize("fault", ["late-edge", "early-mark"])
def test_a_late_edge_comes_after_the_work_that_it_marks_and_an_early_mark_before(made, fault):
    """The pin is held before the work; a mark that is made within it holds it up for as long."""
    for which in ("start", "stop"):
        params = {"by_s": 0.03, "which": which} | ({"every": True} if fault == "late-edge" else {})
        bench = made((fault, params))
        begun_s, done_s = infer(bench)
        expected_s = [begun_s - BOARD.hold_s, done_s]
        if fault == "late-edge":
            expected_s[which == "stop"] += 0.03
        else:
            expected_s[which == "stop"] -= 0.03 + (BOARD.hold_s if which == "stop" else 0.0)
        assert bench.edges_s[-2:] == pytest.approx(expected_s, abs=2.1e-5)


def test_an_early_mark_can_be_that_of_a_single_command(made):
    bench = made(("early-mark", {"of": 1}))
    for expected_s in (0.0, 0.05, 0.0):
        begun_s, _ = infer(bench)
        assert begun_s - BOARD.hold_s - bench.edges_s[-2] == pytest.approx(expected_s, abs=2.1e-5)


def test_stray_edges_come_at_their_time_and_the_firmware_has_made_no_mark(made):
    marks: list[Mark] = []
    bench = made(("stray-edge", {"at_s": 2.0, "count": 2, "gap_s": 0.25}))
    bench.bench.dut.pin.listeners.append(marks.append)
    bench.run(3.0)
    assert bench.edges_s[-2:] == [2.0, 2.25]
    assert len(bench.edges_s) - len(marks) == 2


def test_a_console_that_echoes_sends_back_what_it_receives_and_answers(made):
    bench = made("echo")
    bench.run(2.0)
    bench.heard.clear()
    bench.send("name%")
    bench.run(1.0)
    assert bench.text.startswith("name%")
    assert "m-name" in bench.text


def test_a_supply_that_sags_gives_less_than_it_was_set_to(made):
    bench = made(("sagging-supply", {"by_v": 0.2, "at_s": 1.0}))
    supply = bench.bench.world.supply
    assert supply.terminal_v == BOARD.voltage_v
    bench.run(1.5)
    assert supply.terminal_v == supply.output_v == pytest.approx(BOARD.voltage_v - 0.2)
    assert supply.voltage_v == BOARD.voltage_v
    supply.switch(False)
    assert supply.terminal_v == 0.0


def test_more_load_is_drawn_in_truth_and_for_its_time(made):
    bench = made(("extra-load", {"current_a": 0.02, "at_s": 2.0, "duration_s": 0.5}))
    bench.run(4.0)
    before_w = true_w(bench, 1.5, 1.9)
    assert true_w(bench, 2.0, 2.5) - before_w == pytest.approx(0.02 * BOARD.voltage_v, rel=1e-9)
    assert true_w(bench, 2.5, 3.0) == pytest.approx(before_w, rel=1e-9)


def test_readings_that_stand_still_or_are_zero_leave_the_truth_as_it_is(made):
    sound, stuck = made(), made(("stuck-readings", {"at_s": 2.9}))
    zeros = made(("zeroed-readings", {"each": 4}))
    start_s, stop_s = infer(sound)
    for bench in (stuck, zeros):
        ask(bench)
    idle_w = true_w(sound, 2.8, 2.9)
    assert true_w(stuck, start_s, stop_s) == true_w(sound, start_s, stop_s) > 1.5 * idle_w
    np.testing.assert_allclose(powers_w(stuck, start_s, stop_s), idle_w, rtol=1e-9)
    np.testing.assert_array_equal(powers_w(stuck, 1.0, 2.8), powers_w(sound, 1.0, 2.8))
    seen, whole = powers_w(zeros, 1.0, 2.0), powers_w(sound, 1.0, 2.0)
    assert (seen == 0).sum() == len(seen) // 4
    np.testing.assert_array_equal(seen[seen > 0], whole[seen > 0])


def test_samples_are_lost_in_each_stretch_of_time():
    with VirtualBench(faults=[("sparse-samples", {"count": 7, "each_s": 0.1, "for_s": 0.45})]) as bench:
        monitor = bench.monitor
        assert monitor is not None
        monitor.__class__ = type(
            "Running", (monitor.__class__,), {"running": True, "position": lambda self: 3}
        )
        bench.world.run(NS)
        assert monitor.drop == [(3, 10)] * 5


def test_a_fault_that_the_bench_cannot_have_is_refused():
    for faults in (["sparse-samples"], ["late-bits"], [("late-bytes", {"by_v": 1})]):
        with pytest.raises(UsageError, match=r"virtual\.fault"):
            VirtualBench(monitor=None, faults=faults)
