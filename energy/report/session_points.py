"""Sessions and recordings of ours as operating points: those in energy mode, with what belongs to them.

The latency of a session in energy mode is that of the performance session that it names, its accuracy that of
an accuracy session of the same workload, board, label and clock among those that were found.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from energy.benchmark.workloads import WORKLOADS
from energy.catalogue.processors import ProcessorKind, kind_of_board
from energy.catalogue.row import Row
from energy.evidence.reader import SessionEvidence
from energy.evidence.setup import Setup
from energy.report.points import LeftOut, OperatingPoint, PointSet, Source
from energy.report.session_facts import OwnFacts, OwnFigures, facts_of, figures_of_measured, with_bench
from energy.runs.measurement import Measurement
from energy.validation.listing import ListedSession, listed_session

PARTIAL_ACCURACY = "Its accuracy is not valid: of a part of the validation set, or of a session with errors."
NO_COUNT = "the number of inferences in its windows is not known"


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
    known: Mapping[Path, OwnFacts] | None = None,
) -> PointSet:
    """The points of sessions and recordings.

    Args:
        folders: Their folders.
        shown: The name of a folder in tables.
        rows: The catalogue, which tells the kind of processor of a board.
        report: Called with each folder before it is read.
        known: Facts of some of them, from an index.
    """
    kinds = _Kinds(list(rows))
    left: list[LeftOut] = []
    facts = dict(known or {})
    for folder in folders:
        if folder not in facts:
            report(folder)
            facts[folder] = facts_of(folder)
    found = _sorted([facts[folder] for folder in folders], shown, left)
    points: list[OperatingPoint] = []
    used: set[Path] = set()
    for session in found.energy:
        beside = _performance(session, found)
        used |= {beside.folder} if beside else set()
        own = facts[session.folder]
        figures = own.figures
        if figures is None:
            left.append(LeftOut(shown(session.folder), f"it cannot be read: {own.error}"))
            continue
        rate = (beside.inferences_per_second if beside else None) or figures.rate
        if reason := not_placed(figures.joule, rate):
            left.append(LeftOut(shown(session.folder), reason))
            continue
        points.append(_point(own, figures, beside, found.accuracy, shown, kinds))
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
    figures, run = figures_of_measured(measured), measured.run
    if reason := not_placed(figures.joule, figures.rate):
        return LeftOut(name, reason)
    session = ListedSession(
        run.path, run.setup, run.session.workload if run.session else None, virtual=run.virtual,
        valid=measured.sound,
    )  # fmt: skip
    point = _point(with_bench(session, figures), figures, None, {}, lambda _: name, _Kinds(list(rows)))
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


def _sorted(facts: Sequence[OwnFacts], shown: Callable[[Path], str], left: list[LeftOut]) -> _Found:
    found = _Found()
    for own in facts:
        session = own.session
        if own.problem:
            left.append(LeftOut(shown(session.folder), f"its documents cannot be read: {own.problem}"))
        elif session.mode == "performance":
            found.performance[session.folder] = session
        elif session.mode == "accuracy":
            found.accuracy.setdefault(_alike(session), []).append(session)
        elif session.mode in ("energy", "record"):
            found.energy.append(session)
        else:
            left.append(LeftOut(shown(session.folder), f"its mode {session.mode!r} has no operating point"))
    return found


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


class _Kinds:
    """Kinds of processors by board; each board is looked for once.

    Args:
        rows: The catalogue.
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = rows
        self._known: dict[str | None, ProcessorKind] = {}

    def of(self, board: str | None) -> ProcessorKind:
        """The kind of a board's processor."""
        if board not in self._known:
            self._known[board] = kind_of_board(board, self._rows)
        return self._known[board]


def _point(
    own: OwnFacts,
    figures: OwnFigures,
    beside: ListedSession | None,
    accuracies: Mapping[tuple[Any, ...], Sequence[ListedSession]],
    shown: Callable[[Path], str],
    kinds: _Kinds,
) -> OperatingPoint:
    session = own.session
    setup, workload = session.setup, WORKLOADS.get(session.workload or "")
    performance = beside.inferences_per_second if beside else None
    rate = performance or figures.rate
    accuracy, noted = _accuracy(accuracies.get(_alike(session), ()))
    return OperatingPoint(
        name=shown(session.folder),
        source="recording" if session.mode in (None, "record") else "session",
        label=label_of(setup),
        path=str(session.folder),
        benchmark=workload.benchmark if workload else session.workload or "",
        latency_s=1.0 / rate if rate else None,
        latency_mode="performance" if performance else "energy",
        joule_per_inference=figures.joule,
        expanded_uncertainty_j=figures.joule_expanded,
        coverage_factor=figures.coverage_factor,
        power_w=figures.power_w,
        power_expanded_w=figures.power_expanded,
        accuracy=accuracy,
        accuracy_metric=workload.metric if workload and accuracy is not None else "",
        macs=workload.macs if workload else None,
        flash_bytes=own.flash_bytes,
        ram_bytes=own.ram_bytes,
        board=setup.board or "",
        voltage_v=setup.voltage_v,
        clock_hz=setup.clock_hz,
        temperature_c=own.ambient_c,
        setting=setup.label or "",
        monitor=setup.monitor or "",
        processor_kind=kinds.of(setup.board),
        scope=setup.scope.text() if setup.scope else "",
        virtual=bool(session.virtual),
        valid=_valid(session, figures),
        findings=figures.findings,
        notes=(*figures.notes, *noted),
    )


def _valid(session: ListedSession, figures: OwnFigures) -> bool:
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


def label_of(setup: Setup) -> str:
    """The board and what a person has called it, for figures."""
    return ", ".join(filter(None, (setup.board, setup.label)))
