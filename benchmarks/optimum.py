"""The optimum of a sweep, ``python -m benchmarks.optimum``: 5 voltages x 4 clocks x 2 workloads, many seeds.

Each seed is another LPM01A, whose gain and voltage are wrong by as much as its specification allows (drawn
from uniform distributions). The energy of each point is compared with the closed form of the virtual board at
the voltage that its supply really has (``drivers.virtual.truth``), and the point with the lowest energy with
the lowest of the closed form. 20 seeds are 800 sessions: half an hour on a core that does nothing else.
"""

from __future__ import annotations

import argparse
import itertools
import random
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drivers.virtual.truth import Point, operating_point
from energy.characterize.forecast import Forecast
from energy.characterize.plan import load_sweep
from energy.characterize.sweep import open_sweep, run_sweep
from energy.characterize.table import lowest

BOARD = "NUCLEO-L4R5ZI"
VOLTAGES = (1.8, 1.9, 2.0, 2.2, 2.5)
"""At more, the board draws more than the 50 mA that an LPM01A can supply."""
CLOCKS = (16e6, 80e6, 120e6, 160e6)
WORKLOADS = ("kws01", "ad01")
GAIN, VOLTAGE_GAIN = 0.02, 0.01
"""Largest errors of an LPM01A's dynamic current and of its supply (protocols.md 7)."""
AMBIENT_C = 23.0
LEAST_WITHIN = 0.93


@dataclass(frozen=True)
class Seed:
    """The comparison of a sweep with the closed form.

    Attributes:
        points: Points that were measured.
        within: Of the valid ones, how many lie within their expanded uncertainty of the truth.
        valid: How many are valid.
        wrong: Points where the board computes wrongly or hangs, that are called valid, or the reverse.
        optimum: Whether the lowest point of each workload is that of the truth.
        foretold: Foretold time over the time that was taken.
    """

    points: int
    within: int
    valid: int
    wrong: int
    optimum: bool
    foretold: float


def measured_seed(
    seed: int,
    folder: Path,
    voltages: Sequence[float] = VOLTAGES,
    clocks: Sequence[float] = CLOCKS,
    workloads: Sequence[str] = WORKLOADS,
) -> Seed:
    """Measures a sweep with an instrument of this seed, and compares it with the truth.

    Args:
        seed: Seed of the instrument's errors and of the order.
        folder: Where the sweep goes.
        voltages: Supply voltages.
        clocks: Clocks.
        workloads: Workloads.
    """
    drawn = random.Random(seed)
    gain, voltage_gain = drawn.uniform(-GAIN, GAIN), drawn.uniform(-VOLTAGE_GAIN, VOLTAGE_GAIN)
    errors = {"gain": gain, "voltage_gain": voltage_gain, "serial": f"seed-{seed}", "baud_model": False}
    plan = {
        "schema": "joulebench.sweep/1",
        "name": f"optimum-{seed}",
        "bench": "virtual",
        "order": "random",
        "seed": seed,
        "set": {f"virtual.settings.{name}": value for name, value in errors.items()},
        "axes": {
            "voltage_v": list(voltages),
            "clock_hz": list(clocks),
            "workload": list(workloads),
            "temperature_c": [AMBIENT_C],
        },
    }
    sweep = load_sweep(plan)
    run = run_sweep(open_sweep(sweep, folder), lambda done, doing, left_s: None)
    foretold_s = Forecast(sweep).total_s(sweep.points)
    taken_s = sum(done.sessions_s for done in run.finished)
    rows = run.rows
    truths = {row["point"]: true_point(row, voltage_gain) for row in rows}
    valid = [row for row in rows if row["verdict"] == "valid"]
    within = [
        row
        for row in valid
        if abs(row["joule_per_inference"] - truths[row["point"]].energy_j) <= row["joule_per_inference_u95"]
    ]
    wrong = [
        row for row in rows if (row["verdict"] == "valid") is not (truths[row["point"]].outcome == "runs")
    ]
    best = {(row["workload"], row["voltage_v"], row["clock_hz"]) for row in lowest(rows)}
    return Seed(
        len(rows), len(within), len(valid), len(wrong), best == true_optimum(voltages, clocks, workloads),
        foretold_s / taken_s,
    )  # fmt: skip


def true_point(row: dict[str, Any], voltage_gain: float) -> Any:
    """The closed form at the voltage that the supply really has."""
    at = Point(row["voltage_v"] / (1 + voltage_gain), row["clock_hz"], AMBIENT_C)
    return operating_point(BOARD, row["workload"], at)


def true_optimum(
    voltages: Sequence[float], clocks: Sequence[float], workloads: Sequence[str]
) -> set[tuple[str, float, float]]:
    """The point of each workload that works and has the lowest energy in the closed form."""
    best: set[tuple[str, float, float]] = set()
    for workload in workloads:
        points = {
            (v, f): operating_point(BOARD, workload, Point(v, f, AMBIENT_C))
            for v, f in itertools.product(voltages, clocks)
        }
        working = [at for at, point in points.items() if point.outcome == "runs"]
        best.add((workload, *min(working, key=lambda at: points[at].energy_j)))
    return best


def main(arguments: list[str] | None = None) -> int:
    """Measures the seeds; status 1 if a target was missed."""
    parser = argparse.ArgumentParser("benchmarks.optimum", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    options = parser.parse_args(arguments)
    found: list[Seed] = []
    for seed in range(options.first, options.first + options.seeds):
        folder = Path(tempfile.mkdtemp(prefix="joulebench-optimum-"))
        try:
            found.append(measured_seed(seed, folder / "sweep"))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        sys.stdout.write(f"seed {seed}: {found[-1]}\n")
        sys.stdout.flush()
    valid, within = sum(one.valid for one in found), sum(one.within for one in found)
    optima = sum(one.optimum for one in found)
    sys.stdout.write(
        f"{within} of {valid} points within their uncertainty ({within / valid:.1%}), optimum found in "
        f"{optima} of {len(found)} sweeps, {sum(one.wrong for one in found)} verdicts wrong\n"
    )
    reached = within >= LEAST_WITHIN * valid and optima == len(found) and not any(one.wrong for one in found)
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
