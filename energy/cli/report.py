"""``joulebench report``: a self-contained page of a session, a sweep or a comparison."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from energy.cli.compare import add_across
from energy.cli.integrate import add_window_arguments, options_of
from energy.errors import EXIT_FINDINGS, EXIT_OK, UsageError

if TYPE_CHECKING:
    from energy.report.pages.skeleton import Page

DESCRIPTION = """\
Writes a page that opens in any browser, offline, and prints: a session (headline figures with their
uncertainty, verdict, findings with what to do, windows, the trace down to single samples at the edges,
budget, bench, files with their hashes), a recording or a trace, a sweep (its points, to sort and filter, and
its optimum), the validation of a submission, a round or a folder of sessions, two results and more
compared, or the atlas of all published results. The page holds everything and loads nothing."""
EXAMPLES = """\
examples:
  joulebench report sessions/20250801-192957-kws01-energy
  joulebench report sweeps/voltage --out voltage.html
  joulebench report sessions/1v8 sessions/3v0 --across voltage
  joulebench report tiny_results_v1.3 --out v1.3.html
  joulebench report --atlas sessions/ --out atlas.html
  joulebench report capture.ppk2 --voltage 3.3 --marker-line D0 --iterations 100

exit status: 0 written, 1 written, and errors were found in what it is of (docs/how-to/reports.md)"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's arguments."""
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="PATH",
        help="a session, recording, trace, sweep, submission, round or folder of them; or results to compare",
    )
    parser.add_argument(
        "--atlas", action="store_true", help="all published results beside the points of PATH (none: alone)"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="the page (default out/NAME.html)")
    add_across(parser)
    add_window_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Runs the verb."""
    from energy.cli.terminal import console, plain, progress
    from energy.report.pages.kinds import REPORTED, page_of
    from energy.report.pages.skeleton import check_page, write_page

    paths: list[str] = arguments.paths
    if arguments.atlas:
        from energy.cli.catalogue import write_atlas_page

        return write_atlas_page(arguments.out or Path("out") / "atlas.html", paths, None, None)
    if not paths:
        raise UsageError("usage.report", "no path is named", f"Name {REPORTED}; or give --atlas.")
    out: Path = arguments.out or Path("out") / f"{_name(paths)}.html"
    check_page(out)
    if len(paths) == 1 and arguments.across:
        raise UsageError(
            "usage.report", "--across belongs to a comparison", "Name two results, or leave it out."
        )
    with progress("report", 1.0) as bar:
        bar(0.0, paths[0])
        page = page_of(paths, options_of(arguments), arguments.across)
        bar(0.5, out.name)
        write_page(page, out)
    _told(page, out)
    console().print(f"page: {plain(out)}", soft_wrap=True)
    return EXIT_OK if page.sound else EXIT_FINDINGS


def _told(page: Page, out: Path) -> None:
    """A line about the page: what it is of."""
    from energy.cli.terminal import console, plain

    mark = "[bold white on red] VIRTUAL [/] " if page.virtual else ""
    size = out.stat().st_size / 1e6
    console().print(f"{mark}{plain(page.kind)}: {plain(page.title)} ({size:.1f} MB)", soft_wrap=True)


def _name(paths: list[str]) -> str:
    """The name of a page by what it is of."""
    names = [Path(path).absolute() for path in paths]
    stems = [path.stem if path.is_file() else path.name for path in names]
    if len(stems) > 1:
        return f"{stems[0]}-compared"
    return stems[0] or "report"
