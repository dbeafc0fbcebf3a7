"""Tables, findings and progress in the terminal."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

from energy.bench.prompt import no_operator
from energy.bench.shipped import located
from energy.cli.logs import quiet
from energy.findings import REGISTER, Finding, Severity
from energy.printable import printable
from energy.recording.jsonvalues import json_text
from energy.report.tables import Table

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

_COLOURS = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.INFO: "dim"}
_ALIKE = 5
"""Findings of one code that are listed before the rest is counted."""
_PATIENCE_S = 0.5
_PLAIN_WIDTH = 200
_RULES = ("exact", "mlcommons", "eembc")
_WIDE = 118
"""Columns of text that the table of windows needs in one piece."""


def console() -> Console:
    """Standard output; plain and wide enough for any table where it is not a terminal."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=False, width=None if sys.stdout.isatty() else _PLAIN_WIDTH)


def print_json(document: Any, *, ascii_only: bool = False) -> None:
    """Writes a document to standard output as JSON, null for what is no number."""
    sys.stdout.write(json_text(document, indent=2, ascii_only=ascii_only) + "\n")


def show_windows(out: Console, table: Table) -> None:
    """Draws the table of windows; in a narrow terminal as two, the energies by rule below the figures."""
    if out.width >= _WIDE:
        show_table(out, table)
        return
    energies = [column for column, heading in enumerate(table.columns) if heading.split(" ")[0] in _RULES]
    figures = [column for column in range(len(table.columns)) if column not in energies]
    show_table(out, table.select(figures))
    show_table(out, table.select([0, *energies]))


def show_table(out: Console, table: Table, *, text: tuple[int, ...] = ()) -> None:
    """Draws a table; the columns named in ``text`` hold words, the others numbers."""
    import rich.box
    import rich.table

    drawn = rich.table.Table(box=rich.box.SIMPLE_HEAD, pad_edge=False, show_footer=False)
    for number, heading in enumerate(table.columns):
        words = number in text
        drawn.add_column(heading, justify="left" if words else "right", no_wrap=not words, overflow="fold")
    for row in table.rows:
        drawn.add_row(*map(plain, row), style="red" if row[0].endswith("!") else None)
    if table.footer:
        drawn.add_section()
        for row in table.footer:
            drawn.add_row(*map(plain, row), style="bold")
    out.print(drawn)


def show_findings(out: Console, findings: list[Finding], *, hints: bool = True) -> None:
    """Lists findings, the gravest first, each code once with its evidence and what to do."""
    from rich.padding import Padding

    by_code: dict[str, list[Finding]] = {}
    for finding in findings:
        by_code.setdefault(finding.code, []).append(finding)
    order = list(_COLOURS)
    for code, alike in sorted(by_code.items(), key=lambda item: order.index(item[1][0].severity)):
        rule = REGISTER[code]
        evidence = [f"window {f.window}: {f.evidence}" if f.window else f.evidence for f in alike[:_ALIKE]]
        if len(alike) > _ALIKE:
            evidence.append(f"and {len(alike) - _ALIKE} more")
        colour = _COLOURS[rule.severity]
        out.print(
            f"[{colour}]{rule.severity.value:7}[/] {code}: {plain('; '.join(evidence))}", soft_wrap=True
        )
        if hints and rule.severity is not Severity.INFO:
            out.print(Padding(f"[dim]{rule.meaning} {rule.remedy}[/]", (0, 0, 0, 8)))


def plain(text: object) -> str:
    """Text that came from outside, made safe to print: no markup, no control characters.

    Names of shipped files lead there, wherever the program is installed (``energy.bench.shipped``).
    """
    from rich.markup import escape

    return escape(printable(located(str(text))))


def ask(question: str) -> str:
    """Asks the person at the terminal.

    Raises:
        BenchError: ``bench.nobody`` where there is none.
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return no_operator(question)
    with _BARS.paused():
        sys.stderr.write(f"\a{printable(question)} ")
        sys.stderr.flush()
        return sys.stdin.readline().strip()


class _Bars:
    """The bar that is shown, if one is: it must not draw over a question."""

    def __init__(self) -> None:
        self._turn = threading.RLock()
        self._bar: Progress | None = None

    def show(self, bar: Progress) -> None:
        """From now on there is this bar, which appears after a while."""
        with self._turn:
            self._bar = bar
        timer = threading.Timer(_PATIENCE_S, self._start, [bar])  # also while nothing is reported
        timer.daemon = True
        timer.start()

    def end(self) -> None:
        """There is none any more."""
        with self._turn:
            if self._bar is not None:
                self._bar.stop()
            self._bar = None

    @contextmanager
    def paused(self) -> Generator[None]:
        """Takes the bar away for a time; none appears meanwhile."""
        with self._turn:
            bar, shown = self._bar, self._bar is not None and self._bar.live.is_started
            if bar is not None and shown:
                bar.stop()
            yield
            if bar is not None and shown:
                bar.start()

    def _start(self, bar: Progress) -> None:
        with self._turn:
            if bar is self._bar:
                bar.start()


_BARS = _Bars()


def catch_signals() -> None:
    """SIGTERM and SIGHUP end what runs as Ctrl-C does, so that the supply is switched off."""
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            number = getattr(signal, name)
            if signal.getsignal(number) is not signal.SIG_IGN:  # as `nohup` has it
                signal.signal(number, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _silent(done: float, doing: str = "") -> None:
    """Shows no progress."""


@contextmanager
def progress(title: str, total: float) -> Generator[Callable[..., None]]:
    """A bar on standard error while something long is done; none with ``-q``, or where that is no terminal.

    It appears only after half a second, so that short work does not flicker.

    Yields:
        A function to call with how much is done so far and, if it has changed, what is being done.
    """
    if quiet() or not sys.stderr.isatty():
        yield _silent
        return
    import rich.progress
    from rich.console import Console

    bar = rich.progress.Progress(console=Console(stderr=True), transient=True)
    task = bar.add_task(plain(title), total=total)

    def report(done: float, doing: str = title) -> None:
        bar.update(task, completed=done, description=plain(doing))

    _BARS.show(bar)
    try:
        yield report
    finally:
        _BARS.end()
