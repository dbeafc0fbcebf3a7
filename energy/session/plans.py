"""Makes the plans of sessions from names: bench, workloads and modes, or a session to resume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from energy.bench.benchfile import BenchFile
from energy.bench.spelling import did_you_mean
from energy.benchmark.inputs import official_inputs, synthetic_inputs
from energy.benchmark.limits import WINDOWS
from energy.benchmark.validation_set import ValidationSet, official_set, synthetic_set
from energy.benchmark.workloads import WORKLOADS, Workload
from energy.errors import RecordingError, UsageError
from energy.evidence.reader import SessionEvidence
from energy.instruments import Mode
from energy.recording.keep import EVERYTHING, Storage
from energy.session.accuracy_outcome import AccuracyOutcome, AccuracyPlan
from energy.session.outcome import Outcome, Plan
from energy.session.resume import former_session

_LONGEST_NOTE = 400
MODES = ("performance", "energy", "accuracy")
AnyPlan = Plan | AccuracyPlan
AnyOutcome = Outcome | AccuracyOutcome


def make_plans(
    bench: BenchFile,
    workloads: Sequence[str],
    modes: Sequence[str],
    *,
    datasets: Path | None = None,
    limit: int | None = None,
    note: str = "",
    performance: Path | None = None,
    floors: bool = False,
    storage: Storage = EVERYTHING,
) -> list[AnyPlan]:
    """The plans for each workload and mode, in the order of ``MODES``.

    Args:
        bench: The bench file.
        workloads: Workload ids; a repeated id or mode counts once.
        modes: ``"performance"``, ``"energy"``, ``"accuracy"``.
        datasets: Folder of the official inputs; None for synthetic ones.
        limit: In accuracy mode, the number of files to take.
        note: A note for ``session.json`` of each.
        performance: Folder of the performance session that the energy session belongs to; None: that of the
            same workload which runs before it.
        floors: Whether energy sessions measure idle, sleep and wake-up after their trials.
        storage: Which samples energy sessions keep, and how many bytes they may take.

    Raises:
        UsageError: ``usage.workload``, ``usage.mode``, ``usage.limit``, ``usage.empty``,
            ``usage.performance``, ``usage.note``, or what is wrong with the datasets.
    """
    if limit is not None and (limit < 1 or "accuracy" not in modes):
        raise UsageError("usage.limit", "the limit is a number of files in accuracy mode", "Give 1 or more.")
    if not workloads or not modes:
        raise UsageError("usage.empty", "no workload or no mode is named", "Leave it out for all of them.")
    for mode in modes:
        if mode not in MODES:
            text = f"there is no mode {mode!r}{did_you_mean(mode, MODES)}"
            raise UsageError("usage.mode", text, f"There are {', '.join(MODES)}.")
    checked_note(note)
    plans: list[AnyPlan] = []
    for name in dict.fromkeys(workloads):
        plans += _plans_for(bench, workload_named(name), modes, datasets, limit)
    plans = [replace(plan, note=note) for plan in plans]
    plans = [
        replace(p, floors=floors, storage=storage) if isinstance(p, Plan) and p.mode == "energy" else p
        for p in plans
    ]
    if performance is None:
        return plans
    energy = [plan for plan in plans if isinstance(plan, Plan) and plan.mode == "energy"]
    if len(energy) != 1:
        text = f"--performance belongs to one energy session, and {len(energy)} are asked for"
        raise UsageError("usage.performance", text, "Name one workload and the mode energy.")
    check_performance(performance, energy[0])
    return [
        replace(plan, performance=performance.resolve().name) if plan in energy else plan for plan in plans
    ]


def check_performance(folder: Path, plan: Plan) -> None:
    """Makes sure that a folder holds the performance session that an energy session can belong to.

    Raises:
        UsageError: ``usage.performance``.
    """
    wrong: list[str] = []
    try:
        session = SessionEvidence(folder).session
    except RecordingError as error:
        raise UsageError(
            "usage.performance", f"{folder} holds no session: {error.message}", "Name a session's folder."
        ) from error
    dut = plan.bench.dut
    for name, found, wanted in (
        ("mode", session.mode, "performance"),
        ("workload", session.workload, plan.workload.id),
        ("board", session.bench.dut.board, dut.board),
        ("voltage_v", session.bench.dut.voltage_v, dut.voltage_v),
        ("clock_hz", session.bench.dut.clock_hz, dut.clock_hz),
    ):
        if found != wanted:
            wrong.append(f"{name} is {found}, not {wanted}")
    if wrong:
        text = f"{folder} is another kind of session: {'; '.join(wrong)}"
        raise UsageError("usage.performance", text, "Name the performance session of the same set-up.")


def checked_note(note: str) -> str:
    """A note for a session's documents.

    Raises:
        UsageError: ``usage.note``.
    """
    if len(note) > _LONGEST_NOTE or not note.isprintable():
        text = f"a note is a line of at most {_LONGEST_NOTE} characters"
        raise UsageError("usage.note", text, "Shorten it.")
    return note


def workload_named(name: str) -> Workload:
    """A workload by its id.

    Raises:
        UsageError: ``usage.workload``.
    """
    if name not in WORKLOADS:
        names = {known: workload.id for workload in WORKLOADS.values() for known in _names_of(workload)}
        text = f"there is no workload {name!r}{did_you_mean(name, names, names)}"
        raise UsageError("usage.workload", text, f"There are {', '.join(WORKLOADS)}.")
    return WORKLOADS[name]


def _names_of(workload: Workload) -> tuple[str, str, str]:
    return workload.id, workload.benchmark, workload.title


def resume_plan(folder: Path, bench: BenchFile, datasets: Path | None = None) -> AccuracyPlan:
    """The plan of the rest of an interrupted accuracy session: the same inputs, on the bench that is named.

    Args:
        folder: The session's folder.
        bench: The bench file; it must be the session's in all that matters to the answers.
        datasets: Folder of the official inputs, where the session began with them.

    Raises:
        UsageError: ``session.resume``, ``datasets.*``.
    """
    record = former_session(folder, bench)
    validation = record.validation or {}
    if record.workload not in WORKLOADS or (datasets is None and not record.synthetic_inputs):
        raise UsageError(
            "session.resume",
            f"{folder} was begun with official datasets, which it does not hold",
            "Name them again with --datasets.",
        )
    limit = None if validation.get("files") == validation.get("of") else validation.get("files")
    return AccuracyPlan(bench, _validation(WORKLOADS[record.workload], datasets, limit), folder)


def _plans_for(
    bench: BenchFile, workload: Workload, modes: Sequence[str], datasets: Path | None, limit: int | None
) -> list[AnyPlan]:
    plans: list[AnyPlan] = []
    of_trials: list[Mode] = [mode for mode in ("performance", "energy") if mode in modes]
    if of_trials:
        if datasets:
            inputs = official_inputs(workload, datasets, WINDOWS)
        else:
            inputs = synthetic_inputs(workload, WINDOWS)
        plans += [Plan(bench, workload, mode, inputs) for mode in of_trials]
    if "accuracy" in modes:
        plans.append(AccuracyPlan(bench, _validation(workload, datasets, limit)))
    return plans


def _validation(workload: Workload, datasets: Path | None, limit: int | None) -> ValidationSet:
    if datasets is None:
        return synthetic_set(workload, limit)
    return official_set(workload, datasets, limit)
