"""CSV files of monitors' programs: which program wrote one, and its columns as numbers.

Headers: nRF Connect Power Profiler writes ``Timestamp(ms),Current(uA)``, then ``D0-D7`` (eight digits, D0
first), ``D0,...,D7``, both or nothing (pc-nrfconnect-ppk, ``src/actions/exportChartAction.ts``); a level is
0, 1, X (both within the sample, taken for low) or - (not known). Version 2 wrote ``Bits`` (eight digits, D7
first). With a decimal comma the fields are separated by semicolons. Joulescope's tools write
``#time,current,voltage,power,charge,energy`` in SI units. [U] None was compared with a file that the program
saved; a Joulescope row is taken for the mean of the interval that begins at its time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from energy.errors import RecordingError
from energy.recording.imports.given import Given, LineEdges
from energy.recording.imports.samples import HoledTrace, holed_trace
from energy.recording.inside import open_named
from energy.recording.limits import LARGEST_OFFICIAL, MOST_SAMPLES, refuse_larger
from energy.signal import Edge, SampleKind, Samples, Signal

if TYPE_CHECKING:
    import pyarrow as pa

_BLOCK = 4 << 20
_NEAREST = 1e-3
"""A rate this close to a whole number of hertz, relatively, is that: times are printed with few digits."""
_OFF_GRID = 0.3
"""Samples by which a time may miss its place on the grid of the rate."""
_LINES = 8
_LEVELS = tuple(map(ord, "01X-"))
_HINT = "Export it again, with the time of each sample."
_PACKED = re.compile(r"D0-D7|Bits", re.IGNORECASE)


@dataclass(frozen=True)
class Dialect:
    """How a CSV file is written.

    Attributes:
        delimiter: Between fields.
        decimal_point: In numbers.
        names: The header's fields.
    """

    delimiter: str
    decimal_point: str
    names: tuple[str, ...]

    def column(self, *wanted: str) -> str | None:
        """The header's field that begins with one of some words, whatever its case, or None."""
        plain = {name: name.lstrip("#").strip().strip('"').casefold() for name in self.names}
        return next((name for word in wanted for name in self.names if plain[name].startswith(word)), None)


def dialect_of(head: str) -> Dialect | None:
    """The dialect of a CSV file by its first lines; None if they have no header with several fields."""
    lines = [line for line in head.splitlines() if line.strip()]
    if not lines:
        return None
    delimiter = max(",;\t", key=lines[0].count)
    names = tuple(field.strip() for field in lines[0].split(delimiter))
    if len(names) < 2 or len(set(names)) < len(names):
        return None
    comma = delimiter != "," and len(lines) > 1 and "," in lines[1]
    return Dialect(delimiter, "," if comma else ".", names)


def read_ppk2_csv(path: Path, dialect: Dialect, given: Given) -> HoledTrace:
    """Reads a CSV file that nRF Connect Power Profiler exported.

    Args:
        path: The file.
        dialect: As ``dialect_of`` found it.
        given: Voltage and marker line.

    Raises:
        RecordingError: ``trace.foreign``, ``trace.empty``, ``trace.rate``, ``import.times``, ``file.*``.
        UsageError: ``import.voltage``, ``import.marker-line``.
    """
    voltage_v = given.voltage_of(path)
    time, current = dialect.column("timestamp"), dialect.column("current")
    packed = next((name for name in dialect.names if _PACKED.fullmatch(name)), None)
    single = [name for name in dialect.names if re.fullmatch(r"D[0-7]", name)]
    table = _read(path, dialect, [time or "", current or ""], [packed] if packed else single)
    positions, rate_hz = _grid(path, table.numbers[0] * 1e-3)
    lines = _lines_packed(table, packed, positions) if packed else _lines(table, single, positions)
    marker = given.marker(path, {line.name: line.falling for line in lines})
    signal = Signal(SampleKind.CURRENT, rate_hz, voltage_v=voltage_v)
    current_a: Samples = (table.numbers[1] * 1e-6).astype(np.float32)
    trace = holed_trace(signal, (current_a,), positions, "the CSV file has no row for them")
    trace.edges = next((line.edges(path) for line in lines if line.name == marker), list[Edge]())
    trace.about = {"format": "CSV of nRF Connect Power Profiler", "marker": marker}
    return trace


def read_joulescope_csv(path: Path, dialect: Dialect, given: Given) -> HoledTrace:
    """Reads a CSV file of one of Joulescope's tools: the power of each row, or current times voltage.

    Args:
        path: The file.
        dialect: As ``dialect_of`` found it.
        given: Must hold no voltage; a marker line is not in such a file.

    Raises:
        RecordingError: ``trace.foreign``, ``trace.empty``, ``trace.rate``, ``import.times``, ``file.*``.
        UsageError: ``import.voltage``, ``import.marker-line``.
    """
    given.refuse_voltage(path)
    given.marker(path, {})
    time, power = dialect.column("time"), dialect.column("power")
    current, voltage = dialect.column("current"), dialect.column("voltage")
    wanted = [time, power] if power else [time, current, voltage]
    table = _read(path, dialect, [name or "" for name in wanted], [])
    positions, rate_hz = _grid(path, table.numbers[0])
    if power:
        signal = Signal(SampleKind.ENERGY, rate_hz, dtype="float64", energy_unit="J")
        columns: tuple[Samples, ...] = (table.numbers[1] / rate_hz,)
    else:
        signal = Signal(SampleKind.CURRENT_VOLTAGE, rate_hz, dtype="float64")
        columns = (table.numbers[1], table.numbers[2])
    trace = holed_trace(signal, columns, positions, "the CSV file has no row for them")
    trace.about = {"format": "CSV of Joulescope's tools"}
    return trace


@dataclass(frozen=True)
class _Table:
    """Columns of a file: numbers, of shape (n,), and levels as characters, of shape (n, digits)."""

    numbers: list[npt.NDArray[np.float64]]
    levels: list[npt.NDArray[np.uint8]]


def _read(path: Path, dialect: Dialect, numbers: list[str], levels: list[str]) -> _Table:
    parts: list[list[npt.NDArray[Any]]] = [[] for _ in [*numbers, *levels]]
    rows = 0
    for batch in _batches(path, dialect, numbers, levels):
        rows += batch.num_rows
        refuse_larger(str(path), rows, MOST_SAMPLES, "samples", "Export a shorter part.")
        for number, part in enumerate(parts):
            column = cast("Any", batch.column(number))
            if number < len(numbers):
                part.append(column.to_numpy(zero_copy_only=False))
            else:
                part.append(_digits(path, column))
    if not rows:
        raise RecordingError("trace.empty", f"{path} holds no samples", _HINT)
    whole = [np.concatenate(part) for part in parts]
    return _Table(whole[: len(numbers)], whole[len(numbers) :])


def _batches(path: Path, dialect: Dialect, numbers: list[str], levels: list[str]) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa
    from pyarrow import csv

    names = [*numbers, *levels]
    types = {**dict.fromkeys(numbers, pa.float64()), **dict.fromkeys(levels, pa.string())}
    convert = csv.ConvertOptions(
        column_types=types, include_columns=names, decimal_point=dialect.decimal_point
    )
    parse = csv.ParseOptions(delimiter=dialect.delimiter)
    try:
        with open_named(path) as file:
            refuse_larger(str(path), file.seek(0, 2), LARGEST_OFFICIAL, "bytes", "Export a shorter part.")
            file.seek(0)
            reading = csv.ReadOptions(block_size=_BLOCK)
            with csv.open_csv(
                file, read_options=reading, parse_options=parse, convert_options=convert
            ) as rows:
                yield from rows
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise RecordingError("trace.foreign", f"{path} cannot be read as CSV: {error}", _HINT) from error


def _digits(path: Path, column: pa.Array[Any]) -> npt.NDArray[np.uint8]:
    """Texts of levels, each of the same length, as their characters: uint8 of shape (n, length)."""
    texts = column.to_numpy(zero_copy_only=False).astype("S8")
    digits = texts.view(np.uint8).reshape(len(texts), -1)
    length = int(np.count_nonzero(digits[0])) if len(digits) else 0
    digits = digits[:, :length]
    if not np.isin(digits, _LEVELS).all() or not length:
        raise RecordingError("trace.foreign", f"{path} holds levels that are none of 0, 1, X and -", _HINT)
    return digits


def _lines_packed(table: _Table, header: str, positions: npt.NDArray[np.int64]) -> list[LineEdges]:
    levels = table.levels[0] if header.upper().startswith("D0") else table.levels[0][:, ::-1]
    lines = [LineEdges(f"D{number}") for number in range(min(_LINES, levels.shape[1]))]
    for number, line in enumerate(lines):
        _add(line, positions, levels[:, number])
    return lines


def _lines(table: _Table, names: list[str], positions: npt.NDArray[np.int64]) -> list[LineEdges]:
    lines = [LineEdges(name) for name in names]
    for line, levels in zip(lines, table.levels, strict=True):
        _add(line, positions, levels[:, 0])
    return lines


def _add(line: LineEdges, positions: npt.NDArray[np.int64], levels: npt.NDArray[np.uint8]) -> None:
    known = levels != ord("-")
    line.add(positions[known], levels[known] == ord("1"))


def _grid(path: Path, times_s: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.int64], float]:
    """The position of each sample from its time, and the rate in hertz.

    Raises:
        RecordingError: ``import.times`` if the times are not on the grid of a rate.
    """
    problem = None
    if len(times_s) < 2 or not np.isfinite(times_s).all():
        problem = "it has fewer than two samples, or times that are no numbers"
    else:
        steps = np.diff(times_s)
        step_s = float(np.median(steps))
        if not step_s > 0 or (steps <= 0).any():
            problem = "its times do not rise from row to row"
        else:
            count = np.rint((times_s[-1] - times_s[0]) / step_s)
            rate_hz = float(count / (times_s[-1] - times_s[0]))
            whole = round(rate_hz)
            if whole and abs(rate_hz / whole - 1) < _NEAREST:
                rate_hz = float(whole)
            places = (times_s - times_s[0]) * rate_hz
            positions = np.rint(places).astype(np.int64)
            if (np.diff(positions) < 1).any() or np.abs(places - positions).max() > _OFF_GRID:
                problem = f"its times are not those of samples at {rate_hz:g} Hz"
            else:
                return positions, rate_hz
    raise RecordingError(
        "import.times",
        f"{path}: {problem}, so the length of a sample is not known",
        "Export it again, with more digits of the time, and not thinned out.",
    )
