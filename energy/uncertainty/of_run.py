"""The uncertainty statement of a measured run: computed again from its session's document and its recording."""

from __future__ import annotations

from energy.errors import RecordingError
from energy.evidence.reader import SessionEvidence
from energy.findings import Finding
from energy.runs.measurement import Measurement
from energy.uncertainty.stated import Statement, state


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
    return state(document, measured.session, run.trace)
