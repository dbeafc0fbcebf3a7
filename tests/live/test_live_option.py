"""``--live`` on the command line: the address, what it refuses, and how it ends."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from energy.cli.main import main
from tests.conftest import ROOT
from tests.live.support import answer_of, frames_in

PACED = ("--set", "virtual.settings.pace=1")


def program(*words, **options):
    command = [sys.executable, "-m", "energy.cli.main", *map(str, words)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def address(run):
    found = re.fullmatch(r"live view: (http://127\.0\.0\.1:(\d+)/([\w-]{20,})/)\n", run.stderr.readline())
    assert found
    return found[1], int(found[2]), found[3]


def events(port, token):
    request = f"GET /{token}/events?span=all HTTP/1.1\nHost: 127.0.0.1:{port}\n\n"
    return frames_in(answer_of(port, request, limit=40_000))


def test_the_address_is_printed_and_the_results_are_those_of_the_page(tmp_path):
    run = program("record", "--live", "--json", "--windows", 5, "--iterations", 40, "--out", tmp_path, *PACED)
    _, port, token = address(run)
    last = None
    while run.poll() is None:
        try:
            last = (events(port, token) or [last])[-1]
        except (OSError, IndexError):
            break  # it is ending
    out, err = run.communicate(timeout=60)
    assert run.returncode == 0, err
    document = json.loads(out)
    assert last is not None
    shown = [float(row[3].split()[0]) for row in last["windows"]["rows"]]
    energies = [window["energies"]["exact"]["energy_j"] * 1e3 for window in document["windows"]]
    assert shown
    assert shown == pytest.approx(energies[: len(shown)], rel=1e-3)


def test_measure_shows_each_of_its_sessions(tmp_path):
    run = program(
        "measure", "--live", "--workload", "ad01", "--mode", "performance,energy", "--out", tmp_path
    )
    _, port, token = address(run)
    frames = []
    while run.poll() is None and len(frames) < 400:
        try:
            frames += events(port, token)
        except (OSError, IndexError):
            break
    _, err = run.communicate(timeout=100)
    assert run.returncode == 0, err
    modes = [[session["mode"] for session in frame["sessions"]] for frame in frames]
    assert ["performance", "energy"] in modes
    assert any(
        frame["session"] and frame["session"]["doing"].startswith("ad01 energy: trial") for frame in frames
    )


def test_ctrl_c_ends_the_session_beside_an_open_page(tmp_path):
    run = program("record", "--live", "--out", tmp_path, *PACED)
    url, _, _ = address(run)
    with urllib.request.urlopen(url + "events", timeout=30) as page:
        while b'"recording"' not in page.readline():
            pass
        run.send_signal(signal.SIGINT)
        rest = page.read()
    run.communicate(timeout=60)
    assert run.returncode in (0, 4)
    assert b'"over":true' in rest
    (folder,) = tmp_path.iterdir()
    assert json.loads((folder / "session.json").read_text())["ended"] == "interrupted"
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(url, timeout=5)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--live-port", "8000"], "usage.live-port"),
        (["--live", "terminal", "--live-port", "8000"], "usage.live-port"),
        (["--live", "--live-port", "70000"], "usage.live-port"),
        (["--live", "web", "--live-port", "-1"], "usage.live-port"),
    ],
)
@pytest.mark.parametrize("verb", ["record", "measure"])
def test_a_port_that_cannot_be_is_refused_before_anything_is_done(verb, words, code, tmp_path, capsys):
    assert main([verb, *words, "--out", str(tmp_path / "sessions")]) == 2
    assert f"[{code}]" in capsys.readouterr().err
    assert not (tmp_path / "sessions").exists()


def test_without_a_terminal_the_view_in_one_is_refused(tmp_path):
    run = program(
        "record",
        "--live",
        "terminal",
        "--out",
        tmp_path / "s",
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    _, err = run.communicate(timeout=60)
    assert run.returncode == 2
    assert "[usage.live-terminal]" in err
    assert "use --live" in err
    assert not (tmp_path / "s").exists()


def test_without_textual_the_view_in_a_terminal_names_what_to_install(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["record", "--live", "terminal", "--out", str(tmp_path / "s")]) == 2
    shown = capsys.readouterr().err
    assert "[usage.live-terminal]" in shown
    assert "pip install 'joulebench[live]'" in shown
    assert not (tmp_path / "s").exists()


def test_help_names_the_view_and_loads_nothing_of_it():
    code = (
        "import sys\nfrom energy.cli.main import main\n"
        "try:\n    main(['record', '--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = ('energy.live', 'textual', 'http.server', 'numpy')\n"
        "print(sorted(name for name in sys.modules if name.startswith(heavy)))"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    ).stdout
    assert "--live" in out
    assert out.endswith("[]\n")
