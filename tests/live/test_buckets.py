"""Buckets and columns beside what numpy finds in the samples themselves."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.live.buckets import BUCKETS_HZ, Buckets, bucket_size, joined, reduced
from energy.live.pyramid import Pyramid
from energy.signal import Block, SampleKind, Signal

SIGNALS = {
    "energy": Signal(SampleKind.ENERGY, 1000.0, energy_unit="uJ"),
    "current": Signal(SampleKind.CURRENT, 20_000.0, voltage_v=3.0),
    "both": Signal(SampleKind.CURRENT_VOLTAGE, 1e6),
}


def samples(signal, count, seed=1):
    rng = np.random.default_rng(seed)
    current = rng.uniform(0.001, 0.05, count).astype(np.float32)
    voltage = rng.uniform(1.7, 1.9, count).astype(np.float32)
    return (current, voltage) if signal.kind is SampleKind.CURRENT_VOLTAGE else (current,)


def power_w(signal, columns):
    """Power in float64, by the definitions of the kinds (energy.signal)."""
    first = columns[0].astype(np.float64)
    if signal.kind is SampleKind.ENERGY:
        return first * 1e-6 * signal.rate_hz
    return first * (3.0 if signal.kind is SampleKind.CURRENT else columns[1].astype(np.float64))


@pytest.mark.parametrize("kind", SIGNALS)
@pytest.mark.parametrize("count", [1, 499, 500, 501, 12_345])
def test_buckets_hold_least_greatest_and_mean_and_the_energy_is_that_of_the_samples(kind, count):
    signal = SIGNALS[kind]
    columns = samples(signal, count)
    blocks = [
        Block(7, tuple(c[: count // 3] for c in columns)),
        Block(7 + count // 3, tuple(c[count // 3 :] for c in columns)),
    ]
    buckets, energy_j, missing = reduced(signal, [block for block in blocks if len(block)])
    power = power_w(signal, columns)
    assert missing == 0
    assert energy_j == pytest.approx(power.sum() / signal.rate_hz, rel=1e-6)
    assert buckets.count.sum() == count
    for k, (at, number) in enumerate(zip(buckets.at, buckets.count, strict=True)):
        part = power[at - 7 : at - 7 + number]
        found = (buckets.low[0, k], buckets.high[0, k], buckets.mean[0, k])
        assert found == pytest.approx((part.min(), part.max(), part.mean()), rel=1e-5)


def test_a_second_has_at_most_as_many_buckets_as_it_says():
    for rate_hz in (1.0, 1999.0, 2000.0, 2001.0, 1e5, 1e6, 2e6):
        assert rate_hz / bucket_size(rate_hz) <= BUCKETS_HZ


@pytest.mark.parametrize("kind", SIGNALS)
def test_samples_that_are_no_numbers_are_left_out_and_counted(kind):
    signal = SIGNALS[kind]
    columns = samples(signal, 5000)
    columns[0][100:103] = np.nan
    columns[-1][2000] = np.inf
    columns[0][3000:4600] = np.nan
    buckets, energy_j, missing = reduced(signal, [Block(0, columns)])
    power = power_w(signal, columns)
    fine = np.isfinite(power)
    assert missing == 5000 - fine.sum() == 1604
    assert energy_j == pytest.approx(power[fine].sum() / signal.rate_hz, rel=1e-6)
    assert np.isfinite(buckets.mean).all()
    assert buckets.count.sum() == fine.sum()
    assert buckets.high[0].max() == pytest.approx(power[fine].max(), rel=1e-5)


def test_a_block_without_a_single_number_makes_no_bucket():
    nothing = np.full(700, np.nan, np.float32)
    buckets, energy_j, missing = reduced(SIGNALS["both"], [Block(0, (nothing, nothing))])
    assert (len(buckets), energy_j, missing) == (0, 0.0, 700)


@given(st.lists(st.integers(1, 6000), min_size=1, max_size=12), st.sampled_from([0.02, 0.1, 0.5, math.inf]))
def test_the_columns_of_any_span_are_those_of_the_samples_in_it(sizes, span_s):
    signal = Signal(SampleKind.CURRENT, 4000.0, voltage_v=1.0)  # buckets of two samples
    count = sum(sizes)
    current = np.random.default_rng(count).uniform(0.0, 1.0, count).astype(np.float32)
    pyramid, at = Pyramid(bucket_size(4000.0), 4000.0, 2), 0
    for size in sizes:
        buckets, _, _ = reduced(signal, [Block(at, (current[at : at + size],))])
        at += size
        pyramid.add(buckets, at)
    drawn = pyramid.columns(span_s, 50)
    assert drawn.stop_s == count / 4000.0
    assert drawn.start_s == max(0.0, drawn.stop_s - span_s)
    first = round(drawn.start_s * 4000.0)
    inside, slack = current[first:], current[max(first - 2, 0) :]
    high = np.nanmax(drawn.high[0])
    assert inside.max() <= high or len(inside) <= 2
    assert high <= slack.max()
    if count > 200 and span_s == math.inf:  # at least a bucket in each column
        edges = np.linspace(0, count, 51)
        for k in range(50):  # a bucket belongs to the column in which it begins
            part = current[int(edges[k]) : int(np.ceil(edges[k + 1])) + 2]
            assert part.min() <= drawn.low[0, k] <= drawn.mean[0, k] <= drawn.high[0, k] <= part.max()


def test_hours_of_samples_take_no_more_memory_and_keep_their_extremes():
    pyramid, size = Pyramid(500, 1e6, 1), 500
    for k in range(400):  # 400 reductions of 50 ms, thirty times as many buckets as a level keeps at least
        at = (k * 600 + np.arange(600)) * size
        low = np.full((1, 600), 1.0, np.float32)
        high = low + (np.arange(600) == 300) * k
        pyramid.add(Buckets(at, low, high.astype(np.float32), low, np.full(600, size)), int(at[-1]) + size)
    drawn = pyramid.columns(math.inf, 400)
    assert drawn.start_s == 0.0
    assert np.nanmax(drawn.high) == 400.0  # 1 + 399
    assert np.nanmin(drawn.low) == 1.0
    held = sum(len(part) for level in pyramid._levels for part in level.parts)
    assert held < 5 * 2 * 8192
    assert np.allclose(np.diff(drawn.high[0]), 1.0)  # one spike a column, each a step higher


def test_the_latest_sample_is_drawn_at_once_at_every_length():
    signal = Signal(SampleKind.CURRENT, 2000.0, voltage_v=1.0)  # a bucket a sample
    current = np.ones(200_003, np.float32)
    current[-1] = 100.0
    pyramid = Pyramid(bucket_size(2000.0), 2000.0, 2)
    for at in range(0, len(current), 5000):
        part = current[at : at + 5000]
        pyramid.add(reduced(signal, [Block(at, (part,))])[0], at + len(part))
    for span_s in (0.5, 2.0, 8.0, 50.0, math.inf):
        drawn = pyramid.columns(span_s, 200)
        assert drawn.high[0, -1] == 100.0
        assert np.isfinite(drawn.high[0]).all()


def test_where_samples_are_lost_no_column_is_drawn():
    signal = SIGNALS["current"]
    pyramid = Pyramid(bucket_size(20_000.0), 20_000.0, 2)
    for at in (0, 15_000):
        buckets, _, _ = reduced(signal, [Block(at, samples(signal, 5000))])
        pyramid.add(buckets, at + 5000)
    drawn = pyramid.columns(math.inf, 100)
    assert np.isfinite(drawn.mean[0]).tolist() == [True] * 25 + [False] * 50 + [True] * 25


def test_a_slow_monitors_sample_fills_its_columns():
    signal = Signal(SampleKind.CURRENT, 2.0, voltage_v=1.0)
    pyramid = Pyramid(bucket_size(2.0), 2.0, 2)
    values = np.array([1, 2, 3, 4], np.float32)
    pyramid.add(reduced(signal, [Block(0, (values,))])[0], 4)
    assert pyramid.columns(math.inf, 8).mean[0].tolist() == [1, 1, 2, 2, 3, 3, 4, 4]


def test_parts_join_in_their_order():
    signal = SIGNALS["current"]
    parts = [reduced(signal, [Block(at, samples(signal, 100, at))])[0] for at in (0, 100)]
    assert joined(parts).at.tolist() == [*parts[0].at, *parts[1].at]
