"""Twin of a plain SCPI supply with one output, which powers the DUT."""

from __future__ import annotations

from collections.abc import Callable

from drivers.virtual.scpi_instrument import ScpiInstrument
from drivers.virtual.scpi_parser import SETTINGS_CONFLICT, ScpiError
from drivers.virtual.twin import TwinSite
from drivers.virtual.world import Supply

IDENTITY = "Virtual Instruments,PS-1,0001,1.0"


class ScpiSupplyTwin:
    """A supply with one output.

    Args:
        site: Where the twin is put; it is the world's supply.
        most_v: Highest voltage.
        most_a: Highest limit of current.
        step_v: Step of its voltage, to which it rounds.
        identity: Answer to ``*IDN?``.
        sticks: Fault: it stays on when it is switched off.

    Attributes:
        url: Resource string for a driver.
        silent: Fault: it does not answer; its output stays as it is.
        refuse: Faults: each may refuse a command with the text that it returns.
    """

    def __init__(
        self,
        site: TwinSite,
        *,
        most_v: float = 30.0,
        most_a: float = 3.0,
        step_v: float = 1e-3,
        identity: str = IDENTITY,
        sticks: bool = False,
    ) -> None:
        self._world = site.world
        self._supply = site.world.supply
        self._most_v, self._most_a, self._step_v = most_v, most_a, step_v
        self.sticks, self.silent = sticks, False
        self.refuse: list[Callable[[str], str | None]] = []
        self._limit_a, self._protection_v = most_a, most_v
        self._voltage_v = 0.0
        port = site.tcp_port()
        self.url = port.url
        scpi = self.scpi = ScpiInstrument(port, identity)
        scpi.refuse = self.refuse
        scpi.is_silent = lambda: self.silent
        scpi.on_reset = self._reset
        level = "[:LEVel][:IMMediate][:AMPLitude]"
        scpi.add_number(
            f"[SOURce:]VOLTage{level}", lambda: self._voltage_v, self._set_voltage, 0.0, most_v, 0.0
        )
        scpi.add_number(
            "[SOURce:]VOLTage:PROTection[:LEVel]",
            lambda: self._protection_v,
            self._set_protection,
            0.0,
            most_v,
            most_v,
        )
        scpi.add_number(
            f"[SOURce:]CURRent{level}", lambda: self._limit_a, self._set_current, 0.0, most_a, most_a
        )
        scpi.add_switch("OUTPut[:STATe]", lambda: self._supply.on, self._switch)
        scpi.add("MEASure[:SCALar]:VOLTage[:DC]?", lambda call: f"{self._measured_v():.4f}")
        scpi.add("MEASure[:SCALar]:CURRent[:DC]?", lambda call: f"{self._measured_a():.6f}")
        scpi.add("INSTrument[:SELect]", lambda call: None)

    def power_nothing(self) -> None:
        """Fault: its output leads nowhere, and another supply, set alike, powers the DUT all the time."""
        self._supply = Supply(self._world)
        self._world.supply.switch(True)

    def lose_output(self) -> None:
        """Fault: the output goes off by itself."""
        self._supply.switch(False)

    def _reset(self) -> None:
        self._switch(False)
        self._voltage_v, self._limit_a, self._protection_v = 0.0, self._most_a, self._most_v

    def _set_voltage(self, voltage_v: float) -> None:
        if voltage_v > self._protection_v:
            raise ScpiError(SETTINGS_CONFLICT)
        self._voltage_v = round(voltage_v / self._step_v) * self._step_v
        self._supply.voltage_v = self._voltage_v

    def _set_protection(self, voltage_v: float) -> None:
        self._protection_v = voltage_v

    def _set_current(self, current_a: float) -> None:
        self._limit_a = self._supply.limit_a = current_a

    def _switch(self, on: bool) -> None:
        if on or not self.sticks:
            self._supply.switch(on)

    def _measured_v(self) -> float:
        """Its voltage: lower if the DUT would draw more than the limit."""
        if not self._supply.on:
            return 0.0
        drawn_w, most_w = self._world.timeline.power_w(self._world.now_ns), self._voltage_v * self._limit_a
        return self._supply.terminal_v * (min(most_w / drawn_w, 1.0) if drawn_w else 1.0)

    def _measured_a(self) -> float:
        world, volts = self._world, self._measured_v() if self._supply is self._world.supply else 0.0
        return world.timeline.power_w(world.now_ns) / volts if volts else 0.0
