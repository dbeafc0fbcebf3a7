"""The bench files with real firmware: sessions on them, and their windows against the DUT's own clock."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tomllib

import pytest

import drivers.emulated.guest
from energy.bench.benchfile import bench_of, read_bench
from energy.benchmark.inputs import synthetic_inputs
from energy.benchmark.limits import WINDOWS
from energy.benchmark.workloads import WORKLOADS
from energy.session.outcome import Plan
from energy.session.run import run_session
from tests.conftest import ROOT
from tests.firmware.support import BUILD, make, needs

BENCHES = ROOT / "energy/bench/benches"
FOUR = ("ad01", "ic01", "kws01", "vww01")
LAP_S = 1e-6
"""How far a stamp of the IO manager may lie from its edge (firmware/io_manager/README.md)."""


@pytest.fixture
def full():
    needs("make", "gcc", "avr-gcc", "simavr", "arm-none-eabi-gcc", "qemu-system-arm")


@pytest.fixture
def own(monkeypatch):
    """Windows by the DUT's own clock, in s: what its firmware told, beside the session."""
    windows = []
    exchange = drivers.emulated.guest.Guest.exchange

    def spied(self, data):
        events = exchange(self, data)
        falls = [event.ticks for event in events if event.kind == "L"]
        if len(falls) == 2:
            windows.append((falls[1] - falls[0]) / self.tick_hz)
        return events

    monkeypatch.setattr(drivers.emulated.guest.Guest, "exchange", spied)
    return windows


def session(bench, workload, mode, folder):
    facts = WORKLOADS[workload]
    plan = Plan(bench, facts, mode, synthetic_inputs(facts, WINDOWS))
    outcome = run_session(plan, folder, lambda part, doing: None)
    return outcome, json.loads((folder / "session.json").read_text(encoding="utf-8"))


def laps_s(folder):
    """The IO manager's own times of the edges, out of the session's log."""
    log = (folder / "log.txt").read_text(encoding="utf-8")
    return [int(ticks) * 0.5e-6 for ticks in re.findall(r"m-lap-tk-(\d+)", log)]


@pytest.mark.parametrize("workload", FOUR)
def test_a_full_energy_session_runs_on_both_real_binaries_and_all_three_clocks_agree(
    full, own, tmp_path, workload
):
    bench = read_bench(BENCHES / "emulated-full.toml")
    outcome, record = session(bench, workload, "energy", tmp_path / "session")
    assert outcome.valid
    assert record["virtual"]
    assert record["io_manager"]["firmware"].startswith("m-version-[joulebench ")
    assert record["dut"]["name"] == "joulebench qemu-mps2-an386"
    image = (BUILD / f"dut/qemu-{workload}-energy.elf").read_bytes()
    assert record["dut"]["firmware_sha256"] == hashlib.sha256(image).hexdigest()
    assert not record["rejected"]
    measured = [trial["duration_s"] for trial in record["trials"]]
    assert len(measured) == 5
    laps = laps_s(tmp_path / "session")
    assert len(laps) == 1 + 2 * len(own)  # `timestamp`, pilots, trials
    timed = [stop - start for start, stop in zip(laps[1::2], laps[2::2], strict=True)]
    for one_s, io_s in zip(own, timed, strict=True):
        assert abs(io_s - one_s) <= 2 * LAP_S
    for one_s, window_s in zip(own[-5:], measured, strict=True):
        assert one_s > 10
        # Each edge lies in a sample of 1 ms, and the sample clock is up to 195 ppm fast (mlperf-tiny.md 3).
        assert abs(window_s - one_s) <= 2 / 1000 + 200e-6 * one_s


def test_edges_of_the_real_io_managers_clock_lie_within_their_stated_bound(full, own, tmp_path):
    document = tomllib.loads((BENCHES / "emulated-full.toml").read_text(encoding="utf-8"))
    document["monitor"] = {"driver": "keysight-n6705", "port": "virtual", "edges": "io"}
    document["virtual"]["settings"] |= {"uno_ppm": 1200.0}
    pytest.importorskip("pyvisa")
    outcome, record = session(bench_of(document, "io-edges"), "kws01", "energy", tmp_path / "session")
    assert outcome.valid
    (run,) = record["edges"]["runs"]
    bounds = run["position_bounds_s"]
    for trial, one_s in zip(record["trials"], own[-5:], strict=True):
        assert abs(trial["duration_s"] - one_s) <= sum(sorted(bounds)[-2:])
    assert max(bounds) < 0.1


@pytest.mark.parametrize("workload", FOUR)
def test_performance_mode_runs_on_the_qemu_dut_from_another_bench_file_alone(tmp_path, workload):
    needs("make", "arm-none-eabi-gcc", "qemu-system-arm")
    performance(tmp_path, "emulated-dut", workload)


def test_performance_mode_runs_on_the_posix_dut_from_another_bench_file_alone(tmp_path):
    needs("make", "gcc")
    for workload in FOUR:
        performance(tmp_path, "emulated-posix", workload)


def performance(folder, bench, workload):
    """A session by the program itself; its throughput is that of the DUT's printed microseconds."""
    path = BENCHES / f"{bench}.toml"
    arguments = ["--bench", path, "--workload", workload, "--mode", "performance", "--out", folder, "--json"]
    command = [sys.executable, "-m", "energy.cli.main", "measure", *map(str, arguments)]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    (one,) = json.loads(answer.stdout)["sessions"]
    log = (folder / one["folder"].rpartition("/")[2] / "log.txt").read_text(encoding="utf-8")
    said = re.findall(r"m-infer-start-(\d+)|m-lap-us-(\d+)", log)
    starts = [k for k, (iterations, _) in enumerate(said) if iterations]
    runs = [(int(said[k][0]), (int(said[k + 2][1]) - int(said[k + 1][1])) * 1e-6) for k in starts]
    rates = [iterations / run_s for iterations, run_s in runs if run_s >= 10]  # no pilot, nothing rejected
    assert len(rates) == 5
    assert one["inferences_per_second"]["median"] == pytest.approx(sorted(rates)[2], rel=1e-9)


def test_energy_and_performance_mode_take_the_same_time_per_inference(full, tmp_path):
    rates = {}
    for mode in ("performance", "energy"):
        bench = read_bench(BENCHES / "emulated-full.toml")
        outcome, _ = session(bench, "kws01", mode, tmp_path / mode)
        rates[mode] = outcome.throughput.median
    assert rates["energy"] == pytest.approx(rates["performance"], rel=2e-3)  # samples of 1 ms, 1 ms of hold


def test_the_real_io_manager_serves_a_session_with_a_twin_of_the_dut(tmp_path):
    needs("make", "gcc", "avr-gcc", "simavr")
    bench = read_bench(BENCHES / "emulated-iomanager.toml")
    outcome, record = session(bench, "ad01", "energy", tmp_path / "session")
    assert outcome.valid
    assert record["io_manager"]["details"]["capabilities"].startswith("lap-tk")


def test_made_up_weights_are_told_by_the_dut_and_by_the_result(tmp_path):
    needs("make", "gcc")
    place = {"DUT_BUILD": "build/made-up/dut", "MODELS_BUILD": "build/made-up/models", "TFLITE_kws01": ""}
    image = f"{place['DUT_BUILD']}/posix-kws01-performance"
    make(image, *(f"{name}={value}" for name, value in place.items()), "SEED=7")
    document = tomllib.loads((BENCHES / "emulated-posix.toml").read_text(encoding="utf-8"))
    document["virtual"]["settings"]["dut_settings"]["firmware"] = str(BUILD / "made-up")
    outcome, record = session(bench_of(document, "made-up"), "kws01", "performance", tmp_path / "session")
    assert record["dut"]["weights"] == "synthetic, seed 7"
    (finding,) = [one for one in outcome.findings if one.code == "dut.synthetic-weights"]
    assert "seed 7" in finding.evidence
