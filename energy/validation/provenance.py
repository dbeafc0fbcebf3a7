"""Where files come from: results and log of one session, and artefacts that lie in two places."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from energy.findings import Finding
from energy.validation.material import Print, RunMaterial

LATEST_S = 20.0
"""Results are written within this time of the log's end (mlperf-tiny.md 3)."""
_WHOLE_SECOND = 1.0


@dataclass(frozen=True)
class PlacedPrint:
    """A fingerprint and where it was found."""

    print: Print
    round: str
    submission: str
    system: str
    benchmark: str
    mode: str
    folder: int
    """Number of the folder's report."""


def one_session(run: RunMaterial) -> Iterable[Finding]:
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
        yield from _printed_in_log(run)


def _last_stamp(run: RunMaterial) -> float | None:
    """The log's last stamp."""
    times = run.log.columns.times.tolist() if run.log else []
    known = [time_s for time_s in times if time_s == time_s]
    return known[-1] if known else None


def _printed_in_log(run: RunMaterial) -> Iterable[Finding]:
    """The MLCommons runner prints its results into its log as well: durations and energies are the same."""
    assert run.log
    assert run.printed
    if run.mode == "performance":
        pairs = [
            (one.duration_s.number, other.runtime_s)
            for one, other in zip(run.printed.windows, run.log.inferences, strict=False)
            if one.duration_s and other.runtime_s is not None
        ]
        apart = [(one, other) for one, other in pairs if abs(one - other) > 0.0006]
        if pairs and len(apart) == len(pairs):
            evidence = f"window 1 took {apart[0][0]:.6g} s by results.txt and {apart[0][1]:.6g} s by the log"
            yield Finding("session.mixed", evidence, path=run.results_path)
        return
    said = {text.partition(":")[2].strip() for text in run.log.texts("printed") if "Total Energy" in text}
    energies = [one.energy_uj.text for one in run.printed.windows if one.energy_uj]
    if said and energies and not any(f"{text} uJ" in said for text in energies):
        evidence = f"the log prints an energy of {min(said)}, results.txt {energies[0]} uJ and no such"
        yield Finding("session.mixed", evidence, path=run.results_path)


def copies(prints: Iterable[PlacedPrint]) -> Iterable[tuple[int, Finding]]:
    """Artefacts that lie in more than one place, as (number of the folder's report, finding).

    A trace that is copied is named once, not once more for its samples.
    """
    by_digest: dict[tuple[str, bytes], list[PlacedPrint]] = {}
    for one in prints:
        by_digest.setdefault((one.print.kind, one.print.digest), []).append(one)
    named: set[tuple[str, str]] = set()
    for kind in ("log", "results", "results.json", "trace", "samples"):
        for (its_kind, _), group in by_digest.items():
            if its_kind != kind:
                continue
            first = group[0]
            for one in group[1:]:
                if (first.print.path, one.print.path) in named:
                    continue
                named.add((first.print.path, one.print.path))
                what = "has the same samples as" if kind == "samples" else "is byte for byte"
                code = "artefact.resubmitted" if _resubmitted(first, one) else "artefact.copied"
                yield one.folder, Finding(code, f"{what} {first.print.path}", path=one.print.path)


def _resubmitted(one: PlacedPrint, other: PlacedPrint) -> bool:
    """Whether both are the same run of the same system, in two rounds."""
    return (
        one.round != other.round
        and one.submission == other.submission
        and (one.system, one.benchmark, one.mode) == (other.system, other.benchmark, other.mode)
    )
