"""SCPI over a VISA link: commands that are checked, numbers, settings that are read back, the error queue."""

from __future__ import annotations

import math

from drivers.links.visa_link import VisaLink
from energy.errors import BenchError

MOST_ERRORS = 50
"""No instrument keeps more errors; one that goes on answering with errors is not understood."""


class Scpi:
    """An instrument that understands SCPI.

    Args:
        link: The way to it.
        who: Beginning of the codes of its errors: ``"n6705"``.
        errors: The query that takes the oldest error out of its queue.
    """

    def __init__(self, link: VisaLink, who: str, errors: str = "SYST:ERR?") -> None:
        self.link = link
        self.who = who
        self._errors = errors

    def set(self, command: str) -> None:
        """Sends a command; whether it was understood, ``check_errors`` tells."""
        self.link.write(command)

    def ask(self, query: str, timeout_s: float | None = None) -> str:
        """Sends a query; returns its answer without blanks at its ends."""
        return self.link.query(query, timeout_s).strip()

    def number(self, query: str, timeout_s: float | None = None) -> float:
        """Sends a query that is answered by one number.

        Raises:
            BenchError: ``<who>.answer`` for an answer that is no finite number; those of the link.
        """
        answer = self.ask(query, timeout_s)
        try:
            value = float(answer)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise BenchError(
                f"{self.who}.answer",
                f"a number was expected from {self.link.resource} in answer to {query!r}; {answer!r} came",
                "Is it the right instrument? Another program may be talking to it: only one at a time.",
            )
        return value

    def set_and_read(self, command: str, query: str, expected: float | str, tolerance: float = 0.0) -> str:
        """Sets something and reads it back.

        Args:
            command: Sets it.
            query: Asks for it.
            expected: A number, or a word; words are compared without regard to case.
            tolerance: How far the number may be off, in its unit.

        Returns:
            The answer.

        Raises:
            BenchError: ``<who>.readback``, ``<who>.answer``; those of the link.
        """
        self.set(command)
        if isinstance(expected, str):
            answer = self.ask(query)
            same = answer.upper() == expected.upper()
        else:
            value = self.number(query)
            answer = f"{value:.9g}"
            # A relative 1e-6: what is sent in decimal digits comes back as a float32 from many instruments.
            same = abs(value - expected) <= tolerance + 1e-6 * abs(expected)
        if not same:
            queue = self.drain_errors()
            said = f"; its error queue says {' | '.join(queue)}" if queue else ""
            raise BenchError(
                f"{self.who}.readback",
                f"{command!r} was sent to {self.link.resource}; {query!r} says {answer!r}, "
                f"{expected!r} was expected{said}",
                "Is the value inside this model's range, and is no other program changing it?",
            )
        return answer

    def drain_errors(self, query: str | None = None) -> list[str]:
        """Empties the error queue.

        Args:
            query: Takes the oldest error, where it is not the usual query.

        Returns:
            The errors, oldest first; none if all is well (``0,"No error"``).

        Raises:
            BenchError: ``<who>.errors`` if the queue does not end; those of the link.
        """
        found: list[str] = []
        for _ in range(MOST_ERRORS):
            answer = self.ask(query or self._errors)
            if answer.partition(",")[0].strip() in ("0", "+0", "-0"):
                return found
            found.append(answer)
        raise BenchError(
            f"{self.who}.errors",
            f"the error queue of {self.link.resource} does not end; it said {found[-1]!r} last",
            "Is another program talking to it? Else switch it off and on.",
        )

    def check_errors(self, what: str = "") -> None:
        """Empties the error queue, and fails if there was something in it.

        Args:
            what: What was done since it was emptied last.

        Raises:
            BenchError: ``<who>.refused`` with the queue's texts; those of ``drain_errors``.
        """
        queue = self.drain_errors()
        if queue:
            raise BenchError(
                f"{self.who}.refused",
                f"{self.link.resource} has refused {what or 'a command'}: {' | '.join(queue)}",
                "The session's log has the commands; is this the right model, with the right module?",
            )
