"""An accuracy session: one inference on every input of the validation set, with performance firmware."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from energy import __version__
from energy.bench.assemble import Bench
from energy.bench.prompt import Prompt, no_operator
from energy.benchmark.validation_set import ValidationFile
from energy.benchmark.workloads import Workload
from energy.errors import BenchError, UsageError
from energy.evidence.answers import Answered
from energy.evidence.documents import Attempt, SessionRecord
from energy.instruments import Dut
from energy.runs.mlcommons_accuracy import ScoredInput
from energy.session.accuracy_outcome import AccuracyOutcome, AccuracyPlan, conclude_accuracy
from energy.session.answers import AnswerLog
from energy.session.folder import SessionFolder
from energy.session.held import held
from energy.session.prepare import ambient_c, greet
from energy.session.quiet import Quiet
from energy.session.resume import former_session, refuse_other_answers
from energy.session.running import Progress, Running
from energy.session.trials import REPEATS

INFERENCE_S = 120.0
"""How long one inference may take, its answer included."""
_SAME = ("name", "profile", "model", "firmware_sha256")
"""What must not have changed of a DUT when a session is resumed."""
_HALF = ("dut.error-answer", "dut.unexpected", "dut.garbled", "dut.incomplete")
"""How it shows that a command was glued to the beginning of another."""


@dataclass
class _Run(Running):
    """An accuracy session while it runs."""

    plan: AccuracyPlan = field(kw_only=True)
    log: AnswerLog = field(kw_only=True)


def run_accuracy(
    plan: AccuracyPlan, path: Path, progress: Progress, ask: Prompt = no_operator
) -> AccuracyOutcome:
    """Runs an accuracy session, or resumes one, and writes its folder.

    Args:
        plan: What is to be done.
        path: The session's folder: made, unless ``plan.resume`` names it.
        progress: Told how far it is.
        ask: Asks the person at the bench.

    Raises:
        JoulebenchError: If the bench is not as it must be; the folder says how far it got, and holds the
            answers that came.
    """
    validation = plan.validation
    digest = validation.digest()
    if plan.resume is not None:
        record = former_session(plan.resume, plan.bench)
        refuse_other_answers(plan.resume, record, validation)
        folder = SessionFolder(path, again=True)
    else:
        folder = SessionFolder(path)
        record = SessionRecord(
            joulebench=__version__,
            virtual=plan.bench.virtual is not None,
            workload=plan.workload.id,
            mode="accuracy",
            state="started",
            begun=datetime.now(UTC).isoformat(timespec="seconds"),
            bench=plan.bench.model_dump(by_alias=True, mode="json"),
            note=plan.note,
            synthetic_inputs=validation.synthetic,
            validation={
                "files": len(validation.files),
                "of": validation.of,
                "full": validation.full,
                "sha256": digest,
            },
        )
    run = _Run(folder, record, progress, ask, plan=plan, log=AnswerLog(path, digest))
    with run.to_its_end():
        if plan.resume is not None:
            now = datetime.now(UTC).isoformat(timespec="seconds")
            record.resumed.append({"at": now, "answers": len(run.log.answers)})
            record.error = None
            record.bench = plan.bench.model_dump(by_alias=True, mode="json")
            run.save("started")
            folder.forget_the_end()
            folder.note(0.0, f"resumed after {len(run.log.answers)} answers")
        else:
            run.save()
        try:
            rows = _answered(run, _measure)
        finally:
            run.log.close()
        outcome = conclude_accuracy(plan, record, rows, run.findings, folder)
        run.save("finished")
    return outcome


def _answered(run: _Run, measure: Callable[[_Run, Iterator[_Next]], None]) -> list[ScoredInput]:
    """All inputs with their answers; the bench is opened only if some have none yet."""
    rows: list[ScoredInput] = []
    waiting = _inputs(run, rows)
    first = next(waiting, None)
    if first is not None:
        measure(run, _chain(first, waiting))
    return rows


@dataclass(frozen=True, slots=True)
class _Next:
    """An input that has no answer yet."""

    place: int
    file: ValidationFile
    window: int
    data: bytes


def _chain(first: _Next, others: Iterator[_Next]) -> Iterator[_Next]:
    yield first
    yield from others


def _inputs(run: _Run, rows: list[ScoredInput]) -> Iterator[_Next]:
    """The inputs that have no answer yet; whoever takes one answers it before he takes the next."""
    answers = run.log.answers
    count = 0
    for place, file in enumerate(run.plan.validation.files):
        windows = file.windows()
        for window, data in enumerate(windows):
            if count == len(answers):
                yield _Next(place, file, window, data)
            said = answers[count]
            if (said.file, said.window) != (file.name, window):
                raise UsageError(
                    "session.resume",
                    f"answer {count + 1} is to window {said.window} of {said.file}, not to window {window} "
                    f"of {file.name}",
                    "The file of answers was altered: start a new session.",
                )
            rows.append(
                ScoredInput(
                    file.name,
                    file.label,
                    file.classes,
                    window,
                    len(windows) if file.stride is not None else None,
                    file.window_bytes,
                    file.stride,
                    said.scores,
                    said.start_us,
                    said.stop_us,
                    said.time_s,
                )
            )
            count += 1


def _measure(run: _Run, waiting: Iterator[_Next]) -> None:
    plan, record = run.plan, run.record
    total = len(plan.validation.files)
    before_s = run.log.answers[-1].time_s if run.log.answers else 0.0
    wire = Quiet(run.folder.line)
    with held(plan.bench, plan.workload.id, "performance", wire, run.failed, run.ask) as hand:
        bench = hand.bench
        begun_s = bench.clock.now()
        record.ambient_c = ambient_c(bench, run.ask)
        hand.power_on()
        run.save("powered")
        former = dict(record.dut)
        try:
            run.findings += greet(bench, plan.workload.id, "performance", record.dut)
        except BenchError as error:
            if plan.resume is None or error.code not in _HALF:
                raise
            # A host that was killed may have left the beginning of a command with the DUT.
            run.findings += greet(bench, plan.workload.id, "performance", record.dut)
        _refuse_another(former, record.dut)
        run.save("measuring")
        for one in waiting:
            run.progress(one.place / total, f"file {one.place + 1} of {total}")
            scores, start_us, stop_us = _answer(run, bench, one)
            time_s = round(before_s + bench.clock.now() - begun_s, 6)
            run.log.add(Answered(one.file.name, one.window, scores, start_us, stop_us, time_s))
        run.folder.check()
    run.progress(1.0, "done")


def _refuse_another(former: dict[str, Any], dut: dict[str, Any]) -> None:
    different = [key for key in _SAME if former and former.get(key) != dut.get(key)]
    if different:
        key = different[0]
        raise BenchError(
            "session.another-dut",
            f"the session began with a DUT whose {key} was {former.get(key)!r}, now it is {dut.get(key)!r}",
            "Resume it with the same board and firmware, or start a new session.",
        )


class _Timed(NamedTuple):
    """An answer whose DUT has timed its inference."""

    scores: tuple[float, ...]
    start_us: int
    stop_us: int


def _answer(run: _Run, bench: Bench, one: _Next) -> _Timed:
    """The DUT's answer to an input; a damaged exchange is repeated from loading on, and noted."""
    attempt = 0
    while True:
        attempt += 1
        try:
            return _once(bench.dut, run.plan.workload, one.data)
        except BenchError as error:
            if not error.code.startswith("dut.") or attempt > REPEATS:
                raise
            said = {"code": error.code, "evidence": error.message, "remedy": error.hint}
            run.record.rejected.append(
                Attempt(trial=len(run.log.answers) + 1, attempt=attempt, findings=[said])
            )
            run.save()
            bench.clock.sleep(bench.file.dut.boot_timeout_s if error.code == "dut.reset" else 0.0)


def _once(dut: Dut, workload: Workload, data: bytes) -> _Timed:
    dut.load(data)
    answer = dut.infer(1, 0, timeout_s=INFERENCE_S)
    if len(answer.results) != workload.outputs:
        raise BenchError(
            "dut.scores",
            f"{workload.outputs} scores were expected, {list(answer.results)} came",
            "A line was damaged, or the firmware runs another model.",
        )
    if answer.start_us is None or answer.stop_us is None:
        raise BenchError(
            "dut.no-lap",
            "the DUT printed no m-lap-us lines around its inference",
            "The firmware was built for energy mode: flash the one built for performance mode.",
        )
    return _Timed(answer.results, answer.start_us, answer.stop_us)
