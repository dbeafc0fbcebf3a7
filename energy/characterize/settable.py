"""Whether something sets each axis of a sweep: a value in a document alone is no operating point."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

from energy.bench.entrypoints import SWITCHES
from energy.errors import UsageError

if TYPE_CHECKING:
    from energy.bench.benchfile import BenchFile
    from energy.characterize.plan import Sweep

_FIXED_SUPPLIES = ("hook",)
"""Supplies that a program switches: nothing sets their voltage."""


def check_settable(sweep: Sweep) -> None:
    """Checks that each axis is set by an instrument, the virtual bench, a program, the DUT or a person.

    Raises:
        UsageError: ``sweep.unset``; ``sweep.hook`` for a program that cannot be run; ``sweep.images`` for a
            firmware that is not there.
    """
    bench, plan = sweep.bench, sweep.plan
    for name, part in plan.axes.items():
        if part.hook is not None:
            _refuse_no_program(name, part.hook, sweep)
        if part.moved or part.command is not None or len(part.values) == 1:
            continue
        why = _unset(name, bench, plan.modes)
        if why is not None:
            raise UsageError(
                "sweep.unset",
                f"nothing sets axes.{name}: {why}",
                f'Write axes.{name} = {{values = [...], hook = "PROGRAM {{value}}"}}, or a prompt = "..." '
                f"for the person at the bench{_else(name)}.",
            )
    if "firmware" in plan.axes:
        _refuse_no_images(sweep)


def _else(name: str) -> str:
    """Further ways to set an axis."""
    if name == "clock_hz":
        return ', or command = "LINE {value}" for a DUT that sets its clock by a line of text'
    return ", or chamber = true with a [chamber]" if name == "temperature_c" else ""


def _unset(name: str, bench: BenchFile, modes: Sequence[str]) -> str | None:
    """Why nothing sets an axis; None if something does."""
    virtual = bench.virtual is not None
    if name == "voltage_v":
        return _fixed_voltage(bench, modes)
    if name == "clock_hz" and not virtual:
        return "dut.clock_hz only states the clock of a real DUT"
    if name == "temperature_c" and not virtual:
        return "ambient.temperature_c only states the temperature"
    if name == "firmware":
        return "dut.firmware only states the image that was flashed"
    return None


def _fixed_voltage(bench: BenchFile, modes: Sequence[str]) -> str | None:
    """Why the bench cannot set the DUT's voltage; None if it can."""
    if bench.supply is not None:
        if bench.supply.driver in _FIXED_SUPPLIES:
            return f"the supply {bench.supply.driver!r} only switches"
        return None
    sources = {point.name for point in entry_points(group=SWITCHES)}
    monitor = bench.monitor
    ampere = monitor is not None and monitor.settings.get("mode") == "ampere"
    if monitor is None or monitor.driver not in sources or ampere:
        return f"the bench {bench.name!r} has no [supply], and its monitor powers no DUT"
    others = [mode for mode in modes if mode != "energy"]
    if others:
        return f"in {others[0]} mode no monitor is open, and the bench {bench.name!r} has no [supply]"
    return None


def _refuse_no_program(name: str, hook: str, sweep: Sweep) -> None:
    try:
        words = shlex.split(hook)
    except ValueError as error:
        raise UsageError(
            "sweep.hook", f"axes.{name}: {hook!r} is not a command: {error}", "Close the quotes."
        ) from error
    program = words[0] if words else ""
    beside = sweep.base / program
    if not (shutil.which(program) or (os.sep in program and os.access(beside, os.X_OK))):
        raise UsageError(
            "sweep.hook",
            f"axes.{name}: there is no program {program!r} that can be run",
            "Name it with its path from the plan's folder (./flash.sh), and make it executable.",
        )


def _refuse_no_images(sweep: Sweep) -> None:
    missing: list[str] = []
    modes = dict.fromkeys("energy" if mode == "energy" else "performance" for mode in sweep.plan.modes)
    for value in sweep.plan.axes["firmware"].values:
        paths = (sweep.path(str(value), mode) for mode in modes)
        missing += [path for path in paths if not (os.access(path, os.R_OK) and Path(path).is_file())]
    if missing:
        raise UsageError(
            "sweep.images", f"the firmware {', '.join(missing)} cannot be read", "Correct axes.firmware."
        )
