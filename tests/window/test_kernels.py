"""Compiled loops: the same bits as NumPy's, used only where they are wanted, sound and worth loading."""

from __future__ import annotations

import logging
import math
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy import kernels as module
from energy.errors import UsageError
from energy.kernels import Kernel
from energy.recording.trace import ArrayTrace
from energy.signal import Block, SampleKind, Signal
from energy.window.chunks import ChunkSummer
from energy.window.kernels import CHUNK, CHUNK_SUMS
from energy.window.prefix import EnergyPrefix, Sum
from tests.kernels import kernels, need_numba
from tests.window.support import SLOW, PiecesTrace, in_blocks

BOTH = Signal(SampleKind.CURRENT_VOLTAGE, 1.0)
ENERGY = Signal(SampleKind.ENERGY, 1.0)
STRANGE = (math.nan, math.inf, -math.inf, 3e38, -3e38, 1e-45, -0.0)


@pytest.fixture(autouse=True)
def numba():
    need_numba()


def hexed(total: Sum) -> tuple[bytes, int, int]:
    return struct.pack("<d", total.value), total.count, total.not_finite


def add_one(values, out):
    for k in range(len(values)):
        out[k] = values[k] + 1.0


def adds_one(compiled) -> bool:
    out = np.empty(3)
    compiled(np.array([1.0, 2.0, 3.0]), out)
    return out.tolist() == [2.0, 3.0, 4.0]


def kernel(agrees=adds_one, pays_after=100.0, loop=add_one) -> Kernel:
    return Kernel(loop, (("float64[]", "float64[]="),), agrees, pays_after)


def sums(trace, how: str, blocks: list[Block] | None) -> list[tuple[bytes, int, int]]:
    """Sums of several stretches, read from the trace, or fed with blocks."""
    with kernels(how):
        prefix = EnergyPrefix(trace)
        if blocks is None:
            prefix.advance(trace.stop)
        for block in blocks or []:
            prefix.feed(block)
        ends = [trace.first, CHUNK, 2 * CHUNK + 17, 3 * CHUNK, trace.stop]
        return [hexed(prefix.sum(a, b)) for a in ends for b in ends if a < b]


@SLOW
@given(
    seed=st.integers(0, 1 << 30),
    cuts=st.lists(st.integers(1, 4 * CHUNK), max_size=5),
    first=st.sampled_from([0, 1, CHUNK - 3]),
    strange=st.lists(st.tuples(st.integers(0, 4 * CHUNK), st.sampled_from(STRANGE)), max_size=4),
    gap=st.integers(0, 2 * CHUNK),
    dtype=st.sampled_from(["float32", "float64"]),
    both=st.booleans(),
)
def test_compiled_sums_have_the_bits_of_numpys(seed, cuts, first, strange, gap, dtype, both):
    rng = np.random.default_rng(seed)
    columns = tuple(rng.lognormal(-3, 4, 4 * CHUNK + 99).astype(dtype) for _ in range(1 + both))
    for at, value in strange:
        columns[at % len(columns)][at] = value
    blocks = in_blocks(columns, sorted(set(cuts)), first)
    blocks = [*blocks[:1], *(Block(block.first + gap, block.columns) for block in blocks[1:])]
    trace = PiecesTrace(BOTH if both else ENERGY, blocks)
    results = [sums(trace, how, fed) for how in ("on", "off") for fed in (None, blocks)]
    assert results[1:] == results[:-1]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_compiled_sums_are_near_exact_ones(dtype):
    rng = np.random.default_rng(5)
    columns = tuple(rng.lognormal(-3, 3, 3 * CHUNK).astype(dtype) for _ in range(2))
    with kernels("on"):
        prefix = EnergyPrefix(trace := ArrayTrace(BOTH, columns))
        prefix.advance_all(trace)
    true = math.fsum(float(i) * float(v) for i, v in zip(*columns, strict=True))
    assert prefix.sum(0, trace.stop).value == pytest.approx(true, rel=1e-12)


def test_samples_really_go_through_the_compiled_loop_where_they_are(monkeypatch):
    """Without this, the tests above would compare NumPy with itself."""
    lengths: list[tuple[int, int]] = []

    def counting(left, right, filled, begun, sums):
        lengths.append((filled, len(left)))
        sums[:] = 1.0
        return len(sums)

    monkeypatch.setattr(CHUNK_SUMS, "_compiled", counting)
    columns = (np.ones(3 * CHUNK, np.float32), np.ones(3 * CHUNK, np.float32))
    with kernels("on"):
        prefix = EnergyPrefix(trace := ArrayTrace(BOTH, columns))
        for block in in_blocks(columns, [CHUNK // 2], 0):
            prefix.feed(block)
    assert lengths == [(0, CHUNK // 2), (CHUNK // 2, 2 * CHUNK + CHUNK // 2)]
    assert prefix.sum(0, trace.stop) == Sum(3.0, 3 * CHUNK)


@pytest.mark.parametrize("length", [1, 127, 1000, 50_000])
@pytest.mark.parametrize("how", ["on", "off"])
def test_pieces_of_any_length_are_summed_as_their_chunk_is(length, how):
    """Truth is NumPy's own sum of each whole chunk."""
    last = 2 * CHUNK + CHUNK // 3 if length > 1 else CHUNK + 5
    rng = np.random.default_rng(6)
    columns = tuple(rng.lognormal(-3, 4, last).astype(np.float32) for _ in range(2))
    columns[1][last // 2] = math.nan
    power = columns[0].astype(np.float64) * columns[1]
    gathered: list[tuple[int, Sum]] = []
    with kernels(how):
        summer = ChunkSummer(ArrayTrace(BOTH, columns), CHUNK_SUMS.get())
        for low in range(0, last, length):
            gathered += summer.feed(Block(low, tuple(column[low : low + length] for column in columns)))
    for chunk, total in gathered:
        values = power[chunk * CHUNK : (chunk + 1) * CHUNK]
        finite = values[np.isfinite(values)]
        expected = Sum(float(np.add.reduce(finite)), len(finite), len(values) - len(finite))
        assert hexed(total) == hexed(expected)
    assert [chunk for chunk, _ in gathered] == list(range(last // CHUNK))


def test_arrays_that_compiled_code_does_not_know_have_the_same_sums():
    """Every second element of an array, another order of bytes, two types at once, an odd address."""
    rng = np.random.default_rng(8)
    wide = rng.random(4 * CHUNK, np.float32)
    plain = wide[::2].copy()
    odd = np.frombuffer(b"x" + plain.tobytes(), np.float32, offset=1)
    kinds = {
        "strided": (wide[::2], wide[::2]),
        "swapped": (plain.astype(">f4"), plain.astype(">f4")),
        "mixed": (plain, plain.astype(np.float64)),
        "odd address": (odd, odd),
    }
    expected = sums(ArrayTrace(BOTH, (plain, plain)), "off", None)
    for columns in kinds.values():
        trace = ArrayTrace(BOTH, columns)
        assert sums(trace, "on", None) == expected
        assert sums(trace, "on", in_blocks(columns, [CHUNK // 2 + 3], 0)) == expected


def test_a_sum_begun_by_numpy_and_ended_by_compiled_code_has_the_same_bits():
    columns = (np.random.default_rng(2).random(6 * CHUNK, np.float32),)
    trace = ArrayTrace(ENERGY, columns)
    with kernels("off"):
        mixed, whole = EnergyPrefix(trace), EnergyPrefix(trace)
        mixed.advance(2 * CHUNK)
        whole.advance_all(trace)
    with kernels("on"):
        mixed.advance_all(trace)
    assert hexed(mixed.sum(0, trace.stop)) == hexed(whole.sum(0, trace.stop))


def test_numba_is_loaded_when_its_work_has_paid_and_not_for_one_who_cannot_wait():
    lazy = kernel()
    with kernels("auto"):
        assert lazy.get(60) is None
        assert lazy.get() is None
        compiled = lazy.get(60)
        assert compiled is not None
        assert lazy.get() is compiled
    with kernels("off"):
        assert lazy.get(60) is None
    assert adds_one(compiled)


def test_a_loop_that_disagrees_with_numpy_is_left_out(caplog):
    wrong = kernel(lambda compiled: False)
    with kernels("auto"), caplog.at_level(logging.WARNING):
        assert wrong.get(1000) is None
        assert wrong.get(1000) is None
    assert len(caplog.records) == 1
    assert "add_one cannot be used" in caplog.text
    with kernels("on"), pytest.raises(UsageError) as caught:
        wrong.get()
    assert caught.value.code == "kernels.unusable"


def test_a_loop_that_numba_cannot_compile_is_left_out():
    def strange(values, out):
        out[0] = values["no such thing"]

    with kernels("on"), pytest.raises(UsageError, match="TypingError") as caught:
        kernel(loop=strange).get()
    assert caught.value.code == "kernels.unusable"


def test_code_without_a_place_in_numbas_cache_is_compiled_all_the_same():
    space: dict = {}
    exec(
        "def nowhere(values, out):\n    for k in range(len(values)):\n        out[k] = values[k] + 1.0", space
    )
    with kernels("on"):
        compiled = kernel(loop=space["nowhere"]).get()
    assert compiled is not None
    assert adds_one(compiled)


def test_a_setting_that_is_no_word_is_an_error():
    with kernels("perhaps"), pytest.raises(UsageError, match="'perhaps'") as caught:
        EnergyPrefix(ArrayTrace(ENERGY, (np.ones(3, np.float32),)))
    assert caught.value.code == "kernels.setting"


def test_kernels_that_are_on_without_numba_are_an_error(monkeypatch):
    module._use.cache_clear()
    monkeypatch.setattr(module, "installed", lambda: False)
    with kernels("on"), pytest.raises(UsageError, match="numba is not installed") as caught:
        CHUNK_SUMS.get()
    assert caught.value.code == "kernels.setting"
    with kernels("auto"):
        assert kernel(pays_after=1.0).get(1000) is None
