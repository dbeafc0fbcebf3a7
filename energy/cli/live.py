"""``--live``: the view of a running session, on a page or in the terminal."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from energy.cli.terminal import ask
from energy.errors import UsageError

if TYPE_CHECKING:
    from energy.bench.prompt import Prompt
    from energy.session.observer import Observer

WEB, TERMINAL = "web", "terminal"
_LARGEST_PORT = 65535


def add_live_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of the live view."""
    parser.add_argument(
        "--live",
        nargs="?",
        const=WEB,
        choices=(WEB, TERMINAL),
        help="show what is measured as it comes: a page for a browser on this machine (the address is "
        "printed), or in this terminal",
    )
    parser.add_argument(
        "--live-port", type=int, metavar="PORT", help="the page's port (default: any that is free)"
    )


def _never() -> bool:
    """No view fills the terminal."""
    return False


@dataclass(frozen=True)
class Live:
    """A view, or none.

    Attributes:
        observer: Shows what the sessions measure.
        prompt: Asks the person at the bench.
        fills_terminal: Whether nothing else may be written to the terminal at present.
        progress: Called with the part that is done (0 to 1), and what is being done.
    """

    observer: Observer
    prompt: Prompt
    fills_terminal: Callable[[], bool]
    progress: Callable[[float, str], None]

    def beside(self, report: Callable[..., None], total: float) -> Callable[[float, str], None]:
        """A function that reports progress to a bar and to the view.

        Args:
            report: The bar's.
            total: What the bar counts to.
        """

        def both(done: float, doing: str) -> None:
            report(done, doing)
            self.progress(done / total if total else 0.0, doing)

        return both


@contextmanager
def live_view(kind: str | None, port: int | None) -> Generator[Live]:
    """Shows what sessions measure within the context, as the arguments ask.

    Args:
        kind: ``web``, ``terminal``, or None for no view.
        port: The page's port.

    Raises:
        UsageError: ``usage.live-port``, ``usage.live-terminal``.
    """
    if port is not None and kind != WEB:
        raise UsageError("usage.live-port", "--live-port is the port of the page", "Add --live.")
    if port is not None and not 0 <= port <= _LARGEST_PORT:
        raise UsageError("usage.live-port", f"{port} is no port", f"Give 0 to {_LARGEST_PORT}; 0 is any.")
    if kind is None:
        from energy.session.observer import NOBODY

        yield Live(NOBODY, ask, _never, lambda part, doing: None)
        return
    from energy.live.feed import Feed

    if kind == TERMINAL and not hasattr(os, "openpty"):
        raise UsageError(
            "usage.live-terminal",
            "this system has no terminals of the kind that the view draws in",
            "Use --live, which shows a page in a browser.",
        )
    feed = Feed()
    try:
        if kind == WEB:
            from energy.live.server import served

            with served(feed, port or 0) as server:
                sys.stderr.write(f"live view: {server.url}\n")
                sys.stderr.flush()
                yield Live(feed, ask, _never, feed.doing)
        else:
            from energy.live.attach import drawn_in_terminal

            with drawn_in_terminal(feed, ask) as view:
                yield Live(feed, view.ask, view.fills_terminal, feed.doing)
    finally:
        if feed.defect is not None:
            sys.stderr.write(
                f"warning: the live view ended by a defect ({feed.defect!r}); what was measured is whole\n"
            )
