"""The live view's part of a core at 1 MS/s: a recording in real time with and without it, side by side.

The recorder gets blocks of current and voltage as fast as a Joulescope sends them, 20 a second, and pumps
them into the recording and the windows. Beside it a page reads frames ten times a second, as a browser does.
What a run takes of the processor is ``time.process_time``, which counts every thread of this process: the
hand-over, the server, the writing of frames. The reader is a process of its own.
"""

from __future__ import annotations

import itertools
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from benchmarks.results import Line, Row, Section, Target
from benchmarks.samples import current_and_voltage
from drivers.links.clock import RealClock
from energy.bench.benchfile import load_bench
from energy.live.feed import Feed
from energy.live.scene import Known
from energy.live.server import LiveServer, served
from energy.session.observer import Beginning
from energy.session.recorder import Recorder
from energy.signal import Block, SampleKind, Signal

_RATE_HZ = 1_000_000
_BLOCK = 50_000
_READER = """
import sys, urllib.request
with urllib.request.urlopen(sys.argv[1] + "events?span=10&columns=1400", timeout=60) as answer:
    while answer.readline():
        pass
"""


def live(seconds: int, repeats: int, folder: Path) -> Section:
    """Records ``seconds`` of 1 MS/s by turns without a view, with one, and with one that a page reads."""
    current, voltage = current_and_voltage(_RATE_HZ)
    blocks = [(current[at : at + _BLOCK], voltage[at : at + _BLOCK]) for at in range(0, _RATE_HZ, _BLOCK)]
    names = ("recording", "recording, view open, no page", "recording, a page that reads")
    taken: dict[str, list[float]] = {name: [] for name in names}
    lost = dropped = 0
    for _ in range(repeats):
        for number, name in enumerate(names):
            with tempfile.TemporaryDirectory(dir=folder) as place, ExitStack() as stack:
                feed = Feed() if number else None
                server = stack.enter_context(served(feed)) if feed is not None else None
                if server is not None and number == 2:
                    _read(server, stack)
                used_s, count = _record(Path(place) / "session", blocks, seconds, feed)
                taken[name].append(used_s)
                lost += seconds * _RATE_HZ - count
                if feed is not None and server is not None:
                    feed.state("finished", ())
                    frame = server.scene.frame(10.0, 100, Known())["session"]
                    dropped += frame["dropped_by_view"]
                    lost += seconds * _RATE_HZ - frame["samples"]
    plain, alone, read = (statistics.median(taken[name]) for name in names)
    rows = [Row(name, tuple(runs), seconds * _RATE_HZ * 8, "B") for name, runs in taken.items()]
    cost = Target("part of a core that the view costs", (read - plain) / seconds, 0.05, "at most")
    return Section(
        f"live view at 1 MS/s of current and voltage, {seconds} s in real time",
        rows,
        [
            Target("samples that the recording or the live view lacks", lost, 0, "at most"),
            Target("updates that the live view missed", dropped, 0, "at most"),
        ],
        [
            f"Seconds of the processor in {seconds} s: {plain:.3f} without a view, {alone:.3f} with one that "
            f"nobody reads, {read:.3f} with a page: {100 * cost.value:.2g} % of a core."
        ],
        [Line("live view: part of a core", rows[2], cost)],
    )


def _read(server: LiveServer, stack: ExitStack) -> None:
    """Starts a reader of frames in a process of its own, and waits until it reads."""
    reader = stack.enter_context(subprocess.Popen([sys.executable, "-c", _READER, server.url]))
    stack.callback(reader.terminate)
    while not server.viewers:
        time.sleep(0.01)


def _record(
    folder: Path, blocks: list[tuple[np.ndarray, np.ndarray]], seconds: int, feed: Feed | None
) -> tuple[float, int]:
    """One recording in real time: seconds of the processor, and samples recorded."""
    signal = Signal(SampleKind.CURRENT_VOLTAGE, float(_RATE_HZ))
    recorder = Recorder(
        folder, signal, RealClock(), virtual=True, about={}, hold_s=50e-6, highest_a=10.0, supply_v=3.3
    )
    if feed is not None:
        feed.begun(Beginning(folder, load_bench("virtual"), "", "record", True))
        recorder.watched_by(feed)
    each_s = _BLOCK / _RATE_HZ
    began, used = time.monotonic(), time.process_time()
    for k, columns in zip(range(round(seconds / each_s)), itertools.cycle(blocks)):
        time.sleep(max(began + (k + 1) * each_s - time.monotonic(), 0))
        recorder.block(Block(k * _BLOCK, columns))
        recorder.pump()
    used_s = time.process_time() - used
    recorder.close()
    return used_s, recorder.stop
