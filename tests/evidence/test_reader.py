"""The one reader of a session's folder: what it reads, what it refuses, and that nobody else reads."""

from __future__ import annotations

import ast
import json
import math
import os
from pathlib import Path

import pytest

import energy
from energy.bench.benchfile import builtin_bench
from energy.errors import JoulebenchError, RecordingError, UsageError
from energy.evidence import names
from energy.evidence.reader import SessionEvidence
from energy.findings import Severity
from energy.session.resume import former_session
from energy.submission.package_session import read_pack_session
from energy.validation.sessions import session_report

HOUSE = Path(energy.__file__).parent
SESSION = {
    "schema": "joulebench.session/1",
    "workload": "kws01",
    "mode": "performance",
    "state": "finished",
    "virtual": False,
    "synthetic_inputs": False,
    "trials": [{"iterations": 10, "duration_s": 10.5, "opening": None, "closing": None}],
}
RESULT = {
    "schema": "joulebench.result/1",
    "workload": "kws01",
    "mode": "performance",
    "valid": True,
    "virtual": False,
    "windows": [{"iterations": 10, "window_s": 10.5, "inferences_per_second": 10 / 10.5}],
    "session": {"inferences_per_second": {"median": 10 / 10.5, "min": 10 / 10.5, "max": 10 / 10.5}},
    "findings": [],
}


def folder(path: Path, session: object = SESSION, result: object = RESULT) -> Path:
    """A session's folder with these documents, as text or as values."""
    for name, document in (("session.json", session), ("result.json", result)):
        text = document if isinstance(document, str) else json.dumps(document)
        (path / name).write_text(text, encoding="utf-8")
    return path


def found(path: Path) -> list[tuple[str, Severity]]:
    """What validation finds."""
    (report,) = session_report(path, path).folders
    return [(one.code, one.severity) for run in report.runs for one in run.findings]


def test_a_value_that_an_older_version_did_not_write_is_none(tmp_path):
    evidence = SessionEvidence(folder(tmp_path, {"workload": "kws01", "iterations": [7, 7]}, {}))
    session, result = evidence.session, evidence.result
    assert (session.workload, session.mode, session.state, session.virtual) == ("kws01", None, None, None)
    assert (session.of_dut("board"), session.monitor, session.trials) == (None, None, None)
    assert (result.valid, result.windows, result.findings) == (None, None, [])
    windows = evidence.windows()
    assert (windows.iterations, windows.windows, windows.leading_edges) == ([7, 7], None, 0)


def test_what_a_newer_version_adds_is_left_alone(tmp_path):
    newer = {"budget": {"u": 1}, "trials": [{"iterations": 3, "opening": 1, "closing": 2.5, "phase": "x"}]}
    windows = SessionEvidence(folder(tmp_path, newer)).windows()
    assert (windows.iterations, windows.windows) == ([3], [(1.0, 2.5)])


def test_a_folder_without_a_session_has_no_windows_of_its_own(tmp_path):
    windows = SessionEvidence(tmp_path).windows()
    assert (windows.workload, windows.iterations, windows.windows) == (None, [], None)


def test_a_sound_folder_has_no_finding(tmp_path):
    assert found(folder(tmp_path)) == []


def test_a_figure_that_does_not_follow_from_the_trials_is_an_error(tmp_path):
    wrong = {**RESULT, "windows": [{**RESULT["windows"][0], "inferences_per_second": 1.0}]}
    assert ("result.differs", Severity.ERROR) in found(folder(tmp_path, result=wrong))


@pytest.mark.parametrize("windows", [3, None, "x", {}, [[]], [{"iterations": []}]])
def test_windows_of_another_kind_differ_from_those_that_were_measured(tmp_path, windows):
    codes = found(folder(tmp_path, result={**RESULT, "windows": windows}))
    assert ("result.differs", Severity.ERROR) in codes


@pytest.mark.parametrize("session", [[], 3, {"inferences_per_second": 4}, {"inferences_per_second": [1]}])
def test_figures_of_another_kind_differ_from_those_that_were_measured(tmp_path, session):
    assert ("result.differs", Severity.ERROR) in found(
        folder(tmp_path, result={**RESULT, "session": session})
    )


DAMAGED = {
    "no JSON": "{",
    "a list": "[]",
    "a number": "3",
    "nested": "[" * 100_000,
    "workload": {"workload": 3},
    "mode": {"mode": ["energy"]},
    "state": {"state": None, "virtual": "no"},
    "dut": {"dut": []},
    "dut of the bench": {"bench": {"dut": 1}},
    "validation": {"validation": "all"},
    "trials": {"trials": 5},
    "a trial": {"trials": ["x"]},
    "no inference": {"trials": [{"iterations": 0, "opening": 1.0, "closing": 2.0}]},
    "half an inference": {"trials": [{"iterations": 1.5, "opening": 1.0, "closing": 2.0}]},
    "a truth": {"trials": [{"iterations": True, "opening": 1.0, "closing": 2.0}]},
    "a position that is none": '{"trials": [{"iterations": 1, "opening": NaN, "closing": 2.0}]}',
    "a position beyond all": {"trials": [{"iterations": 1, "opening": 1.0, "closing": 1e30}]},
    "an integer beyond all": {"trials": [{"iterations": 10**400, "opening": 1.0, "closing": 2.0}]},
    "a position of a thousand digits": {"trials": [{"iterations": 1, "opening": 10**400, "closing": 2.0}]},
    "leading edges": {"leading_edges": -1},
    "iterations": {"iterations": {"0": 1}},
}


@pytest.mark.parametrize("what", DAMAGED)
def test_a_damaged_session_is_a_coded_error_to_every_reader(tmp_path, what):
    document = DAMAGED[what]
    document = document if isinstance(document, str) else {**SESSION, **document}
    path = folder(tmp_path, document)
    evidence = SessionEvidence(path)
    for read in (lambda: evidence.session, evidence.windows):
        with pytest.raises(RecordingError) as caught:
            read()
        assert caught.value.code == "session.damaged"
        assert "session.json" in caught.value.message
        assert caught.value.hint
    assert ("file.damaged", Severity.ERROR) in found(path)
    for verb, code in (
        (lambda: read_pack_session(path, "closed"), "package.foreign"),
        (lambda: former_session(path, builtin_bench("virtual")), "session.resume"),
    ):
        with pytest.raises(UsageError) as refused:
            verb()
        assert refused.value.code == code


@pytest.mark.parametrize(
    "document",
    [
        "{",
        "[1]",
        {"valid": "yes"},
        {"findings": [3]},
        {"findings": [{"code": 1}]},
    ],
)
def test_a_damaged_result_is_a_coded_error_to_every_reader(tmp_path, document):
    path = folder(tmp_path, result=document if isinstance(document, str) else {**RESULT, **document})
    with pytest.raises(RecordingError) as caught:
        _ = SessionEvidence(path).result
    assert caught.value.code == "session.damaged"
    assert ("file.damaged", Severity.ERROR) in found(path)
    with pytest.raises(UsageError) as refused:
        read_pack_session(path, "closed")
    assert refused.value.code == "package.foreign"


def test_windows_need_their_edges(tmp_path):
    with pytest.raises(RecordingError) as caught:
        SessionEvidence(folder(tmp_path)).windows()
    assert "trial 1" in caught.value.message


@pytest.mark.parametrize("name", ["session.json", "result.json", "answers.jsonl", "manifest.json"])
@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_what_is_no_file_of_the_folder_is_never_opened(tmp_path, name, kind):
    path, outside = tmp_path / "session", tmp_path / "outside"
    path.mkdir()
    outside.write_text(json.dumps(SESSION), encoding="utf-8")
    folder(path)
    (path / name).unlink(missing_ok=True)
    if kind == "link":
        (path / name).symlink_to(outside)
    elif kind == "pipe":
        os.mkfifo(path / name)
    else:
        (path / name).mkdir()
    evidence = SessionEvidence(path)
    if name == "manifest.json":
        assert evidence.manifest.unreadable is not None
        assert [one.code for one in evidence.manifest.findings] == ["session.altered"]
        return
    read = {"session.json": evidence.windows, "result.json": lambda: evidence.result}
    with pytest.raises(JoulebenchError) as caught:
        read.get(name, evidence.answers)()
    assert caught.value.code in ("file.link", "file.unreadable")


def test_answers_of_older_versions_are_read_and_foreign_values_refused(tmp_path):
    head = '{"schema": "joulebench.answers/1", "set_sha256": "a"}\n'
    row = '{"file": "x", "window": 0, "scores": %s, "start_us": 1, "stop_us": 2, "time_s": 0.5}\n'
    path = tmp_path / "answers.jsonl"
    path.write_text(head + row % "[0.25, null, NaN, Infinity]" + row % "[1", encoding="utf-8")
    with pytest.raises(RecordingError) as damaged:
        SessionEvidence(tmp_path).answers("a")
    assert damaged.value.code == "answers.damaged"
    path.write_text(head + row % "[0.25, null, NaN, Infinity]" + (row % "[1]")[:-1], encoding="utf-8")
    (answer,) = SessionEvidence(tmp_path).answers("a")  # the last line was cut off
    assert answer.scores[0] == 0.25
    assert all(map(math.isnan, answer.scores[1:]))
    with pytest.raises(RecordingError) as foreign:
        SessionEvidence(tmp_path).answers("b")
    assert foreign.value.code == "answers.foreign"
    for line in ("[]\n", "3\n", row % '"x"', row % "[[]]", (row % "[1]").replace('"x"', "3")):
        path.write_text(head + line, encoding="utf-8")
        with pytest.raises(RecordingError) as damaged:
            SessionEvidence(tmp_path).answers()
        assert damaged.value.code == "answers.damaged", line


def strings_of(path: Path) -> set[str]:
    """The text constants of a module that are the whole of an expression."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_the_names_of_a_sessions_files_are_defined_once():
    ours = {names.SESSION_NAME, names.RESULT_NAME, names.ANSWERS_NAME, names.MANIFEST_NAME, names.LINES_NAME}
    elsewhere = {
        path.relative_to(HOUSE).as_posix(): sorted(ours & strings_of(path))
        for path in HOUSE.rglob("*.py")
        if path.name != "names.py" and ours & strings_of(path)
    }
    assert elsewhere == {}
