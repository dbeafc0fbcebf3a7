"""Validation sets of accuracy mode: which files, which class, and the bytes that go over the wire.

Official sets: a folder of datasets with ``<model id>/y_labels.csv`` (protocols.md 1.7). A file of anomaly
detection holds 196 windows of 2560 bytes, 512 bytes apart (protocols.md 1.8); for the other workloads, a file
is one input. Synthetic sets have as many files of the same sizes. Each synthetic input begins with a mark
that shows a twin the right answer: such a set only shows that everything from input to figure works.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from energy.benchmark.inputs import LABELS_NAME, label_rows, read_input
from energy.benchmark.workloads import SYNTHETIC_MARK, WORKLOADS, Workload
from energy.errors import UsageError
from energy.recording.limits import LARGEST_WINDOWS

FULL_SET = {"ad01": 248, "ic01": 200, "kws01": 1000, "vww01": 1000}
"""Files of the official validation sets (protocols.md 1.7)."""
ALTERNATIVE_LABELS = "y_labels_alt.csv"
"""A smaller set of anomaly detection that is also accepted from v1.2 on (protocols.md 1.7)."""
_ANOMALY = WORKLOADS["ad01"]
_ANOMALY_FILE = 102400
_ANOMALY_STRIDE = 512
_NORMAL, _SET = 140, 248
"""Of 248 files of anomaly detection, 140 are normal (protocols.md 1.7)."""


@dataclass(frozen=True)
class ValidationFile:
    """A file of a validation set.

    Attributes:
        name: Its name in the labels file.
        label: Its true class.
        classes: Number of classes, as the labels file states it.
        window_bytes: Bytes of one input.
        stride: Bytes from one window to the next, where a file holds several; else None.
        read: Reads the whole file.
    """

    name: str
    label: int
    classes: int
    window_bytes: int
    stride: int | None
    read: Callable[[], bytes]

    def windows(self) -> list[bytes]:
        """The inputs that the file holds, in order.

        Raises:
            UsageError: ``datasets.size``, ``datasets.missing``.
        """
        data = self.read()
        if self.stride is None:
            fits = len(data) == self.window_bytes
            starts = range(1)
        else:
            starts = range(0, len(data) - self.window_bytes + 1, self.stride)
            fits = 0 < len(starts) * self.window_bytes <= LARGEST_WINDOWS
        if not fits:
            raise UsageError(
                "datasets.size",
                f"{self.name} holds {len(data)} bytes; an input has {self.window_bytes}",
                "Is it the file of another benchmark?",
            )
        return [data[start : start + self.window_bytes] for start in starts]


@dataclass(frozen=True)
class ValidationSet:
    """The files of an accuracy session: a validation set or a part of it.

    Attributes:
        workload: The workload that it belongs to.
        files: Its files, in the order of the labels file.
        of: Number of files in the whole set.
        full: Whether ``files`` is the whole official set, or a whole synthetic set of the same size.
        synthetic: Whether it was made up.
    """

    workload: Workload
    files: list[ValidationFile]
    of: int
    full: bool
    synthetic: bool

    def digest(self) -> str:
        """SHA-256 over names, classes and contents: the same for the same inputs in the same order."""
        sha = hashlib.sha256()
        for file in self.files:
            content = hashlib.sha256(file.read()).hexdigest()
            sha.update(f"{file.name}\n{file.label}\n{content}\n".encode())
        return sha.hexdigest()


def official_set(workload: Workload, datasets: Path, limit: int | None = None) -> ValidationSet:
    """The validation set of a folder of official datasets.

    Args:
        workload: The workload that it belongs to.
        datasets: The folder that holds ``<model id>/y_labels.csv``.
        limit: Largest number of files to take; if the set has more, it is not full.

    Raises:
        UsageError: ``datasets.missing``, ``datasets.labels``, ``datasets.size``.
    """
    folder = datasets / workload.id
    labels = folder / LABELS_NAME
    alternative = folder / ALTERNATIVE_LABELS
    smaller = workload is _ANOMALY and not labels.is_file() and alternative.is_file()
    if smaller:
        labels = alternative
    if not labels.is_file():
        raise UsageError(
            "datasets.missing",
            f"there is no {labels}",
            f"--datasets names the folder that holds {workload.id}/{LABELS_NAME} and the files named in it.",
        )
    files = [_official(workload, folder, labels, row) for row in label_rows(labels) if row]
    if len({file.name for file in files}) < len(files) or not files:
        raise UsageError(
            "datasets.labels",
            f"{labels} names no file, or a file twice",
            "Restore the file.",
        )
    full = (smaller or len(files) == FULL_SET[workload.id]) and (limit is None or limit >= len(files))
    return ValidationSet(workload, files[:limit], len(files), full, synthetic=False)


def synthetic_set(workload: Workload, limit: int | None = None) -> ValidationSet:
    """A made-up set of the official set's size, its classes distributed evenly (for ad01 as in that set)."""
    total = FULL_SET[workload.id]
    classes = max(workload.outputs, 2)
    files: list[ValidationFile] = []
    for number in range(total if limit is None else min(limit, total)):
        if workload is _ANOMALY:
            # Spread over the set, so that a subset has both kinds: 140 of 248 are normal.
            label = 1 - ((number + 1) * _NORMAL // _SET - number * _NORMAL // _SET)
            name = f"{'anomaly' if label else 'normal'}_synthetic_{number:08d}.bin"
        else:
            label = number % classes
            name = f"synthetic_{number:06d}_{label}.bin"
        files.append(_synthetic(workload, name, number, label, classes))
    return ValidationSet(workload, files, total, len(files) == total, synthetic=True)


def _synthetic(workload: Workload, name: str, number: int, label: int, classes: int) -> ValidationFile:
    anomaly = workload is _ANOMALY

    def read() -> bytes:
        rng = np.random.default_rng([number, label, sum(workload.id.encode())])
        if not anomaly:
            data = rng.integers(0, 256, workload.input_bytes, dtype=np.uint8).tobytes()
            return (SYNTHETIC_MARK.pack(b"jb", number, label, 0) + data)[: workload.input_bytes]
        values = rng.uniform(-80, 0, _ANOMALY_FILE // 4).astype("<f4").tobytes()
        # Each window begins with a mark of its own: windows overlap by a whole number of strides.
        return b"".join(
            SYNTHETIC_MARK.pack(b"jb", number, label, start // _ANOMALY_STRIDE)
            + values[start + SYNTHETIC_MARK.size : start + _ANOMALY_STRIDE]
            for start in range(0, _ANOMALY_FILE, _ANOMALY_STRIDE)
        )

    stride = _ANOMALY_STRIDE if anomaly else None
    return ValidationFile(name, label, classes, workload.input_bytes, stride, read)


def _official(workload: Workload, folder: Path, labels: Path, row: list[str]) -> ValidationFile:
    several = workload is _ANOMALY
    try:
        name, classes, label = row[0].strip(), int(row[1]), int(row[2])
        window_bytes = int(row[3]) if several else workload.input_bytes
        stride = int(row[4]) if several else None
    except (IndexError, ValueError) as error:
        fields = "file,classes,class,bytes,stride" if several else "file,classes,class"
        raise UsageError(
            "datasets.labels", f"{labels} has a line {row!r} that is not {fields}", "Restore the file."
        ) from error
    sound = 0 <= label < classes and classes == max(workload.outputs, 2)
    if not sound or window_bytes != workload.input_bytes or (stride is not None and stride < 1):
        raise UsageError(
            "datasets.labels",
            f"{labels} has a line {row!r}; {workload.id} has {max(workload.outputs, 2)} classes and inputs "
            f"of {workload.input_bytes} bytes",
            "Is it the file of another benchmark?",
        )
    path = folder / name
    if Path(name).name != name or not path.is_file():
        raise UsageError(
            "datasets.missing", f"{labels} names {name!r}, which is not in {folder}", "Add the file."
        )

    def read() -> bytes:
        return read_input(path)

    return ValidationFile(name, label, classes, window_bytes, stride, read)
