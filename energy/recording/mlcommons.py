"""Reader of the MLCommons runner's ``results.json`` of an energy run.

Format (protocols.md 3.6 and mlperf-tiny.md 2): a list of trials, each with ``infer.iterations``, ``power``:
``samples`` in joule, one per millisecond (the rate is hard-coded in the runner and not stored),
``timestamps`` as ``["00", index]`` with a running event number and the number of samples before the event,
``voltage`` in volt. A trial's samples begin where those of the trial before end, so the trials are read as
one trace.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from energy.errors import RecordingError
from energy.findings import Finding
from energy.recording.inside import open_inside
from energy.recording.jsonvalues import (
    as_list,
    as_object,
    as_position,
    as_whole,
    field,
    parse_json,
    shown,
)
from energy.recording.limits import LARGEST_RESULTS_JSON, MOST_TRIALS, refuse_larger
from energy.recording.trace import ArrayTrace, numbers, read_text_file
from energy.signal import Edge, SampleKind, Signal

FILE_NAME = "results.json"
RATE_HZ = 1000.0
"""Sample rate that the runner assumes (RUN, hard-coded there)."""
_LONGEST_EVENT = 15
_MOST_FINDINGS = 100
_HINT = "Name the results.json of an energy run of the MLCommons runner."


@dataclass(frozen=True)
class MlcommonsTrial:
    """A trial of a results.json.

    Attributes:
        input_name: The input file's name.
        iterations: Number of measured inferences; None if it is not stated.
        stop: Position after the trial's last sample, in the trace of all trials.
        voltage_v: Voltage that the runner recorded, or None.
    """

    input_name: str
    iterations: int | None
    stop: int
    voltage_v: float | None


def read_mlcommons_results(path: Path) -> tuple[ArrayTrace, list[MlcommonsTrial]]:
    """Reads all trials of a results.json as one trace.

    Raises:
        RecordingError: ``trace.no-power`` for a performance or accuracy run, ``trace.foreign``,
            ``trace.not-numbers``, ``trace.empty``, ``file.too-large`` or ``file.unreadable``.
    """
    text = read_text_file(path, LARGEST_RESULTS_JSON, hint=_HINT)
    try:
        entries = as_list(parse_json(text, what=str(path)))
    except ValueError as error:
        raise RecordingError("trace.foreign", f"{path} is not a list of trials: {error}", _HINT) from error
    return trace_of_trials(path, entries)


def trace_of_trials(path: Path, entries: list[Any]) -> tuple[ArrayTrace, list[MlcommonsTrial]]:
    """The trials of a results.json, parsed already, as one trace.

    Args:
        path: The file, for messages.
        entries: What it holds.

    Raises:
        RecordingError: ``trace.no-power`` for a performance or accuracy run, ``trace.foreign``,
            ``trace.not-numbers``, ``trace.empty``.
    """
    refuse_larger(str(path), len(entries), MOST_TRIALS, "trials", _HINT)
    trials: list[MlcommonsTrial] = []
    edges: list[Edge] = []
    findings: list[Finding] = []
    columns: list[npt.NDArray[np.float64]] = []
    events: list[int] = []
    start = 0
    for number, entry in enumerate(entries):
        trial, samples, marks = _read_trial(path, number, entry, start)
        trials.append(trial)
        columns.append(samples)
        events += [event for event, _ in marks]
        edges += [Edge(float(start + index), bound=1.0, source="mlcommons") for _, index in marks]
        findings += islice(_check_marks(number, [index for _, index in marks], len(samples)), _MOST_FINDINGS)
        start += len(samples)
    for earlier, later in pairwise(events):
        if later != earlier + 1:
            evidence = f"the monitor's event number {earlier} is followed by {later}"
            findings.append(Finding("edge.count", evidence))
            break
    if start == 0:
        raise RecordingError("trace.empty", f"{path} holds no samples", _HINT)
    signal = Signal(SampleKind.ENERGY, RATE_HZ, dtype="float64", energy_unit="J")
    about = {"format": "MLCommons results.json", "rate": "1000 Hz, as its runner assumes"}
    trace = ArrayTrace(signal, (np.concatenate(columns),), edges=edges, findings=findings, about=about)
    trace.virtual = any(as_object(entry).get("virtual") is True for entry in entries)
    return trace, trials


def holds_power(path: Path) -> bool:
    """Whether a file named results.json is that of an energy run, judged by its first 64 KiB.

    Raises:
        RecordingError: ``file.unreadable``, ``file.link``.
    """
    try:
        with open_inside(path) as file:
            return b'"power"' in file.read(65536)
    except OSError as error:
        raise RecordingError("file.unreadable", f"{path} cannot be read: {error}", _HINT) from error


def _read_trial(
    path: Path, number: int, entry: Any, start: int
) -> tuple[MlcommonsTrial, npt.NDArray[np.float64], list[tuple[int, int]]]:
    """The trial, its samples, and its events as (event number, index among its samples)."""
    try:
        trial = as_object(entry)
        if trial.get("power") is None:
            raise RecordingError(
                "trace.no-power",
                f"{path}: trial {number} has no power samples",
                "Name the results of an energy run.",
            )
        power = as_object(trial["power"])
        samples = numbers(as_list(field(power, "samples")), f"{path}: trial {number}")
        marks = [_mark(as_list(mark)) for mark in as_list(field(power, "timestamps"))]
    except ValueError as error:
        raise RecordingError(
            "trace.foreign", f"{path}: trial {number} does not have the runner's format: {error}", _HINT
        ) from error
    return _about(trial, power, start + len(samples)), samples, marks


def _mark(mark: list[Any]) -> tuple[int, int]:
    event, index = mark
    if not (isinstance(event, str) and event.isascii() and event.isdigit() and len(event) <= _LONGEST_EVENT):
        raise ValueError(f"{shown(event)} is not an event number")
    return int(event), as_whole(index)


def _about(trial: dict[str, Any], power: dict[str, Any], stop: int) -> MlcommonsTrial:
    infer: Any = trial.get("infer")
    iterations = _number(as_object(infer).get("iterations")) if isinstance(infer, dict) else None
    name, voltage = trial.get("file", ""), _number(power.get("voltage"))
    return MlcommonsTrial(
        input_name=name if isinstance(name, str) else "",
        iterations=int(iterations) if iterations and iterations > 0 and iterations.is_integer() else None,
        stop=stop,
        voltage_v=voltage,
    )


def _number(value: Any) -> float | None:
    try:
        return as_position(value)
    except ValueError:
        return None


def _check_marks(number: int, indices: list[int], samples: int) -> Iterator[Finding]:
    outside = [index for index in indices if not 0 <= index <= samples]
    if outside:
        yield Finding(
            "edge.count", f"trial {number}: an event at {outside[0]}, outside its {samples} samples"
        )
    for earlier, later in pairwise(indices):
        if later == earlier:
            yield Finding("edge.doubled", f"trial {number}: two events at sample {earlier}")
        elif later < earlier:
            yield Finding("edge.unsorted", f"trial {number}: an event at {later} follows one at {earlier}")
