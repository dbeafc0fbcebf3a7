"""Whole sessions through every monitor: lost samples, their neighbours, and the truth."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

import pytest

from energy.bench.benchfile import bench_of
from energy.recording.store import Recording
from energy.window.rules import EnergyRule
from tests.session.support import watcher

__all__ = ["watcher"]

PILOTS = 2


@dataclass(frozen=True)
class Kind:
    """A monitor in a session.

    Attributes:
        driver: Its driver.
        samples: How many are dropped.
        exact: Whether it numbers its samples, so that the count is right.
        settings: The driver's.
        monitor: More of the bench file's part.
        twin: The twin's settings.
        supply: What powers the DUT, where the monitor does not.
    """

    driver: str
    samples: int
    exact: bool = True
    settings: dict[str, Any] = field(default_factory=dict)
    monitor: dict[str, Any] = field(default_factory=dict)
    twin: dict[str, Any] = field(default_factory=dict)
    supply: str | None = None


KINDS = {
    "lpm01a": Kind("lpm01a", 100, False),
    "lpm01a-binary": Kind(
        "lpm01a", 1000, False, settings={"format": "bin_hexa"}, monitor={"rate_hz": 10_000.0}
    ),
    "keysight-n6705": Kind("keysight-n6705", 1500, False),
    "ppk2": Kind("ppk2", 50),  # its counter has 6 bits
    "joulescope": Kind("joulescope", 100_000, supply="scpi"),
    "keithley-2461": Kind("keithley-2461", 500),
    "keithley-2450": Kind("keithley-2450", 20),
}


def bench_for(kind: Kind, faults: list[Any]) -> Any:
    supply = {"supply": {"driver": kind.supply, "port": "virtual"}} if kind.supply else {}
    return bench_of(
        {
            **supply,
            "schema": "joulebench.bench/1",
            "scope": {"feeds": ["core"]},
            "name": "every",
            "virtual": {"settings": {**kind.twin, "faults": faults}},
            "dut": {"board": "NUCLEO-L4R5ZI", "voltage_v": 1.8},
            "limits": {"highest_v": 3.6, "highest_a": 0.05},
            "monitor": {"driver": kind.driver, "port": "virtual", "settings": kind.settings, **kind.monitor},
            "io_manager": {"driver": "uno", "port": "virtual"},
        },
        "every",
    )


@pytest.mark.parametrize("name", KINDS)
def test_lost_samples_spoil_their_own_trial_only_and_the_others_are_true(watcher, name):
    kind = KINDS[name]
    fault = ("dropped-samples", {"count": kind.samples, "infer": PILOTS + 1, "delay_s": 5.0})
    outcome = watcher.run(bench_for(kind, [fault]), "ad01")
    assert outcome.valid, outcome.findings
    (rejected,) = watcher.session["rejected"]
    assert rejected["trial"] == 2
    assert "window.samples-missing" in {finding["code"] for finding in rejected["findings"]}
    assert [trial["attempt"] for trial in watcher.session["trials"]] == [1, 2, 1, 1, 1]
    marks = watcher.edges_s()
    for trial in outcome.trials:
        window = trial.window
        truths = [
            watcher.truth_j(start, stop)
            for start, stop in itertools.pairwise(marks)
            if abs((stop - start) - window.duration_s) < 0.02
        ]
        assert truths
        bound = (window.bounds.step_j + window.bounds.position_j) + 1e-3 * truths[0]
        energy_j = window.energies[EnergyRule.EXACT].energy_j
        assert min(abs(energy_j - truth) for truth in truths) <= bound
    if kind.exact:
        counts = [gap.count for gap in Recording(outcome.folder).gaps if gap.count is not None]
        assert kind.samples in counts
    assert not watcher.states[-1]["supply_on"]


def test_a_pulse_of_one_microsecond_that_no_sample_saw_is_reported_with_the_sampling_period(watcher):
    fault = ("short-pulse", {"infer": PILOTS + 1, "which": "stop", "width_s": 1e-6})
    outcome = watcher.run(bench_for(KINDS["ppk2"], [fault]), "ad01")
    assert outcome.valid
    (rejected,) = watcher.session["rejected"]
    evidence = next(one["evidence"] for one in rejected["findings"] if one["code"] == "edge.count")
    assert "1 edges instead of 2" in evidence
    assert "samples every 0.01 ms" in evidence
    assert "missed" in evidence
