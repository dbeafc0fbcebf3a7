"""Asking the person at the bench."""

from __future__ import annotations

from collections.abc import Callable

from energy.errors import BenchError

Ask = Callable[[str], str]
"""Asks the person at the bench, who answers with a line.

Raises:
    BenchError: ``bench.nobody`` where nobody can be asked.
"""


def nobody(question: str) -> str:
    """Where nobody can be asked.

    Raises:
        BenchError: ``bench.nobody``.
    """
    raise BenchError(
        "bench.nobody",
        f"somebody must be asked, and nobody is there: {question}",
        "Run it in a terminal, or give the bench a supply that can be switched.",
    )
