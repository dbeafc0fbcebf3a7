"""``python -m benchmarks.clock_alarms``: sessions in real time on a busy machine; false alarms of the clocks.

No timing, and no part of ``python -m benchmarks``: 200 sessions of 75 s take as long as they take. Every
sample clock here runs within its tolerance, so a finding ``clock.*`` is a false alarm. Exit status 1 if there
was one, or if a rate lay outside its uncertainty.
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
from collections.abc import Generator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.machine import load
from energy.bench.benchfile import BenchFile, bench_of
from energy.benchmark.inputs import synthetic_inputs
from energy.benchmark.limits import WINDOWS
from energy.benchmark.workloads import WORKLOADS
from energy.errors import JoulebenchError
from energy.evidence.names import SESSION_NAME
from energy.session.outcome import Plan
from energy.session.record import run_record
from energy.session.recorded import RecordPlan
from energy.session.run import run_session

_BUSY = "while True: pass"
_WORKLOAD = "ad01"
MONITORS: dict[str, dict[str, Any]] = {
    "lpm01a": {"driver": "lpm01a"},
    "lpm01a-binary": {"driver": "lpm01a", "settings": {"format": "bin_hexa"}, "rate_hz": 10_000.0},
    "n6705": {"driver": "keysight-n6705"},
    "2450": {"driver": "keithley-2450"},
    "2461": {"driver": "keithley-2461"},
    "ppk2": {"driver": "ppk2"},
}
"""Those whose twins can be in a process of their own: not the Joulescopes', reached by messages."""


def bench_for(monitor: str) -> BenchFile:
    """A virtual bench in real time."""
    return bench_of(
        {
            "schema": "joulebench.bench/1",
            "scope": {"feeds": ["core"]},
            "name": "clock-alarms",
            "virtual": {"settings": {"pace": 1.0}},
            "dut": {"board": "NUCLEO-L4R5ZI", "voltage_v": 1.8},
            "limits": {"highest_v": 3.3, "highest_a": 0.2},
            "monitor": {"port": "virtual", **MONITORS[monitor]},
            "io_manager": {"driver": "uno", "port": "virtual"},
        },
        "clock-alarms",
    )


def one(monitor: str, seconds: float | None) -> dict[str, Any]:
    """A session, or a recording of so many seconds: how it ended, and what the clocks said of each other."""
    bench = bench_for(monitor)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "run"
        try:
            if seconds is None:
                workload = WORKLOADS[_WORKLOAD]
                plan = Plan(bench, workload, "energy", synthetic_inputs(workload, WINDOWS))
                found = run_session(plan, folder, lambda part, doing: None).findings
            else:
                recording = RecordPlan(bench, seconds=seconds)
                found = run_record(recording, folder, lambda window: None, lambda time_s: None).findings
            codes = [finding.code for finding in found]
        except JoulebenchError as error:
            codes = [error.code, *(other.code for other in error.also)]
        session = folder / SESSION_NAME
        said: dict[str, Any] = json.loads(session.read_text(encoding="utf-8")) if session.is_file() else {}
        clocks: list[dict[str, Any]] = said.get("clocks") or list[dict[str, Any]]()
    return {"monitor": monitor, "codes": codes, "clocks": clocks}


@contextmanager
def busy(count: int) -> Generator[None]:
    """Keeps processes running that do nothing but take the processor."""
    processes = [subprocess.Popen([sys.executable, "-c", _BUSY]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def main(arguments: list[str] | None = None) -> int:
    """Runs what was asked for; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.clock_alarms", description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--parallel", type=int, default=4, help="so many at the same time")
    parser.add_argument("--busy", type=int, default=2, help="processes that only take the processor")
    parser.add_argument("--seconds", type=float, help="recordings of so many seconds instead of sessions")
    parser.add_argument("--monitors", default=",".join(MONITORS))
    options = parser.parse_args(arguments)
    names: list[str] = options.monitors.split(",")
    turns = itertools.islice(itertools.cycle(names), int(options.runs))
    alarms = outside = other = 0
    with busy(options.busy), ProcessPoolExecutor(options.parallel) as pool:
        jobs = [pool.submit(one, monitor, options.seconds) for monitor in turns]
        for job in as_completed(jobs):
            said = job.result()
            alarm = any(code.startswith("clock.") for code in said["codes"])
            # The twins' clocks run within 150 ppm of the host's: what they share with it is the same counter.
            wrong = [row for row in said["clocks"] if abs(row["factor"] - 1) > row["uncertainty"] + 150e-6]
            alarms, outside = alarms + alarm, outside + bool(wrong)
            other += bool(said["codes"]) and not alarm
            rows = " ".join(
                f"{row['clock']}/{row['by']} {row['factor'] - 1:+.1e}±{row['uncertainty']:.1e}"
                for row in said["clocks"]
            )
            sys.stdout.write(f"{said['monitor']:14} {','.join(said['codes']) or 'no finding':32} {rows}\n")
            sys.stdout.flush()
    sys.stdout.write(
        f"{options.runs} runs, {alarms} with a finding of the clocks, {outside} with a rate outside its "
        f"uncertainty, {other} with other findings or errors; load {load()}\n"
    )
    return int(alarms + outside > 0)


if __name__ == "__main__":
    sys.exit(main())
