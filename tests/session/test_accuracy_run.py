"""Accuracy sessions on the virtual bench, against scores that the test gives to the DUT."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from itertools import product

import jsonschema
import numpy as np
import pytest

from energy.benchmark.validation_set import official_set, synthetic_set
from energy.benchmark.workloads import WORKLOADS
from energy.errors import BenchError, UsageError
from energy.evidence.documents import SCHEMAS
from energy.evidence.manifest import check_manifest
from energy.instruments import DutAnswerError
from energy.runs.results_json import read_results_json
from energy.runs.results_text import read_results_text
from energy.session import accuracy_run
from energy.session.accuracy_run import AccuracyPlan, run_accuracy
from energy.session.resume import former_session
from tests.conftest import ROOT
from tests.session.support import virtual

QUICK = {"baud_model": False}


def ignore(part, doing):
    """Shows no progress."""


def session(path, validation, resume=None, **settings):
    plan = AccuracyPlan(virtual(**QUICK, **settings), validation, resume)
    return run_accuracy(plan, path, ignore)


def document(path, name):
    return json.loads((path / name).read_text(encoding="utf-8"))


def datasets_with(folder, workload, entries):
    """A dataset whose files hold random bytes, and the table by which the DUT answers these scores."""
    rng = np.random.default_rng(7)
    (folder / workload.id).mkdir(parents=True)
    rows, table = [], {}
    for entry in entries:
        data = rng.integers(0, 256, workload.input_bytes, dtype=np.uint8).tobytes()
        (folder / workload.id / entry["file"]).write_bytes(data)
        rows.append(f"{entry['file']},{entry['classes']},{entry['class']}")
        table[hashlib.sha256(data).hexdigest()] = entry["infer"]["results"]
    (folder / workload.id / "y_labels.csv").write_text("\n".join(rows) + "\n")
    (folder / "table.json").write_text(json.dumps(table))
    return {"table": str(folder / "table.json")}


def test_scores_come_from_the_dut_into_the_official_files_as_a_published_run_has_them(published, tmp_path):
    folder = published / "v1.3/closed/STMicroelectronics/results/NUCLEO_L4R5ZI-P/kws/accuracy"
    entries = json.loads((folder / "results.json").read_text())[:30]
    answers = datasets_with(tmp_path / "data", WORKLOADS["kws01"], entries)
    validation = official_set(WORKLOADS["kws01"], tmp_path / "data")
    outcome = session(tmp_path / "run", validation, answers=answers)
    ours = document(tmp_path / "run", "mlperf/results.json")
    for own, theirs in zip(ours, entries, strict=True):
        assert own.pop("virtual") is True
        assert list(own) == list(theirs)
        assert own["infer"]["results"] == theirs["infer"]["results"]
        assert list(own["infer"]) == list(theirs["infer"])
        assert {k: v for k, v in own.items() if k != "infer"} == {
            k: v for k, v in theirs.items() if k != "infer"
        }
    right = [max(e["infer"]["results"]) == e["infer"]["results"][int(e["class"])] for e in entries]
    assert outcome.value == pytest.approx(sum(right) / 30)


def test_anomaly_detection_averages_the_windows_of_a_file_and_counts_pairs(tmp_path):
    files = synthetic_set(WORKLOADS["ad01"], 5).files
    folder = tmp_path / "data/ad01"
    folder.mkdir(parents=True)
    for file in files:
        (folder / file.name).write_bytes(file.read()[: 2560 + 2 * 512])
    rows = [f"{file.name},2,{file.label},2560,512\n" for file in files]
    (folder / "y_labels.csv").write_text("".join(rows))
    validation = official_set(WORKLOADS["ad01"], tmp_path / "data")
    outcome = session(tmp_path / "run", validation, answers={"right": 0.8})
    trials = read_results_json(tmp_path / "run/mlperf/results.json").trials
    assert len(trials) == 5 * 3
    entry = document(tmp_path / "run", "mlperf/results.json")[2]
    assert (entry["bytes_to_send"], entry["stride"], entry["total_length"]) == ("2560", "512", 3)
    # A file taken for normal scores 8, 8.125, 8.25, another 4 more; the fifth is answered wrong.
    said = [file.label if k < 4 else 1 - file.label for k, file in enumerate(files)]
    means = [8.125 + 4 * one for one in said]
    assert [trials[3 * k + 1].scores for k in range(5)] == [(mean,) for mean in means]
    pairs = [
        (means[n] < means[a]) + (means[n] == means[a]) / 2
        for n, a in product(range(5), range(5))
        if (files[n].label, files[a].label) == (0, 1)
    ]
    assert 0 < sum(pairs) < len(pairs)
    assert outcome.value == pytest.approx(sum(pairs) / len(pairs))
    printed = read_results_text(tmp_path / "run/mlperf/results.txt")
    assert printed.auc.number == pytest.approx(outcome.value, abs=5e-4)


def test_a_share_of_wrong_answers_below_the_target_is_an_error(tmp_path):
    outcome = session(tmp_path / "run", synthetic_set(WORKLOADS["kws01"], 20), answers={"right": 0.75})
    assert outcome.value == pytest.approx(0.75)
    assert "accuracy.below-target" in [finding.code for finding in outcome.findings]
    assert document(tmp_path / "run", "result.json")["session"]["met"] is False
    assert not outcome.valid


def test_a_subset_says_so_and_is_not_valid(tmp_path):
    outcome = session(tmp_path / "run", synthetic_set(WORKLOADS["kws01"], 4))
    assert not outcome.valid
    assert {"session.subset", "session.synthetic-set"} == {finding.code for finding in outcome.findings}
    record = document(tmp_path / "run", "session.json")
    assert record["validation"]["files"] == 4
    assert record["validation"]["of"] == 1000
    assert record["validation"]["full"] is False
    assert "No loop count" not in (tmp_path / "run/mlperf/log.txt").read_text()
    assert check_manifest(tmp_path / "run") == []


def test_warm_ups_are_always_stated_and_the_bytes_of_inputs_are_counted_in_the_log(tmp_path):
    session(tmp_path / "run", synthetic_set(WORKLOADS["kws01"], 2))
    log = (tmp_path / "run/log.txt").read_text().splitlines()
    sent = [line.split("> ")[1] for line in log if " > " in line]
    assert [line for line in sent if line.startswith("infer")] == ["infer 1 0%"] * 2
    assert not [line for line in sent if line.startswith("db ") and not line.startswith("db load")]
    assert sum("(16 times `db`" in line for line in log) == 2  # 490 bytes, 31 each


def test_energy_firmware_is_refused(tmp_path, monkeypatch):
    validation = synthetic_set(WORKLOADS["kws01"], 1)
    import drivers.virtual.environment as environment

    made = environment.VirtualBench
    monkeypatch.setattr(
        environment, "VirtualBench", lambda **k: made(**(k | {"mode": "energy", "baud": 115200}))
    )
    with pytest.raises(BenchError, match=r"dut\.wrong-mode"):
        session(tmp_path / "run", validation)
    assert document(tmp_path / "run", "session.json")["error"]["code"] == "dut.wrong-mode"


def test_a_damaged_exchange_is_repeated_and_noted(tmp_path, monkeypatch):
    from drivers.dut.driver import SerialDut

    load, calls = SerialDut.load, []

    def damaged(self, data):
        calls.append(len(data))
        if len(calls) == 2:
            raise DutAnswerError("dut.load", "m-load-done did not come", "Load again.")
        load(self, data)

    monkeypatch.setattr(SerialDut, "load", damaged)
    outcome = session(tmp_path / "run", synthetic_set(WORKLOADS["kws01"], 3))
    assert outcome.inferences == 3
    assert len(calls) == 4
    rejected = document(tmp_path / "run", "session.json")["rejected"]
    assert [(one["trial"], one["findings"][0]["code"]) for one in rejected] == [(2, "dut.load")]


def interrupted(path, validation, after):
    """A session that Ctrl-C ends after some answers."""

    def progress(part, doing):
        if doing.startswith(f"file {after + 1} "):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_accuracy(AccuracyPlan(virtual(**QUICK), validation), path, progress)


def test_an_interrupted_session_goes_on_where_it_was_and_ends_as_a_whole_one(tmp_path):
    validation = synthetic_set(WORKLOADS["kws01"], 6)
    interrupted(tmp_path / "run", validation, 4)
    assert document(tmp_path / "run", "session.json")["state"] == "interrupted"
    record = former_session(tmp_path / "run", virtual(**QUICK))
    outcome = session(tmp_path / "run", validation, resume=tmp_path / "run")
    whole = session(tmp_path / "whole", validation)
    assert (outcome.value, outcome.inferences) == (whole.value, 6)
    assert record.dut["name"] == "stm"
    done = document(tmp_path / "run", "session.json")
    assert (done["state"], done["resumed"][0]["answers"]) == ("finished", 4)
    log = (tmp_path / "run/log.txt").read_text()
    assert log.count("infer 1 0%") == 6
    assert check_manifest(tmp_path / "run") == []
    scores = [[e["infer"]["results"] for e in document(p, "mlperf/results.json")]
              for p in (tmp_path / "run", tmp_path / "whole")]  # fmt: skip
    assert scores[0] == scores[1]


def killed_state(path):
    """Makes of an interrupted session what a kill leaves: no manifest, and the state of one that runs."""
    (path / "manifest.json").unlink()
    text = (path / "session.json").read_text(encoding="utf-8")
    assert text.count('"state": "interrupted"') == 1
    (path / "session.json").write_text(text.replace('"interrupted"', '"measuring"'), encoding="utf-8")


def test_a_line_that_was_cut_off_is_asked_for_again(tmp_path):
    validation = synthetic_set(WORKLOADS["kws01"], 5)
    interrupted(tmp_path / "run", validation, 3)
    killed_state(tmp_path / "run")
    answers = tmp_path / "run/answers.jsonl"
    os.truncate(answers, answers.stat().st_size - 20)
    outcome = session(tmp_path / "run", validation, resume=tmp_path / "run")
    assert outcome.inferences == 5
    lines = [json.loads(line) for line in answers.read_text().splitlines()]
    assert [line["file"] for line in lines[1:]] == [one.name for one in validation.files]
    assert document(tmp_path / "run", "session.json")["resumed"][0]["answers"] == 2


def test_only_an_unfinished_accuracy_session_on_the_same_inputs_is_gone_on_with(tmp_path):
    validation = synthetic_set(WORKLOADS["kws01"], 3)
    interrupted(tmp_path / "run", validation, 1)
    with pytest.raises(UsageError, match=r"not of these"):
        session(tmp_path / "run", synthetic_set(WORKLOADS["kws01"], 4), resume=tmp_path / "run")
    with (tmp_path / "run/answers.jsonl").open("a") as file:
        file.write("{}\n")
    with pytest.raises(UsageError, match="altered"):
        former_session(tmp_path / "run", virtual(**QUICK))
    session(tmp_path / "whole", validation)
    with pytest.raises(UsageError, match="finished"):
        former_session(tmp_path / "whole", virtual(**QUICK))
    with pytest.raises(UsageError, match=r"session\.resume"):
        former_session(tmp_path, virtual(**QUICK))


KILLED = """
import os, signal, sys
from pathlib import Path
from energy.benchmark.validation_set import synthetic_set
from energy.benchmark.workloads import WORKLOADS
from energy.session.accuracy_run import AccuracyPlan, run_accuracy
from energy.session.answers import AnswerLog
from tests.session.support import virtual
import json
add = AnswerLog.add
def killed(self, answer):
    add(self, answer)
    if len(self.answers) == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
AnswerLog.add = killed
plan = AccuracyPlan(virtual(**json.loads(sys.argv[3])), synthetic_set(WORKLOADS["kws01"], 4))
run_accuracy(plan, Path(sys.argv[1]), lambda part, doing: None)
"""


def test_a_killed_host_loses_no_whole_answer(tmp_path):
    command = [sys.executable, "-c", KILLED, str(tmp_path / "run"), "2", json.dumps(QUICK)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert document(tmp_path / "run", "session.json")["state"] == "measuring"
    record = former_session(tmp_path / "run", virtual(**QUICK))
    outcome = session(tmp_path / "run", synthetic_set(WORKLOADS["kws01"], 4), resume=tmp_path / "run")
    assert record.state == "measuring"
    assert (outcome.inferences, outcome.value) == (4, 1.0)
    assert document(tmp_path / "run", "session.json")["resumed"][0]["answers"] == 2
    assert (tmp_path / "run/log.txt").read_text().count("infer 1 0%") == 4


def test_the_firmware_s_hash_is_noted_and_another_one_is_refused_on_going_on(tmp_path):
    image = tmp_path / "kws.bin"
    image.write_bytes(b"firmware")
    validation = synthetic_set(WORKLOADS["kws01"], 3)
    file = virtual(**QUICK)
    bench = file.model_copy(update={"dut": file.dut.model_copy(update={"firmware": str(image)})})

    def progress(part, doing):
        if doing.startswith("file 3 "):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_accuracy(AccuracyPlan(bench, validation), tmp_path / "run", progress)
    dut = document(tmp_path / "run", "session.json")["dut"]
    assert dut["firmware_sha256"] == hashlib.sha256(b"firmware").hexdigest()
    image.write_bytes(b"another")
    with pytest.raises(BenchError, match=r"session\.another-dut"):
        run_accuracy(AccuracyPlan(bench, validation, tmp_path / "run"), tmp_path / "run", ignore)


def test_one_class_gives_no_auc_and_says_so(tmp_path):
    (file,) = synthetic_set(WORKLOADS["ad01"], 1).files
    (tmp_path / "data/ad01").mkdir(parents=True)
    (tmp_path / "data/ad01" / file.name).write_bytes(file.read()[:2560])
    (tmp_path / "data/ad01/y_labels.csv").write_text(f"{file.name},2,{file.label},2560,512\n")
    outcome = session(tmp_path / "run", official_set(WORKLOADS["ad01"], tmp_path / "data"))
    assert outcome.value is None
    assert "session.no-accuracy" in [finding.code for finding in outcome.findings]
    printed = read_results_text(tmp_path / "run/mlperf/results.txt")
    assert printed.top_1 is not None
    assert printed.auc is None
    assert "nan" not in (tmp_path / "run/mlperf/results.txt").read_text()
    assert document(tmp_path / "run", "result.json")["session"]["met"] is False


def test_half_a_command_that_a_killed_host_left_does_not_end_the_next_one(tmp_path, monkeypatch):
    validation = synthetic_set(WORKLOADS["kws01"], 3)
    interrupted(tmp_path / "run", validation, 1)
    check_dut, refused = accuracy_run.check_dut, []

    def glued(*arguments):
        if not refused:
            refused.append(True)
            raise DutAnswerError("dut.error-answer", "e-[Invalid hex digit 'ti']", "Try again.")
        return check_dut(*arguments)

    monkeypatch.setattr(accuracy_run, "check_dut", glued)
    assert session(tmp_path / "run", validation, resume=tmp_path / "run").inferences == 3
    refused.clear()
    with pytest.raises(BenchError, match=r"dut\.error-answer"):
        session(tmp_path / "new", validation)


def test_the_documents_follow_the_schemas_that_are_shipped(tmp_path):
    session(tmp_path / "run", synthetic_set(WORKLOADS["kws01"], 2))
    for name in ("session", "result"):
        schema = json.loads((SCHEMAS / f"{name}-1.json").read_text(encoding="utf-8"))
        jsonschema.validate(document(tmp_path / "run", f"{name}.json"), schema)
