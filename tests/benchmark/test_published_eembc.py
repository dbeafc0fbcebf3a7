"""Every window of every published EEMBC trace: recomputed, it has the digits that were printed."""

from __future__ import annotations

import pytest

from energy.window.rules import EnergyRule
from tests.benchmark.published import measured, printed, runs

TRACES = runs("**/energy/*-energy.bin")
EEMBC = EnergyRule.EEMBC
every_trace = pytest.mark.parametrize("path", TRACES)


@every_trace
def test_every_energy_is_the_printed_one(path):
    windows = measured(path).session.windows
    expected = printed(path, r"ulp-ml:   Energy  +: +([0-9.]+) uJ$")
    assert len(windows) == len(expected) == 5
    for figures, theirs in zip(windows, expected, strict=True):
        assert f"{figures.energy_j(EEMBC) * 1e6:.3f}" == theirs, f"window {figures.window.number}"


@every_trace
def test_every_power_is_the_printed_one(path):
    session = measured(path).session
    powers = [f"{figures.window.energies[EEMBC].power_w * 1e6:.3f}" for figures in session.windows]
    assert powers == printed(path, r"ulp-ml:   Power  +: +([0-9.]+) uW$")


@every_trace
def test_every_energy_per_inference_is_the_printed_one(path):
    session = measured(path).session
    costs = [f"{figures.joule_per_inference(EEMBC) * 1e6:.3f}" for figures in session.windows]
    assert costs == printed(path, r"ulp-ml:   Energy/Inf\. +: +([0-9.]+) uJ/inf\.$")


@every_trace
def test_every_runtime_and_throughput_is_the_printed_one(path):
    session = measured(path).session
    runtimes = [f"{figures.window.duration_s:.3f}" for figures in session.windows]
    throughputs = [f"{figures.inferences_per_second:.3f}" for figures in session.windows]
    assert runtimes == printed(path, r"ulp-ml:   Runtime  +: +([0-9.]+) sec\.$")
    assert throughputs == printed(path, r"ulp-ml:   Throughput  +: +([0-9.]+) inf\./sec\.$")


@every_trace
def test_both_medians_are_the_printed_ones(path):
    session = measured(path).session
    cost = f"{session.joule_per_inference(EEMBC).median * 1e6:.3f}"
    throughput = f"{session.inferences_per_second().median:.3f}"
    assert [cost] == printed(path, r"ulp-ml: Median energy cost is ([0-9.]+) uJ/inf\.$")
    assert [throughput] == printed(path, r"ulp-ml: Median throughput is ([0-9.]+) inf\./sec\.$")


@every_trace
def test_every_window_begins_and_ends_where_the_results_say(path):
    """To two decimals, which the runner's own header rounds either way where the third one is a 5."""
    places = printed(path, r"Energy data for window \d+ at time ([0-9.]+) for ([0-9.]+) sec")
    for figures, (start, duration) in zip(measured(path).session.windows, places, strict=True):
        assert figures.window.start_s == pytest.approx(float(start), abs=0.005001)
        assert figures.window.duration_s == pytest.approx(float(duration), abs=0.005001)


@every_trace
def test_the_exact_energy_lies_within_the_bounds_of_the_edges_of_the_runners(path):
    """Two ways to cut the same samples: they may differ by what the edges leave open, and no more."""
    for figures in measured(path).session.windows:
        apart = abs(figures.energy_j() - figures.energy_j(EEMBC))
        assert apart <= figures.window.bounds.position_j + figures.window.bounds.step_j


@every_trace
def test_a_published_trace_has_no_error_but_windows_that_are_too_short(path):
    codes = {finding.code for finding in measured(path).all_findings if finding.severity == "error"}
    assert codes <= {"window.too-short"}
    short = min(figures.window.duration_s for figures in measured(path).session.windows) < 10
    assert bool(codes) == short


def test_there_are_140_windows_in_28_traces():
    counts = [len(measured(parameter.values[0]).session.windows) for parameter in TRACES]
    assert (len(counts), sum(counts)) == (28, 140)
