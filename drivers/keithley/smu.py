"""The common part of the drivers of the 2450 and the 2461: identity, source, the way off."""

from __future__ import annotations

import contextlib
import threading
from abc import ABC, abstractmethod
from typing import ClassVar

from drivers.keithley import common
from drivers.links.switch_off import switch_off_repeatedly
from drivers.links.visa_link import VisaLink
from energy.errors import BenchError
from energy.instruments import Identity, MonitorLimits, OwnEnergy


class Smu(ABC):
    """A source-measure unit on VISA.

    A caller that exchanges messages holds ``_turn``; fetching, perhaps in another thread, only tries to.

    Args:
        link: The link to it.
        virtual: Whether it is a twin.

    Attributes:
        who: Beginning of its error codes.
        model: Its model number.
        language: The command set that the driver needs.
        limits: Ranges of voltage and current that a DUT may need.
    """

    who: ClassVar[str]
    model: ClassVar[str]
    language: ClassVar[str]
    limits: MonitorLimits
    delivery_delay_s = 0.0

    def __init__(self, link: VisaLink, *, virtual: bool) -> None:
        self._link, self._virtual = link, virtual
        self._turn = threading.Lock()
        self._language_checked = self._on = False
        self._limit_a = self._highest_v = 0.0

    def identify(self) -> Identity:
        """Reads ``*LANG?`` and ``*IDN?``."""
        with self._turn:
            self._check_language()
            return common.ask_identity(self._link, self.who, self.model, self._virtual)

    def temperature_c(self) -> float | None:
        """None: it has no thermometer that is known."""
        return None

    def own_energy(self) -> OwnEnergy | None:
        """None: it does not integrate energy."""
        return None

    def set_voltage(self, voltage_v: float) -> None:
        """Sets range and level of the source, read back; ``configure`` must have set the limits."""
        common.check_voltage(self.who, voltage_v, self.limits, self._highest_v)
        with self._turn:
            self._check_language()
            self._set_voltage(voltage_v)

    def on(self) -> None:
        """Switches the output on and reads it back."""
        with self._turn:
            self._check_language()
            self._switch_on()
            self._on = True

    @property
    def off_confirmed(self) -> bool:
        """True: the output's state is read back."""
        return True

    def off(self) -> None:
        """Switches the output off and reads it back, several times if needed."""
        self._on = False
        with self._turn:
            switch_off_repeatedly(
                self._switch_off,
                f"{self.who}.off-unconfirmed",
                self._link.resource,
                "Press OUTPUT ON/OFF on its front panel, or pull the DUT's supply leads.",
                self._link.clock,
            )

    def close(self) -> None:
        """Stops the readings and releases the link; the output stays as it is."""
        with contextlib.suppress(BenchError):
            self.stop()
        self._link.close()

    @abstractmethod
    def stop(self) -> None:
        """Stops the readings."""

    @abstractmethod
    def _set_voltage(self, voltage_v: float) -> float:
        """Sets range and level of the source; returns the level that was read back."""

    @abstractmethod
    def _switch_on(self) -> None:
        """Switches the output on and reads it back."""

    @abstractmethod
    def _switch_off(self) -> bool:
        """Switches the output off once; returns whether it is confirmed."""

    def _check_language(self) -> None:
        if not self._language_checked:
            common.check_language(self._link, self.who, self.language)
            self._language_checked = True
