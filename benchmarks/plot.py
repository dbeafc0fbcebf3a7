"""The figure of a long recording beside a plain matplotlib plot of the same samples."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np

from benchmarks.results import Line, Row, Section, Target
from benchmarks.samples import RATE_HZ, current_and_voltage
from energy.recording.store import RecordingWriter
from energy.signal import Block, Edge, SampleKind, Signal

_PIECE = 1 << 18
_WINDOWS = 5
_SMALL = 20_000
"""Samples of a recording that is plotted first, so that imports and caches of fonts are not timed."""

FIGURE = """
def draw(folder, picture):
    from pathlib import Path
    from energy.report.figures.style import save
    from energy.report.figures.trace import draw_recording
    from energy.runs.measured import measure_run
    from energy.runs.named import load_named
    save(draw_recording(measure_run(load_named(Path(folder))), width_in=7.0), Path(picture))
"""
PLAIN = """
def draw(folder, picture):
    from pathlib import Path
    import numpy as np
    from matplotlib.figure import Figure
    from energy.recording.store import Recording
    recording = Recording(Path(folder))
    power = np.concatenate([b.columns[0] * b.columns[1] for b in recording.read(0, recording.stop)])
    figure = Figure(figsize=(7.0, 3.5), dpi=300, layout="constrained")
    axes = figure.add_subplot()
    axes.plot(np.arange(len(power)) / recording.signal.rate_hz, power, lw=0.8)
    axes.set(xlabel="time (s)", ylabel="power (W)")
    figure.savefig(picture)
"""
_CHILD = """
import re, sys, time
from pathlib import Path
{draw}
def most():  # ru_maxrss would still hold what the parent had when it started this process
    status = Path("/proc/self/status").read_text()
    return int(re.search("VmHWM:[^0-9]*([0-9]+) kB", status)[1]) * 1024
small, large, picture = sys.argv[1:]
draw(small, picture)
before = most()
wall, cpu = time.perf_counter(), time.process_time()
draw(large, picture)
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
print(wall, cpu, most() - before)
"""


def plot(count: int, plain_count: int, repeats: int, folder: Path) -> Section:
    """Times a recording's figure from its folder to the PNG: windows, energies by three rules, and drawing.

    Args:
        count: Samples of current and voltage.
        plain_count: Samples that plain matplotlib is timed with; its time is scaled to ``count``.
        repeats: Timed runs of each.
        folder: Where the recordings are written and removed.
    """
    made = folder / "plot-benchmark"
    shutil.rmtree(made, ignore_errors=True)
    try:
        for name, samples in (("small", _SMALL), ("plain", plain_count), ("large", count)):
            _record(made / name, samples)
        runs = {"figure": list[tuple[float, float, float]](), "plain": list[tuple[float, float, float]]()}
        for _ in range(repeats):
            runs["figure"].append(_child(FIGURE, made / "small", made / "large", made))
            runs["plain"].append(_child(PLAIN, made / "small", made / "plain", made))
    finally:
        shutil.rmtree(made, ignore_errors=True)
    scale = count / plain_count
    plain = Row("plain matplotlib, all samples", tuple(wall * scale for wall, *_ in runs["plain"]), count)
    walls = tuple(wall for wall, *_ in runs["figure"])
    ratio = statistics.median(walls) / plain.median_s
    ours = Row("joulebench plot: windows, energies, figure", walls, count, "S", ratio)
    cpu_s = statistics.median(cpu for _, cpu, _ in runs["figure"])
    memory = max(memory for *_, memory in runs["figure"])
    plain_memory = max(memory for *_, memory in runs["plain"])
    seconds = Target("seconds of processor time, all threads, of a figure", cpu_s, 1.0, "at most")
    return Section(
        f"Plot: {count:,} samples of current and voltage, from the recording to a PNG of 7 inch",
        [plain, ours],
        [
            Target("memory beyond that of a small figure, MB", memory / 1e6, 200.0, "at most"),
            Target("plain matplotlib takes, times ours", plain.median_s / ours.median_s, 5.0, "at least"),
        ],
        [
            f"Plain matplotlib was timed with {plain_count:,} samples and scaled to {count:,}; for these "
            f"it took {plain_memory / 1e6:.0f} MB, which grow with the samples. Each run is a process of "
            "its own, which has drawn a small recording before."
        ],
        [Line("plot: seconds of processor time", ours, seconds, peer=plain)],
    )


def _record(folder: Path, count: int) -> None:
    """Writes a recording with five windows."""
    current, voltage = current_and_voltage(count)
    with RecordingWriter(folder, Signal(SampleKind.CURRENT_VOLTAGE, RATE_HZ)) as writer:
        for first in range(0, count, _PIECE):
            here = slice(first, first + _PIECE)
            writer.append(Block(first, (np.asarray(current[here]), np.asarray(voltage[here]))))
        for number in range(_WINDOWS):
            for part in (0.1, 0.9):
                writer.edge(Edge((number + part) * count / _WINDOWS, 1.0))


def _child(draw: str, small: Path, large: Path, folder: Path) -> tuple[float, float, float]:
    """Seconds, seconds of processor time, and bytes of memory of a drawing in a process of its own."""
    command = [sys.executable, "-c", _CHILD.format(draw=draw), str(small), str(large), str(folder / "a.png")]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    wall, cpu, memory = map(float, done.stdout.split())
    return wall, cpu, memory
