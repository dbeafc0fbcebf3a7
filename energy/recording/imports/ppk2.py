"""Sessions that nRF Connect Power Profiler 4 saves: ``.ppk2``, a zip file.

Source: NordicSemiconductor/pc-nrfconnect-ppk, ``src/utils/saveFileHandler.ts`` and ``bitConversion.ts``.
``metadata.json`` holds ``metadata.samplesPerSecond`` and ``formatVersion`` (2). ``session.raw`` holds a frame
of 6 bytes for each sample: the current in microampere as little-endian float32, and a uint16 with two bits
for each of D0 (lowest) to D7: 1 always low, 2 always high, 3 both within the sample, 0 not known. The voltage
is not stored. [U] Not compared with a file that the program saved.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from energy.errors import RecordingError
from energy.recording.imports.given import Given, LineEdges
from energy.recording.inside import open_named
from energy.recording.jsonvalues import as_number, as_object, field, parse_json
from energy.recording.limits import LARGEST_FORM, MOST_SAMPLES
from energy.recording.trace import ArrayTrace
from energy.signal import Edge, SampleKind, Signal

_FRAME = np.dtype([("current_ua", "<f4"), ("levels", "<u2")])
_FRAMES = 1 << 18
_LINES = 8
_SESSION, _METADATA = "session.raw", "metadata.json"
_FORMAT = 2
_HIGHEST_RATE_HZ = 1e8
_HINT = "Save the session again in nRF Connect Power Profiler 4, or export it as CSV there."
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    ValueError,
    KeyError,
    NotImplementedError,
    RuntimeError,
    OSError,
)


def is_ppk2(path: Path) -> bool:
    """Whether a file is a zip that holds the parts of such a session."""
    try:
        with open_named(path) as file, zipfile.ZipFile(file) as archive:
            return {_SESSION, _METADATA} <= set(archive.namelist())
    except (*_DAMAGED, RecordingError):
        return False


def read_ppk2(path: Path, given: Given) -> ArrayTrace:
    """Reads such a session.

    Args:
        path: The file.
        given: Voltage and marker line.

    Raises:
        RecordingError: ``trace.foreign``, ``trace.rate``, ``trace.empty``, ``file.too-large``,
            ``file.unreadable``.
        UsageError: ``import.voltage``, ``import.marker-line``.
    """
    voltage_v = given.voltage_of(path)
    lines = [LineEdges(f"D{number}") for number in range(_LINES)]
    try:
        with open_named(path) as file, zipfile.ZipFile(file) as archive:
            rate_hz = _rate_hz(archive, path)
            current_a, known = _samples(archive, path, lines)
    except _DAMAGED as error:
        reason = f"{path} is not a whole session of nRF Connect Power Profiler: {error}"
        raise RecordingError("trace.foreign", reason, _HINT) from error
    shown = {line.name: line.falling for line in lines if line.name in known}
    marker = given.marker(path, shown)
    edges = next((line.edges(path) for line in lines if line.name == marker), list[Edge]())
    signal = Signal(SampleKind.CURRENT, rate_hz, voltage_v=voltage_v)
    about = {"format": "nRF Connect Power Profiler session (.ppk2)", "marker": marker}
    return ArrayTrace(signal, (current_a,), edges=edges, about=about)


def _rate_hz(archive: zipfile.ZipFile, path: Path) -> float:
    if archive.getinfo(_METADATA).file_size > LARGEST_FORM:
        raise ValueError(f"{_METADATA} is too long")
    document = as_object(parse_json(archive.read(_METADATA), what=f"{path}: {_METADATA}"))
    if document.get("formatVersion") != _FORMAT:
        raise ValueError(f"its format is {document.get('formatVersion')!r}; {_FORMAT} is known")
    rate_hz = as_number(field(as_object(field(document, "metadata")), "samplesPerSecond"))
    if not 0 < rate_hz <= _HIGHEST_RATE_HZ:
        raise RecordingError("trace.rate", f"{path} states a sample rate of {rate_hz:g} Hz", _HINT)
    return rate_hz


def _samples(
    archive: zipfile.ZipFile, path: Path, lines: list[LineEdges]
) -> tuple[npt.NDArray[np.float32], set[str]]:
    """The currents in ampere, and the names of the lines whose level is known; edges go to ``lines``."""
    count, rest = divmod(archive.getinfo(_SESSION).file_size, _FRAME.itemsize)
    if count > MOST_SAMPLES:
        text = f"{path} holds {count} samples; the limit is {MOST_SAMPLES}"
        raise RecordingError("file.too-large", text, "Select a part in Power Profiler and save that.")
    if not count:
        raise RecordingError("trace.empty", f"{path} holds no samples", _HINT)
    if rest:
        raise ValueError(f"{_SESSION} has {rest} bytes after sample {count}")
    current_a = np.empty(count, np.float32)
    known: set[str] = set()
    with archive.open(_SESSION) as source:
        for first in range(0, count, _FRAMES):
            stop = min(first + _FRAMES, count)
            frames = np.frombuffer(_exactly(source, (stop - first) * _FRAME.itemsize), _FRAME)
            current_a[first:stop] = frames["current_ua"].astype(np.float64) * 1e-6
            positions = np.arange(first, stop)
            for number, line in enumerate(lines):
                pairs = (frames["levels"] >> (2 * number)) & 3
                valid = pairs != 0
                if valid.any():
                    known.add(line.name)
                    line.add(positions[valid], pairs[valid] == 2)
    return current_a, known


def _exactly(source: IO[bytes], count: int) -> bytes:
    parts: list[bytes] = []
    while count and (part := source.read(count)):
        parts.append(part)
        count -= len(part)
    if count:
        raise EOFError(f"{_SESSION} ends {count} bytes too early")
    return b"".join(parts)
