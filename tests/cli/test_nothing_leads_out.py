"""Every verb that reads a folder from elsewhere: nothing in it names what is opened outside of it, or run.

Each link leads to a sound file of the same kind, whose figures would come out if it were followed.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil

import pytest

from energy.cli.main import main
from tests.cli.test_cli import DEMO, make_eembc_folder
from tests.validation.synthetic import mlcommons_submission

VERBS = {
    "integrate": lambda path, out: ["integrate", path, "--json"],
    "plot": lambda path, out: ["plot", path, "--out", out / "picture.png"],
    "plot latency": lambda path, out: ["plot", "latency", path, "--no-atlas", "--out", out / "picture.png"],
    "export": lambda path, out: ["export", path, out / "trace.csv"],
    "record": lambda path, out: ["record", "--replay", path, "--speed", "inf", "--windows", 5, "--out", out],
    "validate": lambda path, out: ["validate", path, "--json", "--html", out / "page.html"],
}
MARK = "SECRET-OF-ANOTHER-FOLDER"


def run(*words):
    """The exit status of a command, and all that it said."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        status = main([str(word) for word in words])
    return status, said.getvalue()


def written(folder):
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def replaced(path, kind, outside):
    """Puts something else in the place of a file; the file itself is then outside."""
    outside.mkdir(exist_ok=True)
    path.replace(outside / path.name)
    if kind == "link":
        path.symlink_to(outside / path.name)
    elif kind == "relative link":
        path.symlink_to(os.path.relpath(outside / path.name, path.parent))
    elif kind == "inner link":
        shutil.copy(outside / path.name, path.parent / "kept")
        path.symlink_to("kept")
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")


def recording(root):
    shutil.copytree(DEMO, root / "in")
    return root / "in"


def eembc(root):
    return make_eembc_folder(root / "in", log="m-infer-start-10\n" * 5)


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("kind", ["link", "relative link", "inner link", "pipe", "device"])
@pytest.mark.parametrize("name", ["trace.arrow", "edges.jsonl", "session.json"])
def test_a_recording_is_read_from_its_own_files_only(verb, kind, name, tmp_path):
    folder, out = recording(tmp_path), tmp_path / "out"
    out.mkdir()
    replaced(folder / name, kind, tmp_path / "elsewhere")
    status, said = run(*VERBS[verb](folder, out))
    assert status != 0, said
    assert any(code in said for code in CODES[kind]), said
    assert '"median"' not in said or verb == "validate"
    assert not [path for path in out.rglob("*") if path.suffix in (".png", ".csv", ".arrow")]


CODES = {
    "link": ("file.link", "tree.link", "is a symbolic link"),
    "relative link": ("file.link", "tree.link", "is a symbolic link"),
    "inner link": ("file.link", "tree.link", "is a symbolic link"),
    "device": ("file.link", "tree.link", "is a symbolic link", "replay.not-a-recording", "recording.missing"),
    "pipe": ("file.unreadable", "tree.special-file", "recording.missing", "replay.not-a-recording"),
}


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb != "validate"])
@pytest.mark.parametrize("kind", ["link", "pipe", "device"])
@pytest.mark.parametrize("name", ["trace1-energy.bin", "trace1-timestamps.json", "log.txt"])
def test_a_foreign_trace_is_read_from_its_own_files_only(verb, kind, name, tmp_path):
    folder, out = eembc(tmp_path), tmp_path / "out"
    out.mkdir()
    replaced(folder / name, kind, tmp_path / "elsewhere")
    status, said = run(*VERBS[verb](folder, out))
    assert status != 0, said
    assert any(code in said for code in CODES[kind]), said
    assert not [path for path in out.rglob("*") if path.suffix in (".png", ".csv", ".arrow")]


@pytest.mark.parametrize("verb", ["integrate", "plot", "export"])
def test_a_folder_that_is_a_link_is_not_entered(verb, tmp_path):
    recording(tmp_path)
    (tmp_path / "named").mkdir()
    (tmp_path / "named" / "below").symlink_to(tmp_path / "in")
    (tmp_path / "out").mkdir()
    status, said = run(*VERBS[verb](tmp_path / "named", tmp_path / "out"))
    assert status == 2
    assert "path.no-traces" in said or "usage.one-trace" in said
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("verb", VERBS)
def test_what_is_named_may_itself_be_a_link(verb, tmp_path):
    folder = recording(tmp_path)
    (tmp_path / "named").symlink_to(folder)
    (tmp_path / "out").mkdir()
    said = [run(*VERBS[verb](path, tmp_path / "out" / path.name)) for path in made(tmp_path, folder)]
    assert said[0][0] == said[1][0]


def made(root, folder):
    for path in (folder, root / "named"):
        (root / "out" / path.name).mkdir()
        yield path


@pytest.mark.parametrize("name", ["../elsewhere/file", "/etc/hostname"])
def test_a_manifest_names_nothing_outside(name, tmp_path):
    folder = recording(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").write_text(MARK)
    files = {name: {"sha256": "0" * 64, "bytes": 1}}
    (folder / "manifest.json").write_text(json.dumps({"schema": "joulebench.manifest/1", "files": files}))
    status, said = run("integrate", folder, "--json")
    assert status == 1
    assert f"{name} (outside the folder)" in said


def test_a_manifest_vouches_for_no_link(tmp_path):
    folder = recording(tmp_path)
    from energy.evidence.manifest import manifest

    (folder / "extra").symlink_to(folder / "truth.json")
    said = manifest(folder)
    assert "extra" not in said
    files = {**said, "extra": said["truth.json"]}
    (folder / "manifest.json").write_text(json.dumps({"schema": "joulebench.manifest/1", "files": files}))
    status, said = run("integrate", folder, "--json")
    assert status == 1
    assert "extra (a link)" in said


@pytest.mark.parametrize("name", ["log.txt", "results.txt", "results.json"])
@pytest.mark.parametrize("mode", ["energy", "accuracy"])
def test_a_submission_with_a_link_is_refused_and_nothing_of_its_target_is_shown(name, mode, tmp_path):
    benchmark = mlcommons_submission(tmp_path / "in")
    (tmp_path / "out").mkdir()
    secret = tmp_path / "secret"
    secret.write_text(f"{MARK}\n" * 50)
    (benchmark / mode / name).unlink()
    (benchmark / mode / name).symlink_to(secret)
    status, said = run(*VERBS["validate"](tmp_path / "in", tmp_path / "out"))
    assert status == 1
    assert "tree.link" in said
    assert MARK not in said
    assert MARK.encode() not in written(tmp_path / "out")


def test_a_system_s_description_that_is_a_link_is_not_read(tmp_path):
    mlcommons_submission(tmp_path / "in")
    (tmp_path / "out").mkdir()
    (path,) = (tmp_path / "in").rglob("systems/*.json")
    document = json.loads(path.read_text())
    (tmp_path / "secret").write_text(json.dumps({**document, "Status": MARK}))
    path.unlink()
    path.symlink_to(tmp_path / "secret")
    status, said = run(*VERBS["validate"](tmp_path / "in", tmp_path / "out"))
    assert status == 1
    assert "tree.link" in said
    assert MARK not in said
