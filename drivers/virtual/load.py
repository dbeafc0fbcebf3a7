"""A known load in place of the DUT: a resistor, or a load of constant current, to check a monitor with."""

from __future__ import annotations

from typing import Any

from drivers.virtual.boards import Board
from drivers.virtual.boards.silicon import Law
from drivers.virtual.timeline import Pattern
from drivers.virtual.virtual_dut import VirtualDut
from drivers.virtual.world import World
from energy.errors import UsageError
from energy.instruments import Mode


class KnownLoad(VirtualDut):
    """A load of known current: V/R of a resistor, or a constant current. It has no firmware and is silent.

    Args:
        world: Its supply powers it.
        board: Not used; likewise the other arguments of `VirtualDut`.
        workload: Not used.
        mode: Not used.
        ohm: Resistance as it is marked.
        ampere: Current as it is stated, in place of a resistance.
        deviation: Fraction by which the true resistance or current is above what is stated.

    Raises:
        UsageError: ``virtual.settings`` unless exactly one of resistance and current is given, above 0.
    """

    def __init__(
        self,
        world: World,
        board: Board,
        workload: str,
        mode: Mode,
        *,
        baud: int,
        baud_model: bool = True,
        answers: dict[str, Any] | None = None,
        ohm: float | None = None,
        ampere: float | None = None,
        deviation: float = 0.0,
    ) -> None:
        stated = [value for value in (ohm, ampere) if value is not None]
        if len(stated) != 1 or not stated[0] > 0 or not deviation > -1:
            raise UsageError(
                "virtual.settings",
                f"a known load has ohm or ampere, above 0, and a deviation above -1: not ohm {ohm}, ampere "
                f"{ampere}, deviation {deviation}",
                "For example: dut_settings = { ohm = 1000.0 }",
            )
        self._ohm = None if ohm is None else ohm * (1 + deviation)
        self._ampere = None if ampere is None else ampere * (1 + deviation)
        super().__init__(world, board, workload, mode, baud=baud, baud_model=baud_model, answers=answers)

    def _set_laws(self) -> None:
        """Another voltage makes another current; neither a clock nor a temperature does."""
        self._awake = self._asleep = Law()
        self._pattern = self._drawn()

    def _judge(self) -> None:
        """Has no processor that could hang."""

    def _drawn(self) -> Pattern:
        """The power that it draws at the present voltage."""
        volts = self._voltage_v()
        current_a = volts / self._ohm if self._ohm is not None else self._ampere or 0.0
        return Pattern.constant(volts * current_a)

    def _start(self) -> None:
        self._enter("load", self._drawn())

    def _forget(self) -> None:
        """Has no memory."""

    def _take(self, data: bytes) -> None:
        """Has no UART."""
