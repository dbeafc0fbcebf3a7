"""Top-1 and AUC against scikit-learn and against counting by hand."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from energy.runs.accuracy import (
    InferenceScores,
    accuracy,
    anomaly_top_1,
    answers_of_log,
    answers_of_trials,
    auc_by_thresholds,
    exact_auc,
    label_in_name,
    tabulate,
)
from energy.runs.printed import as_printed
from energy.runs.results_json import TrialEntry
from energy.runs.runner_log import parse_log

SCORED = st.lists(
    st.tuples(st.sampled_from([0.0, 0.004, 0.5, 0.996, 1.0]) | st.floats(0, 1), st.booleans()),
    min_size=2,
    max_size=40,
).filter(lambda rows: len({positive for _, positive in rows}) == 2)


def arrays(rows):
    return np.array([score for score, _ in rows]), np.array([positive for _, positive in rows])


@given(SCORED)
def test_the_area_is_that_of_scikit_learn(rows):
    scores, positive = arrays(rows)
    assert exact_auc(scores, positive) == pytest.approx(roc_auc_score(positive, scores), rel=1e-12)


@given(SCORED)
def test_the_area_is_the_share_of_pairs_in_order(rows):
    scores, positive = arrays(rows)
    pairs = [(p > n) + (p == n) / 2 for p in scores[positive] for n in scores[~positive]]
    assert exact_auc(scores, positive) == sum(pairs) / len(pairs)


@given(SCORED)
def test_the_area_by_thresholds_is_that_of_counting_above_each(rows):
    scores, positive = arrays(rows)
    points = [(1.0, 1.0)]
    for step in range(1, 101):
        above = scores > step / 100
        points.append((float(above[~positive].mean()), float(above[positive].mean())))
    expected = sum((a[1] + b[1]) / 2 * (a[0] - b[0]) for a, b in pairwise(points))
    assert auc_by_thresholds(scores, positive) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("positive", [True, False])
def test_one_class_alone_has_no_area(positive):
    scores, classes = np.array([0.1, 0.2]), np.array([positive, positive])
    assert exact_auc(scores, classes) is None
    assert auc_by_thresholds(scores, classes) is None


def answers(scores, labels):
    rows = zip(scores, labels, strict=True)
    return [InferenceScores(f"f{number}", int(label), tuple(row)) for number, (row, label) in enumerate(rows)]


@pytest.mark.parametrize("classes", [3, 12])
def test_many_classes_are_averaged_one_against_the_rest(classes):
    rng = np.random.default_rng(classes)
    scores = rng.dirichlet(np.ones(classes), size=200).round(3)
    labels = rng.integers(0, classes, 200)
    found = accuracy(tabulate(answers(scores, labels)))
    shares = scores / scores.sum(axis=1, keepdims=True)
    assert found is not None
    assert found.auc == pytest.approx(roc_auc_score(labels, shares, multi_class="ovr"), rel=1e-12)
    assert found.top_1 == pytest.approx(100 * np.mean(shares.argmax(axis=1) == labels))


def test_two_classes_are_judged_by_the_second():
    rng = np.random.default_rng(2)
    scores = rng.dirichlet([1, 1], size=100)
    labels = rng.integers(0, 2, 100)
    found = accuracy(tabulate(answers(scores, labels)))
    assert found is not None
    assert found.auc == pytest.approx(roc_auc_score(labels, scores[:, 1]), rel=1e-12)


def test_scores_are_divided_by_their_sum_and_averaged_per_file():
    table = tabulate(
        [
            InferenceScores("a", 0, (3.0, 1.0)),
            InferenceScores("b", 1, (0.0, 2.0)),
            InferenceScores("a", 0, (0.0, 0.5)),
        ]
    )
    assert table.files == ["a", "b"]
    assert table.normalised.tolist() == [[0.375, 0.625], [0.0, 1.0]]
    assert table.raw.tolist() == [[1.5, 0.75], [0.0, 2.0]]
    assert table.inferences.tolist() == [2, 1]
    found = accuracy(table)
    assert found is not None
    assert (found.files, found.top_1) == (2, 50.0)


def test_anomaly_detection_has_the_mean_of_a_files_windows():
    windows = [
        ("n1", 0, 1.0),
        ("n1", 0, 3.0),
        ("n2", 0, 4.0),
        ("a1", 1, 3.0),
        ("a2", 1, 9.0),
        ("a2", 1, 11.0),
    ]
    found = accuracy(tabulate(InferenceScores(file, label, (score,)) for file, label, score in windows))
    assert found is not None
    assert found.auc == roc_auc_score([0, 0, 1, 1], [2.0, 4.0, 3.0, 10.0]) == 0.75
    # Above 2.0: a1, a2 and n2 of which two are anomalies; above 4.0: a2 alone.
    assert found.top_1 == pytest.approx(100 * max((2 / 3 + 1) / 2, (1 + 1 / 2) / 2))
    assert found.auc_by_thresholds is None


@given(SCORED)
def test_the_odd_top_1_is_that_of_counting_at_each_threshold(rows):
    scores, positive = arrays(rows)
    low, high = scores.min(), scores.max()
    best = 0.0
    for step in range(100):
        above = scores > low + step / 100 * (high - low)
        if above.any():
            precision, recall = positive[above].mean(), above[positive].mean()
            best = max(best, 50 * (precision + recall))
    assert anomaly_top_1(scores, positive) == pytest.approx(best)


def test_answers_that_cannot_be_used_are_left_out_and_said():
    table = tabulate(
        [
            InferenceScores("a", 0, (0.5, 0.5)),
            InferenceScores("b", 1, None),
            InferenceScores(None, 1, (0.1, 0.9)),
            InferenceScores("c", 1, (0.1, float("nan"))),
            InferenceScores("d", 1, (1.0,)),
            InferenceScores("e", 1, (0.0, 0.0)),
            InferenceScores("a", 1, (0.5, 0.5)),
        ]
    )
    assert table.files == ["a", "e"]
    assert {finding.code: finding.evidence.split()[0] for finding in table.findings} == {
        "scores.unusable": "4",
        "scores.zero-sum": "1",
        "scores.contradicting-labels": "1",
    }


def test_without_classes_there_is_no_accuracy():
    assert accuracy(tabulate([])) is None
    assert accuracy(tabulate([InferenceScores("a", None, (0.5, 0.5))])) is None


def test_scores_come_from_a_log_with_classes_from_elsewhere():
    log = "".join(
        f'00001.000 parser: Command "bload dut "C:\\x\\{name}""\n00001.100 parser: Command "dut infer 1 0"\n'
        f"00001.200 dut: m-infer-start-1\n00001.300 dut: m-infer-done\n00001.400 dut: m-results-[{scores}]\n"
        for name, scores in (("a.bin", "0.9,0.1"), ("b.bin", "0.8,0.2"))
    )
    found = accuracy(tabulate(answers_of_log(parse_log(log), {"a.bin": 0, "b.bin": 1})))
    assert found is not None
    assert (found.top_1, found.auc) == (50.0, 1.0)


def test_trials_with_an_error_are_left_out():
    trials = [TrialEntry(file="a", label=0, scores=(1.0,)), TrialEntry(error="error 2")]
    assert [answer.file for answer in answers_of_trials(trials)] == ["a"]


@pytest.mark.parametrize(
    ("benchmark", "file", "label"),
    [
        ("kws", "tst_000000_Stop_7.bin", 7),
        ("ad", "normal_id_01_00000003_hist_librosa.bin", 0),
        ("ad", "anomaly_id_01_00000003_hist_librosa.bin", 1),
        ("ic", "emu_s_002009.bin", None),
        ("vww", "000000343218.bin", None),
    ],
)
def test_some_names_hold_the_class(benchmark, file, label):
    assert label_in_name(benchmark, file) == label


@pytest.mark.parametrize(
    ("value", "text", "shown"), [(0.98843, "0.98", "0.99"), (86.5, "87.0", "86.5"), (1, "x", "1")]
)
def test_a_value_is_shown_with_the_decimals_of_the_printed_one(value, text, shown):
    assert as_printed(value, text) == shown


@given(
    st.lists(
        st.builds(
            InferenceScores,
            st.none() | st.sampled_from("abc"),
            st.none() | st.integers(-2, 3),
            st.none() | st.lists(st.floats(), max_size=3).map(tuple),
        ),
        max_size=12,
    )
)
def test_any_answers_give_a_table(rows):
    table = tabulate(rows)
    assert table.raw.shape == table.normalised.shape
    found = accuracy(table)
    assert found is None or 0 <= found.top_1 <= 100


def test_answers_to_one_file_each_are_tabulated_as_any_others():
    rng = np.random.default_rng(5)
    scores = rng.normal(size=(50, 4))
    scores[7] = 0.0
    labels = [*range(3), None] * 12 + [1, 2]
    usual = [
        InferenceScores(f"f{number}", label, tuple(row))
        for number, (row, label) in enumerate(zip(scores.tolist(), labels, strict=True))
    ]
    table = tabulate(usual)
    for odd in (("x", 0, None), (None, 0, (1.0,) * 4), ("x", 0, (1.0,) * 3), ("x", 0, (float("nan"),) * 4)):
        other = tabulate([*usual, InferenceScores(*odd)])
        assert {found.code for found in other.findings} == {"scores.unusable", "scores.zero-sum"}
        assert (other.files, other.labels.tolist()) == (table.files, table.labels.tolist())
        assert (other.raw.tolist(), other.normalised.tolist()) == (
            table.raw.tolist(),
            table.normalised.tolist(),
        )
        assert (other.inferences.tolist(), other.negative_sums) == ([1] * 50, table.negative_sums)
    assert {found.code for found in table.findings} == {"scores.zero-sum"}
    assert table.raw.tolist() == scores.tolist()
