"""The break-in matrix: every fault on every bench, and what a session makes of it.

``python -m tests.faults.matrix`` runs it whole and writes its pages; ``BENCH/FAULT ...``, ``--kind edges`` or
``--bench lpm01a`` a part, which writes none.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

from tests.faults.catalogue import BENCHES, FAULTS
from tests.faults.cells import FAILURES, Cell, Result, run
from tests.faults.limits import LIMITS, limit_of
from tests.faults.pages import KINDS, KNOWN_LIMITS, MATRIX, limits_page, matrix_page, verdict

CELLS = tuple(Cell(bench, fault) for fault in FAULTS for bench in BENCHES if fault.befalls(bench))
SAMPLED_PER_KIND = 2


def sample() -> list[Cell]:
    """Some cells of each kind, always the same: those whose names' digests come first."""

    def digest(cell: Cell) -> str:
        return hashlib.sha256(cell.name.encode()).hexdigest()

    quick = [cell for cell in sorted(CELLS, key=digest) if not cell.bench.startswith("joulescope")]
    return [
        cell
        for kind in KINDS
        for cell in [cell for cell in quick if cell.fault.kind == kind][:SAMPLED_PER_KIND]
    ]


def chosen(names: Sequence[str], kind: str | None, bench: str | None) -> list[Cell]:
    """The cells of these names (or of these faults' names), of a kind, of a bench."""
    return [
        cell
        for cell in CELLS
        if (not names or cell.name in names or cell.fault.name in names)
        and kind in (None, cell.fault.kind)
        and bench in (None, cell.bench)
    ]


def line(cell: Cell, result: Result) -> str:
    """A cell in a line."""
    error = "" if result.error is None else f"{result.error:+.2e} (±{result.bound:.1e})"
    return f"{verdict(cell, result):9} {cell.name:45} {error} {' '.join(result.codes)}"


def _run(name: str) -> Result:
    return run(next(cell for cell in CELLS if cell.name == name))


def main() -> int:
    """Runs the cells that the command line names; 1 if any may not be so."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.matrix", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="BENCH/FAULT")
    parser.add_argument("--kind", choices=tuple(KINDS))
    parser.add_argument("--bench", choices=BENCHES)
    parser.add_argument("-j", type=int, default=os.cpu_count() or 1, help="cells at the same time")
    parser.add_argument("-v", action="store_true", help="say more about each cell")
    words = parser.parse_args()
    cells = chosen(words.names, words.kind, words.bench)
    if not cells:
        parser.error("there is no such cell")
    results: dict[Cell, Result] = {}
    with ProcessPoolExecutor(words.j) as pool:
        for cell, result in zip(cells, pool.map(_run, [cell.name for cell in cells]), strict=True):
            results[cell] = result
            more = f"\n    {result.why}" if result.why and (words.v or result.failed) else ""
            sys.stdout.write(f"{line(cell, result)}{more}\n")
            sys.stdout.flush()
    if len(cells) == len(CELLS):
        MATRIX.write_text(matrix_page(results), encoding="utf-8")
        KNOWN_LIMITS.write_text(limits_page(results), encoding="utf-8")
    return summary(results)


def summary(results: dict[Cell, Result]) -> int:
    """Counts the verdicts, and names the cells that may not be so and how each is run alone."""
    said = {cell: verdict(cell, result) for cell, result in results.items()}
    counts = Counter(said.values())
    sys.stdout.write(
        f"\n{len(said)} cells: " + ", ".join(f"{n} {word}" for word, n in counts.most_common()) + "\n"
    )
    failed = [cell for cell, word in said.items() if word in FAILURES]
    for cell in failed:
        sys.stdout.write(f"{said[cell]}: .venv/bin/python -m tests.faults.matrix -v {cell.name}\n")
    past = [
        limit.title
        for limit in LIMITS
        if len(results) == len(CELLS)
        and not any(word == "known" and limit_of(cell.name) is limit for cell, word in said.items())
    ]
    for title in past:
        sys.stdout.write(f"no limit any more: {title}\n")
    return int(bool(failed or past))


if __name__ == "__main__":
    sys.exit(main())
