"""A session's folder chooses no instrument, no address and no program, whatever its documents name."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import sys
from pathlib import Path

import pytest

import joulebench as jb
from energy.cli.main import main
from tests.cli.arguments import Place, places

EVENTS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "socket.connect", "pty.spawn")
ADDRESS = "192.0.2.1"
"""An address that leads nowhere (RFC 5737)."""
READS = {"ARCHIVE", "FOLDER", "OLD", "PATH", "RESULT", "SESSION"}


class Done:
    """Programs that were started, addresses that were connected, files that were opened, by their names."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.on = False
        sys.addaudithook(self._heard)

    def _heard(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.on and (event in EVENTS or (event == "open" and "/dev/tty" in str(arguments[0]))):
            self.events.append(f"{event} {arguments!r}"[:300])


DONE = Done()


@pytest.fixture(scope="module")
def measured(tmp_path_factory) -> Path:
    """A session on the virtual bench."""
    return jb.measure("virtual", "kws01", out=tmp_path_factory.mktemp("sessions"), progress=False).folder


@pytest.fixture
def hostile(measured, tmp_path) -> tuple[Path, Path]:
    """A copy whose documents name programs and instruments, and the file that its program would make."""
    folder, made = shutil.copytree(measured, tmp_path / "session"), tmp_path / "made"
    path = folder / "session.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    bench = document["bench"]
    bench["supply"] = {"driver": "hook", "port": f"touch {made}", "settings": {}}
    bench["monitor"] |= {"driver": "keithley-2450", "port": f"TCPIP::{ADDRESS}::5025::SOCKET"}
    bench["io_manager"] |= {"port": "/dev/ttyACM99"}
    bench["dut"] |= {"port": f"socket://{ADDRESS}:9", "commands": ["name"]}
    bench["dut"] |= {"firmware": "/etc/hostname", "firmware_energy": "/etc/hostname"}
    bench.pop("virtual")
    document["monitor"]["url"] = f"socket://{ADDRESS}:9"
    document["state"] = "interrupted"
    path.write_text(json.dumps(document), encoding="utf-8")
    return folder, made


PLACES = [place for place in places() if place.metavar in READS and place.option in ("", "--baseline")]


def test_there_are_such_arguments():
    verbs = {place.words[0] for place in PLACES}
    assert {"integrate", "validate", "sessions", "recover", "reanalyse", "package", "phases"} <= verbs


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
def test_no_verb_starts_or_opens_what_a_session_names(place: Place, hostile, tmp_path, monkeypatch):
    folder, made = hostile
    monkeypatch.chdir(tmp_path)
    fitting = {
        **dict.fromkeys(("PATH", "SESSION", "RESULT", "ARCHIVE", "FOLDER"), folder),
        **{"FILE": tmp_path / "o.csv", "DIR": tmp_path / "o", "NAME": "x", "ROW": "x"},
        **{"catalogue page FILE": tmp_path / "o.html", "check": ["--max-energy", "1mJ"]},
        **{"validate": ["--workers", "1"], "plot overlay": [], "catalogue": ["--workers", "1"]},
    }
    line = place.line(str(folder), fitting)
    line += [str(folder)] if place.words in (("compare",), ("plot", "overlay")) else []
    DONE.events, DONE.on = [], True
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as said:
            main(line)
    finally:
        DONE.on = False
    assert DONE.events == [], said.getvalue()
    assert not made.exists()


def test_a_session_is_resumed_on_the_bench_that_is_named_and_on_no_other(hostile):
    folder, made = hostile
    DONE.events, DONE.on = [], True
    try:
        for words in ([], ["--bench", "virtual"]):
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as said:
                status = main(["measure", "--resume", str(folder), *words])
            assert status == 2
            assert ("usage.resume-bench" if not words else "session.resume") in said.getvalue()
    finally:
        DONE.on = False
    assert not [event for event in DONE.events if ADDRESS in event or str(made) in event]
    assert not made.exists()
