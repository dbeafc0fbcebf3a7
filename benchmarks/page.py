"""Opening the page of a long recording in a browser, beside a page that holds plotly and an empty plot."""

from __future__ import annotations

import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from benchmarks.results import Row, Section, Target
from benchmarks.timing import Contender, alternate
from energy.recording.store import RecordingWriter
from energy.report.pages.parts import Plot
from energy.report.pages.parts import Section as Part
from energy.report.pages.session import trace_page
from energy.report.pages.skeleton import Page, plotly_js, write_page
from energy.runs.measurement import WindowOptions
from energy.signal import Block, Edge, SampleKind, Signal

if TYPE_CHECKING:
    from playwright.sync_api import Browser

RATE_HZ = 1e6
_WINDOWS = 5
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
_LARGEST_MB, _LONGEST_S = 4.0, 2.0


def page(count: int, repeats: int, folder: Path) -> Section:
    """Times the page of a session of current and voltage at 1 MS/s, from its address to its trace drawn.

    Args:
        count: Samples.
        repeats: Timed runs of each.
        folder: Where recording and pages go; they are removed.
    """
    here = folder / "page"
    shutil.rmtree(here, ignore_errors=True)
    _record(here / "recording", count)
    empty = Page("Session", "nothing", [Part("traces", "Trace", [Plot("trace", "An empty plot.")])])
    whole, bare = here / "page.html", here / "empty.html"
    writing = alternate(
        [
            Contender("write the page", lambda: _write(here / "recording", whole)),
            Contender("write a page with an empty plot", lambda: write_page(empty, bare)),
        ],
        min(repeats, 5),
    )
    threads: list[float] = []
    try:
        with _browser() as browser:
            opening = alternate(
                [
                    Contender("open it and draw its trace", lambda: threads.append(_open(browser, whole))),
                    Contender("open the empty one and draw it", lambda: _open(browser, bare)),
                ],
                repeats,
            )
        beyond_mb = (whole.stat().st_size - len(plotly_js().encode())) / 1e6
    finally:
        shutil.rmtree(here)
    timings = {**writing, **opening}
    names = list(timings)
    rows = [
        Row(name, runs, count, "S", ratio=Row(name, runs, count).median_s / Row("", base, count).median_s)
        for (name, runs), base in zip(
            timings.items(), [timings[names[1]]] * 2 + [timings[names[3]]] * 2, strict=True
        )
    ]
    return Section(
        f"The page of a session of {count} samples",
        rows,
        [
            Target("page beyond plotly itself, MB", beyond_mb, _LARGEST_MB, "at most"),
            Target("time of its thread until the trace is drawn, s", median(threads), _LONGEST_S, "at most"),
        ],
        [
            "Each run opens the page in a new tab of the same browser; nothing is cached.",
            "The target is judged by the time of the page's own thread, which a busy machine leaves alone.",
        ],
    )


def _record(folder: Path, count: int) -> None:
    random = np.random.default_rng(15)
    length = count // _WINDOWS
    edges = [(length * n + length * 0.1, length * n + length * 0.9) for n in range(_WINDOWS)]
    signal = Signal(SampleKind.CURRENT_VOLTAGE, RATE_HZ, "float32")
    with RecordingWriter(folder, signal, virtual=True) as writer:
        for first in range(0, count, 1_000_000):
            at = np.arange(first, min(first + 1_000_000, count))
            current = 0.002 + 0.001 * random.random(len(at))
            for opening, closing in edges:
                current[(at >= opening) & (at < closing)] += 0.01
            voltage = 1.8 + 0.01 * random.random(len(at))
            writer.append(Block(first, (current.astype(np.float32), voltage.astype(np.float32))))
        for pair in edges:
            for position in pair:
                writer.edge(Edge(position, 0.5, source="d7"))


def _write(recording: Path, path: Path) -> None:
    write_page(trace_page(recording, WindowOptions(iterations=1000)), path)


@contextmanager
def _browser() -> Generator[Browser]:
    from playwright.sync_api import sync_playwright

    path = next(filter(None, map(shutil.which, _NAMES)), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


def _open(browser: Browser, path: Path) -> float:
    """Opens a page, waits until its trace is drawn, and returns the time of the page's thread, s."""
    tab = browser.new_page(viewport={"width": 1400, "height": 900})
    tools = tab.context.new_cdp_session(tab)
    tools.send("Performance.enable", {"timeDomain": "threadTicks"})  # pyright: ignore[reportUnknownMemberType]
    tab.goto(f"{path.resolve().as_uri()}#traces")
    tab.wait_for_selector("#trace[data-drawn]")
    answer = cast("dict[str, Any]", tools.send("Performance.getMetrics"))  # pyright: ignore[reportUnknownMemberType]
    tab.close()
    return next(float(metric["value"]) for metric in answer["metrics"] if metric["name"] == "ThreadTime")
