"""The program's log and its completion, as a person meets them: a process of its own, a real shell."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from tests.cli.test_cli import DEMO, joulebench
from tests.conftest import ROOT


def measured(folder, *words):
    return joulebench(
        "measure", "--workload", "ad01", "--mode", "performance", "--out", folder / "sessions", *words
    )


def test_the_log_file_has_each_line_of_each_wire_as_the_session_s_own_log_has_it(tmp_path):
    log = tmp_path / "program.log"
    done = measured(tmp_path, "--log-file", log)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    text = log.read_text(encoding="utf-8")
    (session,) = (tmp_path / "sessions").glob("*/log.txt")
    lines = [line.split(maxsplit=1)[1] for line in session.read_text(encoding="utf-8").splitlines()]
    wires = [" ".join(line.split()) for line in lines if not line.startswith("session")]
    assert wires
    assert [
        " ".join(line.split(" wire: ")[1].split()) for line in text.splitlines() if " wire: " in line
    ] == wires
    assert "INFO    session:" in text
    assert text.splitlines()[-1].endswith("DEBUG   joulebench: exit status 0")
    measured(tmp_path, "--log-file", log)
    assert log.read_text(encoding="utf-8").startswith(text)  # it is appended to


@pytest.mark.parametrize(
    ("option", "decisions", "wires"),
    [("", False, False), ("-v", True, False), ("-vv", True, True), ("-q", False, False)],
)
def test_decisions_and_wires_are_shown_where_they_are_asked_for(tmp_path, option, decisions, wires):
    done = measured(tmp_path, *filter(None, [option]))
    assert done.returncode == 0, done.stderr
    assert ("session: a window takes" in done.stderr) == decisions
    assert ("wire: dut > infer 10 1%" in done.stderr) == wires
    assert bool(done.stderr) == decisions
    assert "ad01" in done.stdout


def test_the_options_stand_before_the_verb_as_well(tmp_path):
    log = tmp_path / "list"  # the name of a verb
    done = joulebench("-v", "--log-file", log, "integrate", DEMO)
    assert done.returncode == 0, done.stderr
    assert "joulebench: exit status 0" in log.read_text(encoding="utf-8")
    assert joulebench(f"--log-file={log}", "integrate", DEMO).returncode == 0
    assert joulebench("--log", log, "integrate", DEMO).returncode == 0


def test_a_log_file_that_cannot_be_written_is_an_error_with_a_hint(tmp_path):
    done = joulebench("integrate", DEMO, "--log-file", tmp_path / "missing" / "log")
    assert done.returncode == 2
    assert "usage.log-file" in done.stderr
    assert "hint: " in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of a file")
def test_a_log_file_on_a_full_disk_does_not_end_the_work_and_is_named_once(tmp_path):
    words = ["-m", "energy.cli.main", "integrate", str(DEMO), "--log-file", str(tmp_path / "log")]
    script = 'ulimit -f 0; exec "$0" "$@"'  # no file may grow: a device such as /dev/full is refused
    done = subprocess.run(
        ["bash", "-c", script, sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("cannot be written any more") == 1
    assert "Traceback" not in done.stderr


def test_an_error_is_in_the_log_file_too(tmp_path):
    log = tmp_path / "log"
    done = joulebench("integrate", tmp_path / "nothing", "--log-file", log)
    assert done.returncode == 2
    assert "ended by UsageError" in log.read_text() or "ended by RecordingError" in log.read_text()


def completed(tmp_path, *words: str) -> set[str]:
    """What a real bash offers after these words."""
    script = tmp_path / "completion.bash"
    made = joulebench("--print-completion", "bash")
    assert made.returncode == 0, made.stderr
    script.write_text(made.stdout)
    typed = " ".join(f"'{word}'" for word in words)
    asked = f"source {script}; COMP_WORDS=({typed}); COMP_CWORD={len(words) - 1}; "
    asked += (
        'f=$(complete -p joulebench | sed "s/.*-F \\([^ ]*\\) .*/\\1/"); $f; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    answer = subprocess.run(["bash", "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True)
    return {word.strip() for word in answer.stdout.splitlines()}


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_a_real_bash_completes_verbs_and_their_options(tmp_path):
    pytest.importorskip("shtab")
    assert completed(tmp_path, "joulebench", "mea") == {"measure"}
    assert {"--bench", "--workload", "--verbose"} <= completed(tmp_path, "joulebench", "measure", "--")


def test_zsh_has_a_completion_and_another_shell_is_refused():
    pytest.importorskip("shtab")
    made = joulebench("--print-completion", "zsh")
    assert made.stdout.startswith("#compdef joulebench")
    assert "validate" in made.stdout
    assert joulebench("--print-completion", "fish").returncode == 2


def test_without_a_verb_the_usage_says_so():
    done = joulebench()
    assert done.returncode == 2
    assert "VERB" in done.stderr
