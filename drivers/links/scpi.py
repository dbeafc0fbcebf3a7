"""SCPI over a VISA link: checked commands, numbers, settings that are read back, the error queue."""

from __future__ import annotations

import math
import re

from drivers.links.overload import MARK
from drivers.links.visa_link import VisaLink
from energy.errors import BenchError

MOST_ERRORS = 50
"""Most errors in a queue. No instrument keeps more; a longer queue means that its answers are misread."""
_ERROR_NUMBER = re.compile(r"\s*([+-]?\d{1,9})(?![\w.])")


def is_off(answer: str) -> bool:
    """Whether the answer to a query for an output's state is "off": ``0``, ``+0``, ``0.0``, ``OFF``."""
    try:
        return float(answer) == 0.0
    except ValueError:
        return answer.strip().upper() == "OFF"


class Scpi:
    """An instrument with SCPI commands.

    Args:
        link: The link to it.
        prefix: Beginning of its error codes: ``"n6705"``.
        errors: The query that removes the oldest error from its queue.
        without_errors: What to do if the instrument has no such queue; empty if it must have one.
    """

    def __init__(
        self, link: VisaLink, prefix: str, errors: str = "SYST:ERR?", without_errors: str = ""
    ) -> None:
        self.link = link
        self.prefix = prefix
        self._errors = errors
        self._without_errors = without_errors

    def set(self, command: str) -> None:
        """Sends a command; ``check_errors`` shows whether the instrument accepted it."""
        self.link.write(command)

    def ask(self, query: str, timeout_s: float | None = None) -> str:
        """Sends a query; returns its answer without leading and trailing blanks."""
        return self.link.query(query, timeout_s).strip()

    def number(self, query: str, timeout_s: float | None = None) -> float:
        """Sends a query whose answer is a number.

        Raises:
            BenchError: ``<prefix>.answer`` for an answer that is not a finite number, or SCPI's mark of an
                overload (9.9E37); errors of the link.
        """
        answer = self.ask(query, timeout_s)
        try:
            value = float(answer)
        except ValueError:
            value = math.nan
        if not abs(value) < MARK:  # NaN, too
            raise BenchError(
                f"{self.prefix}.answer",
                f"a number was expected from {self.link.resource} as the answer to {query!r}, but {answer!r} "
                "arrived",
                "Is it the right instrument? Does another program use it? Only one may.",
            )
        return value

    def set_and_read(self, command: str, query: str, expected: float | str, tolerance: float = 0.0) -> str:
        """Changes a setting and reads it back.

        Args:
            command: The command that changes it.
            query: The query for its value.
            expected: A number, or a word, compared without regard to case.
            tolerance: Largest deviation of a number, in its unit.

        Returns:
            The answer.

        Raises:
            BenchError: ``<prefix>.readback``, ``<prefix>.answer``; errors of the link.
        """
        self.set(command)
        if isinstance(expected, str):
            answer = self.ask(query)
            same = answer.upper() == expected.upper()
        else:
            value = self.number(query)
            answer = f"{value:.9g}"
            # A relative 1e-6: many instruments return a decimal number as a float32.
            same = abs(value - expected) <= tolerance + 1e-6 * abs(expected)
        if not same:
            queue = self.drain_errors()
            queue_text = f"; its error queue: {' | '.join(queue)}" if queue else ""
            raise BenchError(
                f"{self.prefix}.readback",
                f"{command!r} was sent to {self.link.resource}; {query!r} answers {answer!r}, "
                f"not {expected!r}{queue_text}",
                "Is the value inside this model's range, and is no other program changing it?",
            )
        return answer

    def drain_errors(self, query: str | None = None) -> list[str]:
        """Empties the error queue.

        The number at the beginning of an answer counts: SCPI-99 (21.8) asks for ``0,"No error"``, but makers
        also write ``+0,"No error"``, ``0  No Error`` (Siglent SPD3303X) and ``0``.

        Args:
            query: The query for the oldest error, if it is not the usual one.

        Returns:
            The errors, oldest first; empty if there are none.

        Raises:
            BenchError: ``<prefix>.errors`` for an answer without a number, no answer, or a queue that does
                not end; errors of the link.
        """
        found: list[str] = []
        for _ in range(MOST_ERRORS):
            answer = self._next_error(query or self._errors)
            number = _ERROR_NUMBER.match(answer)
            if number is None:
                raise self._no_queue(query or self._errors, f"answers {answer!r}, without an error's number")
            if int(number[1]) == 0:
                return found
            found.append(answer)
        raise BenchError(
            f"{self.prefix}.errors",
            f"the error queue of {self.link.resource} does not end; its last error was {found[-1]!r}",
            f"Does another program use it? If not, switch it off and on. {self._without_errors}".strip(),
        )

    def _next_error(self, query: str) -> str:
        try:
            return self.ask(query)
        except BenchError as error:
            if error.code != "visa.silent" or not self._without_errors:
                raise
            raise self._no_queue(query, "does not answer") from error

    def _no_queue(self, query: str, what: str) -> BenchError:
        hint = self._without_errors or "Is it the right instrument? Does another program use it?"
        return BenchError(f"{self.prefix}.errors", f"{self.link.resource} {what} to {query!r}", hint)

    def check_errors(self, what: str = "") -> None:
        """Empties the error queue and raises an error if it was not empty.

        Args:
            what: What was done since it was last emptied.

        Raises:
            BenchError: ``<prefix>.refused`` with the queue's texts; those of ``drain_errors``.
        """
        queue = self.drain_errors()
        if queue:
            raise BenchError(
                f"{self.prefix}.refused",
                f"{self.link.resource} has refused {what or 'a command'}: {' | '.join(queue)}",
                "The session's log has the commands; is this the right model, with the right module?",
            )
