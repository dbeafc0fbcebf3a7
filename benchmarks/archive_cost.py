"""What an archive costs: seconds of processor time a session listed, indexed, and a recording analysed again.

``python -m benchmarks.archive_cost`` prints the figures of docs/reference/archives.md: processor time, which
other programs hardly change; the time of two workers beside one only shows what is gained.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.archive import WHERE, make_archive
from energy.evidence.manifest import document
from energy.recording.store import RecordingWriter
from energy.session.folder import write_whole
from energy.signal import Block, Edge, EdgeKind, SampleKind, Signal
from energy.validation.archive import list_archive
from energy.validation.reanalysis import reanalyse
from energy.validation.spread import spread_over

RATE_HZ = 1_000_000.0
SIZES = ((40, 100_000), (20, 1_000_000), (6, 20_000_000))
"""Recordings of an archive, and samples of each."""
SESSIONS = 2000


def spent(work: Callable[[], object]) -> tuple[float, float]:
    """Processor time and time of some work, children included."""
    before, began = os.times(), time.perf_counter()
    work()
    after = os.times()
    return sum(after[:4]) - sum(before[:4]), time.perf_counter() - began


def make_recordings(root: Path, count: int, samples: int) -> int:
    """Makes recordings with a window and a manifest; answers their bytes."""
    signal = Signal(SampleKind.CURRENT, RATE_HZ, voltage_v=1.8)
    current_a = np.random.default_rng(1).uniform(1e-3, 2e-3, 1_000_000).astype(np.float32)
    for number in range(count):
        folder = root / f"{samples}-{number}"
        with RecordingWriter(folder, signal, virtual=True) as writer:
            for first in range(0, samples, len(current_a)):
                writer.append(Block(first, (current_a[: samples - first],)))
            for position in (samples * 0.1, samples * 0.9):
                writer.edge(Edge(position, 0.5, EdgeKind.FALL, "made"))
        write_whole(folder / "manifest.json", document(folder))
    return sum(path.stat().st_size for path in root.rglob("*") if path.is_file())


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Prints all figures."""
    with tempfile.TemporaryDirectory() as path:
        root = Path(path) / "sessions"
        root.mkdir()
        make_archive(root, SESSIONS)
        for name, work in (
            ("read and indexed", lambda: list_archive(root, reindex=True)),
            ("listed from the index", lambda: list_archive(root)),
            ("filtered from the index", lambda: list_archive(root, where=WHERE)),
        ):
            cpu_s, _ = spent(work)
            _say(f"{name}: {cpu_s / SESSIONS * 1e6:.0f} µs a session ({SESSIONS} sessions)")
        shutil.rmtree(root)
    for count, samples in SIZES:
        with tempfile.TemporaryDirectory() as path:
            size = make_recordings(Path(path), count, samples)
            reanalyse(path)
            alone_s, alone_wall_s = spent(lambda path=path: reanalyse(path))
            _, both_wall_s = spent(lambda path=path: reanalyse(path, spread_over(None, 2)))
        each_s, rate = alone_s / count, size / alone_s
        _say(
            f"{count} recordings of {samples} samples, {size / count / 1e6:.2f} MB: {each_s:.4f} s each, "
            f"{rate / 1e6:.0f} MB a second of processor time; alone {alone_wall_s:.2f} s, "
            f"two workers, their start included, {both_wall_s:.2f} s"
        )


if __name__ == "__main__":
    main()
