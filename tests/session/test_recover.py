"""Interrupted sessions, finished from their folders: what is kept, what is claimed, and what is not."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from energy.benchmark.inputs import synthetic_inputs
from energy.benchmark.limits import WINDOWS
from energy.benchmark.workloads import WORKLOADS
from energy.cli.main import main
from energy.errors import JoulebenchError, RecordingError, UsageError
from energy.session.batch_recovery import recover_all
from energy.session.claim import claim
from energy.session.outcome import Plan
from energy.session.recorded import RecordLog, RecordPlan
from energy.session.recover import recover
from energy.session.run import run_session
from energy.validation.paths import validate_paths
from tests.conftest import ROOT
from tests.faults.crashes import digests
from tests.session.support import virtual

AFTER_TRIAL = {2: 6, 5: 9}
"""The write of session.json that notes a trial."""


def document(path):
    return json.loads(path.read_text(encoding="utf-8"))


def killed(folder, trials, **settings):
    """A session that was killed with SIGKILL just after so many trials."""
    command = [sys.executable, "-m", "tests.session.killed_host", str(folder), str(AFTER_TRIAL[trials])]
    command.append(json.dumps(settings))
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    return folder


@pytest.fixture(scope="module")
def after_five(tmp_path_factory):
    return killed(tmp_path_factory.mktemp("killed") / "five", 5)


@pytest.fixture(scope="module")
def after_two(tmp_path_factory):
    return killed(tmp_path_factory.mktemp("killed") / "two", 2)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A session that nobody interrupted, in the same world."""
    workload = WORKLOADS["ad01"]
    plan = Plan(virtual(), workload, "energy", synthetic_inputs(workload, WINDOWS))
    path = tmp_path_factory.mktemp("finished") / "session"
    run_session(plan, path, lambda part, doing: None)
    return path


def copied(source, tmp_path):
    return shutil.copytree(source, tmp_path / "session")


def codes(outcome):
    return {finding.code for finding in outcome.findings}


def energies_j(folder):
    windows = document(folder / "result.json")["windows"]
    return [window["energies"]["exact"]["energy_j"] for window in windows]


def test_five_closed_trials_give_the_figures_of_the_session_that_was_not_killed(
    after_five, finished, tmp_path
):
    folder = copied(after_five, tmp_path)
    outcome = recover(folder)
    assert (outcome.before, outcome.state, outcome.trials) == ("measuring", "recovered", 5)
    assert outcome.valid
    assert energies_j(folder) == energies_j(finished)  # the same world, sample by sample
    result = document(folder / "result.json")
    assert [finding["code"] for finding in result["findings"]].count("session.recovered") == 1
    report = validate_paths([folder])[0]
    assert report.sound
    assert "session.recovered" in {finding.code for finding in report.all_findings}
    assert "session.unfinished" not in {finding.code for finding in report.all_findings}
    assert (folder / "mlperf/results.json").is_file()


def test_edges_of_another_clock_lie_where_they_were_until_the_kill_with_larger_bounds(tmp_path):
    folder = killed(tmp_path / "killed", 5, edges="io")
    whole = tmp_path / "whole"
    workload = WORKLOADS["ad01"]
    bench = virtual()
    bench = bench.model_copy(update={"monitor": bench.monitor.model_copy(update={"edges": "io"})})
    plan = Plan(bench, workload, "energy", synthetic_inputs(workload, WINDOWS))
    run_session(plan, whole, lambda part, doing: None)
    outcome = recover(folder)
    assert outcome.valid
    assert {"session.edges-restored", "session.no-official-files"} <= codes(outcome)
    windows = document(folder / "result.json")["windows"]
    settled = document(whole / "result.json")["windows"]
    for window, other in zip(windows, settled, strict=True):
        bound_j = sum(window["edge_bound_j"].values())
        assert bound_j > sum(other["edge_bound_j"].values())
        apart_j = window["energies"]["exact"]["energy_j"] - other["energies"]["exact"]["energy_j"]
        assert 0 < abs(apart_j) <= bound_j
    assert validate_paths([folder])[0].sound


def test_too_few_closed_trials_give_no_result(after_two, tmp_path):
    folder = copied(after_two, tmp_path)
    outcome = recover(folder)
    assert (outcome.state, outcome.trials, outcome.valid) == ("interrupted", 2, None)
    assert codes(outcome) == {"recording.unclosed", "session.not-recovered"}
    assert not (folder / "result.json").exists()
    assert not (folder / "mlperf").exists()
    session = document(folder / "session.json")
    assert session["recovered"]["state"] == "measuring"
    assert len(session["trials"]) == 2


@pytest.mark.parametrize("which", ["after_two", "after_five"])
def test_what_is_replaced_is_kept_and_the_evidence_is_not_touched(which, request, tmp_path):
    folder = copied(request.getfixturevalue(which), tmp_path)
    before = digests(folder)
    recover(folder)
    after = digests(folder)
    for name in ("trace.arrow", "log.jsonl", "log.txt"):
        assert after[name] == before[name]
    for name in ("session.json", "edges.jsonl"):
        assert f"before-recovery/{name}" in after
        assert after[f"before-recovery/{name}"] == before[name]
    recover(folder)
    assert digests(folder) == after


def test_a_recovery_that_is_interrupted_itself_keeps_the_first_originals(after_five, tmp_path, monkeypatch):
    folder = copied(after_five, tmp_path)
    before = digests(folder)

    def full(target, document):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("energy.session.recover.write_whole", full)
        with pytest.raises(JoulebenchError, match="write-failed"):
            recover(folder)
    assert recover(folder).valid
    assert digests(folder)["before-recovery/session.json"] == before["session.json"]
    assert document(folder / "session.json")["recovered"]["state"] == "measuring"


def test_a_session_that_only_lacks_its_manifest_gets_the_same_figures_again(finished, tmp_path):
    folder = copied(finished, tmp_path)
    whole = document(folder / "result.json")
    (folder / "manifest.json").unlink()
    assert recover(folder).valid
    again = document(folder / "result.json")
    assert again["windows"] == whole["windows"]
    assert again["session"] == whole["session"]
    more = [finding["code"] for finding in again["findings"] if finding not in whole["findings"]]
    assert more == ["session.recovered"]


def test_a_result_that_the_trials_do_not_bear_out_is_removed(finished, tmp_path):
    folder = copied(finished, tmp_path)
    (folder / "manifest.json").unlink()
    trace = folder / "trace.arrow"
    trace.write_bytes(trace.read_bytes()[: trace.stat().st_size // 2])
    outcome = recover(folder)
    assert 0 < outcome.trials < WINDOWS
    assert not (folder / "result.json").exists()
    assert (folder / "before-recovery/result.json").is_file()
    rejected = [attempt["findings"][0]["code"] for attempt in document(folder / "session.json")["rejected"]]
    assert rejected == ["window.samples-missing"] * (WINDOWS - outcome.trials)
    assert not validate_paths([folder])[0].sound


def test_a_finished_session_is_left_alone(finished, tmp_path):
    folder = copied(finished, tmp_path)
    before = digests(folder)
    assert recover(folder).done == "nothing was done: it is finished already"
    (folder / "log.txt").write_text("changed", encoding="utf-8")
    altered = recover(folder)
    assert codes(altered) == {"session.altered"}
    assert digests(folder) == {**before, "log.txt": digests(folder)["log.txt"]}


def test_a_draft_of_the_manifest_that_the_kill_has_left_is_no_part_of_the_evidence(finished, tmp_path):
    folder = copied(finished, tmp_path)
    (folder / "manifest.json").rename(folder / ".manifest.json.part")
    assert recover(folder).valid
    assert validate_paths([folder])[0].sound


def test_a_recording_without_samples_is_sealed_and_says_so(tmp_path):
    folder = tmp_path / "recording"
    log = RecordLog(RecordPlan(virtual(autorun=(40, 0.3)), windows=2), folder)
    log.folder.write("session.json", log.document)
    log.folder._lines.close()  # as the system does where a host is killed
    log.folder._text.close()
    outcome = recover(folder)
    assert (outcome.state, codes(outcome)) == ("interrupted", {"session.not-recovered"})
    before = digests(folder)
    assert recover(folder).done.startswith("nothing was done")
    assert digests(folder) == before


def test_a_failed_session_stays_failed(tmp_path):
    workload = WORKLOADS["ad01"]
    bench = virtual(faults=[("overcurrent-stop", {"at_s": 6.0})])
    plan = Plan(bench, workload, "energy", synthetic_inputs(workload, WINDOWS))
    folder = tmp_path / "session"
    with pytest.raises(JoulebenchError, match=r"bench\.current"):
        run_session(plan, folder, lambda part, doing: None)
    before = digests(folder)
    assert "bench.current" in recover(folder).done
    assert digests(folder) == before
    (folder / "manifest.json").unlink()
    assert recover(folder).state == "failed"
    assert (folder / "manifest.json").is_file()


def test_a_finding_of_the_killed_session_is_still_there_and_still_counts(after_five, tmp_path):
    folder = copied(after_five, tmp_path)
    path = folder / "session.json"
    session = document(path)
    energy = {"code": "monitor.energy-differs", "severity": "error", "window": None}
    session["findings"].append({**energy, "evidence": "2 J and 3 J", "meaning": "", "remedy": ""})
    path.write_text(json.dumps(session), encoding="utf-8")
    outcome = recover(folder)
    assert outcome.valid is False
    assert "monitor.energy-differs" in codes(outcome)


def test_clocks_that_the_session_had_found_apart_are_an_error(after_five, tmp_path):
    folder = copied(after_five, tmp_path)
    path = folder / "session.json"
    session = document(path)
    assert session["clocks"], "the comparisons so far are noted with each trial"
    for clock in session["clocks"]:
        if (clock["clock"], clock["by"]) == ("monitor", "host"):
            clock |= {"factor": 1.01, "uncertainty": 1e-5}
    path.write_text(json.dumps(session), encoding="utf-8")
    outcome = recover(folder)
    assert outcome.valid is False
    assert "clock.rate" in codes(outcome)


def test_a_running_session_is_refused(after_five, tmp_path):
    folder = copied(after_five, tmp_path)
    before = digests(folder)
    with (folder / "log.jsonl").open("ab") as log:
        assert claim(log)
        with pytest.raises(UsageError, match=r"session\.running"):
            recover(folder)
    assert digests(folder) == before
    assert recover(folder).valid


def test_a_link_in_the_folder_is_refused_before_anything_is_opened(after_five, tmp_path):
    folder = copied(after_five, tmp_path)
    (folder / "trace.arrow").rename(tmp_path / "elsewhere")
    (folder / "trace.arrow").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match=r"recover\.strange"):
        recover(folder)


def test_the_name_of_a_performance_session_leads_nowhere_else(after_five, tmp_path):
    folder = copied(after_five, tmp_path)
    path = folder / "session.json"
    path.write_text(json.dumps({**document(path), "performance": "../../etc"}), encoding="utf-8")
    assert recover(folder).valid


def cut(folder, chance):
    """Truncates files at random positions, as a power cut may leave them; the names of those that were."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    chosen = [path for path in files if chance.random() < 0.4] or [chance.choice(files)]
    for path in chosen:
        with path.open("r+b") as file:
            file.truncate(chance.randrange(path.stat().st_size + 1))
    return [path.name for path in chosen]


@pytest.mark.parametrize("which", ["after_five", "finished"])
def test_files_that_a_power_cut_has_truncated_give_the_same_figures_or_none(which, request, tmp_path):
    source = request.getfixturevalue(which)
    sound = copied(source, tmp_path / "sound")
    recover(sound)
    truth_j = energies_j(sound)
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    for number in range(25):
        folder = Path(shutil.copytree(source, tmp_path / str(number)))
        shown = (seed, number, cut(folder, chance))
        with contextlib.suppress(RecordingError):  # a coded refusal
            recover(folder)
        validated = validate_paths([folder])[0].sound
        result = folder / "result.json"
        try:
            valid = document(result)["valid"] if result.exists() else False
        except ValueError:  # cut off, and so not readable for anybody
            valid = False
        if valid and validated:
            assert energies_j(folder) == pytest.approx(truth_j, rel=1e-12), shown
        shutil.rmtree(folder)


def test_several_folders_are_recovered_and_the_unreadable_is_named(after_five, after_two, tmp_path, capsys):
    runs = tmp_path / "runs"
    shutil.copytree(after_five, runs / "five")
    shutil.copytree(after_two, runs / "two")
    broken = Path(shutil.copytree(after_two, runs / "broken"))
    session = broken / "session.json"
    session.write_bytes(session.read_bytes()[:100])
    done = recover_all([runs])
    assert [outcome.folder.name for outcome in done.outcomes] == ["five", "two"]
    assert [(path.name, error.code) for path, error in done.failures] == [("broken", "session.damaged")]
    assert main(["recover", str(runs), "--json"]) == 1
    shown = json.loads(capsys.readouterr().out)
    assert [one["done"].startswith("nothing was done") for one in shown["sessions"]] == [True, True]
    assert shown["failures"][0]["code"] == "session.damaged"
    assert main(["recover", str(runs / "five")]) == 0
    assert "it is finished already" in capsys.readouterr().out
    assert main(["recover", str(tmp_path / "nowhere")]) == 2
