"""Streams that lose samples all the time: the loss is named soon, and no wire of edges is blamed."""

from __future__ import annotations

import re
import time

import pytest

from energy.benchmark.workloads import WORKLOADS
from energy.doctor.examination import Examination
from energy.errors import BenchError
from tests.session.dangers import planted
from tests.session.support import Watcher, watcher

__all__ = ["watcher"]

LOSSES = [
    ("ppk2-source", 833, 5000),
    ("ppk2-source", 840, 5000),  # whole turns of its counter: only the host's clock shows them
    ("ppk2-source", 2500, 5000),
    ("ppk2-ampere", 300, 5000),
    ("joulescope-js220", 8000, 50_000),
    ("joulescope-js110", 20_000, 100_000),
    ("lpm01a", 20, 100),
    ("keysight-n6705", 500, 3000),
    ("keithley-2450", 5, 10),
]
NAMES = ("samples.gap", "monitor.time-base", "n6705.time-base", "k2450.trial")
"""The last two are those drivers' own words for it: they see it before anybody asks for an edge."""
BOUND_S = 30.0
"""Of this process's own time: without a limit a doctor took minutes."""


@pytest.mark.parametrize(("bench", "keep", "of"), LOSSES)
def test_the_doctor_ends_soon_and_names_the_lost_samples(tmp_path, bench, keep, of):
    begun_s = time.process_time()
    file = planted(bench, ("losing-host", {"keep": keep, "of": of}))
    report = Examination(file, WORKLOADS["kws01"], tmp_path, write_s=0.01).run()
    assert report.remarks
    assert report.remarks[0].code in NAMES
    assert not any(remark.code.startswith("timestamp.") for remark in report.remarks)
    assert time.process_time() - begun_s < BOUND_S


@pytest.mark.parametrize(("bench", "keep", "of"), LOSSES)
def test_a_session_names_the_lost_samples(watcher: Watcher, bench, keep, of):
    begun_s = time.process_time()
    with pytest.raises(BenchError) as caught:
        watcher.run(planted(bench, ("losing-host", {"keep": keep, "of": of})), "kws01")
    error = caught.value
    assert re.search("sample|record|readings", error.message)
    assert error.code in (*NAMES, "clock.rate", "trial.never-valid")
    if error.code in ("clock.rate", "trial.never-valid"):
        assert "lost" in error.message or "samples-missing" in error.message
    assert not error.code.startswith("edge.")
    assert not watcher.worlds[-1].world.supply.on
    assert time.process_time() - begun_s < BOUND_S
