"""Measuring on a bench: single sessions, several, resumed ones, and recordings without a protocol."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal, overload

from energy.bench.prompt import Prompt, no_operator
from energy.benchmark.workloads import WORKLOADS
from energy.errors import UsageError
from energy.recording.imports.given import Given
from energy.report.sessions import draw_sessions
from energy.session.batch import Batch, run_sessions
from energy.session.folder import default_folder
from energy.session.outcome import Outcome
from energy.session.plans import AnyPlan, make_plans, resume_plan
from energy.session.record import run_record
from energy.session.record_plan import make_record_plan, replay_bench
from energy.window.figures import WindowFigures
from joulebench.benches import AnyBench, AnyPath, load_bench
from joulebench.hints import hinted
from joulebench.outcomes import (
    AccuracySession,
    AnySession,
    EnergySession,
    PerformanceSession,
    RecordedWindows,
    Sessions,
    session_of,
)
from joulebench.progress import Report, shown
from joulebench.recordings import HasFolder

ModeName = Literal["performance", "energy", "accuracy"]


@overload
def measure(
    bench: AnyBench,
    workload: str,
    mode: Literal["energy"] = "energy",
    *,
    datasets: AnyPath | None = None,
    out: AnyPath = "sessions",
    note: str = "",
    performance: HasFolder | AnyPath | None = None,
    floors: bool = False,
    progress: Report | bool = True,
    ask: Prompt = no_operator,
) -> EnergySession: ...
@overload
def measure(
    bench: AnyBench,
    workload: str,
    mode: Literal["performance"],
    *,
    datasets: AnyPath | None = None,
    out: AnyPath = "sessions",
    note: str = "",
    progress: Report | bool = True,
    ask: Prompt = no_operator,
) -> PerformanceSession: ...
@overload
def measure(
    bench: AnyBench,
    workload: str,
    mode: Literal["accuracy"],
    *,
    datasets: AnyPath | None = None,
    limit: int | None = None,
    out: AnyPath = "sessions",
    note: str = "",
    progress: Report | bool = True,
    ask: Prompt = no_operator,
) -> AccuracySession: ...
@hinted
def measure(
    bench: AnyBench,
    workload: str,
    mode: ModeName = "energy",
    *,
    datasets: AnyPath | None = None,
    limit: int | None = None,
    out: AnyPath = "sessions",
    note: str = "",
    performance: HasFolder | AnyPath | None = None,
    floors: bool = False,
    progress: Report | bool = True,
    ask: Prompt = no_operator,
) -> AnySession:
    """Runs a session: five trials, or the validation set in accuracy mode; the supply is off when it returns.

    Args:
        bench: A bench, its name or its file.
        workload: ``"kws01"``, ``"vww01"``, ``"ic01"`` or ``"ad01"``.
        mode: ``"energy"``, ``"performance"`` or ``"accuracy"``.
        datasets: Folder of the official inputs; None: synthetic inputs.
        limit: In accuracy mode, the number of files to take; the accuracy is then no official result.
        out: Where the session's folder is made.
        note: A line for ``session.json`` and ``jb.sessions``.
        performance: In energy mode, the performance session that it belongs to.
        floors: In energy mode, whether idle, sleep and wake-up are measured after the trials.
        progress: True shows a bar in a notebook or a terminal; a function gets the part done (0 to 1) and a
            text.
        ask: Asks the operator; give ``input`` if there is one.

    Raises:
        JoulebenchError: If the bench is not as it must be; the folder holds what was done. After an accuracy
            session that kept its answers, a note states how to resume it.
    """
    belongs_to = performance.folder if isinstance(performance, HasFolder) else _path(performance)
    plans = make_plans(
        load_bench(bench),
        [workload],
        [mode],
        datasets=_path(datasets),
        limit=limit,
        note=note,
        performance=belongs_to,
        floors=floors,
    )
    return _only(plans, Path(out), progress, ask)


@hinted
def resume(
    folder: AnyPath,
    bench: AnyBench,
    *,
    datasets: AnyPath | None = None,
    progress: Report | bool = True,
    ask: Prompt = no_operator,
) -> AccuracySession:
    """Resumes an interrupted accuracy session; bench and inputs must be those that it began with.

    Raises:
        JoulebenchError: ``session.resume`` if it cannot be resumed; otherwise as ``measure``.
    """
    plan = resume_plan(Path(folder), load_bench(bench), _path(datasets))
    session = _only([plan], Path(folder).parent, progress, ask)
    assert isinstance(session, AccuracySession)  # as its plan is
    return session


@hinted
def measure_all(
    bench: AnyBench = "virtual",
    workloads: Sequence[str] = tuple(WORKLOADS),
    modes: Sequence[str] = ("performance", "energy"),
    *,
    datasets: AnyPath | None = None,
    limit: int | None = None,
    out: AnyPath = "sessions",
    note: str = "",
    progress: Report | bool = True,
    ask: Prompt = no_operator,
) -> Sessions:
    """Runs several sessions, one after the other; after an error the next runs, unless the bench is not safe.

    Args:
        bench: A bench, its name or its file.
        workloads: Their ids, or a text with commas between them.
        modes: The modes, in the same form.
        datasets: As ``measure``, like the other arguments.
        limit: In accuracy mode.
        out: Where the sessions' folders are made.
        note: A line for each ``session.json``.
        progress: As ``measure``.
        ask: As ``measure``.

    Returns:
        The finished sessions; ``failures`` has the errors of the others.

    Raises:
        JoulebenchError: ``usage.*``, or what is wrong with bench file or datasets.
    """
    names, wanted = _words(workloads), _words(modes)
    plans = make_plans(load_bench(bench), names, wanted, datasets=_path(datasets), limit=limit, note=note)
    return Sessions(_run(plans, Path(out), progress, ask))


@hinted
def demo(
    workloads: Sequence[str] = tuple(WORKLOADS), *, out: AnyPath = "out/demo", progress: Report | bool = True
) -> Sessions:
    """Measures workloads in both modes on the virtual bench and draws them: ``pictures`` has the paths."""
    plans = make_plans(load_bench("virtual"), _words(workloads), ("performance", "energy"))
    batch = _run(plans, Path(out), progress, no_operator)
    outcomes = [outcome for outcome in batch.outcomes if isinstance(outcome, Outcome)]
    return Sessions(batch, draw_sessions(outcomes, Path(out)))


@hinted
def record(
    bench: AnyBench | None = None,
    *,
    windows: int | None = None,
    seconds: float | None = None,
    iterations: int | None = None,
    leading_edges: int | None = None,
    replay: AnyPath | None = None,
    marker: str | None = None,
    speed: float = 1.0,
    voltage_v: float | None = None,
    marker_line: str | None = None,
    out: AnyPath = "sessions",
    on_window: Callable[[WindowFigures], None] = lambda figures: None,
    progress: Report | bool = True,
    ask: Prompt = no_operator,
) -> RecordedWindows:
    """Records a DUT that toggles its pin without commands, until enough has come or the call is interrupted.

    Args:
        bench: A bench, its name or its file; None: the virtual one.
        windows: Ends after this number of windows.
        seconds: Ends after this time.
        iterations: Inferences in each window, where known.
        leading_edges: Edges that are left out at the beginning.
        replay: A recording in place of a bench.
        marker: How the DUT's pin marks its work, ``"pulse"``, ``"high"``, ``"low"``; None: as the bench says.
        speed: Seconds of the recording that are replayed in one second; ``math.inf``: without waiting.
        voltage_v: The supply voltage, for a replayed file of a monitor's own program that does not hold it.
        marker_line: The digital line with the DUT's timestamps in such a file.
        out: Where the folder is made.
        on_window: Called with each window as it closes.
        progress: As ``measure``.
        ask: As ``measure``.

    Raises:
        JoulebenchError: ``usage.*``, or if the bench is not as it must be.
    """
    if replay is None:
        used = load_bench("virtual" if bench is None else bench)
    elif bench is not None:
        raise UsageError("usage.replay", "a replay takes the place of a bench", "Name one of them.")
    else:
        used = replay_bench(Path(replay), speed, Given(voltage_v, marker_line))
    plan = make_record_plan(
        used,
        windows=windows,
        seconds=seconds,
        iterations=iterations,
        leading=leading_edges,
        replay=None if replay is None else Path(replay),
        marker=marker,
    )
    folder = default_folder(Path(out), "record", used.name, datetime.now(), used)
    count = 0

    def take(figures: WindowFigures) -> None:
        nonlocal count
        count += 1
        on_window(figures)

    with shown("recording", progress) as report:

        def on_time(passed_s: float) -> None:
            parts = [passed_s / seconds if seconds else 0.0, count / windows if windows else 0.0]
            report(min(max(parts), 1.0), f"{math.floor(passed_s)} s, {count} windows")

        return RecordedWindows(run_record(plan, folder, take, on_time, ask))


def _only(plans: list[AnyPlan], out: Path, progress: Report | bool, ask: Prompt) -> AnySession:
    batch = _run(plans, out, progress, ask)
    for _, error in batch.failures:
        raise error
    return session_of(batch.outcomes[0])


def _run(plans: list[AnyPlan], out: Path, progress: Report | bool, ask: Prompt) -> Batch:
    """Runs sessions; the error of a session that can be resumed states how, as a note."""
    kept: dict[int, Path] = {}

    def keep(plan: AnyPlan, folder: Path) -> None:
        kept[id(plan)] = folder

    try:
        with shown("measuring", progress) as report:
            batch = run_sessions(plans, out, lambda done, doing: report(done / len(plans), doing), ask, keep)
    except KeyboardInterrupt as interrupt:
        for folder in kept.values():
            interrupt.add_note(_how_to_resume(folder))
        raise
    for plan, error in batch.failures:
        if id(plan) in kept:
            error.add_note(_how_to_resume(kept[id(plan)]))
    return batch


def _how_to_resume(folder: Path) -> str:
    return f"the answers are kept: joulebench.resume({os.fspath(folder)!r}, bench) resumes the session"


def _path(path: AnyPath | None) -> Path | None:
    return None if path is None else Path(path)


def _words(names: Sequence[str]) -> list[str]:
    """Names from a sequence, or from a text with commas."""
    if isinstance(names, str):
        return [word.strip() for word in names.split(",") if word.strip()]
    return list(names)
