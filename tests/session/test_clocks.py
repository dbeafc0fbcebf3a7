"""A sample clock that runs wrong, on every monitor: within its tolerance stated, beyond it an error."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

import pytest

from energy.bench.benchfile import bench_of
from energy.errors import BenchError
from energy.session.record import run_record
from energy.session.recorded import RecordPlan
from tests.session.support import shorten_windows, watcher

__all__ = ["watcher"]

DRIFTS = (0.0, 0.002, -0.002, 0.01, -0.01, 0.1, -0.1)


@dataclass(frozen=True)
class Kind:
    """A monitor in a session.

    Attributes:
        driver: Its driver.
        settings: The driver's.
        twin: The twin's.
        rate_hz: The bench file's.
        supply: What powers the DUT, where the monitor does not.
        named: Codes by which its driver names the clock before the session can compare.
    """

    driver: str
    settings: dict[str, Any] = field(default_factory=dict[str, Any])
    twin: dict[str, Any] = field(default_factory=dict[str, Any])
    rate_hz: float | None = None
    supply: str | None = None
    named: tuple[str, ...] = ()


KINDS = {
    "lpm01a": Kind("lpm01a"),
    "lpm01a-binary": Kind("lpm01a", {"format": "bin_hexa"}, rate_hz=10_000.0),
    "js110": Kind("joulescope", twin={"model": "js110"}, supply="scpi"),
    "js220": Kind("joulescope", supply="scpi"),
    "n6705": Kind("keysight-n6705", named=("n6705.time-base",)),
    "2461": Kind("keithley-2461"),
    "2450": Kind("keithley-2450"),
    "ppk2-source": Kind("ppk2"),
    "ppk2-ampere": Kind("ppk2", {"mode": "ampere"}, supply="scpi"),
}
SLOW = ("js110", "js220")
"""Millions of samples a second: two drifts are enough of those."""


def bench_for(kind: Kind, drift: float, io_manager: str = "uno", **settings: Any) -> Any:
    document: dict[str, Any] = {
        "schema": "joulebench.bench/1",
        "scope": {"feeds": ["core"]},
        "name": "clocks",
        "virtual": {"settings": {**kind.twin, "ppm": drift * 1e6, **settings}},
        "dut": {"board": "NUCLEO-L4R5ZI", "voltage_v": 1.8},
        "limits": {"highest_v": 3.6, "highest_a": 0.05},
        "monitor": {"driver": kind.driver, "port": "virtual", "settings": kind.settings},
        "io_manager": {"driver": io_manager, "port": "virtual"},
    }
    if kind.rate_hz:
        document["monitor"]["rate_hz"] = kind.rate_hz
    if kind.supply:
        document["supply"] = {"driver": kind.supply, "port": "virtual"}
    return bench_of(document, "clocks")


def by_host(session):
    """What the session's record says of the monitor's clock by the host's, the surest first."""
    rows = [row for row in session["clocks"] if (row["clock"], row["by"]) == ("monitor", "host")]
    return sorted(rows, key=lambda row: row["uncertainty"])


def cases():
    for name in KINDS:
        for drift in DRIFTS:
            if name not in SLOW or drift in (0.0, 0.002, -0.1):
                yield name, drift


@pytest.mark.parametrize(("name", "drift"), list(cases()))
def test_a_drift_is_measured_and_beyond_the_tolerance_an_error_that_names_clock_and_factor(
    watcher, monkeypatch, name, drift
):
    kind = KINDS[name]
    if name in SLOW:
        shorten_windows(monkeypatch, 4.0)
    outcome, error = None, None
    try:
        outcome = watcher.run(bench_for(kind, drift), "ad01")
    except BenchError as raised:
        error = raised
    if error is not None:
        assert drift
        assert error.code in ("clock.rate", *kind.named), error
        said = error.message
        if error.code != "clock.rate":
            assert "its clock runs fast by a factor of 1.0" in said
            return
    else:
        assert outcome is not None
        found = {finding.code: finding.evidence for finding in outcome.findings}
        assert outcome.valid == (drift == 0), found
        assert ("clock.rate" in found) == (drift != 0), found
        assert "clock.host" not in found
        assert "clock.io-rate" not in found
        said = found.get("clock.rate", "")
    rows = by_host(watcher.session)
    assert rows
    for row in rows:
        assert abs(row["factor"] - (1 + drift)) <= row["uncertainty"], row
    assert rows[0]["uncertainty"] < 1e-3
    assert rows[0]["verdict"] in (("beyond",) if drift else ("within", "undecided"))
    if drift:
        way = "fast" if drift > 0 else "slow"
        assert re.search(rf"runs [\d.]+% {way} by the host's clock", said)
        assert "sample clock of the" in said
        factor, uncertainty = map(float, re.findall(r"a factor of ([\d.]+) ± ([\d.]+)", said)[0])
        assert abs(factor - (1 + drift)) <= uncertainty
        assert "agrees with the host's" in said


@pytest.mark.parametrize(("drift", "code"), [(0.0, None), (0.01, "clock.rate"), (-0.1, "clock.rate")])
def test_a_gated_monitor_is_compared_by_the_dut_s_lines_where_nobody_times_the_edges(watcher, drift, code):
    outcome = watcher.run(bench_for(KINDS["2461"], drift, io_manager="interface-board"), "ad01")
    assert [finding.code for finding in outcome.findings if finding.code.startswith("clock.")] == (
        [code] if code else []
    )
    (row,) = by_host(watcher.session)
    assert row["how"] == "windows by the DUT's lines"
    assert abs(row["factor"] - (1 + drift)) <= row["uncertainty"] < 0.005
    if code:
        evidence = next(one.evidence for one in outcome.findings if one.code == code)
        assert "there is no third clock to find which of the two is wrong" in evidence


def test_where_monitor_and_io_manager_agree_the_host_s_clock_is_the_wrong_one(watcher):
    """Both run 10 % fast by the host's clock: as if that one ran slow."""
    outcome = watcher.run(bench_for(KINDS["2461"], 0.1, uno_ppm=1e5), "ad01")
    found = {finding.code: finding.evidence for finding in outcome.findings}
    assert not outcome.valid
    assert "clock.rate" not in found
    assert "agree with each other" in found["clock.host"]


def test_an_io_manager_beyond_its_tolerance_is_reported_and_the_monitor_is_not_blamed(watcher):
    outcome = watcher.run(bench_for(KINDS["ppk2-source"], 0.0, uno_ppm=2e4), "ad01")
    found = {finding.code: finding.evidence for finding in outcome.findings}
    assert outcome.valid
    assert set(found) == {"clock.io-rate", "voltage.assumed"}
    assert "the IO manager's clock runs 2.00% fast" in found["clock.io-rate"]


def test_an_io_manager_within_its_tolerance_says_nothing(watcher):
    outcome = watcher.run(bench_for(KINDS["lpm01a"], 0.0, uno_ppm=-4500.0), "ad01")
    assert outcome.valid
    assert not outcome.findings
    (io,) = [row for row in watcher.session["clocks"] if row["clock"] == "io"]
    assert abs(io["factor"] - (1 - 0.0045)) <= io["uncertainty"]
    assert io["verdict"] == "within"


def test_an_error_that_has_nothing_to_do_with_the_clock_stays_the_error(watcher):
    """The DUT hangs; that its monitor's clock is wrong as well is added."""
    fault = ("silent-dut", {"infer": 3, "delay_s": 5.0})
    with pytest.raises(BenchError) as caught:
        watcher.run(bench_for(KINDS["lpm01a"], 0.1, faults=[fault]), "ad01")
    assert caught.value.code.startswith("dut.")
    assert "clock.rate" in [other.code for other in caught.value.also]


@pytest.mark.parametrize("drift", [0.0, 0.02, -0.1])
@pytest.mark.parametrize("name", ["lpm01a", "ppk2-source", "2450"])
def test_record_compares_the_stream_with_the_host_s_clock(tmp_path, name, drift):
    plan = RecordPlan(bench_for(KINDS[name], drift), seconds=60.0)
    result = run_record(plan, tmp_path / "record", lambda window: None, lambda seconds: None)
    found = [finding.code for finding in result.findings if finding.code.startswith("clock.")]
    assert ("clock.rate" in found) == (drift != 0)
    assert drift or not found
    session = json.loads((tmp_path / "record" / "session.json").read_text(encoding="utf-8"))
    row = by_host(session)[0]
    assert abs(row["factor"] - (1 + drift)) <= row["uncertainty"] < 0.01  # a busy host scatters the marks


def test_an_io_manager_s_clock_that_makes_trials_invalid_is_named_as_their_cause(watcher):
    """Edges that the IO manager times fall beside the samples if its clock is wrong."""
    with pytest.raises(BenchError) as caught:
        watcher.run(bench_for(KINDS["n6705"], 0.0, uno_ppm=1e5), "kws01")
    assert caught.value.code == "clock.io-rate"
    assert "runs 10.00% fast" in caught.value.message
    assert [other.code for other in caught.value.also] == ["trial.never-valid"]
