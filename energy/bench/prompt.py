"""The prompt: how a session asks the person at the bench."""

from __future__ import annotations

from collections.abc import Callable

from energy.errors import BenchError

Prompt = Callable[[str], str]
"""A function that asks the person at the bench a question and returns the answer, a line.

Raises:
    BenchError: ``bench.no-operator`` if there is no person to ask.
"""


def no_operator(question: str) -> str:
    """The prompt of a bench without a person.

    Raises:
        BenchError: ``bench.no-operator``, always.
    """
    raise BenchError(
        "bench.no-operator",
        f"a question needs an answer, and there is no person to ask: {question}",
        "Run it in a terminal, or give the bench a supply that can be switched.",
    )
