"""The figure of a recording: what is drawn is what was recorded, and all of it can be read."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.patches import StepPatch

from energy.errors import UsageError
from energy.recording.trace import ArrayTrace
from energy.report.decimation import decimated, quantities_of
from energy.report.figures.style import COLUMN_IN, PAGE_IN, SCREEN_IN
from energy.report.figures.trace import draw_recording, parse_panels
from energy.report.figures.view import between, zoomed
from energy.runs.measured import load, measure_run
from energy.signal import Edge, Gap, SampleKind, Signal
from fixtures.make_recordings import FOLDER
from tests.report.boxes import assert_readable, text_boxes
from tests.report.traces import EVERY_WIDTH, RATE_HZ, duty, measured, of_trace


@pytest.fixture(scope="module")
def demo():
    return measure_run(load(FOLDER))


def steps(axes, label):
    """Values, edges and baseline of the steps with a label."""
    found = [patch for patch in axes.patches if isinstance(patch, StepPatch) and patch.get_label() == label]
    assert len(found) == 1, [patch.get_label() for patch in axes.patches]
    return found[0].get_data()


@settings(deadline=None, max_examples=60)
@given(
    count=st.integers(1, 3000),
    columns=st.integers(1, 60),
    lost=st.tuples(st.integers(0, 2900), st.integers(1, 700)),
    bad=st.lists(st.tuples(st.integers(0, 2999), st.sampled_from([np.nan, np.inf, -np.inf])), max_size=5),
    seed=st.integers(0, 99),
)
def test_each_column_has_numpys_extremes_and_mean_of_its_samples(count, columns, lost, bad, seed):
    power = np.random.default_rng(seed).normal(0.02, 0.01, count)
    for at, value in bad:
        power[min(at, count - 1)] = value
    gaps = [Gap(lost[0], lost[1], "planted")] if lost[0] + lost[1] < count else []
    trace = measured(power, gaps=gaps).run.samples
    shape = decimated(trace, 0, count, columns)
    there = np.isfinite(power)
    for gap in gaps:
        there[gap.first : gap.first + gap.count] = False
    assert len(shape.mean) <= columns
    assert (shape.bounds[0], shape.bounds[-1]) == (0, count)
    for k, (first, stop) in enumerate(zip(shape.bounds[:-1], shape.bounds[1:], strict=True)):
        part = (power / RATE_HZ)[first:stop][there[first:stop]] * RATE_HZ
        if not len(part):
            assert np.isnan([shape.low[k], shape.mean[k], shape.high[k]]).all()
            continue
        assert (shape.low[k], shape.high[k]) == (part.min(), part.max())
        assert shape.mean[k] == pytest.approx(part.mean(), rel=1e-12)


def test_extremes_of_float32_products_are_exact():
    noise = np.random.default_rng(3)
    current, voltage = (
        noise.normal(m, s, 200_000).astype(np.float32) for m, s in ((0.01, 0.002), (1.8, 0.01))
    )
    trace = ArrayTrace(Signal(SampleKind.CURRENT_VOLTAGE, 1e5), (current, voltage))
    power = current.astype(np.float64) * voltage.astype(np.float64)
    for quantity, values in (("power", power), ("current", current), ("voltage", voltage)):
        shape = decimated(trace, 0, len(current), 100, quantity)
        whole = values.astype(np.float64).reshape(100, 2000)
        assert np.array_equal(shape.low, whole.min(axis=1) if quantity != "power" else shape.low)
        np.testing.assert_allclose(shape.low, whole.min(axis=1), rtol=1e-15)
        np.testing.assert_allclose(shape.high, whole.max(axis=1), rtol=1e-15)
        np.testing.assert_allclose(shape.mean, whole.mean(axis=1), rtol=1e-12)


@pytest.mark.parametrize("width_in", EVERY_WIDTH)
def test_the_figure_shows_every_peak_of_the_recording(width_in):
    power, edges = duty(200_000, 5)
    power[123_456] = 0.2
    power[77_777] = 0.0
    axes = draw_recording(measured(power, edges, [10] * 5), width_in=width_in).axes[0]
    high, bounds, low = steps(axes, "lowest to highest")
    mean, _, _ = steps(axes, "mean power")
    assert high.max() == pytest.approx(0.2, rel=1e-12)
    assert low.min() == 0.0
    at = np.searchsorted(bounds, 123.456, "right") - 1
    assert high[at] == high.max()
    assert np.average(mean, weights=np.diff(bounds)) == pytest.approx(power.mean(), rel=1e-9)
    assert (bounds[0], bounds[-1]) == (0.0, 200.0)


@pytest.mark.parametrize("width_in", EVERY_WIDTH)
@pytest.mark.parametrize(
    ("windows", "gaps"),
    [(0, 0), (1, 0), (5, 3), (9, 1), (30, 0), (400, 2)],
)
def test_nothing_collides_and_nothing_is_too_small(width_in, windows, gaps):
    power, edges = duty(120_000, windows) if windows else (np.full(120_000, 0.01), [])
    lost = [Gap(4000 + k * 30_000, 300, "sequence counter") for k in range(gaps)]
    figure = draw_recording(measured(power, edges, [12] * windows, lost, bound=2.33453), width_in=width_in)
    boxes = assert_readable(figure)
    texts = " ".join(box.text for box in boxes).replace("\n", " ")
    if gaps:
        name = "gap" if gaps == 1 else f"{gaps} gaps"
        assert f"{name}: {300 * gaps} samples lost (sequence counter)" in texts
    if windows and width_in > COLUMN_IN:
        assert "known to ±2.3 samples (±2.3 ms)" in texts
    assert "2.33453" not in texts


@pytest.mark.parametrize("width_in", EVERY_WIDTH)
@pytest.mark.parametrize(
    "power",
    [np.full(5000, np.nan), np.zeros(5000), np.full(5000, 0.02), np.full(5000, -0.02), np.full(1, 0.02),
     np.linspace(1e-9, 2e-9, 5000), np.full(5000, 1e30)],
    ids=["NaN", "zero", "constant", "negative", "one sample", "nanowatt", "huge"],
)  # fmt: skip
def test_strange_power_is_drawn_and_readable(width_in, power):
    run = measured(power, [100, 200, 300, 400] if len(power) > 500 else [])
    assert_readable(draw_recording(run, width_in=width_in))


def test_a_gap_breaks_the_line_and_is_explained():
    power, edges = duty(6000, 2)
    figure = draw_recording(
        measured(power, edges, [5, 5], [Gap(2900, 200, "pkt_index skip")]), width_in=PAGE_IN
    )
    mean, bounds, _ = steps(figure.axes[0], "mean power")
    hole = (bounds[:-1] >= 2.9) & (bounds[1:] <= 3.1)
    assert hole.sum() > 10
    assert np.isnan(mean[hole]).all()
    assert np.isfinite(mean[~hole]).sum() >= len(mean) - hole.sum() - 2


def test_gaps_of_unknown_length_are_counted_apart():
    power, edges = duty(6000, 2)
    gaps = [Gap(2900, 40, "overflow"), Gap(3000, None, "time base")]
    texts = [box.text for box in text_boxes(draw_recording(measured(power, edges, [5, 5], gaps)))]
    assert "2 gaps: 40 samples lost and an unknown number lost in 1 of them (overflow, time base)" in texts


def test_a_long_pause_between_windows_is_explained():
    edges = [1000, 2000, 2500, 3500, 8500, 9500, 10_000, 11_000]
    power = np.full(12_000, 0.01)
    note = " ".join(box.text for box in text_boxes(draw_recording(measured(power, edges, [1] * 4)))).replace(
        "\n", " "
    )
    assert "pause of 5.00 s (otherwise 500 ms) between windows 2 and 3: no edge and no gap in it" in note
    lost = measured(power, edges, [1] * 4, [Gap(6000, 70, "usb")])
    note = " ".join(box.text for box in text_boxes(draw_recording(lost))).replace("\n", " ")
    assert "between windows 2 and 3: gap: 70 samples lost (usb)" in note
    even = measured(power, [1000, 2000, 2500, 3500, 4000, 5000], [1] * 3)
    assert "pause" not in " ".join(box.text for box in text_boxes(draw_recording(even)))


def test_edges_of_windows_have_no_marker_and_others_have_one():
    power, edges = duty(60_000, 3)
    run = measured(power, edges, [4] * 3)
    axes = draw_recording(run).axes[0]
    assert not [line for line in axes.lines if line.get_marker() == "v"]
    more = measure_run(load(FOLDER))
    (marked,) = [line for line in draw_recording(more).axes[0].lines if line.get_marker() == "v"]
    inside = [(w.window.start_s, w.window.stop_s) for w in more.session.windows]
    times = marked.get_xdata()
    assert len(times) == 2
    assert not any(start - 0.01 <= at <= stop + 0.01 for at in times for start, stop in inside)


def test_many_windows_become_a_band_that_says_how_many():
    power, edges = duty(400_000, 4000)
    figure = draw_recording(measured(power, edges, [1] * 4000), width_in=COLUMN_IN)
    texts = [box.text for box in text_boxes(figure)]
    assert "4000 windows, close together" in texts
    few = [box.text for box in text_boxes(draw_recording(measured(*duty(400_000, 4), [1] * 4)))]
    assert "window" in few


def test_labels_of_windows_are_the_figures(demo):
    texts = [box.text for box in text_boxes(draw_recording(demo, width_in=PAGE_IN))]
    for row in demo.session.windows:
        assert f"{row.window.number}\n{row.joule_per_inference() * 1e6:.1f} µJ/inf" in texts


def test_the_title_names_the_rule_of_each_figure(demo):
    title = draw_recording(demo, width_in=SCREEN_IN).get_suptitle()
    assert "1430.63 µJ per inference (exact rule) at 22.9801 inf/s, median of 5 windows" in title
    assert "keyword spotting (kws01)" in title


def test_large_energies_are_in_millijoule():
    power, edges = duty(100_000, 5, busy_w=0.3)
    figure = draw_recording(measured(power, edges, [10] * 5), width_in=PAGE_IN)
    assert "300.0" in figure.get_suptitle() or "mJ per inference" in figure.get_suptitle()
    assert "µJ" not in figure.get_suptitle()


def test_panels_of_current_and_voltage_are_their_samples():
    count = 4000
    current = np.linspace(0.001, 0.002, count)
    voltage = 1.8 + 0.01 * np.sin(np.arange(count) / 50)
    trace = ArrayTrace(
        Signal(SampleKind.CURRENT_VOLTAGE, 1000.0, "float64"),
        (current, voltage),
        edges=[Edge(500.0), Edge(3500.0)],
    )
    assert quantities_of(trace.signal) == ("power", "current", "voltage")
    figure = draw_recording(
        of_trace(trace, [10]), width_in=PAGE_IN, panels=parse_panels("current, voltage,power")
    )
    assert [axes.get_ylabel() for axes in figure.axes] == ["current (mA)", "voltage (V)", "power (mW)"]
    for axes, values in zip(figure.axes, (current, voltage, current * voltage), strict=True):
        high, _, low = steps(axes, "lowest to highest")
        assert (low.min(), high.max()) == (pytest.approx(values.min()), pytest.approx(values.max()))
    assert [axes.get_xlabel() for axes in figure.axes] == ["", "", "time on the monitor's clock (s)"]
    assert_readable(figure)


def test_a_panel_that_the_recording_does_not_hold_is_an_error():
    run = measured(*duty(1000, 1), [3])
    with pytest.raises(UsageError, match="holds no current") as raised:
        draw_recording(run, panels=parse_panels("current"))
    assert raised.value.code == "usage.panel"
    for text in ("watts", "", ",", "power,watts"):
        with pytest.raises(UsageError) as raised:
            parse_panels(text)
        assert raised.value.code == "usage.panel"


@pytest.mark.parametrize("width_in", EVERY_WIDTH)
@pytest.mark.parametrize(("zoom", "at_s"), [("edge:2", 15.0), ("closing:2", 25.0), ("opening:1", 5.0)])
def test_an_enlarged_edge_shows_its_samples(zoom, at_s, width_in):
    edges = [5000, 10_000, 15_000, 25_000]
    power = np.random.default_rng(7).uniform(0.01, 0.02, 30_000)
    run = measured(power, edges, [10, 10], bound=1.0)
    figure = draw_recording(run, width_in=width_in, view=zoomed(run, zoom))
    values, bounds, _ = steps(figure.axes[0], "power")
    start = round(at_s * RATE_HZ) - 40
    np.testing.assert_allclose(values, power[start : start + 80], rtol=1e-12)
    np.testing.assert_allclose(bounds, (np.arange(81) - 40) / RATE_HZ, atol=1e-12)
    (edge,) = [line for line in figure.axes[0].lines if "edge" in str(line.get_label())]
    assert list(edge.get_xdata()) == [0.0, 0.0]
    assert figure.axes[0].get_xlabel().startswith("time from the ")
    assert_readable(figure)


def test_time_around_an_edge_can_be_given():
    run = measured(np.full(30_000, 0.01), [5000, 10_000], [10])
    view = zoomed(run, "edge:1", around_s=0.5)
    assert (view.first, view.stop) == (4500, 5500)


def test_a_single_inference_is_found_and_enlarged(demo):
    view = zoomed(demo, "inference:7", window=2)
    window = demo.session.windows[1].window
    period = 43.516
    assert view.zero == pytest.approx(window.opening.position + 6 * period, abs=2)
    assert view.stop - view.first == pytest.approx(period * 1.16, abs=3)
    figure = draw_recording(demo, view=view)
    assert "inference 7 of 240 in window 2" in figure.get_suptitle()
    assert_readable(figure)


@pytest.mark.parametrize(
    ("zoom", "code"),
    [("edge", "usage.zoom"), ("edge:0", "usage.window"), ("edge:6", "usage.window"),
     ("inference:0", "usage.inference"), ("inference:241", "usage.inference"), ("nothing:1", "usage.zoom"),
     ("window:99999999999", "usage.zoom")],
)  # fmt: skip
def test_what_cannot_be_enlarged_is_an_error(demo, zoom, code):
    with pytest.raises(UsageError) as raised:
        zoomed(demo, zoom)
    assert raised.value.code == code


def test_inferences_that_cannot_be_resolved_are_an_error():
    run = measured(np.full(30_000, 0.01), [5000, 10_000], [10])
    with pytest.raises(UsageError, match="cannot be resolved") as raised:
        zoomed(run, "inference:1")
    assert raised.value.code == "usage.inference"


def test_a_range_of_time_is_shown_and_a_wrong_one_is_an_error(demo):
    trace = demo.run.samples
    view = between(trace, 10.0, 10.5)
    assert (view.first, view.stop, view.zero) == (10_000, 10_500, 0.0)
    late = between(trace, 60.0, 60.01)
    assert (late.first, late.stop, late.zero) == (60_000, 60_010, 60_000.0)
    assert late.time == "time from 60 s"
    assert between(trace, None, 1.0).first == trace.first
    assert between(trace, 60.0, None).stop == trace.stop
    for start, stop in ((2.0, 1.0), (1.0, 1.0), (1e6, 2e6), (-5.0, -1.0), (float("nan"), 1.0)):
        with pytest.raises(UsageError) as raised:
            between(trace, start, stop)
        assert raised.value.code == "usage.span"
