"""Results compared by their files: every figure that all of them have, energy before throughput."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from energy.errors import UsageError
from energy.uncertainty.comparability import Aspect
from energy.uncertainty.compare import Comparison, compare_all
from energy.uncertainty.paired import PairedComparison, compare_pairs
from energy.uncertainty.results import FigureName, Result, read_result, sessions_in

_SHOWN: tuple[FigureName, ...] = ("energy", "net", "throughput")
"""Figures that are compared; energy is never shown without throughput."""


@dataclass(frozen=True)
class Compared:
    """Results compared.

    Attributes:
        results: The results.
        figures: By figure, the comparisons as ``compare_all`` returns them; energy is always among them.
    """

    results: tuple[Result, ...]
    figures: Mapping[FigureName, list[list[Comparison]]]

    @property
    def not_comparable(self) -> bool:
        """Whether any two are not comparable."""
        return any(
            compared.verdict == "not comparable"
            for rows in self.figures.values()
            for row in rows
            for compared in row
        )

    def scope_lines(self, names: Sequence[str]) -> list[str]:
        """Each scope with the names of its results, a line each."""
        scopes: dict[str, list[str]] = {}
        for name, result in zip(names, self.results, strict=True):
            scope = result.circumstances.scope
            scopes.setdefault(scope.text() if scope else "not known", []).append(name)
        return [f"scope of {', '.join(of)}: {scope}" for scope, of in scopes.items()]

    def to_json(self) -> dict[str, Any]:
        """For ``--json``, SI units."""
        return {
            "virtual": any(result.virtual for result in self.results),
            "results": [_result_json(result) for result in self.results],
            "figures": {
                name: [compared.to_json() for row in rows for compared in row]
                for name, rows in self.figures.items()
            },
        }


@dataclass(frozen=True)
class ComparedSets:
    """Two sets of results compared by pairs of the same workload.

    Attributes:
        figures: By figure, the pairs and their mean ratio.
        notes: What has no partner.
    """

    figures: Mapping[FigureName, PairedComparison]
    notes: tuple[str, ...]

    @property
    def virtual(self) -> bool:
        """Whether any result comes from the virtual bench."""
        return any(
            bool(subject.circumstances.virtual)
            for compared in self.figures.values()
            for pair in compared.pairs
            for subject in (pair.first, pair.second)
        )

    @property
    def not_comparable(self) -> bool:
        """Whether any pair is not comparable."""
        return any(compared.verdict == "not comparable" for compared in self.figures.values())

    def to_json(self) -> dict[str, Any]:
        """For ``--json``, SI units."""
        return {
            "virtual": self.virtual,
            "notes": list(self.notes),
            "paired": {name: compared.to_json() for name, compared in self.figures.items()},
        }


def _result_json(result: Result) -> dict[str, Any]:
    scope = result.circumstances.scope
    return {
        "name": result.name,
        "virtual": result.circumstances.virtual,
        "scope": scope.model_dump(mode="json") if scope else None,
        "errors": [{"code": code, "evidence": evidence} for code, evidence in result.errors],
    }


def compare_results(named: Sequence[Path | Result], across: Collection[Aspect] = ()) -> Compared:
    """Compares results by their files.

    Args:
        named: At least two results, or their files: all are compared with the first, and with each other.
        across: Circumstances that differ on purpose.

    Raises:
        UsageError: ``usage.compare``, ``usage.path``.
        RecordingError: ``compare.no-uncertainty``, or what is wrong with a file.
    """
    if len(named) < 2:
        given = f"{len(named)} result{'s' if len(named) != 1 else ''} given"
        raise UsageError("usage.compare", given, "A comparison needs two results: name another.")
    same = {of.resolve() if isinstance(of, Path) else of.name for of in named}
    if len(same) < len(named):
        raise UsageError(
            "usage.compare", "the same result is given twice", "Name results of different measurements."
        )
    results = tuple(read_result(of) if isinstance(of, Path) else of for of in named)
    figures: dict[FigureName, list[list[Comparison]]] = {}
    for name in _SHOWN:
        if name == "energy" or all(result.has(name) for result in results):
            figures[name] = compare_all([result.subject(name) for result in results], across)
    return Compared(results, figures)


def compare_sets(first: Path, second: Path, across: Collection[Aspect] = ()) -> ComparedSets:
    """Compares two folders of sessions by pairs of the same workload.

    Args:
        first: What is compared with, such as sessions with reference kernels.
        second: What is compared, such as sessions with CMSIS-NN.
        across: Circumstances that differ on purpose.

    Raises:
        UsageError: ``usage.compare`` if a workload is there twice, or fewer than two have a partner.
        RecordingError: What is wrong with a file.
    """
    ours, theirs = _by_workload(first), _by_workload(second)
    common = [workload for workload in ours if workload in theirs]
    if len(common) < 2:
        raise UsageError(
            "usage.compare",
            f"{len(common)} workloads are in both folders: {', '.join(common) or 'none'}",
            "A mean over pairs needs two pairs; compare single sessions without --paired.",
        )
    alone = [f"{workload} is in {first} only" for workload in ours if workload not in theirs]
    alone += [f"{workload} is in {second} only" for workload in theirs if workload not in ours]
    figures: dict[FigureName, PairedComparison] = {}
    for name in _SHOWN:
        if all(results[workload].has(name) for results in (ours, theirs) for workload in common):
            pairs = [(ours[workload].subject(name), theirs[workload].subject(name)) for workload in common]
            if all(subject.budget.value > 0 for pair in pairs for subject in pair):  # else there is no ratio
                figures[name] = compare_pairs(pairs, across)
    return ComparedSets(figures, tuple(alone))


def _by_workload(folder: Path) -> dict[str, Result]:
    """The energy sessions of a folder by workload.

    Raises:
        UsageError: ``usage.compare`` if a workload is there twice.
        RecordingError: ``compare.no-uncertainty`` if a session has none.
    """
    found: dict[str, Result] = {}
    for path in sessions_in(folder):
        result = read_result(path)
        workload = result.circumstances.workload
        if result.circumstances.mode != "energy" or workload is None:
            continue
        result.subject("energy")
        if workload in found:
            raise UsageError(
                "usage.compare",
                f"{folder} has two energy sessions of {workload}: {found[workload].name} and {result.name}",
                "Leave one of them in the folder.",
            )
        found[workload] = result
    return found
