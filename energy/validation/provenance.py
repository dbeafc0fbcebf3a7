"""Where files come from: artefacts that lie in two places."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from energy.findings import Finding
from energy.runs.run import Fingerprint


@dataclass(frozen=True)
class PlacedFingerprint:
    """A fingerprint and where it was found."""

    fingerprint: Fingerprint
    round: str
    submission: str
    system: str
    benchmark: str
    mode: str
    folder: int
    """Number of the folder's report."""


def copies(fingerprints: Iterable[PlacedFingerprint]) -> Iterable[tuple[int, Finding]]:
    """Artefacts that lie in more than one place, as (number of the folder's report, finding).

    A trace that is copied is named once, not once more for its samples.
    """
    by_digest: dict[tuple[str, bytes], list[PlacedFingerprint]] = {}
    for placed in fingerprints:
        its = placed.fingerprint
        by_digest.setdefault((its.kind, its.digest), []).append(placed)
    named: set[tuple[str, str]] = set()
    for kind in ("log", "results", "results.json", "trace", "samples"):
        for (its_kind, _), group in by_digest.items():
            if its_kind != kind:
                continue
            first = group[0]
            for copy in group[1:]:
                if (first.fingerprint.path, copy.fingerprint.path) in named:
                    continue
                named.add((first.fingerprint.path, copy.fingerprint.path))
                what = "has the same samples as" if kind == "samples" else "is byte for byte"
                code = "artefact.resubmitted" if _resubmitted(first, copy) else "artefact.copied"
                yield (
                    copy.folder,
                    Finding(code, f"{what} {first.fingerprint.path}", path=copy.fingerprint.path),
                )


def _resubmitted(first: PlacedFingerprint, other: PlacedFingerprint) -> bool:
    """Whether both are the same run of the same system, in two rounds."""
    return (
        first.round != other.round
        and first.submission == other.submission
        and (first.system, first.benchmark, first.mode) == (other.system, other.benchmark, other.mode)
    )
