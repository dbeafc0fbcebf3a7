"""A SCPI supply of any maker. Its commands are settings; the defaults suit most supplies (SCPI-99).

The limit of current comes from the bench file's ``[limits]``. It is set and read back before a voltage is set
or the output is switched. A voltage above ``limits.highest_v`` is never sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from drivers.links.scpi import Scpi, is_off
from drivers.links.settings import Choices
from drivers.links.switch_off import LONGEST_OFF_S, switch_off_at, switch_off_repeatedly
from drivers.links.visa_link import VisaLink
from energy.errors import BenchError
from energy.instruments import Clock, Transcript, output_off, over_current

_ANSWER_S = 1.5
"""Longest time of an answer while the DUT is powered."""
_BROKEN_DOWN = 0.9
"""Of the voltage that was set: less has broken down, whatever ``tolerance`` is."""
_TOLERANCES = 2
"""Where that is small, a voltage so many tolerances too low has: a current just above the limit shows."""
_AGAIN_S = 0.05
"""Time between two looks that must both find a low voltage: charging capacitors lower it for a moment."""
_READBACK = 1e-3
"""Largest fraction by which a setting may differ when read back: most round to 1 mV or 1 mA."""
_READBACK_LEAST = 2e-3
_WITHOUT_ERRORS = (
    'If this supply has no error queue, write errors = "" under [supply.settings]; otherwise write its query '
    "there."
)


@dataclass(frozen=True, slots=True)
class Commands:
    """Commands and queries; an empty one is not sent.

    Attributes:
        first: Sent before all others: ``INST OUT1`` if the output must be selected so.
        set_voltage: Sets the voltage; ``{v}`` stands for volt.
        set_current: Sets the limit of current; ``{i}`` stands for ampere.
        set_protection: Sets ``limits.highest_v`` as protection; ``{v}`` stands for it: ``VOLT:PROT {v}``.
        on: Switches the output on.
        off: Switches the output off.
        ask_voltage: Reads the setting of ``set_voltage``.
        ask_current: Reads the setting of ``set_current``.
        ask_output: Reads whether the output is on.
        measure: Measures the voltage, after switching on: ``MEAS:VOLT?``.
        watch: Measures the voltage while the DUT is on. It is tried once while the output is off; if the
            supply does not answer it, it is not sent again.
        errors: Reads the oldest error.
        channels: A channel list for every command: ``(@1)``.
    """

    first: str
    set_voltage: str
    set_current: str
    set_protection: str
    on: str
    off: str
    ask_voltage: str
    ask_current: str
    ask_output: str
    measure: str
    watch: str
    errors: str
    channels: str

    @classmethod
    def of(cls, choices: Choices) -> Commands:
        """Reads and checks a bench file's settings.

        Raises:
            BenchError: ``scpi.setting``.
        """
        commands = cls(
            first=choices.pop("first", ""),
            set_voltage=choices.pop("set_voltage", "VOLT {v}"),
            set_current=choices.pop("set_current", "CURR {i}"),
            set_protection=choices.pop("set_protection", ""),
            on=choices.pop("on", "OUTP ON"),
            off=choices.pop("off", "OUTP OFF"),
            ask_voltage=choices.pop("ask_voltage", "VOLT?"),
            ask_current=choices.pop("ask_current", "CURR?"),
            ask_output=choices.pop("ask_output", "OUTP?"),
            measure=choices.pop("measure", ""),
            watch=choices.pop("watch", "MEAS:VOLT?"),
            errors=choices.pop("errors", "SYST:ERR?"),
            channels=choices.pop("channels", ""),
        )
        for name, sign in (("set_voltage", "{v}"), ("set_current", "{i}")):
            if sign not in getattr(commands, name):
                raise BenchError(
                    "scpi.setting",
                    f"the setting {name} needs {sign} in place of the number",
                    f"The default is {'VOLT {v}' if sign == '{v}' else 'CURR {i}'}.",
                )
        return commands

    def command(self, text: str) -> str:
        """A command with the channel list."""
        return f"{text}{',' if ' ' in text else ' '}{self.channels}" if self.channels else text

    def query(self, text: str) -> str:
        """A query with the channel list."""
        return f"{text} {self.channels}" if self.channels else text


class ScpiSupply:
    """A supply on VISA: an ``energy.instruments`` Supply.

    Args:
        link: The link to it.
        commands: Its commands.
        highest_v: The bench's limit of voltage.
        highest_a: The bench's limit of current.
        tolerance: Largest difference of a measured voltage from the setting, as a fraction.
        settle_s: Time from switching on to the measurement.

    Raises (all methods):
        BenchError: Those of ``VisaLink`` and ``Scpi``; ``scpi.voltage``, ``scpi.measured``,
            ``scpi.off-unconfirmed``; ``scpi.output-off`` and ``bench.current`` from ``check``.
    """

    def __init__(
        self,
        link: VisaLink,
        commands: Commands,
        *,
        highest_v: float,
        highest_a: float,
        tolerance: float = 0.02,
        settle_s: float = 0.2,
    ) -> None:
        self._link, self._commands = link, commands
        self._scpi = Scpi(link, "scpi", commands.errors, _WITHOUT_ERRORS)
        self._highest_v, self._highest_a = highest_v, highest_a
        self._tolerance, self._settle_s = tolerance, settle_s
        self._sound = max(1 - _TOLERANCES * tolerance, _BROKEN_DOWN)
        self._limited = False
        self._voltage_v: float | None = None
        self._on = self._watched = False

    def set_voltage(self, voltage_v: float) -> None:
        """Sets the limits, then the voltage, and reads each back; the output stays as it is."""
        if not 0 <= voltage_v <= self._highest_v:
            raise BenchError(
                "scpi.voltage",
                f"{voltage_v:g} V is not between 0 and limits.highest_v, {self._highest_v:g} V",
                "Change the DUT's voltage or the limit in the bench file.",
            )
        self._limit()
        self._put(self._commands.set_voltage, "{v}", voltage_v, self._commands.ask_voltage)
        self._voltage_v = voltage_v

    def on(self) -> None:
        """Switches on, reads it back, and measures if ``measure`` is set; a wrong voltage is switched off."""
        if self._voltage_v is None:
            raise RuntimeError("set_voltage must be called before on")
        self._limit()
        self._scpi.set(self._commands.command(self._commands.on))
        if self._commands.ask_output and not self._output():
            queue = " | ".join(self._drain())
            raise BenchError(
                "scpi.readback",
                f"{self._link.resource} was switched on, but reports that it is off"
                + (f"; its error queue: {queue}" if queue else ""),
                "Its protection may have acted: read its display.",
            )
        self._check("switching on")
        self._measure(self._voltage_v)
        self._on = True

    @property
    def off_confirmed(self) -> bool:
        """Whether ``ask_output`` is set; without it, the supply only confirms that it executes commands."""
        return bool(self._commands.ask_output)

    def measured_voltage_v(self) -> float | None:
        """The voltage at its output, by the command ``measure``; None where the bench file names none."""
        if not self._commands.measure:
            return None
        with self._link.within(_ANSWER_S):
            return self._scpi.number(self._commands.query(self._commands.measure))

    def check(self) -> None:
        """Checks that it answers, is on, and holds its voltage (it does not when it limits the current)."""
        with self._link.within(_ANSWER_S):
            if self._commands.ask_output:
                on = self._output()
            else:
                self._scpi.ask("*OPC?")
                on = True
            if not self._on or self._voltage_v is None:
                return
            if not on:
                queue = " | ".join(self._drain())
                detail = f" ({queue})" if queue else ""
                raise output_off("scpi", f"the output of {self._link.resource} is off{detail}")
            if self._watched and self._broken_down(self._voltage_v):
                self._link.clock.sleep(_AGAIN_S)
                if self._broken_down(self._voltage_v):
                    raise over_current(
                        f"{self._link.resource} gives less than {self._sound:.0%} of {self._voltage_v:g} V: "
                        "it limits the current",
                        self._highest_a,
                    )

    def off(self) -> None:
        """Switches off and reads it back, up to three times."""
        self._on = False
        switch_off_repeatedly(
            lambda: _attempt_off(self._scpi, self._commands),
            "scpi.off-unconfirmed",
            f"the output of {self._link.resource}",
            "Switch it off by hand.",
            self._link.clock,
        )

    def close(self) -> None:
        """Releases the link; the output stays as it is."""
        self._link.close()

    def _broken_down(self, voltage_v: float) -> bool:
        measured_v = self._scpi.number(self._commands.query(self._commands.watch))
        return measured_v < self._sound * voltage_v

    def _can_be_watched(self) -> bool:
        """Whether it answers ``watch``; tried once, while the output is off."""
        if not self._commands.watch:
            return False
        try:
            with self._link.within(_ANSWER_S):
                self._scpi.number(self._commands.query(self._commands.watch))
        except BenchError as error:
            if error.code not in ("visa.silent", "scpi.answer"):
                raise
            queue = " | ".join(self._drain())
            self._link.note(f"({self._commands.watch} is unknown: {queue}; the voltage is not watched)")
            return False
        self._drain()
        return True

    def _limit(self) -> None:
        """Sets the limits, once."""
        if self._limited:
            return
        if self._commands.first:
            self._scpi.set(self._commands.first)
        self._drain()  # errors of earlier users
        self._put(self._commands.set_current, "{i}", self._highest_a, self._commands.ask_current)
        if self._commands.set_protection:
            text = self._commands.set_protection.replace("{v}", f"{self._highest_v:.6g}")
            self._scpi.set(self._commands.command(text))
            self._check(text)
        self._watched = self._can_be_watched()
        self._limited = True

    def _put(self, pattern: str, sign: str, value: float, query: str) -> None:
        command = self._commands.command(pattern.replace(sign, f"{value:.6g}"))
        if query:
            tolerance = max(_READBACK * value, _READBACK_LEAST)
            self._scpi.set_and_read(command, self._commands.query(query), value, tolerance)
        else:
            self._scpi.set(command)
        self._check(command)

    def _measure(self, voltage_v: float) -> None:
        if not self._commands.measure:
            return
        self._link.clock.sleep(self._settle_s)
        measured_v = self._scpi.number(self._commands.query(self._commands.measure))
        if abs(measured_v - voltage_v) > self._tolerance * voltage_v:
            self.off()
            raise BenchError(
                "scpi.measured",
                f"{voltage_v:g} V was set on {self._link.resource}, which measures {measured_v:g} V; it was "
                "switched off again",
                "It limits the current: look for a short circuit, or raise limits.highest_a.",
            )

    def _output(self) -> bool:
        return not is_off(self._scpi.ask(self._commands.query(self._commands.ask_output)))

    def _drain(self) -> list[str]:
        return self._scpi.drain_errors() if self._commands.errors else []

    def _check(self, what: str) -> None:
        if self._commands.errors:
            self._scpi.check_errors(what)


def _attempt_off(scpi: Scpi, commands: Commands) -> bool:
    """Switches off once; returns whether the supply confirms it."""
    if commands.first:
        scpi.link.push(commands.first)
    scpi.link.push(commands.command(commands.off))
    if commands.ask_output:
        return is_off(scpi.ask(commands.query(commands.ask_output), LONGEST_OFF_S))
    scpi.ask("*OPC?", LONGEST_OFF_S)  # it can only confirm that it executed the command
    return True


def open_scpi(url: str, *, settings: dict[str, Any], clock: Clock, transcript: Transcript) -> ScpiSupply:
    """Opens a supply: the bench's supply ``scpi``.

    Args:
        url: Its VISA resource string.
        settings: Fields of ``Commands``; ``tolerance``, ``settle_s``, ``timeout_s``, ``backend``; the bench
            adds ``highest_v``, ``highest_a`` and ``voltage_v``.
        clock: The bench's clock.
        transcript: Receives every line.

    Raises:
        BenchError: ``scpi.setting``, ``visa.missing``, ``visa.open``.
    """
    choices = Choices("scpi", settings)
    commands = Commands.of(choices)
    limits = {name: choices.pop(name, 0.0, 0.0, 60.0) for name in ("highest_v", "highest_a")}
    choices.pop("voltage_v", 0.0, 0.0, 60.0)
    tolerance = choices.pop("tolerance", 0.02, 1e-4, 1.0)
    settle_s = choices.pop("settle_s", 0.2, 0.0, 10.0)
    for name, limit in limits.items():
        if not limit > 0:
            raise BenchError(
                "scpi.setting", f"a supply needs the bench's limit {name}", "See [limits] of the bench file."
            )
    timeout_s, backend = choices.pop("timeout_s", 3.0, 0.1, 60.0), choices.pop("backend", "@py")
    choices.finish()
    link = VisaLink(
        url, clock=clock, transcript=transcript, source="supply", timeout_s=timeout_s, backend=backend
    )
    return ScpiSupply(link, commands, tolerance=tolerance, settle_s=settle_s, **limits)


def switch_off(url: str, *, settings: dict[str, Any] | None = None, timeout_s: float = 3.0) -> bool:
    """Switches a supply off through its port alone: for the guardian.

    Args:
        url: Its VISA resource string.
        settings: The supply's settings in the bench file.
        timeout_s: How long to try.

    Returns:
        Whether the supply has acknowledged.

    Raises:
        BenchError: ``visa.*`` if it does not answer in this time.
    """
    choices = Choices("scpi", settings or {})
    commands, backend = Commands.of(choices), choices.pop("backend", "@py")

    def attempt(link: VisaLink) -> bool:
        return _attempt_off(Scpi(link, "scpi", commands.errors, _WITHOUT_ERRORS), commands)

    return switch_off_at(url, backend, timeout_s, attempt, source="supply")
