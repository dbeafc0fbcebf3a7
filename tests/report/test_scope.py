"""The scope of a measurement stands in every table, picture, page and document of it."""

from __future__ import annotations

import json
import shutil

import pytest

import joulebench as jb
from energy.bench.benchfile import builtin_bench
from energy.bench.changes import change_bench
from energy.cli.layout import drawn
from energy.evidence.scope import Scope
from energy.evidence.setup import Setup
from energy.report.figures.trace import draw_recording
from energy.report.pages.validation import write_validation
from energy.report.session_list import as_csv, list_table
from energy.report.sessions import draw_over_latency, session_table
from energy.report.setups import with_scopes, with_setups
from energy.report.table import Table
from energy.report.tables import window_table
from energy.report.validation_rows import rows_of, table_of
from energy.validation.archive import list_sessions
from fixtures.make_recordings import FOLDER

TEXT = "core, flash; inference + post-processing"
STATED = Scope(feeds=("core", "flash"), post_processing=True)
OTHER = Scope(feeds=("core",))


@pytest.fixture(scope="module")
def sessions(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sessions")
    return jb.measure_all(bench(), ["ad01"], out=folder, progress=False)


def bench():
    return change_bench(builtin_bench("virtual"), {"scope": STATED.model_dump()})


def two_rows(*scopes):
    table = Table("Two", ["name", "number"], [["a", "1"], ["b", "2"]], [["median", "1.5"]], parts=([0, 1],))
    return with_scopes(table, [Setup(scope=scope) for scope in scopes])


def test_rows_of_the_same_scope_share_a_line():
    table = two_rows(STATED, STATED)
    assert list(table.notes) == [f"scope: {TEXT}"]
    assert table.columns == ["name", "number"]
    assert list(two_rows(None, None).notes) == ["scope not stated"]


def test_scopes_that_differ_are_told_apart_in_each_row():
    table = two_rows(STATED, OTHER)
    assert [row[-1] for row in table.rows] == ["a", "b"]
    assert list(table.notes) == [f"scope a: {TEXT}", "scope b: core; inference only"]
    assert table.footer == [["median", "1.5", ""]]
    assert list(table.parts) == [[0, 1, 2]]
    table = two_rows(None, OTHER)
    assert [row[-1] for row in table.rows] == ["not stated", "a"]
    assert list(table.notes) == ["scope a: core; inference only"]


def test_twenty_seven_scopes_have_a_mark_each():
    scopes = [replace_note(number) for number in range(28)]
    table = Table("Many", ["name"], [[str(number)] for number in range(28)])
    table = with_setups(table, [Setup(board="x", scope=scope) for scope in scopes])
    marks = [row[-1] for row in table.rows]
    assert len(set(marks)) == 28
    assert marks[25:] == ["z", "aa", "ab"]


def replace_note(number):
    parts = ("core", "memories", "flash", "pll", "regulator")
    feeds = tuple(part for bit, part in enumerate(parts) if (number + 1) >> bit & 1)
    return Scope(feeds=feeds)


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_it_is_below_each_table_at_every_width(sessions, width):
    (energy,) = [session for session in sessions if isinstance(session, jb.EnergySession)]
    measured = jb.integrate(energy, progress=False).measured
    listed = list_sessions(energy.folder.parent)
    report = jb.validate(energy.folder.parent, workers=1, progress=False).report
    for table in (
        session_table([session.outcome for session in sessions], []),
        window_table(measured),
        list_table(listed, energy.folder.parent),
        table_of(rows_of(report)),
    ):
        text = " ".join(line.text for line in drawn(table, width))
        assert f"scope: {TEXT}" in text, table.title
    assert TEXT in as_csv(listed)


def test_it_is_in_every_document_picture_and_page(sessions, tmp_path):
    (energy,) = [session for session in sessions if isinstance(session, jb.EnergySession)]
    for session in sessions:
        result = json.loads((session.folder / "result.json").read_text(encoding="utf-8"))
        assert Scope.model_validate(result["scope"]) == STATED == session.scope
        assert Scope.model_validate(session.to_json()["setup"]["scope"]) == STATED
        assert f"scope: {TEXT}" in session._repr_html_()
    figures = jb.integrate(energy, progress=False)
    assert figures.scope == STATED
    assert Scope.model_validate(figures.to_json()["setup"]["scope"]) == STATED
    assert f"scope: {TEXT}" in figures._repr_html_()
    assert f"scope: {TEXT}" in draw_recording(figures.measured, "t").get_supxlabel()
    picture = draw_over_latency([session.folder for session in sessions])
    assert f"scope: {TEXT}; published results: scope not stated" in picture.get_supxlabel().replace("\n", " ")
    report = jb.validate(energy.folder.parent, workers=1, progress=False).report
    write_validation(report, tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8").count(f"scope: {TEXT}") >= 2


def test_a_figure_of_different_scopes_names_the_scope_of_each(sessions, tmp_path):
    (energy,) = [session for session in sessions if isinstance(session, jb.EnergySession)]
    other = shutil.copytree(energy.folder, tmp_path / "other")
    document = json.loads((other / "session.json").read_text(encoding="utf-8"))
    document["bench"]["scope"] = OTHER.model_dump()
    document["dut"]["board"] = document["bench"]["dut"]["board"] = "another board"
    (other / "session.json").write_text(json.dumps(document), encoding="utf-8")
    text = draw_over_latency([energy.folder, other]).get_supxlabel().replace("\n", " ")
    assert f"NUCLEO-L4R5ZI: scope: {TEXT}" in text
    assert "another board: scope: core; inference only" in text


def test_a_recording_without_a_scope_reads_so():
    assert "scope not stated" in jb.integrate(FOLDER, progress=False)._repr_html_()


def test_a_recording_and_its_replay_state_the_scope(tmp_path):
    recorded = jb.record(bench(), windows=1, out=tmp_path / "a", progress=False)
    assert recorded.scope == STATED
    assert f"scope: {TEXT}" in recorded._repr_html_()
    again = jb.record(replay=recorded.folder, speed=float("inf"), out=tmp_path / "b", progress=False)
    assert again.scope == STATED
    assert jb.integrate(again, progress=False).scope == STATED
