"""Reads operating points from disk: sessions, recordings, sweeps, published trees, folders of all of them."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from energy.benchmark.workloads import WORKLOADS
from energy.catalogue.build import build
from energy.catalogue.choose import row_named
from energy.catalogue.processors import kind_of_board
from energy.catalogue.row import Row, read_rows
from energy.characterize.sweep import SWEEP_NAME
from energy.characterize.table import CSV_NAME
from energy.errors import JoulebenchError, RecordingError, UsageError
from energy.evidence.names import RESULT_NAME, SESSION_NAME
from energy.evidence.reader import SessionEvidence
from energy.evidence.scope import Scope
from energy.evidence.setup import Setup
from energy.recording.inside import is_there, within
from energy.recording.jsonvalues import as_object, parse_json
from energy.recording.limits import LARGEST_CATALOGUE, LARGEST_DOCUMENT
from energy.recording.store import TRACE_NAME
from energy.recording.trace import read_text_file
from energy.report.points import LeftOut, OperatingPoint, PointSet, point_of_row
from energy.report.session_facts import FACTS, OwnFacts, facts_of, facts_of_text, whole
from energy.report.session_points import not_placed, point_of_trace, points_of_sessions
from energy.report.sweeps import axis_text
from energy.runs.find import find_traces
from energy.runs.measured import load, measure_run
from energy.submission.tree import read_tree
from energy.validation.archive import remembered

Progress = Callable[[float, str], None]
"""Called with the part that is done, 0 to 1, and what is being read."""

_DEEPEST = 6
_MOST_FOLDERS = 20_000
_OWN_COLUMN = ("workload", "voltage_v", "clock_hz", "temperature_c")
"""Axes of a sweep that points have a figure for; all others are their ``setting``."""
_POINT = re.compile(r"points/[\w-]+")
"""The folder of a point, as the table of a sweep names it."""
_HINT = (
    "Name sessions, recordings, sweeps, published submissions, folders that hold them, or a row of "
    "`joulebench catalogue list`."
)


@dataclass
class _Places:
    """What a folder holds."""

    sessions: list[Path] = field(default_factory=list[Path])
    sweeps: list[Path] = field(default_factory=list[Path])


def points_of(
    paths: Sequence[str | Path],
    rows: Sequence[Row] | None = None,
    progress: Progress = lambda done, doing: None,
    workers: int | None = None,
) -> PointSet:
    """The operating points of everything that some paths hold.

    Args:
        paths: Sessions, recordings, sweeps, traces, published submissions or rounds, folders with any of
            them; a name that is no path is that of a published result.
        rows: The catalogue; None: the one that is shipped.
        progress: Called with what is done so far.
        workers: Processes that recompute published submissions; None for one per core.

    Raises:
        UsageError: ``path.missing``, ``path.nothing``, ``catalogue.several``.
    """
    rows = read_rows() if rows is None else rows
    found = PointSet()
    sessions: dict[Path, str] = {}
    known: dict[Path, OwnFacts] = {}
    for number, path in enumerate(paths):

        def report(done: float, doing: str, number: int = number) -> None:
            progress((number + done) / (len(paths) + 1), doing)

        before = len(sessions)
        found += _of_path(path, rows, report, workers, sessions)
        known |= _known(Path(path), list(sessions)[before:], report)
    order = {folder: number for number, folder in enumerate(sessions)}

    def on_session(folder: Path) -> None:
        part = order.get(folder, 0) / max(len(order), 1)
        progress((len(paths) + part) / (len(paths) + 1), folder.name)

    ours = points_of_sessions(list(sessions), lambda folder: sessions[folder], rows, on_session, known)
    both = ours + found
    return replace(both, points=_each_once(both.points))


def _known(place: Path, folders: list[Path], report: Progress) -> dict[Path, OwnFacts]:
    """The facts of sessions in a folder that has many, from its index; those that are new are added to it."""

    def text(folder: Path) -> str:
        return facts_of(folder).text()

    def progress(done: int, total: int) -> None:
        report(done / max(total, 1), "sessions")

    texts = remembered(place.absolute(), folders, text, f"points {FACTS}", progress)
    known: dict[Path, OwnFacts] = {}
    for folder, found in texts.items():
        try:
            known[folder] = facts_of_text(folder, found)
        except ValueError:  # somebody has altered the index
            known[folder] = facts_of(folder)
    return known


def _each_once(points: Sequence[OperatingPoint]) -> tuple[OperatingPoint, ...]:
    """The points, each source once: somebody may name a folder and one in it."""
    return tuple({(Path(point.path).absolute(), point.name): point for point in points}.values())


def _of_path(
    path: str | Path,
    rows: Sequence[Row],
    report: Progress,
    workers: int | None,
    sessions: dict[Path, str],
) -> PointSet:
    """What a path holds but for its sessions, whose folders and names are added to ``sessions``.

    Those of all paths are read together, since an energy session may be named beside its performance session.
    """
    place = Path(path)
    if not place.exists():
        return _of_name(str(path), rows)
    if place.name in (SESSION_NAME, RESULT_NAME, SWEEP_NAME, CSV_NAME, TRACE_NAME):
        place = place.parent
    with within(place):
        if place.is_file():
            return _of_file(place, rows, report, workers)
        places = _look(place)
        found = PointSet()
        for folder in places.sessions:
            sessions.setdefault(folder.absolute(), _name(folder, place, path))
        for sweep in places.sweeps:
            found += sweep_points(sweep, _name(sweep, place, path), rows)
        if _more_in(place, places) and read_tree(place).rounds:
            found += _of_tree(place, rows, report, workers)
        if not (found.points or found.left_out or places.sessions):
            found = _of_traces(place, rows, report)
    if not (found.points or found.left_out or places.sessions):
        raise UsageError("path.nothing", f"{path} holds no session, recording, sweep or submission", _HINT)
    return found


def _of_name(name: str, rows: Sequence[Row]) -> PointSet:
    try:
        row = row_named(rows, name)
    except UsageError as error:
        if error.code != "catalogue.unknown":
            raise
        raise UsageError(
            "path.missing", f"there is no {name}, and no published result is called so", _HINT
        ) from error
    if not row.joule_per_inference:
        return PointSet((), (LeftOut(row.id, "no energy was published"),))
    return PointSet((point_of_row(row, "tree"),))


def _look(root: Path) -> _Places:
    """Sessions and sweeps in a folder, to a few levels; none below one of them, and no link is followed."""
    places = _Places()
    waiting, looked = [(root, 0)], 0
    while waiting and looked < _MOST_FOLDERS:
        folder, depth = waiting.pop()
        looked += 1
        evidence = SessionEvidence(folder)
        if is_there(folder / SWEEP_NAME):
            places.sweeps.append(folder)
        elif evidence.has_trace or evidence.has_session:
            places.sessions.append(folder)
        elif depth < _DEEPEST:
            waiting += [(below, depth + 1) for below in _folders_in(folder)]
    places.sessions.sort()
    places.sweeps.sort()
    return places


def _more_in(place: Path, places: _Places) -> bool:
    """Whether a folder holds other folders than sessions and sweeps, and so may be a published tree."""
    known = {*places.sessions, *places.sweeps}
    return place not in known and any(folder not in known for folder in _folders_in(place))


def _folders_in(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.is_dir() and not path.is_symlink()]
    except OSError as error:
        raise RecordingError("file.unreadable", f"{folder} cannot be read: {error}", _HINT) from error


def _name(folder: Path, root: Path, named: str | Path) -> str:
    """A folder as a person would name it."""
    below = folder.relative_to(root)
    return str(Path(named) / below) if below.parts else str(named)


def _of_tree(root: Path, rows: Sequence[Row], report: Progress, workers: int | None) -> PointSet:
    """A published submission or round, or an archive of it: the figures as this program recomputes them."""
    built = build(
        [root],
        rows,
        partial_copy=True,
        workers=workers,
        progress=lambda done, of, name: report(done / max(of, 1), name),
    )
    if built.failures:
        raise built.failures[0][1]
    points: list[OperatingPoint] = []
    left: list[LeftOut] = []
    for row in built.refreshed:
        joule = row.recomputed_joule_per_inference
        if joule is None and not row.joule_per_inference:
            left.append(LeftOut(row.id, "it has no energy"))
            continue
        ours = replace(
            row,
            joule_per_inference=joule or row.joule_per_inference,
            inferences_per_second=row.recomputed_inferences_per_second or row.inferences_per_second,
        )
        point = point_of_row(ours, "tree")
        notes = () if joule else ("Its energy is as printed: no trace of it was found.",)
        if reason := not_placed(point.joule_per_inference, 1 / point.latency_s if point.latency_s else None):
            left.append(LeftOut(row.id, reason))
            continue
        points.append(replace(point, notes=notes))
    return PointSet(tuple(points), tuple(left))


def _of_file(path: Path, rows: Sequence[Row], report: Progress, workers: int | None) -> PointSet:
    """An archive of a submission, or a trace."""
    if path.name.endswith((".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2")):
        return _of_tree(path, rows, report, workers)
    return _of_traces(path, rows, report)


def _of_traces(root: Path, rows: Sequence[Row], report: Progress) -> PointSet:
    points: list[OperatingPoint] = []
    left: list[LeftOut] = []
    traces = list(find_traces(root))
    for number, trace in enumerate(traces):
        report(number / len(traces), trace.name)
        name = _name(trace, root, root)
        try:
            found = point_of_trace(measure_run(load(trace, root)), name, rows, "recording")
        except JoulebenchError as error:
            found = LeftOut(name, f"it cannot be read: {error}")
        if isinstance(found, LeftOut):
            left.append(found)
        else:
            points.append(found)
    return PointSet(tuple(points), tuple(left))


def sweep_points(folder: Path, name: str, rows: Sequence[Row]) -> PointSet:
    """The points of a sweep, from its table.

    Args:
        folder: Its folder.
        name: Its name in tables.
        rows: The catalogue.
    """
    try:
        document = as_object(
            parse_json(read_text_file(folder / SWEEP_NAME, LARGEST_DOCUMENT, hint=_HINT), what=SWEEP_NAME)
        )
        text = read_text_file(folder / CSV_NAME, LARGEST_CATALOGUE, hint=_HINT)
        table = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    except (JoulebenchError, OSError, ValueError, csv.Error) as error:
        reason = f"its table cannot be read ({error}); `joulebench sweep PLAN --resume` writes it again"
        return PointSet((), (LeftOut(name, reason),))
    plan, bench = _part(document, "plan"), _part(document, "bench")
    axes = [
        axis
        for axis, part in _part(plan, "axes").items()
        if len(_values(part)) > 1 and axis not in _OWN_COLUMN
    ]
    points: list[OperatingPoint] = []
    left: list[LeftOut] = []
    for row in table:
        cells = {key: value.removeprefix("'") for key, value in row.items() if key and value}
        point = _sweep_point(cells, bench, axes, folder, name, rows)
        if isinstance(point, LeftOut):
            left.append(point)
        else:
            points.append(point)
    missing = len(_list(document.get("points"))) - len(table)
    if missing > 0:
        left.append(LeftOut(name, f"{missing} of its points are not measured yet"))
    return PointSet(tuple(points), tuple(left))


def _values(part: Any) -> list[Any]:
    return _list(cast("dict[str, Any]", part).get("values")) if isinstance(part, dict) else []


def _list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def _part(document: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = document.get(key)
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _sweep_point(
    cells: Mapping[str, str],
    bench: Mapping[str, Any],
    axes: Sequence[str],
    folder: Path,
    sweep: str,
    rows: Sequence[Row],
) -> OperatingPoint | LeftOut:
    name = f"{sweep}/{cells.get('folder', '?')}"
    joule, latency = _number(cells, "joule_per_inference"), _number(cells, "latency_s")
    if reason := not_placed(joule, 1 / latency if latency else None):
        error = cells.get("error") or cells.get("findings")
        return LeftOut(name, f"{reason}: {error.partition(':')[0]}" if error else reason)
    workload, board = WORKLOADS.get(cells.get("workload", "")), cells.get("board", "")
    setting = ", ".join(axis_text(axis, _axis_value(cells.get(axis, ""))) for axis in axes)
    place = cells.get("folder", "")
    below = folder / place if _POINT.fullmatch(place) else folder
    setup = _setup_at(below)
    measured = _number(cells, "performance_inferences_per_second")
    return OperatingPoint(
        name=name,
        source="sweep",
        label=", ".join(filter(None, (board, setting))),
        path=str(below),
        benchmark=workload.benchmark if workload else cells.get("workload", ""),
        latency_s=latency,
        latency_mode="performance" if measured else "energy",
        joule_per_inference=joule,
        expanded_uncertainty_j=_number(cells, "joule_per_inference_u95"),
        coverage_factor=_number(cells, "joule_per_inference_k"),
        power_w=_number(cells, "power_w"),
        power_expanded_w=_number(cells, "power_w_u95"),
        accuracy=_number(cells, "accuracy"),
        accuracy_metric=workload.metric if workload and cells.get("accuracy") else "",
        macs=workload.macs if workload else None,
        flash_bytes=whole(_integer(cells, "flash_bytes")),
        ram_bytes=whole(_integer(cells, "ram_bytes")),
        board=board,
        voltage_v=_number(cells, "voltage_v"),
        clock_hz=_number(cells, "clock_hz"),
        temperature_c=_number(cells, "temperature_c"),
        setting=setting,
        monitor=setup.monitor or "",
        processor_kind=kind_of_board(board, rows),
        scope=setup.scope.text() if setup.scope else _scope_text(bench.get("scope")),
        virtual=cells.get("virtual") == "true",
        valid=cells.get("verdict") == "valid",
        findings=tuple(filter(None, cells.get("findings", "").split(", "))),
        notes=tuple(filter(None, (cells.get("error", ""),))),
    )


def _setup_at(folder: Path) -> Setup:
    """The set-up of a point's session in energy mode; an empty one where its document cannot be read."""
    evidence = SessionEvidence(folder / "energy")
    try:
        return evidence.session.setup if evidence.has_session else Setup()
    except RecordingError:  # the row of the table states the figures
        return Setup()


def _scope_text(scope: Any) -> str:
    if not isinstance(scope, dict):
        return ""
    try:
        return Scope.model_validate(scope).text()
    except ValueError:
        return ""


def _axis_value(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _number(cells: Mapping[str, str], column: str) -> float | None:
    try:
        value = float(cells.get(column) or "nan")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _integer(cells: Mapping[str, str], column: str) -> int | None:
    value = _number(cells, column)
    return None if value is None else int(value)
