"""Packages of sessions whose folders somebody changed: nothing outside of them comes into a submission."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
from pathlib import Path

import pytest

from energy.cli.main import main
from energy.session.accuracy_run import AccuracyPlan, run_accuracy
from tests.benchmark.packaging import FORM, bench, ignore, trials

MARK = "SECRET-OF-ANOTHER-FOLDER"


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Path:
    """The two sessions that a package needs."""
    from energy.benchmark.validation_set import synthetic_set
    from energy.benchmark.workloads import WORKLOADS

    root = tmp_path_factory.mktemp("sound")
    plan = AccuracyPlan(bench(), synthetic_set(WORKLOADS["kws01"], 12))
    run_accuracy(plan, root / "accuracy", ignore)
    trials(root / "performance", "kws01", "performance")
    return root


@pytest.fixture
def sessions(sound, tmp_path) -> Path:
    shutil.copytree(sound, tmp_path / "sessions")
    return tmp_path / "sessions"


def packed(sessions, tmp_path):
    form = tmp_path / "form.toml"
    form.write_text("".join(f'"{name}" = "{text}"\n' for name, text in FORM.items()))
    said = io.StringIO()
    words = ["package", sessions, "--out", tmp_path / "out", "--organization", "Me", "--system", "Board"]
    words += ["--division", "closed", "--form", form, "--allow-virtual", "--allow-errors", "--json"]
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        status = main([str(word) for word in words])
    return status, said.getvalue()


def vouch(folder):
    """A manifest that vouches for the folder as it stands, but for what is no file in it."""
    names = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["files"]
    files = {name: entry for name, entry in names.items() if not _through_a_link(folder, name)}
    document = {"schema": "joulebench.manifest/1", "files": files}
    (folder / "manifest.json").write_text(json.dumps(document), encoding="utf-8")


def _through_a_link(folder, name):
    ways = [folder.joinpath(*Path(name).parts[:count]) for count in range(1, len(Path(name).parts) + 1)]
    return any(one.is_symlink() or not one.exists() for one in ways)


def assert_refused(sessions, tmp_path):
    status, said = packed(sessions, tmp_path)
    assert status in (1, 2), said
    assert "package.link" in said or "is a symbolic link" in said, said
    assert MARK not in said
    assert not (tmp_path / "out").exists()


def test_sound_sessions_are_packed(sessions, tmp_path):
    status, said = packed(sessions, tmp_path)
    assert status == 0, said


@pytest.mark.parametrize("name", ["log.txt", "results.txt", "results.json"])
@pytest.mark.parametrize("mode", ["accuracy", "performance"])
def test_an_official_file_that_is_a_link_is_not_copied(name, mode, sessions, tmp_path):
    path = sessions / mode / "mlperf" / name
    (tmp_path / "secret").write_text(f"{MARK}\n" + path.read_text(encoding="utf-8"))
    path.unlink()
    path.symlink_to(tmp_path / "secret")
    vouch(sessions / mode)
    assert_refused(sessions, tmp_path)


def test_a_folder_of_official_files_that_is_a_link_is_not_copied(sessions, tmp_path):
    official = sessions / "performance" / "mlperf"
    shutil.move(official, tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "log.txt").write_text(MARK)
    official.symlink_to(tmp_path / "elsewhere")
    vouch(sessions / "performance")
    assert_refused(sessions, tmp_path)


@pytest.mark.parametrize("name", ["session.json", "result.json", "manifest.json", "log.txt", "answers.jsonl"])
def test_any_other_link_in_a_session_is_refused(name, sessions, tmp_path):
    path = sessions / "accuracy" / name
    shutil.move(path, tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    if name != "manifest.json":
        vouch(sessions / "accuracy")
    assert_refused(sessions, tmp_path)


def test_a_pipe_or_a_device_is_refused_and_not_waited_for(sessions, tmp_path):
    (sessions / "accuracy" / "mlperf" / "log.txt").unlink()
    os.mkfifo(sessions / "accuracy" / "mlperf" / "log.txt")
    status, said = packed(sessions, tmp_path)
    assert status == 1
    assert "package.link" in said
    (sessions / "accuracy" / "mlperf" / "log.txt").unlink()
    (sessions / "accuracy" / "mlperf" / "log.txt").symlink_to("/dev/zero")
    assert_refused(sessions, tmp_path)


def test_a_session_s_folder_that_is_a_link_must_be_named_itself(sessions, tmp_path):
    shutil.move(sessions / "accuracy", tmp_path / "accuracy")
    (sessions / "accuracy").symlink_to(tmp_path / "accuracy")
    assert_refused(sessions, tmp_path)


def test_what_is_named_may_itself_be_a_link(sessions, tmp_path):
    (tmp_path / "named").symlink_to(sessions)
    status, said = packed(tmp_path / "named", tmp_path)
    assert status == 0, said


def test_a_manifest_that_names_what_is_outside_is_refused(sessions, tmp_path):
    path = sessions / "accuracy" / "manifest.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    document["files"]["../../secret"] = {"sha256": "0" * 64, "bytes": 1}
    path.write_text(json.dumps(document), encoding="utf-8")
    status, said = packed(sessions, tmp_path)
    assert status == 1
    assert "../../secret (outside the folder)" in said
