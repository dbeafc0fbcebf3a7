"""Sessions of four workloads in three modes, packaged once for all tests of packages."""

from __future__ import annotations

from pathlib import Path

import pytest

import energy.benchmark.validation_set as validation_set
from drivers.dut.driver import SerialDut
from energy.bench.benchfile import bench_of
from energy.benchmark.inputs import synthetic_inputs
from energy.benchmark.workloads import WORKLOADS
from energy.report.figures.official import draw_energy_run
from energy.session.accuracy_run import AccuracyPlan, run_accuracy
from energy.session.outcome import Plan
from energy.session.run import run_session
from energy.submission.package import Request, package

BENCHMARKS = {"ad": "ad01", "ic": "ic01", "kws": "kws01", "vww": "vww01"}
MODES = ("accuracy", "performance", "energy")
FORM = {
    "Status": "Available",
    "Processor(s) Name": "Cortex-M4",
    "Software Libraries": "none",
    "Operating System ": "bare metal",
    "Quantization Method": "int8",
}
SMALL = {"ad01": 2, "ic01": 20, "kws01": 24, "vww01": 2}
"""Files of the sets of these tests: the full ones take minutes."""


def bench(rate_hz: float = 1000.0):
    """The DUT at a port of its own and a monitor that sees its edges: the quickest there is."""
    return bench_of(
        {
            "schema": "joulebench.bench/1",
            "scope": {"feeds": ["core"]},
            "name": "package",
            "virtual": {"settings": {"baud_model": False, "baud": 115200}},
            "dut": {"board": "NUCLEO-L4R5ZI", "voltage_v": 1.8},
            "limits": {"highest_v": 3.3, "highest_a": 0.05},
            "monitor": {"driver": "lpm01a", "port": "virtual", "rate_hz": rate_hz},
        },
        "package",
    )


def ignore(part, doing):
    """Shows no progress."""


def trials(folder: Path, workload: str, mode, rate_hz: float = 1000.0) -> Path:
    facts = WORKLOADS[workload]
    run_session(Plan(bench(rate_hz), facts, mode, synthetic_inputs(facts, 5)), folder, ignore)
    return folder


@pytest.fixture(scope="module")
def measured(tmp_path_factory) -> Path:
    """Four workloads in three modes."""
    root = tmp_path_factory.mktemp("measured")
    with pytest.MonkeyPatch.context() as patch:
        # What is loaded does not matter here: the twin knows an input by the mark at its beginning.
        patch.setattr(SerialDut, "load", lambda self, data, load=SerialDut.load: load(self, data[:8]))
        patch.setattr(validation_set, "FULL_SET", SMALL)
        patch.setattr(validation_set, "_ANOMALY_FILE", 2560 + 512)
        for workload in BENCHMARKS.values():
            plan = AccuracyPlan(bench(), validation_set.synthetic_set(WORKLOADS[workload]))
            outcome = run_accuracy(plan, root / f"{workload}-accuracy", ignore)
            assert outcome.valid, outcome.findings
            for mode in ("performance", "energy"):
                trials(root / f"{workload}-{mode}", workload, mode)
    return root


@pytest.fixture(scope="module")
def packed(measured, tmp_path_factory):
    """A package of all of them, with pictures."""
    out = tmp_path_factory.mktemp("packed") / "out"
    return package(request(measured, out), draw_energy_run)


def request(sessions: Path, out: Path, **changes) -> Request:
    arguments = {"form": FORM, "allow_virtual": True, **changes}
    return Request([sessions], out, "closed", "Me", "Board", **arguments)
