"""What the door shows in a notebook and in a terminal: escaped, and VIRTUAL where it is."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import time
from html.parser import HTMLParser

import pytest

import joulebench as jb
from tests.door.test_door import write_recording

EVIL = "<script>alert(1)</script>&\"'"


class Tags(HTMLParser):
    """The tags of a piece of HTML; each that is opened is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        assert not self._open

    def handle_starttag(self, tag, attrs):
        self.names.add(tag)
        self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.names.add(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.text += data


KNOWN_TAGS = {"br", "div", "p", "b", "table", "thead", "tbody", "tfoot", "tr", "th", "td", "progress"}


def test_everything_shows_itself_escaped_and_says_virtual(sessions, tmp_path):
    write_recording(tmp_path / EVIL.replace("/", "|"), about={"model": EVIL, EVIL: EVIL, "board": EVIL})
    recording = jb.open(tmp_path / EVIL.replace("/", "|"))
    performance, energy, _ = sessions[0]
    energy.trials[0].trial.input_name = EVIL
    shown = [
        recording,
        jb.integrate(recording),
        jb.integrate_all(tmp_path),
        *sessions[0],
        sessions[0],
        energy.trials[0],
        performance.trials[0],
        jb.validate(*sessions[0]),
        jb.doctor("virtual", out=tmp_path),
    ]
    for one in shown:
        page = Tags(one._repr_html_())
        assert page.names <= KNOWN_TAGS, type(one)
        assert "VIRTUAL" in page.text, type(one)
        assert "VIRTUAL" in repr(one) or type(one).__name__ not in ("Recording", "Figures", "Validation")
    assert EVIL in Tags(recording._repr_html_()).text
    assert EVIL in Tags(energy.trials[0]._repr_html_()).text


def test_a_real_notebook_shows_a_session_a_figure_and_a_bar(tmp_path):
    client = pytest.importorskip("jupyter_client", reason="ipykernel is not installed: install the extra dev")
    pytest.importorskip("ipykernel")
    manager = client.KernelManager()
    manager.start_kernel(cwd=str(tmp_path), env={**os.environ, "JUPYTER_PLATFORM_DIRS": "1"})
    try:
        kernel = manager.client()
        kernel.start_channels()
        kernel.wait_for_ready(timeout=60)
        messages: list[dict] = []

        def cell(code: str) -> None:
            answer = kernel.execute_interactive(
                code, timeout=120, output_hook=lambda message: messages.append(message)
            )
            assert answer["content"]["status"] == "ok", answer["content"]

        cell("import joulebench as jb\nresult = jb.measure('virtual', 'ad01')\nresult")
        cell("jb.plot(result)")
        kernel.stop_channels()
    finally:
        manager.shutdown_kernel(now=True)
    kinds = [(one["msg_type"], one["content"].get("data", {})) for one in messages]
    results = [data for kind, data in kinds if kind == "execute_result"]
    assert "VIRTUAL" in Tags(results[0]["text/html"]).text
    assert results[1]["image/png"]
    bars = [data["text/html"] for kind, data in kinds if kind in ("display_data", "update_display_data")]
    assert any("<progress" in page and "ad01 energy" in page for page in bars[1:])
    assert bars[-1] == ""
    assert not [one for one in messages if one["msg_type"] == "stream"], "library code does not print"


def test_a_terminal_shows_a_line_that_goes_away(tmp_path):
    master, slave = pty.openpty()
    script = "import sys, joulebench as jb; jb.measure('virtual', 'ad01', out=sys.argv[1])"
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, stderr=slave
    ) as process:
        os.close(slave)
        seen = b""
        end = time.monotonic() + 120
        while time.monotonic() < end:
            try:
                piece = os.read(master, 1 << 16)
            except OSError:
                break
            if not piece:
                break
            seen += piece
        assert process.wait(60) == 0, seen.decode()
        assert process.stdout is not None
        assert process.stdout.read() == b""
    os.close(master)
    assert b"measuring" in seen
    assert seen.endswith(b"\r\x1b[K")
