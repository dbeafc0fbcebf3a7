"""What may look on while a session runs: a view of its samples, windows, state and findings.

The session calls its observer in its own thread, between two of its steps, and never waits for it: a method
returns at once and raises nothing. ``Observer`` itself does nothing; a view overrides what it shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from energy.bench.benchfile import BenchFile
from energy.findings import Finding
from energy.signal import Block, Edge, Gap, Signal
from energy.window.figures import WindowFigures


@dataclass(frozen=True, slots=True)
class Beginning:
    """A session that begins.

    Attributes:
        folder: Its folder.
        bench: Its bench.
        workload: What the DUT runs; empty where that is not known.
        mode: ``performance``, ``energy``, ``accuracy`` or ``record``.
        virtual: Whether its bench is the virtual one.
    """

    folder: Path
    bench: BenchFile
    workload: str
    mode: str
    virtual: bool


class Observer:
    """Looks on while sessions run, one after the other; this one sees nothing."""

    def begun(self, beginning: Beginning) -> None:
        """A session has begun; everything that follows belongs to it."""

    def state(self, state: str, findings: Sequence[Finding]) -> None:
        """The session has reached a state.

        Args:
            state: ``started``, ``powered``, ``ready``, ``measuring``, ``recording``; at its end ``finished``,
                ``failed`` or ``interrupted``.
            findings: The session's findings so far, all of them.
        """

    def stream(self, signal: Signal) -> None:
        """The monitor is set up, and its samples will be of this kind."""

    def block(self, block: Block) -> None:
        """Samples were recorded. The observer may keep the block."""

    def gap(self, gap: Gap) -> None:
        """Samples were lost."""

    def edge(self, edge: Edge) -> None:
        """An edge was recorded."""

    def window(self, figures: WindowFigures) -> None:
        """A window that counts has closed."""

    def settled(self, windows: Sequence[WindowFigures]) -> None:
        """The session's final windows, which take the place of those that closed."""

    def note(self, text: str) -> None:
        """A remark, such as why a trial is repeated."""

    def error(self, code: str, message: str, hint: str) -> None:
        """The error that ended the session."""


NOBODY = Observer()
"""Looks at nothing."""
