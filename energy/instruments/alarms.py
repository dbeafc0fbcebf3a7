"""Errors that all drivers report in the same form: too much current, output off, no samples."""

from __future__ import annotations

from energy.errors import BenchError


def over_current(evidence: str, highest_a: float) -> BenchError:
    """The error for a DUT that draws more than the bench allows: ``bench.current``.

    Args:
        evidence: What shows it: ``"the DUT drew 1 A"``, ``"the source limits the current"``.
        highest_a: The bench's limit, in ampere.
    """
    return BenchError(
        "bench.current",
        f"{evidence}; limits.highest_a of the bench is {highest_a:g} A",
        "Look for a short circuit or a wrong voltage; raise the limit only if the DUT may draw that.",
    )


def output_off(who: str, evidence: str) -> BenchError:
    """The error for a supply that has switched off by itself: ``<who>.output-off``.

    Args:
        who: Beginning of the code: ``"n6705"``.
        evidence: What shows it.
    """
    return BenchError(
        f"{who}.output-off",
        f"{evidence}, but no command switched it off",
        "A protection may have acted: read its display, look for a short circuit, check the bench's limits.",
    )


def no_samples(who: str, name: str, seconds: float, hint: str) -> BenchError:
    """The error for a stream that stopped without a command to stop: ``<who>.silent``.

    Args:
        who: Beginning of the code: ``"ppk2"``.
        name: The instrument, with its port.
        seconds: Time since the last sample.
        hint: What to try next.
    """
    return BenchError(
        f"{who}.silent",
        f"samples were expected from {name}; none has come for {seconds:g} s",
        hint,
    )
