"""The ``result.json`` of a session of ours, compared with the figures that follow from its recording."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, cast

from energy.evidence.names import RESULT_NAME
from energy.findings import REGISTER, Finding, Severity
from energy.recording.jsonvalues import as_number
from energy.runs.printed import FigureCheck, FigureSource

if TYPE_CHECKING:
    from energy.evidence.read_documents import ResultDocument

_SAME = 1e-9
"""Relative difference up to which two floats are the same figure."""
_MOST_DIFFERENCES = 20

_FIGURES: tuple[tuple[str, str, float, str], ...] = (
    ("median energy", "µJ/inf", 1e6, "session.joule_per_inference.exact.median"),
    ("median throughput", "inf/s", 1.0, "session.inferences_per_second.median"),
)


def compare_result(
    result: ResultDocument | None, ours: dict[str, Any], source: FigureSource
) -> tuple[list[FigureCheck], list[Finding]]:
    """Compares every number of result.json that can be recomputed with what follows for it.

    Args:
        result: The file's document; None where there is none.
        ours: ``windows`` and ``session`` of the same form, recomputed.
        source: What they were recomputed from.

    Returns:
        The medians, and what differs.
    """
    figures: list[FigureCheck] = []
    findings: list[Finding] = []
    if result is None:
        return figures, findings
    pairs = {
        name: pair
        for part, theirs in (("windows", result.windows), ("session", result.session))
        if theirs is not None
        for name, pair in _pairs(part, theirs, ours[part])
    }
    for name, unit, scale, where in _FIGURES:
        if where in pairs:
            theirs, value = pairs[where]
            agrees = _same(theirs, value)
            texts = [_text(number * scale, agrees) for number in (theirs, value)]
            figures.append(FigureCheck(name, None, unit, texts[0], texts[1], source, agrees))
    apart = [(name, pair) for name, pair in pairs.items() if not _same(*pair)]
    for name, (theirs, value) in apart[:_MOST_DIFFERENCES]:
        evidence = f"{RESULT_NAME} has {theirs!r} for {name}, the {source} gives {value!r}"
        findings.append(Finding("result.differs", evidence))
    windows: Any = result.windows
    count = len(cast("list[Any]", windows)) if isinstance(windows, list) else 0
    if count != len(ours["windows"]):
        evidence = f"{RESULT_NAME} has {count} windows, the {source} {len(ours['windows'])}"
        findings.append(Finding("result.differs", evidence))
    return figures, findings


def errors_of_session(result: ResultDocument | None, found: Iterable[Finding]) -> Iterator[Finding]:
    """The errors that a session found while it ran, as far as its files alone do not show them.

    The host's stamps, the pilots and the DUT's lines are evidence that only a running session has.

    Args:
        result: Its result.json; None where there is none.
        found: What the files show.
    """
    known = {finding.code for finding in found}
    for stated in result.findings if result else ():
        if stated.severity == Severity.ERROR and stated.code in REGISTER and stated.code not in known:
            yield Finding(stated.code, f"found while it was measured: {stated.evidence}"[:400])


def _pairs(name: str, theirs: Any, ours: Any) -> Iterator[tuple[str, tuple[float, float]]]:
    """Every number of ours that they have, too, with its name (``windows.0.energies.exact.energy_j``).

    What is of another kind than ours has none of its numbers: they are NaN.
    """
    if isinstance(ours, dict):
        for key, value in cast("dict[str, Any]", ours).items():
            if not isinstance(theirs, dict):
                yield from _pairs(f"{name}.{key}", None, value)
            elif key in theirs:
                yield from _pairs(f"{name}.{key}", theirs[key], value)
    elif isinstance(ours, list):
        values = cast("list[Any]", ours)
        others = cast("list[Any]", theirs) if isinstance(theirs, list) else [None] * len(values)
        for index, (other, value) in enumerate(zip(others, values, strict=False)):
            yield from _pairs(f"{name}.{index}", other, value)
    elif (number := _number(ours)) is not None:
        other = _number(theirs)
        yield name, (math.nan if other is None else other, number)


def _number(value: Any) -> float | None:
    try:
        return as_number(value)
    except ValueError:
        return None


def _same(theirs: float, ours: float) -> bool:
    return math.isclose(theirs, ours, rel_tol=_SAME, abs_tol=1e-15)


def _text(value: float, agrees: bool) -> str:
    return f"{value:.7g}" if agrees else repr(value)
