"""Tables, findings and progress in the terminal."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from itertools import groupby
from types import FrameType
from typing import TYPE_CHECKING, Any

from energy.bench.prompt import no_operator
from energy.bench.shipped import located
from energy.cli.logs import quiet
from energy.cli.signals import keep_interrupts
from energy.cli.streams import is_unicode
from energy.findings import REGISTER, Finding, Severity
from energy.printable import printable
from energy.recording.jsonvalues import json_text
from energy.report.table import Table

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from energy.cli.layout import Drawn

_COLOURS = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.INFO: "dim"}
_ALIKE = 5
"""Findings of one code that are listed before the rest is counted."""
_PATIENCE_S = 0.5
_PLAIN_WIDTH = 200
_NO_LIMIT = 10_000
"""Width of a table where standard output is no terminal: each row is a line."""
_STYLES = {"heading": "bold", "rule": "dim", "flawed": "red", "footer": "bold", "note": "dim"}
"""How the lines of a table look."""


def console() -> Console:
    """Standard output; plain and wide enough for any table where it is not a terminal."""
    from rich.console import Console

    class PlainConsole(Console):
        """A console that leaves it to ``main`` to end when the reader of its output has gone."""

        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    return PlainConsole(highlight=False, soft_wrap=False, width=None if sys.stdout.isatty() else _PLAIN_WIDTH)


def print_json(document: Any, *, ascii_only: bool = False) -> None:
    """Writes a document to standard output as JSON, null for what is no number."""
    sys.stdout.write(
        json_text(document, indent=2, ascii_only=ascii_only or not is_unicode(sys.stdout)) + "\n"
    )


MOST_ROWS = 200
"""Rows of a table that a terminal shows; a pipe or file gets all."""


def show_table(out: Console, table: Table, *, every: bool = False, latest: bool = False) -> None:
    """Draws a table for the console's width; no cell is cut.

    Args:
        out: The console.
        table: The table; a terminal shows ``MOST_ROWS`` rows of it.
        every: Whether a terminal shows all of its rows, because somebody asked for them.
        latest: Whether the last rows are shown where not all are, instead of the first.
    """
    from energy.cli.layout import drawn

    if out.is_terminal and not every:
        table = table.shortened(MOST_ROWS, latest=latest)
    out.print()
    show_lines(out, drawn(_plain_table(table), out.width if out.is_terminal else _NO_LIMIT))
    out.print()


def show_lines(out: Console, lines: list[Drawn]) -> None:
    """Prints lines of a table; a progress bar makes room for them."""
    from rich.text import Text

    with without_bar():
        for kind, alike in groupby(lines, lambda line: line.kind):
            text = "\n".join(line.text for line in alike)
            out.print(Text(text, style=_STYLES.get(kind, "")), soft_wrap=True)


def _plain_table(table: Table) -> Table:
    """The table, its cells without control characters."""
    rows = [[printable(cell) for cell in row] for row in table.rows]
    return replace(table, rows=rows, notes=[printable(note) for note in table.notes])


def show_findings(out: Console, findings: list[Finding], *, hints: bool = True, mode: str = "") -> None:
    """Lists findings, errors first: code, mode, file and evidence, and what to do.

    Args:
        out: The console.
        findings: Those of a code and a file are listed together.
        hints: Whether each code's meaning and remedy follow it.
        mode: Mode of the run that they are about, where there are several.
    """
    from rich.padding import Padding

    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        place = ", ".join(part for part in (mode, _file_of(finding)) if part)
        groups.setdefault((finding.code, place), []).append(finding)
    order = list(_COLOURS)
    for (code, place), alike in sorted(groups.items(), key=lambda item: order.index(item[1][0].severity)):
        rule = REGISTER[code]
        evidence = [f"window {f.window}: {f.evidence}" if f.window else f.evidence for f in alike[:_ALIKE]]
        if len(alike) > _ALIKE:
            evidence.append(f"and {len(alike) - _ALIKE} more")
        words = f"{code}: {f'{place}: ' if place else ''}{'; '.join(evidence)}"
        out.print(f"[{_COLOURS[rule.severity]}]{rule.severity.value:7}[/] {plain(words)}", soft_wrap=True)
        if hints and rule.severity is not Severity.INFO:
            out.print(
                Padding(f"[dim]{plain(rule.meaning)} {plain(rule.remedy)}[/]", (0, 0, 0, 8), expand=False)
            )


def show_remedies(out: Console, findings: list[Finding]) -> None:
    """Explains each code once: how often it occurs, what it means, why it matters, what to do."""
    from rich.padding import Padding

    counts: dict[str, int] = {}
    for finding in findings:
        counts[finding.code] = counts.get(finding.code, 0) + 1
    order = list(_COLOURS)
    for code in sorted(counts, key=lambda code: order.index(REGISTER[code].severity)):
        rule = REGISTER[code]
        times = "once" if counts[code] == 1 else f"{counts[code]} times"
        out.print(f"[{_COLOURS[rule.severity]}]{rule.severity.value:7}[/] {code} ({times})", soft_wrap=True)
        for name, text in (("means", rule.meaning), ("why", rule.why), ("to do", rule.remedy)):
            out.print(Padding(f"[dim]{name + ':':7}[/]{plain(text)}", (0, 0, 0, 8), expand=False))


def _file_of(finding: Finding) -> str:
    """The file that a finding is about, with its lines."""
    if finding.path is None or not finding.lines:
        return finding.path or ""
    more = ", ..." if len(finding.lines) > _ALIKE else ""
    noun = "line" if len(finding.lines) == 1 else "lines"
    return f"{finding.path}, {noun} {', '.join(map(str, finding.lines[:_ALIKE]))}{more}"


def plain(text: object) -> str:
    """Text that came from outside, made safe to print: no markup, no control characters.

    Paths of shipped files are those of this machine (``energy.bench.shipped``).
    """
    from rich.markup import escape

    return escape(printable(located(str(text))))


def ask(question: str) -> str:
    """Asks the person at the terminal.

    Raises:
        BenchError: ``bench.no-operator`` where there is no terminal.
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return no_operator(question)
    with _BARS.paused():
        sys.stderr.write(f"\a{printable(question)} ")
        sys.stderr.flush()
        return sys.stdin.readline().strip()


class _Bars:
    """The progress bar on the terminal, if there is one: it must not draw over a question."""

    def __init__(self) -> None:
        self._turn = threading.RLock()
        self._bar: Progress | None = None

    def show(self, bar: Progress) -> None:
        """Makes this the bar, which appears after a while."""
        with self._turn:
            self._bar = bar
        timer = threading.Timer(_PATIENCE_S, self._start, [bar])  # also while nothing is reported
        timer.daemon = True
        timer.start()

    def end(self) -> None:
        """Removes the bar."""
        with self._turn:
            if self._bar is not None:
                self._bar.stop()
            self._bar = None

    @contextmanager
    def paused(self) -> Generator[None]:
        """Hides the bar within the context; none appears until its end."""
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


def without_bar() -> AbstractContextManager[None]:
    """Hides the progress bar within the context, so that nothing is printed onto it."""
    return _BARS.paused()


def catch_signals() -> None:
    """SIGTERM and SIGHUP end what runs as Ctrl-C does, so that the supply is switched off."""
    keep_interrupts()
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
def progress(title: str, total: float, *, hidden: bool = False) -> Generator[Callable[..., None]]:
    """A bar on standard error while something long is done; none with ``-q``, or where that is no terminal.

    It appears only after half a second, so that short work does not flicker.

    Args:
        title: Its title.
        total: What it counts to.
        hidden: Whether none is shown, because something else fills the terminal.

    Yields:
        A function to call with how much is done so far and, if it has changed, what is being done.
    """
    if hidden or quiet() or not sys.stderr.isatty():
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
