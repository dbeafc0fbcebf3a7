"""Sessions that are over: figures, trials and findings, for a script and as a notebook shows them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from energy.bench.benchfile import BenchFile
from energy.errors import JoulebenchError, RecordingError
from energy.evidence.rejected import Rejected
from energy.evidence.scope import Scope
from energy.evidence.scope_text import scope_line
from energy.findings import Finding
from energy.report import notebook
from energy.report.repeats import repeat_lines
from energy.report.sessions import accuracy_table, session_table
from energy.report.table import NOT_KNOWN, Table
from energy.report.tables import RECORDED_COLUMNS, recorded_row
from energy.report.units import engineering
from energy.session.accuracy_outcome import AccuracyOutcome
from energy.session.batch import Batch
from energy.session.outcome import Outcome, Plan
from energy.session.recorded import Recorded
from energy.session.trials import Trial as RunTrial
from energy.uncertainty.budget import Budget
from energy.uncertainty.floors import Floor
from energy.uncertainty.stated import Stated
from energy.window.figures import SessionFigures, Spread, WindowFigures
from energy.window.rules import EnergyRule
from joulebench.frames import window_frame
from joulebench.uncertain import UncertainSpread, with_budget

if TYPE_CHECKING:
    import pandas as pd

_Ended = TypeVar("_Ended", Outcome, AccuracyOutcome)


@dataclass(frozen=True)
class Trial:
    """A trial of a session.

    Attributes:
        trial: The trial as it was run.
        virtual: Whether it comes from the virtual bench.
    """

    trial: RunTrial
    virtual: bool

    @property
    def number(self) -> int:
        """Its number, from 1."""
        return self.trial.number

    @property
    def input(self) -> str:
        """The name of its input."""
        return self.trial.input_name

    @property
    def iterations(self) -> int:
        """Inferences in its window."""
        return self.trial.iterations

    @property
    def window_s(self) -> float | None:
        """Length of its window: from edge to edge, or by the DUT's clock in performance mode."""
        return self.trial.duration_s

    @property
    def energy_j(self) -> float | None:
        """Energy of its window by the exact rule; None in performance mode."""
        window = self.trial.window
        return window.energies[EnergyRule.EXACT].energy_j if window else None

    @property
    def results(self) -> tuple[float, ...]:
        """The DUT's answer."""
        return self.trial.results

    @property
    def findings(self) -> list[Finding]:
        """Findings about it."""
        return self.trial.findings

    def _repr_html_(self) -> str:
        energy_j, window_s = self.energy_j, self.window_s
        pairs: list[tuple[str, object]] = [
            ("input", self.input),
            ("inferences", self.iterations),
            ("window", engineering(window_s, "s") if window_s is not None else NOT_KNOWN),
            ("energy", engineering(energy_j, "J") if energy_j is not None else NOT_KNOWN),
            ("answer", ", ".join(f"{score:g}" for score in self.results)),
        ]
        parts = notebook.facts(pairs), notebook.findings(self.findings)
        return notebook.card(f"Trial {self.number}", *parts, virtual=self.virtual)


@dataclass(frozen=True)
class _Session(Generic[_Ended]):
    """A session that is over.

    Attributes:
        outcome: Its plan, figures and findings.
    """

    outcome: _Ended

    @property
    def folder(self) -> Path:
        """The folder with its evidence."""
        return self.outcome.folder

    @property
    def bench(self) -> BenchFile:
        """The bench that it ran on."""
        return self.outcome.plan.bench

    @property
    def workload(self) -> str:
        """Id of its workload."""
        return self.outcome.plan.workload.id

    @property
    def virtual(self) -> bool:
        """Whether it comes from the virtual bench."""
        return self.outcome.plan.bench.virtual is not None

    @property
    def scope(self) -> Scope | None:
        """What the measured rail feeds, and what work lies inside the window; None where not stated."""
        return self.outcome.setup.scope

    @property
    def valid(self) -> bool:
        """Whether all trials or answers are there and no finding is an error."""
        return self.outcome.valid

    @property
    def findings(self) -> list[Finding]:
        """Findings about the session and its trials."""
        return self.outcome.findings

    def to_json(self) -> dict[str, Any]:
        """As ``joulebench measure --json``, SI units."""
        return self.outcome.to_json()

    @property
    def _rejected(self) -> tuple[Rejected, ...]:
        return self.outcome.rejected if isinstance(self.outcome, Outcome) else ()

    def _card(self, mode: str, figures: Table) -> str:
        """The session as a notebook shows it."""
        parts = [notebook.table(figures), *map(notebook.line, repeat_lines(self._rejected))]
        parts += [notebook.findings(self.findings), notebook.line(self.folder)]
        return notebook.card(f"{self.workload} {mode}", *parts, virtual=self.virtual)


class _TrialSession(_Session[Outcome]):
    """A session of trials."""

    @property
    def trials(self) -> list[Trial]:
        """Its valid trials."""
        return [Trial(trial, self.virtual) for trial in self.outcome.trials]

    @property
    def rejected(self) -> tuple[Rejected, ...]:
        """Attempts at trials that were not valid, with their reasons."""
        return self._rejected

    @property
    def inferences_per_second(self) -> Spread:
        """Median and scatter over the trials."""
        return _known(self.outcome.throughput, self.folder, "inferences per second")

    def _repr_html_(self) -> str:
        return self._card(self.outcome.plan.mode, session_table([self.outcome], []))


class EnergySession(_TrialSession):
    """A session in energy mode."""

    @property
    def figures(self) -> SessionFigures:
        """Every window with its energies by all rules."""
        if self.outcome.figures is None:
            raise _missing(self.folder, "energies")
        return self.outcome.figures

    @property
    def windows(self) -> tuple[WindowFigures, ...]:
        """Each window's figures."""
        return self.figures.windows

    @property
    def stated(self) -> Stated | None:
        """Its uncertainty statement: scope, conditions, a budget for each figure; None if there is none."""
        return self.outcome.stated

    @property
    def joule_per_inference(self) -> UncertainSpread:
        """Energy per inference in joule, exact rule: median and scatter over the trials, uncertainty."""
        found = _known(self.figures.joule_per_inference(), self.folder, "energy per inference")
        return self._with_budget(found, self.stated and self.stated.joule_per_inference)

    @property
    def power_w(self) -> UncertainSpread:
        """Mean power inside the windows in watt, exact rule, with its uncertainty."""
        found = _known(self.figures.power_w(), self.folder, "power")
        return self._with_budget(found, self.stated and self.stated.power_w)

    @property
    def inferences_per_second(self) -> UncertainSpread:
        """Throughput: median and scatter over the trials, uncertainty."""
        found = _known(self.outcome.throughput, self.folder, "inferences per second")
        return self._with_budget(found, self.stated and self.stated.inferences_per_second)

    @property
    def net_joule_per_inference(self) -> Budget | None:
        """Energy per inference above idle with its uncertainty; None where no idle stretch was recorded."""
        return self.stated.net_joule_per_inference if self.stated else None

    @property
    def floors(self) -> dict[str, Floor]:
        """Idle and sleep power, energy and time of a wake-up (``idle_w``, ...), where they were measured."""
        return self.outcome.floors

    def _with_budget(self, found: Spread, budget: Budget | None) -> UncertainSpread:
        why = "; ".join(f.evidence for f in self.findings if f.code.startswith("uncertainty."))
        return with_budget(found, budget, why)

    def to_dataframe(self, rule: str = "exact") -> pd.DataFrame:
        """A row for each window, SI units; the columns of ``Figures.to_dataframe``."""
        return window_frame(self.windows, rule, virtual=self.virtual)


class PerformanceSession(_TrialSession):
    """A session in performance mode: inferences per second by the DUT's own clock."""


class AccuracySession(_Session[AccuracyOutcome]):
    """A session in accuracy mode."""

    @property
    def value(self) -> float | None:
        """The workload's metric as a fraction: top-1 or AUC; None where the answers give none."""
        return self.outcome.value

    def _repr_html_(self) -> str:
        return self._card("accuracy", accuracy_table([self.outcome]))


AnySession = EnergySession | PerformanceSession | AccuracySession


def session_of(outcome: Outcome | AccuracyOutcome) -> AnySession:
    """The session as an object of the type that fits its mode."""
    if isinstance(outcome, AccuracyOutcome):
        return AccuracySession(outcome)
    return EnergySession(outcome) if outcome.plan.mode == "energy" else PerformanceSession(outcome)


class Sessions(Sequence[AnySession]):
    """Sessions that came to their end; ``failures`` has the others.

    Attributes:
        failures: Workload and mode of each that failed, with its error.
        pictures: Paths of their pictures.
    """

    def __init__(self, batch: Batch, pictures: Sequence[Path] = ()) -> None:
        self._batch = batch
        self._sessions = [session_of(outcome) for outcome in batch.outcomes]
        self.failures: list[tuple[str, JoulebenchError]] = [
            (f"{plan.workload.id} {plan.mode}", error) for plan, error in batch.failures
        ]
        self.pictures = list(pictures)

    @overload
    def __getitem__(self, index: int) -> AnySession: ...
    @overload
    def __getitem__(self, index: slice) -> list[AnySession]: ...
    def __getitem__(self, index: int | slice) -> AnySession | list[AnySession]:
        return self._sessions[index]

    def __len__(self) -> int:
        return len(self._sessions)

    def __iter__(self) -> Iterator[AnySession]:
        return iter(self._sessions)

    def __repr__(self) -> str:
        return f"<Sessions: {len(self)} measured, {len(self.failures)} failed>"

    @property
    def valid(self) -> bool:
        """Whether all came to their end and each is valid."""
        return not self.failures and all(session.valid for session in self)

    def _repr_html_(self) -> str:
        of_trials = [outcome for outcome in self._batch.outcomes if isinstance(outcome, Outcome)]
        of_accuracy = [outcome for outcome in self._batch.outcomes if isinstance(outcome, AccuracyOutcome)]
        failed = [(plan, error) for plan, error in self._batch.failures if isinstance(plan, Plan)]
        parts = [notebook.table(session_table(of_trials, failed))] if of_trials else []
        parts += [notebook.table(accuracy_table(of_accuracy))] if of_accuracy else []
        parts += [notebook.findings([found for session in self for found in session.findings])]
        parts += [notebook.failures(self.failures), *(notebook.line(session.folder) for session in self)]
        return notebook.card("Sessions", *parts, virtual=any(session.virtual for session in self))


@dataclass(frozen=True)
class RecordedWindows:
    """A recording of a DUT that toggles a pin without commands.

    Attributes:
        recorded: The recording, its windows and findings.
    """

    recorded: Recorded

    @property
    def folder(self) -> Path:
        """The folder with its evidence."""
        return self.recorded.folder

    @property
    def virtual(self) -> bool:
        """Whether it comes from the virtual bench."""
        return self.recorded.virtual

    @property
    def ended(self) -> str:
        """Why it ended: ``"windows"``, ``"time"``, ``"interrupted"``, ``"replay"``."""
        return self.recorded.ended

    @property
    def scope(self) -> Scope | None:
        """What the measured rail feeds, and what work lies inside the windows; None where not stated."""
        return self.recorded.scope

    @property
    def windows(self) -> list[WindowFigures]:
        """Its windows with their figures."""
        return self.recorded.windows

    @property
    def joule_per_inference(self) -> Spread | None:
        """Energy per inference, exact rule; None unless the number of inferences is known."""
        return self.recorded.figures.joule_per_inference()

    @property
    def inferences_per_second(self) -> Spread | None:
        """Throughput; None unless the number of inferences is known."""
        return self.recorded.figures.inferences_per_second()

    @property
    def findings(self) -> list[Finding]:
        """Findings about it."""
        return self.recorded.findings

    def to_dataframe(self, rule: str = "exact") -> pd.DataFrame:
        """A row for each window, SI units; the columns of ``Figures.to_dataframe``."""
        return window_frame(self.windows, rule, virtual=self.virtual)

    def _repr_html_(self) -> str:
        rows = [recorded_row(figures) for figures in self.windows]
        content = Table("Windows", RECORDED_COLUMNS, rows, text=(), notes=[scope_line(self.scope)])
        parts = notebook.table(content), notebook.findings(self.findings), notebook.line(self.folder)
        return notebook.card(f"Recorded windows ({self.ended})", *parts, virtual=self.virtual)


def _known(spread: Spread | None, folder: Path, what: str) -> Spread:
    if spread is None:
        raise _missing(folder, what)
    return spread


def _missing(folder: Path, what: str) -> RecordingError:
    return RecordingError(
        "session.no-figures",
        f"{folder}: no {what} follows from this session",
        "Its findings give the reason.",
    )
