"""``--keep``: what a session gives up once its figures and files are made, and what is said of it later."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from energy.benchmark.inputs import synthetic_inputs
from energy.benchmark.workloads import WORKLOADS
from energy.errors import RecordingError, UsageError
from energy.recording.keep import Keep, Storage
from energy.recording.store import Recording
from energy.runs.measured import load, measure_run
from energy.session.outcome import Outcome, Plan
from energy.session.record import run_record
from energy.session.recorded import Recorded, RecordPlan
from energy.session.recover import recover
from energy.session.run import run_session
from energy.submission.package_session import OFFICIAL_FILES
from energy.validation.sessions import session_report
from tests.session.support import virtual
from tests.soak.hour import run_hour


def measured(folder: Path, storage: Storage) -> Outcome:
    facts = WORKLOADS["kws01"]
    plan = Plan(virtual(), facts, "energy", synthetic_inputs(facts, 5), storage=storage)
    return run_session(plan, folder, lambda part, doing: None)


def recorded(folder: Path, storage: Storage) -> Recorded:
    plan = RecordPlan(virtual(autorun=(40, 3.0)), windows=3, iterations=40, leading=1, storage=storage)
    return run_record(plan, folder, lambda figures: None, lambda seconds: None)


def codes(folder: Path) -> set[str]:
    (run,) = session_report(folder, folder).folders[0].runs
    return {finding.code for finding in run.findings}


@pytest.fixture(scope="module")
def sessions(tmp_path_factory) -> dict[Keep, Outcome]:
    """A session of each kind; the virtual bench gives all of them the same samples."""
    root = tmp_path_factory.mktemp("kept")
    return {keep: measured(root / keep.value, Storage(keep)) for keep in Keep}


def test_a_session_that_keeps_windows_states_and_recomputes_the_same(sessions):
    whole, kept = sessions[Keep.FULL], sessions[Keep.WINDOWS]
    assert kept.valid
    recording = Recording(kept.folder)
    assert recording.keep is Keep.WINDOWS
    assert 50_000 < recording.count < Recording(whole.folder).count
    again = measure_run(load(kept.folder))
    assert [row.to_json() for row in again.session.windows] == [row.to_json() for row in kept.figures.windows]
    assert "result.differs" not in {finding.code for finding in again.all_findings}
    assert not any(finding.severity == "error" for finding in again.all_findings)


@pytest.mark.parametrize("keep", [Keep.WINDOWS, Keep.LEVELS])
def test_the_official_files_are_those_of_all_samples(sessions, keep):
    """The idle bins between two trials as well, whose samples are not kept."""
    folder = sessions[keep].folder / "mlperf"
    assert sorted(file.name for file in folder.iterdir()) == sorted(OFFICIAL_FILES)
    for trial in json.loads((folder / "results.json").read_text(encoding="utf-8")):
        bins = trial["power"]["samples"]
        assert sum(value is None for value in bins) <= 1
        assert len(bins) > 10_000


def test_validate_says_of_levels_what_cannot_be_computed_again(sessions):
    with pytest.raises(RecordingError) as raised:
        load(sessions[Keep.LEVELS].folder)
    assert raised.value.code == "recording.levels-only"
    levels = codes(sessions[Keep.LEVELS].folder)
    assert "recording.reduced" in levels
    assert "file.damaged" not in levels
    assert "recording.reduced" in codes(sessions[Keep.WINDOWS].folder)
    assert "recording.reduced" not in codes(sessions[Keep.FULL].folder)
    document = json.loads((sessions[Keep.LEVELS].folder / "result.json").read_text(encoding="utf-8"))
    assert len(document["windows"]) == 5


def test_the_manifest_holds_the_files_as_they_are_left(sessions):
    for outcome in sessions.values():
        assert not any(code.startswith("manifest.") for code in codes(outcome.folder))


@pytest.mark.parametrize("rolling", [True, False])
@pytest.mark.parametrize("keep", [Keep.WINDOWS, Keep.LEVELS])
def test_a_recording_states_the_windows_of_all_samples(tmp_path, keep, rolling):
    whole = recorded(tmp_path / "whole", Storage())
    kept = recorded(tmp_path / "kept", Storage(keep, rolling=rolling, file_bytes=1000))
    assert [row.to_json() for row in kept.windows] == [row.to_json() for row in whole.windows]
    assert kept.pauses_w == pytest.approx(whole.pauses_w, rel=1e-12)
    assert {finding.code for finding in kept.findings} == {finding.code for finding in whole.findings}
    recording = Recording(tmp_path / "kept")
    assert recording.keep is keep
    assert recording.stop == Recording(tmp_path / "whole").stop


def test_a_budget_is_refused_before_the_supply_is_on(tmp_path):
    storage = Storage(budget=1_000_000, seconds=1e5)
    with pytest.raises(UsageError) as raised:
        recorded(tmp_path / "r", storage)
    assert raised.value.code == "disk.budget"
    log = (tmp_path / "r" / "log.txt").read_text(encoding="utf-8")
    assert "pwr on" not in log


def test_a_budget_that_is_reached_ends_the_recording_with_what_came(tmp_path):
    hour = run_hour(tmp_path / "r", Keep.FULL, 40, budget=250_000_000, patience_s=5.0)
    assert hour.ended == "disk.budget-reached"
    assert hour.left <= 250_000_000 + 4 * 8_000_000  # what was in the queue, here up to 4 s, is recorded
    document = json.loads((tmp_path / "r" / "session.json").read_text(encoding="utf-8"))
    assert document["state"] == "failed"
    assert document["error"]["code"] == "disk.budget-reached"
    assert len(document["windows"]) == 1
    assert Recording(tmp_path / "r").count * 8 > 200_000_000


def test_levels_fit_into_a_budget_that_all_samples_do_not(tmp_path):
    hour = run_hour(tmp_path / "r", Keep.LEVELS, 40, budget=250_000_000, file_bytes=16 << 20)
    assert hour.ended == "replay"
    assert hour.wrong == hour.day.wrong == []
    assert 0 < hour.disk < 250_000_000 < hour.full
    assert hour.left < 1_000_000


def test_after_a_kill_the_figures_whose_samples_were_given_up_are_left(tmp_path, monkeypatch):
    """The recording ends as a kill ends it: nothing is concluded."""

    class Killed(BaseException):
        pass

    def die(log):
        log.folder._lines.close()
        log.folder._text.close()
        raise Killed

    monkeypatch.setattr("energy.session.recorded.RecordLog.conclude", die)
    with pytest.raises(Killed):
        run_hour(tmp_path / "r", Keep.LEVELS, 60, file_bytes=8 << 20)
    document = json.loads((tmp_path / "r" / "session.json").read_text(encoding="utf-8"))
    assert document["state"] == "started"
    noted = document["windows"]
    assert [window["number"] for window in noted] in ([1, 2], [1, 2, 3])  # the third ends near the end
    recovery = recover(tmp_path / "r")
    assert recovery.state == "interrupted"
    left = json.loads((tmp_path / "r" / "session.json").read_text(encoding="utf-8"))
    assert left["windows"] == noted
