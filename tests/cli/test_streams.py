"""Outputs that cannot be written, encodings without our letters, readers that go, and Ctrl-C."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from energy.cli.measure import words as items
from tests.cli.test_cli import DEMO
from tests.conftest import ROOT

LONG = "x" * 300


def run(words, stdout=subprocess.PIPE, text=True, env=()) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "energy.cli.main", *map(str, words)]
    environment = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"], **dict(env)}
    return subprocess.run(
        command,
        cwd=ROOT,
        check=False,
        env=environment,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=text,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["plot", DEMO, "--out", "/proc/no/x.png"], "picture.unwritable"),
        (["integrate", DEMO, "--picture", "/proc/x.svg"], "picture.unwritable"),
        (["validate", DEMO, "--html", "/proc/x.html"], "page.unwritable"),
        (["validate", DEMO, "--html", "FOLDER.html"], "page.unwritable"),
        (["doctor", "--out", "/proc/no/sessions"], "session.folder"),
        (["record", "--windows", "1", "--out", "/proc/no/sessions"], "session.folder"),
        (["init", "--monitor", "lpm01a", "--out", "/proc/x.toml"], "bench.unwritable"),
        (["plot", LONG], "system.enametoolong"),
        (["sessions", LONG], "system.enametoolong"),
        (["measure", "--workload", "ad01", "--datasets", LONG], "system.enametoolong"),
    ],
)
def test_a_file_that_cannot_be_written_or_read_is_a_coded_error(words, code, tmp_path):
    (tmp_path / "FOLDER.html").mkdir()
    answer = run([tmp_path / word if word == "FOLDER.html" else word for word in words])
    assert answer.returncode == 2, answer.stderr
    assert f"[{code}]\nhint: " in answer.stderr
    assert "Traceback" not in answer.stderr


def test_an_old_page_stays_when_a_new_one_is_refused(tmp_path):
    page = tmp_path / "page.html"
    assert run(["validate", DEMO, "--html", page]).returncode in (0, 1)
    before = page.read_bytes()
    assert run(["validate", tmp_path / "nothing", "--html", page]).returncode == 2
    assert page.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_an_encoding_without_our_letters_shows_others(encoding):
    words = ["integrate", DEMO]
    plain = run(words, env={"PYTHONIOENCODING": "utf-8"})
    shown = run(words, env={"PYTHONIOENCODING": encoding}, text=False)
    assert (shown.returncode, shown.stderr) == (plain.returncode, b"")
    text = shown.stdout.decode(encoding)
    assert re.findall(r"\d+\.\d+", text) == re.findall(r"\d+\.\d+", plain.stdout)
    assert ("uJ/inf" if encoding == "ascii" else "µJ/inf") in text


def test_json_in_ascii_is_the_same_document():
    plain, shown = (
        run(["integrate", DEMO, "--json"], env={"PYTHONIOENCODING": name}).stdout
        for name in ("utf-8", "ascii")
    )
    assert json.loads(plain) == json.loads(shown)


def test_a_recording_goes_on_when_its_rows_cannot_be_shown(tmp_path):
    with Path("/dev/full").open("w") as full:
        answer = run(["record", "--windows", "2", "--out", tmp_path], stdout=full)
    assert answer.returncode == 2
    assert "[system.enospc]" in answer.stderr
    (folder,) = tmp_path.iterdir()
    assert '"state": "finished"' in (folder / "session.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "words",
    [
        ["shipped"],
        ["integrate", str(DEMO)],
        ["integrate", str(DEMO), "--json"],
        ["list", "--json"],
        ["validate", str(DEMO), "--json"],
        ["record", "--windows", "1", "--out", "OUT", "--json"],
    ],
)
def test_output_that_is_full_closed_or_left_is_no_traceback(words, tmp_path):
    words = [str(tmp_path) if word == "OUT" else word for word in words]
    with Path("/dev/full").open("w") as full:
        answer = run(words, stdout=full)
    assert (answer.returncode, answer.stderr.count("[system.enospc]")) == (2, 1)
    assert "Traceback" not in answer.stderr
    assert "Exception ignored" not in answer.stderr
    command = shlex.join([sys.executable, "-m", "energy.cli.main", *words])
    closed = subprocess.run(
        ["sh", "-c", f"{command} >&-"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (closed.returncode, closed.stderr.count("[system.ebadf]")) == (2, 1)
    reader, writer = os.pipe()
    os.close(reader)
    left = run(words, stdout=writer)
    os.close(writer)
    assert (left.returncode, left.stderr) == (2, "")


def test_an_interrupt_shows_what_is_finished_and_how_to_run_the_rest(tmp_path):
    out = tmp_path / "runs"
    command = [
        sys.executable,
        "-m",
        "energy.cli.main",
        "measure",
        "--workload",
        "ad01,kws01",
        "--out",
        str(out),
    ]
    command += ["--set", "virtual.settings.ppm=20.0", "--label", "slow one"]
    host = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 90
    while not list(out.glob("*-ad01-energy")) and time.monotonic() < deadline:
        time.sleep(0.01)
    host.send_signal(signal.SIGINT)
    shown, errors = host.communicate(timeout=60)
    assert host.returncode == 4, errors
    assert "VIRTUAL ad01" in shown
    assert "190.0" in shown  # inferences per second, as published
    rest = [
        shlex.split(line.removeprefix("run the rest with: "))
        for line in errors.splitlines()
        if line.startswith("run the rest with: ")
    ]
    assert [words[:2] for words in rest] == [["joulebench", "measure"]] * 2
    asked = [(words[words.index("--workload") + 1], words[words.index("--mode") + 1]) for words in rest]
    assert asked == [("ad01", "energy"), ("kws01", "performance,energy")]
    assert [items(modes) for _, modes in asked] == [["energy"], ["performance", "energy"]]
    for words in rest:
        assert words[words.index("--label") + 1] == "slow one"
        assert words[words.index("--set") + 1] == "virtual.settings.ppm=20.0"


def test_an_interrupt_inside_executed_text_does_not_change_the_exit_status(tmp_path):
    """CPython would end itself with SIGINT after it; `dataclasses` executes text at imports."""
    program = (
        "import sys, energy.cli.main as cli\n"
        "def interrupted(parser, options): exec('raise KeyboardInterrupt')\n"
        "cli._run = interrupted\n"
        "sys.argv = ['joulebench', 'list']\n"
        "sys.exit(cli.main())\n"
    )
    (tmp_path / "interrupted.py").write_text(program)
    command, path = [sys.executable, "-m", "interrupted"], {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, env=path, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (4, "interrupted\n")
