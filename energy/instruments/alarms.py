"""Errors that every instrument reports alike, whoever notices: too much current, output off, no samples."""

from __future__ import annotations

from energy.errors import BenchError


def over_current(evidence: str, highest_a: float) -> BenchError:
    """The DUT draws more than the bench allows: ``bench.current``.

    Args:
        evidence: Who says so, and what: ``"the DUT drew 1 A"``, ``"the source limits the current"``.
        highest_a: The bench's limit, in ampere.
    """
    return BenchError(
        "bench.current",
        f"{evidence}; limits.highest_a of the bench is {highest_a:g} A",
        "Look for a short circuit or a wrong voltage; raise the limit only if the DUT may draw that.",
    )


def output_off(who: str, evidence: str) -> BenchError:
    """The supply of the DUT has gone off by itself: ``<who>.output-off``.

    Args:
        who: Beginning of the code: ``"n6705"``.
        evidence: What shows it.
    """
    return BenchError(
        f"{who}.output-off",
        f"{evidence}, and nobody switched it off",
        "A protection may have acted: look at its display, for a short circuit, and at the bench's limits.",
    )


def no_samples(who: str, name: str, seconds: float, hint: str) -> BenchError:
    """A stream has stopped coming, and nobody stopped it: ``<who>.silent``.

    Args:
        who: Beginning of the code: ``"ppk2"``.
        name: The instrument, with its port.
        seconds: For how long nothing has come.
        hint: What to try next.
    """
    return BenchError(
        f"{who}.silent",
        f"samples were expected from {name}; for {seconds:g} s none has come",
        hint,
    )
