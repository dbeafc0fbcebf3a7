"""The recording that is shipped: it is what its program makes, and its energies are the known ones."""

from __future__ import annotations

import json

import numpy as np
import pytest
from matplotlib.image import imread

import joulebench as jb
from energy.recording.store import Recording
from energy.runs.measured import load, measure_run
from fixtures import make_figures, make_recordings


@pytest.fixture(scope="module")
def shipped():
    return measure_run(load(make_recordings.FOLDER))


def test_the_shipped_recording_is_what_its_program_makes(tmp_path):
    make_recordings.make(tmp_path / "made")
    made, shipped = Recording(tmp_path / "made"), Recording(make_recordings.FOLDER)
    assert (made.signal, made.edges, made.gaps, made.virtual, made.about) == (
        shipped.signal,
        shipped.edges,
        shipped.gaps,
        shipped.virtual,
        shipped.about,
    )
    for ours, theirs in zip(made.read(0, made.stop), shipped.read(0, shipped.stop), strict=True):
        np.testing.assert_array_equal(ours.columns[0], theirs.columns[0])
    for name in ("session.json", "truth.json"):
        assert (tmp_path / "made" / name).read_bytes() == (make_recordings.FOLDER / name).read_bytes()


def test_each_window_has_its_known_energy_within_the_stated_bound(shipped):
    truth = json.loads((make_recordings.FOLDER / "truth.json").read_text())
    assert len(shipped.session.windows) == len(truth["energy_j"]) == 5
    for figures, energy_j, window_s in zip(
        shipped.session.windows, truth["energy_j"], truth["window_s"], strict=True
    ):
        rounding = 2**-24 * energy_j  # the samples are float32
        bound = figures.window.bounds.step_j
        assert abs(figures.energy_j() - energy_j) <= bound + rounding
        assert 0 < bound < 1e-4 * energy_j
        assert figures.window.duration_s == pytest.approx(window_s, rel=1e-12)


def test_it_says_that_it_is_virtual_and_that_samples_were_lost(shipped):
    assert shipped.run.virtual
    assert shipped.sound
    assert {finding.code for finding in shipped.all_findings} == {"samples.gap", "timestamps.unused"}


def test_its_parameters_are_the_published_ones(published):
    table = (published.parent / "published_results.csv").read_text(encoding="utf-8").splitlines()
    columns = table[0].split(",")
    rows = [dict(zip(columns, line.split(","), strict=False)) for line in table[1:]]
    row = next(
        r
        for r in rows
        if r["round"] == "v1.3" and r["system"] == "NUCLEO_L4R5ZI-P" and r["benchmark"] == "kws"
    )
    assert float(row["energy_uj_per_inf"]) == pytest.approx(float(make_recordings.ENERGY_J) * 1e6, rel=1e-5)
    # The table has the throughput of performance mode; energy mode was 0.2 % slower (its trace: 22.98 inf/s).
    assert 1 / float(make_recordings.INFERENCE_S) == pytest.approx(float(row["throughput_ips"]), rel=3e-3)


@pytest.mark.parametrize("name", make_figures.FIGURES)
def test_a_figure_of_the_documentation_is_what_its_program_makes(name, tmp_path):
    jb.plot(make_recordings.FOLDER, tmp_path / name, **make_figures.FIGURES[name])
    made, shown = imread(tmp_path / name), imread(make_figures.IMAGES / name)
    assert made.shape == shown.shape
    assert np.abs(made - shown).mean() < 0.01  # another version of a font renderer moves pixels
    page = (make_figures.IMAGES.parent / "how-to" / "figures-for-print.md").read_text("utf-8")
    assert f"../images/{name}" in page
