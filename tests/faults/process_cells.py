"""Runs a cell of the faults that need real processes, and judges what is left of the command.

The parent starts the twins and the command, waits until a phase is announced, and strikes at a random moment
of it. Then it asks the world what the DUT has done and whether the supply is on, and opens, recovers and
validates the folder.
"""

from __future__ import annotations

import json
import os
import random
import re
import select
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

import psutil

from energy.errors import EXIT_FINDINGS, EXIT_INTERRUPTED, EXIT_OK
from energy.findings import Severity
from energy.validation.paths import validate_paths
from tests.conftest import ROOT
from tests.faults.catalogue import BENCHES
from tests.faults.cells import Result
from tests.faults.crashes import Crash, aftermath
from tests.faults.phases import PHASES
from tests.faults.process_host import STRIKE
from tests.faults.process_phases import ANNOUNCE, GATE, REPEATED, TARGET
from tests.faults.process_twins import World, bench_text, command
from tests.stalls import Stalls

MOST_S = 300.0
"""A session in real time takes 60 s; what takes longer than this, without the machine's stalls, hangs."""
OFF_S, GONE_S = 5.0, 20.0
"""Within so long, and the machine's stalls, the supply is off, and no process of the session is left."""
TRIES = 3
OF_SHORT = ("window.idle-inside",)
"""Errors of windows that are as short as these (``process_phases.shorten_windows``)."""
MARK = "JOULEBENCH_TEST_CELL"
"""Name in the environment of every process of a cell, but its world."""
OWN_WORLD = ("joulescope-js110", "joulescope-js220")
LENGTHS_S = dict.fromkeys(PHASES, 0.03) | {
    "boot": 0.3,
    "loading": 0.4,
    "in-window": 0.6,
    "writing-results": 0.4,
}
"""How long after a phase has begun it may be struck, in virtual time; ten times that in real time."""

Time = Literal["virtual", "real"]


@dataclass
class Running:
    """A cell while it runs: the command, its world, and what has been seen.

    Attributes:
        cell: The cell.
        child: The command.
        bench: Its bench file.
        out: The folder of its sessions.
        environment: That of the command, for others that are started beside it.
        chance: The cell's own.
        hit: The phase that was the last to be announced before the strike; ``none`` if it never came.
        notes: What the strike has to say, as problems.
    """

    cell: Cell
    child: subprocess.Popen[bytes]
    bench: str
    out: Path
    environment: dict[str, str]
    chance: random.Random
    hit: str = "none"
    notes: list[str] = field(default_factory=list[str])


@dataclass(frozen=True)
class Fault:
    """What happens to a command.

    Attributes:
        name: Of the row.
        strike: Does it.
        statuses: Exit statuses that it may have.
        codes: What the code must match if it fails with `EXIT_BENCH`.
        time: The world's time.
        held: Whether the command waits at the beginning of the phase until it is struck.
        on_usr1: What the command's own part of the fault is.
        backlog: Bytes that a twin's port keeps for a host that does not read; 0: all.
        benches: Where it can befall.
        phases: When.
    """

    name: str
    strike: Callable[[Running], None]
    statuses: tuple[int, ...]
    codes: str = ""
    time: Time = "virtual"
    held: bool = False
    on_usr1: str = ""
    backlog: int = 0
    benches: tuple[str, ...] = BENCHES
    phases: tuple[str, ...] = PHASES


@dataclass(frozen=True)
class Cell:
    """A fault in a phase of a session on a bench."""

    bench: str
    phase: str
    fault: Fault

    @property
    def name(self) -> str:
        """As it is printed."""
        return f"{self.bench}/{self.phase}/{self.fault.name}"


@dataclass(frozen=True)
class Struck:
    """What came of a cell.

    Attributes:
        cell: The cell.
        hit: The phase that it was struck in.
        status: The command's exit status; None if it hung.
        result: The verdict.
    """

    cell: Cell
    hit: str
    status: int | None
    result: Result


@dataclass
class Ended:
    """A command that has ended, and what is left of it."""

    running: Running
    status: int
    said: str
    complained: str
    left: str
    supply_on: bool
    truth: Path

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of the errors that it has printed, the one that ended it first."""
        found: list[str] = []
        with suppress(ValueError):
            printed = json.loads(self.said)
            for failed in printed["failed"]:
                found += [failed["code"], *(other["code"] for other in failed["also"])]
            for session in printed["sessions"]:
                found += [row["code"] for row in session["findings"] if row["severity"] == "error"]
        found += re.findall(r"\[([a-z0-9-]+\.[a-z0-9-]+)\]", self.complained)
        return tuple(dict.fromkeys(found))


class _Reader(threading.Thread):
    """Reads a pipe of a process to its end."""

    def __init__(self, pipe: IO[bytes] | None) -> None:
        super().__init__(daemon=True)
        assert pipe is not None
        self._pipe, self._data = pipe, b""
        self.start()

    def run(self) -> None:
        with self._pipe:
            self._data = self._pipe.read()

    def text(self) -> str:
        """All that has come, once every process has closed its end."""
        self.join()
        return self._data.decode(errors="replace")


@contextmanager
def _pipes() -> Generator[tuple[int, int, int, int]]:
    """The announcer's pipe and its gate: ``heard, told, waits, lets``."""
    heard, told = os.pipe()
    waits, lets = os.pipe()
    os.set_blocking(heard, False)
    try:
        yield heard, told, waits, lets
    finally:
        for descriptor in (heard, told, waits, lets):
            os.close(descriptor)


def run(cell: Cell, seed: int) -> Struck:
    """Runs a cell; the moment of its strike follows from the seed.

    In real time a machine with too much to do may end the session before: then there is nothing to be seen.
    """
    struck = _attempt(cell, seed)
    for _ in range(TRIES - 1):
        if struck.hit == "none" and cell.fault.time == "real":
            struck = _attempt(cell, seed)
    return struck


def _attempt(cell: Cell, seed: int) -> Struck:
    chance = random.Random(f"{seed} {cell.name}")
    occurrence = chance.randint(1, 5) if cell.phase in REPEATED else 1
    with tempfile.TemporaryDirectory() as path, _pipes() as (heard, told, waits, lets):
        folder = Path(path)
        environment = {
            **os.environ,
            ANNOUNCE: str(told),
            GATE: str(waits),
            TARGET: f"{cell.phase}:{occurrence}",
            STRIKE: cell.fault.on_usr1,
        }
        world = (
            None
            if cell.bench in OWN_WORLD
            else World(
                cell.bench,
                environment,
                (told, waits),
                paced=cell.fault.time == "real",
                backlog=cell.fault.backlog,
            )
        )
        try:
            return _run(cell, chance, folder, environment, world, (heard, told, waits, lets))
        finally:
            if world is not None:
                world.close()


def _run(
    cell: Cell,
    chance: random.Random,
    folder: Path,
    environment: dict[str, str],
    world: World | None,
    pipes: tuple[int, int, int, int],
) -> Struck:
    heard, told, waits, lets = pipes
    environment = {**environment, MARK: uuid.uuid4().hex}
    bench, out, truth = folder / "bench.toml", folder / "out", folder / "truth.json"
    bench.write_text(bench_text(cell.bench, world), encoding="utf-8")
    out.mkdir()
    own = "" if world is not None else str(truth)
    words = [sys.executable, "-m", "tests.faults.process_host", own, *command(str(bench), out)]
    with Stalls() as machine:
        child = subprocess.Popen(
            words,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,  # no file: the disk may be full
            env=environment,
            pass_fds=(told, waits),
            start_new_session=True,
        )
        running = Running(cell, child, str(bench), out, environment, chance)
        readers = _Reader(child.stdout), _Reader(child.stderr)
        try:
            most_s = MOST_S * (2 if cell.fault.time == "real" else 1)  # trials that lost samples are repeated
            end_s = time.monotonic() + most_s
            _strike(running, heard, lets, end_s)
            while child.poll() is None and time.monotonic() < end_s + machine.late_s:
                with suppress(subprocess.TimeoutExpired):
                    child.wait(0.5)
            if child.poll() is None:
                return Struck(cell, running.hit, None, Result("HANG", why=f"no end within {most_s:g} s"))
            supply_on = _supply_stays_on(world, truth, machine)
            left = _left_behind(environment[MARK], machine)
        finally:
            for process in _processes(environment[MARK]):
                process.kill()
        said, complained = (reader.text() for reader in readers)
    ended = Ended(running, child.returncode, said, complained, left, supply_on, truth)
    return Struck(cell, running.hit, child.returncode, judge(ended))


def _strike(running: Running, heard: int, lets: int, end_s: float) -> None:
    """Waits for the wanted phase, lets it begin, and strikes, if the command still runs."""
    cell, chance, text = running.cell, running.chance, b""
    while b"!" not in text:
        if running.child.poll() is not None or time.monotonic() > end_s:
            return
        if select.select([heard], [], [], 0.05)[0]:
            text += os.read(heard, 65536)
    if cell.fault.held:
        running.hit = cell.phase
        cell.fault.strike(running)
        os.write(lets, b".")
        return
    os.write(lets, b".")
    length_s = LENGTHS_S[cell.phase] * (10 if cell.fault.time == "real" else 1)
    time.sleep(chance.choice((0.0, chance.uniform(0.0, length_s))))
    with suppress(BlockingIOError):
        text += os.read(heard, 65536)
    running.hit = text.decode().split()[-1].rstrip("!")
    cell.fault.strike(running)


def _supply_stays_on(world: World | None, truth: Path, machine: Stalls) -> bool:
    """Whether the supply is on some seconds after the command's end; writes down what the DUT has done."""
    if world is None:
        known = json.loads(truth.read_text(encoding="utf-8")) if truth.exists() else None
        works: list[dict[str, Any]] = known["works"] if known else []
        truth.write_text(json.dumps(works), encoding="utf-8")
        return bool(known and known["state"]["supply_on"])
    end_s = time.monotonic() + OFF_S
    while (known := world.known())["state"]["supply_on"] and time.monotonic() < end_s + machine.late_s:
        time.sleep(0.02)
    shift_s = (
        time.monotonic() - known["state"]["now"] if world.paced else 0.0
    )  # the host's clock is the system's
    works = [
        {**work, "start_s": work["start_s"] + shift_s, "stop_s": work["stop_s"] + shift_s}
        for work in known["works"]
    ]
    truth.write_text(json.dumps(works), encoding="utf-8")
    return known["state"]["supply_on"]


def _processes(mark: str) -> list[psutil.Process]:
    """The processes of a cell that still run."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def _left_behind(mark: str, machine: Stalls) -> str:
    """The command lines of processes that have outlived the session for too long."""
    end_s = time.monotonic() + GONE_S
    while (left := _processes(mark)) and time.monotonic() < end_s + machine.late_s:
        time.sleep(0.2)
    return "; ".join(str(process) for process in left)


def judge(ended: Ended) -> Result:
    """What came of a cell."""
    running = ended.running
    cell, codes = running.cell, ended.codes
    fault = cell.fault
    if "Traceback" in ended.complained:
        return Result("TRACEBACK", codes, why=ended.complained[-1500:])
    killed_with_its_world = cell.bench in OWN_WORLD and ended.status < 0
    if ended.supply_on and not killed_with_its_world:
        return Result("LEFT ON", codes, why=ended.complained[-500:])
    problems = [*running.notes]
    if running.hit == "none":
        problems.append(f"it was not struck: {ended.said[-500:]}")
    if ended.left:
        problems.append(f"left behind: {ended.left}")
    if ended.status not in fault.statuses:
        problems.append(f"exit status {ended.status}: {ended.complained[-500:]}")
    failed = ended.status not in (EXIT_OK, EXIT_INTERRUPTED) and ended.status > 0
    if failed and not (codes and re.fullmatch(fault.codes, codes[0])):
        problems.append(f"codes {codes}, {fault.codes!r} was expected")
    folders = sorted(running.out.iterdir())
    if ended.status == EXIT_INTERRUPTED:
        problems += _not_interrupted(ended, folders)
    if ended.status == EXIT_OK and not (
        len(folders) == 1 and _document(folders[0] / "result.json").get("valid")
    ):
        problems.append("it ended with 0 and is not valid")
    wrong: list[str] = []
    for folder in folders:
        found = aftermath(Crash(cell.bench, "energy", cell.phase, 0, 0.0), folder, ended.truth).problems
        wrong += [problem for problem in found if not problem.startswith("it is not sound")]
        if ended.status == EXIT_OK:
            report, _ = validate_paths([folder])
            errors = [found for found in report.all_findings if found.severity is Severity.ERROR]
            wrong += [f"{found.code}: {found.evidence}" for found in errors if found.code not in OF_SHORT]
    if wrong:
        return Result("WRONG", codes, why="; ".join([*wrong, *problems]))
    if problems:
        return Result("ODD", codes, why="; ".join(problems))
    if ended.status == EXIT_OK:
        return Result("right", codes)
    return Result("marked" if ended.status == EXIT_FINDINGS else "stopped", codes)


def _not_interrupted(ended: Ended, folders: list[Path]) -> list[str]:
    """What is missing of an interrupted command's words and its session's state."""
    states = [_document(folder / "session.json").get("state") for folder in folders]
    wrong = [f"state {state}" for state in states if state not in ("interrupted", "finished")]
    return wrong if "interrupted" in ended.complained else [*wrong, f"it says {ended.complained!r}"]


def _document(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
