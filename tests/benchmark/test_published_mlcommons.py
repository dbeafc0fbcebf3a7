"""Every trial of every published results.json with power: recomputed, it has the digits that were printed."""

from __future__ import annotations

from fractions import Fraction

import pytest

from energy.window.rules import EnergyRule
from tests.benchmark.published import measured, name_of, printed, runs

RESULTS = runs("**/energy/results.json")
MLCOMMONS = EnergyRule.MLCOMMONS
every_run = pytest.mark.parametrize("path", RESULTS)

TIE = ("v1.3/NUCLEO_L4R5ZI-P/ad", 3, "160.426")
"""The one printed figure that does not follow: the trace's 352.9383 mJ over 2200 inferences is 160.4265 µJ,
a tie in the fourth decimal; the runner's sum fell below it, a correctly rounded one does not."""


@every_run
def test_every_energy_is_the_printed_one(path):
    windows = measured(path).session.windows
    expected = printed(path, r"^  Total Energy +: ([0-9.]+) uJ$")
    assert len(windows) == len(expected) == 5
    for figures, theirs in zip(windows, expected, strict=True):
        assert f"{figures.energy_j(MLCOMMONS) * 1e6:.3f}" == theirs, f"trial {figures.window.number - 1}"


@every_run
def test_every_power_is_the_printed_one(path):
    session = measured(path).session
    powers = [f"{figures.window.energies[MLCOMMONS].power_w * 1e3:.4f}" for figures in session.windows]
    assert powers == printed(path, r"^  Power +: ([0-9.]+) mW\.$")


@every_run
def test_every_energy_per_inference_is_the_printed_one_but_for_a_tie(path):
    session = measured(path).session
    for trial, (figures, theirs) in enumerate(
        zip(session.windows, printed(path, r"^  Energy/Inf +: ([0-9.]+) uJ/inf$"), strict=True)
    ):
        ours = f"{figures.joule_per_inference(MLCOMMONS) * 1e6:.3f}"
        if (name_of(path), trial, theirs) == TIE:
            continue  # asserted by itself below
        assert ours == theirs, f"trial {trial}"


def test_the_one_printed_figure_that_differs_lies_on_a_rounding_tie():
    found = [parameter.values[0] for parameter in RESULTS if parameter.id == TIE[0]]
    if not found:
        measured(None)
    figures = measured(found[0]).session.windows[TIE[1]]
    assert printed(found[0], r"^  Total Energy +: ([0-9.]+) uJ$")[TIE[1]] == "352938.300"
    assert figures.iterations == 2200
    assert Fraction("352938.300") / 2200 == Fraction("160.4265")
    assert figures.joule_per_inference(MLCOMMONS) * 1e6 == pytest.approx(160.4265, rel=1e-12)


@every_run
def test_every_elapsed_time_and_number_of_inferences_is_the_printed_one(path):
    session = measured(path).session
    times = [float(text) for text in printed(path, r"^  Elapsed time +: ([0-9.]+)$")]
    assert [figures.window.duration_s for figures in session.windows] == pytest.approx(times, rel=1e-14)
    counts = [str(figures.iterations) for figures in session.windows]
    assert counts == printed(path, r"^  Inferences +: ([0-9]+)$")


@every_run
def test_the_median_is_the_printed_one(path):
    median = measured(path).session.joule_per_inference(MLCOMMONS).median
    assert [f"{median * 1e6:.4f}"] == printed(path, r"^Median energy cost is ([0-9.]+) uJ/inf\.$")


@every_run
def test_a_published_run_is_sound(path):
    assert measured(path).sound


def test_there_are_45_trials_in_9_runs():
    counts = [len(measured(parameter.values[0]).session.windows) for parameter in RESULTS]
    assert (len(counts), sum(counts)) == (9, 45)
