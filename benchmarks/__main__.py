"""``python -m benchmarks``: all timings in one table; exit status 1 if a target was not reached."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from benchmarks.append import append
from benchmarks.archive import archive
from benchmarks.edges import edges
from benchmarks.integrate import integrate
from benchmarks.joulescope import joulescope
from benchmarks.live import live
from benchmarks.lpm01a_ascii import lpm01a_ascii
from benchmarks.lpm01a_binary import lpm01a_binary
from benchmarks.machine import load, machine_facts
from benchmarks.page import page
from benchmarks.plot import plot
from benchmarks.ppk2 import ppk2
from benchmarks.read import read
from benchmarks.results import Section
from benchmarks.start import start
from benchmarks.stream import stream
from benchmarks.table import print_lines, print_section
from benchmarks.validate import validate

SAMPLES = 60_000_000
"""Half a minute of a Joulescope JS110 or JS220 at 2 MS/s: 480 MB of current and voltage."""

_NAMES = (
    "integrate",
    "edges",
    "stream",
    "append",
    "read",
    "lpm01a",
    "lpm01a-binary",
    "joulescope",
    "ppk2",
    "page",
    "plot",
    "live",
    "validate",
    "archive",
    "start",
)


def main(arguments: list[str] | None = None) -> int:
    """Runs the benchmarks that were asked for and returns the exit status."""
    options = _parser().parse_args(arguments)
    count = 2_000_000 if options.quick else SAMPLES
    repeats = max(options.repeats, 5) if not options.quick else 2
    folder: Path = options.folder
    runs: dict[str, Callable[[], Section]] = {
        "integrate": lambda: integrate(count, min(count, 500_000), repeats),
        "edges": lambda: edges(count, 2000, repeats),
        "append": lambda: append(count, repeats, folder),
        "read": lambda: read(count, repeats, folder),
        "lpm01a": lambda: lpm01a_ascii(min(count, 2_000_000), repeats),
        "lpm01a-binary": lambda: lpm01a_binary(min(count, 20_000_000), repeats),
        "joulescope": lambda: joulescope(count, repeats, folder),
        "ppk2": lambda: ppk2(min(count, 10_000_000), repeats),
        "page": lambda: page(min(count, 10_000_000), repeats, folder),
        "plot": lambda: plot(count, min(count, 6_000_000), min(repeats, 5), folder),
        "live": lambda: live(2 if options.quick else 10, min(repeats, 5), folder),
        "stream": lambda: stream(count, repeats),
        "start": lambda: start(repeats),
        "validate": lambda: validate(min(repeats, 5)),
        "archive": lambda: archive(200 if options.quick else 10_000, min(repeats, 3), folder),
    }
    folder.mkdir(parents=True, exist_ok=True)
    console = Console(width=None if sys.stdout.isatty() else 120)
    machine, loads = machine_facts(), [load()]
    console.print(", ".join(f"{name} {value}" for name, value in machine.items()), highlight=False)
    console.print(f"{repeats} runs of each, by turns\n", highlight=False)
    sections: list[Section] = []
    for name in options.only or _NAMES:
        sections.append(runs[name]())
        if options.details:
            print_section(console, sections[-1], judged=not options.quick)
        elif sys.stderr.isatty():
            print(f"{name} is done", file=sys.stderr)
    print_lines(console, sections, judged=not options.quick)
    loads.append(load())
    console.print(f"Load of the machine before and after: {loads[0]} and {loads[1]}", highlight=False)
    missed = [target for section in sections for target in section.judged if not target.reached]
    if options.quick:
        console.print("Targets are not judged: --quick uses small arrays.")
    else:
        console.print(f"{len(missed)} targets were not reached." if missed else "All targets were reached.")
    if options.json:
        answer = {
            "machine": machine,
            "load_before_and_after": loads,
            "repeats": repeats,
            "judged": not options.quick,
            "sections": [
                {"name": name, **section.to_json()}
                for name, section in zip(options.only or _NAMES, sections, strict=True)
            ],
        }
        options.json.write_text(json.dumps(answer, indent=1) + "\n", encoding="utf-8")
    return 1 if missed and not options.quick else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", choices=_NAMES, help="this one (may be given again)")
    parser.add_argument("--details", action="store_true", help="all timings of each benchmark, too")
    parser.add_argument("--quick", action="store_true", help="small arrays, to see that it runs")
    parser.add_argument(
        "--repeats", type=int, default=11, help="timed runs of each, at least 5 (default: 11)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write everything to FILE")
    parser.add_argument(
        "--folder", type=Path, default=Path("out"), help="the store's disk: files go here and are removed"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
