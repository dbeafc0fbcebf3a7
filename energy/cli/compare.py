"""``joulebench compare``: results against each other, each difference with its uncertainty."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from energy.errors import EXIT_FINDINGS, EXIT_OK, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from energy.uncertainty.compare import Comparison, Subject
    from energy.uncertainty.comparing import Compared, ComparedSets

DESCRIPTION = """\
Compares results: the difference in percent with its expanded uncertainty (95 %), and the verdict: differ,
cannot be told apart, or not comparable, with the reasons. What both share cancels: the gain of one monitor
(by model and serial number), the voltage of one bench. Names which term dominates, and how many trials, which
range or which monitor would make it smaller. All are compared with the first; a RESULT is a session's folder,
a recording, a copy of a result.json, a folder of sessions or a sweep (all its sessions with an energy), a
published tree (recomputed), or the id of a published result (joulebench catalogue list)."""
EXAMPLES = """\
examples:
  joulebench compare sessions/old sessions/new
  joulebench compare sessions/1v8 sessions/3v0 --across voltage
  joulebench compare baseline.json sessions/new sessions/newer --terms
  joulebench compare sessions/reference sessions/cmsis-nn --paired
  joulebench compare v1.2/closed/A/X/kws v1.3/closed/B/Y/kws --across voltage
  joulebench compare A B --json > comparison.json

exit status: 0 compared, 1 something is not comparable (docs/how-to/compare.md)"""
SCHEMA = "joulebench.compare/1"
_ASPECTS = (
    "workload",
    "mode",
    "scope",
    "voltage",
    "temperature",
    "rule",
    "range",
    "firmware",
    "virtual",
    "runner",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's arguments."""
    parser.add_argument("results", nargs="+", metavar="RESULT", help="results, together at least two")
    add_across(parser)
    parser.add_argument(
        "--paired",
        action="store_true",
        help="two folders of sessions: pairs by workload, and the mean ratio over the pairs",
    )
    parser.add_argument(
        "--published", type=Path, metavar="FILE", help="another catalogue of published results (CSV)"
    )
    parser.add_argument("--terms", action="store_true", help="every term of every comparison")
    parser.add_argument(
        "--json", action="store_true", help="everything as JSON (SI units) to standard output"
    )


def add_across(parser: argparse.ArgumentParser) -> None:
    """Adds the option that states what differs on purpose."""
    parser.add_argument(
        "--across",
        action="append",
        default=[],
        choices=_ASPECTS,
        metavar="WHAT",
        help=f"what differs on purpose: {', '.join(_ASPECTS)}; may be repeated",
    )


def run(arguments: argparse.Namespace) -> int:
    """Runs the verb."""
    from energy.catalogue.results import results_named
    from energy.cli.terminal import progress
    from energy.uncertainty.comparing import compare_results, compare_sets

    if arguments.paired:
        if len(arguments.results) != 2:
            raise UsageError(
                "usage.compare",
                f"{len(arguments.results)} folder{'s' if len(arguments.results) != 1 else ''} given",
                "Name exactly two folders with --paired.",
            )
        sets = compare_sets(*(Path(name) for name in arguments.results), across=arguments.across)
        _show_json(sets) if arguments.json else _show_sets(sets)
        return EXIT_FINDINGS if sets.not_comparable else EXIT_OK
    with progress("reading", 1) as show:
        results = results_named(
            arguments.results,
            arguments.published,
            lambda done, total, name: show(done / max(total, 1), name),
        )
    compared = compare_results(results, arguments.across)
    if arguments.json:
        _show_json(compared)
    else:
        _show(compared, every=arguments.terms)
    return EXIT_FINDINGS if compared.not_comparable else EXIT_OK


def _show_json(compared: Compared | ComparedSets) -> None:
    from energy.cli.terminal import print_json

    print_json({"schema": SCHEMA, **compared.to_json()})


def _show(compared: Compared, *, every: bool) -> None:
    from energy.cli.terminal import console, plain, show_table
    from energy.report.comparison import comparison_table, letter, matrix_table, name_lines

    out = console()
    if any(result.virtual for result in compared.results):
        out.print("[bold white on red] VIRTUAL [/] not measured on hardware")
    for text in name_lines(compared.results):
        out.print(plain(text), soft_wrap=True)
    for figure, rows in compared.figures.items():
        subjects = _subjects(rows)
        show_table(out, comparison_table(subjects, rows))
        if len(subjects) > 2 and figure == "energy":
            show_table(out, matrix_table(subjects, rows))
    for text in compared.scope_lines([letter(place) for place in range(len(compared.results))]):
        out.print(plain(text), soft_wrap=not out.is_terminal)
    first = next(iter(compared.figures.values()))
    for place, row in enumerate(first[1:], start=1):
        _explain(out, row[0], ("A", letter(place)), every=every, terms=every or len(first) == 2)


def _subjects(rows: Sequence[Sequence[Comparison]]) -> list[Subject]:
    return [rows[1][0].first, *(row[0].second for row in rows[1:])]


def _explain(out: Console, compared: Comparison, names: tuple[str, str], *, every: bool, terms: bool) -> None:
    from energy.cli.terminal import plain, show_table
    from energy.report.comparison import comparison_lines, terms_table

    first, *lines = comparison_lines(compared, names)
    out.print(f"\n[bold]{plain(first)}[/]", soft_wrap=not out.is_terminal)
    _indented(out, lines)
    if terms and compared.ratio:
        show_table(out, terms_table(compared, names=names, every=every))


def _indented(out: Console, lines: Sequence[str]) -> None:
    from rich.padding import Padding

    from energy.cli.terminal import plain

    for line in lines:
        out.print(Padding(plain(line.strip()), (0, 0, 0, 2), expand=False))


def _show_sets(sets: ComparedSets) -> None:
    from energy.cli.terminal import console, plain, show_table
    from energy.report.comparison import paired_lines, paired_table

    out = console()
    if sets.virtual:
        out.print("[bold white on red] VIRTUAL [/] not measured on hardware")
    for compared in sets.figures.values():
        show_table(out, paired_table(compared))
    first, *lines = paired_lines(next(iter(sets.figures.values())))
    out.print(f"[bold]{plain(first)}[/]", soft_wrap=not out.is_terminal)
    _indented(out, [*lines, *sets.notes])
