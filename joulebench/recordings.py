"""Recordings and foreign traces: their samples as arrays, seconds in and watt out."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from energy.errors import UsageError
from energy.findings import Finding
from energy.recording.export import power_w as power_of
from energy.report import notebook
from energy.report.units import engineering
from energy.runs.measurement import WindowOptions
from energy.runs.named import HOLD_US, load_named, make_options
from energy.runs.run import Run
from energy.signal import Gap, Signal
from joulebench.benches import AnyPath
from joulebench.hints import hinted

if TYPE_CHECKING:
    import pandas as pd

_NEAR = 1e-6
"""Part of a sample by which a time may miss a sample's start: seconds times a rate are seldom whole."""


@runtime_checkable
class HasFolder(Protocol):
    """A session that is over."""

    @property
    def folder(self) -> Path:
        """Where its evidence is."""
        ...


class Recording:
    """Samples, edges and gaps of one recording or foreign trace, mapped from its file.

    Times are seconds on the monitor's clock, 0 at position 0. Sample k begins at (k + offset) / rate and
    lasts 1 / rate; the offset is 0 unless the monitor's samples are centred or late (``signal``).
    """

    def __init__(self, run: Run, named: Path, options: WindowOptions) -> None:
        self.run = run
        self.named = named
        self.options = options

    @property
    def path(self) -> Path:
        """The file or folder that it was read from."""
        return self.run.path

    @property
    def virtual(self) -> bool:
        """Whether it comes from the virtual bench."""
        return self.run.virtual

    @property
    def about(self) -> dict[str, Any]:
        """Facts about it: format, board, monitor, voltage, where they are known."""
        return self.run.about

    @property
    def signal(self) -> Signal:
        """The kind, rate and unit of its samples."""
        return self.run.samples.signal

    @property
    def rate_hz(self) -> float:
        """Samples per second."""
        return self.signal.rate_hz

    @property
    def start_s(self) -> float:
        """When its first sample begins."""
        return (self.run.samples.first + self.signal.coverage_offset) / self.rate_hz

    @property
    def stop_s(self) -> float:
        """When its last sample ends."""
        return (self.run.samples.stop + self.signal.coverage_offset) / self.rate_hz

    @property
    def edges_s(self) -> npt.NDArray[np.float64]:
        """Times of all edges, shape (n,)."""
        return np.array([edge.position / self.rate_hz for edge in self.run.samples.edges], dtype=np.float64)

    @property
    def gaps(self) -> list[Gap]:
        """Where samples are missing."""
        return self.run.samples.gaps

    @property
    def findings(self) -> list[Finding]:
        """Findings made while it was read; ``integrate`` makes more."""
        return self.run.samples.findings + self.run.findings

    @hinted
    def time_s(self, start_s: float | None = None, stop_s: float | None = None) -> npt.NDArray[np.float64]:
        """When each sample of ``power_w`` begins, shape (n,)."""
        first, stop = self._span(start_s, stop_s)
        return (np.arange(first, stop, dtype=np.float64) + self.signal.coverage_offset) / self.rate_hz

    @hinted
    def power_w(self, start_s: float | None = None, stop_s: float | None = None) -> npt.NDArray[np.float64]:
        """Power in watt of the samples that begin in ``[start_s, stop_s)``, shape (n,).

        Where samples are missing it is NaN, so that the array keeps the clock's pace.

        Args:
            start_s: Start; None: the first sample. The part outside the recording is left out.
            stop_s: End; None: after the last sample.

        Raises:
            JoulebenchError: ``usage.span`` if the times are no span.
        """
        first, stop = self._span(start_s, stop_s)
        power = np.full(stop - first, np.nan)
        for block in self.run.samples.read(first, stop):
            power[block.first - first : block.stop - first] = power_of(self.signal, block.columns)
        return power

    @hinted
    def to_dataframe(self, start_s: float | None = None, stop_s: float | None = None) -> pd.DataFrame:
        """Time, power and the recorded columns of the samples that begin in ``[start_s, stop_s)``."""
        import pandas as pd

        first, stop = self._span(start_s, stop_s)
        columns = {name: np.full(stop - first, np.nan) for name in self.signal.columns}
        for block in self.run.samples.read(first, stop):
            for name, column in zip(self.signal.columns, block.columns, strict=True):
                columns[name][block.first - first : block.stop - first] = column
        content = {
            "time_s": self.time_s(start_s, stop_s),
            "power_w": self.power_w(start_s, stop_s),
            **columns,
        }
        result = pd.DataFrame(content)
        result["virtual"] = self.virtual
        return result

    def __repr__(self) -> str:
        virtual = "VIRTUAL " if self.virtual else ""
        return f"<Recording {virtual}{self.path}: {self.run.samples.count} samples at {self.rate_hz:g} Hz>"

    def _repr_html_(self) -> str:
        trace = self.run.samples
        pairs = [
            *((name, value) for name, value in self.about.items()),
            ("rate", engineering(self.rate_hz, "Hz")),
            ("samples", trace.count),
            ("time", f"{self.start_s:.6g} s to {self.stop_s:.6g} s"),
            ("edges", len(trace.edges)),
            ("gaps", len(trace.gaps)),
        ]
        parts = notebook.facts(pairs), notebook.findings(self.findings)
        return notebook.card(str(self.path), *parts, virtual=self.virtual)

    def _span(self, start_s: float | None, stop_s: float | None) -> tuple[int, int]:
        """Positions of the samples that begin in a span of time, those of the recording only."""
        trace = self.run.samples
        start_s = self.start_s if start_s is None else float(start_s)
        stop_s = self.stop_s if stop_s is None else float(stop_s)
        if math.isnan(start_s) or math.isnan(stop_s) or stop_s < start_s:
            text = f"{start_s} s to {stop_s} s is no span of time"
            raise UsageError("usage.span", text, "Start before stop.")
        positions: list[int] = []
        for time_s in (start_s, stop_s):
            within_s = min(max(time_s, self.start_s), self.stop_s)
            position = math.ceil(within_s * self.rate_hz - self.signal.coverage_offset - _NEAR)
            positions.append(min(max(position, trace.first), trace.stop))
        return positions[0], positions[1]


@hinted
def open(  # noqa: A001 - jb.open, as numpy.load
    source: HasFolder | AnyPath,
    *,
    iterations: int | None = None,
    leading_edges: int | None = None,
    hold_us: float = HOLD_US,
    voltage_v: float | None = None,
    marker_line: str | None = None,
) -> Recording:
    """Opens a recording: a session, its folder, a ``trace.arrow``, an ``*-energy.bin``, a ``results.json``.

    So are files of the monitors' own programs: ``.ppk2`` and CSV of nRF Connect Power Profiler, ``.jls`` and
    CSV of Joulescope, and those that ``jb.export`` wrote.

    Args:
        source: A session that is over, or a path; a folder may hold the trace anywhere, but only one.
        iterations: Inferences in each window, where the files do not state it.
        leading_edges: Edges before the first window, likewise.
        hold_us: Edges this close are one edge.
        voltage_v: The supply voltage, for a file of a monitor's own program that does not hold it.
        marker_line: The digital line with the DUT's timestamps in such a file (``"D0"``).

    Raises:
        JoulebenchError: ``path.*``, ``usage.*``, or what is wrong with the file.
    """
    path = source.folder if isinstance(source, HasFolder) else Path(source)
    options = make_options(iterations, leading_edges, hold_us, voltage_v, marker_line)
    return Recording(load_named(path, options.given), path, options)
