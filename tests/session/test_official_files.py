"""The official files of a session: every monitor's say what the session says, or are not left there."""

from __future__ import annotations

import json
import math
import shutil
import statistics
from pathlib import Path

import numpy as np
import pytest

import energy.benchmark.validation_set as validation_set
import energy.session.outcome
from energy.bench.benchfile import read_bench
from energy.benchmark.inputs import synthetic_inputs
from energy.benchmark.workloads import WORKLOADS
from energy.cli.package import run as run_package
from energy.recording.store import Recording
from energy.runs.results_json import read_results_json
from energy.runs.results_text import read_results_text
from energy.session.accuracy_run import AccuracyPlan, run_accuracy
from energy.session.outcome import Plan
from energy.session.run import run_session
from energy.submission.package import package
from energy.validation.run import validate
from tests.benchmark.packaging import SMALL, bench, request
from tests.conftest import ROOT
from tests.session.support import shorten_windows, virtual, watcher

__all__ = ["watcher"]

assert run_package  # the verb is tried in test_package.py
BENCHES = sorted(path.name for path in (ROOT / "energy/bench/benches").glob("*-virtual.toml"))
SLOW = {"keithley-2450-virtual.toml"}
"""Some 50 samples a second: nothing is known of a single millisecond."""


def ignore(part, doing):
    """Shows no progress."""


def session(folder: Path, file, mode="energy"):
    facts = WORKLOADS["ad01"]
    return run_session(Plan(file, facts, mode, synthetic_inputs(facts, 5)), folder, ignore)


@pytest.fixture(scope="module")
def others(tmp_path_factory) -> Path:
    """What a package needs beside an energy session."""
    root = tmp_path_factory.mktemp("others")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(validation_set, "FULL_SET", SMALL)
        patch.setattr(validation_set, "_ANOMALY_FILE", 2560 + 512)
        plan = AccuracyPlan(bench(), validation_set.synthetic_set(WORKLOADS["ad01"]))
        assert run_accuracy(plan, root / "accuracy", ignore).valid
    session(root / "performance", bench(), "performance")
    return root


def energy_between(recording: Recording, start: float, stop: float) -> float:
    """Each sample's energy times the part of it that lies between two positions of edges: J."""
    signal = recording.signal
    total = 0.0
    for block in recording.read(math.floor(start) - 2, math.ceil(stop) + 3):
        begins = np.arange(block.first, block.stop) + signal.coverage_offset
        part = np.clip(np.minimum(begins + 1, stop) - np.maximum(begins, start), 0, 1)
        power = np.prod([column.astype(np.float64) for column in block.columns], axis=0)
        total += float(np.dot(power, part))
    return total * signal.joule_per_unit


def half(text: str) -> float:
    """Half a unit of a printed figure's last digit, and rounding."""
    return 0.5000001 * 10.0 ** -len(text.partition(".")[2])


@pytest.mark.drivers
@pytest.mark.parametrize("name", BENCHES)
def test_every_monitor_s_official_files_state_the_session_s_figures_and_a_package_validates(
    name, others, tmp_path, monkeypatch
):
    if name.startswith("joulescope"):
        shorten_windows(monkeypatch, 3.0)
    folder = shutil.copytree(others, tmp_path / "sessions") / "energy"
    outcome = session(folder, read_bench(ROOT / "energy/bench/benches" / name))
    assert outcome.valid
    codes = {finding.code for finding in outcome.findings}
    if name in SLOW:
        assert "session.no-official-files" in codes
        assert not (folder / "mlperf").exists()
        refused = package(request(tmp_path / "sessions", tmp_path / "out"), lambda *_: None).refused
        assert [problem.code for problem in refused] == ["package.rate"]
        return
    assert codes <= {"voltage.assumed"}  # by a PPK2 that feeds the DUT itself
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    trials = json.loads((folder / "session.json").read_text(encoding="utf-8"))["trials"]
    printed = read_results_text(folder / "mlperf/results.txt")
    entries = read_results_json(folder / "mlperf/results.json").trials
    recording, costs = Recording(folder), []
    for window, ours, trial, entry in zip(printed.windows, result["windows"], trials, entries, strict=True):
        truth_j = energy_between(recording, trial["opening"], trial["closing"])
        exact = ours["energies"]["exact"]
        assert exact["energy_j"] == pytest.approx(truth_j, rel=1e-9)
        costs.append(truth_j / trial["iterations"] * 1e6)
        for figure, value in (
            (window.energy_uj, truth_j * 1e6),
            (window.per_inference_uj, costs[-1]),
            (window.per_inference_uj, exact["joule_per_inference"] * 1e6),
        ):
            assert abs(figure.number - value) <= half(figure.text), (figure, value)
        assert window.iterations.number == entry.iterations == trial["iterations"]
        late_s = window.duration_s.number - ours["window_s"]
        assert -1e-9 <= late_s < 1e-3 + 1e-9
        least = exact["power_w"] * ours["window_s"] / (ours["window_s"] + 1e-3) * 1e3
        assert least - half(window.power.text) <= window.power.number
        assert window.power.number <= exact["power_w"] * 1e3 + half(window.power.text)
    for median in (
        statistics.median(costs),
        result["session"]["joule_per_inference"]["exact"]["median"] * 1e6,
    ):
        assert abs(printed.median_energy_uj.number - median) <= half(printed.median_energy_uj.text)
    check_bins(folder, recording, trials)

    answer = package(
        request(tmp_path / "sessions", tmp_path / "out"),
        lambda *_: None,
        lambda tree: validate([tree], workers=1).all_findings,
    )
    assert answer.written, answer.refused
    assert validate([answer.root], workers=1).sound


def check_bins(folder: Path, recording: Recording, trials) -> None:
    """A bin is the energy of its millisecond, the last of a window of what is left; null is unknown."""
    per_bin = recording.signal.rate_hz / 1e3
    for trial, entry in zip(trials, json.loads((folder / "mlperf/results.json").read_text()), strict=True):
        bins, (opening, closing) = entry["power"]["samples"], (i for _, i in entry["power"]["timestamps"])
        assert None not in bins[opening:closing]
        for index in (opening - 1, opening, opening + 1, (opening + closing) // 2, closing - 2):
            start = trial["opening"] + (index - opening) * per_bin
            if bins[index] is not None:
                truth = energy_between(recording, start, start + per_bin)
                assert bins[index] == pytest.approx(truth, rel=1e-6, abs=1e-15)
        start = trial["opening"] + (closing - 1 - opening) * per_bin
        assert start < trial["closing"] <= start + per_bin * (1 + 1e-9)
        last = energy_between(recording, start, trial["closing"])
        assert bins[closing - 1] == pytest.approx(last, rel=1e-6, abs=1e-15)
        if bins[closing] is not None:
            after = energy_between(recording, trial["closing"], trial["closing"] + per_bin)
            assert bins[closing] == pytest.approx(after, rel=1e-6, abs=1e-15)


def replaced(old: str, new: str):
    return lambda text: text.replace(old, new) if old in text else pytest.fail(f"no {old}")


def without(line: str):
    return lambda text: "\n".join(one for one in text.split("\n") if not one.startswith(line))


def halved(text: str) -> str:
    entries = json.loads(text)
    power = entries[3]["power"]
    power["samples"][power["timestamps"][0][1] + 5] /= 2
    return json.dumps(entries)


def median_of(text: str, word: str, new: str) -> str:
    lines = [
        one if word not in one else f"{one.partition(word)[0]}{word} {new} uJ/inf."
        for one in text.split("\n")
    ]
    return "\n".join(lines)


DAMAGES = {
    "median zero": ("energy", "results.txt", lambda t: median_of(t, "Median energy cost is", "0.0000")),
    "median nan": ("energy", "results.txt", lambda t: median_of(t, "Median energy cost is", "nan")),
    "no median": ("energy", "results.txt", without("Median energy")),
    "no results": ("energy", "results.txt", lambda text: ""),
    "half a bin": ("energy", "results.json", halved),
    "not json": ("energy", "results.json", lambda text: text[:-1]),
    "log": ("energy", "log.txt", replaced("1/19", "1/18")),
    "throughput": (
        "performance",
        "results.txt",
        replaced("Median throughput is    190", "Median throughput is    191"),
    ),
    "elapsed": ("performance", "results.json", replaced('"elapsed_time": 10', '"elapsed_time": 11')),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_files_that_do_not_say_what_the_session_says_are_not_left_there(watcher, monkeypatch, damage):
    mode, name, change = DAMAGES[damage]
    written = energy.session.outcome.write_mlperf

    def damaged(folder, *args, **kwargs):
        answer = written(folder, *args, **kwargs)
        path = folder / name
        path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
        return answer

    monkeypatch.setattr(energy.session.outcome, "write_mlperf", damaged)
    outcome = watcher.run(virtual(baud_model=False), "ad01", mode)
    assert [finding.code for finding in outcome.findings] == ["session.official-files-differ"]
    assert outcome.valid  # its own figures are not in doubt
    assert not (outcome.folder / "mlperf").exists()
    result = json.loads((outcome.folder / "result.json").read_text(encoding="utf-8"))
    assert [finding["code"] for finding in result["findings"]] == ["session.official-files-differ"]
