"""Repeated trials as text, with their reasons."""

from __future__ import annotations

from collections.abc import Sequence

from energy.evidence.rejected import Rejected

_MOST = 10


def repeat_lines(rejected: Sequence[Rejected]) -> list[str]:
    """A line for each attempt that was not valid: ``repeated: trial 3, attempt 1: edge.missing (...)``."""
    lines = [
        f"repeated: {attempt.name}: "
        + "; ".join(f"{code} ({evidence})" for code, evidence in attempt.reasons)
        for attempt in rejected[:_MOST]
    ]
    left = len(rejected) - _MOST
    return [*lines, f"repeated: {left} more attempts, in session.json"] if left > 0 else lines


def repeat_summary(rejected: Sequence[Rejected]) -> str:
    """The repeated attempts in a line, by code: ``2 attempts repeated (edge.missing, window.gap)``."""
    if not rejected:
        return ""
    codes = dict.fromkeys(code for attempt in rejected for code, _ in attempt.reasons)
    noun = "attempt" if len(rejected) == 1 else "attempts"
    return f"{len(rejected)} {noun} repeated ({', '.join(codes)})"


def repeat_cell(rejected: Sequence[Rejected]) -> str:
    """The number of repeated attempts with their codes, as a cell of a table."""
    codes = dict.fromkeys(code for attempt in rejected for code, _ in attempt.reasons)
    return f"{len(rejected)}: {', '.join(codes)}" if rejected else "0"
