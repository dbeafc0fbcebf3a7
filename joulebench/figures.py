"""Figures of recordings: windows with their energies, as tables, pictures and exports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from energy.errors import JoulebenchError, UsageError
from energy.evidence.rejected import Rejected
from energy.evidence.scope import Scope
from energy.findings import Finding
from energy.recording.export import exporter
from energy.recording.imports.given import Given
from energy.report import notebook
from energy.report.repeats import repeat_lines
from energy.report.tables import edge_bound_line, headline, summary_table, window_table
from energy.report.uncertainty import statement_lines
from energy.runs.measured import measure_run
from energy.runs.measurement import Measurement
from energy.runs.named import HOLD_US, find_all, make_options, measure_all
from energy.uncertainty.of_run import measured_json, statement_of
from energy.uncertainty.stated import Stated
from energy.uncertainty.statement import Statement
from energy.window.figures import Spread, WindowFigures
from joulebench.benches import AnyPath
from joulebench.frames import frame, rule_named, window_frame
from joulebench.hints import hinted
from joulebench.progress import Report, shown
from joulebench.recordings import HasFolder, Recording, open  # noqa: A004 - jb.open, as numpy.load
from joulebench.uncertain import UncertainSpread, with_budget

if TYPE_CHECKING:
    import pandas as pd

_SUMMARY_COLUMNS = (
    "path",
    "windows",
    "rule",
    "joule_per_inference",
    "inferences_per_second",
    "energy_j",
    "power_w",
    "findings",
    "scope",
    "virtual",
)


@dataclass(frozen=True)
class Figures:
    """Figures of one recording, quoted by a rule.

    Attributes:
        measured: The recording with its windows and their energies by all rules.
        rule: ``"exact"``, ``"mlcommons"`` or ``"eembc"``.
    """

    measured: Measurement
    rule: str = "exact"

    @property
    def path(self) -> Path:
        """The file or folder that it was read from."""
        return self.measured.run.path

    @property
    def virtual(self) -> bool:
        """Whether it comes from the virtual bench."""
        return self.measured.run.virtual

    @property
    def scope(self) -> Scope | None:
        """What the measured rail feeds, and what work lies inside the windows; None where not stated."""
        return self.measured.run.setup.scope

    @property
    def windows(self) -> tuple[WindowFigures, ...]:
        """Each window's figures."""
        return self.measured.session.windows

    @property
    def energy_j(self) -> Spread | None:
        """Energy per window; None where there is none."""
        return self.measured.session.energy_j(rule_named(self.rule))

    @property
    def power_w(self) -> UncertainSpread | None:
        """Mean power of the windows; None where there is none."""
        return self._with_budget(self.measured.session.power_w(rule_named(self.rule)), "power_w")

    @property
    def joule_per_inference(self) -> UncertainSpread | None:
        """Energy per inference; None unless each window's number of inferences is known."""
        found = self.measured.session.joule_per_inference(rule_named(self.rule))
        return self._with_budget(found, "joule_per_inference")

    @property
    def inferences_per_second(self) -> UncertainSpread | None:
        """Throughput; None unless each window's number of inferences is known."""
        found = self.measured.session.inferences_per_second()
        return self._with_budget(found, "inferences_per_second")

    @property
    def stated(self) -> Stated | None:
        """The uncertainty statement, of the exact rule; None if there is none (``findings`` say why)."""
        return self._statement.stated

    @cached_property
    def _statement(self) -> Statement:
        return statement_of(self.measured)

    def _with_budget(self, found: Spread | None, name: str) -> UncertainSpread | None:
        if found is None:
            return None
        exact = self.rule == "exact" or name == "inferences_per_second"
        budget = getattr(self.stated, name) if exact and self.stated is not None else None
        return with_budget(found, budget, "; ".join(f.evidence for f in self._statement.findings))

    @property
    def findings(self) -> list[Finding]:
        """About the recording and its windows."""
        return [*self.measured.all_findings, *self._statement.findings]

    @property
    def rejected(self) -> tuple[Rejected, ...]:
        """Attempts at trials that were not valid, with their reasons."""
        return self.measured.run.rejected

    @property
    def sound(self) -> bool:
        """Whether no finding is an error."""
        return self.measured.sound

    def to_json(self) -> dict[str, Any]:
        """As ``joulebench integrate --json``, SI units, all rules."""
        return measured_json(self.measured, self._statement)

    def to_dataframe(self) -> pd.DataFrame:
        """A row for each window, SI units, by the rule; ``virtual`` stands in each row."""
        return window_frame(self.windows, self.rule, virtual=self.virtual)

    def __repr__(self) -> str:
        virtual = "VIRTUAL " if self.virtual else ""
        return f"<Figures {virtual}{self.path}: {headline(self.measured.session)}>"

    def _repr_html_(self) -> str:
        session = self.measured.session
        parts = [notebook.table(window_table(self.measured)), notebook.line(headline(session))]
        parts += map(notebook.line, statement_lines(self.stated) if self.stated else ())
        parts += map(notebook.line, repeat_lines(self.measured.run.rejected))
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
        return not self.failures and all(figures.sound for figures in self)

    def to_dataframe(self) -> pd.DataFrame:
        """A row for each recording: medians over its windows, SI units, by the rule."""
        rows: list[dict[str, Any]] = [
            {
                "path": str(figures.path),
                "windows": len(figures.windows),
                "rule": figures.rule,
                "joule_per_inference": _median(figures.joule_per_inference),
                "inferences_per_second": _median(figures.inferences_per_second),
                "energy_j": _median(figures.energy_j),
                "power_w": _median(figures.power_w),
                "findings": ", ".join(dict.fromkeys(finding.code for finding in figures.findings)),
                "scope": figures.scope.text() if figures.scope else None,
                "virtual": figures.virtual,
            }
            for figures in self
        ]
        return frame(rows, _SUMMARY_COLUMNS)

    def _repr_html_(self) -> str:
        names = [str(figures.path) for figures in self]
        shown_table = notebook.table(summary_table([figures.measured for figures in self], names))
        failed = notebook.failures(self.failures)
        return notebook.card("Figures", shown_table, failed, virtual=any(figures.virtual for figures in self))


Source = Recording | Figures | HasFolder | AnyPath
"""A recording, its figures, a session that is over, or a path."""


@hinted
def integrate(
    source: Source,
    *,
    rule: str = "exact",
    iterations: int | None = None,
    leading_edges: int | None = None,
    hold_us: float | None = None,
    voltage_v: float | None = None,
    marker_line: str | None = None,
    progress: Report | bool = True,
) -> Figures:
    """Integrates energy over the compute windows of a recording, by three rules, and checks the figures.

    Args:
        source: A recording, a session that is over, or a path.
        rule: The rule of the quoted figures: ``"exact"`` (a sample counts by its part inside the window),
            ``"mlcommons"`` or ``"eembc"`` (as those runners do it). All three are in ``measured``.
        iterations: As for ``open``; a recording that is open is read again for it.
        leading_edges: Likewise.
        hold_us: Likewise.
        voltage_v: As for ``open``; only with a path.
        marker_line: As for ``open``; only with a path.
        progress: True: a bar in a notebook or a terminal.

    Raises:
        JoulebenchError: ``usage.rule``, and as ``open``.
    """
    rule_named(rule)
    given = Given(voltage_v, marker_line)
    recording = _recording(source, given)
    if (iterations, leading_edges, hold_us) != (None, None, None):
        before = recording.options
        recording = open(
            recording.named,
            iterations=before.iterations if iterations is None else iterations,
            leading_edges=before.leading_edges if leading_edges is None else leading_edges,
            hold_us=before.hold_s * 1e6 if hold_us is None else hold_us,
            voltage_v=before.given.voltage_v,
            marker_line=before.given.marker_line,
        )
    trace = recording.run.samples
    span = max(trace.stop - trace.first, 1)
    with shown("integrating", progress) as report:
        name = recording.path.name
        measured = measure_run(recording.run, recording.options, lambda done: report(done / span, name))
    return Figures(measured, rule)


@hinted
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
    return AllFigures([Figures(measurement, rule) for measurement in result.measured], result.failures)


@hinted
def export(source: Source, path: AnyPath, *, progress: Report | bool = True) -> Path:
    """Writes the samples of a recording as CSV, Parquet or JLS, by the path's ending, with its edges.

    Returns:
        The path.

    Raises:
        JoulebenchError: ``usage.format``, ``export.*``, and as ``open``.
    """
    target = Path(path)
    write = exporter(target)
    trace = _recording(source).run.samples
    span = max(trace.stop - trace.first, 1)
    with shown("exporting", progress) as report:
        write(trace, target, lambda done: report(done / span, target.name))
    return target


def _recording(source: Source, given: Given | None = None) -> Recording:
    given = given or Given()
    if isinstance(source, Recording | Figures) and given != Given():
        text = "voltage and marker line belong to a file that is opened"
        raise UsageError("usage.given", text, "Give them to jb.open, or name the path here.")
    if isinstance(source, Recording):
        return source
    path = source.path if isinstance(source, Figures) else source
    return open(path, voltage_v=given.voltage_v, marker_line=given.marker_line)


def _median(spread: Spread | None) -> float | None:
    return spread.median if spread else None
