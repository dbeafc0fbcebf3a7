"""Reading and writing take the same memory however long the recording is.

Measured in a process of its own, as memory of its own: pages of a mapped file belong to the system's cache.
"""

from __future__ import annotations

import pytest

from tests.recording.support import run_python

COMMON = """
import struct, sys
from pathlib import Path

import numpy as np
import psutil

from energy.recording.eembc import read_eembc_trace
from energy.recording.export import export_csv, export_parquet
from energy.recording.store import Recording, RecordingWriter
from energy.signal import Block, Edge, SampleKind, Signal

folder = Path(sys.argv[1])
process = psutil.Process()


def own_bytes():
    memory = process.memory_info()
    return memory.rss - memory.shared


class Peak:
    def __init__(self):
        self.before = own_bytes()
        self.growth = 0

    def look(self, *_):
        self.growth = max(self.growth, own_bytes() - self.before)


def summed(trace, peak):
    total, count, step = 0.0, 0, 1 << 22
    for first in range(trace.first, trace.stop, step):
        for block in trace.read(first, first + step):
            total += sum(float(column.sum(dtype=np.float64)) for column in block.columns)
            count += len(block)
        peak.look()
    return total, count
"""

FOREIGN = """
path = folder / "long-energy.bin"
path.write_bytes(b"\\xf1" + struct.pack("<f", 1000.0))
with path.open("r+b") as file:
    file.truncate(5 + 4 * 200_000_000)
(folder / "long-timestamps.json").write_text("[1.0]")
peak = Peak()
print(summed(read_eembc_trace(path), peak))
print(peak.growth)
"""

STORE = """
signal = Signal(SampleKind.CURRENT_VOLTAGE, 2e6)
one = np.ones(4096, np.float32)
with RecordingWriter(folder / "w", signal) as writer:
    writer.append(Block(0, (one, one)))
peak = Peak()
blocks = 8000
with RecordingWriter(folder / "r", signal) as writer:
    for k in range(blocks):
        writer.append(Block(4096 * k, (one, one)))
        if k % 100 == 0:
            list(writer.read(4096 * k - 5000, 4096 * k))
            peak.look()
trace = Recording(folder / "r")
print(summed(trace, peak) == (2.0 * 4096 * blocks, 4096 * blocks))
print(peak.growth)
"""

EXPORT = """
signal = Signal(SampleKind.ENERGY, 1e6)
one = np.ones(1 << 18, np.float32)
with RecordingWriter(folder / "r", signal) as writer:
    for k in range(16):
        writer.append(Block(k << 18, (one,)))
trace = Recording(folder / "r")
small = RecordingWriter(folder / "s", signal)
small.append(Block(0, (one,)))
small.append(Block(1 << 18, (one,)))
small.close()
export_csv(Recording(folder / "s"), folder / "s.csv")  # what Arrow takes once
export_parquet(Recording(folder / "s"), folder / "t.parquet")
peak = Peak()
export_csv(trace, folder / "r.csv", peak.look)
export_parquet(trace, folder / "q.parquet", peak.look)
print((folder / "r.csv").stat().st_size > 50_000_000)
print(peak.growth)
"""


@pytest.mark.parametrize(
    ("work", "answer", "most_mib"),
    [(FOREIGN, "(0.0, 200000000)", 16), (STORE, "True", 48), (EXPORT, "True", 48)],
    ids=["200 million samples of a foreign trace", "32 million samples written and read", "export"],
)
def test_memory_does_not_grow_with_the_length_of_a_recording(tmp_path, work, answer, most_mib):
    done = run_python(COMMON + work, tmp_path)
    assert done.returncode == 0, done.stderr
    said, growth = done.stdout.splitlines()
    assert said == answer
    assert int(growth) < most_mib << 20
