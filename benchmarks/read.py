"""The store once it is recorded: mapping a recording and touching every sample, beside a plain read."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from benchmarks.files import PlainFile, StoredRecording
from benchmarks.kernels import kernels
from benchmarks.results import Section, Target, against_floor, by_name, rows_beside
from benchmarks.samples import current_and_voltage
from benchmarks.timing import Contender, alternate
from energy.kernels import installed
from energy.recording.store import Recording
from energy.window.prefix import EnergyPrefix

_FROMFILE = "np.fromfile and sum"
_MEMMAP = "np.memmap and sum"
_OURS = "Recording and sum of every block"
_PREFIX = "Recording, prefix sums and one window, numba"
_NUMPY = "Recording, prefix sums and one window, NumPy"


def read(count: int, repeats: int, folder: Path) -> Section:
    """Times reading ``count`` samples of current and voltage from a recording in ``folder``."""
    columns = current_and_voltage(count)
    size = sum(column.nbytes for column in columns)
    with tempfile.TemporaryDirectory(dir=folder) as place:
        plain, stored = PlainFile(Path(place), columns), StoredRecording(Path(place), columns)
        for file in (plain, stored):
            file.write()
            file.close()
        sums: dict[str, float] = {}

        def fromfile() -> None:
            sums[_FROMFILE] = float(np.sum(np.fromfile(plain.path, np.float32)))

        def memmap() -> None:
            sums[_MEMMAP] = float(np.sum(np.memmap(plain.path, np.float32, "r")))

        def recording() -> None:
            trace = Recording(stored.path)
            blocks = trace.read(trace.first, trace.stop)
            sums[_OURS] = sum(float(np.sum(column)) for block in blocks for column in block.columns)

        def integrate(use: str) -> None:
            with kernels(use):
                trace = Recording(stored.path)
                prefix = EnergyPrefix(trace)
                prefix.advance_all(trace)
                prefix.sum(trace.first, trace.stop)

        timings = alternate(
            [
                Contender(_FROMFILE, fromfile),
                Contender(_MEMMAP, memmap),
                Contender(_OURS, recording),
                Contender(_NUMPY, lambda: integrate("off")),
                *([Contender(_PREFIX, lambda: integrate("on"))] if installed() else []),
            ],
            repeats,
        )
    apart = max(abs(value / sums[_FROMFILE] - 1) for value in sums.values())
    rows = rows_beside(timings, _FROMFILE, size, "B")
    named = by_name(rows)
    ours = named.get(_PREFIX, named[_NUMPY])
    return Section(
        f"Read: the same {size / 1e6:.0f} MB, in the operating system's memory already",
        rows,
        [Target("relative difference of the sums, which are float32", apart, 1e-5, "at most")],
        lines=[against_floor("recording read and summed", ours, named[_FROMFILE], 0.6, named[_MEMMAP])],
    )
