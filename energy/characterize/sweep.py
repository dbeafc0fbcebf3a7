"""Runs a sweep: point by point, in a folder that a kill at any moment leaves resumable.

``sweep.json`` holds the plan with its points in order, ``points/NNNN`` a point each (``points.py``), and
``table.csv`` and ``table.parquet`` the rows of the finished points, written anew after each.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from energy import __version__
from energy.bench.prompt import Prompt, no_operator
from energy.characterize.chamber import opened_chamber
from energy.characterize.forecast import Forecast
from energy.characterize.moves import Mover
from energy.characterize.plan import Point, Sweep
from energy.characterize.points import Finished, read_finished, run_point, write_whole
from energy.characterize.same_answers import judged_rows
from energy.characterize.table import write_tables
from energy.errors import JoulebenchError, RecordingError, UsageError
from energy.instruments import Line
from energy.recording.jsonvalues import as_object, json_text, parse_json
from energy.recording.limits import LARGEST_DOCUMENT
from energy.recording.trace import read_text_file
from energy.session.batch import is_dangerous

_LOG = logging.getLogger("joulebench.sweep")
SWEEP_NAME = "sweep.json"
SWEEP_FOLDER_SCHEMA = "joulebench.sweep-folder/1"
_RUN_ELSEWHERE = ("pace", "attach")
"""Settings of a virtual bench that runs in real time."""

Report = Callable[[float, str, float], None]
"""Called with the part of the sweep that is done (0 to 1), the present step, and the seconds left."""


@dataclass
class SweepRun:
    """A sweep while it runs, and its result.

    Attributes:
        sweep: The plan with its points.
        folder: Its folder.
        finished: The points that are finished, in the order in which they are measured.
        forecast: What the others will take.
        resumed: How many of the points were finished before.
        stopped: The error that ended the sweep before its last point; None if none did.
    """

    sweep: Sweep
    folder: Path
    forecast: Forecast
    finished: list[Finished] = field(default_factory=list[Finished])
    resumed: int = 0
    stopped: JoulebenchError | None = None

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The table: a row for each finished point, by its number; scores that differ make one not valid."""
        return judged_rows(self.finished)

    @property
    def left(self) -> list[Point]:
        """The points that are not finished."""
        done = {finished.point.number for finished in self.finished}
        return [point for point in self.sweep.points if point.number not in done]

    @property
    def valid(self) -> bool:
        """Whether every point is finished and valid."""
        return not self.left and all(row["verdict"] == "valid" for row in self.rows)


def open_sweep(sweep: Sweep, folder: Path, *, resume: bool = False) -> SweepRun:
    """Makes the folder of a sweep, or finds in it what is finished.

    Raises:
        UsageError: ``sweep.folder-used``, ``sweep.no-sweep``, ``sweep.other-plan``.
        RecordingError: ``sweep.damaged``, ``sweep.write-failed``.
    """
    path = folder / SWEEP_NAME
    document = _document(sweep)
    run = SweepRun(sweep, folder, Forecast(sweep))
    if not resume:
        if folder.exists() and any(folder.iterdir()):
            raise UsageError(
                "sweep.folder-used",
                f"{folder} is not empty",
                "--resume measures the points that are left in it; --out names another folder.",
            )
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(path, lambda draft: draft.write_text(json_text(document, indent=2) + "\n"))
        return run
    if not path.is_file():
        raise UsageError("sweep.no-sweep", f"{folder} holds no sweep", "Leave --resume out to begin one.")
    _refuse_other(path, document)
    for point in sweep.points:
        if (done := read_finished(folder / "points" / point.folder, point)) is not None:
            _take(run, done)
    run.resumed = len(run.finished)
    return run


def run_sweep(run: SweepRun, report: Report, prompt: Prompt = no_operator) -> SweepRun:
    """Measures the points that are left.

    Args:
        run: The sweep, from ``open_sweep``.
        report: Called as it advances.
        prompt: Asks the person at the bench.

    Raises:
        JoulebenchError: If the chamber is not there, or the folder cannot be written.
    """
    sweep = run.sweep
    virtual = sweep.bench.virtual
    real = virtual is None or any(name in virtual.settings for name in _RUN_ELSEWHERE)
    with ExitStack() as stack:
        chamber = stack.enter_context(opened_chamber(sweep.plan.chamber, _log_line)) if run.left else None
        mover = Mover(sweep, prompt, _LOG.info, chamber, real)
        try:
            for point in run.left:
                error = _run_one(run, point, mover, report, prompt)
                if error is not None and (sweep.plan.on_failure == "stop" or is_dangerous(error)):
                    run.stopped = error
                    break
        finally:
            if run.finished:
                write_tables(run.rows, sweep.plan, run.folder)
    return run


def _run_one(
    run: SweepRun, point: Point, mover: Mover, report: Report, prompt: Prompt
) -> JoulebenchError | None:
    total = len(run.sweep.points)
    before_s = run.forecast.total_s(run.left)
    point_s = run.forecast.point_s(point)
    name = f"point {len(run.finished) + 1} of {total}"

    def progress(part: float, doing: str) -> None:
        report((len(run.finished) + part) / total, f"{name}: {doing}", before_s - part * point_s)

    folder = run.folder / "points" / point.folder
    done, error = run_point(run.sweep, point, folder, mover, progress, prompt)
    _take(run, done)
    write_tables(run.rows, run.sweep.plan, run.folder)
    _LOG.info("point %d of %d: %s", point.number, total, done.row["verdict"])
    return error


def _take(run: SweepRun, done: Finished) -> None:
    run.finished.append(done)
    if not done.failed:
        run.forecast.learn(done.point, done.sessions_s)


def _log_line(line: Line) -> None:
    _LOG.debug("%s %s %s", line.source, ">" if line.sent else "<", line.text)


def _document(sweep: Sweep) -> dict[str, Any]:
    return {
        "schema": SWEEP_FOLDER_SCHEMA,
        "joulebench": __version__,
        "plan": sweep.plan.model_dump(by_alias=True, mode="json"),
        "bench": sweep.bench.model_dump(by_alias=True, mode="json"),
        "points": [point.to_json() for point in sweep.points],
        "skipped": [point.to_json() for point in sweep.skipped],
    }


def _refuse_other(path: Path, document: dict[str, Any]) -> None:
    """Refuses a plan that is not the one that the folder was begun with.

    Raises:
        UsageError: ``sweep.other-plan``.
        RecordingError: ``sweep.damaged``.
    """
    hint = "Begin the sweep in another folder."
    try:
        before = as_object(parse_json(read_text_file(path, LARGEST_DOCUMENT, hint=hint)))
    except (ValueError, OSError) as error:
        raise RecordingError("sweep.damaged", f"{path} cannot be read: {error}", hint) from error
    now: dict[str, Any] = json.loads(json_text(document))
    different = [
        f"{part}.{key}"
        for part in ("plan", "bench")
        for key in now[part]
        if not isinstance(before.get(part), dict) or before[part].get(key) != now[part][key]
    ]
    if different or before.get("points") != now["points"]:
        raise UsageError(
            "sweep.other-plan",
            f"the sweep in {path.parent} was begun with another plan: {', '.join(different) or 'the points'} "
            "differ",
            "Resume it with the plan that it was begun with, or begin another one with --out.",
        )
