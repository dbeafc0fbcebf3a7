"""Types that say what is there: benches by mode, windows of a result, delays and thermometers of monitors."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest
from pydantic import ValidationError

import energy
from energy.bench.assemble import EnergyBench, PerformanceBench, open_bench
from energy.bench.benchfile import bench_of
from energy.evidence.documents import MeasuredWindow, ResultRecord, TimedWindow
from tests.session.support import virtual, watcher

__all__ = ["watcher"]

ROOMS = ("session", "doctor", "bench", "evidence")
DELAYS_S = {
    ("lpm01a", 1000.0): 1.0,  # 1000 samples between two marks of time (protocols.md 3.6)
    ("lpm01a", 500.0): 2.0,
    ("keysight-n6705", None): 1.0,  # two fetches, one each half second
    ("keithley-2461", None): 0.0,
    ("keithley-2450", None): 0.0,
    ("ppk2", None): 0.0,
    ("joulescope", None): 0.0,
}


@pytest.mark.parametrize("room", ROOMS)
def test_no_assertion_only_soothes_the_type_checker(room):
    found = [
        f"{path.name}:{node.lineno}"
        for path in (Path(energy.__file__).parent / room).glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Assert)
    ]
    assert found == []


def test_a_bench_for_performance_has_no_monitor_and_one_for_energy_has():
    with open_bench(virtual(), "ad01", "performance", lambda line: None) as bench:
        assert type(bench) is PerformanceBench
        assert not hasattr(bench, "monitor")
        assert not hasattr(bench, "io_manager")
    with open_bench(virtual(), "ad01", "energy", lambda line: None) as bench:
        assert type(bench) is EnergyBench
        assert bench.supply is bench.monitor  # a source
        assert bench.monitor_part.driver == "lpm01a"
        assert bench.io_manager is not None


@pytest.mark.parametrize(("driver", "rate_hz"), DELAYS_S)
def test_a_monitor_says_itself_how_long_it_keeps_samples_back_and_how_warm_it_is(driver, rate_hz):
    from energy.session.prepare import setup_of

    document = virtual().model_dump(by_alias=True, exclude_none=True)
    document["dut"]["voltage_v"] = 3.0
    document["monitor"] = {"driver": driver, "port": "virtual"}
    if rate_hz:
        document["monitor"]["rate_hz"] = rate_hz
    if driver == "joulescope":
        document["supply"] = {"driver": "scpi", "port": "virtual"}
    with open_bench(bench_of(document, "test"), "ad01", "energy", lambda line: None) as bench:
        bench.monitor.identify()
        bench.monitor.configure(setup_of(bench))
        assert bench.monitor.delivery_delay_s == pytest.approx(DELAYS_S[driver, rate_hz])
        assert bench.monitor.temperature_c() == (28.0 if driver == "lpm01a" else None)


@pytest.mark.parametrize(("mode", "kind"), [("energy", MeasuredWindow), ("performance", TimedWindow)])
def test_a_results_windows_are_typed_and_their_json_is_that_of_the_figures(watcher, mode, kind):
    outcome = watcher.run(virtual(), mode=mode)
    text = (outcome.folder / "result.json").read_text(encoding="utf-8")
    record = ResultRecord.model_validate_json(text)
    assert [type(window) for window in record.windows] == [kind] * 5
    document = json.loads(text)
    assert json.loads(json.dumps(record.model_dump(by_alias=True, mode="json"))) == document
    if outcome.figures is not None:
        assert document["windows"] == [window.to_json() for window in outcome.figures.windows]
        assert document["session"] == outcome.figures.to_json()
    else:
        assert [window["iterations"] / window["window_s"] for window in document["windows"]] == [
            window["inferences_per_second"] for window in document["windows"]
        ]
    document["windows"][0]["energy"] = 1.0
    with pytest.raises(ValidationError):
        ResultRecord.model_validate(document)


def test_a_finding_of_a_result_keeps_what_it_has_and_adds_nothing():
    from energy.evidence.documents import FindingRecord
    from energy.findings import Finding

    for finding in (
        Finding("window.too-short", "3 s", 2),
        Finding("spread.large", "x", path="a", lines=(3, 4), time_s=(0.5, 1.0)),
    ):
        record = FindingRecord.model_validate(finding.to_json())
        assert json.loads(record.model_dump_json()) == finding.to_json()
