"""Edge stamps of the IO manager in simavr: edges at known cycles, with and without traffic, over wraps."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from tests.firmware.support import needs
from tests.firmware.uno_in_simavr import HZ, Uno, cycles, make_here

EDGES = 30
TICK = 8
BOUND = cycles(1e-6)
COMMAND = "db " + "5a" * 26


def start_timer(uno, *, ticks=True):
    for command in ["tm 0", "enable-timer"] + ["lap tk"] * ticks:
        uno.ask(command)


def laps(uno, unit="tk"):
    lines = uno.said.decode().split("\r\n")
    return [
        int(line.removeprefix(f"m-lap-{unit}-"))
        for line in lines
        if line.startswith(f"m-lap-{unit}-") and line != f"m-lap-{unit}"
    ]


def stamped(uno, seed, ticks=True):
    """Edges at random cycles, and the laps that the IO manager tells; the load is the caller's."""
    random_ = random.Random(seed)
    at = uno.now + cycles(0.02)
    edges = []
    for _ in range(EDGES):
        at += random_.randrange(cycles(0.004), cycles(0.1))
        edges.append(at)
        uno.edge(at, random_.choice([16, 160, cycles(0.001)]))
    return edges


def clock_start(uno):
    """The cycle at which its clock was zero: that of the counter, less its wraps so far."""
    uno.tell("zero")
    return int(uno.read().removeprefix("zero ")) % (65536 * TICK)


def errors(uno, edges, start):
    """In cycles, of the middle of each tick."""
    return [start + TICK * lap + TICK / 2 - edge for edge, lap in zip(edges, laps(uno), strict=True)]


@pytest.fixture
def uno():
    opened = Uno()
    yield opened
    opened.close()


def both_ways(uno, until):
    """The DUT talks without pause, and the host has a command forwarded, without pause, all the time."""
    line = b"m-results-[0.001,0.002,0.990,0.000,0.007]\r\n"
    lines = int((until - uno.now) / HZ * uno.dut_baud / 10 / len(line)) + 1
    uno.dut_says(line * lines)
    forwarded = 0
    while uno.now < until:
        uno.ask(f"dut {COMMAND}")
        forwarded += 1
    uno.pass_to(uno.now + cycles(0.3))
    assert uno.others == []
    assert uno.heard_by_dut == f"{COMMAND}%".encode() * forwarded
    assert uno.said.count(b"[dut]: " + line) == lines
    assert b"e-[" not in uno.said


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_30_edges_without_traffic_are_stamped_within_1_us(uno, seed):
    start_timer(uno)
    start = clock_start(uno)
    edges = stamped(uno, seed)
    uno.pass_to(edges[-1] + cycles(0.05))
    assert max(map(abs, errors(uno, edges, start))) <= BOUND


@pytest.mark.parametrize("baud", [9600, 19200])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_30_edges_under_traffic_both_ways_are_stamped_within_1_us_and_no_byte_is_lost(uno, seed, baud):
    uno.set_baud(baud)
    start_timer(uno)
    start = clock_start(uno)
    edges = stamped(uno, seed)
    both_ways(uno, edges[-1])
    assert max(map(abs, errors(uno, edges, start))) <= BOUND


def test_microseconds_are_within_1_us_too(uno):
    start_timer(uno)
    start = clock_start(uno)
    uno.ask("lap us")
    edges = stamped(uno, 7)
    uno.pass_to(edges[-1] + cycles(0.05))
    told = laps(uno, "us")
    late = [start + 16 * lap + 8 - edge for edge, lap in zip(edges, told, strict=True)]
    assert max(map(abs, late)) <= BOUND + TICK / 2  # whole microseconds


def test_edges_at_the_wrap_of_the_16_bit_counter_are_in_order(uno):
    start_timer(uno)
    start = clock_start(uno)
    wrap = 65536 * TICK
    first = int((uno.now - start) // wrap) + 2
    edges = [
        round(start + (first + 2 * k) * wrap) + offset
        for k, offsets in enumerate([(-200, 0, 200), (-17, -8, -1), (0, 1, 2), (7, 8, 15), (-40, 24, 100)])
        for offset in offsets
    ]
    edges = [edge + 2000 * (k % 3) for k, edge in enumerate(edges)]  # an interrupt takes 7 us
    for edge in edges:
        uno.edge(edge, 100)
    uno.pass_to(edges[-1] + cycles(0.1))
    assert max(map(abs, errors(uno, edges, start))) <= BOUND


def test_thousands_of_wraps_are_nothing_special():
    """Long waits cost little in an emulator: a minute, which is 1831 wraps."""
    uno = Uno()
    start_timer(uno)
    start = clock_start(uno)
    edges = [uno.now + cycles(seconds) for seconds in (0.5, 20, 40, 60)]
    for edge in edges:
        uno.edge(edge)
    uno.pass_to(edges[-1] + cycles(0.1))
    assert max(map(abs, errors(uno, edges, start))) <= BOUND
    uno.close()


def test_microseconds_go_on_beyond_32_bits():
    """A build whose clock starts a second before 2^32 us; the real one gets there after 71.6 minutes."""
    needs("make", "avr-gcc", "simavr")
    assert make_here("late").returncode == 0
    uno = Uno(elf="io_manager-late")
    start_timer(uno, ticks=False)
    edges = [uno.now + cycles(0.1) + k * cycles(0.05) for k in range(30)]
    for edge in edges:
        uno.edge(edge)
    uno.pass_to(edges[-1] + cycles(0.1))
    told = laps(uno, "us")
    assert told[0] < 2**32 < told[-1]
    for before, after in pairwise(told):
        assert after - before == pytest.approx(50000, abs=1)
    uno.close()
