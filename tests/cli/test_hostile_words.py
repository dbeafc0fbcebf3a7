"""Every text of a session attacks the terminal: nothing but plain characters comes out of any verb."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import shutil
from pathlib import Path

import pytest

from energy.cli.main import main
from tests.report.hostile import EVIL, SPOKEN, STEERS, hostile_session, rewrite

FORMULA = ("=", "+", "-", "@", "\t", "\r")


@pytest.fixture(scope="module")
def session(tmp_path_factory) -> Path:
    """A session with a hostile DUT, every text of whose documents was replaced as well."""
    measured = hostile_session(tmp_path_factory.mktemp("sessions"))
    folder = shutil.copytree(measured, tmp_path_factory.mktemp("in") / "=1+1\x1bc\u202esession")
    assert rewrite(folder) > 100
    return folder


VERBS = {
    "integrate": lambda at, out: ["integrate", at, "--details", "--budget"],
    "integrate --json": lambda at, out: ["integrate", at, "--json"],
    "validate": lambda at, out: ["validate", at, "--all"],
    "validate --json": lambda at, out: ["validate", at, "--json"],
    "compare": lambda at, out: ["compare", at, at, "--terms"],
    "check": lambda at, out: [
        "check",
        at,
        "--max-energy",
        "1mJ",
        "--junit",
        out / "j.xml",
        "--markdown",
        out / "summary.txt",
    ],
    "sessions": lambda at, out: ["sessions", at.parent],
    "sessions --json": lambda at, out: ["sessions", at.parent, "--json"],
    "sessions --csv": lambda at, out: ["sessions", at.parent, "--csv"],
    "reanalyse": lambda at, out: ["reanalyse", at.parent, "--all"],
    "recover": lambda at, out: ["recover", at],
    "plot": lambda at, out: ["plot", at, "--out", out / "a.svg"],
    "plot latency": lambda at, out: ["plot", "latency", at, "--no-atlas", "--out", out / "b.svg"],
    "report": lambda at, out: ["report", at, "--out", out / "a.html"],
    "export": lambda at, out: ["export", at, out / "a.csv"],
    "package": lambda at, out: [
        *("package", at, "--out", out / "tree", "--organization", "o", "--system", "s", "--division", "open"),
        *("--allow-virtual", "--allow-errors"),
    ],
    "a missing file": lambda at, out: ["integrate", at / EVIL],
    "a wrong verb": lambda at, out: [EVIL],
    "a wrong option": lambda at, out: ["integrate", at, f"--{SPOKEN}"],
    "a wrong condition": lambda at, out: ["sessions", at.parent, "--where", EVIL],
    "a wrong bench": lambda at, out: ["doctor", "--bench", EVIL],
}


def run(words) -> str:
    printed = io.StringIO()
    with (
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(printed),
        contextlib.suppress(SystemExit),
    ):
        main([str(word) for word in words])
    return printed.getvalue()


@pytest.mark.parametrize("name", VERBS)
def test_nothing_that_steers_a_terminal_comes_out(name, session, tmp_path):
    printed = run(VERBS[name](session, tmp_path))
    assert printed
    assert "internal" not in printed, printed
    assert "Traceback" not in printed
    assert not STEERS.search(printed), ascii(printed)
    for path in tmp_path.rglob("*"):
        if path.suffix in (".svg", ".xml", ".md", ".csv", ".json", ".txt") and path.is_file():
            text = path.read_text(encoding="utf-8")
            assert not STEERS.search(text), (path.name, ascii(STEERS.findall(text)))
            assert "<script>" not in text or path.suffix in (".csv", ".json", ".txt"), path.name


@pytest.mark.parametrize("name", ["sessions --csv", "export"])
def test_no_cell_of_a_table_is_a_formula(name, session, tmp_path):
    printed = run(VERBS[name](session, tmp_path))
    texts = [path.read_text(encoding="utf-8") for path in tmp_path.glob("*.csv")] or [printed]
    cells = [cell for text in texts for row in csv.reader(io.StringIO(text)) for cell in row]
    assert len(cells) > 10
    assert not [cell for cell in cells if cell.startswith(FORMULA) and not is_number(cell)]


def is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def test_the_log_file_has_a_line_for_each_record_and_nothing_that_steers(session, tmp_path):
    run(["integrate", session, "-vv", "--log-file", tmp_path / "log.txt"])
    text = (tmp_path / "log.txt").read_text(encoding="utf-8")
    assert text
    assert not STEERS.search(text)


def test_the_names_of_a_session_s_files_are_plain_whatever_its_dut_is_called(session):
    assert all(path.name.isascii() and path.name.isprintable() for path in session.rglob("*"))
    assert json.loads((session / "session.json").read_text(encoding="utf-8"))["dut"]["name"] == EVIL
