"""Tables at every width: no digit is cut, no line is wider than the terminal."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

import joulebench as jb
from energy.bench.discovery import Found
from energy.cli.layout import LiveTable, drawn, wrapped
from energy.report.plugged_in import plugged_in_table
from energy.report.sessions import accuracy_table, session_table
from energy.report.table import Table
from energy.report.tables import RECORDED_COLUMNS, recorded_row, summary_table, window_table
from energy.report.validation_rows import rows_of, table_of
from energy.runs.measured import load, measure_run
from fixtures.make_recordings import FOLDER
from tests.cli.on_terminal import on_terminal

WIDTHS = (40, 60, 80, 120, 200)
NUMBER = re.compile(r"\d+(?:\.\d+)?")
LONG_PORT = (
    "/dev/serial/by-id/usb-STMicroelectronics_PowerShield__Virtual_ComPort_in_FS_Mode__FFFFFFFEFFFF-if00"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("sessions")


@pytest.fixture(scope="module")
def tables(folder) -> dict[str, Table]:
    """A table of each kind that the program prints."""
    sessions = jb.measure_all("virtual", ["kws01"], out=folder)
    accuracy = jb.measure("virtual", "kws01", "accuracy", limit=3, out=folder)
    measured = measure_run(load(FOLDER))
    report = jb.validate(folder, workers=1).report
    found = [Found(role="monitor", driver="lpm01a", port=LONG_PORT, description="ST PowerShield 0483:5740")]
    recorded = [recorded_row(figures) for figures in measured.session.windows]
    return {
        "windows": window_table(measured),
        "summary": summary_table([measured, measured], ["closed/acme/results/a-board/kws", "b"]),
        "sessions": session_table([session.outcome for session in sessions], []),
        "accuracy": accuracy_table([accuracy.outcome]),
        "validation": table_of(rows_of(report)),
        "plugged in": plugged_in_table(found),
        "shipped": Table("Shipped", ["kind", "name"], [["page", "docs/how-to/measure.md"]], text=(0, 1)),
        "recorded": Table("Windows", RECORDED_COLUMNS, recorded, text=()),
    }  # fmt: skip


KINDS = ("windows", "summary", "sessions", "accuracy", "validation", "plugged in", "shipped", "recorded")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_table_keeps_every_cell_and_fits(tables, kind, width):
    table = tables[kind]
    assert table.rows
    lines = drawn(table, width)
    assert max(cell_len(line.text) for line in lines) <= width
    text = "\n".join(line.text for line in lines)
    for note in table.notes:
        assert note in " ".join(text.split())
    for row in table.rows + table.footer:
        for column, cell in enumerate(row):
            if column not in table.text and cell not in ("", "–"):
                assert re.search(rf"(?<![\d.]){re.escape(cell)}(?![\d.])", text), (cell, text)
            for number in NUMBER.findall(cell) if cell_len(cell) <= 24 else ():
                assert number in NUMBER.findall(text)


def test_a_wide_terminal_has_a_table_and_a_narrow_one_a_line_for_each_cell(tables):
    table = tables["windows"]
    wide, narrow = drawn(table, 120), drawn(table, 40)
    assert [line.kind for line in wide].count("row") == len(table.rows)
    assert [line.text for line in narrow if line.text.startswith("  mW ")] == [
        f"  mW            {row[7]}" for row in table.rows + table.footer
    ]


@pytest.mark.parametrize("width", WIDTHS)
def test_windows_that_come_one_after_the_other_fit_too(tables, width):
    rows = tables["recorded"].rows
    live = LiveTable(RECORDED_COLUMNS, width)
    lines = [*live.heading(), *(line for row in rows for line in live.row(row, "window.too-short"))]
    assert max(cell_len(line.text) for line in lines) <= width
    text = "\n".join(line.text for line in lines)
    for row in rows:
        assert all(cell in text for cell in row)
    assert text.count("window.too-short") == len(rows)


@given(st.text("aB3.-_/ ,µ漢", max_size=60), st.integers(2, 30))
def test_a_wrapped_text_keeps_all_letters_and_fits(text, width):
    lines = wrapped(text, width)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(cell_len(line) <= width for line in lines)


def test_a_number_is_never_wrapped_while_it_fits():
    assert wrapped("energy 1234.567 µJ, 12:30:45.125 and 10-20", 9) == [
        "energy", "1234.567", "µJ,", "12:30:45.", "125 and", "10-20",
    ]  # fmt: skip


@pytest.mark.parametrize("width", [40, 60, 80])
def test_what_verbs_print_in_a_narrow_terminal_has_every_number_of_a_wide_one(folder, tables, width):
    paths = [str(path) for path in sorted(folder.glob("*-energy"))]
    for words in (["integrate", *paths], ["validate", *paths, "--workers", "1"], ["shipped"]):
        wide, narrow = on_terminal(words, 200), on_terminal(words, width)
        numbers = set(NUMBER.findall(wide)) - set(NUMBER.findall(str(folder)))
        assert numbers
        assert not numbers - set(NUMBER.findall(narrow)), words
