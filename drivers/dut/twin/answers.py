"""Answers of a DUT twin to inputs: invented scores with a known accuracy.

There are three kinds (setting ``answers`` of the virtual bench): from a table; for the inputs of a synthetic
validation set, which begin with a mark, by the share that is to be right; for any other input, numbers that
depend on it alone.
"""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any, cast

from drivers.dut.twin.firmware import scores
from energy.benchmark.workloads import SYNTHETIC_MARK, WORKLOADS
from energy.errors import UsageError

RIGHT = 0.95
"""Share of a synthetic set's files with a right answer, unless ``answers = {right = ..}`` sets another."""
WINNER = 0.9
"""Score of the class that wins; the others share the rest."""
NORMAL, ANOMALY = 8.0, 12.0
"""Anomaly scores of a normal file and of an anomalous file; each window adds 0 to 7 eighths."""


class Answers:
    """Answers to the inputs of a workload.

    Args:
        workload: Workload id.
        settings: ``{"right": share}``, ``{"table": path}`` of a JSON object with scores by the SHA-256
            of the input, or None.
    """

    def __init__(self, workload: str, settings: dict[str, Any] | None = None) -> None:
        self._workload = WORKLOADS[workload]
        settings = settings or {}
        right: Any = settings.get("right", RIGHT)
        if set(settings) - {"right", "table"} or type(right) not in (int, float) or not 0 <= right <= 1:
            raise _wrong("answers is {right = 0 to 1} or {table = path of a file}")
        self._wrong = 1.0 - right
        self._table: dict[str, list[float]] = {}
        if "table" in settings:
            self._table = _read_table(Path(str(settings["table"])))

    def line(self, loaded: bytes, buffer: bytes) -> str:
        """The line ``m-results-[..]`` (protocols.md 1.4).

        Args:
            loaded: The input.
            buffer: The whole input buffer, for unknown inputs.
        """
        if (given := self._table.get(hashlib.sha256(loaded).hexdigest())) is not None:
            return _line([f"{value!r}" for value in given])
        if len(loaded) >= SYNTHETIC_MARK.size:
            magic, number, label, window = SYNTHETIC_MARK.unpack_from(loaded)
            if magic == b"jb" and label < max(self._workload.outputs, 2):
                return _line(self._marked(number, label, window))
        return scores(self._workload.id, buffer)

    def _marked(self, number: int, label: int, window: int) -> list[str]:
        """Scores of a marked input; the files with a wrong answer are spread evenly over the set."""
        classes = max(self._workload.outputs, 2)
        # Slightly more, so that 1 - 0.9 does not count as less than a tenth.
        before, after = (math.floor(count * self._wrong + 1e-9) for count in (number, number + 1))
        answered = (label + 1) % classes if after > before else label
        if self._workload.outputs == 1:
            return [f"{(ANOMALY if answered else NORMAL) + window % 8 / 8:.6f}"]
        rest = (1 - WINNER) / (classes - 1)
        return [f"{WINNER if k == answered else rest:.3f}" for k in range(classes)]


def corrupted(line: str) -> str:
    """Scores of a processor that computes wrongly: each class has the next one's, an anomaly is normal."""
    numbers = line.removeprefix("m-results-[").removesuffix("]").split(",")
    if len(numbers) == 1:
        return _line([f"{NORMAL + ANOMALY - float(numbers[0]):.6f}"])
    return _line([*numbers[1:], numbers[0]])


def _line(numbers: list[str]) -> str:
    return f"m-results-[{','.join(numbers)}]"


def _read_table(path: Path) -> dict[str, list[float]]:
    try:
        document: Any = json.loads(path.read_text(encoding="utf-8"))
        table = cast("dict[str, list[float]]", document)
        return {str(key): [float(value) for value in row] for key, row in table.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise _wrong(f"the table of answers {path} cannot be read: {error}") from error


def _wrong(text: str) -> UsageError:
    return UsageError("virtual.settings", text, "See docs/how-to/virtual-bench.md.")
