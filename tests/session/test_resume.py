"""``measure --resume`` of folders that somebody else made or changed: what is opened, run and written."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from energy.bench.benchfile import read_bench
from energy.benchmark.validation_set import synthetic_set
from energy.benchmark.workloads import WORKLOADS
from energy.cli.main import main
from energy.session.accuracy_run import AccuracyPlan, run_accuracy
from energy.session.resume import former_session
from tests.conftest import ROOT

BENCH = """
schema = "joulebench.bench/1"
name = "quick"
virtual = { settings = { baud_model = false } }
dut = { board = "NUCLEO-L4R5ZI", voltage_v = 1.8 }
limits = { highest_v = 3.3, highest_a = 0.05 }
monitor = { driver = "lpm01a", port = "virtual" }
"""
FILES = 4


@pytest.fixture
def bench(tmp_path) -> Path:
    (tmp_path / "bench.toml").write_text(BENCH)
    return tmp_path / "bench.toml"


@pytest.fixture
def folder(bench, tmp_path) -> Path:
    """An accuracy session of four files that Ctrl-C ended after two."""

    def progress(part, doing):
        if doing.startswith("file 3 "):
            raise KeyboardInterrupt

    plan = AccuracyPlan(read_bench(bench), synthetic_set(WORKLOADS["kws01"], FILES))
    with pytest.raises(KeyboardInterrupt):
        run_accuracy(plan, tmp_path / "run", progress)
    return tmp_path / "run"


def resume(*words):
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        status = main(["measure", "--resume", *map(str, words)])
    return status, said.getvalue()


def state(folder):
    """Every name in a folder, with what it leads to or holds."""
    return {
        path.relative_to(folder).as_posix(): path.readlink() if path.is_symlink() else path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


def changed(folder, change, *, sealed=True):
    """Changes ``session.json``, and the manifest so that it vouches for the change."""
    document = json.loads((folder / "session.json").read_text(encoding="utf-8"))
    change(document)
    (folder / "session.json").write_text(json.dumps(document), encoding="utf-8")
    if sealed:
        seal(folder)
    return folder


def seal(folder, **more):
    files = {
        path.relative_to(folder).as_posix(): {
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "bytes": path.stat().st_size,
        }
        for path in folder.rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }
    document = {"schema": "joulebench.manifest/1", "files": files | more}
    (folder / "manifest.json").write_text(json.dumps(document), encoding="utf-8")


def refused(folder, *words, code="session.resume"):
    before = state(folder)
    status, said = resume(folder, *words)
    assert status == 2, said
    assert f"[{code}]" in said
    assert state(folder) == before
    return said


def test_the_session_is_resumed_on_the_bench_that_is_named(folder, bench):
    status, said = resume(folder, "--bench", bench, "--json")
    (session,) = json.loads(said)["sessions"]
    assert (status, session["session"]["inferences"]) == (1, FILES)  # a part of the set is not valid
    record = json.loads((folder / "session.json").read_text(encoding="utf-8"))
    assert (record["state"], record["resumed"][0]["answers"]) == ("finished", 2)


def test_without_a_bench_nothing_is_opened_and_the_command_line_is_shown(folder):
    said = refused(folder, code="usage.resume-bench")
    assert f"joulebench measure --resume {folder} --bench FILE" in said
    assert "--bench virtual" in said


def hook(document, mark):
    document["virtual"] = False
    document["bench"] |= {
        "virtual": None,
        "supply": {"driver": "hook", "port": f"touch {mark}"},
        "dut": document["bench"]["dut"] | {"port": "loop://"},
    }


@pytest.mark.parametrize("named", [None, "virtual", "file"])
@pytest.mark.parametrize("manifest", [True, False])
def test_a_hook_that_a_folder_names_is_not_run(named, manifest, folder, bench, tmp_path):
    mark = tmp_path / "PWNED"
    changed(folder, lambda document: hook(document, mark))
    if not manifest:
        (folder / "manifest.json").unlink()
    words = [] if named is None else ["--bench", bench if named == "file" else named]
    said = refused(folder, *words, code="session.resume" if words else "usage.resume-bench")
    assert not mark.exists()
    assert not words or "supply.driver" in said


def other_port(document):
    document["bench"]["monitor"]["port"] = "/dev/elsewhere"
    document["bench"]["dut"] |= {"port": "/dev/other", "baud": 9600, "boot_timeout_s": 100.0}
    document["bench"]["limits"] = {"highest_v": 60.0, "highest_a": 10.0}


def test_addresses_rates_and_limits_come_from_the_file_and_not_from_the_folder(folder, bench):
    changed(folder, other_port)
    status, said = resume(folder, "--bench", bench, "--json")
    assert status == 1, said
    record = json.loads((folder / "session.json").read_text(encoding="utf-8"))
    assert record["bench"] == read_bench(bench).model_dump(by_alias=True, mode="json")


@pytest.mark.parametrize(
    ("line", "other", "said"),
    [
        ('board = "NUCLEO-L4R5ZI"', 'board = "NUCLEO-H563ZI"', "dut.board was"),
        ("voltage_v = 1.8", "voltage_v = 3.0", "dut.voltage_v was 1.8, now it is 3.0"),
        ('"NUCLEO-L4R5ZI",', '"NUCLEO-L4R5ZI", driver = "third-party",', "dut.driver was"),
        ('"NUCLEO-L4R5ZI",', '"NUCLEO-L4R5ZI", settings = { echo = true },', "dut.settings was"),
        ('driver = "lpm01a"', 'driver = "ppk2"', "monitor.driver was"),
        ("settings = { baud_model = false }", "settings = { answers = { right = 0.5 } }", "virtual was"),
        ("virtual = { settings = { baud_model = false } }", "", "the session is virtual was true"),
    ],
)
def test_another_bench_is_refused_and_what_differs_is_said(line, other, said, folder, bench):
    assert BENCH.count(line) == 1
    bench.write_text(BENCH.replace(line, other))
    assert said in refused(folder, "--bench", bench)


def test_what_says_that_it_is_not_virtual_is_not_resumed_on_the_virtual_bench(folder, bench):
    changed(folder, lambda document: document.update(virtual=False))
    assert "the session is virtual was false" in refused(folder, "--bench", bench)


def test_an_interrupted_session_without_its_manifest_is_refused(folder, bench):
    (folder / "manifest.json").unlink()
    assert "manifest.json" in refused(folder, "--bench", bench)


def test_a_killed_session_has_no_manifest_and_is_resumed(folder, bench):
    changed(folder, lambda document: document.update(state="measuring"))
    (folder / "manifest.json").unlink()
    status, said = resume(folder, "--bench", bench, "--json")
    assert json.loads(said)["sessions"][0]["session"]["inferences"] == FILES, status


KILLED = """
import os, signal, sys
from energy.cli.main import main
from energy.session.folder import SessionFolder
SessionFolder.forget_the_end = lambda self: os.kill(os.getpid(), signal.SIGKILL)
main(["measure", "--resume", sys.argv[1], "--bench", sys.argv[2]])
"""


def test_a_kill_while_it_is_resumed_leaves_what_can_be_resumed(folder, bench):
    command = [sys.executable, "-c", KILLED, str(folder), str(bench)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    record = json.loads((folder / "session.json").read_text(encoding="utf-8"))
    assert (record["state"], (folder / "manifest.json").is_file()) == ("started", True)
    status, said = resume(folder, "--bench", bench, "--json")
    assert json.loads(said)["sessions"][0]["session"]["inferences"] == FILES, status


@pytest.mark.parametrize("name", ["session.json", "answers.jsonl"])
def test_a_manifest_must_vouch_for_what_is_read(name, folder, bench):
    document = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    del document["files"][name]
    (folder / "manifest.json").write_text(json.dumps(document), encoding="utf-8")
    assert f"{name} (not in manifest.json)" in refused(folder, "--bench", bench)


@pytest.mark.parametrize("name", ["../outside/file", "/etc/hostname"])
def test_a_manifest_that_names_what_is_outside_is_refused(name, folder, bench):
    seal(folder, **{name: {"sha256": "0" * 64, "bytes": 0}})
    assert "outside the folder" in refused(folder, "--bench", bench)


@pytest.mark.parametrize("name", ["session.json", "answers.jsonl", "log.txt", "log.jsonl", "manifest.json"])
@pytest.mark.parametrize("kind", ["link", "pipe", "device"])
def test_a_folder_with_anything_but_files_is_refused_and_nothing_outside_is_written(
    name, kind, folder, bench, tmp_path
):
    outside = tmp_path / "outside"
    shutil.move(folder / name, outside)
    before = outside.read_bytes()
    if kind == "pipe":
        os.mkfifo(folder / name)
    else:
        (folder / name).symlink_to(outside if kind == "link" else "/dev/zero")
    refused(folder, "--bench", bench)
    assert outside.read_bytes() == before


@pytest.mark.parametrize("name", ["mlperf", "result.json", ".session.json.part", "extra"])
def test_a_link_that_would_only_be_written_through_is_refused(name, folder, bench, tmp_path):
    (tmp_path / "outside").mkdir()
    (folder / name).symlink_to(tmp_path / "outside" if name == "mlperf" else tmp_path / "outside" / "file")
    assert f"{name} (a symbolic link)" in refused(folder, "--bench", bench)
    assert list((tmp_path / "outside").iterdir()) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document.update(begun="yesterday"),
        lambda document: document.update(begun="9999-12-31T23:59:59+00:00"),
        lambda document: document.update(dut={"name": float("nan")}),
        lambda document: document.update(bench={}),
        lambda document: document["validation"].update(sha256="0" * 64),
    ],
)
def test_a_record_that_cannot_be_continued_is_an_error_before_anything_is_written(change, folder, bench):
    refused(changed(folder, change), "--bench", bench)


@pytest.mark.parametrize(
    "line",
    [
        "[]",
        "[" * 100_000,
        '{"file": "x", "window": 1e400, "scores": [], "start_us": 1, "stop_us": 2, "time_s": 1.0}',
        '{"file": "x", "window": 0, "scores": [%s], "start_us": 1, "stop_us": 2, "time_s": 1.0}'
        % ("9" * 400),
        '{"file": "x", "window": 0, "scores": {"1": 2}, "start_us": 1, "stop_us": 2, "time_s": 1.0}',
        '{"file": "x", "window": 0, "scores": [], "start_us": 1, "stop_us": 2, "time_s": -1e300}',
        '{"file": "x", "window": 0, "scores": [], "start_us": 1, "stop_us": 2, "time_s": 1e300}',
        "\0" * 100,
        " " * (2 << 20),
    ],
)
@pytest.mark.parametrize("first", [False, True])
def test_damaged_answers_are_found_before_anything_is_written(line, first, folder, bench):
    with (folder / "answers.jsonl").open("w" if first else "a") as file:
        file.write(line + "\n")
    seal(folder)
    before = state(folder)
    status, said = resume(folder, "--bench", bench)
    foreign = first and line.startswith("{")
    assert (status, f"[answers.{'foreign' if foreign else 'damaged'}]" in said) == (1, True), said
    assert state(folder) == before


def test_the_folder_may_be_named_by_a_link(folder, bench, tmp_path):
    (tmp_path / "named").symlink_to(folder)
    assert former_session(tmp_path / "named", read_bench(bench)).workload == "kws01"
