"""TSP over a VISA link: assignments that are read back, numbers, the event log (protocols.md 4.2)."""

from __future__ import annotations

import math

from drivers.links.visa_link import VisaLink
from energy.errors import BenchError

_MOST_EVENTS = 50
_ERRORS = "eventlog.SEV_ERROR"


class Tsp:
    """An instrument that understands TSP.

    Args:
        link: The way to it.
        who: Beginning of the codes of its errors: ``"k2461"``.

    Attributes:
        record: What was read back, by attribute.
    """

    def __init__(self, link: VisaLink, who: str) -> None:
        self.link = link
        self.who = who
        self.record: dict[str, str] = {}

    def do(self, statement: str) -> None:
        """Sends a statement; whether it was understood, ``check_errors`` tells."""
        self.link.write(statement)

    def ask(self, expression: str) -> str:
        """What ``print`` says of an expression; several values with a tab in between."""
        return self.link.query(f"print({expression})").strip()

    def number(self, expression: str) -> float:
        """The value of an expression.

        Raises:
            BenchError: ``<who>.refused``, ``<who>.answer``; those of the link.
        """
        answer = self.ask(expression)
        try:
            value = float(answer)
        except ValueError:
            value = math.nan
        if math.isfinite(value):
            return value
        self.check_errors(expression)
        raise BenchError(
            f"{self.who}.answer",
            f"a number was expected from {self.link.resource} for `{expression}`; {answer!r} came",
            "Is it the right model? Another program may be talking to it: only one at a time.",
        )

    def set_name(self, attribute: str, name: str) -> None:
        """Sets an attribute to one of the language's constants, which prints as its own name.

        Raises:
            BenchError: ``<who>.refused``, ``<who>.readback``; those of the link.
        """
        self.do(f"{attribute} = {name}")
        answer = self.ask(attribute)
        if answer != name:
            raise self._differs(attribute, name, answer)
        self.record[attribute] = answer

    def set_number(self, attribute: str, value: float, *, at_least: bool = False) -> float:
        """Sets an attribute to a number.

        Args:
            attribute: Which.
            value: To what.
            at_least: Whether the instrument takes its next step that is not below.

        Returns:
            What the instrument says that it is.

        Raises:
            BenchError: ``<who>.refused``, ``<who>.readback``, ``<who>.answer``; those of the link.
        """
        self.do(f"{attribute} = {value:.9g}")
        answer = self.number(attribute)
        near = 1e-6 * abs(value)  # it may keep a float32
        if answer < value - near or (not at_least and answer > value + near):
            raise self._differs(attribute, f"{value:g}", f"{answer:g}")
        self.record[attribute] = f"{answer:.9g}"
        return answer

    def clear_errors(self) -> None:
        """Forgets what is in the event log from before."""
        self.do("eventlog.clear()")

    def errors(self) -> list[str]:
        """Takes the errors out of the event log: number and text of each, oldest first."""
        found: list[str] = []
        while len(found) < _MOST_EVENTS:
            answer = self.link.query(f"print(eventlog.getcount({_ERRORS}))").strip()
            if answer in ("0", "0.00000e+00", "nil"):
                break
            event = self.link.query(f"print(eventlog.next({_ERRORS}))").strip()
            if event.startswith("nil"):
                break
            found.append(" ".join(event.split("\t")[:2]))
        return found

    def check_errors(self, what: str) -> None:
        """Empties the event log, and fails if there was an error in it.

        Args:
            what: What was done since it was emptied last.

        Raises:
            BenchError: ``<who>.refused`` with the log's texts; those of the link.
        """
        found = self.errors()
        if found:
            raise BenchError(
                f"{self.who}.refused",
                f"{self.link.resource} has refused {what}: {' | '.join(found)}",
                "Is it the right model, and its firmware not too old? The session's log has all statements.",
            )

    def _differs(self, attribute: str, expected: str, answer: str) -> BenchError:
        self.check_errors(f"`{attribute} = {expected}`")
        return BenchError(
            f"{self.who}.readback",
            f"`{attribute} = {expected}` was sent to {self.link.resource}; it says {answer!r}",
            "Is the value within this model's range, and is no other program changing it?",
        )
