"""The uncertainty statement of a measured run, computed from its session's document and its recording."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from energy.errors import RecordingError
from energy.evidence.names import RESULT_NAME
from energy.evidence.reader import SessionEvidence
from energy.findings import Finding
from energy.runs.measurement import Measurement
from energy.uncertainty.statement import Statement

if TYPE_CHECKING:
    from energy.evidence.read_documents import ResultDocument
    from energy.uncertainty.stated import Stated

_SAME = 1e-6
"""Relative difference up to which two floats are the same figure: coverage factors are found numerically."""


def measured_json(measured: Measurement, statement: Statement) -> dict[str, Any]:
    """A measured run with its uncertainty statement, for ``--json``.

    Args:
        measured: The run.
        statement: Its statement.
    """
    document = measured.to_json()
    document["uncertainty"] = statement.stated.to_json() if statement.stated else None
    document["findings"] += [finding.to_json() for finding in statement.findings]
    return document


def statement_of(measured: Measurement) -> Statement:
    """The uncertainty statement of a session or recording of ours; of other runs, none.

    Args:
        measured: The run, with its windows.
    """
    run = measured.run
    if run.session is None or run.trace is None or run.trace_path is None or not measured.windows:
        return Statement()
    evidence = SessionEvidence(run.trace_path if run.trace_path.is_dir() else run.trace_path.parent)
    if not evidence.has_session:
        return Statement()
    try:
        document = evidence.document
    except RecordingError as error:
        return Statement(None, [Finding("uncertainty.no-conditions", error.message)])
    if "bench" not in document:  # a recording without a session: the model need not be loaded
        return Statement(None, [Finding("uncertainty.no-conditions", "session.json, bench: Field required")])
    from energy.uncertainty.stated import state

    return state(document, measured.session, run.trace)


def stated_differs(result: ResultDocument, stated: Stated) -> Iterator[Finding]:
    """Figures of the uncertainty statement in ``result.json`` that do not follow from the recording.

    Args:
        result: The document.
        stated: The statement computed again.
    """
    from energy.uncertainty.stated import FIGURES

    theirs = result.uncertainty
    if theirs is None:
        return  # measured before there were statements, or without a scope then
    for name in FIGURES:
        ours = getattr(stated, name)
        if ours is None:
            continue
        budget = theirs.get(name)
        for key in ("value", "standard_uncertainty", "coverage_factor", "expanded_uncertainty"):
            value: Any = cast("dict[str, Any]", budget).get(key) if isinstance(budget, dict) else None
            wanted = ours.to_json()[key]
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not (number and math.isclose(float(value), wanted, rel_tol=_SAME)):
                evidence = (
                    f"{RESULT_NAME} has {value!r} for uncertainty.{name}.{key}, the trace gives {wanted!r}"
                )
                yield Finding("result.differs", evidence[:400])
