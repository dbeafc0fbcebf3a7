"""Several sessions, one after the other: an error of one does not keep the next from running."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from energy.bench.prompt import Prompt, no_operator
from energy.errors import JoulebenchError, SupplyOnError, defects
from energy.evidence.names import ANSWERS_NAME
from energy.instruments import OverCurrentError
from energy.session.accuracy_outcome import AccuracyPlan
from energy.session.accuracy_run import run_accuracy
from energy.session.folder import default_folder
from energy.session.observer import NOBODY, Observer
from energy.session.outcome import Outcome, Plan
from energy.session.plans import AnyOutcome, AnyPlan
from energy.session.run import run_session
from energy.session.session_log import Progress
from energy.validation.archive import note_session

Resumable = Callable[[AnyPlan, Path], None]
"""Called with a session that can be resumed, and its folder."""


@dataclass
class Batch:
    """The results of several sessions.

    Attributes:
        outcomes: The finished sessions, in order.
        failures: The plans of the others, with their errors.
    """

    outcomes: list[AnyOutcome] = field(default_factory=list[AnyOutcome])
    failures: list[tuple[AnyPlan, JoulebenchError]] = field(
        default_factory=list[tuple[AnyPlan, JoulebenchError]]
    )


def _ignore(plan: AnyPlan, folder: Path) -> None:
    """Does nothing with what can be resumed."""


def run_sessions(
    plans: Sequence[AnyPlan],
    out: Path,
    progress: Progress,
    prompt: Prompt = no_operator,
    resumable: Resumable = _ignore,
    batch: Batch | None = None,
    place: Callable[[AnyPlan], Path] | None = None,
    observer: Observer = NOBODY,
) -> Batch:
    """Runs sessions; only a bench that is not safe keeps the rest from running.

    Args:
        plans: The sessions.
        out: Where their folders are made.
        progress: Called with how many sessions are done (a half is one half done) and what is being done.
        prompt: Asks the person at the bench.
        resumable: Called for an accuracy session that did not finish and kept its answers.
        batch: Filled as sessions end, so that the caller has them also after an interrupt; None: a new one.
        place: Gives the folder of each session; None: a fresh name below ``out``.
        observer: Sees what is measured.
    """
    batch = Batch() if batch is None else batch
    for number, plan in enumerate(plans):
        what = f"{plan.workload.id} {plan.mode}"
        folder = (
            default_folder(out, plan.workload.id, plan.mode, datetime.now(), plan.bench)
            if place is None
            else place(plan)
        )

        def report(part: float, doing: str, number: int = number, what: str = what) -> None:
            progress(number + part, f"{what}: {doing}")

        try:
            with defects():
                if isinstance(plan, AccuracyPlan):
                    batch.outcomes.append(run_accuracy(plan, plan.resume or folder, report, prompt, observer))
                else:
                    batch.outcomes.append(run_session(_linked(plan, batch), folder, report, prompt, observer))
            note_session(batch.outcomes[-1].folder)
        except KeyboardInterrupt:
            _name_resumable(plan, folder, resumable)
            raise
        except JoulebenchError as error:
            _name_resumable(plan, folder, resumable)
            batch.failures.append((plan, error))
            if is_dangerous(error):
                break
        progress(number + 1, what)
    return batch


def _linked(plan: Plan, batch: Batch) -> Plan:
    """An energy session's plan, which names the performance session before it, unless it names another."""
    if plan.mode != "energy" or plan.performance is not None:
        return plan
    before = [
        outcome.folder.name
        for outcome in batch.outcomes
        if isinstance(outcome, Outcome)
        and outcome.plan.mode == "performance"
        and (outcome.plan.workload, outcome.plan.bench) == (plan.workload, plan.bench)
    ]
    return replace(plan, performance=before[-1]) if before else plan


def is_dangerous(error: JoulebenchError) -> bool:
    """Whether no other session may be run on this bench before a person has looked at it."""
    return any(isinstance(cause, (SupplyOnError, OverCurrentError)) for cause in (error, *error.also))


def _name_resumable(plan: AnyPlan, folder: Path, resumable: Resumable) -> None:
    if isinstance(plan, AccuracyPlan) and ((plan.resume or folder) / ANSWERS_NAME).is_file():
        resumable(plan, plan.resume or folder)
