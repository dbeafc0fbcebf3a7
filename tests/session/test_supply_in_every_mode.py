"""A supply beside the monitor powers the DUT in every mode, and is watched and switched off in each."""

from __future__ import annotations

import pytest

from energy.benchmark.validation_set import synthetic_set
from energy.benchmark.workloads import WORKLOADS
from energy.errors import EXIT_SUPPLY_ON, BenchError
from energy.session.accuracy_run import AccuracyPlan, run_accuracy
from tests.session.dangers import planted
from tests.session.support import Watcher, watcher

__all__ = ["watcher"]

WITH_SUPPLY = ("joulescope-js110", "joulescope-js220", "ppk2-ampere")


def run(watcher: Watcher, name: str, mode: str, *faults):
    bench = planted(name, *faults)
    if mode == "performance":
        return watcher.run(bench, mode="performance")
    validation = synthetic_set(WORKLOADS["kws01"], 20)
    return run_accuracy(AccuracyPlan(bench, validation), watcher.folder / "session", lambda part, doing: None)


@pytest.mark.parametrize("mode", ["performance", "accuracy"])
@pytest.mark.parametrize("name", WITH_SUPPLY)
def test_the_supply_gives_the_voltage_that_was_asked_for_and_is_off_at_the_end(watcher, name, mode):
    run(watcher, name, mode)
    supply = watcher.worlds[-1].world.supply
    assert supply.on_at_ns is not None
    assert supply.voltage_v == pytest.approx(1.8)
    assert not supply.on


@pytest.mark.parametrize("mode", ["performance", "accuracy"])
@pytest.mark.parametrize(
    ("fault", "params", "code"),
    [
        ("short-circuit", {}, "bench.current"),
        ("lost-supply", {}, "scpi.output-off"),
        ("unplugged-port", {"port": "supply"}, "visa.lost"),
        ("silent-supply", {}, "visa.silent"),
    ],
)
def test_what_goes_wrong_is_noticed_without_a_monitor(watcher, mode, fault, params, code):
    with pytest.raises(BenchError) as caught:
        run(watcher, "joulescope-js220", mode, (fault, {**params, "asked": 2, "delay_s": 0.05}))
    assert caught.value.code == code
    world = watcher.worlds[-1].world
    if code.startswith("visa."):  # out of reach: then it is said
        assert caught.value.worst_status == EXIT_SUPPLY_ON
        assert world.supply.on
    else:
        assert not world.supply.on
