"""The figures of a session that has just been measured, as they enter comparisons."""

from __future__ import annotations

from typing import Any

from energy.uncertainty.budget import budget_of
from energy.uncertainty.comparability import Circumstances
from energy.uncertainty.compare import Subject
from energy.uncertainty.estimator import median_uncertainty
from energy.uncertainty.inputs import Input, Inputs
from energy.uncertainty.results import FIGURES, FigureName, read_result
from joulebench.outcomes import PerformanceSession

_CLOCK = "The DUT's own clock timed the windows; nobody states how accurate it is, so only scatter is in it."


def figures_of_session(session: Any, mode: str) -> tuple[Subject, dict[FigureName, Subject]]:
    """The main figure of a session, and all of them by name.

    Args:
        session: A session of ``jb.measure``.
        mode: ``"energy"``: energy per inference; ``"performance"``: inferences per second.

    Raises:
        RecordingError: ``compare.no-uncertainty`` where an energy has no uncertainty statement.
    """
    if mode == "performance":
        main = _throughput(session)
        return main, {"throughput": main}
    result = read_result(session.folder, session.folder.name)
    return result.subject("energy"), {name: result.subject(name) for name in FIGURES if result.has(name)}


def _throughput(session: PerformanceSession) -> Subject:
    rates = [trial.iterations / trial.window_s for trial in session.trials if trial.window_s]
    inputs = Inputs()
    scatter = Input(
        f"{session.folder.name}/inferences per second/scatter",
        f"scatter of {len(rates)} windows, median",
        "A",
        "t",
        median_uncertainty(rates),
        1.0,
        len(rates) - 1,
        "inf/s",
        "trials of the session",
        "measured",
    )
    median = session.inferences_per_second.median
    figure = median + inputs.number(scatter)
    budget = budget_of("inferences per second", "inf/s", figure, median, inputs, [_CLOCK])
    told = Circumstances(workload=session.workload, mode="performance", virtual=session.virtual)
    return Subject(session.folder.name, budget, told)
