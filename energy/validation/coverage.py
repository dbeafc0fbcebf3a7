"""How much of a validation set the answers of an accuracy run cover, and what follows from that part.

An accuracy over part of the answers is not the printed one, so it is not compared with it. Top-1 has bounds
all the same: with every missing answer wrong, and with every one right.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

from energy.benchmark.validation_set import FULL_SET
from energy.benchmark.workloads import WORKLOADS
from energy.findings import Finding
from energy.runs.accuracy import (
    AccuracyFigures,
    InferenceScores,
    accuracy,
    answers_of_log,
    answers_of_trials,
    label_in_name,
    tabulate,
)
from energy.runs.printed import FigureSource, half_unit
from energy.runs.run import Run

_STATED = "Using full set "
_STATED_SET = re.compile(r"Using full set \(([0-9]{1,7}) test files\)")
_MOST_LOST = 0.05
"""Part of the answers that a serial line may lose; the published logs lack none."""
_FILES = {workload.benchmark: FULL_SET[workload.id] for workload in WORKLOADS.values()} | {"ic2": 200}
"""Files of the validation set, by benchmark (protocols.md 1.7)."""


@dataclass(frozen=True)
class Coverage:
    """The answers of a run beside the set that it should cover; each number counts files.

    Attributes:
        source: What holds the answers; ``"results.txt"`` where no file does.
        of: Files of the whole set, or None where that is not known.
        asked: Files that the run has inferences of.
        answered: Files with usable scores.
        labelled: Files with usable scores whose true class is known.
        figures: The accuracy over these; None where there are none.
        findings: What could not be used.
    """

    source: FigureSource = "results.txt"
    of: int | None = None
    asked: int = 0
    answered: int = 0
    labelled: int = 0
    figures: AccuracyFigures | None = None
    findings: list[Finding] = field(default_factory=list[Finding])

    @property
    def whole(self) -> AccuracyFigures | None:
        """The accuracy, where it is over the whole set."""
        enough = self.labelled >= (self.of or self.answered)
        return self.figures if enough and self.labelled == self.answered else None

    def bounds(self, runner_top_1: float | None) -> tuple[float, float] | None:
        """Least and largest top-1 in percent that the known answers leave open.

        Args:
            runner_top_1: Top-1 of the known answers, by the rule of the run's runner.
        """
        if runner_top_1 is None or self.of is None or self.labelled > self.of:
            return None
        hits = round(runner_top_1 / 100 * self.labelled)
        return 100 * hits / self.of, 100 * (hits + self.of - self.labelled) / self.of

    def __str__(self) -> str:
        answers = f"{self.answered} of {self.of} answers" if self.of else f"{self.answered} answers"
        if self.labelled < self.answered:
            answers += f", the true class of {self.answered - self.labelled} of them is not known"
        return answers


def cover(run: Run, *, mixed: bool) -> Coverage:
    """Finds the answers of an accuracy run.

    Args:
        run: Its files.
        mixed: Whether its log is known to be of another session.
    """
    if run.trials is not None:
        found, source = answers_of_trials(run.trials), "results.json"
        shown = run.show(run.folder.results_json)
    # How the EEMBC runner computes the two figures of anomaly detection is not known here [U].
    elif run.log and run.runner == "eembc" and run.benchmark != "ad":
        found, source = answers_of_log(run.log, {}), "log"
        shown = run.log_path
    else:
        return Coverage()
    found = [_labelled(run.benchmark, each) if each.label is None else each for each in found]
    table = tabulate(found, shown)
    known = [answer for answer in found if answer.label is not None]
    best = table if len(known) == len(found) else tabulate(known, shown)
    figures = None if mixed and source == "log" else accuracy(best, run.runner)
    asked = len({answer.file for answer in found if answer.file is not None})
    return Coverage(
        "log" if source == "log" else "results.json",
        _size_of_set(run, table.raw.shape[1]),
        asked,
        len(table.files),
        len(best.files),
        figures,
        list(table.findings) if figures is None else list(figures.findings),
    )


def check_coverage(run: Run, coverage: Coverage) -> Iterator[Finding]:
    """Whether the answers cover the set, and whether a part of them contradicts what is printed."""
    if coverage.source == "results.txt" or coverage.whole is not None:
        return
    if not _excusable(coverage):
        yield Finding("accuracy.partial", f"the {coverage.source} holds {coverage}", path=run.shown)
    figures, printed = coverage.figures, run.printed.top_1 if run.printed else None
    bounds = coverage.bounds(figures.top_1_by(run.runner)) if figures and run.benchmark != "ad" else None
    if bounds is None or printed is None:
        return
    slack = half_unit(printed) + 1e-9
    if not bounds[0] - slack <= printed.number <= bounds[1] + slack:
        evidence = f"results.txt prints top-1 {printed.text}; {coverage} allow {bounds[0]:g} to {bounds[1]:g}"
        yield Finding("accuracy.differs", evidence, path=run.results_path)


def _excusable(coverage: Coverage) -> bool:
    """Whether no more is lacking than a serial line loses, or than the EEMBC runner's log never holds.

    That log has no true classes; the MLCommons runner writes one beside each answer.
    """
    if coverage.source == "results.json" and coverage.labelled < coverage.answered:
        return False
    if coverage.of is None:
        return coverage.answered > 0
    lost = coverage.of - coverage.answered
    return lost <= 0 or (coverage.asked >= coverage.of and lost <= _MOST_LOST * coverage.of)


def _labelled(benchmark: str, answer: InferenceScores) -> InferenceScores:
    """An answer whose record has no true class with that of the official set, as far as known."""
    if answer.file is None:
        return answer
    label = label_in_name(benchmark, answer.file)
    if label is None:
        label = _table(benchmark).get(answer.file)
    return InferenceScores(answer.file, label, answer.scores)


def _size_of_set(run: Run, classes: int) -> int | None:
    """Files of the set: as the MLCommons runner logs it, else of the official set.

    For anomaly detection two sets are accepted, so only the log knows.
    """
    if run.log and _STATED in run.log.text and (stated := _STATED_SET.search(run.log.text)):
        return int(stated[1])
    return None if run.benchmark == "ad" or classes == 1 else _FILES.get(run.benchmark)


@cache
def _table(benchmark: str) -> dict[str, int]:
    """True classes of the official validation set, read off the published results.json of v1.3."""
    file = resources.files("energy.validation") / f"labels-{benchmark}.tsv"
    if not file.is_file():
        return {}
    rows = (line.split("\t") for line in file.read_text(encoding="utf-8").splitlines())
    return {name: int(label) for name, label in rows}
