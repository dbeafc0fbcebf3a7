"""Errors that all drivers report in the same form, and the types that code tells them apart by.

A code (``dut.silent``) is for people and files; code that decides by an error uses its type.
"""

from __future__ import annotations

from energy.errors import BenchError


class LinkError(BenchError):
    """A port or its wire has failed: ``link.*``."""


class BaudRateError(LinkError):
    """A port cannot be set to a baud rate: ``link.baud``."""


class SilentError(BenchError):
    """Nothing arrived where an answer was expected: ``<who>.silent``."""


class DutError(BenchError):
    """The DUT did not answer as its protocol requires: ``dut.*``."""


class DutSilentError(DutError, SilentError):
    """Nothing arrived from the DUT: ``dut.silent``."""


class DutIncompleteError(DutError):
    """The end of the DUT's answer did not arrive, or it is not text: ``dut.incomplete``, ``dut.garbled``."""


class DutAnswerError(DutError):
    """A readable answer, but not the expected one: ``dut.error-answer``, ``dut.unexpected``, ``dut.load``."""


class DutRefusalError(DutAnswerError):
    """The DUT answered a command with an error: ``dut.error-answer``."""


class DutEchoError(DutError):
    """Nothing arrived from the DUT but the command itself: ``dut.echo``."""


class DutResetError(DutAnswerError):
    """The DUT has booted meanwhile: ``dut.reset``."""


class IoManagerError(BenchError):
    """The IO manager did not answer as its protocol requires: ``io.*``."""


class IoManagerSilentError(IoManagerError, SilentError):
    """Nothing arrived from the IO manager: ``io.silent``."""


class IoManagerRefusalError(IoManagerError):
    """The IO manager answered a command with an error: ``io.error-answer``."""


class OverCurrentError(BenchError):
    """The DUT draws too much current: ``bench.current``, ``<monitor>.overcurrent``."""


def over_current(evidence: str, highest_a: float) -> OverCurrentError:
    """The error for a DUT that draws more than the bench allows: ``bench.current``.

    Args:
        evidence: What shows it: ``"the DUT drew 1 A"``, ``"the source limits the current"``.
        highest_a: The bench's limit, in ampere.
    """
    return OverCurrentError(
        "bench.current",
        f"{evidence}; limits.highest_a of the bench is {highest_a:g} A",
        "Look for a short circuit or a wrong voltage; raise the limit only if the DUT may draw that.",
    )


def overload(evidence: str, range_a: float) -> BenchError:
    """The error for a reading beyond the instrument's range, which is no current: ``monitor.overload``.

    Args:
        evidence: What shows it: ``"a sample of 9.9e+37 A was read"``.
        range_a: The highest current that the instrument measures, in ampere.
    """
    return BenchError(
        "monitor.overload",
        f"{evidence}; the monitor measures up to {range_a:g} A, so this is its overload and no current",
        "Raise the monitor's range, or use a monitor with a higher one, if the DUT may draw that much.",
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
