"""The store once it is recorded: mapping a recording and touching every sample, beside a plain read."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from benchmarks.files import PlainFile, StoredRecording
from benchmarks.results import Section, Target, rows_beside
from benchmarks.samples import current_and_voltage
from benchmarks.timing import Contender, alternate
from energy.recording.store import Recording
from energy.window.prefix import EnergyPrefix

_FROMFILE = "np.fromfile and sum"
_MEMMAP = "np.memmap and sum"
_OURS = "Recording and sum of every block"


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

        def integrate() -> None:
            trace = Recording(stored.path)
            prefix = EnergyPrefix(trace)
            prefix.advance_all(trace)
            prefix.sum(trace.first, trace.stop)

        timings = alternate(
            [
                Contender(_FROMFILE, fromfile),
                Contender(_MEMMAP, memmap),
                Contender(_OURS, recording),
                Contender("Recording, prefix sums and one window, all cores", integrate),
            ],
            repeats,
        )
    apart = max(abs(value / sums[_FROMFILE] - 1) for value in sums.values())
    return Section(
        f"Read: the same {size / 1e6:.0f} MB, in the operating system's memory already",
        rows_beside(timings, _FROMFILE, size, "B"),
        [Target("relative difference of the sums, which are float32", apart, 1e-5, "at most")],
    )
