"""A sweep's folder, read from disk without its plan's file: what was measured, what failed, what is left."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from energy.characterize.plan import MOST_POINTS, Point
from energy.characterize.points import POINT_NAME, Finished, read_finished
from energy.characterize.same_answers import judged_rows
from energy.characterize.skip import Value
from energy.characterize.sweep import SWEEP_FOLDER_SCHEMA, SWEEP_NAME
from energy.characterize.sweep_file import SweepPlan
from energy.characterize.table import TEXTS, UNITS
from energy.errors import RecordingError, UsageError
from energy.recording.inside import is_there, within
from energy.recording.jsonvalues import as_list, as_object, as_whole, parse_json
from energy.recording.limits import LARGEST_DOCUMENT, refuse_larger
from energy.recording.trace import read_text_file

_HINT = "Restore the file from where the sweep was measured."


@dataclass(frozen=True)
class StoredSweep:
    """A sweep as its folder holds it.

    Attributes:
        folder: Its folder.
        plan: Its plan.
        document: ``sweep.json``: version, plan, bench, points.
        points: Every point of the plan.
        skipped: Points that a skip rule left out.
        finished: The points that are finished, by their numbers.
    """

    folder: Path
    plan: SweepPlan
    document: Mapping[str, Any]
    points: tuple[Point, ...]
    skipped: tuple[Point, ...]
    finished: list[Finished] = field(default_factory=list[Finished])

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The table: a row for each finished point; scores that differ make one not valid."""
        return judged_rows(self.finished)

    @property
    def left(self) -> int:
        """How many points are not finished."""
        return len(self.points) - len(self.finished)

    @property
    def virtual(self) -> bool:
        """Whether it comes from the virtual bench."""
        return any(row["virtual"] for row in self.rows)


def read_sweep(folder: Path) -> StoredSweep:
    """Reads a sweep's folder.

    Args:
        folder: The folder; no link in it is followed.

    Raises:
        UsageError: ``sweep.no-sweep``.
        RecordingError: ``sweep.damaged``, ``file.*``.
    """
    with within(folder):
        path = folder / SWEEP_NAME
        if not is_there(path):
            raise UsageError(
                "sweep.no-sweep", f"{folder} holds no sweep", f"Name a folder with {SWEEP_NAME}."
            )
        text = read_text_file(path, LARGEST_DOCUMENT, hint=_HINT)
        try:
            document = as_object(parse_json(text, what=str(path)))
            if document.get("schema") != SWEEP_FOLDER_SCHEMA:
                raise ValueError(f"its schema is {document.get('schema')!r}, not {SWEEP_FOLDER_SCHEMA!r}")
            plan = SweepPlan.model_validate(document["plan"])
            points, skipped = (_points(document[part], plan) for part in ("points", "skipped"))
        except (ValueError, KeyError, TypeError, ValidationError) as error:
            raise RecordingError("sweep.damaged", f"{path}: {error}"[:600], _HINT) from error
        found = [_finished(folder / "points" / point.folder, point, plan) for point in points]
        finished = sorted((done for done in found if done), key=lambda done: done.point.number)
        return StoredSweep(folder, plan, document, points, skipped, finished)


def _points(listed: Any, plan: SweepPlan) -> tuple[Point, ...]:
    entries = [as_object(entry) for entry in as_list(listed)]
    refuse_larger(SWEEP_NAME, len(entries), MOST_POINTS, "points", _HINT)
    points = [
        Point(as_whole(entry["number"]), as_whole(entry["repeat"]), _values(entry["values"], plan))
        for entry in entries
    ]
    if len({point.number for point in points}) < len(points) or any(point.number < 1 for point in points):
        raise ValueError("two points have the same number, or one has none")
    return tuple(points)


def _values(values: Any, plan: SweepPlan) -> dict[str, Value]:
    found = as_object(values)
    if found.keys() != plan.axes.keys() or not all(
        isinstance(of, int | float | str) for of in found.values()
    ):
        raise ValueError(f"a point has the values {found}, the axes are {', '.join(plan.axes)}")
    return cast("dict[str, Value]", found)


def _finished(folder: Path, point: Point, plan: SweepPlan) -> Finished | None:
    """A point with its row checked; None where it is not finished."""
    done = read_finished(folder, point)
    if done is None:
        return None
    path = folder / POINT_NAME
    wrong = [
        name
        for name in ("workload", "point", "repeat", "virtual", *TEXTS)
        if name not in done.row and name != "firmware"
    ]
    wrong += [name for name, value in done.row.items() if not _sound(name, value, plan)]
    wrong += ["failures" for failure in done.failures if not _texts(failure)]
    if wrong:
        text = f"{path}: its row lacks, or has no such value: {', '.join(map(str, wrong[:5]))}"
        raise RecordingError("sweep.damaged", text, _HINT)
    return done


def _sound(name: str, value: Any, plan: SweepPlan) -> bool:
    """Whether a value of a row is of the kind of its column."""
    if name == "virtual":
        return isinstance(value, bool)
    if name in ("point", "repeat"):
        return isinstance(value, int) and not isinstance(value, bool)
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if name.removesuffix("_u95").removesuffix("_k") in UNITS:
        return value is None or number
    if name in plan.axes:
        return number or isinstance(value, str)
    if name in TEXTS:
        return isinstance(value, str) or (name in ("firmware", "board") and value is None)
    return value is None or number


def _texts(failure: Any) -> bool:
    return isinstance(failure, dict) and all(
        isinstance(cast("dict[str, Any]", failure).get(key), str)
        for key in ("mode", "code", "message", "hint")
    )
