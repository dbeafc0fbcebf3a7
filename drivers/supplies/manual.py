"""A supply that a person sets and switches when the session asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from drivers.links.settings import Choices
from energy.errors import BenchError
from energy.instruments import Clock, Line, Transcript


class ManualSupply:
    """A supply with knobs: an ``energy.instruments`` Supply.

    Args:
        name: Its name for the person.
        ask: Asks the person, and returns when the person has answered.
        highest_v: The bench's limit of voltage.
        highest_a: The bench's limit of current.
        clock: Clock of time stamps.
        transcript: Receives questions and answers.

    Raises (all methods):
        BenchError: ``manual.voltage``; errors of ``ask`` if no person can be asked.
    """

    def __init__(
        self,
        name: str,
        *,
        ask: Callable[[str], object],
        highest_v: float,
        highest_a: float,
        clock: Clock,
        transcript: Transcript | None = None,
    ) -> None:
        self._name, self._ask = name, ask
        self._highest_v, self._highest_a = highest_v, highest_a
        self._clock, self._transcript = clock, transcript
        self._touched = False

    def set_voltage(self, voltage_v: float) -> None:
        """Asks the person to set the limit of current and the voltage."""
        if not 0 <= voltage_v <= self._highest_v:
            raise BenchError(
                "manual.voltage",
                f"{voltage_v:g} V is not between 0 and limits.highest_v, {self._highest_v:g} V",
                "Change the DUT's voltage or the limit in the bench file.",
            )
        self._request(
            f"Set {self._name} to a current limit of {self._highest_a:g} A, then to {voltage_v:g} V, its "
            "output off. Enter when done"
        )

    def on(self) -> None:
        """Asks the person to switch the output on."""
        self._touched = True
        self._request(f"Switch the output of {self._name} ON. Enter when done")

    def off(self) -> None:
        """Asks the person to switch the output off, unless it was not switched on since the last time."""
        if self._touched:
            self._request(f"Switch the output of {self._name} OFF. Enter when done")
            self._touched = False

    @property
    def off_confirmed(self) -> bool:
        """False: only a person has confirmed it."""
        return False

    def check(self) -> None:
        """Does nothing: the monitor's stream shows the supply's state."""

    def measured_voltage_v(self) -> float | None:
        """None: the supply cannot be read."""
        return None

    def close(self) -> None:
        """Does nothing: nothing is open."""

    def _request(self, text: str) -> None:
        self._note(text, sent=True)
        answer = self._ask(text)
        self._note(answer if isinstance(answer, str) else "done", sent=False)

    def _note(self, text: str, *, sent: bool) -> None:
        if self._transcript is not None:
            self._transcript(Line(self._clock.now(), "supply", sent, text))


def open_manual(url: str, *, settings: dict[str, Any], clock: Clock, transcript: Transcript) -> ManualSupply:
    """Opens a supply that a person switches: the bench's supply ``manual``.

    Args:
        url: Its name for the person: ``"the lab supply"``.
        settings: ``ask``, from the session; the bench adds ``highest_v``, ``highest_a``, ``voltage_v``.
        clock: The bench's clock.
        transcript: Receives questions and answers.

    Raises:
        BenchError: ``manual.setting``, ``manual.no-operator``.
    """
    left = dict(settings)
    ask = left.pop("ask", None)
    choices = Choices("manual", left)
    limits = {name: choices.pop(name, 60.0, 0.0, 60.0) for name in ("highest_v", "highest_a")}
    choices.pop("voltage_v", 0.0, 0.0, 60.0)
    choices.finish()
    if not callable(ask):
        raise BenchError(
            "manual.no-operator",
            "a supply that is switched by hand needs a person who can be asked",
            "Run it in a terminal, or use a supply that a program can switch.",
        )
    prompt = cast("Callable[[str], object]", ask)
    return ManualSupply(url or "the supply", ask=prompt, clock=clock, transcript=transcript, **limits)
