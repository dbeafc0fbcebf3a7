"""Cells of the table of dangers: a monitor, a phase of a session, and what goes wrong in it.

A cell plants one fault on a shipped virtual bench. The world notes when the fault began and when the supply
went off; neither is known to the session. ``python -m tests.session.dangers [BENCH ...]`` prints the table.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import drivers.virtual.faults
from drivers.virtual.world import NS
from energy.bench.benchfile import BenchFile, bench_of, read_bench
from energy.errors import JoulebenchError
from tests.conftest import ROOT
from tests.session.support import Watcher

BENCHES = (
    "lpm01a",
    "lpm01a-binary",
    "joulescope-js110",
    "joulescope-js220",
    "keysight-n6705",
    "keithley-2461",
    "keithley-2450",
    "ppk2-source",
    "ppk2-ampere",
)
PHASES: dict[str, dict[str, Any]] = {
    "identify": {},
    "boot": {"boot": True, "delay_s": 0.02},
    "pilot": {"infer": 0, "delay_s": 0.01},
    "between": {"loaded": 3, "delay_s": 0.001},
    "warm-up": {"asked": 4, "delay_s": 0.001},
    "trial": {"infer": 3, "delay_s": 2.0},
}
FAULTS: dict[str, tuple[str, dict[str, Any]]] = {
    "over-current": ("short-circuit", {"current_a": 1.0}),
    "unplugged": ("unplugged-port", {"port": "monitor"}),
    "unreachable": ("unplugged-port", {"port": "monitor", "powered": True}),
    "ended": ("silent-monitor", {}),
    "supply lost": ("lost-supply", {}),
}


@dataclass
class Cell:
    """What came of a cell.

    Attributes:
        error: What ended the session; None if nothing did.
        begun_s: When the fault began or, if the supply was still off, when that was switched on; in virtual
            seconds. None if the fault never began.
        off_s: When the supply went off; None if it never was on, or is on.
        on: Whether the supply is on at the end.
        end_s: When the world ended.
    """

    error: JoulebenchError | None
    begun_s: float | None
    off_s: float | None
    on: bool
    end_s: float

    @property
    def codes(self) -> list[str]:
        """The code of what ended it, then those of what else failed."""
        return [one.code for one in (self.error, *self.error.also)] if self.error else []

    @property
    def took_s(self) -> float | None:
        """From the fault to the supply's being off."""
        return None if self.begun_s is None or self.off_s is None else self.off_s - self.begun_s


def planted(name: str, *faults: tuple[str, dict[str, Any]]) -> BenchFile:
    """A shipped bench with faults."""
    path = ROOT / "energy/bench/benches" / f"{name}-virtual.toml"
    bench = read_bench(path).model_dump(by_alias=True, mode="json")
    bench["virtual"]["settings"]["faults"] = [list(fault) for fault in faults]
    return bench_of(bench, name)


def run_cell(watcher: Watcher, patch: pytest.MonkeyPatch, bench: BenchFile) -> Cell:
    """Runs a session on a bench with one fault."""
    begun: list[float] = []
    when = drivers.virtual.faults.when

    def noted(bench: Any, params: Any, action: Any, **more: Any) -> None:
        def act() -> None:
            begun.append(bench.world.now_ns / NS)
            action()

        when(bench, params, act, **more)

    error: JoulebenchError | None = None
    with patch.context() as patched:
        patched.setattr(drivers.virtual.faults, "when", noted)
        try:
            watcher.run(bench)
        except JoulebenchError as caught:
            error = caught
    world = watcher.worlds[-1].world
    off_ns, on_ns = world.supply.off_at_ns, world.supply.on_at_ns
    return Cell(
        error,
        max(begun[0], (on_ns or 0) / NS) if begun else None,
        None if off_ns is None else off_ns / NS,
        world.supply.on,
        world.now_ns / NS,
    )


def _table(names: list[str]) -> None:
    for name in names:
        for fault, (kind, params) in FAULTS.items():
            for phase, when in PHASES.items():
                with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
                    watcher = Watcher(patch, Path(folder))
                    try:
                        cell = run_cell(watcher, patch, planted(name, (kind, {**params, **when})))
                        took = "-" if cell.took_s is None else f"{cell.took_s:.3f}"
                        text = f"took {took} on {cell.on} end {cell.end_s:.1f} {cell.codes}"
                    except (AssertionError, IndexError, ValueError) as error:
                        text = f"!! {type(error).__name__}: {error}"
                sys.stdout.write(f"{name:17} {fault:12} {phase:9} {text}\n")
                sys.stdout.flush()


if __name__ == "__main__":
    _table(sys.argv[1:] or list(BENCHES))
