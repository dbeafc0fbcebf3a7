"""The live page in a real browser, while a virtual bench is recorded."""

from __future__ import annotations

import time

import pytest

from energy.live.feed import Feed
from energy.live.server import served
from energy.report.tables import RECORDED_COLUMNS, recorded_row
from energy.report.units import engineering
from tests.browser import accessibility, browse, chromium, printed
from tests.live.support import in_background, record_seen

__all__ = ["browse", "chromium"]

WAIT_MS = 30_000


class Held(Feed):
    """A feed that waits at its second window, so that a test can look at a session that runs."""

    def __init__(self):
        super().__init__()
        self.held = self.go_on = False

    def window(self, figures):
        super().window(figures)
        if len(self.sessions[-1].windows) == 2:
            self.held = True
            until = time.monotonic() + 60
            while not self.go_on and time.monotonic() < until:
                time.sleep(0.01)


def wait_for(condition, seconds=30.0):
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.02)
    assert condition()


def rows_of(page, table="windows"):
    return page.evaluate(
        f"[...document.querySelectorAll('#{table} tbody tr')].map(r => [...r.cells].map(c => c.textContent))"
    )


def wait_for_rows(page, count):
    wait_for(lambda: len(rows_of(page)) == count)


def painted(page, quantity="power"):
    """How many pixels of a canvas have the colour of the waveform's mean, nearly."""
    return page.evaluate(
        """quantity => {
            const canvas = document.getElementById(`wave-${quantity}`), pen = canvas.getContext("2d");
            const style = getComputedStyle(document.body).getPropertyValue(`--${quantity}`).trim();
            const want = [1, 3, 5].map(k => parseInt(style.slice(k, k + 2), 16));
            const data = pen.getImageData(0, 0, canvas.width, canvas.height).data;
            let count = 0;
            for (let i = 0; i < data.length; i += 4) {
                if (data[i + 3] > 200 && want.every((v, k) => Math.abs(data[i + k] - v) < 30)) count++;
            }
            return count;
        }""",
        quantity,
    )


def test_a_browser_sees_the_recording_and_its_figures_are_those_of_the_result(browse, tmp_path):
    feed = Held()
    with served(feed) as server:
        with in_background(lambda: record_seen(tmp_path / "session", feed, windows=4)) as recorded:
            wait_for(lambda: feed.held)
            page = browse(server.url)
            wait_for(lambda: page.evaluate("document.querySelectorAll('#windows tbody tr').length == 2"))
            assert page.evaluate("document.body.dataset.state") == "recording"
            assert painted(page) > 300
            assert page.inner_text("#virtual") == "VIRTUAL"
            shown = rows_of(page)
            running = [recorded_row(figures) for figures in reversed(feed.sessions[0].windows)]
            assert [row[:-1] for row in shown] == running
            feed.go_on = True
        result = recorded.result()
        feed.end()
        wait_for(lambda: page.evaluate("document.body.dataset.state == 'finished'"))
        wait_for_rows(page, 4)
    assert [row[:-1] for row in rows_of(page)] == [
        recorded_row(figures) for figures in reversed(result.windows)
    ]
    heads = page.eval_on_selector_all("#windows th", "cells => cells.map(c => c.textContent)")
    assert heads == [*RECORDED_COLUMNS, "findings"]
    cost = result.figures.joule_per_inference()
    assert cost is not None
    assert page.inner_text("#meter-cost .value") == engineering(cost.median, "J")
    assert "over" in page.inner_text("#doing")


def finished(tmp_path, **bench):
    feed = Feed()
    record_seen(tmp_path / "session", feed, **bench)
    return feed


def test_the_span_can_be_chosen_and_a_point_read(browse, tmp_path):
    feed = finished(tmp_path)
    with served(feed) as server:
        page = browse(server.url)
        page.wait_for_selector("#wave-power", timeout=WAIT_MS)
        before = page.evaluate("wave.stop_s - wave.start_s")
        page.click("button[data-span='1']")
        wait_for(lambda: page.evaluate("Math.abs(wave.stop_s - wave.start_s - 1) < 1e-6"))
        assert before > 1.0
        assert page.get_attribute("button[data-span='1']", "aria-pressed") == "true"
        assert page.get_attribute("button[data-span='10']", "aria-pressed") == "false"
        box = page.locator("#wave-power").bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 60)
        wait_for(lambda: page.evaluate("document.getElementById('reading').textContent.includes('W')"))
        place = page.evaluate("[wave.start_s, wave.stop_s]")
        second = float(page.inner_text("#reading").split(" s:")[0])
        assert place[0] < second < place[1]
        page.click("#pause")
        assert page.get_attribute("#pause", "aria-pressed") == "true"


def test_the_page_is_accessible_in_light_and_dark_and_prints(browse, tmp_path):
    feed = finished(tmp_path)
    with served(feed) as server:
        page = browse(server.url)
        page.wait_for_selector("#windows tbody tr", timeout=WAIT_MS)
        assert accessibility(page) == []
        assert len(printed(page, tmp_path / "page.pdf")) in (1, 2)


@pytest.mark.parametrize("width", [360, 800, 1400])
def test_nothing_is_wider_than_the_page(browse, tmp_path, width):
    feed = finished(tmp_path)
    with served(feed) as server:
        page = browse(server.url, viewport={"width": width, "height": 800})
        page.wait_for_selector("#windows tbody tr", timeout=WAIT_MS)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_an_error_and_its_remedy_are_on_the_page(browse, tmp_path):
    from energy.errors import BenchError

    feed = Feed()
    with pytest.raises(BenchError) as caught:
        record_seen(tmp_path / "session", feed, windows=50, faults=[("overcurrent-stop", {"at_s": 6.0})])
    with served(feed) as server:
        page = browse(server.url)
        page.wait_for_selector("#error:not([hidden])", timeout=WAIT_MS)
        assert (
            page.inner_text("#error") == f"{caught.value.message} [{caught.value.code}] {caught.value.hint}"
        )
        assert page.evaluate("document.body.dataset.state") == "failed"


def test_a_browser_that_is_closed_does_not_disturb_the_recording(browse, tmp_path):
    feed = Held()
    with (
        served(feed) as server,
        in_background(lambda: record_seen(tmp_path / "session", feed, windows=4)) as recorded,
    ):
        wait_for(lambda: feed.held)
        page = browse(server.url)
        page.wait_for_selector("#windows tbody tr", timeout=WAIT_MS)
        page.context.close()
        wait_for(lambda: server.viewers == 0)
        feed.go_on = True
    assert len(recorded.result().windows) == 4
    assert feed.defect is None
