"""TSP over a VISA link: assignments that are read back, numbers, the event log (protocols.md 4.2)."""

from __future__ import annotations

import math

from drivers.links.overload import MARK
from drivers.links.visa_link import VisaLink
from energy.errors import BenchError

_MOST_EVENTS = 50
_ERRORS = "eventlog.SEV_ERROR"


class Tsp:
    """An instrument with TSP commands.

    Args:
        link: The link to it.
        who: Beginning of its error codes: ``"k2461"``.

    Attributes:
        record: Values that were read back, by attribute.
    """

    def __init__(self, link: VisaLink, who: str) -> None:
        self.link = link
        self.who = who
        self.record: dict[str, str] = {}

    def do(self, statement: str) -> None:
        """Sends a statement; ``check_errors`` shows whether the instrument accepted it."""
        self.link.write(statement)

    def ask(self, expression: str) -> str:
        """The output of ``print`` for an expression; several values are separated by tabs."""
        return self.link.query(f"print({expression})").strip()

    def number(self, expression: str) -> float:
        """The value of an expression.

        Raises:
            BenchError: ``k2461.refused``, ``k2461.answer``; errors of the link.
        """
        answer = self.ask(expression)
        try:
            value = float(answer)
        except ValueError:
            value = math.nan
        if abs(value) < MARK:  # not NaN, and no mark of an overload
            return value
        self.check_errors(expression)
        raise BenchError(
            f"{self.who}.answer",
            f"a number was expected from {self.link.resource} for `{expression}`, but {answer!r} arrived",
            "Is it the right model? Does another program use it? Only one may.",
        )

    def set_name(self, attribute: str, name: str) -> None:
        """Sets an attribute to one of the language's constants, which prints as its own name.

        Raises:
            BenchError: ``k2461.refused``, ``k2461.readback``; errors of the link.
        """
        self.do(f"{attribute} = {name}")
        answer = self.ask(attribute)
        if answer != name:
            raise self._differs(attribute, name, answer)
        self.record[attribute] = answer

    def set_number(self, attribute: str, value: float, *, at_least: bool = False) -> float:
        """Sets an attribute to a number.

        Args:
            attribute: Its name.
            value: Its new value.
            at_least: Whether the instrument rounds it up to its next step.

        Returns:
            The value that was read back.

        Raises:
            BenchError: ``k2461.refused``, ``k2461.readback``, ``k2461.answer``; errors of the link.
        """
        self.do(f"{attribute} = {value:.9g}")
        answer = self.number(attribute)
        near = 1e-6 * abs(value)  # it may store a float32
        if answer < value - near or (not at_least and answer > value + near):
            raise self._differs(attribute, f"{value:g}", f"{answer:g}")
        self.record[attribute] = f"{answer:.9g}"
        return answer

    def clear_errors(self) -> None:
        """Clears earlier entries of the event log."""
        self.do("eventlog.clear()")

    def errors(self) -> list[str]:
        """Removes the errors from the event log: number and text of each, oldest first."""
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
        """Empties the event log and raises an error if it contained errors.

        Args:
            what: What was done since it was last emptied.

        Raises:
            BenchError: ``k2461.refused`` with the log's texts; errors of the link.
        """
        found = self.errors()
        if found:
            raise BenchError(
                f"{self.who}.refused",
                f"{self.link.resource} has refused {what}: {' | '.join(found)}",
                "Is it the right model, with firmware that is new enough? The session's log has all "
                "statements.",
            )

    def _differs(self, attribute: str, expected: str, answer: str) -> BenchError:
        self.check_errors(f"`{attribute} = {expected}`")
        return BenchError(
            f"{self.who}.readback",
            f"`{attribute} = {expected}` was sent to {self.link.resource}, but it reads back as {answer!r}",
            "Is the value within this model's range, and is no other program changing it?",
        )
