"""Faults that need real processes: the command ``joulebench measure`` is struck in a phase of its session.

The twins run in a process of their own (a Joulescope's in the command's: it has no port), in virtual time or,
where the fault is a matter of time, in real time. ``python -m tests.faults.processes --fault F --bench B
--phase P`` runs the cells of that fault, on that bench, in that phase.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from pathlib import Path

from energy.errors import EXIT_BENCH, EXIT_FINDINGS, EXIT_INTERRUPTED, EXIT_OK
from tests.conftest import ROOT
from tests.faults.catalogue import BENCHES
from tests.faults.phases import PHASES
from tests.faults.process_cells import MOST_S, OWN_WORLD, Cell, Fault, Running, Struck, run
from tests.faults.process_phases import shorten_windows
from tests.faults.process_twins import command
from tests.faults.results import OF_PROCESSES, store, stored

STOPPED_S = 25.0


def _signal(*numbers: signal.Signals, group: bool = False) -> Callable[[Running], None]:
    def strike(running: Running) -> None:
        for k, number in enumerate(numbers):
            if k:
                time.sleep(running.chance.uniform(0.0, 0.3))
            with suppress(ProcessLookupError):
                os.killpg(running.child.pid, number) if group else running.child.send_signal(number)

    return strike


def _stopped(running: Running) -> None:
    running.child.send_signal(signal.SIGSTOP)
    time.sleep(STOPPED_S)
    running.child.send_signal(signal.SIGCONT)


def _full(running: Running) -> None:
    """No file may grow beyond what a random one has: the rest of a write, and every later one, is refused."""
    sizes = [path.stat().st_size for path in running.out.rglob("*") if path.is_file()]
    most = running.chance.choice([0, *sizes]) + running.chance.randrange(200)
    with suppress(ProcessLookupError):
        resource.prlimit(running.child.pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))


def _second(running: Running) -> None:
    """Another session on the bench: it must be refused, and leave the first one alone."""
    with tempfile.TemporaryDirectory() as folder:
        words = command(running.bench, Path(folder))
        other = subprocess.run(
            [sys.executable, "-m", "energy.cli.main", *words],
            cwd=ROOT,
            capture_output=True,
            text=True,
            env=running.environment,
            timeout=MOST_S,
            check=False,
        )
    if other.returncode != EXIT_BENCH or "bench.locked" not in other.stdout + other.stderr:
        running.notes.append(f"a second session ended with {other.returncode}: {other.stdout[-300:]}")


SAME = (EXIT_OK,)
INTERRUPTED = (EXIT_INTERRUPTED, EXIT_OK)
"""OK: all was written before the signal came."""
TIMELY = (EXIT_OK, EXIT_FINDINGS, EXIT_BENCH)
ON_PORTS = tuple(bench for bench in BENCHES if bench not in OWN_WORLD)
LATE = r"(?!supply\.may-be-on|system\.|internal|session\.)[a-z0-9]+\.[a-z0-9-]+"
"""What a host that stands still may say of its instruments."""
FAULTS = (
    Fault("none", lambda running: None, SAME, phases=("in-window",)),
    Fault("INT", _signal(signal.SIGINT, group=True), INTERRUPTED),
    Fault("TERM", _signal(signal.SIGTERM), INTERRUPTED),
    Fault("HUP", _signal(signal.SIGHUP, group=True), INTERRUPTED),
    Fault("INT-again", _signal(*[signal.SIGINT] * 3, group=True), INTERRUPTED),
    Fault("KILL", _signal(signal.SIGKILL), (-signal.SIGKILL, EXIT_OK)),
    Fault("disk-full", _full, (EXIT_BENCH, EXIT_OK), r"(session|recording)\.write-failed|system\.[a-z-]+"),
    Fault("second", _second, SAME, held=True, benches=ON_PORTS, phases=PHASES[:-1]),  # then it is free again
    Fault("clock+1h", _signal(signal.SIGUSR1), SAME, on_usr1="clock+3600"),
    Fault("clock-1h", _signal(signal.SIGUSR1), SAME, on_usr1="clock-3600"),
    Fault("STOP", _stopped, TIMELY, LATE, "real", benches=ON_PORTS),
    Fault("STOP-losing", _stopped, TIMELY, LATE, "real", backlog=1 << 15, benches=ON_PORTS),
    Fault("disk-slow", _signal(signal.SIGUSR1), TIMELY, LATE, "real", on_usr1="slow", benches=ON_PORTS),
    Fault("queue-full", _signal(signal.SIGUSR1), TIMELY, LATE, "real", on_usr1="busy", benches=ON_PORTS),
)
OFTEN = ("none", "KILL", "INT", "TERM", "STOP")
"""Faults that strike everywhere; of the others each phase has those of a third of the benches."""


def _befalls(fault: Fault, bench: str, phase: str) -> bool:
    if bench not in fault.benches or phase not in fault.phases:
        return False
    turn = BENCHES.index(bench) + PHASES.index(phase) + FAULTS.index(fault)
    return fault.name in OFTEN or turn % 3 == 0


CELLS = tuple(
    Cell(bench, phase, fault)
    for fault in FAULTS
    for bench in BENCHES
    for phase in PHASES
    if _befalls(fault, bench, phase)
)


def chosen(faults: Sequence[str], bench: str | None, phase: str | None) -> list[Cell]:
    """The cells of these faults, on a bench, in a phase; none: of all."""
    return [
        cell
        for cell in CELLS
        if (not faults or cell.fault.name in faults)
        and bench in (None, cell.bench)
        and phase in (None, cell.phase)
    ]


def line(struck: Struck) -> str:
    """A cell in a line."""
    return (
        f"{struck.result.verdict:9} {struck.cell.name:45} hit {struck.hit:12} status {struck.status} "
        + " ".join(struck.result.codes)
    )


def main() -> int:
    """Runs the cells that the command line names; 1 if any may not be so."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.processes", description=__doc__)
    parser.add_argument("--fault", action="append", default=[], choices=tuple(fault.name for fault in FAULTS))
    parser.add_argument("--bench", choices=BENCHES)
    parser.add_argument("--phase", choices=PHASES)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    parser.add_argument("-j", type=int, default=os.cpu_count() or 1, help="cells at the same time")
    parser.add_argument(
        "--afresh", action="store_true", help="also those that were run with this code before"
    )
    words = parser.parse_args()
    cells = chosen(words.fault, words.bench, words.phase)
    if not cells:
        parser.error("there is no such cell")
    before = {} if words.afresh else stored(OF_PROCESSES)
    cells = [cell for cell in cells if cell.name not in before or before[cell.name].failed]
    shorten_windows()
    random.Random(words.seed).shuffle(cells)  # so that a part of them is a sample
    sys.stdout.write(f"seed {words.seed}, {len(cells)} cells\n")
    counts: Counter[str] = Counter()
    failed = 0
    with ThreadPoolExecutor(words.j) as pool:
        running = [pool.submit(run, cell, words.seed) for cell in cells]
        for done in as_completed(running):
            struck = done.result()
            why = f"\n    {struck.result.why}" if struck.result.failed else ""
            sys.stdout.write(f"{line(struck)}{why}\n")
            sys.stdout.flush()
            counts[struck.result.verdict] += 1
            failed += struck.result.failed
            store(OF_PROCESSES, struck.cell.name, struck.result)
    sys.stdout.write(", ".join(f"{count} {verdict}" for verdict, count in counts.most_common()) + "\n")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
