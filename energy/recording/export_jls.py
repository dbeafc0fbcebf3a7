"""Writes any trace as a ``.jls`` file, which the Joulescope UI and ``pyjls`` open (joulescope.md 2)."""

from __future__ import annotations

import importlib
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from energy import __version__
from energy.errors import RecordingError, UsageError
from energy.recording.export import Progress, all_or_none, power_w
from energy.recording.imports.jls import NOTE, note_of
from energy.recording.trace import Trace
from energy.signal import Block, EdgeKind, SampleKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

_SIGNALS = {"current": (1, "A"), "voltage": (2, "V"), "power": (3, "W")}
_LONGEST_HOLE_S = 3600.0
_MOST_MARKERS = 100_000


def export_jls(trace: Trace, path: Path, progress: Progress | None = None) -> None:
    """Writes a trace as JLS version 2: power, and current and voltage where they are known, as float32.

    Missing samples are NaN. Falling edges are vertical markers on the power; all edges are kept, exact, in
    user data that ``joulebench`` reads back. A rate that is not a whole number of hertz cannot be written.

    Args:
        trace: Any recording, or another tool's trace.
        path: The file to make.
        progress: Called with the number of positions done.

    Raises:
        UsageError: ``export.exists``, ``export.rate``, ``export.jls``.
        RecordingError: ``export.write-failed``. Then no file is left.
    """
    rate_hz = trace.signal.rate_hz
    if rate_hz != int(rate_hz):
        text = f"the samples have a rate of {rate_hz:g} Hz; JLS holds whole numbers of hertz"
        raise UsageError("export.rate", text, "Export it as .csv or .parquet.")
    _refuse_holes(trace)
    try:
        jls: Any = importlib.import_module("pyjls")
    except ImportError as error:
        raise UsageError(
            "export.jls",
            "the package that writes JLS is not installed",
            "pip install 'joulebench[joulescope]'",
        ) from error
    try:
        with all_or_none(path, {}) as part:
            writer: Any = jls.Writer(str(part))
            try:
                _define(writer, jls, trace)
                for block in trace.read(trace.first, trace.stop):
                    for number, values in _columns(trace, block):
                        writer.fsr_f32(number, block.first - trace.first, values)
                    if progress:
                        progress(block.stop - trace.first)
                _mark(writer, jls, trace)
            finally:
                writer.close()
    except (OSError, RuntimeError, ValueError) as error:
        raise RecordingError(
            "export.write-failed",
            f"{path} could not be written: {error}",
            "Check the folder, free disk space or choose another disk.",
        ) from error


def _refuse_holes(trace: Trace) -> None:
    longest = max((gap.count or 0 for gap in trace.gaps), default=0) / trace.signal.rate_hz
    if longest > _LONGEST_HOLE_S:
        text = f"a gap of {longest:.0f} s would be filled with samples that are NaN"
        raise UsageError("export.gap", text, "Export it as .csv or .parquet.")


def _define(writer: Any, jls: Any, trace: Trace) -> None:
    writer.user_data(
        NOTE, note_of(trace.edges, trace.first, virtual=trace.virtual, about=trace.about).encode()
    )
    writer.source_def(
        source_id=1,
        name="VIRTUAL joulebench" if trace.virtual else "joulebench",
        vendor="joulebench",
        model=str(trace.about.get("instrument", "export"))[:60],
        version=__version__,
        serial_number="-",
    )
    for name in _names(trace):
        number, unit = _SIGNALS[name]
        writer.signal_def(
            signal_id=number,
            source_id=1,
            signal_type=jls.SignalType.FSR,
            data_type=jls.DataType.F32,
            sample_rate=int(trace.signal.rate_hz),
            name=name,
            units=unit,
        )
        writer.utc(number, 0, 0)  # some versions of the UI refuse a file without


def _names(trace: Trace) -> tuple[str, ...]:
    return ("power",) if trace.signal.kind is SampleKind.ENERGY else ("current", "voltage", "power")


def _columns(trace: Trace, block: Block) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
    """Number of each signal, and its values in a block."""
    signal = trace.signal
    with np.errstate(all="ignore"):  # NaN and infinity stay as they are
        if signal.kind is not SampleKind.ENERGY:
            yield 1, np.ascontiguousarray(block.columns[0], np.float32)
            volts = block.columns[1] if len(block.columns) > 1 else np.full(len(block), signal.voltage_v)
            yield 2, np.ascontiguousarray(volts, np.float32)
        yield 3, power_w(signal, block.columns).astype(np.float32)


def _mark(writer: Any, jls: Any, trace: Trace) -> None:
    falling = [edge for edge in trace.edges if edge.kind is EdgeKind.FALL][:_MOST_MARKERS]
    marker = jls.AnnotationType.VMARKER
    for number, edge in enumerate(falling, start=1):
        at = round(edge.position - trace.first)
        if 0 <= at < trace.stop - trace.first:
            writer.annotation(3, at, math.nan, marker, 0, str(number))
