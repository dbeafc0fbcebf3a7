"""``python -m benchmarks.uncertainty_coverage``: how often does a stated 95 % interval hold the truth?

No timing, and no part of ``python -m benchmarks``. Monte Carlo (JCGM 101:2008) on the virtual world, 2000
draws a cell (``benchmarks/uncertainty_cells.py``). Exit status 1 if a cell misses its limits. With fewer
draws the limits allow for their number.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.uncertainty_cells import EXTREME, KINDS, Cell, Kind, cell

WINDOWS = (3, 5, 10)
DRAWS = 2000
LEAST, MOST = 0.935, 0.97
"""Coverage in every cell at least; at most where there are ten degrees of freedom."""
FREE = 10.0
"""Effective degrees of freedom from which a cell has an upper limit, too."""
NEAR = 0.15
"""Largest relative difference there between U and the half-width of the errors."""
_SEED = 20_260_101


def missed(result: Cell, draws: int, *, extreme: bool) -> list[str]:
    """The limits that a cell misses; with few draws, by more than three standard deviations of the count.

    Args:
        result: The cell.
        draws: Number of draws.
        extreme: Whether it is a cell of a single kind of term, which has a lower limit only.
    """
    few = draws < DRAWS
    allowed = 3.0 * math.sqrt(0.05 * 0.95 / draws) if few else 0.0
    near = NEAR + (3.0 * 1.1 / math.sqrt(draws) if few else 0.0)  # a quantile of few draws is that uncertain
    lines: list[str] = []
    if result.covered < LEAST - allowed:
        lines.append(f"covers {result.covered:.1%}, less than {LEAST:.1%}")
    if extreme or result.freedom < FREE:
        return lines
    if result.covered > MOST + allowed:
        lines.append(f"covers {result.covered:.1%}, more than {MOST:.0%}")
    if abs(result.ratio - 1.0) > near:
        lines.append(f"U is {result.ratio:.2f} times the half-width of the errors")
    return lines


def run(
    kinds: Sequence[Kind], windows: Sequence[int], draws: int, jobs: int
) -> list[tuple[Kind, Cell, list[str]]]:
    """All cells, each with a seed of its own, with what they miss."""
    asked = [(kind, n) for kind in kinds for n in windows]
    seeds = [_SEED + i for i in range(len(asked))]
    with ProcessPoolExecutor(jobs) as pool:
        results = pool.map(cell, *zip(*asked, strict=True), [draws] * len(asked), seeds)
        return [
            (kind, result, missed(result, draws, extreme=kind in EXTREME))
            for (kind, _), result in zip(asked, results, strict=True)
        ]


def table(rows: Sequence[tuple[Kind, Cell, list[str]]]) -> Table:
    """The cells as a table."""
    shown = Table(box=box.SIMPLE, pad_edge=False)
    shown.add_column("monitor", no_wrap=True)
    for heading in (
        "windows",
        "covers %",
        "U %",
        "errors %",
        "ratio",
        "bias %",
        "ν_eff",
        "k",
        "by distribution",
    ):
        shown.add_column(heading, justify="right")
    for _, result, lines in rows:
        freedom = "∞" if result.freedom > 1e6 else f"{result.freedom:.3g}"
        shown.add_row(
            result.name + (" !" if lines else ""),
            str(result.windows),
            f"{100 * result.covered:.1f}",
            f"{100 * result.expanded:.3f}",
            f"{100 * result.half_width:.3f}",
            f"{result.ratio:.2f}",
            f"{100 * result.bias:+.3f}",
            freedom,
            f"{result.factor:.2f}",
            f"{100 * result.by_distribution:.0f} %",
        )
    return shown


def to_json(rows: Sequence[tuple[Kind, Cell, list[str]]]) -> list[dict[str, Any]]:
    """The cells for ``--json``; infinite degrees of freedom are null."""
    documents: list[dict[str, Any]] = []
    for kind, result, lines in rows:
        freedom = result.freedom if math.isfinite(result.freedom) else None
        extreme = kind in EXTREME
        documents.append({**asdict(result), "freedom": freedom, "extreme": extreme, "missed": lines})
    return documents


def main(arguments: list[str] | None = None) -> int:
    """Runs what was asked for; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.uncertainty_coverage", description=__doc__)
    parser.add_argument("--draws", type=int, default=DRAWS)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="", help="monitors whose name contains this")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    kinds = [kind for kind in (*KINDS, *EXTREME) if options.only in kind.name]
    rows = run(kinds, WINDOWS, options.draws, options.jobs)
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(table(rows))
    wrong = [
        f"{result.name}, {result.windows} windows: {line}" for _, result, lines in rows for line in lines
    ]
    for line in wrong:
        console.print(line, highlight=False)
    console.print(f"{len(wrong)} limits were missed." if wrong else "Every cell is within its limits.")
    if options.json:
        options.json.write_text(json.dumps(to_json(rows), indent=1) + "\n", encoding="utf-8")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
