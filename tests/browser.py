"""A real browser for the tests of pages: Chromium without a window, which may ask for nothing but the page.

A test takes the fixture ``browse`` and opens a file with it::

    def test_a_page(browse, tmp_path):
        page = browse(tmp_path / "page.html")
        page.get_by_label("Workload").select_option("kws")

When the test ends, it fails if the page printed an error, threw, or asked for any address but its own,
``data:`` and ``blob:``. A page of a server on this machine is opened by its address; what lies below that
address is allowed.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import zlib
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = (
    "--headless",
    "--no-sandbox",  # tests run as root in a container
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
_HARMLESS = ("data:", "blob:", "about:")
_STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SCHEMES = ("light", "dark")
WIDE = {"width": 1400, "height": 900}

Browse = Callable[..., "Page"]


@dataclass
class Watch:
    """What a page did that it may not do.

    Attributes:
        base: Its own address.
        complaints: Errors on the console, exceptions and requests to elsewhere.
    """

    base: str
    complaints: list[str] = field(default_factory=list[str])

    def on_console(self, message: ConsoleMessage) -> None:
        """Notes an error or warning on the console; the browser reports a broken policy there, too."""
        if message.type in ("error", "warning"):
            self.complaints.append(f"console {message.type}: {message.text}")

    def on_exception(self, error: Exception) -> None:
        """Notes an exception that nothing caught."""
        self.complaints.append(f"exception: {error}")

    def on_request(self, request: Request) -> None:
        """Notes a request that leaves the page."""
        address = request.url
        own = address.split("#")[0]
        inside = own == self.base or (self.base.startswith("http") and own.startswith(self.base))
        if not inside and not address.startswith(_HARMLESS):
            self.complaints.append(f"request: {request.method} {address[:200]}")


def chromium_path() -> str:
    """Where Chromium is; skips the test where it is not installed, but fails it in CI."""
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        reason = (
            "Chromium is not installed, so no page can be opened: as root on Debian or Ubuntu .ci/toolchains"
        )
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return path


@dataclass(frozen=True)
class _Running:
    browser: Browser
    loop: asyncio.AbstractEventLoop

    @contextmanager
    def here(self) -> Generator[Browser]:
        """Lets the browser's event loop count as running only meanwhile: other tests start their own."""
        before = asyncio._get_running_loop()
        asyncio._set_running_loop(self.loop)  # as playwright's own calls do
        try:
            yield self.browser
        finally:
            asyncio._set_running_loop(before)


@pytest.fixture(scope="session")
def chromium() -> Generator[_Running]:
    """A browser for all tests of this worker."""
    path = chromium_path()
    from playwright.sync_api import sync_playwright

    playwright = sync_playwright().start()
    loop = asyncio.get_running_loop()
    running = _Running(playwright.chromium.launch(executable_path=path, args=list(_ARGUMENTS)), loop)
    asyncio._set_running_loop(None)
    yield running
    with running.here():
        running.browser.close()
        playwright.stop()


@dataclass
class Pages:
    """Opened pages, each in a context of its own, and what they did that they may not do."""

    browser: Browser
    watches: list[Watch] = field(default_factory=list[Watch])
    contexts: list[BrowserContext] = field(default_factory=list)

    def open(self, where: Path | str, **options: Any) -> Page:
        """Opens a file or an address."""
        address = where.resolve().as_uri() if isinstance(where, Path) else where
        context = self.browser.new_context(**{"viewport": WIDE, "accept_downloads": True, **options})
        self.contexts.append(context)
        context.set_default_timeout(20_000)
        watch = Watch(address.split("#")[0])
        self.watches.append(watch)
        context.on("request", watch.on_request)
        page = context.new_page()
        page.on("console", watch.on_console)
        page.on("pageerror", watch.on_exception)
        page.goto(address)
        return page

    def close(self) -> None:
        """Closes them."""
        for context in self.contexts:
            context.close()

    def taken_complaints(self) -> list[str]:
        """What they did that they may not do, since this was asked last."""
        found = [complaint for watch in self.watches for complaint in watch.complaints]
        for watch in self.watches:
            watch.complaints.clear()
        return found


@pytest.fixture
def browse(chromium: _Running) -> Generator[Browse]:
    """Opens a file or an address in a context of its own; what a page may not do fails the test."""
    with chromium.here() as browser:
        pages = Pages(browser)
        yield pages.open
        pages.close()
    assert pages.taken_complaints() == []


def accessibility(page: Page, *, schemes: tuple[str, ...] = SCHEMES) -> list[str]:
    """What axe-core finds on a page in light and in dark: contrast, names, roles, structure.

    Args:
        page: The page, as it is shown now.
        schemes: The colour schemes to try.

    Returns:
        A line for each violation, with the element; empty if there is none.
    """
    source = resources.files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    page.evaluate(f"() => {{ {source} }}")
    lines: list[str] = []
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(100)  # transitions of colours end
        options = {"runOnly": {"type": "tag", "values": _STANDARDS}, "resultTypes": ["violations"]}
        result = page.evaluate("options => axe.run(document, options)", options)
        assert result["passes"], "axe-core has checked nothing"
        for rule in result["violations"]:
            for node in rule["nodes"]:
                summary = " ".join(node["failureSummary"].split())
                lines.append(f"{scheme}: {rule['id']}: {node['html'][:160]}: {summary[:240]}")
    page.emulate_media(color_scheme=None)
    return lines


def printed(page: Page, path: Path) -> list[str]:
    """Prints a page to PDF on A4, and gives the text operators of each sheet.

    Args:
        page: The page.
        path: The file to write.

    Returns:
        The decompressed content of each sheet of the document, in its order.
    """
    page.emulate_media(media="print")
    page.pdf(path=path, format="A4", print_background=True)
    page.emulate_media(media="screen")
    data = path.read_bytes()
    assert data.startswith(b"%PDF-")
    sheets: list[str] = []
    for number in re.findall(rb"/Contents (\d+) 0 R", data):
        found = re.search(rb"\n%s 0 obj\n<<.*?>>\s*stream\r?\n" % number, data, re.DOTALL)
        assert found
        sheets.append(zlib.decompressobj().decompress(data[found.end() :]).decode("latin-1"))
    return sheets
