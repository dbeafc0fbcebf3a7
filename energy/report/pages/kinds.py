"""The page that fits what somebody names: a session, a trace, a sweep, a comparison, a validation."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from energy.characterize.floors import FLOORS_NAME
from energy.characterize.layers import LAYERS_NAME
from energy.characterize.phase_run import PHASES_NAME
from energy.characterize.scenarios import SCENARIO_NAME
from energy.characterize.sweep import SWEEP_NAME
from energy.errors import UsageError
from energy.evidence.reader import SessionEvidence
from energy.recording.inside import is_there
from energy.report.pages.skeleton import Page
from energy.runs.measurement import WindowOptions
from energy.uncertainty.comparability import Aspect

REPORTED = (
    "a session's folder, a recording or trace, a sweep's folder, a submission, a round or a folder of "
    "sessions, which is validated, or two results and more, which are compared"
)
"""What a page can be made of, in words."""
_TABLES_ONLY = {
    LAYERS_NAME: "layers",
    PHASES_NAME: "phases",
    SCENARIO_NAME: "scenario",
    FLOORS_NAME: "floors",
}


def page_of(
    paths: Sequence[str | Path], options: WindowOptions | None = None, across: Collection[Aspect] = ()
) -> Page:
    """The page of what is named.

    Args:
        paths: A path; or two results and more, also ids of published results, which are compared.
        options: What the user knows better than the files of a trace.
        across: What differs on purpose in a comparison.

    Raises:
        UsageError: ``report.*``, ``path.*``, ``usage.*``.
        RecordingError: If something cannot be read as what it is.
    """
    if not paths:
        raise UsageError("report.nothing", "no path is named", f"Name {REPORTED}.")
    if len(paths) > 1:
        from energy.report.pages.comparison import comparison_page

        return comparison_page([str(path) for path in paths], across)
    return _single(Path(paths[0]), options)


def _single(path: Path, options: WindowOptions | None) -> Page:
    from energy.report.pages.session import trace_page

    if not is_there(path):
        raise UsageError("path.missing", f"there is no {path}", f"Name {REPORTED}.")
    if not path.is_dir():
        return trace_page(path, options)
    if is_there(path / SWEEP_NAME):
        from energy.report.pages.sweep import sweep_page

        return sweep_page(path)
    evidence = SessionEvidence(path)
    if evidence.has_session and not evidence.has_trace:
        from energy.report.pages.timed import timed_page

        return timed_page(path)
    for name, verb in _TABLES_ONLY.items():
        if is_there(path / name) and not evidence.has_session:
            raise UsageError(
                "report.kind",
                f"{path} holds the result of `joulebench {verb}` ({name}), of which there is no page",
                f"Name one of its sessions or recordings: a page is made of {REPORTED}.",
            )
    if not evidence.has_session and not evidence.has_trace and holds_runs(path):
        return _validated(path)
    return trace_page(path, options)


def holds_runs(path: Path) -> bool:
    """Whether a folder is what a validation is made of: a submission, a round, or sessions."""
    from energy.submission.tree import read_tree
    from energy.validation.folders import folders_where

    return bool(read_tree(path).rounds) or bool(folders_where(path, lambda found: found.has_session))


def _validated(path: Path) -> Page:
    """The page of a validation of a folder, by the rules of its own rounds.

    Raises:
        JoulebenchError: If nothing of it can be read.
    """
    from energy.report.pages.validation import validation_page
    from energy.validation.paths import validate_paths

    report, failures = validate_paths([path])
    if failures:
        raise failures[0][1]
    return validation_page(report)
