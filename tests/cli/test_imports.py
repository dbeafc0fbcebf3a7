"""Files of the monitors' own programs on the command line and through the door."""

from __future__ import annotations

import json

import pytest

import joulebench as jb
from energy.cli.main import main
from tests.recording.test_imports import VOLTAGE_V, WINDOW_J, frames, ppk2_file

GIVEN = ["--voltage", str(VOLTAGE_V), "--marker-line", "D4"]


@pytest.fixture
def capture(tmp_path):
    return ppk2_file(tmp_path / "capture.ppk2", frames(4))


def figures(capsys, *arguments) -> dict:
    main([*map(str, arguments), "--json"])
    return json.loads(capsys.readouterr().out)


def test_integrate_measures_a_capture_and_asks_for_what_it_does_not_say(capture, capsys):
    (trace,) = figures(capsys, "integrate", capture, *GIVEN)["traces"]
    (window,) = trace["windows"]
    assert window["energies"]["exact"]["energy_j"] == pytest.approx(WINDOW_J, rel=1e-6)
    (failure,) = figures(capsys, "integrate", capture)["failed"]
    assert failure["code"] == "import.voltage"
    assert "--voltage" in failure["hint"]


def test_record_plays_a_capture(capture, tmp_path, capsys):
    out = tmp_path / "sessions"
    played = figures(capsys, "record", "--replay", capture, "--speed", "inf", "--out", out, *GIVEN)
    (window,) = played["windows"]
    assert window["energies"]["exact"]["energy_j"] == pytest.approx(WINDOW_J, rel=1e-6)


def test_plot_and_export_take_a_capture(capture, tmp_path, capsys):
    picture, table = tmp_path / "capture.png", tmp_path / "capture.csv"
    assert main(["plot", str(capture), "--out", str(picture), *GIVEN]) == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert main(["export", str(capture), str(table), *GIVEN]) == 0
    assert jb.integrate(table, progress=False).energy_j.median == pytest.approx(WINDOW_J, rel=1e-6)


def test_the_door_opens_a_capture(capture):
    figures = jb.integrate(capture, voltage_v=VOLTAGE_V, marker_line="D4", progress=False)
    assert figures.energy_j.median == pytest.approx(WINDOW_J, rel=1e-6)
    with pytest.raises(jb.JoulebenchError) as caught:
        jb.integrate(figures, voltage_v=5.0)
    assert caught.value.code == "usage.given"


def test_validate_says_that_a_capture_is_no_submission_without_a_temporary_name(capture, capsys):
    assert main(["validate", str(capture)]) != 0
    answer = capsys.readouterr()
    said = answer.out + answer.err
    assert "nRF Connect Power Profiler" in said
    assert "archive.foreign" in said
    assert "joulebench-" not in said


def test_a_voltage_for_a_recording_that_holds_its_own_is_refused(capsys):
    (failure,) = figures(capsys, "integrate", "fixtures/recordings/kws01-closed-form", *GIVEN)["failed"]
    assert failure["code"] == "usage.given"
