"""The uncertainty statement in a session's folder: integrate and validate compute it again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import joulebench as jb
from drivers.virtual.boards import load_board
from energy.uncertainty.of_run import stated_differs, statement_of
from energy.uncertainty.stated import FIGURES
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session in energy mode with an idle stretch, so that every figure has a budget."""
    bench = jb.load_bench(ROOT / "fixtures/benches/lpm01a-virtual.toml", {"dut.idle_s": 1.0})
    out = tmp_path_factory.mktemp("sessions")
    return jb.measure(bench, "ad01", mode="energy", out=out, progress=False).folder


def test_the_statement_follows_from_the_recording(session: Path) -> None:
    measured = jb.integrate(session, progress=False).measured
    stated = statement_of(measured).stated
    assert stated is not None
    assert measured.run.result is not None
    assert stated.net_joule_per_inference is not None
    assert list(stated_differs(measured.run.result, stated)) == []


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize("key", ["value", "standard_uncertainty", "coverage_factor", "expanded_uncertainty"])
def test_a_figure_that_was_changed_is_found(session: Path, figure: str, key: str) -> None:
    measured = jb.integrate(session, progress=False).measured
    stated = statement_of(measured).stated
    result = json.loads((session / "result.json").read_text(encoding="utf-8"))
    result["uncertainty"][figure][key] *= 0.99
    assert stated is not None
    assert measured.run.result is not None
    changed = measured.run.result.model_copy(update={"uncertainty": result["uncertainty"]})
    (found,) = stated_differs(changed, stated)
    assert found.code == "result.differs"
    assert f"uncertainty.{figure}.{key}" in found.evidence


@pytest.mark.parametrize("wrong", [None, "x", 3, [], {}, {"value": True}])
def test_a_budget_that_is_none_is_found(session: Path, wrong: object) -> None:
    measured = jb.integrate(session, progress=False).measured
    stated = statement_of(measured).stated
    assert stated is not None
    assert measured.run.result is not None
    changed = measured.run.result.model_copy(update={"uncertainty": {**stated.to_json(), "power_w": wrong}})
    assert {finding.code for finding in stated_differs(changed, stated)} == {"result.differs"}


def test_energy_above_idle_is_the_worlds_within_its_uncertainty(session: Path) -> None:
    board = load_board("NUCLEO-L4R5ZI")
    truth = board.workloads["ad01"]
    net_j = truth.energy_j - board.idle_w / truth.throughput_ips
    stated = statement_of(jb.integrate(session, progress=False).measured).stated
    assert stated is not None
    budget = stated.net_joule_per_inference
    assert budget is not None
    assert budget.value == pytest.approx(net_j, rel=2e-3)  # a twin without errors: edges and clock only
    assert budget.expanded > stated.joule_per_inference.expanded * net_j / truth.energy_j
