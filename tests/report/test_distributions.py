"""Histograms, spectra and overlays: their numbers beside closed forms, and nothing in them collides."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.patches import StepPatch
from scipy.signal import welch

from energy.errors import UsageError
from energy.report.figures.histogram import bins_of, draw_histogram, energies_of
from energy.report.figures.overlay import draw_overlay
from energy.report.figures.spectrum import draw_spectrum, spectrum_of
from energy.report.figures.style import COLUMN_IN, PAGE_IN
from energy.report.figures.view import between
from energy.report.spectrum import segment_length, spectrum
from energy.runs.measured import load, measure_run
from energy.signal import Gap
from fixtures.make_recordings import ENERGY_J, FOLDER
from tests.report.boxes import assert_readable, text_boxes
from tests.report.traces import EVERY_WIDTH, RATE_HZ, duty, measured


@pytest.fixture(scope="module")
def demo():
    return measure_run(load(FOLDER))


def noise(count: int, deviation: float = 1e-3) -> np.ndarray:
    return 0.02 + deviation * np.random.default_rng(5).standard_normal(count)


def test_white_noise_has_twice_its_variance_over_the_rate_at_every_frequency():
    found = spectrum(measured(noise(400_000)).run.samples, [(0, 400_000)], 512)
    assert found.density_w2_per_hz[2:-1].mean() == pytest.approx(2 * 1e-6 / RATE_HZ, rel=0.01)
    total_w2 = found.density_w2_per_hz.sum() * found.resolution_hz
    assert total_w2 == pytest.approx(1e-6, rel=0.01)  # Parseval: the variance
    assert found.left_out < 512


def test_a_sine_has_half_its_amplitude_squared_at_its_frequency():
    time_s = np.arange(200_000) / RATE_HZ
    found = spectrum(
        measured(0.02 + 3e-3 * np.sin(2 * np.pi * 125.0 * time_s)).run.samples, [(0, 200_000)], 1000
    )
    near = np.abs(found.frequency_hz - 125.0) < 5
    assert found.frequency_hz[found.density_w2_per_hz.argmax()] == 125.0
    assert found.density_w2_per_hz[near].sum() * found.resolution_hz == pytest.approx(3e-3**2 / 2, rel=1e-3)


def test_a_recording_without_a_gap_has_scipys_spectrum_whatever_its_length():
    power = noise(3_000_000)  # more than one piece of 2^20 samples
    found = spectrum(measured(power).run.samples, [(0, len(power))], 4096)
    frequency_hz, density = welch(power, RATE_HZ, "hann", 4096, 2048)
    np.testing.assert_allclose(found.frequency_hz, frequency_hz)
    np.testing.assert_allclose(found.density_w2_per_hz, density, rtol=1e-9)
    assert found.segments == (len(power) - 2048) // 2048


def test_gaps_and_bad_samples_end_a_segment():
    power = noise(100_000)
    power[50_000] = np.nan
    trace = measured(power, gaps=[Gap(20_000, 5000, "lost")]).run.samples
    found = spectrum(trace, [(0, len(power))], 1000)
    runs = [power[:20_000], power[25_000:50_000], power[50_001:]]
    counts = [(len(run) - 500) // 500 for run in runs]
    densities = [welch(run, RATE_HZ, "hann", 1000, 500)[1] for run in runs]
    np.testing.assert_allclose(
        found.density_w2_per_hz, np.average(densities, axis=0, weights=counts), rtol=1e-9
    )
    assert found.segments == sum(counts)
    assert found.left_out == len(power) - sum(500 + 500 * count for count in counts)
    with pytest.raises(UsageError) as raised:
        spectrum(trace, [(0, len(power))], 60_000)
    assert raised.value.code == "usage.spectrum"


def test_the_resolution_decides_on_the_length_of_a_segment():
    assert segment_length(1000.0, 10_000, 2.0) == 500
    assert segment_length(1000.0, 100_000) == 4096
    for resolution_hz in (1000.0, 0.01):
        with pytest.raises(UsageError) as raised:
            segment_length(1000.0, 10_000, resolution_hz)
        assert raised.value.code == "usage.resolution"


@pytest.mark.parametrize("width_in", EVERY_WIDTH)
def test_the_figure_of_a_spectrum_has_its_numbers(demo, width_in):
    figure = draw_spectrum(demo, width_in=width_in)
    found, part = spectrum_of(demo)
    assert part == "inside 5 windows"
    line = figure.axes[0].lines[0]
    drawn = dict(zip(line.get_xdata().tolist(), line.get_ydata().tolist(), strict=True))
    for frequency_hz, density in zip(found.frequency_hz[1:], found.density_w2_per_hz[1:], strict=True):
        assert drawn[frequency_hz] == pytest.approx(density**0.5, rel=1e-12)
    texts = " ".join(box.text for box in assert_readable(figure))
    assert "inferences: 22.98 Hz" in texts
    assert "W/√Hz" in texts


def test_a_part_and_strange_power_have_a_spectrum_or_an_error(demo):
    view = between(demo.run.samples, 5.0, 9.0)
    assert spectrum_of(demo, view=view)[1] == "5 s to 9 s"
    assert_readable(draw_spectrum(measured(np.full(5000, 0.02)), width_in=COLUMN_IN))
    for power in (np.full(5000, np.nan), np.full(1, 0.02)):
        with pytest.raises(UsageError) as raised:
            draw_spectrum(measured(power))
        assert raised.value.code == "usage.spectrum"


@pytest.mark.parametrize("width_in", EVERY_WIDTH)
def test_a_histogram_of_inferences_counts_each_once(demo, width_in):
    figure = draw_histogram(demo, width_in=width_in)
    texts = " ".join(box.text for box in assert_readable(figure)).replace("\n", " ")
    assert "1200 inferences" in texts
    heights = sum(patch.get_height() for bars in figure.axes[0].containers for patch in bars.patches)
    assert heights == 5 * 240
    assert energies_of(demo).values_j.mean() == pytest.approx(float(ENERGY_J), rel=1e-3)
    assert "µJ" in figure.axes[0].get_xlabel()


def test_a_histogram_of_windows_is_of_their_energies():
    power, edges = duty(30_000, 5)
    run = measured(power, edges, [10, 10, 10, 10, 10])
    energies = energies_of(run, "windows")
    assert energies.values_j.tolist() == [row.joule_per_inference() for row in run.session.windows]
    assert energies_of(run).of == "windows"
    assert "cannot be resolved" in energies_of(run).note
    assert energies_of(run, "windows", 2).values_j.tolist() == [run.session.windows[1].joule_per_inference()]
    assert_readable(draw_histogram(run, width_in=COLUMN_IN))
    with pytest.raises(UsageError) as raised:
        energies_of(run, "inferences")
    assert raised.value.code == "usage.inference"
    with pytest.raises(UsageError) as raised:
        energies_of(measured(power))
    assert raised.value.code == "usage.window"


@pytest.mark.parametrize(
    "values",
    [[1e-3], [1e-3] * 5, [0.0, 0.0], np.geomspace(1e-9, 1.0, 4000).tolist(), [-1.0, 1.0], [1.0, 1.0 + 1e-15]],
)
def test_every_energy_is_in_a_bin_and_the_bins_are_few(values):
    edges = bins_of(np.array(values))
    assert np.histogram(values, edges)[0].sum() == len(values)
    assert 2 <= len(edges) <= 61


@pytest.mark.parametrize("width_in", EVERY_WIDTH)
@pytest.mark.parametrize("closing", [False, True])
def test_an_overlay_has_the_edge_of_each_at_time_0(width_in, closing):
    one = measured(*duty(40_000, 2), [10, 10], bound=1.0)
    two = measured(*duty(60_000, 2, busy_w=0.03), [10, 10])
    figure = draw_overlay([one, two], width_in=width_in, window=2, closing=closing, around_s=0.5)
    texts = " ".join(box.text for box in assert_readable(figure)).replace("\n", " ")
    patches = [patch for patch in figure.axes[0].patches if isinstance(patch, StepPatch)]
    lines = [patch for patch in patches if not patch.get_fill()]
    assert len(lines) == 2
    for line, run, busy_w in zip(lines, (one, two), (0.04, 0.03), strict=True):
        values, edges, _ = line.get_data()
        before, after = values[edges[1:] <= 1e-9], values[edges[:-1] >= -1e-9]
        inside, outside = (before, after) if closing else (after, before)
        assert (inside.mean(), outside.mean()) == (
            pytest.approx(busy_w, rel=0.01),
            pytest.approx(0.01, rel=0.01),
        )
        assert f"{run.session.joule_per_inference().median * 1e3:.4f} mJ per inference" in texts
    assert "aligned on edges known to ±1.0 ms" in texts


def test_an_overlay_needs_two_recordings_that_have_the_window():
    run = measured(*duty(40_000, 2), [10, 10])
    for several, window, code in (
        ([run], 1, "usage.overlay"),
        ([run] * 8, 1, "usage.overlay"),
        ([run, run], 3, "usage.window"),
    ):
        with pytest.raises(UsageError) as raised:
            draw_overlay(several, window=window, width_in=PAGE_IN)
        assert raised.value.code == code


def test_an_overlay_of_whole_windows_reaches_over_the_longest():
    figure = draw_overlay([measured(*duty(40_000, 2), [10, 10]), measured(*duty(60_000, 2), [10, 10])])
    assert figure.axes[0].get_xlim() == (pytest.approx(-0.75), pytest.approx(15.75))
    assert text_boxes(figure)
