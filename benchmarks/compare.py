"""``python -m benchmarks.compare BASE``: this checkout and another commit, timed by turns.

Both run from their own files with this interpreter. What decides is the ratio to the floor of the same run,
so that a machine that is busy in one turn and idle in the next is no difference between the commits.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

_HERE = Path(__file__).resolve().parents[1]


@dataclass
class Runs:
    """A row in all turns of one commit: milliseconds, times the floor, and the floor's name."""

    floor: str
    ms: list[float] = field(default_factory=list[float])
    ratios: list[float] = field(default_factory=list[float])


Rows = dict[tuple[str, str], Runs]
"""By title of the benchmark and name of the row."""


def main(arguments: list[str] | None = None) -> int:
    """Compares and prints; the exit status is 1 if the other commit could not be timed."""
    options = _parser().parse_args(arguments)
    console = Console(width=None if sys.stdout.isatty() else 120)
    with tempfile.TemporaryDirectory() as place:
        base = Path(place) / "base"
        _run(["git", "worktree", "add", "--detach", str(base), options.base], _HERE)
        try:
            ours, theirs = _by_turns(base, Path(place), options)
        finally:
            _run(["git", "worktree", "remove", "--force", str(base)], _HERE)
    _print(console, ours, theirs, options.base)
    return 0 if theirs else 1


def _by_turns(base: Path, place: Path, options: argparse.Namespace) -> tuple[Rows, Rows]:
    ours: Rows = {}
    theirs: Rows = {}
    for turn in range(options.turns):
        sides = [(_HERE, ours), (base, theirs)]
        for tree, rows in sides if turn % 2 else reversed(sides):
            _add_turn(rows, tree, place, options)
    return ours, theirs


def _add_turn(rows: Rows, tree: Path, place: Path, options: argparse.Namespace) -> None:
    """One turn of a checkout."""
    answer = place / "answer.json"
    answer.unlink(missing_ok=True)
    command = [sys.executable, "-m", "benchmarks", "--json", str(answer), "--repeats", str(options.repeats)]
    command += ["--folder", str(place), *(["--quick"] if options.quick else [])]
    only: list[str] = options.only or []
    for name in only:
        command += ["--only", name]
    _run(command, tree, accepted=(0, 1))
    document: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
    for section in document["sections"]:
        timed = [row for row in section["rows"] if row["ratio"] is not None]
        floor = next((row["name"] for row in timed if row["ratio"] == 1.0), "")
        for row in timed:
            runs = rows.setdefault((section["title"], row["name"]), Runs(floor))
            runs.ms.append(1e3 * row["median_s"])
            runs.ratios.append(row["ratio"])


def _run(command: list[str], folder: Path, accepted: tuple[int, ...] = (0,)) -> None:
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode not in accepted:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr}")


def _print(console: Console, ours: Rows, theirs: Rows, base: str) -> None:
    title = f"Medians (lowest to highest) of the turns, times the floor; base {base}"
    table = Table(title=title, title_justify="left", box=box.SIMPLE)
    for heading in ("benchmark", "row", "here", "base", "here / base"):
        table.add_column(heading, justify="left" if heading in ("benchmark", "row") else "right")
    for (title, name), here in ours.items():
        if (there := theirs.get((title, name))) is None:
            table.add_row(title.partition(":")[0], name, _spread(here.ratios), "-", "")
            continue
        same = here.floor == there.floor  # else the ratios cannot be compared, and the times are shown
        a, b = (here.ratios, there.ratios) if same else (here.ms, there.ms)
        unit = "" if same else " ms"
        change = f"{statistics.median(a) / statistics.median(b):.2f}"
        table.add_row(title.partition(":")[0], name, _spread(a) + unit, _spread(b) + unit, change)
    console.print(table)


def _spread(ratios: list[float]) -> str:
    if not ratios:
        return "-"
    return f"{statistics.median(ratios):.3g} ({min(ratios):.3g} to {max(ratios):.3g})"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description=__doc__)
    parser.add_argument("base", help="the commit to compare with")
    parser.add_argument("--only", action="append", help="this benchmark (may be given again)")
    parser.add_argument("--turns", type=int, default=3, help="runs of each commit (default: 3)")
    parser.add_argument("--repeats", type=int, default=5, help="timed runs in each turn (default: 5)")
    parser.add_argument("--quick", action="store_true", help="small arrays, to see that it runs")
    return parser


if __name__ == "__main__":
    sys.exit(main())
