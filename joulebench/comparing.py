"""Results compared with each other, and checked against limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from energy.catalogue.results import results_named
from energy.report import notebook
from energy.report.comparison import (
    comparison_lines,
    comparison_table,
    letter,
    name_lines,
    paired_lines,
    paired_table,
)
from energy.report.gate import gate_lines, gate_table, junit_xml, markdown
from energy.uncertainty.budget import Budget
from energy.uncertainty.checking import Checked, Limits, check_result
from energy.uncertainty.comparability import Aspect
from energy.uncertainty.compare import Comparison, Verdict
from energy.uncertainty.comparing import Compared, ComparedSets, compare_results, compare_sets
from energy.uncertainty.gate import Decision, Requirement
from energy.uncertainty.results import FigureName
from joulebench.benches import AnyPath
from joulebench.hints import hinted
from joulebench.recordings import HasFolder

if TYPE_CHECKING:
    import pandas as pd

AnyResult = HasFolder | AnyPath
"""A session that is over, its folder, or a ``result.json``."""


@dataclass(frozen=True)
class ResultComparison:
    """Results compared; the properties are those of the energy of the second against the first.

    Attributes:
        compared: Every result and every comparison.
    """

    compared: Compared

    def of(self, second: int = 1, first: int = 0, figure: FigureName = "energy") -> Comparison:
        """The comparison of two of the results.

        Args:
            second: Number of the result that is compared, from 0.
            first: Number of the one that it is compared with; smaller than ``second``.
            figure: ``"energy"``, ``"net"`` or ``"throughput"``.
        """
        return self.compared.figures[figure][second][first]

    @property
    def verdict(self) -> Verdict:
        """``"differ"``, ``"cannot be told apart"`` or ``"not comparable"``."""
        return self.of().verdict

    @property
    def difference(self) -> Budget:
        """Second minus first in joule per inference, with its uncertainty."""
        return self.of().difference

    @property
    def ratio(self) -> Budget | None:
        """Second over first with its uncertainty."""
        return self.of().ratio

    @property
    def reasons(self) -> list[str]:
        """What makes them not comparable."""
        return [reason.evidence for reason in self.of().reasons]

    @property
    def advice(self) -> tuple[str, ...]:
        """What would make the uncertainty smaller."""
        return self.of().improvement.advice

    def to_json(self) -> dict[str, Any]:
        """As ``joulebench compare --json``, SI units."""
        return self.compared.to_json()

    def to_dataframe(self) -> pd.DataFrame:
        """A row for each pair and figure: difference, ratio, expanded uncertainties, verdict."""
        import pandas as pd

        rows = [
            _pair_row(figure, compared)
            for figure, of_figure in self.compared.figures.items()
            for row in of_figure
            for compared in row
        ]
        return pd.DataFrame(rows)

    def _repr_html_(self) -> str:
        results, figures = self.compared.results, self.compared.figures
        parts = [notebook.line(text) for text in name_lines(results)]
        for rows in figures.values():
            subjects = [rows[1][0].first, *(row[0].second for row in rows[1:])]
            parts.append(notebook.table(comparison_table(subjects, rows)))
        names = [letter(place) for place in range(len(results))]
        parts += [notebook.line(text) for text in self.compared.scope_lines(names)]
        for place, row in enumerate(figures["energy"][1:], start=1):
            parts += [notebook.line(text) for text in comparison_lines(row[0], ("A", letter(place)))]
        return notebook.card("Comparison", *parts, virtual=any(result.virtual for result in results))


def _pair_row(figure: FigureName, compared: Comparison) -> dict[str, Any]:
    ratio = compared.ratio
    return {
        "figure": figure,
        "first": compared.first.name,
        "second": compared.second.name,
        "unit": compared.difference.unit,
        "difference": compared.difference.value,
        "difference_expanded": compared.difference.expanded,
        "ratio": ratio.value if ratio else None,
        "ratio_expanded": ratio.expanded if ratio else None,
        "verdict": compared.verdict,
        "reasons": ", ".join(reason.code for reason in compared.reasons),
        "virtual": bool(compared.first.circumstances.virtual or compared.second.circumstances.virtual),
    }


@dataclass(frozen=True)
class PairedSets:
    """Two folders of sessions compared by pairs of the same workload.

    Attributes:
        sets: The pairs of each figure, and their mean ratio.
    """

    sets: ComparedSets

    @property
    def verdict(self) -> Verdict:
        """Whether the mean ratio of the energies differs from 1."""
        return self.sets.figures["energy"].verdict

    @property
    def ratio(self) -> Budget:
        """Geometric mean of the ratios of the energies, second over first, with its uncertainty."""
        return self.sets.figures["energy"].ratio

    def to_json(self) -> dict[str, Any]:
        """As ``joulebench compare --paired --json``, SI units."""
        return self.sets.to_json()

    def _repr_html_(self) -> str:
        parts: list[str] = []
        for compared in self.sets.figures.values():
            parts += [notebook.table(paired_table(compared)), *map(notebook.line, paired_lines(compared))]
        parts += map(notebook.line, self.sets.notes)
        return notebook.card("Comparison by pairs", *parts, virtual=self.sets.virtual)


@dataclass(frozen=True)
class Gate:
    """A result checked against limits or a baseline.

    Attributes:
        checked: The result, the baseline and each requirement.
    """

    checked: Checked

    @property
    def decision(self) -> Decision:
        """``"pass"``, ``"fail"`` or ``"undecided"``; a session with errors fails."""
        return self.checked.decision

    @property
    def requirements(self) -> tuple[Requirement, ...]:
        """Each requirement with its decision, the reason, and what would decide it."""
        return self.checked.requirements

    @property
    def junit_xml(self) -> str:
        """JUnit XML."""
        return junit_xml(self.checked)

    @property
    def markdown(self) -> str:
        """A summary in GitHub-flavoured Markdown."""
        return markdown(self.checked)

    def to_json(self) -> dict[str, Any]:
        """As ``joulebench check --json``."""
        return self.checked.to_json()

    def _repr_html_(self) -> str:
        lines = [notebook.line(text) for text in gate_lines(self.checked)]
        return notebook.card(
            "Check", notebook.table(gate_table(self.checked)), *lines, virtual=self.checked.virtual
        )


@hinted
def compare(*results: AnyResult, across: Sequence[Aspect] = ()) -> ResultComparison:
    """Compares results: every difference with its uncertainty, in which what both share cancels.

    Args:
        results: At least two: sessions, their folders, copies of a ``result.json``, or names of published
            results in the catalogue.
        across: What differs on purpose: ``"voltage"``, ``"firmware"``, ``"scope"``, ...

    Raises:
        JoulebenchError: ``usage.compare``, ``usage.path``, ``compare.no-uncertainty``.
    """
    return ResultComparison(
        compare_results(results_named([str(_path(result)) for result in results]), across)
    )


@hinted
def compare_paired(first: AnyPath, second: AnyPath, *, across: Sequence[Aspect] = ()) -> PairedSets:
    """Compares two folders of sessions by pairs of the same workload.

    Args:
        first: A folder of sessions, such as those with reference kernels.
        second: Another, such as those with CMSIS-NN.
        across: What differs on purpose.

    Raises:
        JoulebenchError: As ``compare``.
    """
    return PairedSets(compare_sets(Path(first), Path(second), across))


@hinted
def check(
    result: AnyResult,
    *,
    max_energy_j: float | None = None,
    min_throughput: float | None = None,
    baseline: AnyResult | None = None,
    allow: float = 0.0,
    across: Sequence[Aspect] = (),
) -> Gate:
    """Checks a result against limits or a baseline; it fails only beyond the uncertainty (one-sided, 95 %).

    Args:
        result: A session, its folder, or a ``result.json``.
        max_energy_j: Energy per inference in joule, at most.
        min_throughput: Inferences per second, at least.
        baseline: A result whose energy it may exceed by ``allow`` at most.
        allow: A fraction: 0.01 is 1 %.
        across: In what result and baseline differ on purpose.

    Raises:
        JoulebenchError: ``usage.check``, ``usage.path``, or what is wrong with a file.
    """
    limits = Limits(max_energy_j, min_throughput, None if baseline is None else _path(baseline), allow)
    return Gate(check_result(_path(result), limits, across))


def _path(result: AnyResult) -> Path:
    return result.folder if isinstance(result, HasFolder) else Path(result)
