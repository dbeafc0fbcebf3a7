"""Forty seconds at a million samples a second through a recording, with the checks that an hour must pass."""

from __future__ import annotations

import pyarrow as pa
import pytest

from energy.recording.keep import Keep
from energy.recording.store import Recording
from tests.soak.hour import run_hour
from tests.soak.world import RATE_HZ, first_low

SECONDS = 40
MARGIN = 1.25 * RATE_HZ


def test_windows_are_kept_and_everything_else_is_given_up_meanwhile(tmp_path):
    hour = run_hour(tmp_path / "r", Keep.WINDOWS, SECONDS, file_bytes=8 << 20)
    assert hour.ended == "replay"
    assert hour.wrong == hour.day.wrong == []
    assert len(hour.day.joules) == 2
    assert 0.5 < hour.day.worst_share <= 1
    kept = [(first_low(2 * k) - MARGIN, first_low(2 * k + 1) + MARGIN) for k in range(2)]
    expected = sum(min(stop, SECONDS * RATE_HZ) - max(first, 0) for first, stop in kept)
    assert hour.kept == pytest.approx(expected, abs=8)
    assert hour.left < hour.disk < 0.9 * hour.full  # it was given up before the end
    assert hour.left == pytest.approx(hour.kept * 8, rel=0.01)


def test_a_window_that_is_wrong_is_noticed(tmp_path, monkeypatch):
    """The harness itself: a sample that is changed on its way to the disk."""
    written = pa.RecordBatch.from_arrays

    def change(arrays, **more):
        if len(arrays) == 2 and len(arrays[0]) > 1000:
            values = arrays[0].to_numpy().copy()
            values[500] += 1e-3
            arrays = [pa.array(values), arrays[1]]
        return written(arrays, **more)

    monkeypatch.setattr("energy.recording.batches.pa.RecordBatch", _Changed(change))
    hour = run_hour(tmp_path / "r", Keep.WINDOWS, SECONDS, file_bytes=8 << 20)
    assert "integrated again, the windows differ" in hour.wrong


class _Changed:
    def __init__(self, change):
        self.from_arrays = change


def test_a_recording_of_all_samples_is_opened_again(tmp_path):
    hour = run_hour(tmp_path / "r", Keep.FULL, SECONDS)
    assert hour.wrong == hour.day.wrong == []
    assert Recording(tmp_path / "r").count == hour.kept == SECONDS * RATE_HZ
