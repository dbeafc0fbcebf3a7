"""What an archive costs: seconds of processor time a session listed, indexed, and a recording analysed again.

``python -m benchmarks.archive_cost`` prints the figures of docs/reference/archives.md: processor time, which
other programs hardly change. ``--scaling`` compares one Dask worker with two, by turns, each started before:
that is time, and takes an idle machine. ``--rows 100000`` fills an index with so many made-up sessions.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.archive import WHERE, make_archive
from benchmarks.timing import Contender, alternate
from energy.evidence.manifest import document
from energy.evidence.setup import Setup
from energy.recording.store import RecordingWriter
from energy.session.folder import write_whole
from energy.signal import Block, Edge, EdgeKind, SampleKind, Signal
from energy.validation.archive import SHORT, list_archive
from energy.validation.conditions import Columns
from energy.validation.index import INDEX_NAME, opened
from energy.validation.listing import ListedSession
from energy.validation.reanalysis import reanalyse, reanalyse_recording
from energy.validation.spread import cluster, gathered, spread_over
from energy.validation.stores import recordings_in

RATE_HZ = 1_000_000.0
SIZES = ((40, 100_000), (20, 1_000_000), (6, 20_000_000))
"""Recordings of an archive, and samples of each."""
SESSIONS = 2000
WORKERS = (1, 2)
SCALED = (200, 1_000_000)
"""Recordings and samples of the archive that workers share."""
ROUNDS = 3
CHUNK = 10_000
SIGNATURE = "1764400000000000000/20000 1764400000000000000/11000 1764400000000000000/1400"


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


def scaling() -> None:
    """Prints how long workers that have started take for the same archive, by turns."""
    count, samples = SCALED
    with tempfile.TemporaryDirectory() as path:
        size = make_recordings(Path(path), count, samples)
        names, _ = recordings_in(path)
        digests: set[tuple[str, ...]] = set()

        def work(client: object) -> None:
            rows, _ = gathered(client, reanalyse_recording, path, names, lambda done, total, name: None)
            digests.add(tuple(row.digest for row in sorted(rows, key=lambda row: row.path)))

        with cluster(None, WORKERS[0]) as few, cluster(None, WORKERS[1]) as many:
            contenders = [
                Contender(f"{number}", lambda client=client: work(client))
                for number, client in zip(WORKERS, (few, many), strict=True)
            ]
            seconds = alternate(contenders, ROUNDS)
        best = {number: min(seconds[f"{number}"]) for number in WORKERS}
        for number, each_s in best.items():
            _say(f"{number} workers: {each_s:.2f} s for {count} recordings, {size / each_s / 1e6:.0f} MB/s")
        _say(f"{best[WORKERS[0]] / best[WORKERS[1]]:.2f} times as fast; bits the same: {len(digests) == 1}")


def rows(count: int) -> None:
    """Prints what an index of so many made-up sessions takes: its size, and a list with two conditions."""
    chance = np.random.default_rng(1)
    columns = Columns(list(ListedSession(Path()).to_json()), SHORT, "sessions.condition", "")
    conditions = columns.conditions(WHERE)
    with tempfile.TemporaryDirectory() as path:
        root = Path(path)

        def make() -> None:
            with opened(root, make=True) as index:
                for first in range(0, count, CHUNK):
                    numbers = range(first, min(first + CHUNK, count))
                    made = {f"{number:08}": _session(root, number, chance) for number in numbers}
                    index.put({name: (SIGNATURE, session) for name, session in made.items()})

        made_s, _ = spent(make)
        size = (root / INDEX_NAME).stat().st_size
        found: list[int] = []

        def listed() -> None:
            with opened(root) as index:
                names = index.signatures().keys()
                found.append(len(index.sessions(root, names, conditions)))

        listed_s, _ = spent(listed)
        _say(
            f"{count} rows: made in {made_s:.1f} s, {size / 1e6:.0f} MB, {size / count:.0f} bytes each; "
            f"{found[0]} found by two conditions in {listed_s:.2f} s of processor time"
        )


def _session(root: Path, number: int, chance: np.random.Generator) -> ListedSession:
    """A made-up session, as long as a real one."""
    setup = Setup(
        board="NUCLEO-L4R5ZI", voltage_v=1.8, clock_hz=120e6, monitor="LPM01A", label="ABC"[number % 3]
    )
    return ListedSession(
        root / f"{number:08}",
        setup,
        ("kws01", "ic01", "vww01", "ad01")[number % 4],
        "energy",
        "finished",
        "2025-01-01T00:00:00+00:00",
        virtual=True,
        valid=True,
        inferences_per_second=float(chance.uniform(1.0, 100.0)),
        joule_per_inference=float(chance.uniform(1e-4, 1e-2)),
        power_w=float(chance.uniform(1e-3, 1e-1)),
    )


def main() -> None:
    """Prints the figures that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scaling", action="store_true", help="one worker beside two, and nothing else")
    parser.add_argument("--rows", type=int, nargs="+", help="an index of so many rows, and nothing else")
    options = parser.parse_args()
    if options.scaling:
        scaling()
    for count in options.rows or ():
        rows(count)
    if not (options.scaling or options.rows):
        costs()


def costs() -> None:
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
