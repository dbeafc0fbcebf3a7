"""The performance session that an energy session belongs to: how fast the DUT was there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from energy.errors import RecordingError
from energy.evidence.reader import SessionEvidence
from energy.findings import Finding
from energy.recording.jsonvalues import as_number, as_object, field
from energy.window.plausibility import throughput_apart


def throughput_beside(energy_ips: float | None, folder: Path) -> Iterator[Finding]:
    """Compares the throughput of an energy session with that of the performance session beside it.

    Args:
        energy_ips: Inferences per second in energy mode; None where they are not known.
        folder: The performance session's.
    """
    for finding in throughput_apart(energy_ips, performance_ips(folder)):
        yield replace(finding, evidence=f"{finding.evidence}, session {folder.name}")


def performance_ips(folder: Path) -> float | None:
    """The median throughput of a valid performance session; None where the folder holds none."""
    evidence = SessionEvidence(folder)
    if not evidence.has_result:
        return None
    try:
        result = evidence.result
        if result.mode != "performance" or not result.valid:
            return None
        spread = as_object(field(as_object(result.session), "inferences_per_second"))
        return as_number(field(spread, "median"))
    except (RecordingError, ValueError):
        return None  # the energy session does not depend on it; whoever reads that session finds the damage
