"""``joulebench catalogue``: the published results of MLPerf Tiny."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from energy.cli.integrate import positive
from energy.errors import EXIT_OK

if TYPE_CHECKING:
    from energy.catalogue.row import Row

DESCRIPTION = """\
The published results of all rounds, with assumed uncertainty budgets: lists them by words and
conditions, shows a row in full, exports them, writes them as a page beside own points, and refreshes
them from a checkout of a round with recomputed figures and verdicts."""
EXAMPLES = """\
examples:
  joulebench catalogue list harvard reference
  joulebench catalogue list --where benchmark=kws --where 'energy<1mJ' --where 'latency<20ms'
  joulebench catalogue show v0.5/closed/reference/Nucleo-L4R5ZI/ic
  joulebench catalogue export published.csv
  joulebench catalogue page sessions/ --out atlas.html
  joulebench catalogue build tiny_results_v1.3 --out published.csv"""
SCHEMA = "joulebench.catalogue/1"
ROW_SCHEMA = "joulebench.catalogue-row/1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's arguments."""
    from energy.cli import logs

    actions = parser.add_subparsers(metavar="ACTION", required=True, dest="action")

    def action(name: str, text: str) -> argparse.ArgumentParser:
        added = actions.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        logs.add_arguments(added)
        return added

    listing = action("list", "rows by words and conditions, energies with their assumed uncertainty")
    _add_choice(listing)
    form = listing.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="CSV (SI units) on standard output")
    form.add_argument("--json", action="store_true", help="JSON (SI units) on standard output")

    show = action("show", "a row in full: printed and recomputed figures, findings, every term of its budget")
    show.add_argument("row", nargs="+", metavar="ROW", help="its name, or words that only it has")
    show.add_argument("--json", action="store_true", help="JSON (SI units) on standard output")
    _add_file(show)

    export = action("export", "rows as a file (SI units), by its ending .csv, .json or .parquet")
    export.add_argument("out", type=Path, metavar="FILE", help="target, ending in .csv, .json or .parquet")
    _add_choice(export)

    page = action("page", "all rows as a page that filters and limits them, beside own points: the atlas")
    page.add_argument(
        "paths",
        nargs="*",
        type=Path,
        metavar="PATH",
        help="own sessions, recordings, sweeps, published trees",
    )
    page.add_argument("--out", type=Path, required=True, metavar="FILE", help="the page, ending in .html")
    page.add_argument("--workers", type=positive, metavar="N", help="processes (default: one per core)")
    _add_file(page)

    build = action("build", "a catalogue with what checkouts of rounds hold, recomputed and checked")
    build.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="round, submission or archive")
    build.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="the new catalogue, for --catalogue (CSV)"
    )
    build.add_argument("--partial-copy", action="store_true", help="a missing file was not copied")
    build.add_argument("--workers", type=positive, metavar="N", help="processes (default: one per core)")
    _add_file(build)


def _add_choice(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("words", nargs="*", metavar="WORD", help="words that a row must have, in any order")
    parser.add_argument(
        "--where",
        action="append",
        default=[],
        metavar="CONDITION",
        help="benchmark=kws, 'energy<1mJ', system~nucleo, energy (there is one); may be repeated",
    )
    _add_file(parser)


def _add_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--catalogue", type=Path, metavar="FILE", help="one that build wrote (default: the shipped one)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Runs the verb."""
    actions = {"list": _list, "show": _show, "export": _export, "page": _page, "build": _build}
    return actions[arguments.action](arguments)


def _chosen(arguments: argparse.Namespace) -> list[Row]:
    from energy.catalogue.choose import chosen
    from energy.catalogue.row import read_rows

    return chosen(read_rows(arguments.catalogue), arguments.words, arguments.where)


def _list(arguments: argparse.Namespace) -> int:
    from energy.cli.terminal import console, print_json, show_table
    from energy.report.catalogue import as_csv, documents, list_table

    rows = _chosen(arguments)
    if arguments.json:
        print_json({"schema": SCHEMA, "rows": documents(rows)}, ascii_only=True)
        return EXIT_OK
    if arguments.csv:
        sys.stdout.write(as_csv(rows))
        return EXIT_OK
    out = console()
    if rows:
        show_table(out, list_table(rows), every=True)
    out.print(f"{len(rows)} {'row' if len(rows) == 1 else 'rows'}", soft_wrap=True)
    if any(row.joule_per_inference for row in rows):
        out.print(
            "U is that of an assumed budget: neither the monitor's calibration nor the measured rail was "
            "published. `joulebench catalogue show ROW` lists its terms.",
            soft_wrap=True,
        )
    return EXIT_OK


def _show(arguments: argparse.Namespace) -> int:
    from energy.catalogue.choose import row_named
    from energy.catalogue.row import read_rows
    from energy.cli.terminal import console, plain, print_json, show_table
    from energy.report.catalogue import budget_or_none, documents, row_table
    from energy.report.uncertainty import budget_table

    row = row_named(read_rows(arguments.catalogue), " ".join(arguments.row))
    budget = budget_or_none(row)
    if arguments.json:
        document: dict[str, Any] = {
            "schema": ROW_SCHEMA,
            **documents([row])[0],
            "budget": budget.to_json() if budget else None,
        }
        print_json(document, ascii_only=True)
        return EXIT_OK
    out = console()
    out.print(f"[bold]{plain(row.id)}[/]", soft_wrap=True)
    show_table(out, row_table(row))
    if budget is not None:
        table = budget_table(budget)
        out.print(f"[bold]{plain(table.title)}[/]", soft_wrap=True)
        show_table(out, table)
        for note in budget.notes:
            out.print(plain(note), soft_wrap=True)
    _show_findings(row)
    return EXIT_OK


def _show_findings(row: Row) -> None:
    from energy.cli.terminal import console, plain
    from energy.findings import REGISTER

    for code in row.findings:
        title = REGISTER[code].meaning if code in REGISTER else "a code of another version"
        console().print(f"finding {plain(code)}: {plain(title)}", soft_wrap=True)


def _export(arguments: argparse.Namespace) -> int:
    from energy.cli.terminal import console, plain
    from energy.report.catalogue_export import export_rows

    rows = _chosen(arguments)
    export_rows(rows, arguments.out)
    console().print(f"wrote {plain(arguments.out)}: {len(rows)} rows", soft_wrap=True)
    return EXIT_OK


def _page(arguments: argparse.Namespace) -> int:
    return write_atlas_page(arguments.out, arguments.paths, arguments.catalogue, arguments.workers)


def write_atlas_page(
    out: Path, paths: Sequence[str | Path], catalogue: Path | None, workers: int | None
) -> int:
    """Writes the atlas with own points, and prints what has none.

    Args:
        out: The page.
        paths: Own sessions, recordings, sweeps, published trees, or names of published rows.
        catalogue: A catalogue that ``build`` wrote; None for the shipped one.
        workers: Processes; None for one per core.
    """
    from energy.cli.terminal import console, plain, progress
    from energy.report.pages.atlas import left_out_lines, write_atlas

    with progress("reading", 1) as show:
        own = write_atlas(out, paths, catalogue=catalogue, workers=workers, progress=show)
    for line in left_out_lines(own.left_out):
        console().print(plain(line), soft_wrap=True)
    count = f" and {len(own)} own {'point' if len(own) == 1 else 'points'}" if paths else ""
    console().print(f"page: {plain(out)}: the published rows{count}", soft_wrap=True)
    return EXIT_OK


def _build(arguments: argparse.Namespace) -> int:
    from energy.catalogue.build import build
    from energy.catalogue.row import read_rows, rows_text
    from energy.cli.terminal import console, plain, progress, show_table
    from energy.report.catalogue import built_lines, built_table
    from energy.report.catalogue_export import replaced, write_rows

    with progress("checking", 1) as show:
        built = build(
            arguments.paths,
            read_rows(arguments.catalogue),
            partial_copy=arguments.partial_copy,
            workers=arguments.workers,
            progress=lambda done, total, name: show(done / max(total, 1), name),
        )
    text = rows_text(built.rows)
    replaced(arguments.out, lambda part: write_rows(part, text))
    out = console()
    if built.refreshed:
        show_table(out, built_table(built))
    for line in built_lines(built):
        out.print(plain(line), soft_wrap=True)
    for path, error in built.failures:
        out.print(f"[bold red]error[/]   {plain(path)}: {plain(error)}", soft_wrap=True)
    out.print(f"wrote {plain(arguments.out)}", soft_wrap=True)
    return max((error.exit_status for _, error in built.failures), default=EXIT_OK)
