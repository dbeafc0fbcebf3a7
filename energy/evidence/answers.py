"""``answers.jsonl``: what the DUT answered in accuracy mode, a line an inference.

The first line names the set that it belongs to. A line is written whole or, if the program is killed or the
disk is full, cut off: such a last line is left out, so a session can be resumed after its last whole answer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from energy.errors import RecordingError
from energy.recording.inside import open_inside
from energy.recording.jsonvalues import (
    as_list,
    as_number,
    as_object,
    as_text,
    as_whole,
    field,
    parse_json,
    shown,
)
from energy.recording.limits import LARGEST_ANSWERS, LONGEST_LINE, MOST_ANSWERS, refuse_larger

SCHEMA = "joulebench.answers/1"
_HINT = "Check that it holds the answers of an accuracy session."
_LONGEST_S = 1e9
"""No session lasts 30 years."""


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer.

    Attributes:
        file: The input's file.
        window: Number of the window in it, from 0.
        scores: As the DUT sent them; in the file null stands for NaN and infinity, and is read as NaN.
        start_us: DUT's time before the inference.
        stop_us: After it.
        time_s: On the session's clock, which continues from where a resumed session had ended.
    """

    file: str
    window: int
    scores: tuple[float, ...]
    start_us: int
    stop_us: int
    time_s: float


def read_answers(path: Path, digest: str | None = None) -> tuple[list[Answered], int]:
    """Reads the answers of a session.

    Args:
        path: The file.
        digest: The set that they must be to, or None for any.

    Returns:
        The whole answers, and the number of bytes up to the last whole line.

    Raises:
        RecordingError: ``answers.foreign``, ``answers.damaged``.
    """
    answers: list[Answered] = []
    whole = 0
    try:
        with open_inside(path) as file:
            while line := file.readline(LONGEST_LINE):
                if not line.endswith(b"\n"):
                    if len(line) == LONGEST_LINE:
                        raise ValueError(f"a line is longer than {LONGEST_LINE >> 20} MiB")
                    break
                refuse_larger(str(path), whole + len(line), LARGEST_ANSWERS, "bytes", _HINT)
                refuse_larger(str(path), len(answers), MOST_ANSWERS, "answers", _HINT)
                document = as_object(parse_json(line.decode("utf-8")))
                if whole == 0:
                    _check_head(path, document, digest)
                else:
                    answers.append(_answer(document))
                whole += len(line)
    except (OSError, ValueError) as error:
        raise RecordingError(
            "answers.damaged",
            f"{path} cannot be read after {len(answers)} answers: {error}",
            "Take the file from where it was measured, or measure again.",
        ) from error
    return answers, whole


def _check_head(path: Path, head: dict[str, Any], digest: str | None) -> None:
    if head.get("schema") != SCHEMA or (digest is not None and head.get("set_sha256") != digest):
        raise RecordingError(
            "answers.foreign",
            f"{path} holds answers to other inputs than these",
            "Name the datasets that the session began with (--datasets, --limit).",
        )


def _answer(row: dict[str, Any]) -> Answered:
    time_s = as_number(field(row, "time_s"))
    if not 0 <= time_s <= _LONGEST_S:
        raise ValueError(f"time_s is {shown(time_s)}")
    return Answered(
        as_text(field(row, "file")),
        as_whole(field(row, "window")),
        tuple(map(_score, as_list(field(row, "scores")))),
        as_whole(field(row, "start_us")),
        as_whole(field(row, "stop_us")),
        time_s,
    )


def _score(value: Any) -> float:
    """A score; NaN for null, and for the NaN and Infinity that older versions wrote."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return math.nan
    return as_number(value)
