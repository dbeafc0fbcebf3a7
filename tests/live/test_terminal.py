"""The view in the terminal: its lines, its program (by textual's pilot), and a session in a real terminal."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import socket
import struct
import sys
import termios
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from rich.cells import cell_len

from energy.live.braille import braille
from energy.live.feed import Feed
from energy.live.lines import findings, meters, plot, sessions, title, windows
from energy.live.scene import Known, Scene
from energy.live.terminal import LiveApp, unpacked
from energy.report.tables import recorded_row
from tests.conftest import ROOT
from tests.live.support import record_seen

_CONTROL = re.compile(r"\x1b(\[[0-9;?<>=$]*[ -/]*[@-~]|[()][0-9A-Za-z]|[=>]|\][^\x07]*\x07)")
WIDTHS = (60, 80, 120)
PROGRAM, VIEW = "energy.cli.main", "energy.live.terminal"


def text_of(lines):
    return ["".join(text for text, _ in line) for line in lines]


# Lines


def test_braille_has_a_dot_where_the_band_is_and_nowhere_else():
    low = np.array([0, 1, 2, 3, np.nan, 0], np.float32)
    high = np.array([0, 1, 2, 3, np.nan, 3], np.float32)
    (line,) = braille(low, high, 0.0, 3.0, 1)
    # Dots 7, 6 (and up); 2, 4: The Unicode Standard, 21.1. A rising line, then a gap, then a full column.
    assert line == "\N{BRAILLE PATTERN DOTS-67}\N{BRAILLE PATTERN DOTS-24}\N{BRAILLE PATTERN DOTS-4568}"


def test_a_step_is_a_vertical_line():
    low = np.array([0, 0, 7, 7], np.float32)
    rows = braille(low, low, 0.0, 7.0, 2)
    dots = np.array([[ord(char) - 0x2800 for char in row] for row in rows])
    assert bin(dots[0, 1]).count("1") + bin(dots[1, 1]).count("1") == 8  # from 7 down to 1, and 7


@pytest.mark.parametrize("rows", [6, 8, 13, 20])
@pytest.mark.parametrize("peak", [45.4e-3, 1.0, 7.3e-6, 0.0999, 123.0])
def test_the_values_beside_the_waveform_are_where_they_say(rows, peak):
    level = np.full((1, 3, 40), peak, np.float32)
    wave = {
        "columns": 40,
        "values": level,
        "start_s": 0.0,
        "stop_s": 1.0,
        "windows": [],
        "gaps": [],
        "edges": [],
    }
    lines = text_of(plot(wave, rows))[:-1]
    assert len(lines) <= rows
    values = {
        n: float(line.split()[0])
        for n, line in enumerate(lines)
        if not "\u2800" <= line.strip()[0] <= "\u28ff"
    }
    assert len(values) >= 2
    places, heights = np.array(list(values)), np.array(list(values.values()))
    assert len(set(np.diff(places))) == len(set(np.round(np.diff(heights), 6))) == 1
    assert places[-1] == len(lines) - 1
    assert heights[-1] == 0
    scaled = peak / 10 ** (3 * np.floor(np.log10(peak) / 3 + 1e-9))
    (at,) = [n for n, line in enumerate(lines) if set(line[9:]) != {"\u2800"}]
    shown = heights[0] * (1 - at / (len(lines) - 1))
    assert abs(shown - scaled) <= heights[0] / (len(lines) - 1)


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    feed = Feed()
    folder = tmp_path_factory.mktemp("live") / "session"
    result = record_seen(folder, feed, windows=5)
    feed.sessions[0].notes.append("trial 2, attempt 1 is not valid (edge.count): repeated")
    feed.end()
    return Scene(feed), result


@pytest.mark.parametrize("width", WIDTHS)
def test_no_line_is_wider_than_the_terminal_and_no_figure_is_cut(shown, width):
    scene, result = shown
    frame = scene.frame(10.0, 2 * (width - 11), Known())
    table = frame["windows"]
    lines = text_of(
        [
            *title(frame, frame["session"]["doing"], width),
            *meters(frame["session"], width),
            *plot(unpacked(frame["wave"]), 8),
            *windows(table, table["rows"], width),
            *findings(frame["session"], width),
            *sessions(frame["sessions"], width),
        ]
    )
    assert max(map(cell_len, lines)) <= width
    words = " ".join(lines).split()
    for figures in result.windows:
        energy = recorded_row(figures)[3].split()[0]
        assert energy in words
        assert recorded_row(figures)[6] in words


def test_the_latest_window_is_first_and_a_finding_stands_below_its_window():
    table = {
        "count": 2,
        "columns": ["window", "energy", "J/inference", "inf/s", "mean power", "length", "start", "findings"],
    }
    rows = [
        ["1", "1.000 J", "a", "b", "c", "d", "e", ""],
        ["2", "2.000 J", "a", "b", "c", "d", "e", "samples.gap"],
    ]
    lines = text_of(windows(table, rows, 40))
    assert lines[1].split()[0] == "2"
    assert lines[2].strip() == "samples.gap"
    assert lines[3].split()[0] == "1"


# The program


class Session:
    """The session's end of a view's socket."""

    def __init__(self):
        self.ours, self.theirs = socket.socketpair()
        self.ours.settimeout(5)
        self.messages = self.ours.makefile("r")

    def until(self, key):
        for line in self.messages:
            message = json.loads(line)
            if key in message:
                return message
        raise AssertionError(f"no message has {key}")

    def send(self, frame):
        self.ours.sendall((json.dumps(frame) + "\n").encode())

    def close(self):
        with contextlib.suppress(OSError):
            self.ours.shutdown(socket.SHUT_RDWR)
        self.messages.close()
        self.ours.close()
        self.theirs.close()


async def settled(pilot, condition):
    until = time.monotonic() + 10
    while not condition() and time.monotonic() < until:
        await pilot.pause(0.02)
    assert condition()


def screen(app):
    """What the terminal would show."""
    return "\n".join(
        "".join(segment.text for segment in strip) for strip in app.screen._compositor.render_strips()
    )


@pytest.mark.parametrize("width", WIDTHS)
def test_the_program_draws_the_frames_that_it_is_sent(shown, width):
    scene, result = shown

    async def run():
        with contextlib.closing(Session()) as session:
            app = LiveApp(session.theirs)
            async with app.run_test(size=(width, 30)) as pilot:
                asked = await asyncio.to_thread(session.until, "columns")
                frame = scene.frame(10.0, asked["columns"], Known())
                session.send({**frame, "over": False, "question": None})
                await settled(pilot, lambda: "window" in screen(app))
                seen = screen(app)
                for figures in result.windows:
                    assert recorded_row(figures)[3] in seen
                assert "finished" in seen
                assert any("\u2801" <= char <= "\u28ff" for char in seen)
                await settled(pilot, lambda: "^c" in screen(app))
                app.exit()

    asyncio.run(run())


def test_keys_reach_the_session(shown):
    scene, _ = shown

    async def run():
        with contextlib.closing(Session()) as session:
            app = LiveApp(session.theirs)
            async with app.run_test(size=(80, 24)) as pilot:
                first = await asyncio.to_thread(session.until, "span")
                await pilot.press("l")
                longer = first
                while longer["span"] == first["span"]:  # it tells its size more than once
                    longer = await asyncio.to_thread(session.until, "span")
                assert (float(first["span"]), float(longer["span"])) == (10, 60)
                await pilot.press("ctrl+c")
                assert (await asyncio.to_thread(session.until, "interrupt"))["interrupt"]
                frame = scene.frame(10.0, 100, Known())
                asking = {**frame, "question": [1, "Is the supply at 3 V?"]}
                session.send(asking)
                await settled(pilot, lambda: "Is the supply at 3 V?" in screen(app))
                await pilot.press(*"yes", "enter")
                assert (await asyncio.to_thread(session.until, "answer"))["answer"] == "yes"
                session.send(asking)  # one that was on its way already asks nothing more
                await pilot.pause(0.3)
                assert "Is the supply" not in screen(app)
                assert app.is_running
                await pilot.press("q")

    asyncio.run(run())


def test_it_ends_with_its_session():
    async def run():
        with contextlib.closing(Session()) as session:
            app = LiveApp(session.theirs)
            async with app.run_test(size=(80, 24)) as pilot:
                await asyncio.to_thread(session.until, "span")
                session.ours.shutdown(socket.SHUT_RDWR)
                session.close()
                await settled(pilot, lambda: not app.is_running)

    asyncio.run(run())


# A session in a real terminal


@dataclass
class Terminal:
    """A program in a terminal of its own."""

    child: int
    master: int
    shown: bytes = b""
    ended: int | None = None
    modes: list = field(default_factory=list)

    def read(self, seconds=0.1):
        if select.select([self.master], [], [], seconds)[0]:
            with contextlib.suppress(OSError):  # EIO: it has ended
                data = os.read(self.master, 65536)
                self.shown += data
                return bool(data)
            return False
        return True

    def until(self, text, seconds=40.0):
        end = time.monotonic() + seconds
        while text not in self.text and time.monotonic() < end and self.read():
            pass
        assert text in self.text, self.text[-2000:]

    @property
    def text(self):
        return _CONTROL.sub("", self.shown.decode("utf-8", "replace"))

    def status(self):
        """Its exit status, once it has ended."""
        end = time.monotonic() + 40
        ended = 0
        while not ended and time.monotonic() < end:
            # As long as the program has it: afterwards nobody can ask.
            with contextlib.suppress(termios.error):
                self.modes = termios.tcgetattr(self.master)
            ended, status = os.waitpid(self.child, os.WNOHANG)
            if not self.read():
                time.sleep(0.05)
        assert ended, self.text[-2000:]
        return os.waitstatus_to_exitcode(status)

    def processes(self, module):
        """The processes of this terminal that run a module."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):  # it has ended meanwhile
                    words = (entry / "cmdline").read_bytes().split(b"\0")
                    session = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[3])
                    if module.encode() in words and session == self.child:
                        found.append(int(entry.name))
        return found


@pytest.fixture
def terminal():
    opened = []

    def start(*words, width=80, within=()):
        child, master = pty.fork()
        if child == 0:
            os.chdir(ROOT)
            variables = {**os.environ, "TERM": "xterm-256color", "PYTHONPATH": str(ROOT)}
            variables.pop("COLUMNS", None)
            os.read(0, 1)  # until the terminal has its width
            command = [*within, sys.executable, "-m", PROGRAM, *map(str, words)]
            os.execve(command[0], command, variables)
        fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 32, width, 0, 0))
        os.write(master, b"\n")
        opened.append(Terminal(child, master))
        return opened[-1]

    yield start
    for one in opened:
        with contextlib.suppress(ProcessLookupError):
            os.kill(one.child, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(one.child, 0)
        os.close(one.master)


def supply_answers(folder):
    """What the monitor, which powers the DUT, has confirmed about its output, in order."""
    (log,) = folder.glob("*/log.jsonl")
    texts = [json.loads(line)["text"] for line in log.read_text().splitlines()]
    return [text.split("ack ")[1] for text in texts if "ack pwr o" in text]


def record(tmp_path, *more):
    pace = ("--set", "virtual.settings.pace=1")
    return ("record", "--iterations", "40", "--out", tmp_path, "--live", "terminal", *pace, *more)


def restored(modes):
    return bool(modes[3] & termios.ISIG) and bool(modes[3] & termios.ICANON) and bool(modes[3] & termios.ECHO)


@pytest.mark.clock
@pytest.mark.parametrize("width", WIDTHS)
def test_a_recording_is_shown_in_the_terminal_and_its_rows_follow(terminal, tmp_path, width):
    run = terminal(*record(tmp_path, "--windows", "3"), width=width)
    run.until("recording")
    run.until("end session")
    run.until(" mW")
    assert run.status() == 0
    before, after = run.shown.rsplit(b"\x1b[?1049l", 1)
    assert any("\u2801" <= char <= "\u28ff" for char in before.decode("utf-8", "replace"))
    assert "the live view has ended" not in run.text
    (folder,) = tmp_path.iterdir()
    document = json.loads((folder / "session.json").read_text())
    assert document["state"] == "finished"
    text = _CONTROL.sub("", after.decode("utf-8", "replace"))
    for window in document["windows"]:
        assert f"{window['energies']['exact']['energy_j'] * 1e3:.2f} mJ" in text
    assert restored(run.modes)


@pytest.mark.clock
def test_ctrl_c_in_the_view_ends_the_session_with_the_supply_off(terminal, tmp_path):
    run = terminal(*record(tmp_path))
    run.until("mW")
    os.write(run.master, b"\x03")
    assert run.status() in (0, 4)
    (folder,) = tmp_path.iterdir()
    document = json.loads((folder / "session.json").read_text())
    assert (document["state"], document["ended"]) == ("finished", "interrupted")
    assert restored(run.modes)
    assert [text.split()[1] for text in supply_answers(tmp_path)] == ["off", "on", "off"]


@pytest.mark.clock
@pytest.mark.parametrize("name", [signal.SIGKILL, signal.SIGSTOP])
def test_a_view_that_dies_or_hangs_leaves_the_session_and_its_terminal_alone(terminal, tmp_path, name):
    run = terminal(*record(tmp_path, "--windows", "5"))
    run.until("mW")
    (view,) = run.processes(VIEW)
    os.kill(view, name)
    run.until("the live view has ended, the session goes on")
    os.write(run.master, b"")
    assert run.status() == 0
    (folder,) = tmp_path.iterdir()
    document = json.loads((folder / "session.json").read_text())
    assert (document["state"], len(document["windows"])) == ("finished", 5)
    assert restored(run.modes)


@pytest.mark.clock
def test_after_a_view_that_was_closed_rows_come_and_ctrl_c_works_as_without_it(terminal, tmp_path):
    run = terminal(*record(tmp_path))
    run.until("mW")
    os.write(run.master, b"q")
    run.until("the live view has ended, the session goes on")
    run.until("mean power")  # the table's heading, then its first row
    assert run.processes(PROGRAM)
    os.write(run.master, b"\x03")
    assert run.status() == 0
    (folder,) = tmp_path.iterdir()
    document = json.loads((folder / "session.json").read_text())
    assert document["ended"] == "interrupted"
    after = run.text.split("the session goes on")[1]
    assert f"{document['windows'][0]['energies']['exact']['energy_j'] * 1e3:.2f} mJ" in after


@pytest.mark.clock
@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_session_and_view(terminal, tmp_path, name):
    run = terminal(*record(tmp_path))
    run.until("mW")
    os.kill(run.child, name)
    assert run.status() in (0, 4)
    (folder,) = tmp_path.iterdir()
    assert json.loads((folder / "session.json").read_text())["ended"] == "interrupted"
    assert restored(run.modes)


@pytest.mark.clock
def test_a_session_under_nohup_stays_when_its_terminal_hangs_up(terminal, tmp_path):
    shell = ("/bin/sh", "-c", "trap '' HUP; exec \"$@\"", "sh")
    run = terminal(*record(tmp_path, "--windows", "5"), within=shell)
    run.until("mW")
    os.kill(run.child, signal.SIGHUP)
    assert run.status() == 0
    (folder,) = tmp_path.iterdir()
    document = json.loads((folder / "session.json").read_text())
    assert (document["state"], len(document["windows"])) == ("finished", 5)


@pytest.mark.clock
def test_a_view_whose_session_is_killed_leaves_the_terminal(terminal, tmp_path):
    shell = ("/bin/sh", "-c", '"$@"; echo the shell is back; sleep 3; stty -a', "sh")
    run = terminal(*record(tmp_path), within=shell)
    run.until("mW")
    (host,) = set(run.processes(PROGRAM)) - {run.child}
    (view,) = run.processes(VIEW)
    os.kill(host, signal.SIGKILL)
    run.until("the shell is back")
    assert run.status() == 0
    assert not Path(f"/proc/{view}").exists()
    assert b"\x1b[?1049l" in run.shown
    assert re.search(r"(?<!-)isig icanon", run.text)


@pytest.mark.clock
@pytest.mark.parametrize("dies", [False, True])
def test_a_question_of_the_session_is_answered_in_the_view_or_without_it(terminal, tmp_path, dies):
    words = ("measure", "--workload", "ad01", "--mode", "energy", "--out", tmp_path, "--live", "terminal")
    run = terminal(*words, "--set", "ambient.temperature_c=ask")
    run.until("The session asks: Ambient temperature")
    if dies:
        os.kill(*run.processes(VIEW), signal.SIGKILL)
        run.until("the live view has ended")
        run.until("\aAmbient temperature in °C? ")
    os.write(run.master, b"23.5\r")
    assert run.status() == 0
    (folder,) = tmp_path.iterdir()
    assert json.loads((folder / "session.json").read_text())["ambient_c"] == 23.5
