"""The break-in matrix: every fault on every bench, and what a session makes of it.

``python -m tests.faults.matrix`` runs it whole; ``BENCH/FAULT ...`` a few cells; ``--kind edges`` a kind.
"""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures import ProcessPoolExecutor

from tests.faults.catalogue import BENCHES, FAULTS
from tests.faults.cells import Cell, Result, run

CELLS = tuple(Cell(bench, fault) for fault in FAULTS for bench in BENCHES if fault.befalls(bench))


def line(cell: Cell, result: Result) -> str:
    error = "" if result.error is None else f"{result.error:+.2e} (±{result.bound:.1e})"
    return f"{result.verdict:9} {cell.name:45} {error} {' '.join(result.codes)}"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--kind")
    parser.add_argument("--bench")
    parser.add_argument("-j", type=int, default=os.cpu_count() or 1)
    parser.add_argument("-v", action="store_true")
    args = parser.parse_args()
    cells = [
        cell
        for cell in CELLS
        if (not args.names or cell.name in args.names or cell.fault.name in args.names)
        and args.kind in (None, cell.fault.kind)
        and args.bench in (None, cell.bench)
    ]
    with ProcessPoolExecutor(args.j) as pool:
        for cell, result in zip(cells, pool.map(_run, [CELLS.index(cell) for cell in cells]), strict=True):
            sys.stdout.write(line(cell, result) + "\n")
            if result.failed or args.v:
                sys.stdout.write(f"    {result.why}\n")
            sys.stdout.flush()


def _run(number: int) -> Result:
    return run(CELLS[number])


if __name__ == "__main__":
    main()
