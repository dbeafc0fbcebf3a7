"""A session's official files, read back by our own readers and compared with the session's figures.

Every figure must be the session's to the printed digit. Bins of 1 ms cannot hold two of them in energy mode:
the length of a window is printed in whole milliseconds, so it may be up to 1 ms too long, and the mean power
too low by the same part (``energy.runs.bins``). These bounds are all that is allowed.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from energy.errors import RecordingError
from energy.findings import Finding
from energy.recording.mlcommons import read_mlcommons_results
from energy.runs.accuracy import AccuracyFigures, accuracy, answers_of_trials, tabulate
from energy.runs.bins import BIN_HZ
from energy.runs.mlcommons_writer import WrittenTrial
from energy.runs.printed import agrees
from energy.runs.results_json import TrialEntry, read_results_json
from energy.runs.results_text import Figure, PrintedWindow, ResultsText, read_results_text
from energy.runs.runner_log import read_log
from energy.window.figures import SessionFigures, WindowFigures
from energy.window.integrator import integrate_trace
from energy.window.pairing import TrialPairing
from energy.window.rules import EnergyRule

OFFICIAL_FILES = ("log.txt", "results.txt", "results.json")
_BIN_S = 1 / BIN_HZ
_SAME = 1e-9
"""Relative difference of two sums of the same samples, added up in another order."""


def write_and_compare(
    folder: Path, write: Callable[[], str | None], differences: Iterable[str]
) -> list[Finding]:
    """Writes official files and reads them back; files that differ from the session are removed.

    Args:
        folder: The folder of the official files.
        write: Writes them; answers why the format cannot hold the session, where it cannot.
        differences: The differences, each in a sentence; taken once the files are written.

    Returns:
        The finding that there are none, or that they differed; none where they agree, and are left.
    """
    try:
        if (reason := write()) is not None:
            return [Finding("session.no-official-files", reason)]
        found = list(differences)
    except (RecordingError, OSError) as error:
        found = [f"they cannot be written and read back: {error}"]
    if not found:
        return []
    shutil.rmtree(folder, ignore_errors=True)
    more = f" (and {len(found) - 1} more)" if found[1:] else ""
    return [Finding("session.official-files-differ", f"{found[0]}{more}")]


def energy_differences(folder: Path, figures: SessionFigures) -> Iterator[str]:
    """The differences between an energy session and its official files, a sentence each.

    Raises:
        RecordingError: One of the files cannot be read.
    """
    printed = read_results_text(folder / "results.txt")
    yield from _counts(printed, len(figures.windows))
    for window, ours in zip(printed.windows, figures.windows, strict=False):
        yield from _energy_window(window, ours)
    cost = figures.joule_per_inference()
    yield from _figure("the median energy", printed.median_energy_uj, cost.median * 1e6 if cost else None)
    trials = read_results_json(folder / "results.json").trials
    yield from _iterations(folder, trials, [window.iterations for window in figures.windows])
    trace, entries = read_mlcommons_results(folder / "results.json")
    windows, _ = integrate_trace(trace, TrialPairing([entry.stop for entry in entries]))
    if len(windows) != len(figures.windows):
        yield f"results.json has {len(windows)} windows, the session {len(figures.windows)}"
    for theirs, ours in zip(windows, figures.windows, strict=False):
        bins_j = theirs.energies[EnergyRule.MLCOMMONS].energy_j
        if not math.isclose(bins_j, ours.energy_j(), rel_tol=_SAME, abs_tol=1e-15):
            yield f"the bins of window {theirs.number} add up to {bins_j!r} J, it has {ours.energy_j()!r} J"


def performance_differences(folder: Path, trials: Sequence[WrittenTrial], median: float) -> Iterator[str]:
    """The differences between a performance session and its official files, a sentence each.

    Args:
        folder: Where they are.
        trials: The session's.
        median: Its inferences per second.

    Raises:
        RecordingError: One of the files cannot be read.
    """
    printed = read_results_text(folder / "results.txt")
    yield from _counts(printed, len(trials))
    for window, ours in zip(printed.windows, trials, strict=False):
        rows = (
            ("the iterations", window.iterations, float(ours.iterations)),
            ("the length", window.duration_s, ours.duration_s),
            ("the throughput", window.throughput, ours.iterations / ours.duration_s),
        )
        for name, figure, value in rows:
            yield from _figure(f"{name} of window {window.number}", figure, value)
    yield from _figure("the median throughput", printed.median_throughput, median)
    entries = read_results_json(folder / "results.json").trials
    yield from _iterations(folder, entries, [trial.iterations for trial in trials])
    for entry, ours in zip(entries, trials, strict=False):
        elapsed_us = ours.duration_s * 1e6
        if entry.elapsed_us is None or abs(entry.elapsed_us - elapsed_us) > 0.51:
            yield f"results.json has {entry.elapsed_us} us for {ours.source.name}, the session {elapsed_us}"
        if entry.scores != ours.results and all(map(math.isfinite, ours.results)):
            yield f"results.json has other scores for {ours.source.name} than the session"


def accuracy_differences(folder: Path, figures: AccuracyFigures) -> Iterator[str]:
    """The differences between an accuracy session and its official files, a sentence each.

    Raises:
        RecordingError: One of the files cannot be read.
    """
    printed = read_results_text(folder / "results.txt")
    yield from _figure("top-1", printed.top_1, figures.top_1)
    if figures.auc is not None or printed.auc is not None:
        yield from _figure("AUC", printed.auc, figures.auc)
    theirs = accuracy(tabulate(answers_of_trials(read_results_json(folder / "results.json").trials)))
    if theirs is None:
        yield "no accuracy follows from results.json"
    elif (theirs.files, theirs.top_1, theirs.auc) != (figures.files, figures.top_1, figures.auc):
        ours = f"top-1 {figures.top_1} and AUC {figures.auc} over {figures.files} files"
        yield f"results.json gives top-1 {theirs.top_1} and AUC {theirs.auc}, the session {ours}"


def _counts(printed: ResultsText, count: int) -> Iterator[str]:
    if len(printed.windows) != count:
        yield f"results.txt has {len(printed.windows)} windows, the session {count}"


def _energy_window(window: PrintedWindow, ours: WindowFigures) -> Iterator[str]:
    energy_j, length_s = ours.energy_j(), ours.window.duration_s
    cost, name = ours.joule_per_inference(), f"of trial {window.number} (from 0)"
    yield from _figure(f"the energy {name}", window.energy_uj, energy_j * 1e6)
    yield from _figure(f"the energy per inference {name}", window.per_inference_uj, cost and cost * 1e6)
    yield from _figure(f"the iterations {name}", window.iterations, ours.iterations)
    yield from _figure(f"the length {name}", window.duration_s, length_s, above=_BIN_S)
    if length_s > 0:
        power_mw, least_mw = energy_j / length_s * 1e3, energy_j / (length_s + _BIN_S) * 1e3
        yield from _figure(f"the power {name}", window.power, power_mw, below=power_mw - least_mw)


def _figure(
    name: str, figure: Figure | None, value: float | None, *, below: float = 0.0, above: float = 0.0
) -> Iterator[str]:
    """Whether a printed figure is the session's, to its last digit or within what a bin may add."""
    if figure is None or value is None or not math.isfinite(value):
        yield f"results.txt prints {figure.text if figure else 'nothing'} for {name}, the session has {value}"
        return
    if not agrees(figure, value, below=below, above=above):
        yield f"results.txt prints {figure.text} for {name}, the session has {value:.10g}"


def _iterations(folder: Path, trials: Sequence[TrialEntry], ours: Sequence[int | None]) -> Iterator[str]:
    logged = [
        inference.iterations or inference.asked for inference in read_log(folder / "log.txt").inferences
    ]
    for name, theirs in (("results.json", [trial.iterations for trial in trials]), ("log.txt", logged)):
        if theirs != list(ours):
            yield f"{name} has the numbers of inferences {theirs}, the session {list(ours)}"
