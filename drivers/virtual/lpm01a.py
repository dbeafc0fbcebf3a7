"""Twin of ST's X-NUCLEO-LPM01A: supply and monitor, ASCII stream (protocols.md 3).

Observed or documented forms are quoted there. [U] marks what no source tells: where the NUL bytes lie around
a prompt, the first time mark, the state after an overcurrent stop, what the summary says beside its numbers,
and the event counter's way from 99 on.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from drivers.virtual.lpm01a_settings import CHECKS, LCD_CHARS, RefusedError, Settings
from drivers.virtual.lpm01a_stream import SAMPLES_PER_TIMESTAMP, sample_lines, timestamp_line
from drivers.virtual.sampler import Sampler
from drivers.virtual.twin import MonitorTwin, TwinSite
from drivers.virtual.world import nanoseconds

PROMPT = "PowerShield > "
BOARD_ID = "540619864-1110659081-4784204"
OVERCURRENT_A = 0.059
OVERCURRENT = "error: Overcurrent >59mA, dynamic acquisition stopped"

_STANDALONE = frozenset(("help", "powershield", "version", "status", "psrst", "htc", "echo"))
"""Commands that work before ``htc`` (3.1)."""

_WHILE_RUNNING = frozenset(("stop", "pwr", "status", "temp", "echo", "version", "powershield", "lcd"))
"""[U] Commands that are taken during an acquisition; others are refused."""


class Lpm01aTwin(MonitorTwin):
    """The power shield.

    Args:
        site: Where it is put; it is the world's supply. The baud rate does not matter on its USB port (3.1).
        ppm: By how much its sample clock runs fast; 69 to 195 in published sessions (rules.md 3).
        truncate: Whether samples are truncated to four digits instead of rounded.
        block_s: How much of the stream it sends at a time. Events wait with their samples.
        first_timestamp: Whether the stream begins with ``TimeStamp: 000s 000ms`` ([U] in ASCII).
        version: Firmware version that it states.
        max_energy_hz: Highest rate of energy output (see `Settings`).
        min_pulse_ns: Shortest pulse that it notices on D7: the rule asks for 1 us (1.5).
    """

    def __init__(
        self,
        site: TwinSite,
        *,
        ppm: float = 130.0,
        truncate: bool = False,
        block_s: float = 0.1,
        first_timestamp: bool = True,
        version: str = "1.0.6",
        max_energy_hz: int = 10_000,
        min_pulse_ns: int = 1000,
    ) -> None:
        self._world, self._port = site.world, site.serial_port()
        super().__init__(site, self._port.url)
        self.ppm, self._truncate, self._block_s = ppm, truncate, block_s
        self._first_timestamp, self._version, self._min_pulse_ns = first_timestamp, version, min_pulse_ns
        self.settings = Settings(max_energy_hz)
        self._running = False
        self._controlled = False
        self._latched = ""
        self._power = "auto"
        self._input = bytearray()
        self._life = 0
        self._armed = False
        self._port.on_bytes = self._bytes

    @property
    def running(self) -> bool:
        """Whether an acquisition is going on."""
        return self._running

    def edge(self, width_ns: int) -> None:
        """A falling edge on D7."""
        if width_ns < self._min_pulse_ns:
            return
        if self._armed:
            self._armed = False
            self._begin()
        if not self.running:
            return
        source = self.settings.values["eventsrc"]
        if source == "d7 fal":
            self._event()
        elif source == "d7 ris":
            life = self._life
            self._world.after(width_ns, lambda: self._event() if life == self._life else None)

    def position(self) -> int:
        """How many samples of the running acquisition are over."""
        return self._sampler.complete(self._world.now_ns) if self.running else 0

    def overcurrent(self) -> None:
        """Protection acts: the acquisition stops with an error, the output stays as it is [U]."""
        if self.running:
            self._emit(self._sampler.complete(self._world.now_ns))
        self._life += 1
        self._running = False
        self._latched = OVERCURRENT
        self._pending += f"{OVERCURRENT}\r\n".encode()
        self._flush()

    def lose_power(self) -> None:
        """Its USB plug is pulled, which powers it and with it the DUT."""
        self._life += 1
        self._running = self._armed = self._controlled = False
        self._world.supply.switch(False)

    # Commands

    def _bytes(self, data: bytes) -> None:
        self._input += data
        while b"\n" in self._input:
            line, _, self._input = self._input.partition(b"\n")
            text = line.rstrip(b"\r").decode("latin-1")
            if text.strip() and not self.silent:
                self._command(text.strip())

    def _command(self, text: str) -> None:
        name, _, argument = text.partition(" ")
        argument = " ".join(argument.split()) if name != "lcd" else argument.strip()
        try:
            for refuse in self.refuse:
                detail = refuse(text)
                if detail is not None:
                    raise RefusedError(detail)
            self._allowed(name)
            self._serve(name, argument, text)
        except RefusedError as refused:
            self._reply(f"error {text}\r\nError detail: {refused}")

    def _allowed(self, name: str) -> None:
        if not self._controlled and name not in _STANDALONE:
            raise RefusedError("Command not allowed in mode standalone, use command htc")
        if self.running and name not in _WHILE_RUNNING:
            raise RefusedError("Command not allowed during acquisition")

    def _reply(self, text: str) -> None:
        r"""``\r\nPowerShield > <text>\r\n\r\n`` with a NUL around the prompt."""
        if self.running:
            self._emit(self._sampler.complete(self._world.now_ns))
            self._flush()
        self._port.write(f"\r\n\0{PROMPT}{text}\r\n\r\n".encode("latin-1"))

    def _serve(self, name: str, argument: str, text: str) -> None:
        special: dict[str, Callable[[], str]] = {
            "powershield": lambda: f"powershield {BOARD_ID}",
            "version": lambda: f"version: {self._version}",
            "status": self._status,
            "htc": lambda: self._control(True),
            "hrc": lambda: self._control(False),
            "lcd": lambda: self._lcd(argument),
            "pwr": lambda: self._pwr(argument),
            "temp": lambda: f"temp {argument} " + ("28.0" if argument == "degc" else "82.4"),
            "range": lambda: "range 100-09 5000-05",
        }
        if name == "echo":
            self._reply(text)  # the only reply without ack (3.1)
        elif name == "start":
            self._reply("ack start")
            self._arm()
        elif name == "stop":
            self._stop()
        elif name == "volt" and argument == "get":
            # Seen: 3292-03 for 3300m; here exactly what was set.
            self._reply(f"ack volt get {round(self._world.supply.voltage_v * 1000):04d}-03")
        elif name in special:
            self._reply(f"ack {special[name]()}")
        elif name in CHECKS:
            self.settings.take(name, argument)
            if name == "volt":
                self._world.supply.voltage_v = self.settings.seconds("volt")
            self._reply(f"ack {text}")
        else:
            raise RefusedError("Command unknown")

    def _status(self) -> str:
        latched, self._latched = self._latched, ""  # status also clears it (3.1)
        return f"status {latched or 'ok'}"

    def _control(self, taken: bool) -> str:
        self._controlled = taken
        return "htc" if taken else "hrc"

    def _lcd(self, argument: str) -> str:
        line, _, shown = argument.partition(" ")
        shown = shown.strip()
        if line not in ("1", "2") or not (shown.startswith('"') and shown.endswith('"') and len(shown) > 1):
            raise RefusedError("Argument not among: 1, 2, followed by a string in double quotes")
        if len(shown) - 2 > LCD_CHARS:
            raise RefusedError(f"String longer than {LCD_CHARS} characters")
        return f"lcd {argument}"

    def _pwr(self, argument: str) -> str:
        words = argument.split()
        if words == ["get"]:
            return f"pwr get {'on' if self._world.supply.on else 'off'}"
        if (
            not words
            or words[0] not in ("auto", "on", "off")
            or words[1:] not in ([], ["nostatus"], ["status"])
        ):
            raise RefusedError("Argument not among: auto, on, off, get")
        self._power = words[0]
        if words[0] != "auto":
            self._world.supply.switch(words[0] == "on")
        if self.running and words[-1] == "status":
            self._emit(self._sampler.complete(self._world.now_ns))
            self._pending += f"pwr {words[0]}\r\n".encode()
        return f"pwr {argument}"

    # Acquisition

    def _arm(self) -> None:
        if self._power == "auto":
            self._world.supply.switch(True)
        if self.settings.values["trigsrc"] == "d7":
            self._armed = True
        else:
            self._begin()

    def _begin(self) -> None:
        self._life += 1
        self._running = True
        origin = self._world.now_ns + nanoseconds(self.settings.seconds("trigdelay"))
        self._sampler = Sampler(self._world.timeline, origin, self.settings.rate_hz, self.ppm)
        self._sent = 0
        self._events = 0
        self._least, self._most = float("inf"), 0.0
        self._pending = bytearray()
        if self._first_timestamp:
            self._pending += timestamp_line(0, self.settings.rate_hz, 0)
            self._flush()
        limit_s = self.settings.seconds("acqtime")
        self._limit = round(limit_s * self.settings.rate_hz) if limit_s else None
        self._plan(self._life)

    def _plan(self, life: int) -> None:
        step = max(round(self._block_s * self.settings.rate_hz), 1)
        goal = (self._sent // step + 1) * step
        if self._limit is not None:
            goal = min(goal, self._limit)

        def block() -> None:
            if life != self._life:
                return
            self._emit(goal)
            if self.running:
                self._flush()
                if goal == self._limit:
                    self._end()
                else:
                    self._plan(life)

        self._world.at(self._sampler.boundary_ns(goal), block)

    def _emit(self, stop: int) -> None:
        """Appends the lines of all samples before ``stop`` to what is to be sent."""
        if stop <= self._sent:
            return
        values = self._values(self._sent, stop)
        while self._sent < stop:
            mark = (self._sent // SAMPLES_PER_TIMESTAMP + 1) * SAMPLES_PER_TIMESTAMP
            upto = min(mark, stop)
            self._pending += self._lines(self._sent, values[: upto - self._sent])
            values = values[upto - self._sent :]
            self._sent = upto
            if upto == mark:
                self._pending += timestamp_line(mark, self.settings.rate_hz)

    def _values(self, first: int, stop: int) -> npt.NDArray[np.float64]:
        energies = self._sampler.energies_j(first, stop)
        currents = energies / (self._sampler.period_ns * 1e-9 * self._world.supply.voltage_v)
        values = energies if self.settings.values["output"] == "energy" else currents
        self._least = min(self._least, float(values.min()))
        self._most = max(self._most, float(values.max()))
        if float(currents.max()) > OVERCURRENT_A and self.settings.values["acqmode"] == "dyn":
            self._world.at(self._world.now_ns, self._protect)
        return values

    def _protect(self) -> None:
        if self.running:
            self.overcurrent()

    def _lines(self, first: int, values: npt.NDArray[np.float64]) -> bytes:
        if self.drop:
            index = np.arange(first, first + len(values))
            keep = np.ones(len(values), dtype=np.bool_)
            for low, high in self.drop:
                keep &= (index < low) | (index >= high)
            values = values[keep]
        return sample_lines(values, self._truncate)

    def _event(self) -> None:
        self._emit(max(self._sampler.complete(self._world.now_ns), 0))
        self._pending += f"event {self._events % 100:02d} ris\r\n".encode()  # "ris" for falls, too (3.3)
        self._events += 1

    def _flush(self) -> None:
        if self._pending:
            self._port.write(bytes(self._pending))
            self._pending.clear()

    def _stop(self) -> None:
        self._armed = False
        if not self.running:
            raise RefusedError("No acquisition on going")
        self._reply("ack stop")
        self._end()

    def _end(self) -> None:
        self._emit(self._sampler.complete(self._world.now_ns))
        self._life += 1
        self._running = False
        low, high = (
            sample_lines(np.array([value])).decode() for value in (min(self._least, self._most), self._most)
        )
        self._pending += f"end\r\nsummary beg\r\nmin {low}max {high}summary end\r\n".encode()
        self._flush()
        self._port.write(f"\r\n\0{PROMPT}Acquisition completed\r\n\r\n".encode())
        if self._power == "auto" and self.settings.values["pwrend"] == "off":
            self._world.supply.switch(False)
