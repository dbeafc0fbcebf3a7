"""What the tests of this room share: signals, samples as a function of position, recordings cut off."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from energy.errors import JoulebenchError
from energy.recording.store import Recording, RecordingWriter
from energy.recording.trace import Trace
from energy.signal import Block, DigitalBlock, DigitalInput, Edge, Gap, RangeChange, SampleKind, Signal
from tests.conftest import ROOT

SMALL = (24, 40, 60)
"""How many samples there are in a ``small_recording`` after each of its batches."""
NEVER_S = 3600.0
"""A flush interval that no test lives to see."""
SIGNALS = [
    Signal(SampleKind.ENERGY, 1000.0),
    Signal(SampleKind.ENERGY, 1000.0, dtype="float64", energy_unit="uJ", voltage_v=3.0),
    Signal(SampleKind.CURRENT, 4882.8125, voltage_v=1.8),
    Signal(SampleKind.CURRENT, 100_000.0, dtype="float64", voltage_v=3.3, coverage_offset=-0.5),
    Signal(SampleKind.CURRENT_VOLTAGE, 2_000_000.0),
    Signal(SampleKind.CURRENT_VOLTAGE, 50_000.0, dtype="float64", coverage_offset=-1.0),
]


def signal_id(signal: Signal) -> str:
    return f"{signal.kind.value}-{signal.dtype}"


def any_bits(signal: Signal, count: int, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Columns of any bits at all: NaN with payloads, infinities, denormals among them."""
    rng = np.random.default_rng(seed)
    size = np.dtype(signal.dtype).itemsize
    return tuple(np.frombuffer(rng.bytes(count * size), dtype=signal.dtype) for _ in signal.columns)


def at_position(positions: np.ndarray, column: int = 0) -> np.ndarray:
    """float32 samples that say where they belong: different for any two positions below 2^24 or so."""
    return ((positions * (2 * column + 1)) % 16_777_213).astype(np.float32)


def block_at(signal: Signal, first: int, stop: int) -> Block:
    positions = np.arange(first, stop)
    return Block(
        first,
        tuple(at_position(positions, k).astype(signal.dtype) for k in range(len(signal.columns))),
    )


def gather(blocks: Sequence[Block] | object) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """Positions and columns of all blocks together."""
    blocks = list(blocks)  # type: ignore[call-overload]
    if not blocks:
        return np.array([], dtype=np.int64), ()
    positions = np.concatenate([np.arange(block.first, block.stop) for block in blocks])
    columns = tuple(np.concatenate(parts) for parts in zip(*(block.columns for block in blocks), strict=True))
    return positions, columns


def read_all(trace: Trace) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    return gather(trace.read(trace.first, trace.stop))


def same_bits(ours: np.ndarray, theirs: np.ndarray) -> bool:
    return ours.dtype == theirs.dtype and ours.tobytes() == theirs.tobytes()


def holds_only_its_own(trace: Trace) -> bool:
    """Whether every sample is the one that ``at_position`` puts there."""
    for block in trace.read(trace.first, trace.stop):
        positions = np.arange(block.first, block.stop)
        for k, column in enumerate(block.columns):
            if not np.array_equal(column, at_position(positions, k)):
                return False
    return True


def codes(trace: Trace) -> list[str]:
    return [finding.code for finding in trace.findings]


def refused(code: str):
    """Expects a coded error with a message and a hint that help."""
    return pytest.raises(JoulebenchError, check=lambda error: error.code == code and bool(error.hint))


def small_recording(folder: Path, *, close: bool = True) -> Path:
    """A recording with a bit of everything; with ``close=False`` it is as a kill would have left it."""
    signal = Signal(SampleKind.CURRENT_VOLTAGE, 100_000.0)
    working = folder.with_name(folder.name + "-working")
    with RecordingWriter(
        working, signal, virtual=True, about={"monitor": "none"}, flush_interval_s=NEVER_S
    ) as writer:
        writer.append(block_at(signal, 0, 24))
        writer.edge(Edge(12.5, 0.25, source="d7"))
        writer.gap(Gap(24, 6, "sequence counter"))
        writer.append(block_at(signal, 30, 46))
        writer.range_change(RangeChange(40, "1 mA"))
        writer.flush()
        writer.append(block_at(signal, 46, 66))
        bits = np.packbits(np.arange(77) % 3 == 0, bitorder="little")
        writer.digital(DigitalInput("d7", 12_500.0), DigitalBlock(0, 77, bits))
        writer.edge(Edge(60.0, 0.25, source="d7"))
        writer.flush()
        if not close:
            shutil.copytree(working, folder)
    if close:
        shutil.copytree(working, folder)
    shutil.rmtree(working)
    return folder


def open_with(folder: Path, data: bytes, name: str = "trace.arrow") -> Recording:
    """Opens a recording after replacing one of its files."""
    (folder / name).write_bytes(data)
    return Recording(folder)


def run_python(code: str, *arguments: object, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """Runs a piece of Python in a process of its own, which may crash or be limited."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
