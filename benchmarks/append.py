"""The store while it is recorded: appending beside a plain write of the same bytes in the same blocks."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.files import BLOCK, PlainFile, StoredRecording, Written
from benchmarks.results import Row, Section, against_floor, rows_beside
from benchmarks.samples import current_and_voltage
from benchmarks.timing import Contender, alternate


def append(count: int, repeats: int, folder: Path) -> Section:
    """Times appending ``count`` samples of current and voltage to a recording in ``folder``."""
    columns = current_and_voltage(count)
    size = sum(column.nbytes for column in columns)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(dir=folder) as place:
        files = (PlainFile(Path(place), columns), StoredRecording(Path(place), columns))
        for make, what, times in (
            (_until_on_disk, "until it is on the disk", 2 * repeats),  # judged, and disks are moody
            (_until_handed_over, "without fsync", repeats),
        ):
            names = (f"plain write, {what}", f"RecordingWriter, {what}")
            contenders = [make(name, file) for name, file in zip(names, files, strict=True)]
            rows += rows_beside(alternate(contenders, times), names[0], size, "B")
    handed_over = rows[2].median_s / rows[3].median_s
    return Section(
        f"Append: {count:,} samples, {size / 1e6:.0f} MB, in blocks of {BLOCK:,} samples",
        rows,
        remarks=[
            f"Without fsync, which both wait for, it is {handed_over:.2f} of a plain write's speed.",
            f"{2 * repeats} runs of the first pair, {repeats} of the second. "
            "Every timed write follows one of the same kind that is not timed, and both files are removed: "
            "else whoever comes first waits for the memory that the file is kept in.",
        ],
        lines=[against_floor("append to a recording", rows[1], rows[0], 1 / 0.8)],
    )


def _until_on_disk(name: str, file: Written) -> Contender:
    def run() -> None:
        file.write()
        file.close()

    return Contender(name, run, _rehearsal(file), file.remove)


def _until_handed_over(name: str, file: Written) -> Contender:
    def finish() -> None:
        file.close()
        file.remove()

    return Contender(name, file.write, _rehearsal(file), finish)


def _rehearsal(file: Written) -> Callable[[], None]:
    """Writes and removes the file, so that a virtual machine has memory at hand for the same again.

    Its host may take up to ten times as long to give memory back as the write itself takes.
    """

    def rehearse() -> None:
        file.write()
        file.close()
        file.remove()
        os.sync()  # nothing is left for the disk to do while the next run is timed

    return rehearse
