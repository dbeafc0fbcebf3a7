"""What can burn a board, on every monitor and in every phase of a session: how long until the supply is off.

A cell plants one fault on a shipped virtual bench. The world notes when the fault began and when the supply
went off; neither is known to the session.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import drivers.virtual.faults
from drivers.virtual.world import NS
from energy.bench.benchfile import BenchFile, bench_of, read_bench
from energy.errors import BenchError
from tests.conftest import ROOT
from tests.session.support import Watcher, watcher

__all__ = ["watcher"]

BENCHES = (
    "lpm01a",
    "lpm01a-binary",
    "joulescope-js110",
    "joulescope-js220",
    "keysight-n6705",
    "keithley-2461",
    "keithley-2450",
    "ppk2-source",
    "ppk2-ampere",
)
PHASES: dict[str, dict[str, Any]] = {
    "boot": {"boot": True, "delay_s": 0.02},
    "pilot": {"infer": 0, "delay_s": 0.01},
    "between": {"loaded": 3, "delay_s": 0.001},
    "warm-up": {"asked": 4, "delay_s": 0.001},
    "trial": {"infer": 3, "delay_s": 2.0},
}


def planted(name: str, *faults: tuple[str, dict[str, Any]]) -> BenchFile:
    """A shipped bench with faults."""
    bench = read_bench(ROOT / "fixtures" / "benches" / f"{name}-virtual.toml").model_dump(
        by_alias=True, mode="json"
    )
    bench["virtual"]["settings"]["faults"] = [list(fault) for fault in faults]
    return bench_of(bench, name)


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch, watcher: Watcher) -> Iterator[list[float]]:
    """When each fault began, in virtual seconds."""
    times: list[float] = []
    when = drivers.virtual.faults._when

    def noted(bench: Any, params: Any, action: Any) -> None:
        def act() -> None:
            times.append(bench.world.now_ns / NS)
            action()

        when(bench, params, act)

    monkeypatch.setattr(drivers.virtual.faults, "_when", noted)
    yield times


def danger(watcher: Watcher, bench: BenchFile, begun: list[float]) -> tuple[BenchError, float]:
    """Runs a session that must fail; the error, and how long after the fault the supply went off."""
    with pytest.raises(BenchError) as caught:
        watcher.run(bench)
    supply = watcher.worlds[-1].world.supply
    assert begun, "the fault never began"
    assert not supply.on
    assert supply.off_at_ns is not None
    return caught.value, supply.off_at_ns / NS - begun[0]


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("name", BENCHES)
def test_a_current_above_the_limit_is_off_within_a_second(watcher, begun, name, phase):
    bench = planted(name, ("short-circuit", {**PHASES[phase], "current_a": 1.0}))
    error, took_s = danger(watcher, bench, begun)
    assert error.code == "bench.current"
    assert took_s < 1.0 + DELIVERY_S.get(name, 0.0)


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("name", BENCHES)
def test_an_unplugged_monitor_ends_the_session_at_once(watcher, begun, name, phase):
    bench = planted(name, ("unplugged-port", {**PHASES[phase], "port": "monitor", "powered": True}))
    try:
        error, took_s = danger(watcher, bench, begun)
    except AssertionError:
        assert watcher.worlds[-1].monitor.sources  # out of reach, and said so
        assert "supply.may-be-on" in watcher.session["error"].values()
        return
    assert error.code in ("link.unplugged", "visa.lost", "monitor.silent", "joulescope.lost")
    assert took_s < 1.0 + DELIVERY_S.get(name, 0.0)


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("name", BENCHES)
def test_a_stream_that_ends_is_noticed(watcher, begun, name, phase):
    bench = planted(name, ("silent-monitor", PHASES[phase]))
    error, took_s = danger(watcher, bench, begun)
    print(name, phase, error.code, took_s)


DELIVERY_S: dict[str, float] = {}
"""What an instrument's own delivery may take."""
