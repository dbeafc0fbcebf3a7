"""One known world through every monitor: each error within its derived bound, and the docs' table is that."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.session.truth import CASES, HEAD, measure

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "monitors-truth.md"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_error_lies_within_the_bound_that_the_instrument_sets(case, tmp_path):
    row = measure(case, tmp_path / "recording")
    assert row.error <= row.bound
    if case.driver == "joulescope":
        assert row.error <= row.bound <= 1e-6
    shown = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if f"| {case.name} |" in line]
    assert len(shown) == 1, "python -m tests.session.truth > docs/reference/monitors-truth.md"
    cells = [cell.strip() for cell in shown[0].split("|")]
    assert float(cells[5]) == pytest.approx(row.bound, rel=0.2)
    assert float(cells[4]) <= float(cells[5])


def test_the_page_is_what_is_measured():
    text = PAGE.read_text(encoding="utf-8")
    assert text.startswith(HEAD)
    assert len(text.removeprefix(HEAD).splitlines()) == len(CASES)
