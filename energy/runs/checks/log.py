"""The log of a run: of the same session as the results, with inferences, of the right model."""

from __future__ import annotations

from collections.abc import Iterable

from energy.findings import Finding
from energy.runs.results_text import ResultsText
from energy.runs.run import Run
from energy.runs.runner_log import Timeline

MODELS: dict[str, str] = {"ad": "ad01", "ic": "ic01", "kws": "kws01", "vww": "vww01", "sww": "sww01"}
"""Model that a DUT states, by benchmark. What it states for ic2 is not known here."""
LATEST_S = 20.0
"""Results are written within this time of the log's end (mlperf-tiny.md 3)."""
_WHOLE_SECOND = 1.0


def one_session(run: Run) -> Iterable[Finding]:
    """Whether results.txt and log are of one session, by the clock and by what both state."""
    log, printed = run.log, run.printed
    if log is None or printed is None:
        return
    stop = log.session_stop_s
    last = stop if stop is not None and stop == stop else _last_stamp(run)
    if printed.first_s is not None and last is not None and printed.runner == log.runner:
        after = printed.first_s - last
        if not -_WHOLE_SECOND <= after <= LATEST_S:
            order = "after" if after > 0 else "before"
            evidence = f"results.txt is stamped {abs(after):.3f} s {order} the log's end"
            if printed.windows and len(log.inferences) != len(printed.windows):
                evidence += f"; {len(log.inferences)} inferences in the log, {len(printed.windows)} windows"
            yield Finding("session.mixed", evidence, path=run.results_path)
            return
    if run.mode == "accuracy" or run.benchmark == "sww":
        return
    inferences = log.inferences
    if printed.windows and inferences and len(inferences) < len(printed.windows):
        evidence = f"{len(inferences)} inferences in the log, {len(printed.windows)} windows in results.txt"
        yield Finding("session.mixed", evidence, path=run.results_path)
        return
    if log.runner == "mlcommons":
        yield from _printed_in_log(run, log, printed)


def _last_stamp(run: Run) -> float | None:
    """The log's last stamp."""
    times = run.log.columns.times.tolist() if run.log else []
    known = [time_s for time_s in times if time_s == time_s]
    return known[-1] if known else None


def _printed_in_log(run: Run, log: Timeline, printed: ResultsText) -> Iterable[Finding]:
    """The MLCommons runner prints its results into its log as well: durations and energies are the same."""
    if run.mode == "performance":
        pairs = [
            (one.duration_s.number, other.runtime_s)
            for one, other in zip(printed.windows, log.inferences, strict=False)
            if one.duration_s and other.runtime_s is not None
        ]
        apart = [(one, other) for one, other in pairs if abs(one - other) > 0.0006]
        if pairs and len(apart) == len(pairs):
            evidence = f"window 1 took {apart[0][0]:.6g} s by results.txt and {apart[0][1]:.6g} s by the log"
            yield Finding("session.mixed", evidence, path=run.results_path)
        return
    said = {text.partition(":")[2].strip() for text in log.texts("printed") if "Total Energy" in text}
    energies = [one.energy_uj.text for one in printed.windows if one.energy_uj]
    if said and energies and not any(f"{text} uJ" in said for text in energies):
        evidence = f"the log prints an energy of {min(said)}, results.txt {energies[0]} uJ and no such"
        yield Finding("session.mixed", evidence, path=run.results_path)


def model(run: Run) -> Iterable[Finding]:
    """Whether the DUT states the model of the folder's benchmark, as far as it states one of the known."""
    stated = run.log.model if run.log else None
    wanted = MODELS.get(run.benchmark)
    if stated in MODELS.values() and wanted is not None and stated != wanted:
        yield Finding(
            "model.differs", f"the DUT states {stated}, the folder is {run.benchmark}", path=run.log_path
        )


def log_of_a_run(run: Run) -> Iterable[Finding]:
    """Whether the log is one: some runner's, with inferences in it (streaming wake word logs none)."""
    if run.log is None:
        return
    if run.log.runner == "unknown":
        evidence = f"none of its {run.log.lines} lines is one that a runner begins its log with"
        yield Finding("log.foreign", evidence, path=run.log_path)
    elif run.benchmark != "sww" and not run.log.inferences:
        yield Finding("log.foreign", f"there is no inference in its {run.log.lines} lines", path=run.log_path)
