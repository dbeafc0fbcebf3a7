"""A recording in levels for a page, beside numpy over the same samples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from energy.recording.store import Recording, RecordingWriter
from energy.recording.trace import ArrayTrace
from energy.report.pages.pyramid import EDGE_S, pyramid
from energy.signal import Block, SampleKind, Signal

RATE_HZ = 10_000.0


def _trace(count: int, first: int = 0) -> tuple[ArrayTrace, np.ndarray]:
    """Currents at 2 V, some of them no numbers; and their power in watt."""
    random = np.random.default_rng(count)
    current = random.random(count).astype(np.float32)
    current[random.integers(0, count, count // 50)] = np.nan
    signal = Signal(SampleKind.CURRENT, RATE_HZ, voltage_v=2.0)
    return ArrayTrace(signal, (current,), first=first), current.astype(np.float64) * 2.0


@pytest.mark.parametrize(("count", "first"), [(200_001, 0), (300_000, 77), (131_073, -5000)])
def test_each_column_has_the_extremes_and_the_mean_of_its_samples(count: int, first: int):
    trace, power_w = _trace(count, first)
    made = pyramid(trace)
    assert [
        len(level.low) <= limit for level, limit in zip(made.levels, (2048, 8192, 32768, 131072), strict=True)
    ]
    assert (made.first, made.stop) == (first, first + count)
    for level in made.levels:
        columns = -(-count // level.width)
        padded = np.full(columns * level.width, np.nan)
        padded[:count] = power_w
        rows = padded.reshape(columns, level.width)
        with np.errstate(all="ignore"):
            low, high = np.fmin.reduce(rows, axis=1), np.fmax.reduce(rows, axis=1)
            mean = np.nansum(rows, axis=1) / np.isfinite(rows).sum(axis=1)
        np.testing.assert_allclose(level.low, low, rtol=1e-6)
        np.testing.assert_allclose(level.high, high, rtol=1e-6)
        if level.mean is not None:
            np.testing.assert_allclose(level.mean, mean, rtol=1e-6)
    assert [level.mean is None for level in made.levels] == [False, False, False, True]


def test_a_short_recording_is_held_whole():
    trace, power_w = _trace(5000, first=40)
    made = pyramid(trace)
    assert made.entire
    assert made.levels == ()
    (whole,) = made.wholes
    assert whole.first == 40
    np.testing.assert_allclose(whole.power_w, power_w, rtol=1e-6)


def test_both_ends_of_every_window_are_held_whole_and_do_not_overlap():
    trace, power_w = _trace(400_000)
    windows = [(n + 1, 1000.5 + 3000 * n, 3500.25 + 3000 * n) for n in range(100)]
    made = pyramid(trace, windows)
    held = np.zeros(400_000, bool)
    for whole in made.wholes:
        part = slice(whole.first, whole.first + len(whole.power_w))
        assert not held[part].any()
        held[part] = True
        np.testing.assert_allclose(whole.power_w, power_w[part], rtol=1e-6)
    ends = int(EDGE_S * RATE_HZ)
    for _, opening, closing in windows:
        assert held[int(opening) : int(opening) + ends].all()
        assert held[int(closing) - ends : int(closing)].all()
    assert made.left_out == ()
    assert not made.entire


def test_windows_beyond_the_limit_are_named():
    trace, _ = _trace(400_000)
    windows = [(n + 1, 1000.0 + 3000 * n, 3500.0 + 3000 * n) for n in range(100)]
    made = pyramid(trace, list(reversed(windows)), most=2000)
    kept = set(range(1, 101)) - set(made.left_out)
    assert 100 in kept  # those that come first are held
    assert 0 < len(kept) < 20
    assert sum(len(whole.power_w) for whole in made.wholes) <= 2000


def test_a_recording_without_samples_has_nothing_to_draw():
    made = pyramid(ArrayTrace(Signal(SampleKind.ENERGY, RATE_HZ), (np.empty(0, np.float32),)))
    assert (made.levels, made.wholes) == ((), ())


def test_samples_that_were_lost_are_no_numbers(tmp_path: Path):
    signal = Signal(SampleKind.CURRENT, RATE_HZ, voltage_v=2.0)
    with RecordingWriter(tmp_path, signal) as writer:
        writer.append(Block(0, (np.ones(100, np.float32),)))
        writer.append(Block(150, (np.ones(100, np.float32),)))
    (whole,) = pyramid(Recording(tmp_path)).wholes
    expected = np.full(250, 2.0)
    expected[100:150] = np.nan
    np.testing.assert_array_equal(whole.power_w, expected)
