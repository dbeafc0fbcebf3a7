"""Sums of chunks in memory and in a temporary file: found again as if all were in memory."""

from __future__ import annotations

import contextlib
import gc
import os
from bisect import bisect_left

import numpy as np
import pytest

from energy.errors import RecordingError
from energy.window import chunksums as module
from energy.window.chunksums import ChunkSums


def filled(count: int, seed: int = 3) -> tuple[ChunkSums, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Rows with jumps between the numbers of chunks, and the same as arrays."""
    rng = np.random.default_rng(seed)
    chunks = np.cumsum(rng.integers(1, 4, count))
    values, counts, bad = rng.normal(size=count), rng.integers(0, 65536, count), rng.integers(0, 3, count)
    sums = ChunkSums()
    for row in zip(chunks.tolist(), values.tolist(), counts.tolist(), bad.tolist(), strict=True):
        sums.append(*row)
    return sums, chunks, values, counts, bad


@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 100, 1000])
def test_rows_are_found_wherever_they_are(monkeypatch, count):
    monkeypatch.setattr(module, "_SPILL", 8)
    sums, chunks, values, counts, bad = filled(count)
    assert len(sums) == count
    for chunk in range(int(chunks[-1]) + 3 if count else 3):
        assert sums.place(chunk) == bisect_left(chunks.tolist(), chunk)
    step = max(count // 13, 1)
    for a in range(0, count + 1, step):
        for b in range(a, count + 1, step):
            assert sums.values(a, b).tobytes() == values[a:b].tobytes()
            assert sums.counts(a, b) == (counts[a:b].sum(), bad[a:b].sum())


def test_memory_holds_the_latest_rows_only(monkeypatch):
    monkeypatch.setattr(module, "_SPILL", 8)
    sums, *_ = filled(1000)
    assert len(sums._chunks) <= 16
    assert os.fstat(sums._file).st_size == (1000 - len(sums._chunks)) * 32


def test_the_temporary_file_has_no_name_and_goes_with_the_sums(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "_SPILL", 8)
    monkeypatch.setattr(module.tempfile, "tempdir", str(tmp_path))
    sums, *_ = filled(100)
    descriptor = sums._file
    assert list(tmp_path.iterdir()) == []
    assert os.fstat(descriptor).st_nlink == 0
    identity = os.fstat(descriptor).st_ino
    del sums
    gc.collect()
    with contextlib.suppress(OSError):
        assert os.fstat(descriptor).st_ino != identity  # another file may have the number by now


def test_without_a_temporary_file_all_rows_stay_in_memory(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "_SPILL", 8)
    monkeypatch.setattr(module.tempfile, "tempdir", str(tmp_path / "missing"))
    sums, _, values, counts, bad = filled(100)
    assert sums.values(0, 100).tobytes() == values.tobytes()
    assert sums.counts(3, 70) == (counts[3:70].sum(), bad[3:70].sum())


def test_a_temporary_file_that_was_cut_is_an_error_with_a_code(monkeypatch):
    monkeypatch.setattr(module, "_SPILL", 8)
    sums, *_ = filled(100)
    os.ftruncate(sums._file, 40)
    with pytest.raises(RecordingError) as raised:
        sums.values(0, 100)
    assert raised.value.code == "file.unreadable"
