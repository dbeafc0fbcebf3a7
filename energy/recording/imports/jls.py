"""Joulescope's ``.jls`` files (version 2), read by the makers' own package, ``pyjls``.

Format and its limits: joulescope.md 2. The UI and ``pyjoulescope_driver record`` store ``current`` (A),
``voltage`` (V), ``power`` (W) as float32, and the digital inputs ``gpi[0]`` ... as one bit. Each signal has a
rate and a first sample of its own. Power is taken where it is stored, else current and voltage, else current
with a voltage that a person states.

``pyjls`` can crash the whole process on a file that was not closed, or was damaged. So a file whose header
does not state its length is refused, and any other is first opened in a process of its own.
"""

from __future__ import annotations

import importlib
import json
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from energy.errors import RecordingError
from energy.recording.imports.given import Given, LineEdges
from energy.recording.inside import open_named
from energy.recording.jsonvalues import as_number, as_object, as_text, field, parse_json
from energy.recording.limits import LONGEST_PIECE
from energy.recording.trace import PieceTrace
from energy.signal import Edge, EdgeKind, SampleKind, Samples, Signal

MAGIC = bytes.fromhex("6a6c73666d740d0a200a201a2020b21c")
OLD_MAGIC = bytes.fromhex("d3746167666d74200d0a200a20201a1c")
"""[U] Of JLS version 1, from the source of the joulescope package."""
NOTE = 0x6A6
"""Number of the user data (12 bits) in which joulebench keeps edges; Joulescope's tools leave it alone."""
_LENGTH_AT = 16
_PROBE_S = 30.0
_HINT = (
    "Open it in the Joulescope UI and save it again, or repair it: python -m pyjls copy BROKEN.jls GOOD.jls"
)
_PROBE = """
import sys
from pyjls import Reader
with Reader(sys.argv[1]) as file:
    for number, signal in file.signals.items():
        if signal.length:
            file.fsr(number, 0, min(signal.length, 1000))
            file.fsr(number, max(signal.length - 1000, 0), min(signal.length, 1000))
"""


def read_jls(path: Path, given: Given) -> PieceTrace:
    """Opens a JLS file; its samples stay in the file.

    Args:
        path: The file.
        given: Voltage, where it holds none; marker line.

    Raises:
        RecordingError: ``import.pyjls``, ``trace.foreign``, ``trace.truncated``, ``trace.empty``,
            ``file.unreadable``.
        UsageError: ``import.voltage``, ``import.marker-line``.
    """
    _check_closed(path)
    reader = _open(path)
    by_name: dict[str, Any] = {
        signal.name: signal for signal in reader.signals.values() if signal.length and signal.sample_rate
    }
    columns, signal = _columns(path, by_name, given)
    first = columns[0].sample_id_offset
    stop = first + columns[0].length
    for other in columns[1:]:
        if (other.sample_rate, other.sample_id_offset) != (columns[0].sample_rate, first):
            raise _foreign(path, "its current and voltage are not sampled together")
        stop = min(stop, first + other.length)

    def piece(at: int, end: int) -> tuple[Samples, ...]:
        return tuple(reader.fsr(column.signal_id, at, end - at) for column in columns)

    def power(at: int, end: int) -> tuple[Samples, ...]:
        (values,) = piece(at, end)
        return (values / np.float32(signal.rate_hz),)

    take: Callable[[int, int], tuple[Samples, ...]] = power if signal.kind is SampleKind.ENERGY else piece
    trace = PieceTrace(signal, stop - first, take, about={"format": "Joulescope JLS"})
    _add_note(reader, trace)
    lines = {name: entry for name, entry in by_name.items() if name.startswith(("gpi", "trigger"))}
    if "edges" not in trace.about:
        _add_edges(path, reader, trace, lines, given, (signal.rate_hz, first))
    return trace


def _check_closed(path: Path) -> None:
    try:
        with open_named(path) as file:
            head = file.read(_LENGTH_AT + 8)
            size = file.seek(0, 2)
    except OSError as error:
        raise RecordingError("file.unreadable", f"{path} cannot be read: {error}", _HINT) from error
    if not head.startswith(MAGIC) or len(head) < _LENGTH_AT + 8:
        raise _foreign(path, "it does not begin as JLS version 2")
    (length,) = struct.unpack_from("<Q", head, _LENGTH_AT)
    if length != size:
        what = "was not closed" if length == 0 else f"has {size} of {length} bytes"
        raise RecordingError("trace.truncated", f"{path} is not a whole JLS file: it {what}", _HINT)


def _open(path: Path) -> Any:
    try:
        jls: Any = importlib.import_module("pyjls")
    except ImportError as error:
        raise RecordingError(
            "import.pyjls",
            f"{path} is a Joulescope file, and the package that reads it is not installed",
            "pip install 'joulebench[joulescope]'",
        ) from error
    try:
        probe = [sys.executable, "-c", _PROBE, str(path)]
        done = subprocess.run(probe, capture_output=True, timeout=_PROBE_S, check=False)
        if done.returncode != 0:
            raise _foreign(path, f"pyjls cannot read it (exit status {done.returncode})")
        return jls.Reader(str(path))
    except (OSError, RuntimeError, ValueError, subprocess.TimeoutExpired) as error:
        raise _foreign(path, f"pyjls cannot read it: {error}") from error


def _columns(path: Path, by_name: dict[str, Any], given: Given) -> tuple[list[Any], Signal]:
    current, voltage, power = (by_name.get(name) for name in ("current", "voltage", "power"))
    if power is not None:
        given.refuse_voltage(path)
        rate_hz = float(power.sample_rate)
        return [power], Signal(SampleKind.ENERGY, rate_hz, energy_unit="J")
    if current is None:
        named = ", ".join(by_name) or "none"
        raise _foreign(path, f"it has neither power nor current; it has {named}")
    rate_hz = float(current.sample_rate)
    if voltage is not None:
        given.refuse_voltage(path)
        return [current, voltage], Signal(SampleKind.CURRENT_VOLTAGE, rate_hz)
    return [current], Signal(SampleKind.CURRENT, rate_hz, voltage_v=given.voltage_of(path))


def _add_edges(
    path: Path,
    reader: Any,
    trace: PieceTrace,
    lines: dict[str, Any],
    given: Given,
    clock: tuple[float, int],
) -> None:
    """Adds the edges of the marker line; each digital input may have a rate of its own."""
    found = {name: _line(reader, name, entry) for name, entry in lines.items()}
    marker = given.marker(path, {name: line.falling for name, line in found.items()})
    trace.about["marker"] = marker
    if marker is None:
        return
    rate_hz, first = clock
    entry = lines[marker]
    scale = rate_hz / entry.sample_rate
    offset = entry.sample_id_offset * scale - first
    trace.edges = [
        Edge(edge.position * scale + offset, edge.bound * max(scale, 1.0), edge.kind, edge.source)
        for edge in found[marker].edges(path)
    ]


def _line(reader: Any, name: str, entry: Any) -> LineEdges:
    line = LineEdges(name)
    for at in range(0, entry.length, LONGEST_PIECE):
        count = min(LONGEST_PIECE, entry.length - at)
        packed: npt.NDArray[np.uint8] = reader.fsr(entry.signal_id, at, count)
        levels = np.unpackbits(packed, bitorder="little")[:count].astype(np.bool_)
        line.add(np.arange(at, at + count), levels)
    return line


def _add_note(reader: Any, trace: PieceTrace) -> None:
    """Adds what ``export_jls`` kept beside the samples: edges that are exact to the bit, and remarks."""
    notes: list[str | bytes] = []

    def keep(number: int, data: str | bytes) -> None:
        if number == NOTE:
            notes.append(data)

    reader.user_data(keep)
    for note in notes:
        document = as_object(parse_json(note))
        trace.virtual = field(document, "virtual") is True
        trace.about |= {**as_object(field(document, "about")), "edges": "as exported"}
        trace.edges = [
            Edge(as_number(position), as_number(bound), EdgeKind(as_text(kind)), as_text(source))
            for position, bound, kind, source in field(document, "edges")
        ]


def note_of(edges: list[Edge], first: int, *, virtual: bool, about: dict[str, Any]) -> str:
    """The user data that ``read_jls`` takes edges and remarks from; positions count from ``first``."""
    rows = [[edge.position - first, edge.bound, edge.kind.value, edge.source] for edge in edges]
    return json.dumps({"virtual": virtual, "about": about, "edges": rows})


def _foreign(path: Path, reason: str) -> RecordingError:
    return RecordingError("trace.foreign", f"{path} cannot be read as a Joulescope file: {reason}", _HINT)
