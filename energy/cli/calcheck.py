"""``joulebench calcheck``: checks a monitor with known loads and writes a calibration certificate."""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from energy.cli.measure import add_bench_changes, bench_of_arguments
from energy.errors import EXIT_FINDINGS, EXIT_OK

if TYPE_CHECKING:
    from energy.calibration.check import Calcheck, CalcheckPlan

DESCRIPTION = """\
Checks a monitor with resistors, or loads of known current, that take the place of the DUT one after
the other. You are asked to connect each; only then is the supply switched on, for some seconds. From
three different currents follow a correction of gain and offset with their uncertainties, from fewer
the gain's. The file is applied only if a bench file names it (monitor.calibration)."""
EXAMPLES = """\
examples:
  joulebench calcheck --bench my-bench.toml --resistor "330 ohm 0.1%" --resistor "1 kohm 0.1%"
      --resistor "3.3 kohm 0.1%" --voltage 3.0002 --voltage-uncertainty 0.0005 --out lpm01a.toml
  joulebench calcheck --bench lpm01a-virtual --set virtual.settings.gain=0.013
      --resistor "330 ohm 0.1%" --yes --out virtual.toml"""
SCHEMA = "joulebench.calcheck/1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's arguments."""
    parser.add_argument(
        "--bench", required=True, metavar="FILE", help="bench file, or a shipped bench (joulebench shipped)"
    )
    add_bench_changes(parser)
    parser.add_argument(
        "--resistor",
        action="append",
        default=[],
        metavar="R",
        help='a resistor with its tolerance: "1 kohm 0.1%%"; may be repeated',
    )
    parser.add_argument(
        "--reference-current",
        action="append",
        default=[],
        metavar="I",
        help='a load of known current: "1 mA 0.05%%"; may be repeated',
    )
    parser.add_argument(
        "--voltage",
        type=float,
        metavar="V",
        help="voltage at the loads by a meter; without it the monitor's own voltage counts",
    )
    parser.add_argument(
        "--voltage-uncertainty", type=float, metavar="V", help="expanded uncertainty of --voltage (k = 2)"
    )
    parser.add_argument(
        "--seconds", type=float, default=5.0, metavar="S", help="how long each load is read (default 5)"
    )
    parser.add_argument(
        "--due", type=_day, metavar="DATE", help="day on which the certificate is due: 2027-11-30"
    )
    parser.add_argument("--yes", action="store_true", help="the load is connected: do not ask")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="the certificate to write (TOML)"
    )
    parser.add_argument(
        "--json", action="store_true", help="the result as JSON (SI units) on standard output"
    )


def run(arguments: argparse.Namespace) -> int:
    """Runs the verb."""
    from energy.calibration.check import run_calcheck
    from energy.cli.terminal import ask, catch_signals, console, plain, print_json, progress
    from energy.evidence.calibration import calibration_text, refuse_existing, write_calibration

    plan = _plan_of(arguments)
    refuse_existing(arguments.out)
    catch_signals()
    with progress("reading loads", len(plan.loads)) as report:
        done: list[None] = []

        def on_reading(reading: object) -> None:
            done.append(None)
            report(len(done))

        result = run_calcheck(plan, on_reading, ask)
    write_calibration(arguments.out, calibration_text(result.calibration, result.remarks))
    if arguments.json:
        print_json({"schema": SCHEMA, "file": str(arguments.out), **result.to_json()})
    else:
        _show(result)
        out = console()
        out.print(f"written: {plain(arguments.out)}", soft_wrap=True)
        name = plain(arguments.out.name)
        out.print(
            f'[dim]It is applied where a bench file names it: calibration = "{name}" under \\[monitor][/]',
            soft_wrap=True,
        )
        if plan.asks:
            out.print("The supply is off. Connect the DUT again.")
    return EXIT_FINDINGS if result.outside else EXIT_OK


def _plan_of(arguments: argparse.Namespace) -> CalcheckPlan:
    from energy.calibration.check import CalcheckPlan, meter_of
    from energy.calibration.loads import loads_of

    return CalcheckPlan(
        bench_of_arguments(arguments, arguments.bench),
        loads_of(arguments.resistor, arguments.reference_current),
        meter_of(arguments.voltage, arguments.voltage_uncertainty),
        arguments.seconds,
        arguments.due,
        asks=not arguments.yes,
    )


def _show(result: Calcheck) -> None:
    from energy.cli.terminal import console, plain, show_table
    from energy.report.calchecks import calcheck_table, correction_line

    out = console()
    if result.virtual:
        out.print("[bold white on red] VIRTUAL [/] not measured on hardware")
    calibration = result.calibration
    out.print(f"[bold]{plain(calibration.model)}[/], serial number {plain(calibration.serial_number)}")
    show_table(out, calcheck_table(result))
    for line in calibration.lines:
        out.print(plain(correction_line(line)), soft_wrap=True)
    if result.outside:
        out.print("[red]The monitor is outside its specification.[/]")


def _day(text: str) -> date:
    """A day, for argparse."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no day such as 2027-11-30") from error
