"""``joulebench shipped``: where the files are that come with the program."""

from __future__ import annotations

import argparse
import sys

from energy.errors import EXIT_OK

DESCRIPTION = """\
Lists the files that come with the program: bench files, wiring sheets, pages of the documentation
and a recording. With a NAME it prints that file's path, and nothing else."""
EXAMPLES = """\
examples:
  joulebench shipped
  cp "$(joulebench shipped lpm01a)" my-bench.toml
  joulebench shipped docs/reference/bench-file.md
  joulebench integrate "$(joulebench shipped kws01-closed-form)\""""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's arguments."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="a file's name, or a bench's")
    parser.add_argument("--json", action="store_true", help="the list as JSON on standard output")


def run(arguments: argparse.Namespace) -> int:
    """Runs the verb."""
    from energy.bench.shipped import shipped, shipped_files
    from energy.cli.terminal import console, print_json, show_table
    from energy.report.table import Table

    if arguments.name is not None:
        sys.stdout.write(f"{shipped(arguments.name)}\n")
        return EXIT_OK
    files = shipped_files()
    if arguments.json:
        listed = [{"kind": kind, "name": name, "path": str(path)} for kind, name, path in files]
        print_json({"schema": "joulebench.shipped/1", "files": listed})
        return EXIT_OK
    table = Table("Shipped", ["kind", "name"], [[kind, name] for kind, name, _ in files], text=(0, 1))
    show_table(console(), table)
    return EXIT_OK
