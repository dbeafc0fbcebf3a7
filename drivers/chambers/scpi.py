"""A temperature chamber with SCPI-like commands on VISA. Its commands are settings: makers differ.

The defaults, ``TEMP:SETP {c}`` and ``TEMP?``, are no standard: SCPI-99 has no commands for chambers.
"""

from __future__ import annotations

from typing import Any

from drivers.links.scpi import Scpi
from drivers.links.settings import Choices
from drivers.links.visa_link import VisaLink
from drivers.unverified import Unverified
from energy.errors import BenchError
from energy.instruments import Clock, Transcript

_READBACK_C = 0.06
"""Largest difference of a setting that is read back: chambers round to 0.1 °C."""

UNVERIFIED = (
    Unverified(
        "",
        "A chamber's commands, if a plan names none: `TEMP:SETP c`, `TEMP:SETP?`, `TEMP?` of its air.",
        "whether a sweep over temperature runs: a setting is read back, and the air is awaited",
        "read the chamber's manual, and run `joulebench sweep -vv` with two temperatures",
    ),
)


class ScpiChamber:
    """A chamber: an ``energy.characterize.chamber`` ChamberDriver.

    Args:
        link: The link to it.
        set_to: The command that sets the temperature; ``{c}`` stands for °C.
        ask: The query that reads the setting back; empty: it is not read back.
        read: The query for the temperature of the air.

    Raises (all methods):
        BenchError: ``chamber.*``, errors of the link.
    """

    def __init__(self, link: VisaLink, set_to: str, ask: str, read: str) -> None:
        self._scpi = Scpi(link, "chamber")
        self._set_to, self._ask, self._read = set_to, ask, read

    def set_temperature(self, celsius: float) -> None:
        """Sets the temperature, and reads it back where that is possible."""
        command = self._set_to.replace("{c}", f"{celsius:.2f}")
        if self._ask:
            self._scpi.set_and_read(command, self._ask, celsius, _READBACK_C)
        else:
            self._scpi.set(command)

    def temperature_c(self) -> float:
        """The temperature of its air."""
        return self._scpi.number(self._read)

    def close(self) -> None:
        """Closes the link; the chamber keeps its setting."""
        self._scpi.link.close()


def open_chamber(url: str, *, settings: dict[str, Any], clock: Clock, transcript: Transcript) -> ScpiChamber:
    """Opens a chamber: the driver ``scpi`` of a plan's ``[chamber]``.

    Args:
        url: Its VISA resource string.
        settings: ``set``, ``ask``, ``read``: its commands; ``timeout_s``, ``backend``.
        clock: The clock that is waited on.
        transcript: Receives every line.

    Raises:
        BenchError: ``chamber.setting``; ``visa.*`` if it is not there.
    """
    choices = Choices("chamber", settings)
    set_to = choices.pop("set", "TEMP:SETP {c}")
    ask, read = choices.pop("ask", "TEMP:SETP?"), choices.pop("read", "TEMP?")
    timeout_s, backend = choices.pop("timeout_s", 3.0, 0.1, 60.0), choices.pop("backend", "@py")
    choices.finish()
    if "{c}" not in set_to:
        raise BenchError(
            "chamber.setting", "the setting set needs {c} in place of the temperature", "TEMP:SETP {c}"
        )
    link = VisaLink(
        url, clock=clock, transcript=transcript, source="chamber", timeout_s=timeout_s, backend=backend
    )
    return ScpiChamber(link, set_to, ask, read)
