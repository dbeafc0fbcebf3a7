"""Writes an accuracy session's files as the MLCommons runner does: log.txt, results.txt, results.json.

Layout: read off round v1.3 and the runner (mlcommons/tiny benchmark/runner main.py, script.py). Of anomaly
detection, each window is an entry of its own, with the number of windows as ``total_length``. A session from
the virtual bench is marked in each file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from energy.benchmark.workloads import Workload
from energy.recording.jsonvalues import json_text
from energy.runs.accuracy import AccuracyFigures
from energy.runs.mlcommons_writer import VIRTUAL, head_of_log, stamped


@dataclass(frozen=True, slots=True)
class ScoredInput:
    """One inference, as the official files list it.

    Attributes:
        file: The input's file.
        label: Its true class.
        classes: Number of classes.
        window: Number of the window in the file, from 0.
        windows: How many windows the file has, or None where it is one input.
        window_bytes: Bytes of a window.
        stride: From one window to the next, or None.
        scores: What the DUT answered.
        start_us: DUT's time before the inference.
        stop_us: After it.
        time_s: When, in seconds from the session's beginning.
    """

    file: str
    label: int
    classes: int
    window: int
    windows: int | None
    window_bytes: int
    stride: int | None
    scores: tuple[float, ...]
    start_us: int
    stop_us: int
    time_s: float


def write_accuracy(
    folder: Path,
    workload: Workload,
    inputs: Sequence[ScoredInput],
    figures: AccuracyFigures,
    *,
    files: int,
    full: bool,
    dut_name: str,
    profile: str,
    virtual: bool,
    begun: datetime,
) -> None:
    """Writes the three files.

    Args:
        folder: Where to; made if it is not there.
        workload: What was run.
        inputs: All inferences, in order.
        figures: What follows from them.
        files: How many files the set has.
        full: Whether it is the full set.
        dut_name: What the DUT answered to ``name``.
        profile: What it answered to ``profile``.
        virtual: Whether it comes from the virtual bench.
        begun: When the session began.
    """
    folder.mkdir(parents=True, exist_ok=True)
    head = [VIRTUAL] if virtual else []
    end = stamped(begun, inputs[-1].time_s if inputs else 0.0)
    results = [f"{end} Top 1% = {figures.top_1:2.1f}"]
    if figures.auc is not None:  # a figure that is not known has no line
        results.append(f"{end} AUC = {figures.auc:.3f}")
    (folder / "results.txt").write_text("\n".join([*head, *results]) + "\n", encoding="utf-8")
    with (folder / "results.json").open("w", encoding="utf-8") as out:
        for number, scored in enumerate(inputs):
            out.write(("[" if number == 0 else ", ") + _entry(scored, virtual=virtual))
        out.write("]" if inputs else "[]")
    with (folder / "log.txt").open("w", encoding="utf-8") as out:
        lines = [*head, *head_of_log(workload, dut_name, profile)]
        if full:
            lines.append(f"No loop count specified.  Using full set ({files} test files)")
        out.writelines(f"{line}\n" for line in lines)
        for number, scored in enumerate(inputs, start=1):
            out.writelines(f"{line}\n" for line in _log(scored, number, stamped(begun, scored.time_s)))
        out.writelines(f"{line}\n" for line in results)


def _entry(scored: ScoredInput, *, virtual: bool) -> str:
    several = scored.windows is not None
    entry = {
        "file": scored.file,
        "classes": str(scored.classes),
        "class": str(scored.label),
        "bytes_to_send": str(scored.window_bytes) if several else None,
        "stride": str(scored.stride) if several else None,
        "total_length": scored.windows,
        "infer": {
            "start_time": scored.start_us,
            "end_time": scored.stop_us,
            "results": list(scored.scores),
            "elapsed_time": scored.stop_us - scored.start_us,
            "total_inferences": 1,
            "iterations": 1,
            "warmups": 0,
        },
        "mode": "a",
    }
    return json_text(entry | ({"virtual": True} if virtual else {}), ascii_only=True)


def _log(scored: ScoredInput, number: int, stamp: str) -> Iterable[str]:
    lasts_s = (scored.stop_us - scored.start_us) * 1e-6
    rate = 1 / lasts_s if lasts_s > 0 else 0.0
    yield f"{stamp} Loading file {scored.file} segment {scored.window}"
    yield f"{stamp} Load complete."
    yield "Running inference with 0/1 (warmup/measured) iterations ..."
    yield "done"
    yield f"{stamp} Performance results for window {number}:"
    yield f"{stamp}   # Inferences : {1:>13}"
    yield f"{stamp}   Runtime      : {lasts_s:>10.3f} sec."
    yield f"{stamp}   Throughput   : {rate:>10.3f} inf./sec."
    yield f"{stamp}   m-results    : {list(scored.scores)}"
