"""Top-1 and AUC, recomputed from the scores that a run stored.

Rules (protocols.md 1.8, and checked against every published run that stores scores): scores are averaged per
file; top-1 is the share of files whose largest average is the true class; AUC is the mean over the classes of
one class against the rest, for two classes that of class 1. MLCommons first divides an answer's scores by
their sum, and prints the exact AUC. EEMBC takes the scores as the DUT sent them, and its AUC follows from 100
thresholds 0.01 apart: for the same scores 0.98 instead of 0.99. The two top-1 differ where scores are raw:
dividing by a sum below zero turns the order of the classes round.

Anomaly detection has one score a file, the mean over its windows; its AUC is exact with both, and what the
MLCommons runner prints as its "Top 1" is the best of (precision + recall)/2 over 100 thresholds. [U] How
EEMBC computes these two for anomaly detection: no published log of such a run is at hand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from energy.findings import Finding
from energy.runs.files import Runner
from energy.runs.results_json import TrialEntry
from energy.runs.runner_log import RunnerLog

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
_Area = Callable[[Floats, npt.NDArray[np.bool_]], float | None]

_STEPS = 100
_THRESHOLDS = np.arange(_STEPS + 1) / _STEPS
_MOST_CLASSES = 1000
_LARGEST_SCORE = 1e100
"""Beyond it sums overflow; no network answers so."""
_NOTHING = 1e-12
"""Part of the largest score below which a sum of scores is rounding error."""
_CLASS_IN_NAME = re.compile(r"_([0-9]{1,3})\.bin$", re.ASCII)


class InferenceScores(NamedTuple):
    """The scores of one inference: file, true class if the record holds it, scores if they are there."""

    file: str | None
    label: int | None
    scores: tuple[float, ...] | None


@dataclass
class ScoreTable:
    """Scores per file, in the order in which files first came.

    Attributes:
        files: Names; n of them.
        labels: True classes, shape (n,); -1 where unknown.
        raw: Scores as sent, averaged per file, shape (n, classes).
        normalised: Scores divided by their sum, averaged per file, shape (n, classes).
        inferences: Inferences per file, shape (n,).
        findings: What could not be used.
        negative_sums: How many answers have scores that add up to less than zero.
        shown: Name of their file in findings.
    """

    files: list[str]
    labels: Ints
    raw: Floats
    normalised: Floats
    inferences: Ints
    findings: list[Finding] = field(default_factory=list[Finding])
    negative_sums: int = 0
    shown: str = "scores"

    @property
    def labelled(self) -> bool:
        """Whether there are files, all with a known class."""
        return len(self.files) > 0 and bool((self.labels >= 0).all())


@dataclass(frozen=True)
class AccuracyFigures:
    """Accuracy of a run.

    Attributes:
        files: How many files.
        top_1: Percent, by the MLCommons runner's rule; for anomaly detection what it prints under this name.
        auc: Exact area under the ROC curve, or None where only one class came.
        auc_by_thresholds: The same from 100 thresholds, as EEMBC prints it; None for anomaly detection.
        findings: What could not be used.
        top_1_as_sent: Percent, from the scores as the DUT sent them; None for anomaly detection.
    """

    files: int
    top_1: float
    auc: float | None
    auc_by_thresholds: float | None
    findings: tuple[Finding, ...] = ()
    top_1_as_sent: float | None = None

    def top_1_by(self, runner: Runner) -> float | None:
        """Top-1 in percent as a runner computes it; None where its rule is not known."""
        return self.top_1_as_sent if runner == "eembc" else self.top_1

    def auc_by(self, runner: Runner) -> float | None:
        """AUC as a runner computes it; None where its rule is not known, or only one class came."""
        return self.auc_by_thresholds if runner == "eembc" else self.auc


def answers_of_trials(trials: Iterable[TrialEntry]) -> list[InferenceScores]:
    """The answers in a results.json. Entries in which the runner notes an error are left out, as it does."""
    return [InferenceScores(trial.file, trial.label, trial.scores) for trial in trials if trial.error is None]


def answers_of_log(log: RunnerLog, labels: Mapping[str, int]) -> list[InferenceScores]:
    """The answers in a log, with the true classes of ``labels`` by file: a log holds none."""
    return [
        InferenceScores(
            inference.file, None if inference.file is None else labels.get(inference.file), inference.results
        )
        for inference in log.inferences
    ]


def label_in_name(benchmark: str, file: str) -> int | None:
    """The true class that a file of the official datasets has in its name, or None.

    Keyword spotting ends in it (``tst_000000_Stop_7.bin``); anomaly detection begins with normal or anomaly.
    """
    if benchmark == "kws" and (found := _CLASS_IN_NAME.search(file)):
        return int(found[1])
    if benchmark == "ad":
        return {"normal": 0, "anomaly": 1}.get(file.partition("_")[0])
    return None


def tabulate(answers: Iterable[InferenceScores], shown: str = "scores") -> ScoreTable:
    """Scores per file.

    Answers without file or finite scores, or with another number of scores than the first, are left out, with
    a finding. Scores that add up to zero stay as they are.
    """
    answers = list(answers)
    if (table := _one_answer_each(answers, shown)) is not None:
        return table
    rows: dict[str, list[tuple[float, ...]]] = {}
    labels: dict[str, int] = {}
    unusable = contradicted = width = 0
    for file, label, scores in answers:
        count = len(scores) if scores else 0
        if (
            not scores
            or file is None
            or count != (width or count)
            or count > _MOST_CLASSES
            or not all(map(_LARGEST_SCORE.__gt__, map(abs, scores)))  # not for NaN either
        ):
            unusable += 1
            continue
        width = count
        if file in rows:
            rows[file].append(scores)
        else:
            rows[file] = [scores]
        if label is not None and labels.setdefault(file, label) != label:
            contradicted += 1
    every = np.array([scores for file in rows.values() for scores in file], dtype=np.float64)
    counts = np.array([len(scores) for scores in rows.values()], dtype=np.int64)
    raw, normalised, zeros, negatives = _averages(every.reshape(len(every), width), counts)
    table = ScoreTable(
        list(rows),
        np.array([labels.get(file, -1) for file in rows], dtype=np.int64),
        raw,
        normalised,
        counts,
        negative_sums=negatives,
        shown=shown,
    )
    table.findings += _left_out(shown, unusable, zeros, contradicted)
    return table


def _one_answer_each(answers: list[InferenceScores], shown: str) -> ScoreTable | None:
    """The table of answers to one file each, all of them usable; None for any other answers."""
    if not answers or any(answer.file is None or not answer.scores for answer in answers):
        return None
    files = [answer.file for answer in answers if answer.file is not None]
    if len(set(files)) < len(files):
        return None
    try:
        every = np.array([answer.scores for answer in answers], dtype=np.float64)
    except ValueError:  # not as many scores each
        return None
    if every.shape[1] > _MOST_CLASSES or not (np.abs(every) < _LARGEST_SCORE).all():
        return None
    counts = np.ones(len(files), np.int64)
    raw, normalised, zeros, negatives = _averages(every, counts)
    labels = [-1 if answer.label is None else answer.label for answer in answers]
    return ScoreTable(
        files,
        np.array(labels, dtype=np.int64),
        raw,
        normalised,
        counts,
        _left_out(shown, 0, zeros, 0),
        negatives,
        shown,
    )


def _left_out(shown: str, unusable: int, zeros: int, contradicted: int) -> list[Finding]:
    findings: list[Finding] = []
    for code, count, what in (
        ("scores.unusable", unusable, "answers without file or without the usual number of finite scores"),
        ("scores.zero-sum", zeros, "answers whose scores add up to zero"),
        (
            "scores.contradicting-labels",
            contradicted,
            "answers with another class than an earlier one",
        ),
    ):
        if count:
            findings.append(Finding(code, f"{count} {what}", path=shown))
    return findings


def accuracy(table: ScoreTable, runner: Runner = "mlcommons") -> AccuracyFigures | None:
    """Accuracy of a table, or None if it is empty or a class is unknown.

    Args:
        table: The scores.
        runner: Whose rule counts: scores with a negative sum are a finding where it divides by the sum.
    """
    if not table.labelled:
        return None
    findings = list(table.findings)
    if table.raw.shape[1] == 1:
        means = table.raw[:, 0]
        positive = table.labels == 1
        return AccuracyFigures(
            len(means), anomaly_top_1(means, positive), exact_auc(means, positive), None, tuple(findings)
        )
    hits = table.normalised.argmax(axis=1) == table.labels
    top_1 = 100 * int(hits.sum()) / len(hits)
    as_sent = 100 * int((table.raw.argmax(axis=1) == table.labels).sum()) / len(hits)
    if table.negative_sums and runner != "eembc":
        evidence = (
            f"{table.negative_sums} answers: top-1 is {top_1:g} % divided by the sum, {as_sent:g} % as sent"
        )
        findings.append(Finding("scores.negative-sum", evidence, path=table.shown))
    return AccuracyFigures(
        len(hits),
        top_1,
        _one_against_rest(table.normalised, table.labels, exact_auc),
        _one_against_rest(table.raw, table.labels, auc_by_thresholds, all_classes=True),
        tuple(findings),
        as_sent,
    )


def exact_auc(scores: Floats, positive: npt.NDArray[np.bool_]) -> float | None:
    """Probability that a positive scores higher than a negative, ties counting half; None without either.

    By ranks in whole numbers, so that it is the nearest float to the true ratio.
    """
    positives = int(positive.sum())
    negatives = len(positive) - positives
    if not positives or not negatives:
        return None
    ascending, theirs = np.sort(scores), scores[positive]
    below, up_to = (np.searchsorted(ascending, theirs, side=side) for side in ("left", "right"))
    excess = int((below + up_to + 1).sum()) - positives * (positives + 1)  # twice the mean rank among ties
    return excess / (2 * positives * negatives)


def auc_by_thresholds(scores: Floats, positive: npt.NDArray[np.bool_]) -> float | None:
    """Area under a ROC curve through (1, 1) and the thresholds 0.01, 0.02, .. 1.00, scores above counting."""
    positives = np.sort(scores[positive])
    negatives = np.sort(scores[~positive])
    if not len(positives) or not len(negatives):
        return None
    true_rate, false_rate = (
        1 - np.searchsorted(group, _THRESHOLDS, side="right") / len(group) for group in (positives, negatives)
    )
    true_rate[0] = false_rate[0] = 1.0
    return float(((true_rate[:-1] + true_rate[1:]) * (false_rate[:-1] - false_rate[1:])).sum() / 2)


def anomaly_top_1(means: Floats, positive: npt.NDArray[np.bool_]) -> float:
    """The MLCommons runner's "Top 1" of anomaly detection, in percent (protocols.md 1.8).

    The largest of (precision + recall)/2 over 100 thresholds from the least score up, scores above counting.
    """
    low, high = float(means.min()), float(means.max())
    thresholds = low + np.arange(_STEPS) / _STEPS * (high - low)
    above, hits = (
        len(group) - np.searchsorted(np.sort(group), thresholds, side="right")
        for group in (means, means[positive])
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        precision = np.where(above > 0, hits / above, 0.0)
    recall = hits / max(int(positive.sum()), 1)
    return float(((precision + recall) / 2).max() * 100)


def _averages(every: Floats, counts: Ints) -> tuple[Floats, Floats, int, int]:
    """Raw and normalised averages per file, and how many answers add up to zero, and to less.

    Args:
        every: Scores of every answer, those to the same file together, shape (answers, classes).
        counts: Answers per file, shape (n,).
    """
    if not len(every):
        return every, every, 0, 0
    sums = every.sum(axis=1, keepdims=True)
    zero = np.abs(sums) <= _NOTHING * np.abs(every).max(axis=1, keepdims=True)
    raw, normalised = every, every / np.where(zero, 1.0, sums)
    if len(counts) < len(every):
        starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
        raw, normalised = (
            np.add.reduceat(scores, starts, axis=0) / counts[:, None] for scores in (raw, normalised)
        )
    if every.shape[1] == 1:
        return raw, normalised, 0, 0
    return raw, normalised, int(zero.sum()), int((~zero & (sums < 0)).sum())


def _one_against_rest(
    scores: Floats, labels: Ints, area: _Area, *, all_classes: bool = False
) -> float | None:
    """Mean over the classes of the area of one class against the rest; for two classes, that of class 1."""
    classes = range(scores.shape[1]) if all_classes or scores.shape[1] != 2 else (1,)
    areas = [area(scores[:, number], labels == number) for number in classes]
    known = [area_ for area_ in areas if area_ is not None]
    return float(np.mean(known)) if known else None
