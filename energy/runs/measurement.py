"""The measurement of a run: its windows, its printed figures beside them, and its findings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from energy.findings import Finding, Severity, has_errors
from energy.recording.imports.given import Given
from energy.recording.jsonvalues import for_json
from energy.runs.alignment import Alignment
from energy.runs.printed import FigureCheck, FigureSource
from energy.runs.run import Run
from energy.window.edges import TIMESTAMP_HOLD_S
from energy.window.figures import SessionFigures, WindowFigures
from energy.window.integrator import Window
from energy.window.rules import EnergyRule


@dataclass(frozen=True)
class WindowOptions:
    """Facts about the windows that the user knows better than the files.

    Attributes:
        iterations: Inferences per window.
        leading_edges: Edges before the first window.
        hold_s: Edges closer than this to the edge before belong to it.
        given: Facts that a file of a monitor's own program does not hold.
    """

    iterations: int | None = None
    leading_edges: int | None = None
    hold_s: float = TIMESTAMP_HOLD_S
    given: Given = field(default_factory=Given)


@dataclass(frozen=True)
class RunWindow:
    """A window; what is not known is None.

    Attributes:
        number: From 1.
        duration_s: From edge to edge, or by the clock of DUT or IO manager.
        iterations: Inferences.
        energy_j: Energy by the rule of the run's runner.
        power_w: Mean power by that rule.
        in_trace: The window in the trace.
        source: What it was taken from.
    """

    number: int
    duration_s: float | None
    iterations: int | None
    energy_j: float | None = None
    power_w: float | None = None
    in_trace: Window | None = None
    source: FigureSource = "results.txt"

    @property
    def joule_per_inference(self) -> float | None:
        """Energy over inferences."""
        return self.energy_j / self.iterations if self.energy_j is not None and self.iterations else None

    @property
    def throughput(self) -> float | None:
        """Inferences per second."""
        return self.iterations / self.duration_s if self.iterations and self.duration_s else None

    @property
    def time_s(self) -> tuple[float, float] | None:
        """Where it is in the trace."""
        return (self.in_trace.start_s, self.in_trace.stop_s) if self.in_trace else None

    @property
    def tainted(self) -> bool:
        """Whether something is wrong with its samples or edges, so that its figures mean nothing."""
        return self.in_trace is not None and any(
            found.severity is Severity.ERROR for found in self.in_trace.findings
        )


@dataclass
class Measurement:
    """The windows of a run, its printed figures beside the recomputed ones, and its findings.

    Attributes:
        run: Its files.
        options: What the user knows better.
        windows: Its windows; where an edge was lost, as they are by the log.
        runner_windows: Windows as the runner pairs the edges, where they differ.
        edges_s: Edges on the monitor's clock, conditioned.
        alignment: Edges and log, or None.
        mixed: Whether log and results are of different sessions, so that the log is no evidence.
        broken: Whether edges are wrong, so that printed figures cannot be compared with the windows.
        figures: Every printed figure.
        findings: About the run as a whole; those about a window's samples are with the window too.
    """

    run: Run
    options: WindowOptions = field(default_factory=WindowOptions)
    windows: list[RunWindow] = field(default_factory=list[RunWindow])
    runner_windows: list[RunWindow] = field(default_factory=list[RunWindow])
    edges_s: list[float] = field(default_factory=list[float])
    alignment: Alignment | None = None
    mixed: bool = False
    broken: bool = False
    figures: list[FigureCheck] = field(default_factory=list[FigureCheck])
    findings: list[Finding] = field(default_factory=list[Finding])

    @property
    def rule(self) -> EnergyRule:
        """The rule of energy by which the run's figures are printed."""
        return self.run.rule

    @property
    def session(self) -> SessionFigures:
        """The figures of the windows in the trace, by all rules."""
        measured = [(window.in_trace, window.iterations) for window in self.windows]
        return SessionFigures(tuple(WindowFigures(window, count) for window, count in measured if window))

    @property
    def mispaired(self) -> bool:
        """Whether the windows are wrong ones, since nobody knows which edges are missing."""
        return self.broken and not self.runner_windows and not self.run.stops

    @property
    def from_evidence(self) -> bool:
        """Whether the windows come from more than what is printed."""
        return any(window.source != "results.txt" for window in self.windows)

    @property
    def all_findings(self) -> list[Finding]:
        """Findings of the run and of its windows."""
        return self.findings + [
            found for window in self.windows if window.in_trace for found in window.in_trace.findings
        ]

    @property
    def sound(self) -> bool:
        """Whether no finding is an error."""
        return not has_errors(self.all_findings)

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        session, trace = self.session, self.run.trace
        document: dict[str, Any] = {
            "path": str(self.run.path),
            "virtual": self.run.virtual,
            "about": self.run.about,
            "setup": self.run.setup.to_json(),
            "rejected": [attempt.to_json() for attempt in self.run.rejected],
            "rate_hz": trace.signal.rate_hz if trace else None,
            "samples": trace.count if trace else 0,
            "runner_rule": self.rule.value,
            "windows": [figures.to_json() for figures in session.windows],
            "session": session.to_json(),
            "figures": [figure.to_json() for figure in self.figures],
            "findings": [finding.to_json() for finding in self.all_findings],
            "sound": self.sound,
        }
        return for_json(document)
