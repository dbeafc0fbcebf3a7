"""Text from elsewhere cannot steer what shows it: terminal, log, figure, CSV, JSON."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.errors import LONGEST_MESSAGE, BenchError
from energy.printable import escaped, for_cell, for_figure, for_json, printable, printable_lines
from energy.recording.jsonvalues import json_text
from tests.conftest import ROOT

HOSTILE = "a\x1b[31m\x9b2J\u202e\u2028\x7f\udcff$x$\r\n\tb"


def test_a_line_holds_no_character_that_is_not_printable():
    assert printable(HOSTILE).isprintable()
    assert printable("µJ – 日本") == "µJ – 日本"
    assert printable_lines("a\n\tb\r") == "a\n\tb\N{REPLACEMENT CHARACTER}"
    assert escaped("a\x1b\u202e\n") == r"a\x1b\u202e\n"


def test_an_error_is_of_a_length_that_can_be_read_whatever_an_instrument_answered():
    error = BenchError("n6705.answer", "begin" + "x" * 100_000 + "end", "hint")
    assert len(error.message) <= LONGEST_MESSAGE
    assert error.message.startswith("beginx")
    assert error.message.endswith("xend")
    left_out = int(re.search(r" \((\d+) characters more\) ", error.message)[1])
    assert left_out == 100_008 - error.message.count("x") - len("beginend")
    assert str(error) == f"{error.message} [n6705.answer]"
    whole = "y" * LONGEST_MESSAGE
    assert BenchError("n6705.answer", whole, "hint").message == whole


@given(st.text())
def test_json_stays_the_same_document_and_is_plain_text(text):
    document = {text: [text]}
    shown = json_text(document)
    assert json.loads(shown) == document
    assert not any(ord(c) < 32 or 0x7F <= ord(c) <= 0x9F or 0xD800 <= ord(c) <= 0xDFFF for c in shown)
    assert for_json(shown) == shown


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", "  =1", "\uff1d1"])
def test_no_cell_begins_as_a_formula(text):
    file = io.StringIO()
    csv.writer(file).writerow([for_cell(text)])
    (cell,) = next(csv.reader(io.StringIO(file.getvalue())))
    assert cell.startswith("'")
    assert for_cell("d7") == "d7"


def test_a_dollar_in_a_title_is_drawn_as_it_is(tmp_path):
    from matplotlib.figure import Figure

    figure = Figure()
    figure.suptitle(for_figure(r"a $\frac{1$ b $"))
    figure.savefig(tmp_path / "a.png")  # raises for a formula that cannot be read
    assert (tmp_path / "a.png").stat().st_size > 0


def joulebench(*words: str, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "energy.cli.main", *words],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=120,
        **options,
    )


RECORDING = "fixtures/recordings/kws01-closed-form"


def test_an_error_line_carries_no_control_character_of_a_name():
    done = joulebench("integrate", "x\x1b[31m\x9b.csv", stdout=subprocess.PIPE)
    assert done.returncode != 0
    assert "path.missing" in done.stderr
    assert all(c.isprintable() or c == "\n" for c in done.stderr)


def test_output_that_cannot_be_written_is_an_error_and_no_traceback():
    with open("/dev/full", "w", encoding="utf-8") as full:  # noqa: PTH123
        done = joulebench("integrate", RECORDING, stdout=full)
    assert done.returncode == 2
    assert "system.enospc" in done.stderr
    assert "Traceback" not in done.stderr


def test_units_are_spelled_where_the_output_knows_ascii_only():
    done = joulebench("integrate", RECORDING, stdout=subprocess.PIPE, env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0
    assert "exact uJ" in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("verb", ["integrate", "plot", "validate"])
def test_a_name_of_300_characters_is_an_error_and_no_traceback(verb):
    done = joulebench(verb, "x" * 300, stdout=subprocess.PIPE)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
