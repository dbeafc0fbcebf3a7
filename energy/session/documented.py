"""Trials and pilots as ``session.json`` has them: enough to make their windows again from the recording."""

from __future__ import annotations

import math
from collections.abc import Sequence

from energy.benchmark.inputs import Input
from energy.evidence.documents import PilotRecord, TrialRecord
from energy.session.trials import Trial
from energy.window.integrator import Window


def trial_record(trial: Trial, source: Input) -> TrialRecord:
    """A valid trial with its input."""
    window = trial.window
    return TrialRecord(
        number=trial.number,
        attempt=trial.attempt,
        input=trial.input_name,
        iterations=trial.iterations,
        opening=window.opening.position if window else None,
        closing=window.closing.position if window else None,
        start_us=trial.start_us,
        duration_s=trial.duration_s,
        lines_s=trial.lines_s,
        results=list(trial.results),
        label=source.label,
        classes=source.classes,
        times_s=trial.times_s,
        edge_bounds=edge_bounds(window) if window else None,
    )


def pilot_records(pilots: Sequence[Trial]) -> list[PilotRecord]:
    """The pilots that have a window."""
    return [
        PilotRecord(
            iterations=pilot.iterations,
            opening=pilot.window.opening.position,
            closing=pilot.window.closing.position,
            duration_s=pilot.duration_s,
            lines_s=pilot.lines_s,
            edge_bounds=edge_bounds(pilot.window),
        )
        for pilot in pilots
        if pilot.window is not None
    ]


def edge_bounds(window: Window) -> tuple[float, float] | None:
    """The bounds of a window's edges, in samples; None where they are not known."""
    bounds = window.opening.bound, window.closing.bound
    return bounds if all(map(math.isfinite, bounds)) else None
