"""Five minutes at a million samples a second, and the closed form that a day is compared with."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from energy.window import chunksums
from tests.soak.day import run_day
from tests.soak.memory import can_measure
from tests.soak.world import (
    BLOCK,
    PERIOD,
    RATE_HZ,
    STRETCH,
    World,
    edge_at,
    first_low,
    level,
    sampled_j,
    true_j,
)


def test_five_minutes_keep_every_promise_of_the_day(monkeypatch):
    monkeypatch.setattr(chunksums, "_SPILL", 256)  # so that a part of the sums is in the file
    day = run_day(300)
    assert day.problems() == []
    assert len(day.joules) == 15
    assert 0.5 < day.worst_share <= 1  # the edges do cut steps: the bound is put to use
    if can_measure():
        assert 0 < day.after_minute <= day.most


def test_the_closed_form_is_the_sum_of_the_samples_as_whole_numbers():
    world = World()
    count = STRETCH // BLOCK + 3
    total = Fraction(0)
    for number in range(count):
        current, voltage = world.block(number).columns
        units = (current.astype(np.float64) * 2**27).astype(np.int64)
        assert np.array_equal(units * 2.0**-27, current)  # float32 holds them exactly
        volts = (voltage.astype(np.float64) * 2**22).astype(np.int64)
        parts = (units * (volts >> 12)), (units * (volts & 4095))  # so that no sum overflows
        total += Fraction((int(parts[0].sum()) << 12) + int(parts[1].sum()), 2**49 * RATE_HZ)
        assert true_j((number + 1) * BLOCK) == total


@pytest.mark.parametrize(
    "time",
    [Fraction(1, 3), 499 + Fraction(1, 2), Fraction(500), 777 + Fraction(5, 7), 10**9 + Fraction(1, 9)],
)
def test_between_samples_the_energy_is_the_integral_of_the_power(time):
    steps = 8
    width = Fraction(1, 1000 * steps)
    about = (true_j(time + width) - true_j(time - width)) / (2 * width) * RATE_HZ
    assert 0 < about < 1
    assert true_j(math.ceil(time)) >= true_j(time) >= true_j(math.floor(time))
    assert sampled_j(Fraction(math.floor(time))) == true_j(math.floor(time))


def test_no_two_stretches_have_the_same_energy():
    per_stretch = STRETCH // BLOCK
    seen = {(level(k * per_stretch), level(k * per_stretch + 37)) for k in range(8640)}
    assert len(seen) == 8640
    edges = [edge_at(k) for k in range(8640)]
    energies = [true_j(b) - true_j(a) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    assert len(set(energies)) == 4320


def test_the_levels_fall_after_each_edge():
    world = World()
    for number in (0, 1, 17):
        block = first_low(number) // BLOCK
        bits = np.concatenate(
            [np.unpackbits(world.levels(block + k).bits, bitorder="little") for k in (-1, 0, 1)]
        )
        low = np.flatnonzero(bits == 0) + (block - 1) * BLOCK
        assert low[0] == first_low(number)
        assert low[0] - 1 < edge_at(number) <= low[0]
        assert len(low) == 2 * PERIOD
