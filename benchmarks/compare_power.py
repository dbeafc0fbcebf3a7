"""How often ``compare`` and ``check`` decide rightly: simulated pairs of DUTs, each measured as a session.

``python -m benchmarks.compare_power`` writes the tables of docs/how-to/compare.md. Each pair has new errors
of its instruments, drawn between the limits of their specification, and new scatter; the budgets are made
from what was indicated, as those of sessions are.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from drivers.lpm01a.accuracy import accuracy_lines
from energy.evidence.scope import Scope
from energy.instruments import Accuracy
from energy.signal import SampleKind
from energy.uncertainty.comparability import Circumstances
from energy.uncertainty.compare import Subject, compare
from energy.uncertainty.facts import Conditions, WindowFacts
from energy.uncertainty.gate import Decision, require_baseline, require_limit
from energy.uncertainty.model import Model

VOLTAGE_V = 1.8
CURRENT_A = 0.0234
DURATION_S = 10.0
ITERATIONS = 230
TRUE_J = VOLTAGE_V * CURRENT_A * DURATION_S / ITERATIONS
"""True energy per inference of the first DUT: of the size of kws01 on a NUCLEO-L4R5ZI at 1.8 V."""
LPM01A = accuracy_lines("ascii_dec", 0.05)
WITH_OFFSET: tuple[Accuracy, ...] = (
    Accuracy("current", "100 mA", 0.1, 0.0025, 2e-5, "for the simulation"),
    Accuracy("voltage", "2 V", 2.0, 0.0015, 3e-4, "for the simulation"),
)
"""A monitor whose offset is a third of its gain's error at this current."""


@dataclass(frozen=True)
class Cell:
    """A kind of pair.

    Attributes:
        trials: Trials of each session.
        scatter: Relative standard deviation from trial to trial.
        difference: By which fraction the second DUT needs more energy.
        same_monitor: Whether both are measured on one monitor, so with the same errors.
        lines: Specification of the monitors.
    """

    trials: int = 5
    scatter: float = 0.001
    difference: float = 0.0
    same_monitor: bool = True
    lines: tuple[Accuracy, ...] = LPM01A


@dataclass(frozen=True)
class Errors:
    """The true relative and absolute errors of a monitor."""

    gain: float
    offset_a: float
    voltage_gain: float
    voltage_offset_v: float
    clock: float


def drawn(lines: Sequence[Accuracy], rng: np.random.Generator) -> Errors:
    """Errors of a monitor, drawn evenly between the limits of its specification."""
    current, voltage = (next(line for line in lines if line.quantity == q) for q in ("current", "voltage"))
    clock = next((line.gain for line in lines if line.quantity == "time"), 0.0)
    limits = current.gain, current.offset, voltage.gain, voltage.offset, clock
    return Errors(*(float(rng.uniform(-limit, limit)) if limit else 0.0 for limit in limits))


def subject(
    name: str, serial: str, true_j: float, cell: Cell, errors: Errors, rng: np.random.Generator
) -> Subject:
    """A session: its trials as such a monitor indicates them, and the budget that follows.

    Args:
        name: Name of the session.
        serial: Serial number of the monitor.
        true_j: True energy per inference.
        cell: What is simulated.
        errors: The monitor's errors.
        rng: Draws the scatter.
    """
    trials = true_j * ITERATIONS * (1.0 + cell.scatter * rng.standard_normal(cell.trials))
    voltage = (1.0 + errors.voltage_gain + errors.voltage_offset_v / VOLTAGE_V) * (1.0 + errors.clock)
    indicated = (trials / voltage - errors.offset_a * VOLTAGE_V * DURATION_S) / (1.0 + errors.gain)
    conditions = Conditions(
        kind=SampleKind.CURRENT,
        session=name,
        model="monitor",
        serial_number=serial,
        bench="bench",
        voltage_v=VOLTAGE_V,
        scope=Scope(feeds=("core",)),
        voltage_source="monitor",
        lines=cell.lines,
        temperature_c=23.0,
        clock_tolerance=0.0,
    )
    windows = [WindowFacts(energy, DURATION_S, ITERATIONS) for energy in indicated.tolist()]
    circumstances = Circumstances("kws01", "energy", model="monitor", serial_number=serial, rule="exact")
    return Subject(name, Model(conditions, windows).joule_per_inference(), circumstances)


def pairs(cell: Cell, count: int, seed: int = 13) -> Iterator[tuple[Subject, Subject]]:
    """Pairs of sessions of two DUTs.

    Args:
        cell: What is simulated.
        count: Number of pairs.
        seed: Seed of all draws.
    """
    rng = np.random.default_rng(seed)
    for _ in range(count):
        errors = drawn(cell.lines, rng)
        others = errors if cell.same_monitor else drawn(cell.lines, rng)
        other_serial = "1" if cell.same_monitor else "2"
        yield (
            subject("first", "1", TRUE_J, cell, errors, rng),
            subject("second", other_serial, TRUE_J * (1.0 + cell.difference), cell, others, rng),
        )


def told_apart(cell: Cell, count: int, seed: int = 13) -> float:
    """The part of simulated pairs that ``compare`` calls different."""
    return float(np.mean([compare(*pair).verdict == "differ" for pair in pairs(cell, count, seed)]))


def at_the_limit(cell: Cell, count: int, seed: int = 13) -> dict[Decision, float]:
    """Parts of pass, fail and undecided of DUTs whose true energy is exactly the limit of ``check``."""
    decisions: list[Decision] = [
        require_limit(first, TRUE_J, "at most").decision for first, _ in pairs(cell, count, seed)
    ]
    return _parts(decisions)


def at_the_baseline(cell: Cell, allow: float, count: int, seed: int = 13) -> dict[Decision, float]:
    """Parts of the decisions where the second DUT is exactly so much worse as is allowed."""
    worse = replace(cell, difference=allow)
    decisions: list[Decision] = [
        require_baseline(old, new, allow).decision for old, new in pairs(worse, count, seed)
    ]
    return _parts(decisions)


def _parts(decisions: Sequence[Decision]) -> dict[Decision, float]:
    names: tuple[Decision, ...] = ("pass", "fail", "undecided")
    return {name: list(decisions).count(name) / len(decisions) for name in names}


_DIFFERENCES = (0.005, 0.01, 0.02, 0.05)


def power_rows(equal: int, different: int) -> Iterator[str]:
    """A table of how often pairs are called different.

    Args:
        equal: Pairs of equal DUTs of each kind; none are simulated if 0.
        different: Pairs of each difference.
    """
    columns = [*([0.0] if equal else []), *(_DIFFERENCES if different else ())]
    yield "| monitor | scatter | trials | " + " | ".join(f"{d * 100:.1f} %" for d in columns) + " |"
    yield "|---|---|---|" + "---|" * len(columns)
    for same, word in ((True, "the same LPM01A"), (False, "two LPM01A")):
        for scatter in (0.001, 0.005):
            for trials in (3, 5, 10):
                told = [
                    told_apart(Cell(trials, scatter, d, same), different if d else equal) for d in columns
                ]
                cells = " | ".join(f"{part * 100:.1f} %" for part in told)
                yield f"| {word} | {scatter * 100:.1f} % | {trials} | {cells} |"


def gate_rows(count: int) -> Iterator[str]:
    """A table of the decisions of ``check`` where the truth lies exactly at the limit.

    Args:
        count: Measurements of each kind.
    """
    yield "| requirement | trials | pass | fail | undecided |"
    yield "|---|---|---|---|---|"
    for trials in (3, 5, 10):
        parts = at_the_baseline(Cell(trials), 0.01, count)
        yield f"| `--baseline --allow 1%`, exactly 1 % worse | {trials} | {_cells(parts)} |"
    for trials in (3, 5, 10):
        parts = at_the_limit(Cell(trials), count)
        yield f"| `--max-energy`, exactly at it | {trials} | {_cells(parts)} |"


def _cells(parts: dict[Decision, float]) -> str:
    return " | ".join(f"{part * 100:.1f} %" for part in parts.values())


def main(arguments: list[str] | None = None) -> int:
    """Writes the tables that were asked for, row by row."""
    parser = argparse.ArgumentParser(description="How often compare and check decide rightly.")
    parser.add_argument("--equal", type=int, default=10_000, help="pairs of equal DUTs (default 10000)")
    parser.add_argument("--different", type=int, default=1000, help="pairs of each difference (default 1000)")
    parser.add_argument("--gate", type=int, default=10_000, help="measurements at a limit (default 10000)")
    options = parser.parse_args(arguments)
    if options.equal or options.different:
        for row in power_rows(options.equal, options.different):
            print(row, flush=True)
    if options.gate:
        print()
        for row in gate_rows(options.gate):
            print(row, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
