"""Sessions and recordings of ours as operating points: those in energy mode, with what belongs to them.

The latency of a session in energy mode is that of the performance session that it names, its accuracy that of
an accuracy session of the same workload, board, label and clock among those that were found.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from energy.benchmark.workloads import WORKLOADS
from energy.catalogue.processors import kind_of_board
from energy.catalogue.row import Row
from energy.errors import JoulebenchError
from energy.evidence.reader import SessionEvidence
from energy.evidence.setup import Setup
from energy.findings import Severity
from energy.report.points import LeftOut, OperatingPoint, PointSet, Source
from energy.runs.measured import load, measure_run
from energy.runs.measurement import Measurement
from energy.uncertainty.budget import Budget
from energy.uncertainty.of_run import statement_of
from energy.uncertainty.results import read_result
from energy.validation.listing import ListedSession, listed_session

PARTIAL_ACCURACY = "Its accuracy is not valid: of a part of the validation set, or of a session with errors."
NO_COUNT = "the number of inferences in its windows is not known"


@dataclass(frozen=True)
class _Figures:
    """What the budgets and medians of a measurement give."""

    joule: float | None
    power_w: float | None
    rate: float | None
    budgets: Mapping[str, Budget]
    findings: tuple[str, ...]
    sound: bool
    notes: tuple[str, ...] = ()


@dataclass
class _Found:
    """Sessions by what they are for."""

    energy: list[ListedSession] = field(default_factory=list[ListedSession])
    performance: dict[Path, ListedSession] = field(default_factory=dict[Path, ListedSession])
    accuracy: dict[tuple[Any, ...], list[ListedSession]] = field(
        default_factory=dict[tuple[Any, ...], list[ListedSession]]
    )


def points_of_sessions(
    folders: Sequence[Path],
    shown: Callable[[Path], str],
    rows: Iterable[Row],
    report: Callable[[Path], None] = lambda folder: None,
) -> PointSet:
    """The points of sessions and recordings.

    Args:
        folders: Their folders.
        shown: The name of a folder in tables.
        rows: The catalogue, which tells the kind of processor of a board.
        report: Called with each folder before it is read.
    """
    rows = list(rows)
    left: list[LeftOut] = []
    found = _sorted([_listed(folder) for folder in folders], shown, left)
    points: list[OperatingPoint] = []
    used: set[Path] = set()
    for session in found.energy:
        report(session.folder)
        beside = _performance(session, found)
        used |= {beside.folder} if beside else set()
        try:
            figures = _figures(session)
        except JoulebenchError as error:
            left.append(LeftOut(shown(session.folder), f"it cannot be read: {error}"))
            continue
        rate = (beside.inferences_per_second if beside else None) or figures.rate
        if reason := not_placed(figures.joule, rate):
            left.append(LeftOut(shown(session.folder), reason))
            continue
        points.append(_point(session, figures, beside, found.accuracy, shown, rows))
    alone = [folder for folder in found.performance if folder not in used]
    left += [LeftOut(shown(folder), "it has no energy: its mode is performance") for folder in alone]
    left += _unused_accuracy(found, shown)
    return PointSet(tuple(points), tuple(left))


def point_of_trace(
    measured: Measurement, name: str, rows: Iterable[Row], source: Source
) -> OperatingPoint | LeftOut:
    """A recording or a trace as a point.

    Args:
        measured: Its figures.
        name: Its name in tables.
        rows: The catalogue.
        source: Where it comes from.
    """
    figures, run = _measured(measured), measured.run
    if reason := not_placed(figures.joule, figures.rate):
        return LeftOut(name, reason)
    session = ListedSession(
        run.path, run.setup, run.session.workload if run.session else None, virtual=run.virtual,
        valid=measured.sound,
    )  # fmt: skip
    point = _point(session, figures, None, {}, lambda _: name, list(rows))
    return replace(point, source=source, benchmark=point.benchmark or run.benchmark)


def not_placed(joule: float | None, rate: float | None) -> str:
    """Why a measurement has no place in a figure; empty where it has one.

    Args:
        joule: Energy per inference.
        rate: Inferences per second.
    """
    if joule is None and rate is None:
        return NO_COUNT
    if joule is None:
        return "it has no energy per inference"
    if rate is None:
        return "its inferences per second are not known"
    if not (joule > 0 and math.isfinite(joule)):
        return f"its energy per inference of {joule:.4g} J is not above zero"
    if not (rate > 0 and math.isfinite(rate)):
        return f"its throughput of {rate:.4g} inf/s is not above zero"
    return ""


def _listed(folder: Path) -> ListedSession:
    if SessionEvidence(folder).has_session:
        return listed_session(folder)
    return ListedSession(folder, mode="record")


def _sorted(listed: Sequence[ListedSession], shown: Callable[[Path], str], left: list[LeftOut]) -> _Found:
    found = _Found()
    for session in listed:
        if session.problem:
            left.append(LeftOut(shown(session.folder), f"its documents cannot be read: {_problem(session)}"))
        elif session.mode == "performance":
            found.performance[session.folder] = session
        elif session.mode == "accuracy":
            found.accuracy.setdefault(_alike(session), []).append(session)
        elif session.mode in ("energy", "record"):
            found.energy.append(session)
        else:
            left.append(LeftOut(shown(session.folder), f"its mode {session.mode!r} has no operating point"))
    return found


def _problem(session: ListedSession) -> str:
    """Why the documents of a session cannot be read, with the code of the error."""
    evidence = SessionEvidence(session.folder)
    try:
        _ = evidence.session, evidence.result if evidence.has_result else None
    except JoulebenchError as error:
        return str(error)
    return session.problem


def _alike(session: ListedSession) -> tuple[Any, ...]:
    setup = session.setup
    return session.workload, setup.board, setup.label, setup.clock_hz


def _performance(session: ListedSession, found: _Found) -> ListedSession | None:
    """The performance session that an energy session names, beside it."""
    name = session.setup.performance
    if not name or Path(name).name != name:
        return None
    folder = session.folder.parent / name
    if folder not in found.performance and SessionEvidence(folder).has_session:
        other = listed_session(folder)
        return other if other.mode == "performance" and not other.problem else None
    return found.performance.get(folder)


def _unused_accuracy(found: _Found, shown: Callable[[Path], str]) -> list[LeftOut]:
    used = {_alike(session) for session in found.energy}
    return [
        LeftOut(shown(session.folder), "it has no energy: its mode is accuracy")
        for key, sessions in found.accuracy.items()
        if key not in used
        for session in sessions
    ]


def _figures(session: ListedSession) -> _Figures:
    """The figures of a session, as its result states them, or computed again where it has none.

    Raises:
        JoulebenchError: If it cannot be read.
    """
    evidence = SessionEvidence(session.folder)
    if not evidence.has_result:
        return _measured(measure_run(load(session.folder)))
    result = read_result(session.folder)
    budgets = {str(name): budget for name, budget in result.budgets.items()}
    codes = (*session.findings, *(code for code, _ in result.errors))
    notes = () if "energy" in budgets else (f"No uncertainty is stated: {result.why_not}.",)
    return _Figures(
        _value(budgets.get("energy"), session.joule_per_inference),
        _value(budgets.get("power"), session.power_w),
        _value(budgets.get("throughput"), session.inferences_per_second),
        budgets,
        tuple(dict.fromkeys(codes)),
        not result.errors,
        notes,
    )


def _measured(measured: Measurement) -> _Figures:
    session, statement = measured.session, statement_of(measured)
    stated = statement.stated
    budgets: dict[str, Budget | None] = {}
    if stated is not None:
        budgets = {
            "energy": stated.joule_per_inference,
            "power": stated.power_w,
            "throughput": stated.inferences_per_second,
        }
    known = {name: budget for name, budget in budgets.items() if budget is not None}
    cost, power, rate = session.joule_per_inference(), session.power_w(), session.inferences_per_second()
    why = "; ".join(found.evidence for found in statement.findings)
    codes = [found.code for found in measured.all_findings if found.severity is not Severity.INFO]
    return _Figures(
        _value(known.get("energy"), cost.median if cost else None),
        _value(known.get("power"), power.median if power else None),
        _value(known.get("throughput"), rate.median if rate else None),
        known,
        tuple(dict.fromkeys(codes)),
        measured.sound,
        (f"No uncertainty is stated{f': {why}' if why else ''}.",) if "energy" not in known else (),
    )


def _value(budget: Budget | None, median: float | None) -> float | None:
    return median if budget is None else budget.value


def _point(
    session: ListedSession,
    figures: _Figures,
    beside: ListedSession | None,
    accuracies: Mapping[tuple[Any, ...], Sequence[ListedSession]],
    shown: Callable[[Path], str],
    rows: Sequence[Row],
) -> OperatingPoint:
    setup, workload = session.setup, WORKLOADS.get(session.workload or "")
    performance = beside.inferences_per_second if beside else None
    rate = performance or figures.rate
    energy, power = figures.budgets.get("energy"), figures.budgets.get("power")
    accuracy, noted = _accuracy(accuracies.get(_alike(session), ()))
    dut = _bench_part(session.folder, "dut")
    return OperatingPoint(
        name=shown(session.folder),
        source="recording" if session.mode in (None, "record") else "session",
        label=label_of(setup),
        path=str(session.folder),
        benchmark=workload.benchmark if workload else session.workload or "",
        latency_s=1.0 / rate if rate else None,
        latency_mode="performance" if performance else "energy",
        joule_per_inference=figures.joule,
        expanded_uncertainty_j=energy.expanded if energy else None,
        coverage_factor=energy.k if energy else None,
        power_w=figures.power_w,
        power_expanded_w=power.expanded if power else None,
        accuracy=accuracy,
        accuracy_metric=workload.metric if workload and accuracy is not None else "",
        macs=workload.macs if workload else None,
        flash_bytes=whole(dut.get("flash_bytes")),
        ram_bytes=whole(dut.get("ram_bytes")),
        board=setup.board or "",
        voltage_v=setup.voltage_v,
        clock_hz=setup.clock_hz,
        temperature_c=_ambient_c(session.folder),
        setting=setup.label or "",
        monitor=setup.monitor or "",
        processor_kind=kind_of_board(setup.board, rows),
        scope=setup.scope.text() if setup.scope else "",
        virtual=bool(session.virtual),
        valid=_valid(session, figures),
        findings=figures.findings,
        notes=(*figures.notes, *noted),
    )


def _valid(session: ListedSession, figures: _Figures) -> bool:
    finished = session.state in (None, "finished")
    return finished and figures.sound and session.valid is not False


def _accuracy(sessions: Sequence[ListedSession]) -> tuple[float | None, tuple[str, ...]]:
    """The accuracy of the sessions that belong to a point, and what is to be known of it.

    None where they disagree. A session with a part of the validation set, or with errors, is not valid.
    """
    values = sorted({session.accuracy for session in sessions if session.accuracy is not None})
    if len(values) > 1:
        texts = ", ".join(f"{value:.4g}" for value in values)
        return None, (f"Accuracy sessions of this workload, board, label and clock disagree: {texts}.",)
    if values and not any(session.valid for session in sessions):
        return values[0], (PARTIAL_ACCURACY,)
    return (values[0] if values else None), ()


def _bench_part(folder: Path, name: str) -> Mapping[str, Any]:
    """A table of the bench file, as the session's document holds it; empty where it holds none."""
    evidence = SessionEvidence(folder)
    document: Any = evidence.document if evidence.has_session else None
    for key in ("bench", name):
        document = cast("dict[str, Any]", document).get(key) if isinstance(document, dict) else None
    return cast("dict[str, Any]", document) if isinstance(document, dict) else {}


def _ambient_c(folder: Path) -> float | None:
    """The ambient temperature that the bench file states; None where it names a sensor, or nothing."""
    value = _bench_part(folder, "ambient").get("temperature_c")
    return float(value) if isinstance(value, float | int) and not isinstance(value, bool) else None


def whole(value: Any) -> int | None:
    """A number of bytes in a document from elsewhere; None where it is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def label_of(setup: Setup) -> str:
    """The board and what a person has called it, for figures."""
    return ", ".join(filter(None, (setup.board, setup.label)))
