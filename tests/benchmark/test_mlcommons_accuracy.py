"""The official files of an accuracy session, against published ones, line by line."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from energy.benchmark.workloads import WORKLOADS
from energy.runs.accuracy import InferenceScores, accuracy, tabulate
from energy.runs.mlcommons_accuracy import ScoredInput, write_accuracy


def scored(entries):
    return [
        ScoredInput(
            entry["file"],
            int(entry["class"]),
            int(entry["classes"]),
            0,
            None,
            0,
            None,
            tuple(entry["infer"]["results"]),
            entry["infer"]["start_time"],
            entry["infer"]["end_time"],
            float(number),
        )
        for number, entry in enumerate(entries)
    ]


def without_stamp(lines):
    return [line.split("ulp-mlperf:")[-1].rstrip() for line in lines]


@pytest.mark.parametrize("benchmark", ["kws", "ic", "vww"])
@pytest.mark.parametrize("system", ["NUCLEO_L4R5ZI-P", "NUCLEO_U385RG_Q"])
def test_a_published_run_s_entries_give_its_files_back(published, tmp_path, benchmark, system):
    folder = published / f"v1.3/closed/STMicroelectronics/results/{system}/{benchmark}/accuracy"
    entries = json.loads((folder / "results.json").read_text())
    inputs = scored(entries)
    figures = accuracy(tabulate([InferenceScores(one.file, one.label, one.scores) for one in inputs]))
    assert figures is not None
    write_accuracy(
        tmp_path / "mlperf",
        WORKLOADS[f"{benchmark}01"],
        inputs,
        figures,
        files=len(entries),
        full=True,
        dut_name="stm",
        profile="ULPMark for tinyML Firmware V0.0.1",
        virtual=False,
        begun=datetime(2025, 7, 25, 15, 19, 52, tzinfo=UTC),
    )
    assert json.loads((tmp_path / "mlperf/results.json").read_text()) == entries
    printed = (tmp_path / "mlperf/results.txt").read_text().splitlines()
    assert all(line.startswith("0725.15") for line in printed)
    assert without_stamp(printed) == without_stamp((folder / "results.txt").read_text().splitlines())
    assert inferences_of(tmp_path / "mlperf/log.txt") == inferences_of(folder / "log.txt")


def inferences_of(log):
    """A log's lines from the first input to the last answer, without stamps."""
    lines = without_stamp(log.read_text().splitlines())
    first = next(number for number, line in enumerate(lines) if "Loading file" in line)
    last = max(number for number, line in enumerate(lines) if "m-results" in line)
    assert last - first > 1000
    return [lines[first - 1], *lines[first : last + 1]]
