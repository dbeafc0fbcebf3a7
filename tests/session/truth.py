"""One known world measured through every monitor: error and derived bound side by side.

``python -m tests.session.truth > docs/reference/monitors-truth.md`` writes the table that the docs show.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import drivers.virtual.environment
from drivers.virtual.bench import VirtualBench
from energy.bench.benchfile import bench_of
from energy.errors import JoulebenchError
from energy.session.lease import lease_bench
from energy.session.prepare import make_edge_watch
from energy.window.rules import EnergyRule

BOARD, VOLTAGE_V, WORKLOAD = "NUCLEO-L4R5ZI", 1.8, "kws01"


@dataclass(frozen=True)
class Case:
    """A monitor as it is set up, and what its samples' digits are worth.

    Attributes:
        name: As the table calls it.
        driver: Of the monitor.
        quantum: Worst error of one sample's value, as a fraction, by its format.
        quantum_a: The same as a current, where it is not a fraction.
        why: Where that comes from.
    """

    name: str
    driver: str
    quantum: float
    why: str
    quantum_a: float = 0.0
    settings: dict[str, Any] = field(default_factory=dict)
    twin: dict[str, Any] = field(default_factory=dict)
    rate_hz: float | None = None
    supply: str | None = None
    edges: str | None = None
    iterations: int = 40


FLOAT32 = 2.0**-24

CASES = [
    Case("LPM01A, ASCII, energy", "lpm01a", 5e-4, "half of the last of four digits", twin={"ppm": 0.0}),
    Case(
        "LPM01A, ASCII, current",
        "lpm01a",
        5e-4,
        "half of the last of four digits",
        settings={"output": "current"},
        twin={"ppm": 0.0},
    ),
    Case(
        "LPM01A, ASCII, edges from the Uno 0.5 % fast",
        "lpm01a",
        5e-4,
        "half of the last of four digits",
        twin={"ppm": 0.0, "uno_ppm": 5000.0},
        edges="io",
    ),
    Case(
        "LPM01A, binary, 10 kHz, edges from the Uno",
        "lpm01a",
        2e-3,
        "12 bits of mantissa: half of 1/256",
        settings={"format": "bin_hexa"},
        twin={"ppm": 0.0, "uno_ppm": 5000.0},
        rate_hz=10_000.0,
    ),
    Case(
        "LPM01A, binary, 100 kHz current, edges from the Uno",
        "lpm01a",
        2e-3,
        "12 bits of mantissa: half of 1/256",
        settings={"format": "bin_hexa", "output": "current"},
        twin={"ppm": 0.0},
    ),
    Case(
        "N6705 with N6781A, edges from the Uno",
        "keysight-n6705",
        2 * FLOAT32,
        "float32, current and voltage",
        twin={"ppm": 0.0},
    ),
    Case(
        "PPK2 as source",
        "ppk2",
        FLOAT32,
        "half a step of the converter in its range of 0.94 ohm",
        quantum_a=0.5 * 4 * 1.8 / 163840 / 0.94,
        twin={"ppm": 0.0},
    ),
    Case(
        "Joulescope JS220, full rate",
        "joulescope",
        2 * FLOAT32,
        "float32, current and voltage",
        twin={"ppm": 0.0},
        supply="scpi",
    ),
    Case(
        "Joulescope JS110, full rate",
        "joulescope",
        2 * FLOAT32,
        "float32, current and voltage",
        twin={"ppm": 0.0, "model": "js110"},
        supply="scpi",
    ),
    Case("Keithley 2461, gated", "keithley-2461", FLOAT32, "float32", twin={"ppm": 0.0}),
    Case(
        "Keithley 2450, edges from the Uno",
        "keithley-2450",
        FLOAT32,
        "float32",
        twin={"ppm": 0.0},
        iterations=240,
    ),
]


@dataclass(frozen=True)
class Row:
    """What came of a case."""

    case: Case
    model: str
    rate_hz: float
    truth_j: float
    energy_j: float
    edge_bound_j: float
    quantum_j: float

    @property
    def error(self) -> float:
        """Relative error."""
        return abs(self.energy_j - self.truth_j) / self.truth_j

    @property
    def bound(self) -> float:
        """Relative bound."""
        return (self.edge_bound_j + self.quantum_j) / self.truth_j


@contextmanager
def watched_worlds():
    """Keeps the worlds that sessions make, for their truth."""
    worlds: list[VirtualBench] = []
    original = drivers.virtual.environment.VirtualBench

    class Watched(original):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            worlds.append(self)

    drivers.virtual.environment.VirtualBench = Watched
    try:
        yield worlds
    finally:
        drivers.virtual.environment.VirtualBench = original


def measure(case: Case, folder: Path) -> Row:
    """One window through driver, recording and windows, beside the world's exact energy."""
    document: dict[str, Any] = {
        "schema": "joulebench.bench/1",
        "scope": {"feeds": ["core"]},
        "name": "truth",
        "virtual": {"settings": case.twin},
        "dut": {"board": BOARD, "voltage_v": VOLTAGE_V},
        "limits": {"highest_v": 3.6, "highest_a": 0.05},
        "monitor": {"driver": case.driver, "port": "virtual", "settings": case.settings},
        "io_manager": {"driver": "uno", "port": "virtual"},
    }
    if case.rate_hz:
        document["monitor"]["rate_hz"] = case.rate_hz
    if case.edges:
        document["monitor"]["edges"] = case.edges
    if case.supply:
        document["supply"] = {"driver": case.supply, "port": "virtual"}
    bench_file = bench_of(document, "truth")

    def failed(what: str, error: JoulebenchError) -> None:
        raise error

    with (
        watched_worlds() as worlds,
        lease_bench(bench_file, WORKLOAD, "energy", lambda line: None, failed) as lease,
    ):
        bench = lease.bench
        assert bench.monitor is not None
        assert bench.io_manager is not None
        watch, said = make_edge_watch(bench, folder, True, {})
        lease.on_close(watch.recorder.close)
        lease.power_on()
        assert bench.dut.wait_ready(5.0) == "energy"
        bench.io_manager.prepare()
        lease.on_exit("monitor stop", stopper(bench, watch))
        watch.start(bench)
        watch.begin(bench)
        watch.verify_edge(bench)
        assert not watch.ready()
        bench.dut.infer(case.iterations, 1, 60.0)
        world = worlds[-1].world
        start_s, stop_s = (fall * 1e-9 for fall in world.falling_ns[-2:])
        edges = watch.collect()
        assert len(edges) == 2, edges
        window = watch.recorder.window(1, *edges)
        settled = watch.finish(bench, [window])
        (window,) = settled.windows
        assert not settled.findings, settled.findings
        assert not window.findings, window.findings
        truth_j = world.handle({"op": "truth", "start_s": start_s, "stop_s": stop_s})["energy_j"]
    energy_j = window.energies[EnergyRule.EXACT].energy_j
    quantum_j = case.quantum * truth_j + case.quantum_a * VOLTAGE_V * (stop_s - start_s)
    rate_hz = watch.recorder.signal.rate_hz
    bounds = window.bounds
    return Row(case, said.model, rate_hz, truth_j, energy_j, bounds.step_j + bounds.position_j, quantum_j)


def stopper(bench: Any, watch: Any) -> Callable[[], None]:
    """Stops the monitor and takes what it still had."""

    def stop() -> None:
        bench.monitor.stop()
        watch.recorder.drain()

    return stop


HEAD = """\
# Every monitor against the truth

One window of a virtual NUCLEO-L4R5ZI, whose energy the world knows exactly, measured through each driver, the
recording and the windows, as a session does it. The error is that of the `exact` rule. The bound is what
follows beforehand from the instrument's digits, its rate and the resolution of its edges: edges, by what an
edge's bound and a step of power inside the sample that it cuts can do; digits, by the worst error of one
sample's value. It says nothing about an instrument's accuracy: the twins here have no errors.

A test measures again and compares each error with its bound; `python -m tests.session.truth` writes this
page.

| monitor | samples/s | window | error | bound | of it edges | digits, and why |
|---|--:|--:|--:|--:|--:|---|
"""


def table(rows: list[Row]) -> str:
    """The page."""
    lines = [
        f"| {row.case.name} | {row.rate_hz:,.0f} | {row.truth_j * 1e3:.2f} mJ | {row.error:.1e} | "
        f"{row.bound:.1e} | {row.edge_bound_j / row.truth_j:.1e} | "
        f"{row.quantum_j / row.truth_j:.1e}: {row.case.why} |"
        for row in rows
    ]
    return HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        sys.stdout.write(table([measure(case, Path(scratch) / str(k)) for k, case in enumerate(CASES)]))
