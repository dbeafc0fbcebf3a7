"""Trials that were repeated stand beside the figures, with their reasons, wherever these are shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import joulebench as jb
from tests.cli.test_cli import joulebench

FAULT = 'virtual.settings.faults=[["missing-edge", {infer = 4, which = "start"}]]'


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """What ``measure`` printed of a session in which an edge was lost once, and its folder."""
    out = tmp_path_factory.mktemp("runs")
    answer = joulebench("measure", "--workload", "ad01", "--mode", "energy", "--set", FAULT, "--out", out)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    (folder,) = out.iterdir()
    return answer.stdout, folder


@pytest.fixture(scope="module")
def reason(measured):
    """The attempt that the session rejected, as ``session.json`` has it."""
    (attempt,) = json.loads((measured[1] / "session.json").read_text(encoding="utf-8"))["rejected"]
    assert attempt["attempt"] == 1
    (finding,) = attempt["findings"]
    return (
        f"repeated: trial {attempt['trial']}, attempt 1: {finding['code']} ({finding['evidence']})",
        finding,
    )


def test_every_text_shows_the_reason(measured, reason, tmp_path):
    printed, folder = measured
    line, finding = reason
    assert line in printed
    (row,) = [text for text in printed.splitlines() if text.startswith("VIRTUAL ad01")]
    assert f"1: {finding['code']}" in row
    assert line in joulebench("integrate", folder).stdout
    assert line in joulebench("validate", folder, "--html", tmp_path / "p.html").stdout
    page = (tmp_path / "p.html").read_text(encoding="utf-8")
    assert line.split(" (")[0] in page
    assert f"1: {finding['code']}" in joulebench("sessions", folder.parent).stdout


def test_json_and_python_have_it_too(measured, reason):
    folder, finding = measured[1], reason[1]
    (trace,) = json.loads(joulebench("integrate", folder, "--json").stdout)["traces"]
    report = json.loads(joulebench("validate", folder, "--json").stdout)
    run = report["submissions"][0]["benchmarks"][0]["runs"][0]
    for rejected in (trace["rejected"], run["rejected"]):
        assert rejected[0]["reasons"] == [{"code": finding["code"], "evidence": finding["evidence"]}]
    figures = jb.integrate(folder)
    assert figures.rejected[0].reasons == ((finding["code"], finding["evidence"]),)
    assert finding["code"] in figures._repr_html_()
    assert finding["code"] in jb.plot(figures).get_suptitle()
    frame = jb.sessions(folder.parent).to_dataframe()
    assert list(frame["rejected"]) == [1]
    assert list(frame["rejected_for"]) == [finding["code"]]


def test_a_session_without_repeats_shows_none(tmp_path: Path):
    session = jb.measure("virtual", "ad01", out=tmp_path)
    assert session.rejected == ()
    assert "repeated:" not in joulebench("integrate", session.folder).stdout
    assert "repeated (" not in jb.plot(session).get_suptitle()
