"""The browser of the tests finds what it has to find: errors, requests, poor contrast, missing names."""

from __future__ import annotations

import asyncio

import pytest

from tests.browser import Watch, accessibility, printed

GOOD = """<!DOCTYPE html><html lang="en"><head><title>A page</title></head>
<body><main><h1>A page</h1>{}</main></body></html>"""


def written(tmp_path, body: str):
    path = tmp_path / "page.html"
    path.write_text(GOOD.format(body), encoding="utf-8")
    return path


@pytest.fixture
def watched(monkeypatch):
    """The complaints of the test, taken away before ``browse`` fails it because of them."""
    made: list[Watch] = []
    init = Watch.__init__

    def noted(self, *args, **options):
        init(self, *args, **options)
        made.append(self)

    monkeypatch.setattr(Watch, "__init__", noted)

    def take() -> list[str]:
        complaints = [complaint for watch in made for complaint in watch.complaints]
        for watch in made:
            watch.complaints.clear()
        return complaints

    return take


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("<script>console.error('oh')</script>", "console error: oh"),
        ("<script>throw new Error('oh')</script>", "exception: oh"),
        ("<script>fetch('http://192.0.2.1/x').catch(() => 0)</script>", "request: GET http://192.0.2.1/x"),
        ("<img alt='' src='other.png'>", "other.png"),
        ("<link rel='stylesheet' href='https://192.0.2.1/a.css'>", "request: GET https://192.0.2.1/a.css"),
    ],
)
def test_what_a_page_may_not_do_is_noticed(browse, watched, tmp_path, body, complaint):
    page = browse(written(tmp_path, body), offline=True)
    page.wait_for_timeout(200)
    assert any(complaint in line for line in watched())


def test_a_harmless_page_is_not_accused(browse, tmp_path):
    page = browse(
        written(tmp_path, "<img alt='' src='data:image/gif;base64,R0lGODlhAQABAAAAACw='><p>Text</p>")
    )
    assert accessibility(page) == []


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("<p style='color:#aaa;background:#fff'>pale</p>", "color-contrast"),
        ("<input type='text'>", "label"),
        ("<button></button>", "button-name"),
    ],
)
def test_barriers_are_found(browse, tmp_path, body, found):
    lines = accessibility(browse(written(tmp_path, body)), schemes=("light",))
    assert any(f" {found}:" in line for line in lines)


def test_each_sheet_of_a_printed_page_is_read(browse, tmp_path):
    page = browse(written(tmp_path, "<p>first</p><p style='break-before:page'>second</p>"))
    assert len(printed(page, tmp_path / "page.pdf")) == 2


def test_another_test_can_run_an_event_loop_of_its_own(chromium):
    assert asyncio.run(asyncio.sleep(0, result=3)) == 3
