"""The page of a validation in a real browser."""

from __future__ import annotations

from energy.report.validation_page import write_page
from tests.browser import accessibility, printed
from tests.report.test_validation_page import EVIL, make_report


def test_the_page_opens_without_an_error_a_request_or_a_barrier(browse, tmp_path):
    page = browse(write_page(make_report(tmp_path, ["acme", EVIL]), tmp_path / "page.html"))
    assert accessibility(page) == []


def test_the_page_prints(browse, tmp_path):
    page = browse(write_page(make_report(tmp_path, ["acme"]), tmp_path / "page.html"))
    sheets = printed(page, tmp_path / "page.pdf")
    assert len(sheets) >= 1
    assert all(" Tj" in sheet or " TJ" in sheet for sheet in sheets)
