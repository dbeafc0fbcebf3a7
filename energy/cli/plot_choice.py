"""``joulebench plot choice``: accuracy, energy, latency and memory of models in one figure and one table."""

from __future__ import annotations

import argparse
from pathlib import Path

from energy.cli.figure_options import width_of
from energy.cli.points import (
    add_figure_arguments,
    add_point_arguments,
    add_region_arguments,
    points_in,
    region_in,
    status_of,
)
from energy.errors import UsageError

DESCRIPTION = """\
Draws accuracy over energy, latency and memory, a point for each model, its size for its memory, beside
the published results of the same workloads; and lists all four. An accuracy is that of an accuracy
session of the same workload, board, label and clock. Memory is what the bench file states, or that of
an ELF file (--elf)."""
EXAMPLES = """\
examples:
  joulebench plot choice sessions/
  joulebench plot choice sessions/ --elf 20250801-192957-kws01-energy=build/kws.elf --no-atlas
  joulebench plot choice sessions/ --min-accuracy 90% --max-energy 1mJ --max-memory 256KiB
  joulebench plot choice --where benchmark=kws --json"""
SCHEMA = "joulebench.plot-choice/1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the kind's arguments."""
    add_point_arguments(parser)
    parser.add_argument(
        "--elf",
        action="append",
        default=[],
        metavar="POINT=FILE",
        help="firmware of a point, an ELF file, for its flash and RAM; may be repeated",
    )
    add_region_arguments(parser)
    add_figure_arguments(parser, "choice")


def run(arguments: argparse.Namespace) -> int:
    """Runs the kind."""
    from energy.characterize.memory import memory_of
    from energy.cli.terminal import console, plain, print_json, show_table
    from energy.report.choice import choice_of, choice_table, with_memory
    from energy.report.figures.choice import draw_choice
    from energy.report.figures.style import check_picture, save

    if arguments.out is not None:
        check_picture(arguments.out)
    width_in, region = width_of(arguments), region_in(arguments)
    memories = {name: memory_of(path) for name, path in map(_elf, arguments.elf)}
    points, _ = points_in(arguments)
    choice = choice_of(with_memory(points, memories), region)
    out = None
    if arguments.out or not arguments.json:
        figure = draw_choice(choice, width_in, arguments.title, panel=arguments.panel)
        out = save(figure, arguments.out or Path("out") / "choice.png")
    if arguments.json:
        document = {"schema": SCHEMA, **choice.to_json(), "figure": str(out) if out else None}
        print_json(document, ascii_only=True)
        return status_of(points)
    terminal = console()
    if choice.virtual:
        terminal.print("[bold white on red] VIRTUAL [/] not measured on hardware")
    if region:
        terminal.print(plain(region.text()), soft_wrap=True)
    show_table(terminal, choice_table(choice, every=arguments.all), every=arguments.all)
    for line in choice.lines():
        terminal.print(f"[dim]{plain(line)}[/]", soft_wrap=True)
    terminal.print(f"picture: {plain(out)}", soft_wrap=True)
    return status_of(points)


def _elf(text: str) -> tuple[str, Path]:
    name, equals, path = text.partition("=")
    if not (name and equals and path):
        raise UsageError("usage.memory", f"{text!r} is no POINT=FILE", "Write --elf FOLDER=build/kws.elf.")
    return name, Path(path)
