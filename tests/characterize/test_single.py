"""Single inferences, found from the signal alone: counts and energies of the world and published traces."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from drivers.virtual.boards import load_board
from energy.bench.benchfile import load_bench
from energy.bench.changes import change_bench
from energy.characterize.periodicity import find_period
from energy.characterize.single import SingleInferences, single_inferences
from energy.recording.store import Recording
from energy.runs.named import find_all, make_options, measure_all
from energy.session.record import run_record
from energy.session.record_plan import make_record_plan
from energy.session.recorded import Recorded
from tests.conftest import shared_folder

INFERENCES = 60
PERIODS = 200


def recorded(folder: Path, board: str, bench: str) -> Recorded:
    """Two windows of kws01 on a virtual board, measured on a shipped bench."""
    voltage_v = load_board(board).voltage_v  # with another, its clock may be too fast, and it hangs
    file = change_bench(load_bench(bench), {"dut.board": board, "dut.voltage_v": voltage_v})
    plan = make_record_plan(file, windows=2, iterations=INFERENCES)
    return run_record(plan, folder / "recording", lambda figures: None, lambda seconds: None)


def inferences_of(result: Recorded) -> list[SingleInferences]:
    source = Recording(result.folder)
    return [single_inferences(source, row.window) for row in result.windows]


@pytest.mark.parametrize("board", ["GAP9", "NUCLEO-H7A3ZI-Q", "NUCLEO-U575ZI-Q"])
def test_count_and_energy_are_those_of_the_world(tmp_path: Path, board: str) -> None:
    truth = load_board(board).workloads["kws01"]
    result = recorded(tmp_path, board, "ppk2-source-virtual")
    counts = [row.iterations for row in result.windows]
    for found, count in zip(inferences_of(result), counts, strict=True):
        assert found.count == count, found.text()
        assert found.period_s == pytest.approx(1 / truth.throughput_ips, rel=2e-3)
        assert found.mean_j == pytest.approx(truth.energy_j, rel=5e-3)
        assert found.power_w.mean() * found.period_s == pytest.approx(found.mean_j, rel=5e-3)
        assert (found.low_w <= found.power_w).all()
        assert (found.power_w <= found.high_w).all()


def test_a_rate_that_is_too_low_shows_no_single_inferences(tmp_path: Path) -> None:
    (first, *_) = inferences_of(recorded(tmp_path, "GAP9", "lpm01a-virtual"))
    assert not first.resolved
    assert "cannot be resolved" in first.text()


@pytest.mark.parametrize("seed", range(8))
def test_noise_has_no_period(seed: int) -> None:
    rng = np.random.default_rng(seed)
    assert find_period(1.0 + 0.05 * rng.standard_normal(20_000)).period is None


def test_flat_samples_have_no_period() -> None:
    assert find_period(np.full(10_000, 0.02)).reason == "flat"


@pytest.mark.parametrize("seed", range(16))
def test_a_pattern_faster_than_the_samples_is_never_given_a_period(seed: int) -> None:
    """Samples that average 0.6 to 3 periods of a pattern with a peak of up to three times its mean."""
    rng = np.random.default_rng(seed)
    per_sample, levels = rng.uniform(0.6, 3.0), rng.uniform(0.4, 1.0, 12)
    levels[rng.integers(12)] = rng.uniform(1.0, 3.0) * levels.mean()
    borders = np.arange(10_001) * per_sample
    whole, rest = np.divmod(borders, 1.0)
    inside = np.interp(rest, np.linspace(0, 1, 13), np.concatenate([[0.0], np.cumsum(levels) / 12]))
    samples = np.diff(whole * levels.mean() + inside) / per_sample
    samples *= 1.0 + 1e-4 * rng.standard_normal(len(samples))
    assert find_period(samples).period is None


@pytest.mark.parametrize("period", [23.7, 180.5, 603.0])
def test_the_period_of_a_pattern_is_found_among_noise(period: float) -> None:
    rng = np.random.default_rng(7)
    phase = np.arange(round(period * PERIODS)) / period % 1.0
    samples = np.where(phase < 0.3, 1.3, np.where(phase < 0.55, 0.7, 1.0)) + 0.01 * rng.standard_normal(
        len(phase)
    )
    assert find_period(samples).period == pytest.approx(period, rel=0.1 / PERIODS)


def test_published_traces_are_counted_right_or_left_undecided() -> None:
    result = measure_all(
        find_all([shared_folder("published")]), make_options(None, None, 50.0, None, None), lambda *_: None
    )
    verdicts = {"right": 0, "wrong": 0, "undecided": 0}
    for measured in result.measured:
        for row in measured.windows:
            if row.in_trace is None or row.iterations is None:
                continue
            found = single_inferences(measured.run.samples, row.in_trace)
            right = found.count == row.iterations
            verdicts["right" if right else "wrong" if found.resolved else "undecided"] += 1
            if right:
                assert found.mean_j == pytest.approx(row.joule_per_inference, rel=5e-3)
    assert verdicts["wrong"] == 0
    assert verdicts["right"] >= 60
