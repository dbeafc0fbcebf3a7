"""Pipes, sockets and devices in place of every path that any verb takes, found in the program's own table.

Nothing of the kind is opened, to read or to write: a pipe makes a program wait for ever, a device has no end.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import os
import re
import shutil
import signal
import socket
import sys
from pathlib import Path

import pytest

from energy.cli.main import main
from tests.cli.arguments import Place, places
from tests.cli.test_cli import DEMO

KINDS = ("pipe", "socket", "device", "link to a pipe", "link to itself", "link to nothing", "below a file")
LONGEST_S = 120
"""For a session that is refused, and its imports, on a busy machine; a pipe is waited for without an end."""
_FOLDERS = getattr(os, "O_PATH", 0) | getattr(os, "O_DIRECTORY", 0)
_ENDINGS = {
    "--picture": ".png",
    "--html": ".html",
    "--bundle": ".zip",
    "--elf": ".elf",
    "--catalogue": ".csv",
}
_OUT = {"plot": ".png", "report": ".html", "catalogue page": ".html", "catalogue": ".csv", "export": ".csv"}


class Opened:
    """What this process opens by Python, and what anybody opens among the watched names (Linux, inotify)."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.watched = ""
        sys.addaudithook(self._heard)

    def _heard(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.watched and event == "open" and isinstance(arguments[0], str | bytes | os.PathLike):
            name = os.fsdecode(arguments[0])
            creates = isinstance(arguments[2], int) and arguments[2] & os.O_EXCL
            looks = isinstance(arguments[2], int) and arguments[2] & _FOLDERS
            if Path(name).name == self.watched and not creates and not looks:
                self.names.append(name)


OPENED = Opened()


@contextlib.contextmanager
def inotify(path: Path):
    """Yields a function that answers how often a pipe or device was opened, by native code as well."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "inotify_init1") or not path.exists() or path.is_dir():
        yield lambda: b""
        return
    descriptor = libc.inotify_init1(os.O_NONBLOCK)
    libc.inotify_add_watch(descriptor, os.fsencode(path), 0x20)  # IN_OPEN

    def events() -> bytes:
        try:
            return os.read(descriptor, 4096)
        except BlockingIOError:
            return b""

    yield events
    os.close(descriptor)


def make(kind: str, path: Path) -> Path:
    """Puts something that is no file at a path; answers the path to name."""
    other = path.with_name(f"other-{path.name}")
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(os.path.relpath(path))
    elif kind == "device":
        try:
            os.mknod(path, 0o020666, os.makedev(1, 5))  # as /dev/zero
        except PermissionError:
            path.symlink_to("/dev/zero")
    elif kind == "link to a pipe":
        os.mkfifo(other)
        path.symlink_to(other)
    elif kind == "link to itself":
        path.symlink_to(path)
    elif kind == "link to nothing":
        path.symlink_to(path.parent / "nothing" / "here")
    else:
        path.write_text("a file")
        return path / path.name
    return path


def ending(place: Place) -> str:
    """The ending that a file of this argument has."""
    if place.option in _ENDINGS:
        return _ENDINGS[place.option]
    if place.dest == "out":
        return _OUT.get(" ".join(place.words), _OUT.get(place.words[0], ".toml"))
    return ".toml"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A recording and a plan, for the arguments that are needed beside the strange one."""
    root = tmp_path_factory.mktemp("fitting")
    shutil.copytree(DEMO, root / "recording")
    (root / "plan.toml").write_text(
        'schema = "joulebench.sweep/1"\nname = "a"\nbench = "virtual"\n[axes]\nworkload = ["kws01"]\n'
    )
    return root


def fitting(root: Path, at: Path) -> dict[str, object]:
    """Values for the arguments that are needed beside the strange one, and words that keep a verb short."""
    one = ["--workload", "kws01", "--mode", "energy"]
    return {
        **dict.fromkeys(("PATH", "SESSION", "RESULT", "ARCHIVE", "FOLDER"), root / "recording"),
        **{"PLAN": root / "plan.toml", "FILE": at / "o.csv", "DIR": at / "o", "ROW": "x", "NAME": "x"},
        **{"calcheck FILE": "virtual", "catalogue page FILE": at / "o.html"},
        **{"measure": one, "demo": ["--workload", "kws01"], "check": ["--max-energy", "1mJ"]},
        **{"calcheck": ["--resistor", "100", "--yes"]},
    }


def outcome(words: list[str]) -> tuple[int, str]:
    """The exit status of a command and all that it prints; fails where it takes longer than any refusal."""
    printed = io.StringIO()

    def late(number: int, frame: object) -> None:
        raise TimeoutError(f"{' '.join(words)} waits")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(LONGEST_S)
    try:
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            return main(words), printed.getvalue()
    except SystemExit as ended:
        return int(str(ended.code)), printed.getvalue()
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


PLACES = places()
TRIED = [
    place for place in PLACES if place.option != "--log-file" or place.words in (("integrate",), ("measure",))
]
"""The log file is the program's own option, the same for every verb."""


def test_the_table_of_verbs_gives_every_kind_of_path():
    verbs = {place.words[0] for place in PLACES}
    assert {"integrate", "validate", "plot", "report", "sessions", "compare", "recover", "reanalyse"} <= verbs
    assert {"package", "catalogue", "export", "calcheck", "check", "doctor", "measure", "sweep"} <= verbs
    assert {"--resume", "--bench", "--elf", "--form", "--baseline", "--junit", "--html"} <= {
        place.option for place in PLACES
    }


@pytest.mark.parametrize("place", TRIED, ids=lambda place: place.name)
def test_nothing_special_is_opened_wherever_a_path_is_named(place, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number, kind in enumerate(KINDS):
        at = tmp_path / str(number)
        at.mkdir()
        path = make(kind, at / f"strange{ending(place)}")
        if kind == "link to nothing" and place.metavar == "DIR":
            continue  # the folder that it leads to is made, as by mkdir
        before = sorted(at.iterdir())
        OPENED.names, OPENED.watched = [], path.name
        with inotify(path) as events:
            status, printed = outcome(place.line(str(path), fitting(folder, tmp_path)))
            OPENED.watched = ""
            assert status != 0, (kind, printed)
            assert re.search(r"[\[(][a-z0-9]+\.[a-z0-9-]+[\])]|[a-z]+\.[a-z-]+:", printed), (kind, printed)
            assert "internal" not in printed, (kind, printed)
            if kind in KINDS[:4]:
                assert OPENED.names == [], (kind, printed)
            assert events() == b"", (kind, printed)
        assert sorted(at.iterdir()) == before, (kind, printed)
