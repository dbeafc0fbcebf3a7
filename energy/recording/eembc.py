"""Reader of the EEMBC runner's trace pair: ``*-energy.bin`` with ``*-timestamps.json``.

Format (protocols.md 3.6, checked there over all 123 published files): byte 0 is the version 0xF1; then the
sample rate as little-endian float32; then the energy of each sample as little-endian float32 in microjoule
(the runner's README says joule). The timestamps are a JSON array of seconds with three decimals.
"""

from __future__ import annotations

import json
import math
import os
import struct
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, cast

import numpy as np

from energy.errors import RecordingError
from energy.findings import Finding
from energy.recording.filebytes import read_exactly, reopened
from energy.recording.inside import is_there, open_inside
from energy.recording.jsonvalues import shown
from energy.recording.limits import LARGEST_TIMESTAMPS
from energy.recording.trace import PieceTrace, read_text_file
from energy.signal import Edge, SampleKind, Samples, Signal

ENERGY_SUFFIX = "-energy.bin"
TIMESTAMPS_SUFFIX = "-timestamps.json"
_HEADER = struct.Struct("<Bf")
_VERSION = 0xF1
_LARGEST_RATE_HZ = 1e8
_LATEST_S = 10**9
_MOST_FINDINGS = 100
_KEPT = 1 << 20
"""Samples of a trace that is kept in memory once it is read; published: 0.7 million."""
_HINT = "Check that it is the trace of an EEMBC energy run, and copy it again from where it was recorded."


def timestamps_path(energy: Path) -> Path:
    """The path of the timestamps of an ``*-energy.bin``."""
    return energy.with_name(energy.name.removesuffix(ENERGY_SUFFIX) + TIMESTAMPS_SUFFIX)


def read_eembc_trace(energy: Path) -> PieceTrace:
    """Opens an EEMBC trace pair.

    Edges keep the order of the file; unsorted, doubled or negative edges and edges past the end are findings.
    Each edge is known to within one sample, because the monitor placed it on its sample grid.

    Args:
        energy: The ``*-energy.bin``; its timestamps are expected beside it.

    Raises:
        RecordingError: ``trace.empty``, ``trace.foreign``, ``trace.rate``, ``trace.no-timestamps``,
            ``trace.timestamps``, ``file.too-large`` or ``file.unreadable``.
    """
    findings: list[Finding] = []
    rate_hz, count, identity = _read_head(energy, findings)
    signal = Signal(SampleKind.ENERGY, rate_hz, dtype="float32", energy_unit="uJ")
    edges = _read_timestamps(timestamps_path(energy), rate_hz, count, findings)

    def read(first: int, stop: int) -> Samples:
        with reopened(energy, identity) as file:
            data = read_exactly(file, _HEADER.size + 4 * first, 4 * (stop - first), energy)
        return np.frombuffer(data, "<f4")

    kept: list[Samples] = []

    def piece(first: int, stop: int) -> tuple[Samples]:
        if count > _KEPT:
            return (read(first, stop),)
        if not kept or not _is_same(energy, identity):
            kept[:] = [read(0, count)]
            kept[0].setflags(write=False)
        return (kept[0][first:stop],)

    about = {"format": "EEMBC trace"}
    return PieceTrace(signal, count, piece, edges=edges, findings=findings, about=about)


def _is_same(path: Path, identity: os.stat_result) -> bool:
    """Whether a file is still the one that was opened, as it was then."""
    try:
        now = path.lstat()
    except OSError:
        return False
    return os.path.samestat(now, identity) and (now.st_size, now.st_mtime_ns) == (
        identity.st_size,
        identity.st_mtime_ns,
    )


def _read_head(path: Path, findings: list[Finding]) -> tuple[float, int, os.stat_result]:
    """The rate in Hz, the number of samples, and the file's identity."""
    try:
        with open_inside(path) as file:
            identity = os.fstat(file.fileno())
            head = file.read(_HEADER.size)
    except OSError as error:
        raise RecordingError("file.unreadable", f"{path} cannot be read: {error}", _HINT) from error
    size = identity.st_size
    if len(head) < _HEADER.size:
        raise RecordingError("trace.empty", f"{path} holds {size} bytes, not even a header", _HINT)
    version, rate_hz = _HEADER.unpack(head)
    if version != _VERSION:
        raise RecordingError("trace.foreign", f"{path} begins with 0x{version:02X} instead of 0xF1", _HINT)
    if not (math.isfinite(rate_hz) and 0 < rate_hz <= _LARGEST_RATE_HZ):
        raise RecordingError("trace.rate", f"{path} states a sample rate of {rate_hz} Hz", _HINT)
    count, rest = divmod(size - _HEADER.size, 4)
    if count == 0:
        raise RecordingError("trace.empty", f"{path} holds a header and no samples", _HINT)
    if rest:
        findings.append(Finding("trace.truncated", f"{path.name} has {rest} bytes after sample {count}"))
    return rate_hz, count, identity


def _read_timestamps(path: Path, rate_hz: float, samples: int, findings: list[Finding]) -> list[Edge]:
    if not is_there(path):
        raise RecordingError(
            "trace.no-timestamps",
            f"there is no {path.name} beside the trace, so its windows are not known",
            "Put the trace's file of timestamps beside it.",
        )
    text = read_text_file(path, LARGEST_TIMESTAMPS, hint=_HINT)
    seconds = _parse_seconds(path, text)
    edges = [Edge(_position(stamp, rate_hz), bound=1.0, source="eembc") for stamp in seconds]
    findings += islice(_disorder(path, seconds), _MOST_FINDINGS)
    if seconds and min(seconds) < 0:
        findings.append(Finding("edge.negative", f"{path.name} holds {_shown(min(seconds))}"))
    last = max((edge.position - edge.bound for edge in edges), default=0.0)
    if last > samples:
        end_s = samples / rate_hz
        evidence = f"{path.name} holds {_shown(max(seconds))}; the samples end at {end_s:.9g} s"
        findings.append(Finding("edge.past-end", evidence))
    return edges


def _disorder(path: Path, seconds: list[Decimal]) -> Iterator[Finding]:
    for earlier, later in pairwise(seconds):
        if later == earlier:
            yield Finding("edge.doubled", f"{path.name} holds {_shown(earlier)} twice")
        elif later < earlier:
            yield Finding("edge.unsorted", f"{path.name}: {_shown(later)} follows {_shown(earlier)}")


def _parse_seconds(path: Path, text: str) -> list[Decimal]:
    try:
        # Decimal keeps the seconds as printed, see _position.
        stamps: Any = json.loads(text, parse_float=Decimal, parse_int=Decimal, parse_constant=_refuse)
    except (ValueError, RecursionError, ArithmeticError) as error:
        raise RecordingError("trace.timestamps", f"{path} is not a JSON array: {error}", _HINT) from error
    if not isinstance(stamps, list):
        raise RecordingError("trace.timestamps", f"{path} is not an array of seconds", _HINT)
    seconds: list[Decimal] = []
    for stamp in cast("list[Any]", stamps):
        if not isinstance(stamp, Decimal):
            raise RecordingError("trace.timestamps", f"{path} holds {shown(stamp)} among the seconds", _HINT)
        if not -_LATEST_S <= stamp <= _LATEST_S:
            raise RecordingError("trace.timestamps", f"{path} holds a timestamp of {_shown(stamp)}", _HINT)
        seconds.append(stamp)
    return seconds


def _position(stamp: Decimal, rate_hz: float) -> float:
    """The position of a timestamp, chosen so that position / rate gives the float of its text again.

    At a rate of 1 kHz or 1 MHz and with three decimals there always is such a position; at an odd rate there
    may be none, and then the quotient is off by one unit in the last place.
    """
    nearest, seconds = float(stamp * Decimal(rate_hz)), float(stamp)
    around = (nearest, math.nextafter(nearest, -math.inf), math.nextafter(nearest, math.inf))
    return next((position for position in around if position / rate_hz == seconds), nearest)


def _shown(stamp: Decimal) -> str:
    return f"{float(stamp):.10g} s"


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no time")
