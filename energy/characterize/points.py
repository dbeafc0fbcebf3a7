"""A point of a sweep: its sessions, one for each mode, and its row of the table.

A point's folder holds a folder for each mode, named by it, and, once all have ended, ``point.json``. That is
written whole and last, so a point is either finished or is measured again after a kill; what an interrupted
attempt left is kept under another name.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from energy.bench.benchfile import BenchFile
from energy.bench.prompt import Prompt, no_operator
from energy.benchmark.workloads import WORKLOADS
from energy.characterize.memory import memory_of
from energy.characterize.moves import Mover
from energy.characterize.plan import Point, Sweep, some_points
from energy.errors import JoulebenchError, RecordingError, UsageError
from energy.evidence.documents import SessionRecord
from energy.evidence.names import SESSION_NAME
from energy.findings import Finding, Severity
from energy.recording.durable import put_in_place
from energy.recording.inside import open_named
from energy.recording.jsonvalues import as_object, json_text, parse_json
from energy.recording.limits import LARGEST_DOCUMENT
from energy.recording.trace import read_text_file
from energy.session.accuracy_outcome import AccuracyOutcome
from energy.session.batch import Batch, is_dangerous, run_sessions
from energy.session.outcome import Outcome, Plan
from energy.session.plans import MODES, AnyPlan, make_plans
from energy.session.session_log import Progress
from energy.uncertainty.budget import Budget
from energy.uncertainty.floors import UNITS

POINT_NAME = "point.json"
POINT_SCHEMA = "joulebench.sweep-point/1"
FIGURES = ("joule_per_inference", "inferences_per_second", "power_w", "net_joule_per_inference")
"""Figures with an uncertainty, as in ``result.json``."""


@dataclass
class Finished:
    """A point that is finished.

    Attributes:
        point: The point.
        row: Its row of the table.
        sessions_s: Time of its sessions, on the bench's clock.
        failures: What kept a session from its end: mode, code, message, hint.
        moves: What was set before it.
        answers: Scores of the DUT by mode, a list for each trial.
    """

    point: Point
    row: dict[str, Any]
    sessions_s: float = 0.0
    failures: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    moves: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    answers: dict[str, list[list[float | None]]] = field(default_factory=dict[str, list[list[float | None]]])

    @property
    def failed(self) -> bool:
        """Whether a session did not come to its end."""
        return bool(self.failures)

    def to_json(self) -> dict[str, Any]:
        """For ``point.json``."""
        return {
            "schema": POINT_SCHEMA,
            "point": self.point.to_json(),
            "row": self.row,
            "sessions_s": self.sessions_s,
            "failures": self.failures,
            "moves": self.moves,
            "answers": self.answers,
        }


def read_finished(folder: Path, point: Point) -> Finished | None:
    """A point that was finished before; None if it was not.

    Args:
        folder: Its folder.
        point: The point that must be in it.

    Raises:
        RecordingError: ``sweep.damaged``.
    """
    path = folder / POINT_NAME
    if not path.is_file():
        return None
    hint = f"Remove {folder} to measure the point again."
    try:
        document = as_object(parse_json(read_text_file(path, LARGEST_DOCUMENT, hint=hint)))
        if document["point"] != json.loads(json_text(point.to_json())):
            raise ValueError(f"it is of another point: {document['point']}")
        return Finished(
            point,
            dict(as_object(document["row"])),
            float(document["sessions_s"]),
            list(document["failures"]),
            list(document["moves"]),
            dict(as_object(document["answers"])),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise RecordingError("sweep.damaged", f"{path}: {error}", hint) from error


def run_point(
    sweep: Sweep, point: Point, folder: Path, mover: Mover, progress: Progress, prompt: Prompt = no_operator
) -> tuple[Finished, JoulebenchError | None]:
    """Moves to a point, runs its sessions and writes ``point.json``.

    Args:
        sweep: The sweep.
        point: The point.
        folder: Its folder; sessions of an interrupted attempt in it are renamed.
        mover: Moves the axes.
        progress: Called with the part of the point that is done.
        prompt: Asks the person at the bench.

    Returns:
        The finished point, and the first error that kept a session from its end, if any.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _put_aside(folder)
    bench = sweep.bench_at(point)
    batch, first, memory = Batch(), None, (bench.dut.flash_bytes, bench.dut.ram_bytes)
    try:
        memory = firmware_memory(bench, "energy" in sweep.plan.modes)
        mover.to(point)
        plans = _plans(sweep, point, bench)
    except JoulebenchError as error:
        first, plans = error, []
    moves = list(mover.moves)
    for number, plan in enumerate(plans):
        try:
            mover.flash(point, plan.mode)
        except JoulebenchError as error:
            batch.failures.append((plan, error))
            break

        def report(part: float, doing: str, number: int = number) -> None:
            progress((number + min(part, 1.0)) / len(plans), doing)

        run_sessions([plan], folder, report, prompt, batch=batch, place=lambda one: folder / one.mode)
        if any(is_dangerous(error) for _, error in batch.failures):
            break
    first = first or next((error for _, error in batch.failures), None)
    finished = Finished(
        point,
        _row(point, bench, batch, memory, first, sweep.plan.floors),
        sum(_took_s(folder / plan.mode) for plan in plans),
        [_failure(plan.mode, error) for plan, error in batch.failures],
        moves,
        _answers(batch),
    )
    if first is not None and not batch.failures:
        finished.failures = [_failure("", first)]
    mover.wait(sweep.plan.cool_down_s)
    _write_whole(folder / POINT_NAME, json_text(finished.to_json(), indent=2) + "\n")
    return finished, first


def _plans(sweep: Sweep, point: Point, bench: BenchFile) -> list[AnyPlan]:
    plan, values = sweep.plan, point.values
    window_s, iterations = values.get("window_s"), values.get("iterations")
    modes = [mode for mode in MODES if mode in plan.modes]
    made = make_plans(
        bench,
        [point.workload],
        modes,
        datasets=None if plan.datasets is None else sweep.base / plan.datasets,
        limit=plan.limit if "accuracy" in modes else None,
        note=plan.note,
        floors=plan.floors,
    )
    return [
        replace(
            one,
            window_s=None if window_s is None else float(window_s),
            iterations=None if iterations is None else int(float(iterations)),
        )
        if isinstance(one, Plan)
        else one
        for one in made
    ]


def failures_of(finished: Iterable[Finished]) -> list[tuple[str, dict[str, str]]]:
    """Failures, those of a code and a mode together: the points, and the first of them."""
    alike: dict[tuple[str, str], list[tuple[Point, dict[str, str]]]] = {}
    for done in finished:
        for failure in done.failures:
            alike.setdefault((failure["mode"], failure["code"]), []).append((done.point, failure))
    return [
        (f"{some_points([point for point, _ in found])} {mode}".strip(), found[0][1])
        for (mode, _), found in alike.items()
    ]


def _answers(batch: Batch) -> dict[str, list[list[float | None]]]:
    """The scores of each trial by mode; None for what is no number."""
    return {
        outcome.plan.mode: [
            [score if math.isfinite(score) else None for score in t.results] for t in outcome.trials
        ]
        for outcome in batch.outcomes
        if isinstance(outcome, Outcome)
    }


def _put_aside(folder: Path) -> None:
    """Renames what an interrupted attempt left."""
    for mode in MODES:
        left = folder / mode
        if left.exists():
            number = 1
            while (kept := folder / f"{mode}-interrupted-{number}").exists():
                number += 1
            left.rename(kept)


def _took_s(folder: Path) -> float:
    """Time of a session on the bench's clock; 0 if it was never opened."""
    try:
        text = read_text_file(folder / SESSION_NAME, LARGEST_DOCUMENT, hint="")
        return SessionRecord.model_validate(parse_json(text)).bench_s or 0.0
    except (RecordingError, OSError, ValueError):
        return 0.0


def _failure(mode: str, error: JoulebenchError) -> dict[str, str]:
    return {"mode": mode, "code": error.code, "message": error.message, "hint": error.hint}


def _row(
    point: Point,
    bench: BenchFile,
    batch: Batch,
    memory: tuple[int | None, int | None],
    first: JoulebenchError | None,
    floors: bool,
) -> dict[str, Any]:
    """The row of a point: axes, circumstances, figures with their uncertainty, verdict."""
    by_mode = {outcome.plan.mode: outcome for outcome in batch.outcomes}
    findings = [finding for outcome in batch.outcomes for finding in outcome.findings]
    row: dict[str, Any] = {"point": point.number, "repeat": point.repeat, **point.values}
    row |= {name: value for name, value in _circumstances(bench).items() if name not in row}
    energy, performance, scored = (by_mode.get(mode) for mode in ("energy", "performance", "accuracy"))
    row |= _energy_figures(energy if isinstance(energy, Outcome) else None, floors)
    row |= _performance_figures(performance if isinstance(performance, Outcome) else None, row)
    row["accuracy"] = scored.value if isinstance(scored, AccuracyOutcome) else None
    row |= {
        "flash_bytes": memory[0],
        "ram_bytes": memory[1],
        "macs": WORKLOADS[point.workload].macs,
        "verdict": _verdict(batch, first),
        "findings": ", ".join(_codes(findings)),
        "error": f"{first.code}: {first.message}" if first is not None else "",
        "folder": f"points/{point.folder}",
        "virtual": bench.virtual is not None,
    }
    return row


def firmware_memory(bench: BenchFile, energy: bool) -> tuple[int | None, int | None]:
    """Flash and RAM in bytes: as the bench file states them, else of the firmware's image, if that is ELF.

    Args:
        bench: The bench.
        energy: Whether the image is that for energy mode.

    Raises:
        UsageError: ``memory.not-elf`` for a damaged ELF file, ``memory.hosted``.
        BenchError: ``memory.package``.
    """
    part = bench.dut
    image = part.firmware_energy if energy else part.firmware
    if image is None or (part.flash_bytes and part.ram_bytes) or not _is_elf(Path(image)):
        return part.flash_bytes, part.ram_bytes
    found = memory_of(Path(image))
    return part.flash_bytes or found.flash_bytes, part.ram_bytes or found.ram_bytes


def _is_elf(path: Path) -> bool:
    try:
        with open_named(path) as file:
            return file.read(4) == b"\x7fELF"
    except OSError as error:
        what = f"the firmware {path} cannot be read: {error}"
        raise UsageError("bench.firmware", what, "Correct its path.") from error


def _circumstances(bench: BenchFile) -> dict[str, Any]:
    ambient = bench.ambient.temperature_c if bench.ambient else None
    return {
        "board": bench.dut.board,
        "voltage_v": bench.dut.voltage_v,
        "clock_hz": bench.dut.clock_hz,
        "temperature_c": ambient if isinstance(ambient, float) else None,
    }


def _energy_figures(outcome: Outcome | None, floors: bool) -> dict[str, Any]:
    """Each figure, its expanded uncertainty and coverage factor; None for what is not known."""
    row: dict[str, Any] = {}
    medians: dict[str, float | None] = {}
    if outcome is not None and outcome.figures is not None:
        cost, power = outcome.figures.joule_per_inference(), outcome.figures.power_w()
        medians = {
            "joule_per_inference": cost.median if cost else None,
            "inferences_per_second": outcome.throughput.median if outcome.throughput else None,
            "power_w": power.median if power else None,
        }
    for name in FIGURES:
        budget: Budget | None = getattr(outcome.stated, name) if outcome and outcome.stated else None
        row[name] = budget.value if budget else medians.get(name)
        row[f"{name}_u95"] = budget.expanded if budget else None
        row[f"{name}_k"] = budget.k if budget else None
    for name in UNITS if floors else ():
        floor = outcome.floors.get(name) if outcome else None
        row[name] = floor.value if floor else None
        row[f"{name}_u95"] = floor.budget.expanded if floor and floor.budget else None
        row[f"{name}_k"] = floor.budget.k if floor and floor.budget else None
    return row


def _performance_figures(outcome: Outcome | None, row: dict[str, Any]) -> dict[str, Any]:
    """Throughput and latency in performance mode, and the ratio of energy mode's throughput to it."""
    ips = outcome.throughput.median if outcome is not None and outcome.throughput else None
    measured = row["inferences_per_second"]
    best = ips or measured
    return {
        "performance_inferences_per_second": ips,
        "latency_s": 1 / best if best else None,
        "energy_to_performance": measured / ips if ips and measured else None,
    }


def _verdict(batch: Batch, first: JoulebenchError | None) -> str:
    if first is not None:
        return "failed"
    return "valid" if all(outcome.valid for outcome in batch.outcomes) else "not valid"


def _codes(findings: list[Finding]) -> list[str]:
    """Codes of errors and warnings, errors first, each once."""
    grave = [finding for finding in findings if finding.severity is not Severity.INFO]
    grave.sort(key=lambda finding: finding.severity is not Severity.ERROR)
    return list(dict.fromkeys(finding.code for finding in grave))


def _write_whole(path: Path, text: str) -> None:
    """Writes a file so that a kill at any moment leaves the old one or the new one.

    Raises:
        RecordingError: ``sweep.write-failed``.
    """
    write_whole(path, lambda draft: draft.write_text(text, encoding="utf-8", errors="backslashreplace"))


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Has a file written under another name, then renames it: a reader sees it whole, or the one before.

    Args:
        path: The file.
        write: Writes the file at the path that it is called with.

    Raises:
        RecordingError: ``sweep.write-failed``.
    """
    draft = path.with_name(f".{path.name}.part")
    try:
        draft.unlink(missing_ok=True)
        write(draft)
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        put_in_place(draft, path)
    except OSError as error:
        raise RecordingError(
            "sweep.write-failed",
            f"{path} cannot be written: {error}",
            "Free disk space; then --resume measures the points that are left.",
        ) from error
