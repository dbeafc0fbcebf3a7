"""``joulebench list``: what is plugged in, and the part of a bench file for it."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from energy.errors import EXIT_OK

if TYPE_CHECKING:
    from energy.bench.discovery import Discovery

DESCRIPTION = """\
Lists the instruments that are plugged in (serial ports on USB, Joulescopes, VISA) and prints the
part of a bench file for them. Nothing is switched and no serial port is opened, so what only its
firmware could show stays "perhaps". Instruments on the network are found by a broadcast and asked
for their identity (*IDN?)."""
EXAMPLES = """\
examples:
  joulebench list
  joulebench list --json
  joulebench list --udev | sudo tee /etc/udev/rules.d/70-joulebench.rules"""
SCHEMA = "joulebench.list/1"
_TO_CHECK = (
    "Is it powered, and its USB cable one that carries data? `lsusb` and `dmesg` show what the system sees.",
    "May your user open it? `joulebench list --udev` prints rules that allow it; serial ports alone are also "
    "open to members of the group dialout (uucp on Arch).",
    "Does the machine see USB at all? In a container or virtual machine devices must be passed on.",
    "Instruments on the network that no search finds are named in the bench file by their address.",
    "Without instruments: `joulebench demo` measures on the virtual bench.",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's arguments."""
    parser.add_argument("--json", action="store_true", help="what was found as JSON on standard output")
    parser.add_argument(
        "--udev",
        action="store_true",
        help="print rules that let your user open them (Linux), and do not search",
    )


def run(arguments: argparse.Namespace) -> int:
    """Runs the verb."""
    from energy.bench.discovery import discover, udev_rules
    from energy.cli.terminal import print_json

    if arguments.udev:
        sys.stdout.write(udev_rules())
        return EXIT_OK
    discovery = discover()
    if arguments.json:
        print_json({"schema": SCHEMA, **discovery.to_json()}, ascii_only=True)
    else:
        _show(discovery)
    return EXIT_OK


def _show(discovery: Discovery) -> None:
    from energy.bench.discovery import bench_fragment
    from energy.cli.terminal import console, plain, show_table
    from energy.report.plugged_in import plugged_in_table

    out = console()
    if discovery.found:
        table = plugged_in_table(discovery.found)
        show_table(out, table)
    else:
        out.print("Nothing was found.")
        out.print("Looked for:")
        for text in discovery.looked_for:
            out.print(f"  - {plain(text)}", soft_wrap=True)
        out.print("To check:")
        for text in _TO_CHECK:
            out.print(f"  - {plain(text)}", soft_wrap=True)
    for remark in discovery.remarks:
        out.print(f"[yellow]remark[/]  {plain(remark)}", soft_wrap=True)
    fragment = bench_fragment(discovery.found)
    if fragment:
        out.print(f"\nFor a bench file ({plain('docs/reference/bench-file.md')}):\n", soft_wrap=True)
        sys.stdout.write(fragment)
