"""The whole driver in docs/how-to/write-a-driver.md: it records from an instrument on a pty."""

from __future__ import annotations

import json
import os
import re
import select
import sys
import threading
import time
import tty

import pytest

from energy.cli.main import main
from tests.conftest import ROOT

PAGE = ROOT / "docs" / "how-to" / "write-a-driver.md"
ENTRY_POINTS = "[joulebench.monitors]\nacme-a1 = acme_a1:open_a1\n"
BENCH = """\
schema = "joulebench.bench/1"
name = "acme"
[dut]
board = "a board"
voltage_v = 3.0
[limits]
highest_v = 3.3
highest_a = 0.05
[monitor]
driver = "acme-a1"
port = "{port}"
"""
IDLE_NA, BUSY_NA = 1_000_000, 5_000_000
PERIOD, FIRST, SECOND, LOW = 1000, 200, 600, 5
"""In samples: the DUT's turn, the two pulses in it, and their length; it is busy between the two falls."""


def sample(number: int) -> tuple[int, int]:
    """The current in nA and the pin's level at a sample."""
    at = number % PERIOD
    low = FIRST <= at < FIRST + LOW or SECOND <= at < SECOND + LOW
    ripple_na = number % 7 * 1000  # no real current is the same for hundreds of samples
    return (BUSY_NA if FIRST <= at < SECOND else IDLE_NA) + ripple_na, 0 if low else 1


class FakeA1(threading.Thread):
    """The instrument: it answers and sends samples at its rate, on the other end of a pty.

    Args:
        lost: Numbers of samples that it takes and does not send.
        silent_after: Number of samples after which it sends nothing more.
        garbled_at: Number of a sample whose line is no sample.
    """

    def __init__(self, lost=range(0), silent_after=None, garbled_at=None) -> None:
        super().__init__(daemon=True)
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        self.port = os.ttyname(self.slave)
        self.lost, self.silent_after, self.garbled_at = lost, silent_after, garbled_at
        self.sent, self.begun = 0, None
        self.ended = threading.Event()

    def run(self) -> None:
        received = b""
        while not self.ended.is_set():
            if select.select([self.master], [], [], 0.01)[0]:
                *commands, received = (received + os.read(self.master, 4096)).split(b"\r\n")
                for command in commands:
                    self.answer(command)
            if self.begun is not None:
                self.send_due()

    def answer(self, command: bytes) -> None:
        if command == b"*IDN?":
            self.write("ACME,A1,0042,1.3\r\n")
        elif command == b"RUN":
            self.sent, self.begun = 0, time.monotonic()
            self.write("RUNNING\r\n")
        elif command == b"STOP":
            if self.begun is not None:
                self.send_due()
            self.begun = None
            self.write(f"STOPPED {self.sent}\r\n")

    def send_due(self) -> None:
        due = int((time.monotonic() - self.begun) * 1000)
        if self.silent_after is not None:
            due = min(due, self.silent_after)
        numbers = [number for number in range(self.sent, due) if number not in self.lost]
        lines = ["{} {} {}\r\n".format(number, *sample(number)) for number in numbers]
        if self.garbled_at in numbers:
            lines[numbers.index(self.garbled_at)] = f"{self.garbled_at} 12x4\r\n"
        self.sent = max(self.sent, due)
        self.write("".join(lines))

    def write(self, text: str) -> None:
        data = text.encode()
        while data and not self.ended.is_set():
            data = data[os.write(self.master, data) :]


@pytest.fixture
def record(tmp_path, monkeypatch, capsys):
    """A recording with the page's driver: its status, its output and its folder's session.json."""
    (source,) = re.findall(r"^```python\n(\"\"\"Driver of .*?)^```$", PAGE.read_text("utf-8"), re.M | re.S)
    site = tmp_path / "site"
    about = site / "acme_a1-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-a1\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(ENTRY_POINTS)
    (site / "acme_a1.py").write_text(source)
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PYTHONPATH", str(site))  # the guardian's process must find it, too
    monkeypatch.delitem(sys.modules, "acme_a1", raising=False)
    fakes = []

    def run(fake: FakeA1, words=(), extra=""):
        fakes.append(fake)
        fake.start()
        bench = tmp_path / "bench.toml"
        bench.write_text(BENCH.format(port=fake.port) + extra)
        out = tmp_path / "out"
        status = main(["record", "--bench", str(bench), "--out", str(out), "--json", *words])
        shown = capsys.readouterr()
        (about,) = out.glob("*/session.json")
        return status, shown, json.loads(about.read_text("utf-8"))

    yield run
    for fake in fakes:
        fake.ended.set()
        fake.join(5.0)
        os.close(fake.master)
        os.close(fake.slave)


def test_it_records_windows_whose_energy_is_that_of_the_instrument(record):
    status, shown, session = record(FakeA1(), ["--windows", "2"])
    document = json.loads(shown.out)
    assert status == 0, (document["findings"], shown.err)
    assert not document["virtual"]
    assert (session["monitor"]["model"], session["monitor"]["serial_number"]) == ("A1", "0042")
    assert len(document["windows"]) == 2
    truth_j = sum(sample(number)[0] for number in range(FIRST, SECOND)) * 1e-9 * 3.0 / 1000
    for window in document["windows"]:
        # An edge lies somewhere in the sample before the level that shows it.
        assert window["energies"]
        for rule in window["energies"].values():
            assert rule["energy_j"] == pytest.approx(truth_j, rel=1.5 / (SECOND - FIRST))


def test_samples_that_it_lost_are_a_finding(record):
    status, shown, session = record(FakeA1(lost=range(300, 310)), ["--windows", "1"])
    assert status == 1, shown.err
    assert "gap" in json.dumps(session["findings"])


@pytest.mark.parametrize(
    ("fake", "codes"),
    [
        (
            {"silent_after": 700},
            ("a1.silent", "monitor.silent"),
        ),  # on a busy host the session may see it first
        ({"garbled_at": 700}, ("a1.garbled",)),
    ],
)
def test_a_stream_that_ends_or_is_garbled_is_a_coded_error(record, fake, codes):
    status, shown, session = record(FakeA1(**fake), ["--seconds", "20"])
    assert status == 3
    assert session["error"]["code"] in codes
    assert f"[{session['error']['code']}]" in shown.err


@pytest.mark.parametrize(
    ("extra", "code"),
    [("rate_hz = 2000\n", "a1.rate"), ("[monitor.settings]\nboud = 9600\n", "a1.setting")],
)
def test_a_bench_file_that_asks_for_what_it_has_not_is_refused(record, extra, code):
    status, shown, _ = record(FakeA1(), ["--windows", "1"], extra)
    assert status == 3
    assert f"[{code}]" in shown.err
