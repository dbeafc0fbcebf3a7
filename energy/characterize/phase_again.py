"""Divides the windows of a measurement of phases again, from its folder alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from energy.characterize.phase_run import PHASES_NAME, SCHEMA, figures_json
from energy.characterize.phases import PhasedWindow, phase_edges, phases_of
from energy.errors import RecordingError
from energy.findings import Finding, has_errors
from energy.recording.inside import read_named
from energy.recording.jsonvalues import (
    as_list,
    as_number,
    as_object,
    as_position,
    as_text,
    as_whole,
    field,
    parse_json,
)
from energy.recording.limits import LARGEST_DOCUMENT
from energy.recording.store import Recording
from energy.signal import Edge
from energy.window.figures import WindowFigures
from energy.window.integrator import WindowIntegrator
from energy.window.pairing import GivenPairing, Pair

_HINT = "Name the folder that `joulebench phases` has made."


@dataclass(frozen=True)
class DividedAgain:
    """The windows of a folder, divided again.

    Attributes:
        folder: The folder.
        virtual: Whether they come from the virtual bench.
        windows: The windows and their parts.
    """

    folder: Path
    virtual: bool
    windows: tuple[PhasedWindow, ...]

    @property
    def findings(self) -> list[Finding]:
        """About the windows and their marks."""
        return [finding for row in self.windows for finding in (*row.figures.window.findings, *row.findings)]

    @property
    def valid(self) -> bool:
        """Whether every window is divided and no finding is an error."""
        return bool(self.windows) and all(row.parts for row in self.windows) and not has_errors(self.findings)

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "schema": SCHEMA,
            "folder": str(self.folder),
            "virtual": self.virtual,
            "valid": self.valid,
            **figures_json(self.windows),
            "findings": [finding.to_json() for finding in self.findings],
        }


def divide_again(folder: Path) -> DividedAgain:
    """Divides the windows of a folder again, from its recording.

    Args:
        folder: The folder of a measurement of phases.

    Raises:
        RecordingError: ``phases.document`` if its document is not one of phases, or damaged; errors of the
            recording.
    """
    recording = Recording(folder)
    path = folder / PHASES_NAME
    data = read_named(path, LARGEST_DOCUMENT, hint=_HINT)
    try:
        document = as_object(parse_json(data))
        if field(document, "schema") != SCHEMA:
            raise ValueError(f"its schema is {document['schema']!r}")
        line, pulse_s = as_text(field(document, "phase_input")), as_number(field(document, "pulse_s"))
        chosen = [_window(as_object(row)) for row in as_list(field(document, "windows"))]
    except ValueError as error:
        raise RecordingError(
            "phases.document", f"{path} is no measurement of phases: {error}", _HINT
        ) from error
    edges = phase_edges(recording, line)
    integrator = WindowIntegrator(recording, GivenPairing([]))
    for gap in recording.gaps:
        integrator.gap(gap)
    windows = [
        phases_of(
            WindowFigures(integrator.window(Pair(number, opening, closing)), iterations),
            recording,
            edges,
            pulse_s,
        )
        for number, (opening, closing, iterations) in enumerate(chosen, start=1)
    ]
    return DividedAgain(folder, recording.virtual, tuple(windows))


def _window(row: dict[str, Any]) -> tuple[Edge, Edge, int]:
    """Opening edge, closing edge and inferences."""
    opening, closing = (
        Edge(as_position(field(row, name)), as_position(field(row, f"{name}_bound")))
        for name in ("opening", "closing")
    )
    return opening, closing, as_whole(field(row, "iterations"))
