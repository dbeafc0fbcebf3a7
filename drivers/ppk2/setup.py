"""The PPK2's settings in a bench file, and their check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from drivers.links.settings import Choices
from drivers.ppk2.commands import AMPERE_MODE, SOURCE_MODE
from drivers.ppk2.stream import RATE_HZ
from energy.errors import BenchError

_NOT_WIRED = -1
MODES = {"ampere": AMPERE_MODE, "source": SOURCE_MODE}


@dataclass(frozen=True, slots=True)
class Options:
    """The settings.

    Attributes:
        mode: ``"source"`` or ``"ampere"``.
        logic: The logic input that the DUT's pin is wired to, 0 to 7.
        phases: The one that its phase pin is wired to; None: none.
        serial_number: Serial number, where its port is not on USB and so states none.
        virtual: Whether it is a twin.
    """

    mode: str
    logic: int
    phases: int | None
    serial_number: str
    virtual: bool


def check_settings(port: str | None, settings: dict[str, Any], rate_hz: float | None) -> Options:
    """Reads and checks the settings and the rate; nothing is opened.

    Raises:
        BenchError: ``ppk2.setting``, ``ppk2.rate``.
    """
    choices = Choices("ppk2", settings)
    mode, logic = choices.pop("mode", "source"), choices.pop("logic", 0, 0, 7)
    phases = choices.pop("phases", _NOT_WIRED, _NOT_WIRED, 7)
    serial_number = choices.pop("serial_number", "")
    choices.finish()
    if mode not in MODES:
        raise BenchError(
            "ppk2.setting", f"the PPK2's mode is source or ampere, not {mode!r}", "Change `mode`."
        )
    if phases == logic:
        raise BenchError(
            "ppk2.setting",
            f"logic and phases are both {logic}: the timestamp pin and the phase pin need an input each",
            "Wire the phase pin to another logic input.",
        )
    if rate_hz is not None:
        check_rate(rate_hz)
    return Options(mode, logic, None if phases == _NOT_WIRED else phases, serial_number, choices.virtual)


def check_rate(rate_hz: float) -> None:
    """Checks that the PPK2 has this rate.

    Raises:
        BenchError: ``ppk2.rate``.
    """
    if rate_hz != RATE_HZ:
        raise BenchError(
            "ppk2.rate",
            f"the PPK2 has one rate, {RATE_HZ:g} samples/s, not {rate_hz:g}",
            f"Write rate_hz = {RATE_HZ:g}, or leave the key out.",
        )
