"""The inputs of a session: official files where they are given, else synthetic inputs of the same type."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from energy.benchmark.workloads import Workload
from energy.errors import RecordingError, UsageError
from energy.recording.inside import read_named
from energy.recording.limits import LARGEST_INPUT

LABELS_NAME = "y_labels.csv"
_SEED = 20210406


@dataclass(frozen=True, slots=True)
class Input:
    """One input.

    Attributes:
        name: The file's name, or ``synthetic-N``.
        data: Bytes for the wire.
        label: Class as the labels file states it, or None.
        classes: Number of classes as the labels file states it, or None.
        synthetic: Whether it was made up.
    """

    name: str
    data: bytes
    label: int | None = None
    classes: int | None = None
    synthetic: bool = False


def synthetic_inputs(workload: Workload, count: int) -> list[Input]:
    """Random inputs of the right size and type from a fixed seed: always the same, and no benchmark data."""
    rng = np.random.default_rng([_SEED, sum(workload.id.encode())])
    inputs: list[Input] = []
    for number in range(count):
        if workload.input_type == "float32":
            data = rng.uniform(-80, 0, workload.input_bytes // 4).astype("<f4").tobytes()
        else:
            data = rng.integers(0, 256, workload.input_bytes, dtype=np.uint8).tobytes()
        inputs.append(Input(f"synthetic-{number}", data, synthetic=True))
    return inputs


def official_inputs(workload: Workload, datasets: Path, count: int) -> list[Input]:
    """The first inputs of a folder of official datasets (``<datasets>/<model id>/y_labels.csv``).

    Of a file that is longer than one input (anomaly detection) the first window is taken, as the runners do
    outside accuracy mode (protocols.md 1.8).

    Raises:
        UsageError: ``datasets.missing``, ``datasets.labels``, ``datasets.size``.
    """
    folder = datasets / workload.id
    labels = folder / LABELS_NAME
    if not labels.is_file():
        raise UsageError(
            "datasets.missing",
            f"there is no {labels}",
            f"--datasets names the folder that holds {workload.id}/{LABELS_NAME} and the files named in it.",
        )
    inputs = [_official(workload, folder, labels, row) for row in label_rows(labels)[:count]]
    if len(inputs) < count:
        raise UsageError(
            "datasets.labels", f"{labels} names {len(inputs)} inputs, {count} are needed", "Complete it."
        )
    return inputs


def label_rows(labels: Path) -> list[list[str]]:
    """The rows of a ``y_labels.csv``.

    Raises:
        UsageError: ``datasets.labels``, ``datasets.missing``.
    """
    text = read_input(labels).decode("utf-8-sig", errors="replace")
    try:
        return list(csv.reader(text.splitlines()))
    except csv.Error as error:
        raise UsageError(
            "datasets.labels", f"{labels} is not a list of inputs: {error}", "Restore the file."
        ) from error


def read_input(path: Path) -> bytes:
    """The bytes of an input, or of a list of inputs.

    Raises:
        UsageError: ``datasets.missing`` if it cannot be read, is no regular file, or has more than 16 MiB.
    """
    try:
        return read_named(path, LARGEST_INPUT, hint="Restore the file.")
    except RecordingError as error:
        raise UsageError("datasets.missing", error.message, error.hint) from error


def _official(workload: Workload, folder: Path, labels: Path, row: list[str]) -> Input:
    try:
        name, classes, label = row[0].strip(), int(row[1]), int(row[2])
    except (IndexError, ValueError) as error:
        raise UsageError(
            "datasets.labels",
            f"{labels} has a line {row!r} that is not file,classes,class",
            "Restore the file.",
        ) from error
    path = folder / name
    if Path(name).name != name or not path.is_file():
        raise UsageError(
            "datasets.missing", f"{labels} names {name!r}, which is not in {folder}", "Add the file."
        )
    data = read_input(path)[: workload.input_bytes]
    if len(data) != workload.input_bytes:
        raise UsageError(
            "datasets.size",
            f"{path} holds {len(data)} bytes; an input of {workload.id} has {workload.input_bytes}",
            "Is it the file of another benchmark?",
        )
    return Input(name, data, label, classes)
