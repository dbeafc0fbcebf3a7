"""The plan of a recording, its outcome, and its evidence while it runs."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from energy import __version__
from energy.bench.assemble import EnergyBench
from energy.bench.benchfile import BenchFile
from energy.errors import JoulebenchError, defects
from energy.evidence.calibration import Calibration
from energy.evidence.documents import ClockRecord, Instrument
from energy.evidence.names import SESSION_NAME
from energy.evidence.scope import Scope
from energy.findings import Finding
from energy.recording.keep import EVERYTHING, Storage
from energy.recording.store import Recording
from energy.session.certificate import coverage_findings, taken_certificate
from energy.session.folder import SessionFolder
from energy.session.given_up import give_up_samples
from energy.session.observer import NOBODY, Beginning, Observer
from energy.uncertainty.stated import Stated, state
from energy.window.figures import SessionFigures, WindowFigures
from energy.window.pairing import GivenPairing, Pairing, pairing_in_sequence
from energy.window.rules import EnergyRule

SCHEMA = "joulebench.record/1"


@dataclass(frozen=True)
class ChosenWindow:
    """A window of a replayed recording, as its session or its runner chose it.

    Attributes:
        opening: Position of its opening edge, in samples.
        closing: Position of its closing edge.
        iterations: Inferences in it, where known.
    """

    opening: float
    closing: float
    iterations: int | None


@dataclass(frozen=True)
class RecordPlan:
    """The plan of a recording.

    Attributes:
        bench: The bench file.
        windows: Number of windows after which it ends, or None.
        seconds: Time after which it ends, or None.
        iterations: Inferences in each window, where known.
        leading: Number of edges at the beginning that open and close no window.
        workload: Workload of a virtual DUT.
        chosen: The windows of a replayed recording; empty: the edges are paired in sequence.
        storage: Which samples are kept, and how many bytes they may take.
    """

    bench: BenchFile
    windows: int | None = None
    seconds: float | None = None
    iterations: int | None = None
    leading: int = 0
    workload: str = "kws01"
    chosen: tuple[ChosenWindow, ...] = ()
    storage: Storage = EVERYTHING

    def pairing(self) -> Pairing:
        """The pairing of its edges."""
        if self.chosen:
            return GivenPairing([(window.opening, window.closing) for window in self.chosen])
        return pairing_in_sequence(self.bench.dut.marker, self.leading)

    def iterations_in(self, number: int) -> int | None:
        """Inferences in a window, by its number from 1; None if not known."""
        if self.iterations is None and self.chosen:
            return self.chosen[number - 1].iterations
        return self.iterations


@dataclass
class Recorded:
    """A recording and its figures.

    Attributes:
        folder: Its folder.
        virtual: Whether it comes from the virtual bench.
        windows: Its windows with their figures.
        pauses_w: Mean power between one window and the next.
        findings: Its findings.
        ended: The reason of its end: ``"windows"``, ``"time"``, ``"interrupted"``, ``"replay"``.
        scope: Parts that the measured rail feeds, and work inside the windows.
        stated: The uncertainty statement; None where the number of inferences is not known, or without it.
        checked: How many windows' samples have been checked, and may be gone.
    """

    folder: Path
    virtual: bool
    windows: list[WindowFigures] = field(default_factory=list[WindowFigures])
    pauses_w: list[float] = field(default_factory=list[float])
    findings: list[Finding] = field(default_factory=list[Finding])
    ended: str = "windows"
    scope: Scope | None = None
    stated: Stated | None = None
    checked: int = 0

    @property
    def figures(self) -> SessionFigures:
        """Median and spread."""
        return SessionFigures(tuple(self.windows))


class RecordLog:
    """The evidence of a recording while it runs: its folder and ``session.json``.

    Attributes:
        plan: The plan.
        path: The folder.
        folder: The same, to be written.
        result: The windows and findings so far.
        document: ``session.json`` so far.
        calibration: The monitor's certificate that is in force.
        storage: Which samples are kept, as this monitor allows it.
        observer: Sees what is recorded.

    Args:
        plan: The plan.
        path: The folder, which is made.
        observer: Sees what is recorded.
        former: ``session.json`` of a recording that was interrupted, and is concluded now.
    """

    def __init__(
        self,
        plan: RecordPlan,
        path: Path,
        observer: Observer = NOBODY,
        former: dict[str, Any] | None = None,
    ) -> None:
        self.plan, self.path, self.observer = plan, path, observer
        self.folder = SessionFolder(path, again=former is not None)
        self.calibration: Calibration | None = None
        self.storage = plan.storage
        self.result = Recorded(path, plan.bench.virtual is not None, scope=plan.bench.scope)
        observer.begun(Beginning(path, plan.bench, "", "record", self.result.virtual))
        self.document: dict[str, Any] = (
            former
            or {
                "schema": SCHEMA,
                "joulebench": __version__,
                "virtual": self.result.virtual,
                "begun": datetime.now(UTC).isoformat(timespec="seconds"),
                "bench": plan.bench.model_dump(by_alias=True, mode="json"),
                "leading_edges": plan.leading,  # before the first sample: it decides which windows there are
                **({"iterations_each": plan.iterations} if plan.iterations else {}),
                **(
                    {"trials": [asdict(window) for window in plan.chosen[: plan.windows]]}
                    if plan.chosen
                    else {}
                ),
                "state": "started",
            }
        )

    def reached(self, state: str) -> None:
        """Tells the observer of a state."""
        self.observer.state(state, self.result.findings)

    def failed(self, action: str, error: JoulebenchError) -> None:
        """Notes the error of an action on exit."""
        self.folder.note(0.0, f"{action} failed: {error}")

    def take_clocks(self, records: list[ClockRecord], findings: list[Finding]) -> None:
        """Takes the comparison of the bench's clocks."""
        self.document["clocks"] = [record.model_dump() for record in records]
        self.result.findings += findings

    def take_monitor(self, bench: EnergyBench, monitor: Instrument) -> None:
        """Takes the monitor's identity, settings and certificate."""
        calibration, findings = taken_certificate(bench)
        self.calibration = calibration
        self.document["calibration"] = calibration and calibration.model_dump(by_alias=True, mode="json")
        self.result.findings += findings
        self.result.virtual = self.result.virtual or monitor.virtual
        self.document |= {"monitor": monitor.model_dump(), "virtual": self.result.virtual}

    @contextmanager
    def written_to_the_end(self) -> Generator[None]:
        """Writes the document before and after what is done within, however that ends; closes the folder.

        Ctrl-C is the usual end of a recording.
        """
        try:
            with defects():
                self.folder.write(SESSION_NAME, self.document)
                self.reached("started")
                yield
            self.document["state"] = "finished"
        except JoulebenchError as error:
            self.document |= {"state": "failed", "error": {"code": error.code, "message": error.message}}
            self.observer.error(error.code, error.message, error.hint)
            raise
        except KeyboardInterrupt:
            self.result.ended = "interrupted"
            self.document["state"] = "finished"
        finally:
            self.conclude()

    def note_windows(self) -> None:
        """Writes the figures so far: the samples of which they follow are about to be given up."""
        windows = {"windows": [figures.to_json() for figures in self.result.windows]}
        self.folder.write(SESSION_NAME, self.document | windows)

    def conclude(self) -> None:
        """Adds windows, findings and the uncertainty statement to the document; closes the folder."""
        result, iterations = self.result, self.plan.iterations
        if self.plan.chosen:
            chosen = {window.window.number for window in result.windows}
            self.document["trials"] = [
                asdict(window) for k, window in enumerate(self.plan.chosen, 1) if k in chosen
            ]
        else:
            result.findings += _doubts(result)
        voltage_v = self.plan.bench.dut.voltage_v
        result.findings += coverage_findings(self.calibration, result.figures, voltage_v)
        self._state_uncertainty()
        if self.document["state"] == "finished":  # a recording that failed keeps what it has
            result.findings += give_up_samples(
                self.path, self.storage, [figures.window for figures in result.windows]
            )
        self.document |= {
            "ended": result.ended,
            "iterations": [iterations] * len(result.windows) if iterations else [],
            "windows": [window.to_json() for window in result.windows],
            "findings": [finding.to_json() for finding in result.findings],
            "uncertainty": result.stated.to_json() if result.stated else None,
        }
        self.folder.write(SESSION_NAME, self.document)
        self.folder.close()
        self.observer.settled(result.windows)
        self.reached(self.document["state"])

    def _state_uncertainty(self) -> None:
        """Adds the uncertainty statement, where the number of inferences is known."""
        result = self.result
        if self.plan.iterations is None or not result.windows:
            return
        statement = state(self.document, result.figures, Recording(self.path))
        result.stated = statement.stated
        result.findings += statement.findings


def _doubts(result: Recorded) -> list[Finding]:
    """A finding if the pauses draw more power than the windows."""
    if not result.pauses_w:
        return []
    inside_w = median(figures.window.energies[EnergyRule.EXACT].power_w for figures in result.windows)
    between_w = median(result.pauses_w)
    if between_w <= inside_w:
        return []
    evidence = f"mean power is {between_w:.4g} W between the windows and {inside_w:.4g} W in them"
    return [Finding("record.pairing-doubtful", evidence)]
