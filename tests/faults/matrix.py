"""The break-in matrix: every fault on every bench, and what a session makes of it.

``python -m tests.faults.matrix`` runs it whole and writes its pages; ``BENCH/FAULT ...``, ``--kind edges``
or ``--bench lpm01a`` a part, which writes none. The whole matrix goes on where it was interrupted, as long as
the code is the same (``out/matrix.jsonl``); ``--page`` writes the page of what was run so far.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed

from tests.faults.catalogue import FAULTS
from tests.faults.cells import FAILURES, Cell, Result, run
from tests.faults.limits import LIMITS, limit_of
from tests.faults.pages import KINDS, KNOWN_LIMITS, MATRIX, limits_page, matrix_page, verdict
from tests.faults.phase_rows import PHASE_FAULTS
from tests.faults.phases import AT_FULL_SPEED, PHASE_BENCHES
from tests.faults.results import OF_PROCESSES, OWN, store, stored

CELLS = tuple(
    Cell(bench, fault)
    for fault in (*FAULTS, *PHASE_FAULTS)
    for bench in PHASE_BENCHES
    if fault.befalls(bench)
)
NAMED = {cell.name: cell for cell in CELLS}


def chosen(names: Sequence[str], kinds: Sequence[str], benches: Sequence[str]) -> list[Cell]:
    """The cells of these names (or of these faults' names), of these kinds, of these benches."""
    return [
        cell
        for cell in CELLS
        if (not names or cell.name in names or cell.fault.name in names)
        and (not kinds or cell.fault.kind in kinds)
        and (not benches or cell.bench in benches)
    ]


def line(cell: Cell, result: Result) -> str:
    """A cell in a line."""
    error = "" if result.error is None else f"{result.error:+.2e} (±{result.bound:.1e})"
    return f"{verdict(cell, result):9} {cell.name:45} {error} {' '.join(result.codes)}"


def results_of(cells: Sequence[Cell], jobs: int) -> Iterator[tuple[Cell, Result]]:
    """Runs cells, several at the same time; those that take long come first."""
    by_length = sorted(cells, key=lambda cell: cell.bench not in AT_FULL_SPEED)
    with ProcessPoolExecutor(jobs) as pool:
        futures = {pool.submit(_run, cell.name): cell for cell in by_length}
        for future in as_completed(futures):
            yield futures[future], future.result()


def _run(name: str) -> Result:
    return run(NAMED[name])


def main() -> int:
    """Runs the cells that the command line names; 1 if any may not be so."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.matrix", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="BENCH/FAULT")
    parser.add_argument("--kind", choices=tuple(KINDS), action="append", default=[])
    parser.add_argument("--bench", choices=PHASE_BENCHES, action="append", default=[])
    parser.add_argument("-j", type=int, default=os.cpu_count() or 1, help="cells at the same time")
    parser.add_argument("-v", action="store_true", help="say more about each cell")
    parser.add_argument("--afresh", action="store_true", help="run the whole matrix from its first cell")
    parser.add_argument("--page", action="store_true", help="run nothing; write the page of what was run")
    words = parser.parse_args()
    if words.page:
        before = stored(OWN)
        results = {cell: before[cell.name] for cell in CELLS if cell.name in before}
        write_matrix(results)
        return summary(results)
    cells = chosen(words.names, words.kind, words.bench)
    if not cells:
        parser.error("there is no such cell")
    whole = len(cells) == len(CELLS)
    before = stored(OWN) if whole and not words.afresh else {}
    results = {cell: before[cell.name] for cell in cells if cell.name in before}
    left = [cell for cell in cells if cell not in results]
    if results:
        sys.stdout.write(f"{len(results)} cells were run before with this code, {len(left)} are left\n")
    begun_s = time.monotonic()
    for count, (cell, result) in enumerate(results_of(left, words.j), start=1):
        results[cell] = result
        store(OWN, cell.name, result)
        taken_s = time.monotonic() - begun_s
        more = f"\n    {result.why}" if result.why and (words.v or result.failed) else ""
        ahead = f"{count}/{len(left)}, {taken_s / count * (len(left) - count) / 60:.0f} min left"
        sys.stdout.write(f"{line(cell, result)} [{ahead}]{more}\n")
        sys.stdout.flush()
    if whole:
        results = {cell: results[cell] for cell in CELLS}
        write_matrix(results)
        KNOWN_LIMITS.write_text(limits_page(results), encoding="utf-8")
    return summary(results)


def write_matrix(results: dict[Cell, Result]) -> None:
    """Writes the page of the matrix, with the cells of processes that were run with any code."""
    page = matrix_page(results, stored(OF_PROCESSES, of_any_code=True), len(CELLS))
    MATRIX.write_text(page, encoding="utf-8")


def summary(results: dict[Cell, Result]) -> int:
    """Counts the verdicts, and names the cells that may not be so and how each is run alone."""
    said = {cell: verdict(cell, result) for cell, result in results.items()}
    counts = Counter(said.values())
    sys.stdout.write(
        f"\n{len(said)} cells: " + ", ".join(f"{n} {word}" for word, n in counts.most_common()) + "\n"
    )
    failed = [cell for cell, word in said.items() if word in FAILURES]
    for cell in failed:
        sys.stdout.write(f"{said[cell]}: {command(cell.name)}\n")
    past = [
        limit.title
        for limit in LIMITS
        if len(results) == len(CELLS)
        and not any(word == "known" and limit_of(cell.name) is limit for cell, word in said.items())
    ]
    for title in past:
        sys.stdout.write(f"no limit any more: {title}\n")
    return int(bool(failed or past))


def command(name: str) -> str:
    """The command that repeats a cell."""
    return f".venv/bin/python -m tests.faults.matrix -v {name}"


if __name__ == "__main__":
    sys.exit(main())
