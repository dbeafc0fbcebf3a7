from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.evidence.reader import SessionWindows
from energy.recording.trace import ArrayTrace
from energy.report.envelope import envelope
from energy.report.figures.style import save
from energy.report.figures.trace import draw_recording
from energy.report.tables import summary_table, window_table
from energy.report.units import engineering, significant
from energy.runs.files import ModeFolder
from energy.runs.measured import load, measure_run
from energy.runs.run import Run
from energy.signal import Block, Edge, Gap, SampleKind, Signal
from fixtures.make_recordings import FOLDER
from tests.report.boxes import assert_readable


def material(trace: ArrayTrace, iterations: list[int]) -> Run:
    """A recording of ours with these samples."""
    session = SessionWindows(iterations=iterations)
    return Run(ModeFolder("energy", Path("x")), session=session, trace=trace)


@pytest.fixture(scope="module")
def demo():
    return measure_run(load(FOLDER))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0338, "33.80 mW"),
        (999.9e-6, "999.9 µW"),
        (1.0, "1.000 W"),
        (0.0, "0.000 W"),
        (2.5e-13, "0.2500 pW"),
    ],
)
def test_engineering_units(value, text):
    assert engineering(value, "W") == text


@pytest.mark.parametrize(
    ("value", "text"), [(1430.6278, "1430.63"), (0.0123456789, "0.0123457"), (0.0, "0.00000")]
)
def test_significant_digits(value, text):
    assert significant(value) == text


def test_every_row_of_a_table_has_a_cell_for_every_column(demo):
    for table in (window_table(demo), summary_table([demo, demo], ["a", "b"])):
        assert table.rows
        assert {len(row) for row in table.rows + table.footer} == {len(table.columns)}


def test_energy_per_inference_never_stands_without_inferences_per_second(demo):
    for table in (window_table(demo), summary_table([demo], ["a"])):
        assert "µJ/inf" in table.columns
        assert "inf/s" in table.columns
    assert "inf/s" in draw_recording(demo, "t").get_suptitle()


@given(
    st.lists(st.floats(0, 1, width=32), min_size=1, max_size=300),
    st.integers(1, 40),
    st.lists(st.integers(1, 299), max_size=4),
)
def test_the_envelope_is_lowest_mean_and_highest_of_each_column(values, columns, cuts):
    samples = np.array(values, np.float32)
    trace = _Pieces(ArrayTrace(Signal(SampleKind.ENERGY, 10.0), (samples,)), sorted(set(cuts)))
    shape = envelope(trace, 0, len(samples), columns)
    n = len(shape.time_s)
    width = -(-len(samples) // columns)
    assert n == -(-len(samples) // width) <= columns
    bounds = [min(k * width, len(samples)) for k in range(n + 1)]
    for k in range(n):
        part = samples[bounds[k] : bounds[k + 1]].astype(float) * 10
        assert shape.low_w[k] == pytest.approx(part.min(), abs=1e-12)
        assert shape.high_w[k] == pytest.approx(part.max(), abs=1e-12)
        assert shape.mean_w[k] == pytest.approx(part.mean(), abs=1e-9)


def test_a_column_without_samples_is_empty_and_a_spike_of_one_sample_is_seen():
    samples = np.zeros(100_000)
    samples[54_321] = 7.0
    trace = _Pieces(
        ArrayTrace(Signal(SampleKind.ENERGY, 1.0, "float64"), (samples,)), [20_000, 40_000], skip=1
    )
    shape = envelope(trace, 0, 100_000, 100)
    assert np.isnan(shape.mean_w[20:40]).all()
    assert np.isfinite(shape.mean_w[:20]).all()
    assert shape.high_w[54] == 7.0
    assert np.nanmax(np.delete(shape.high_w, 54)) == 0.0


class _Pieces(ArrayTrace):
    """A trace that comes in blocks cut at given places, one of which may be missing."""

    def __init__(self, whole: ArrayTrace, cuts: list[int], skip: int | None = None) -> None:
        super().__init__(whole.signal, whole.columns)
        stops = [*[cut for cut in cuts if cut < whole.count], whole.count]
        starts = [0, *stops[:-1]]
        self._bounds = [pair for k, pair in enumerate(zip(starts, stops, strict=True)) if k != skip]

    def read(self, first: int, stop: int):
        for start, end in self._bounds:
            block = Block(start, tuple(column[start:end] for column in self.columns)).clip(first, stop)
            if len(block):
                yield block


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_the_picture_is_written_in_each_format(demo, tmp_path, ending):
    path = save(draw_recording(demo, "title"), tmp_path / "new" / f"a.{ending}")
    assert path.stat().st_size > 10_000


def test_the_picture_says_virtual_only_if_it_is(demo):
    assert "VIRTUAL" in draw_recording(demo, "t").get_suptitle()
    trace = ArrayTrace(
        Signal(SampleKind.ENERGY, 10.0), (np.ones(100, np.float32),), edges=[Edge(10.0), Edge(90.0)]
    )
    assert "VIRTUAL" not in draw_recording(measure_run(material(trace, [3])), "t").get_suptitle()


@pytest.mark.parametrize(
    "samples",
    [
        np.ones(1, np.float32),
        np.full(50, np.nan, np.float32),
        np.zeros(50, np.float32),
        -np.ones(50, np.float32),
    ],
    ids=["one sample", "all NaN", "all zero", "negative"],
)
@pytest.mark.parametrize(
    "edges", [[], [Edge(0.0), Edge(1.0)], [Edge(5.0), Edge(5.0)], [Edge(20.0), Edge(4000.0)]]
)
def test_strange_recordings_are_drawn_without_a_warning(samples, edges, tmp_path):
    trace = ArrayTrace(
        Signal(SampleKind.ENERGY, 10.0), (samples,), edges=edges, gaps=[Gap(3, None, "unknown")]
    )
    measured = measure_run(material(trace, []))
    save(draw_recording(measured, "strange"), tmp_path / "strange.png")
    json.dumps(measured.to_json(), allow_nan=False)


def test_many_windows_are_drawn_without_crowding_labels():
    edges = [Edge(float(k)) for k in range(10, 410)]
    trace = ArrayTrace(Signal(SampleKind.ENERGY, 1000.0), (np.ones(500, np.float32),), edges=edges)
    figure = draw_recording(measure_run(material(trace, [1] * 200)), "many")
    numbers = [int(text.get_text()) for text in figure.axes[0].texts]
    assert 3 < len(numbers) < 60
    assert len(set(np.diff(numbers))) == 1
    assert_readable(figure)


def test_a_written_png_has_the_size_of_the_figure(demo, tmp_path):
    figure = draw_recording(demo, "t")
    data = save(figure, tmp_path / "a.png").read_bytes()
    assert struct.unpack(">II", data[16:24]) == (1800, int(figure.get_figheight() * 150))
    assert zlib.crc32(data[12:29]) == struct.unpack(">I", data[29:33])[0]
