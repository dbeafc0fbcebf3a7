"""Where files come from: artefacts that lie in two places."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from energy.findings import Finding
from energy.runs.run import Print


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
