"""Recordings and foreign traces: their power as arrays, their figures, pictures and exports."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, overload, runtime_checkable

import numpy as np
import numpy.typing as npt

from energy.errors import JoulebenchError, UsageError
from energy.findings import Finding
from energy.recording.export import exporter
from energy.recording.export import power_w as power_of
from energy.report import notebook
from energy.report.picture import check_picture, draw_recording, save_picture, title_of
from energy.report.tables import edge_bound_line, headline, summary_table, window_table
from energy.report.units import engineering
from energy.runs.measured import Material, Measured, Options, measure_trace
from energy.runs.named import HOLD_US, find_all, load_named, make_options, measure_all
from energy.signal import Gap, Signal
from energy.window.figures import Spread, WindowFigures
from joulebench.benches import AnyPath
from joulebench.frames import frame, rule_named, window_frame
from joulebench.progress import Report, shown

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

_SUMMARY_COLUMNS = (
    "path",
    "windows",
    "rule",
    "joule_per_inference",
    "inferences_per_second",
    "energy_j",
    "power_w",
    "findings",
    "virtual",
)
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

    def __init__(self, material: Material, named: Path, options: Options) -> None:
        self.material = material
        self.named = named
        self.options = options

    @property
    def path(self) -> Path:
        """The file or folder that it was read from."""
        return self.material.path

    @property
    def virtual(self) -> bool:
        """Whether it comes from the virtual bench."""
        return self.material.trace.virtual

    @property
    def about(self) -> dict[str, Any]:
        """What is known of it."""
        return self.material.about

    @property
    def signal(self) -> Signal:
        """What its samples mean."""
        return self.material.trace.signal

    @property
    def rate_hz(self) -> float:
        """Samples per second."""
        return self.signal.rate_hz

    @property
    def start_s(self) -> float:
        """When its first sample begins."""
        return (self.material.trace.first + self.signal.coverage_offset) / self.rate_hz

    @property
    def stop_s(self) -> float:
        """When its last sample ends."""
        return (self.material.trace.stop + self.signal.coverage_offset) / self.rate_hz

    @property
    def edges_s(self) -> npt.NDArray[np.float64]:
        """Times of all edges, shape (n,)."""
        return np.array(
            [edge.position / self.rate_hz for edge in self.material.trace.edges], dtype=np.float64
        )

    @property
    def gaps(self) -> list[Gap]:
        """Where samples are missing."""
        return self.material.trace.gaps

    @property
    def findings(self) -> list[Finding]:
        """What was noticed while it was read; ``integrate`` finds more."""
        return self.material.trace.findings + self.material.findings

    def time_s(self, start_s: float | None = None, stop_s: float | None = None) -> npt.NDArray[np.float64]:
        """When each sample of ``power_w`` begins, shape (n,)."""
        first, stop = self._span(start_s, stop_s)
        return (np.arange(first, stop, dtype=np.float64) + self.signal.coverage_offset) / self.rate_hz

    def power_w(self, start_s: float | None = None, stop_s: float | None = None) -> npt.NDArray[np.float64]:
        """Power in watt of the samples that begin in ``[start_s, stop_s)``, shape (n,).

        Where samples are missing it is NaN, so that the array keeps the clock's pace.

        Args:
            start_s: From when; None: from the first sample. What lies outside the recording is left out.
            stop_s: Up to when; None: to the last sample.

        Raises:
            JoulebenchError: ``usage.span`` if the times are no span.
        """
        first, stop = self._span(start_s, stop_s)
        power = np.full(stop - first, np.nan)
        for block in self.material.trace.read(first, stop):
            power[block.first - first : block.stop - first] = power_of(self.signal, block.columns)
        return power

    def to_dataframe(self, start_s: float | None = None, stop_s: float | None = None) -> pd.DataFrame:
        """Time, power and the recorded columns of the samples that begin in ``[start_s, stop_s)``."""
        import pandas as pd

        first, stop = self._span(start_s, stop_s)
        columns = {name: np.full(stop - first, np.nan) for name in self.signal.columns}
        for block in self.material.trace.read(first, stop):
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
        return f"<Recording {virtual}{self.path}: {self.material.trace.count} samples at {self.rate_hz:g} Hz>"

    def _repr_html_(self) -> str:
        trace = self.material.trace
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
        trace = self.material.trace
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


@dataclass(frozen=True)
class Figures:
    """Figures of one recording, quoted by a rule.

    Attributes:
        measured: The recording with its windows and their energies by all rules.
        rule: ``"exact"``, ``"mlcommons"`` or ``"eembc"``.
    """

    measured: Measured
    rule: str = "exact"

    @property
    def path(self) -> Path:
        """The file or folder that it was read from."""
        return self.measured.material.path

    @property
    def virtual(self) -> bool:
        """Whether it comes from the virtual bench."""
        return self.measured.material.trace.virtual

    @property
    def windows(self) -> tuple[WindowFigures, ...]:
        """Each window's figures."""
        return self.measured.session.windows

    @property
    def energy_j(self) -> Spread | None:
        """Energy per window; None where there is none."""
        return self.measured.session.energy_j(rule_named(self.rule))

    @property
    def power_w(self) -> Spread | None:
        """Mean power of the windows; None where there is none."""
        return self.measured.session.power_w(rule_named(self.rule))

    @property
    def joule_per_inference(self) -> Spread | None:
        """Energy per inference; None unless each window's number of inferences is known."""
        return self.measured.session.joule_per_inference(rule_named(self.rule))

    @property
    def inferences_per_second(self) -> Spread | None:
        """Throughput; None unless each window's number of inferences is known."""
        return self.measured.session.inferences_per_second()

    @property
    def findings(self) -> list[Finding]:
        """About the recording and its windows."""
        return self.measured.all_findings

    @property
    def sound(self) -> bool:
        """Whether no finding is an error."""
        return self.measured.sound

    def to_json(self) -> dict[str, Any]:
        """As ``joulebench integrate --json``, SI units, all rules."""
        return self.measured.to_json()

    def to_dataframe(self) -> pd.DataFrame:
        """A row for each window, SI units, by the rule; ``virtual`` stands in each row."""
        return window_frame(self.windows, self.rule, virtual=self.virtual)

    def __repr__(self) -> str:
        virtual = "VIRTUAL " if self.virtual else ""
        return f"<Figures {virtual}{self.path}: {headline(self.measured.session)}>"

    def _repr_html_(self) -> str:
        session = self.measured.session
        parts = [notebook.table(window_table(self.measured)), notebook.line(headline(session))]
        parts += [notebook.line(edge_bound_line(session))] if session.windows else []
        parts += [notebook.findings(self.findings)]
        return notebook.card(str(self.path), *parts, virtual=self.virtual)


class AllFigures(Sequence[Figures]):
    """Figures of several recordings; ``failures`` are those that could not be read.

    Attributes:
        failures: Path and error of each.
    """

    def __init__(self, figures: Sequence[Figures], failures: Sequence[tuple[Path, JoulebenchError]]) -> None:
        self._figures = list(figures)
        self.failures = list(failures)

    @overload
    def __getitem__(self, index: int) -> Figures: ...
    @overload
    def __getitem__(self, index: slice) -> list[Figures]: ...
    def __getitem__(self, index: int | slice) -> Figures | list[Figures]:
        return self._figures[index]

    def __len__(self) -> int:
        return len(self._figures)

    def __iter__(self) -> Iterator[Figures]:
        return iter(self._figures)

    def __repr__(self) -> str:
        return f"<AllFigures: {len(self)} measured, {len(self.failures)} failed>"

    @property
    def sound(self) -> bool:
        """Whether all could be read and no finding is an error."""
        return not self.failures and all(one.sound for one in self)

    def to_dataframe(self) -> pd.DataFrame:
        """A row for each recording: medians over its windows, SI units, by the rule."""
        rows: list[dict[str, Any]] = [
            {
                "path": str(one.path),
                "windows": len(one.windows),
                "rule": one.rule,
                "joule_per_inference": _median(one.joule_per_inference),
                "inferences_per_second": _median(one.inferences_per_second),
                "energy_j": _median(one.energy_j),
                "power_w": _median(one.power_w),
                "findings": ", ".join(dict.fromkeys(finding.code for finding in one.findings)),
                "virtual": one.virtual,
            }
            for one in self
        ]
        return frame(rows, _SUMMARY_COLUMNS)

    def _repr_html_(self) -> str:
        names = [str(one.path) for one in self]
        shown_table = notebook.table(summary_table([one.measured for one in self], names))
        failed = notebook.failures(self.failures)
        return notebook.card("Figures", shown_table, failed, virtual=any(one.virtual for one in self))


Source = Recording | Figures | HasFolder | AnyPath
"""A recording, its figures, a session that is over, or a path."""


def open(  # noqa: A001 - jb.open, as numpy.load; nobody imports it with a star
    source: HasFolder | AnyPath,
    *,
    iterations: int | None = None,
    leading_edges: int | None = None,
    hold_us: float = HOLD_US,
) -> Recording:
    """Opens a recording: a session, its folder, a ``trace.arrow``, an ``*-energy.bin``, a ``results.json``.

    Args:
        source: A session that is over, or a path; a folder may hold the trace anywhere, but only one.
        iterations: Inferences in each window, where the files do not say.
        leading_edges: Edges before the first window, likewise.
        hold_us: Edges this close are one edge.

    Raises:
        JoulebenchError: ``path.*``, ``usage.*``, or what is wrong with the file.
    """
    path = source.folder if isinstance(source, HasFolder) else Path(source)
    options = make_options(iterations, leading_edges, hold_us)
    return Recording(load_named(path, options), path, options)


def integrate(
    source: Source,
    *,
    rule: str = "exact",
    iterations: int | None = None,
    leading_edges: int | None = None,
    hold_us: float | None = None,
    progress: Report | bool = True,
) -> Figures:
    """Integrates energy over the compute windows of a recording, by three rules, and checks the figures.

    Args:
        source: A recording, a session that is over, or a path.
        rule: By which figures are quoted: ``"exact"`` (a sample counts by its part inside the window),
            ``"mlcommons"`` or ``"eembc"`` (as those runners do it). All three are in ``measured``.
        iterations: As for ``open``; a recording that is open is read again for it.
        leading_edges: Likewise.
        hold_us: Likewise.
        progress: True: a bar where somebody sees it.

    Raises:
        JoulebenchError: ``usage.rule``, and as ``open``.
    """
    rule_named(rule)
    recording = _recording(source)
    if (iterations, leading_edges, hold_us) != (None, None, None):
        before = recording.options
        recording = open(
            recording.named,
            iterations=before.iterations if iterations is None else iterations,
            leading_edges=before.leading_edges if leading_edges is None else leading_edges,
            hold_us=before.hold_s * 1e6 if hold_us is None else hold_us,
        )
    trace = recording.material.trace
    span = max(trace.stop - trace.first, 1)
    with shown("integrating", progress) as report:
        name = recording.path.name
        measured = measure_trace(
            recording.material, recording.options, lambda done: report(done / span, name)
        )
    return Figures(measured, rule)


def integrate_all(
    *paths: AnyPath,
    rule: str = "exact",
    iterations: int | None = None,
    leading_edges: int | None = None,
    hold_us: float = HOLD_US,
    progress: Report | bool = True,
) -> AllFigures:
    """Figures of every recording under some folders; one that cannot be read stops no other.

    Raises:
        JoulebenchError: ``usage.*``, ``path.*``; the first error if none could be read.
    """
    rule_named(rule)
    options = make_options(iterations, leading_edges, hold_us)
    found = find_all(map(Path, paths))
    with shown("integrating", progress) as report:
        result = measure_all(found, options, lambda done: report(done / len(found), f"{done:.0f} traces"))
    if not result.measured:
        raise result.failures[0][1]
    return AllFigures([Figures(one, rule) for one in result.measured], result.failures)


def plot(source: Source, out: AnyPath | None = None, *, title: str | None = None) -> Figure:
    """Draws a recording: power over time with its windows and gaps, a window's start, the scatter.

    Args:
        source: A recording, its figures, a session that is over, or a path.
        out: A PNG, SVG or PDF to write as well.
        title: What to call it.

    Returns:
        A matplotlib figure, which a notebook shows.
    """
    if out is not None:
        check_picture(Path(out))
    measured = (source if isinstance(source, Figures) else integrate(source, progress=False)).measured
    figure = draw_recording(measured, title or title_of(measured))
    if out is not None:
        save_picture(figure, Path(out))
    return figure


def export(source: Source, path: AnyPath, *, progress: Report | bool = True) -> Path:
    """Writes the samples of a recording as CSV or Parquet, by the path's ending, and its edges beside it.

    Returns:
        The path.

    Raises:
        JoulebenchError: ``usage.format``, ``export.*``, and as ``open``.
    """
    target = Path(path)
    write = exporter(target)
    trace = _recording(source).material.trace
    span = max(trace.stop - trace.first, 1)
    with shown("exporting", progress) as report:
        write(trace, target, lambda done: report(done / span, target.name))
    return target


def _recording(source: Source) -> Recording:
    if isinstance(source, Recording):
        return source
    return open(source.path if isinstance(source, Figures) else source)


def _median(spread: Spread | None) -> float | None:
    return spread.median if spread else None
