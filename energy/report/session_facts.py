"""What a point takes from the folder of its session: facts that depend on the files of that folder alone.

So an index may remember them (``energy.validation.archive.remembered``) until a file of the folder changes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from energy.errors import JoulebenchError
from energy.evidence.reader import SessionEvidence
from energy.findings import Severity
from energy.recording.jsonvalues import as_object, parse_json
from energy.runs.measured import load, measure_run
from energy.runs.measurement import Measurement
from energy.uncertainty.budget import Budget
from energy.uncertainty.of_run import statement_of
from energy.uncertainty.results import read_result
from energy.validation.listing import ListedSession, listed_session, of_stored


@dataclass(frozen=True)
class OwnFigures:
    """What the budgets and medians of a measurement give."""

    joule: float | None
    power_w: float | None
    rate: float | None
    joule_expanded: float | None
    coverage_factor: float | None
    power_expanded: float | None
    findings: tuple[str, ...]
    sound: bool
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class OwnFacts:
    """What a point takes from the folder of its session; it depends on the files of that folder alone.

    Attributes:
        session: The session as its documents state it.
        problem: Why these cannot be read; empty where they can.
        error: Why it has no figures; empty where it has some, or its mode has none.
    """

    session: ListedSession
    problem: str = ""
    error: str = ""
    figures: OwnFigures | None = None
    flash_bytes: int | None = None
    ram_bytes: int | None = None
    ambient_c: float | None = None

    def text(self) -> str:
        """All of it but the folder, as JSON."""
        own = {name: value for name, value in vars(self).items() if name not in ("session", "figures")}
        figures = vars(self.figures) if self.figures else None
        return json.dumps({**own, "figures": figures, "session": self.session.stored()})


FACTS = "1"
"""Version of ``OwnFacts.text``."""


def facts_of_text(folder: Path, text: str) -> OwnFacts:
    """The facts by what ``OwnFacts.text`` gave.

    Raises:
        ValueError: If it is none.
    """
    document = as_object(parse_json(text))
    try:
        session = of_stored(folder, document.pop("session"))
        figures = document.pop("figures")
        if figures is not None:
            lists = {name: tuple(figures.pop(name)) for name in ("findings", "notes")}
            figures = OwnFigures(**figures, **lists)
        return OwnFacts(session, figures=figures, **document)
    except (KeyError, TypeError) as error:
        raise ValueError(f"it holds no facts of a session: {error!r}") from error


def facts_of(folder: Path) -> OwnFacts:
    """The facts of a session, from its folder."""
    session = _listed(folder)
    if session.problem:
        return OwnFacts(session, problem=_problem(session))
    if session.mode not in ("energy", "record"):
        return OwnFacts(session)
    try:
        figures = _figures(session)
    except JoulebenchError as error:
        return OwnFacts(session, error=str(error))
    return with_bench(session, figures)


def with_bench(session: ListedSession, figures: OwnFigures) -> OwnFacts:
    """The facts of a session whose figures are known, with what its bench file states."""
    dut = _bench_part(session.folder, "dut")
    return OwnFacts(
        session,
        figures=figures,
        flash_bytes=whole(dut.get("flash_bytes")),
        ram_bytes=whole(dut.get("ram_bytes")),
        ambient_c=_ambient_c(session.folder),
    )


def _listed(folder: Path) -> ListedSession:
    if SessionEvidence(folder).has_session:
        return listed_session(folder)
    return ListedSession(folder, mode="record")


def _problem(session: ListedSession) -> str:
    """Why the documents of a session cannot be read, with the code of the error."""
    evidence = SessionEvidence(session.folder)
    try:
        _ = evidence.session, evidence.result if evidence.has_result else None
    except JoulebenchError as error:
        return str(error)
    return session.problem


def _figures(session: ListedSession) -> OwnFigures:
    """The figures of a session, as its result states them, or computed again where it has none.

    Raises:
        JoulebenchError: If it cannot be read.
    """
    evidence = SessionEvidence(session.folder)
    if not evidence.has_result:
        return figures_of_measured(measure_run(load(session.folder)))
    result = read_result(session.folder)
    budgets = {str(name): budget for name, budget in result.budgets.items()}
    codes = (*session.findings, *(code for code, _ in result.errors))
    notes = () if "energy" in budgets else (f"No uncertainty is stated: {result.why_not}.",)
    return OwnFigures(
        _value(budgets.get("energy"), session.joule_per_inference),
        _value(budgets.get("power"), session.power_w),
        _value(budgets.get("throughput"), session.inferences_per_second),
        *_expanded(budgets),
        tuple(dict.fromkeys(codes)),
        not result.errors,
        notes,
    )


def figures_of_measured(measured: Measurement) -> OwnFigures:
    """The figures of a recording that was measured again, with its uncertainty statement."""
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
    return OwnFigures(
        _value(known.get("energy"), cost.median if cost else None),
        _value(known.get("power"), power.median if power else None),
        _value(known.get("throughput"), rate.median if rate else None),
        *_expanded(known),
        tuple(dict.fromkeys(codes)),
        measured.sound,
        (f"No uncertainty is stated{f': {why}' if why else ''}.",) if "energy" not in known else (),
    )


def _expanded(budgets: Mapping[str, Budget]) -> tuple[float | None, float | None, float | None]:
    """U of the energy with its coverage factor, and U of the power, where they are stated."""
    energy, power = budgets.get("energy"), budgets.get("power")
    return (
        energy.expanded if energy else None,
        energy.k if energy else None,
        power.expanded if power else None,
    )


def _value(budget: Budget | None, median: float | None) -> float | None:
    return median if budget is None else budget.value


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
