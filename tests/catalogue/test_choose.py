"""Rows by words, conditions and names."""

from __future__ import annotations

import pytest

from energy.catalogue.choose import chosen, row_named
from energy.catalogue.row import read_rows
from energy.errors import UsageError

ROWS = read_rows()


@pytest.mark.parametrize(
    "words", ["pynq-z2 hls4ml", "PYNQZ2 HLS4ML", "hls4ml  Pynq-z2 ", "open hls4ml pynqz2"]
)
def test_words_are_found_whatever_their_marks_and_case(words):
    ids = {row.id for row in chosen(ROWS, [words], ["round=v0.5"])}
    assert ids == {"v0.5/open/hls4ml/pynqz2/ad", "v0.5/open/hls4ml/pynqz2/ic"}


def test_conditions_are_those_of_a_plain_loop_over_the_printed_figures():
    found = chosen(
        ROWS, [], ["benchmark=kws", "energy<1mJ", "latency<=20ms", "voltage=1.8V", "monitor!=js110"]
    )
    plain = [
        row
        for row in ROWS
        if row.printed["benchmark"] == "kws"
        and row.printed["energy_uj_per_inf"]
        and float(row.printed["energy_uj_per_inf"]) < 1000
        and float(row.printed["latency_ms"]) <= 20
        and row.printed["voltage_mv"] == "1800.0"
        and row.printed["emon"] != "js110"
    ]
    assert found == plain
    assert len(plain) > 5


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("energy", 163),
        ("energy<1e9", 163),
        ("energy>0uJ", 163),
        ("round = V0.5", 19),
        ("division=open", 15),
        ("organisation~RENESAS", 12),
        ("monitor!=lpm01a", 365 - 154),
        ("verdict=error", 15),
        ("windows=1", 9),
        ("monitor_inferred=true", 21),
        ("monitor_inferred", 21),
        ("monitor_inferred=false", 365 - 21),
    ],
)
def test_a_condition_counts_what_the_file_holds(text, count):
    assert len(chosen(ROWS, [], [text])) == count


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("enrgy<1mJ", "did you mean energy"),
        ("energy<1mW", "no number with the unit"),
        ("energy<", "has no value"),
        ("latency<fast", "no number"),
        ("<1mJ", "is no condition"),
        ("system<abc", "no number"),
        ("", "is no condition"),
        ("energy<1.2.3mJ", "no number"),
    ],
)
def test_a_condition_that_means_nothing_is_refused(text, why):
    with pytest.raises(UsageError, match=why):
        chosen(ROWS, [], [text])


def test_a_row_is_named_by_id_path_or_words_that_only_it_has():
    row = row_named(ROWS, "v0.5/closed/reference/Nucleo-L4R5ZI/ic")
    assert row.printed["energy_uj_per_inf"] == "29207.01"
    assert row_named(ROWS, row.path) == row
    assert row_named(ROWS, "v0.5 harvard ic") == row
    assert row_named(ROWS, "V0.5/closed/REFERENCE/ic") == row
    with pytest.raises(UsageError, match="4 published rows are called 'harvard reference'"):
        row_named(ROWS, "harvard reference")
    with pytest.raises(UsageError, match="no published row is called 'harvrd'"):
        row_named(ROWS, "harvrd")
    with pytest.raises(UsageError, match=r"did you mean v0\.5/closed/reference/Nucleo-L4R5ZI/ic"):
        row_named(ROWS, "v0.5/closed/reference/Nucleo-L4R5Z/icx")
