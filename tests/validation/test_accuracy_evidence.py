"""Accuracy by the rule of its own runner, and verdicts only where the answers allow them."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from energy.runs.accuracy import InferenceScores, accuracy, tabulate
from tests.validation.support import checked, codes, copy_of, edit, edit_json, errors, submissions

__all__ = ["submissions"]


def lowered(values: list[float]) -> list[float]:
    """The same scores lower, as logits are: the order stays, the sum is below zero."""
    return [round(3 * value - 2.5, 3) for value in values]


def test_raw_scores_are_judged_by_the_eembc_runner_s_plain_largest(submissions, tmp_path):
    folder = copy_of(submissions, "eembc", tmp_path) / "accuracy"
    edit(folder / "results.txt", r".*AUC: .*", "")  # that of other scores
    text = (folder / "log.txt").read_text()
    rows = re.findall(r"m-results-\[(.*)\]", text)
    for row in rows:
        values = lowered([float(value) for value in row.split(",")])
        assert sum(values) < 0
        text = text.replace(f"[{row}]", f"[{','.join(map(str, values))}]", 1)
    (folder / "log.txt").write_text(text)
    report = checked(tmp_path)
    assert "accuracy.differs" not in codes(report)
    assert "accuracy.below-target" not in codes(report)
    (run,) = (run for one in report.folders for run in one.runs if run.mode == "accuracy")
    assert run.figure("top-1").recomputed == run.figure("top-1").printed == "96.0"


def test_the_mlcommons_runner_s_division_by_a_negative_sum_is_named(submissions, tmp_path):
    folder = copy_of(submissions, "mlcommons", tmp_path) / "accuracy"

    def change(trials):
        for trial in trials:
            trial["infer"]["results"] = lowered(trial["infer"]["results"])

    edit_json(folder / "results.json", change)
    found = [one for one in checked(tmp_path).all_findings if one.code == "scores.negative-sum"]
    trials = json.loads((folder / "results.json").read_text())
    scores = np.array([one["infer"]["results"] for one in trials])
    labels = np.array([int(one["class"]) for one in trials])
    divided = 100 * np.mean((scores / scores.sum(axis=1, keepdims=True)).argmax(axis=1) == labels)
    assert divided < 5
    assert f"top-1 is {divided:g} % divided by the sum, 96 % as sent" in found[0].evidence


def test_the_two_rules_agree_on_scores_that_are_shares():
    rng = np.random.default_rng(7)
    answers = [InferenceScores(f"{n}", n % 4, tuple(rng.dirichlet([1.0] * 4))) for n in range(40)]
    found = accuracy(tabulate(answers))
    assert found.top_1_by("eembc") == found.top_1_by("mlcommons")


@pytest.mark.parametrize("kept", [1, 22, 999])
def test_a_part_of_results_json_gives_its_coverage_and_no_verdict(submissions, tmp_path, kept):
    folder = copy_of(submissions, "mlcommons", tmp_path) / "accuracy"
    edit_json(folder / "results.json", lambda trials: trials[:kept])
    report = checked(tmp_path)
    assert errors(report) == {"accuracy.partial"}
    assert f"{kept} of 1000 answers" in report.errors[0][1].evidence
    (run,) = (run for one in report.folders for run in one.runs if run.mode == "accuracy")
    assert run.figure("top-1").recomputed is None


def test_an_emptied_results_json_is_no_milder_than_a_missing_one(submissions, tmp_path):
    folder = copy_of(submissions, "mlcommons", tmp_path) / "accuracy"
    (folder / "results.json").write_text("[]")
    assert not checked(tmp_path).sound


def test_a_log_without_some_of_its_inferences_gives_its_coverage_and_no_verdict(submissions, tmp_path):
    folder = copy_of(submissions, "eembc", tmp_path) / "accuracy"
    lines = (folder / "log.txt").read_text().split("\n")
    (folder / "log.txt").write_text("\n".join([*lines[: 2 + 5 * 22], lines[-1]]))
    report = checked(tmp_path)
    assert errors(report) == {"accuracy.partial"}
    assert "22 of 1000 answers" in report.errors[0][1].evidence


def test_answers_that_leave_no_room_for_the_printed_top_1_contradict_it(submissions, tmp_path):
    """960 of 1000 are right: with ten answers lost, 95 to 96 % are possible, and 97 % are not."""
    folder = copy_of(submissions, "eembc", tmp_path) / "accuracy"
    edit(folder / "log.txt", r"m-results-\[.*", "m-res", count=10)
    assert checked(tmp_path).sound
    edit(folder / "results.txt", r"Top-1: 96.0", "Top-1: 97.1")
    report = checked(tmp_path)
    assert errors(report) == {"accuracy.differs"}
    assert "990 of 1000 answers" in report.errors[0][1].evidence


def test_answers_whose_classes_were_taken_away_are_judged_by_their_names(submissions, tmp_path):
    folder = copy_of(submissions, "mlcommons", tmp_path) / "accuracy"
    edit_json(folder / "results.json", lambda trials: [trial.pop("class") for trial in trials] and None)
    assert checked(tmp_path).sound
    edit(folder / "results.txt", r"Top 1% = 96.0", "Top 1% = 97.1")
    assert errors(checked(tmp_path)) == {"accuracy.differs"}
