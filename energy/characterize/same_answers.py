"""Whether all points of a sweep compute the same: equal inputs give equal scores wherever a DUT works.

A DUT whose voltage is too low for its clock may answer in time and wrongly. Every point of a workload and a
firmware gets the same inputs, so its scores are compared with those of most others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from energy.characterize.points import Finished
from energy.findings import Finding
from energy.recording.jsonvalues import json_text


def judged_rows(finished: Sequence[Finished]) -> list[dict[str, Any]]:
    """The rows of the points by their numbers, those with other scores than most marked as not valid.

    Where no scores are those of more than half of the sessions, all points with scores are marked: nothing
    shows which of them are right.

    Args:
        finished: The finished points.
    """
    counts: dict[tuple[Any, ...], Counter[str]] = {}
    for done in finished:
        counts.setdefault(_kind(done), Counter()).update(map(json_text, done.answers.values()))
    rows: list[dict[str, Any]] = []
    for done in sorted(finished, key=lambda one: one.point.number):
        finding = _difference(done, counts[_kind(done)])
        rows.append(done.row if finding is None else _marked(done.row, finding))
    return rows


def _kind(done: Finished) -> tuple[Any, ...]:
    return done.point.workload, done.point.values.get("firmware")


def _difference(done: Finished, counts: Counter[str]) -> Finding | None:
    """How the scores of a point differ from those of most sessions; None if they do not."""
    if len(counts) < 2:
        return None
    total = sum(counts.values())
    usual, number = counts.most_common(1)[0]
    if 2 * number <= total:
        return Finding(
            "sweep.answers-differ", f"{total} sessions gave {len(counts)} different sets of scores"
        )
    other = [mode for mode, answers in done.answers.items() if json_text(answers) != usual]
    if not other:
        return None
    evidence = f"in {' and '.join(other)} mode; {number} of {total} sessions agree on other scores"
    return Finding("sweep.answers-differ", evidence)


def _marked(row: dict[str, Any], finding: Finding) -> dict[str, Any]:
    codes = [finding.code, *filter(None, [row["findings"]])]
    verdict = "not valid" if row["verdict"] == "valid" else row["verdict"]
    error = row["error"] or f"{finding.code}: {finding.evidence}"
    return {**row, "verdict": verdict, "findings": ", ".join(codes), "error": error}
