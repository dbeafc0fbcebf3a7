"""A writer that is killed with SIGKILL leaves everything that it was given more than a flush interval before.

What was handed over, and when, is the sender's own log: a file of its own, one line a block, written through
after ``append`` returned. It says nothing about what the store believes to have written.
"""

from __future__ import annotations

import contextlib
import math
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from energy.recording.store import Recording
from tests.conftest import ROOT
from tests.recording.support import at_position, codes, holds_only_its_own

RUNS = 10
FLUSH_S = 0.5
EARLIEST_S, LATEST_S = 0.6, 2.4
"""When a writer is killed, after all of them have begun."""

SENDERS = """
import os, random, sys, time
from pathlib import Path

import numpy as np

from energy.recording.store import RecordingWriter
from energy.signal import Block, DigitalBlock, DigitalInput, Edge, Gap, SampleKind, Signal
from tests.recording.support import at_position



def send(folder, flush_s, seed):
    rate = 100_000
    rng = random.Random(seed)
    log = os.open(folder.with_suffix(".log"), os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    d7 = DigitalInput("d7", rate / 8)
    signal = Signal(SampleKind.CURRENT_VOLTAGE, float(rate))
    writer = RecordingWriter(folder, signal, flush_interval_s=flush_s)
    position = lost = levels = edges = 0
    begun = time.monotonic()
    while True:
        length = rng.choice([1, 64, 300, 500, 800])
        if rng.random() < 0.01:
            writer.gap(Gap(position, 50, "planted"))
            position, lost = position + 50, lost + 50
        positions = np.arange(position, position + length)
        writer.append(Block(position, (at_position(positions), at_position(positions, 1))))
        position += length
        while (levels + 101) * 8 <= position:
            level = np.arange(levels, levels + 101) // 50 % 2 == 0
            writer.digital(d7, DigitalBlock(levels, 101, np.packbits(level, bitorder="little")))
            levels += 101
        if rng.random() < 0.05:
            writer.edge(Edge(position - 0.5, source=str(edges)))
            edges += 1
        os.write(log, f"{time.monotonic()!r} {position} {lost} {levels} {edges}\\n".encode())
        time.sleep(max(0.0, begun + position / rate - time.monotonic()))


# One process loads the program and splits into the senders, which share nothing from then on.
folders, flush_s, seeds = sys.argv[1].split(os.pathsep), float(sys.argv[2]), sys.argv[3].split()
senders = []
for folder, seed in zip(folders, seeds):
    sender = os.fork()
    if not sender:
        try:
            send(Path(folder), flush_s, int(seed))
        finally:
            os._exit(1)
    senders.append(sender)
print(*senders, flush=True)
print(*(os.waitstatus_to_exitcode(os.waitpid(sender, 0)[1]) for sender in senders), flush=True)
"""


@dataclass
class Handed:
    """What the sender's log says was handed over by a moment."""

    position: int = 0
    lost: int = 0
    levels: int = 0
    edges: int = 0


def handed_over(log: Path, before: float) -> Handed:
    last = Handed()
    if not log.exists():
        return last
    for line in log.read_text().splitlines()[:-1]:  # the last line may be cut
        moment, *numbers = line.split()
        if float(moment) >= before:
            break
        last = Handed(*map(int, numbers))
    return last


@pytest.fixture
def launched():
    """Starts senders, one a folder: their process numbers, and what makes their ends known."""
    launchers: list[subprocess.Popen[str]] = []

    def launch(folders: list[Path], rng: random.Random) -> tuple[list[int], subprocess.Popen[str]]:
        names = os.pathsep.join(map(str, folders))
        seeds = " ".join(str(rng.randrange(2**32)) for _ in folders)
        launcher = subprocess.Popen(
            [sys.executable, "-c", SENDERS, names, str(FLUSH_S), seeds],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        launchers.append(launcher)
        assert launcher.stdout is not None
        return [int(number) for number in launcher.stdout.readline().split()], launcher

    yield launch
    for launcher in launchers:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(launcher.pid, signal.SIGKILL)
        launcher.communicate(timeout=10)


@pytest.mark.clock
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_killed_writer_leaves_every_sample_older_than_one_flush_interval(tmp_path, launched):
    seed = random.SystemRandom().randrange(2**32)
    sys.stdout.write(f"seed {seed}\n")  # pytest shows it if the test fails
    rng = random.Random(seed)
    folders = [tmp_path / f"r{run}" for run in range(RUNS)]
    senders, launcher = launched(folders, rng)
    deadline = time.monotonic() + 20
    while any(not handed_over(folder.with_suffix(".log"), math.inf).position for folder in folders):
        assert time.monotonic() < deadline, "a sender does not begin"
        time.sleep(0.01)
    begun = time.monotonic()
    killed: dict[Path, float] = {}
    for after_s, run in sorted((rng.uniform(EARLIEST_S, LATEST_S), run) for run in range(RUNS)):
        time.sleep(max(0.0, begun + after_s - time.monotonic()))
        killed[folders[run]] = time.monotonic()
        os.kill(senders[run], signal.SIGKILL)
    ends, _ = launcher.communicate(timeout=10)
    assert ends.split() == [str(-signal.SIGKILL)] * RUNS, "a sender died by itself"

    sent = sum(check(folder, moment) for folder, moment in killed.items())
    assert sent > RUNS * 10_000, "hardly anything was old enough to prove something"


def check(folder: Path, killed_at: float) -> int:
    """Holds what is left against the sender's log; returns how many samples had to be there."""
    recording = Recording(folder)
    log = folder.with_suffix(".log")
    due, ever = handed_over(log, killed_at - FLUSH_S), handed_over(log, killed_at + 1)
    assert codes(recording).count("recording.unclosed") == 2  # samples and levels

    positions = np.concatenate([np.arange(block.first, block.stop) for block in recording.read(0, 2**53)])
    assert int((positions < due.position).sum()) == due.position - due.lost
    assert len(positions) == recording.count
    assert holds_only_its_own(recording)
    noted = sum(gap.count or 0 for gap in recording.gaps if gap.first < due.position)
    assert noted == due.lost
    assert recording.stop <= ever.position + 2000  # and nothing that was never handed over

    assert len(recording.edges) >= ever.edges  # edges are written at once
    assert [edge.source for edge in recording.edges] == [str(k) for k in range(len(recording.edges))]

    _, blocks = recording.digital("d7")
    levels = np.concatenate(
        [np.unpackbits(block.bits, count=block.count, bitorder="little") for block in blocks]
    )
    assert len(levels) >= due.levels
    assert np.array_equal(levels, np.arange(len(levels)) // 50 % 2 == 0)
    return due.position - due.lost


def test_the_values_that_the_kill_test_compares_differ_from_place_to_place():
    positions = np.arange(400_000)
    for column in (0, 1):
        values = at_position(positions, column)
        assert len(np.unique(values)) > 0.99 * len(values)
