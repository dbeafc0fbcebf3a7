"""Schemas of a recording's files with their metadata, notes of its batches, names of its files.

The metadata of a schema is JSON under the key ``joulebench``. A file may be damaged or of unknown origin, so
everything is checked before it is used.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from energy.errors import RecordingError
from energy.recording.jsonvalues import (
    LARGEST_POSITION,
    as_list,
    as_number,
    as_object,
    as_position,
    as_text,
    as_whole,
    field,
    json_text,
    parse_json,
)
from energy.recording.keep import Keep, Ranges
from energy.recording.mapped import describe
from energy.signal import DigitalInput, Gap, RangeChange, SampleKind, Signal

FORMAT = 1
REDUCED_FORMAT = 2
"""Of a recording that does not keep all samples: an older reader would take them for lost."""
TRACE_NAME = "trace.arrow"
METADATA_KEY = b"joulebench"
_INPUT_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,30}")
_PREFIX, _SUFFIX, _WAITING = "digital-", ".arrow", "waiting-"
_WAITING_NAME = re.compile(r"waiting-\d{6,9}\.arrow")
_HINT = "Use a copy of the file."


def trace_schema(
    signal: Signal, *, virtual: bool, about: dict[str, Any], keep: Keep = Keep.FULL
) -> pa.Schema:
    """The Arrow schema of ``trace.arrow`` for a signal."""
    kind = pa.from_numpy_dtype(np.dtype(signal.dtype))
    meta: dict[str, Any] = {"format": FORMAT, "signal": signal.to_json(), "virtual": virtual, "about": about}
    if keep is not Keep.FULL:
        meta |= {"format": REDUCED_FORMAT, "keep": keep.value}
    return pa.schema(
        [pa.field(name, kind, nullable=False) for name in signal.columns],
        metadata={METADATA_KEY: json_text(meta, ascii_only=True).encode()},
    )


def digital_schema(source: DigitalInput) -> pa.Schema:
    """The Arrow schema of a digital input's file.

    Raises:
        RecordingError: ``recording.digital-input`` if it has no valid rate or offset.
    """
    if not (math.isfinite(source.rate_hz) and source.rate_hz > 0 and math.isfinite(source.offset)):
        raise RecordingError(
            "recording.digital-input",
            f"{source} has no valid rate in Hz or no valid offset in samples",
            "The monitor's driver describes its input wrongly: please report it.",
        )
    described = {"name": source.name, "rate_hz": float(source.rate_hz), "offset": float(source.offset)}
    meta = {"format": FORMAT, "digital": described}
    return pa.schema(
        [pa.field("level", pa.bool_(), nullable=False)],
        metadata={METADATA_KEY: json_text(meta, ascii_only=True).encode()},
    )


def digital_path(folder: Path, name: str) -> Path:
    """The path of the file with the levels of the digital input ``name``.

    Raises:
        RecordingError: ``recording.digital-input`` if the name is not valid.
    """
    if not _INPUT_NAME.fullmatch(name):
        raise RecordingError(
            "recording.digital-input",
            f"a digital input's name has at most 31 characters of a-z, 0-9, - and _; it is {name[:80]!r}",
            "Give it another name.",
        )
    return folder / f"{_PREFIX}{name}{_SUFFIX}"


def find_digital(folder: Path) -> list[str]:
    """Names of the digital inputs that have a file in ``folder``."""
    names = (
        path.name.removeprefix(_PREFIX).removesuffix(_SUFFIX) for path in folder.glob(f"{_PREFIX}*{_SUFFIX}")
    )
    return sorted(name for name in names if _INPUT_NAME.fullmatch(name))


def waiting_path(folder: Path, number: int) -> Path:
    """The path of a file of samples of which it is not known yet whether they are kept."""
    return folder / f"{_WAITING}{number:06d}{_SUFFIX}"


def find_waiting(folder: Path) -> list[Path]:
    """The files of samples that still wait in ``folder``, in order."""
    return sorted(path for path in folder.glob(f"{_WAITING}*{_SUFFIX}") if _WAITING_NAME.fullmatch(path.name))


def read_signal(path: Path, schema: pa.Schema) -> tuple[Signal, bool, dict[str, Any]]:
    """The signal of the samples in ``path``, whether they are virtual, and the remarks kept with them.

    Raises:
        RecordingError: ``recording.foreign``, ``recording.newer``, ``recording.damaged``.
    """
    meta = read_meta(path, schema)
    try:
        virtual = field(meta, "virtual")
        if not isinstance(virtual, bool):
            raise ValueError("it does not state whether it is virtual")
        about = as_object(field(meta, "about"))
        signal = signal_of(as_object(field(meta, "signal")))
    except ValueError as error:
        raise RecordingError(
            "recording.damaged", f"{path} has no valid description of its samples: {error}", _HINT
        ) from error
    expected = trace_schema(signal, virtual=virtual, about=about)
    if not same_columns(schema, expected):
        raise RecordingError(
            "recording.damaged", f"{path} holds {describe(schema)} instead of {describe(expected)}", _HINT
        )
    return signal, virtual, about


def read_digital(path: Path, name: str, schema: pa.Schema) -> DigitalInput:
    """The digital input whose levels are in ``path``.

    Raises:
        RecordingError: as for ``read_signal``.
    """
    meta = read_meta(path, schema)
    try:
        described = as_object(field(meta, "digital"))
        source = DigitalInput(
            as_text(field(described, "name")),
            as_number(field(described, "rate_hz")),
            as_position(field(described, "offset")),
        )
        if source.name != name or source.rate_hz <= 0:
            raise ValueError(f"the levels of {source} cannot be in a file of this name")
        if not same_columns(schema, digital_schema(source)):
            raise ValueError(f"it holds {describe(schema)}")
    except ValueError as error:
        raise RecordingError(
            "recording.damaged", f"{path} does not hold the levels of a digital input: {error}", _HINT
        ) from error
    return source


@dataclass(frozen=True)
class Notes:
    """The notes of a trace.

    Attributes:
        gaps: Where samples were lost, in order.
        ranges: Changes of the range, in order.
        reduced: Where samples came and were given up, ``[first, stop)`` in order, joined where they touch.
    """

    gaps: list[Gap]
    ranges: list[RangeChange]
    reduced: list[tuple[int, int]]


def merged_gaps(notes: Notes, keep: Keep) -> list[Gap]:
    """All that is missing, in order: what was lost, and what is not kept."""
    why = f"not kept (--keep {keep.value})"
    given_up = [Gap(first, stop - first, why, lost=False) for first, stop in notes.reduced]
    return sorted([*notes.gaps, *given_up], key=lambda gap: gap.first) if given_up else notes.gaps


class NotedRows(Protocol):
    """Rows of samples with notes: a file, or several."""

    path: Path
    notes: list[tuple[int, dict[str, Any]]]
    jumps: list[tuple[int, int]]
    first: int
    stop: int


def read_notes(trace: NotedRows) -> Notes:
    """The batches' notes; a jump of sample numbers without a note is also a gap.

    Raises:
        RecordingError: ``recording.damaged``.
    """
    gaps: list[Gap] = []
    ranges: list[RangeChange] = []
    given_up = Ranges()
    try:
        for _, notes in trace.notes:
            gaps += [_gap(as_list(gap)) for gap in as_list(notes.get("gaps", []))]
            ranges += [_range_change(as_list(change)) for change in as_list(notes.get("ranges", []))]
            for first, stop in given_up_in(notes):
                given_up.add(first, stop)
    except ValueError as error:
        raise RecordingError(
            "recording.damaged", f"{trace.path}: notes of a batch cannot be read: {error}", _HINT
        ) from error
    reduced = list(given_up)
    absent = [*gaps, *(Gap(first, stop - first, "") for first, stop in reduced)]
    if any(gap.count is not None and gap.count < 1 for gap in gaps) or not _all_in_holes(absent, trace):
        raise RecordingError(
            "recording.damaged", f"{trace.path} holds samples that it reports as lost", _HINT
        )
    unexplained = _unexplained(trace.jumps, absent)
    if unexplained:
        gaps = sorted(gaps + unexplained, key=lambda gap: gap.first)
    return Notes(gaps, ranges, reduced)


def read_keep(path: Path, schema: pa.Schema) -> Keep:
    """Which samples the recording keeps whose samples are in ``path``.

    Raises:
        RecordingError: ``recording.foreign``, ``recording.newer``, ``recording.damaged``.
    """
    try:
        return Keep(as_text(read_meta(path, schema).get("keep", Keep.FULL.value)))
    except ValueError as error:
        raise RecordingError(
            "recording.damaged", f"{path} does not state which samples it keeps: {error}", _HINT
        ) from error


def read_meta(path: Path, schema: pa.Schema) -> dict[str, Any]:
    """The metadata of a file of a recording.

    Raises:
        RecordingError: ``recording.foreign``, ``recording.newer``, ``recording.damaged``.
    """
    try:
        meta = as_object(parse_json((schema.metadata or {})[METADATA_KEY]))
        version = as_whole(field(meta, "format"))
        if version < 1:
            raise ValueError(f"format {version}")
    except (KeyError, ValueError) as error:
        raise RecordingError(
            "recording.foreign",
            f"{path} is an Arrow file, but not a recording of joulebench",
            "Name a trace.arrow that joulebench wrote.",
        ) from error
    if version > REDUCED_FORMAT:
        raise RecordingError(
            "recording.newer",
            f"{path} has format {version}; this joulebench reads up to {REDUCED_FORMAT}",
            "Install a newer joulebench.",
        )
    return meta


def same_columns(actual: pa.Schema, expected: pa.Schema) -> bool:
    """Whether two schemas have the same columns, whatever their metadata is."""
    return actual.names == expected.names and actual.types == expected.types


def signal_of(fields: dict[str, Any]) -> Signal:
    """The signal of a description that ``Signal.to_json`` made.

    Raises:
        ValueError: If it is no such description.
    """
    dtype, unit, voltage = field(fields, "dtype"), field(fields, "energy_unit"), field(fields, "voltage_v")
    if dtype not in ("float32", "float64") or unit not in ("J", "uJ"):
        raise ValueError(f"samples are {dtype!r} in {unit!r}")
    return Signal(
        kind=SampleKind(as_text(field(fields, "kind"))),
        rate_hz=as_number(field(fields, "rate_hz")),
        dtype=dtype,
        energy_unit=unit,
        voltage_v=None if voltage is None else as_number(voltage),
        coverage_offset=as_number(field(fields, "coverage_offset")),
    )


def given_up_in(notes: dict[str, Any]) -> list[tuple[int, int]]:
    """The ranges of samples that the notes of a batch name as given up.

    Raises:
        ValueError: If they cannot be read.
    """
    ranges: list[tuple[int, int]] = []
    for first, count in map(as_list, as_list(notes.get("reduced", []))):
        if as_whole(count) < 1:
            raise ValueError(f"{count} samples given up")
        ranges.append((as_whole(first), as_whole(first) + as_whole(count)))
    return ranges


def _gap(values: list[Any]) -> Gap:
    first, count, reason = values
    return Gap(as_whole(first), None if count is None else as_whole(count), as_text(reason))


def _range_change(values: list[Any]) -> RangeChange:
    position, name = values
    return RangeChange(as_whole(position), as_text(name))


def _all_in_holes(gaps: list[Gap], trace: NotedRows) -> bool:
    """Whether no sample lies in a gap."""
    holes = [(0, trace.first), *trace.jumps, (trace.stop, LARGEST_POSITION)]
    at = 0
    for first, stop in sorted((gap.first, gap.first + gap.count) for gap in gaps if gap.count):
        while at < len(holes) and holes[at][1] < stop:
            at += 1
        if at == len(holes) or first < holes[at][0]:
            return False
    return True


def _unexplained(jumps: list[tuple[int, int]], gaps: list[Gap]) -> list[Gap]:
    """The parts of the jumps that no gap explains."""
    known = sorted((gap.first, gap.first + gap.count) for gap in gaps if gap.count)
    reason = "sample numbers jump and no note in the file explains it"
    found: list[Gap] = []
    at = covered = 0
    for start, stop in jumps:
        covered = max(covered, start)
        while at < len(known) and known[at][0] < stop:
            first, end = known[at]
            if first > covered:
                found.append(Gap(covered, first - covered, reason))
            covered = max(covered, end)
            at += 1
        if covered < stop:
            found.append(Gap(covered, stop - covered, reason))
    return found
