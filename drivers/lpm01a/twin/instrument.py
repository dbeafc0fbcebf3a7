"""Twin of ST's X-NUCLEO-LPM01A: supply and monitor, both streams, static mode (protocols.md 3).

protocols.md quotes the forms that were observed or are documented, ``UNVERIFIED`` what no source states.
"""

from __future__ import annotations

from collections.abc import Callable

from drivers.lpm01a.twin import binary
from drivers.lpm01a.twin.acquisition import OVERCURRENT, OVERCURRENT_A, Acquisition, Wiring
from drivers.lpm01a.twin.settings import CHECKS, RefusedError, Settings, number, shown_text, tested
from drivers.lpm01a.twin.static import static_lines
from drivers.unverified import Unverified
from drivers.virtual.misreading import Misreading
from drivers.virtual.sampler import Sampler
from drivers.virtual.twin import MonitorTwin, Params, TwinSite
from drivers.virtual.world import NS, nanoseconds

PROMPT = "PowerShield > "
BOARD_ID = "540619864-1110659081-4784204"

_STANDALONE = frozenset(("help", "powershield", "version", "status", "psrst", "htc", "echo"))
"""Commands that work before ``htc`` (protocols.md 3.1)."""

_WHILE_RUNNING = frozenset(
    ("stop", "pwr", "status", "temp", "echo", "version", "powershield", "lcd", "targrst", "volt")
)
"""Commands that are accepted during an acquisition (``volt`` with ``get`` only); others are refused."""


UNVERIFIED = (
    Unverified("Lpm01aTwin", "The place of NUL bytes around a prompt, and the first time mark in ASCII."),
    Unverified(
        "Lpm01aTwin", "The state after an overcurrent stop; that protection acts without an acquisition, too."
    ),
    Unverified("Lpm01aTwin", "The texts of the summary and of `help`, and the event counter after 99."),
    Unverified(
        "Lpm01aTwin",
        "What static mode sends around its value, half a second after the start; how `autotest` answers.",
    ),
    Unverified(
        "Lpm01aTwin", "How commands are answered while a binary stream runs (other than by F6 to F9)."
    ),
    Unverified("_WHILE_RUNNING", "Commands that are accepted during an acquisition."),
    Unverified("Lpm01aTwin", "Time from an edge that starts it, and `trigdelay`, to sample 0."),
    Unverified("Lpm01aTwin", "`targrst` acts at once, in any state."),
)
"""Facts that no hardware has confirmed (docs/reference/unverified.md)."""


class Lpm01aTwin(MonitorTwin):
    """The power shield.

    Faults of its own: ``unknown-packet`` (in a binary stream, with the bytes ``hex``), ``overflow-flag`` (at
    the next time mark of a binary stream), ``odd-byte`` (a byte of samples is lost, in either format).

    Args:
        site: Where the twin is put; it is the world's supply. Its USB has no baud rate (protocols.md 3.1).
        ppm: By how much its sample clock runs fast; 69 to 195 in published sessions (mlperf-tiny.md 3).
        truncate: Whether samples are truncated to their digits instead of rounded.
        block_s: Length of the pieces in which it sends the stream, and the longest delay of an event: in
            published sessions 42 to 46 samples of 1 ms follow the last edge, so it is 5 ms at most.
        first_timestamp: Whether an ASCII stream begins with ``TimeStamp: 000s 000ms``; a binary one does.
        version: Firmware version that it states.
        max_energy_hz: Highest rate of energy output (see `Settings`).
        min_pulse_ns: Shortest pulse that it detects on D7: the rule asks for 1 us (protocols.md 1.5).
        warmer_k: By how much it is warmer than the air around the bench.
        trigger_latency_s: Time from an edge that starts it, and ``trigdelay``, to sample 0.
        text_in_binary: Whether it answers in text while a binary stream runs, beside the packets.
        serial: Its board id.
        gain: Relative error of its current; ``offset_a`` and ``voltage_gain`` as in `Misreading`.

    Attributes:
        calibrated_c: Its temperature at the last calibration.
        calibrations: Number of calibrations, those after ``volt`` included.
    """

    def __init__(
        self,
        site: TwinSite,
        *,
        ppm: float = 130.0,
        truncate: bool = False,
        block_s: float = 0.005,
        first_timestamp: bool = True,
        version: str = "1.0.6",
        max_energy_hz: int = 10_000,
        min_pulse_ns: int = 1000,
        warmer_k: float = 3.0,
        trigger_latency_s: float = 0.0,
        text_in_binary: bool = False,
        serial: str = BOARD_ID,
        gain: float = 0.0,
        offset_a: float = 0.0,
        voltage_gain: float = 0.0,
    ) -> None:
        self._world, self._port = site.world, site.serial_port()
        super().__init__(site, self._port.url, Misreading(gain, offset_a, voltage_gain))
        self._serial = serial
        self.ppm, self._truncate, self._block_s = ppm, truncate, block_s
        self._first_timestamp, self._version, self._min_pulse_ns = first_timestamp, version, min_pulse_ns
        self._latency_s, self._text_in_binary = trigger_latency_s, text_in_binary
        self.warmer_k = warmer_k
        self.calibrated_c = self.temperature_c
        self.calibrations, self.chosen = 0, Settings(max_energy_hz)
        self._acquisition: Acquisition | None = None
        self._controlled = self._armed = False
        self._latched = ""
        self._power = "auto"
        self._input = bytearray()
        self._life = self._static_done = 0
        self._static_since_ns: int | None = None
        self._port.on_bytes = self._bytes
        self.faults = {
            "unknown-packet": self._unknown_packet,
            "overflow-flag": lambda params: lambda: self._flaw("overflow"),
            "odd-byte": lambda params: lambda: self._flaw("lose_byte"),
            "late-delivery": self._late_delivery,
        }

    @property
    def running(self) -> bool:
        """Whether a stream runs."""
        return self._stream() is not None

    def edge(self, width_ns: int) -> None:
        """Takes a falling edge on D7."""
        if width_ns < self._min_pulse_ns:
            return
        if self._armed:
            self._armed = False
            self._begin(self._latency_s)
        stream = self._stream()
        if stream is None:
            return
        source = self.chosen.values["eventsrc"]
        if source == "d7 fal":
            stream.event()
        elif source == "d7 ris":
            self._world.after(width_ns, stream.event)

    def position(self) -> int:
        """Number of samples of the running acquisition that are complete."""
        stream = self._stream()
        return stream.position() if stream else 0

    def overcurrent(self) -> None:
        """Protection acts: the acquisition stops with an error, the output stays as it is."""
        if stream := self._stream():
            stream.stop(stream.format.overcurrent())
            self._latched = OVERCURRENT

    def hasten(self, ppm: float) -> None:
        """Its sample clock becomes faster by so many millionths."""
        self.ppm += ppm
        if stream := self._stream():
            stream.hasten(ppm)

    def lose_power(self) -> None:
        """The USB plug is pulled, which powers the LPM01A and with it the DUT."""
        self._life += 1
        if self._acquisition is not None:
            self._acquisition.over = True
        self._armed = self._controlled = False
        self._static_since_ns = None
        self._static_done = 0
        self._world.supply.switch(False)

    def _stream(self) -> Acquisition | None:
        stream = self._acquisition
        return None if stream is None or stream.over else stream

    def _binary(self) -> Acquisition | None:
        stream = self._stream()
        return stream if stream is not None and stream.binary else None

    # Faults

    def _flaw(self, name: str) -> None:
        if stream := self._stream():
            setattr(stream, name, True)

    def _late_delivery(self, params: Params) -> Callable[[], None]:
        """``late-delivery``: samples and events arrive in pieces of ``delay_s`` (0.1)."""
        delay_s = float(params.pop("delay_s", 0.1))

        def delay() -> None:
            self._block_s = delay_s
            if self._acquisition is not None:
                self._acquisition.block_s = delay_s

        return delay

    def _unknown_packet(self, params: Params) -> Callable[[], None]:
        raw = bytes.fromhex(params.pop("hex", "F0 FE 01 02 FF FF"))

        def send() -> None:
            if stream := self._binary():
                stream.insert(raw)

        return send

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
            self._allowed(name, argument)
            self._serve(name, argument, text)
        except RefusedError as refused:
            text = f"error {text}\r\nError detail: {refused}"
            self._reply(text, binary.error_packet(text))

    def _allowed(self, name: str, argument: str) -> None:
        if not self._controlled and name not in _STANDALONE:
            raise RefusedError("Command not allowed in mode standalone, use command htc")
        busy = self.running or self._armed or self._static_since_ns is not None
        if busy and (name not in _WHILE_RUNNING or (name == "volt" and argument != "get")):
            raise RefusedError("Command not allowed during acquisition")

    def _send(self, data: bytes, grace_s: float = 0.0) -> None:
        if not self.silent:
            self._port.write(data, grace_s)

    def _reply(self, text: str, packet: bytes | None = None) -> None:
        r"""Sends ``\r\nPowerShield > <text>\r\n\r\n`` with a NUL in front; in a binary stream, a packet."""
        framed = f"\r\n\0{PROMPT}{text}\r\n\r\n".encode("latin-1")
        stream = self._stream()
        if stream is None:
            self._send(framed)
        elif not stream.binary or self._text_in_binary:
            stream.insert(framed)
        else:
            stream.insert(binary.info_packet(text) if packet is None else packet)

    def _serve(self, name: str, argument: str, text: str) -> None:
        special: dict[str, Callable[[], str]] = {
            "powershield": lambda: f"powershield {self._serial}",
            "version": lambda: f"version: {self._version}",
            "help": self._help,
            "status": self._status,
            "htc": lambda: self._control(True),
            "hrc": lambda: self._control(False),
            "lcd": lambda: f"lcd {shown_text(argument)}",
            "range": lambda: "range 100-09 5000-05",
            "calib": self._calib,
            "autotest": lambda: tested(argument),
        }
        if name == "echo":
            self._reply(text)  # the only reply without ack (protocols.md 3.1)
        elif name == "start":
            self._reply("ack start")
            self._start()
        elif name == "stop":
            self._stop()
        elif name == "volt" and argument == "get":
            # Observed: 3292-03 for 3300m; here exactly the output's.
            millivolts = round(self.misreads.voltage(self._world.supply.output_v) * 1000)
            self._reply(f"ack volt get {millivolts:04d}-03", binary.voltage_packet(millivolts))
        elif name == "temp":
            self._temp(argument)
        elif name == "pwr":
            self._pwr(argument)
        elif name == "targrst":
            CHECKS[name](argument)
            self._reply(f"ack {text}", binary.TARGET_DOWN)
            self._target_reset(argument)
        elif name in special:
            self._reply(f"ack {special[name]()}")
        elif name in CHECKS:
            self.chosen.take(name, argument)
            if name == "volt":
                self._world.supply.voltage_v = self.misreads.output_v(self.chosen.seconds("volt"))
                self._calib()  # the instrument does so by itself (protocols.md 3.2)
            self._reply(f"ack {text}")
        else:
            raise RefusedError("Command unknown")

    def _help(self) -> str:
        names = [*sorted(_STANDALONE), *CHECKS, "hrc", "lcd", "pwr", "start", "stop", "temp", "calib"]
        names = [name for name in [*names, "range", "autotest"] if name != "eventsrc"]  # protocols.md 3.2
        return "\r\n".join(["help", *names])

    def _status(self) -> str:
        latched, self._latched = self._latched, ""  # status also clears it (protocols.md 3.1)
        supply, world = self._world.supply, self._world
        if supply.on and world.timeline.power_w(world.now_ns) > OVERCURRENT_A * supply.output_v:
            latched = OVERCURRENT  # without an acquisition, too
        return f"status {latched or 'ok'}"

    def _control(self, taken: bool) -> str:
        self._controlled = taken
        return "htc" if taken else "hrc"

    @property
    def temperature_c(self) -> float:
        """Its own temperature."""
        return self._world.temperature_c + self.warmer_k

    def _calib(self) -> str:
        self.calibrated_c = self.temperature_c
        self.calibrations += 1
        return "calib"

    def _temp(self, argument: str) -> None:
        if argument not in ("degc", "degf"):
            raise RefusedError("Argument not among: degc, degf")
        shown = self.temperature_c if argument == "degc" else self.temperature_c * 1.8 + 32
        self._reply(f"ack temp {argument} {shown:.1f}", binary.temperature_packet(self.temperature_c))

    def _target_reset(self, argument: str) -> None:
        """Switches the target's power off for a while: at once, in any state."""
        down_s = number(argument) or 0.0
        life, was_on = self._life, self._world.supply.on
        self._world.supply.switch(False)
        if down_s and was_on:

            def up() -> None:
                if life == self._life:
                    self._world.supply.switch(True)

            self._world.after(nanoseconds(down_s), up)

    def _pwr(self, argument: str) -> None:
        words = argument.split()
        if words == ["get"]:
            on = self._world.supply.on
            self._reply(f"ack pwr get {'on' if on else 'off'}", binary.power_packet(on))
            return
        if (
            not words
            or words[0] not in ("auto", "on", "off")
            or words[1:] not in ([], ["nostatus"], ["status"])
        ):
            raise RefusedError("Argument not among: auto, on, off, get")
        self._power = words[0]
        self._life += 1  # cancels what targrst has planned
        if words[0] != "auto":
            self._world.supply.switch(words[0] == "on")
        stream = self._stream()
        if stream is not None and not stream.binary and words[-1] == "status":
            stream.insert(stream.format.power(words[0] == "on"))
        self._reply(f"ack pwr {argument}", binary.power_packet(self._world.supply.on))

    # Acquisition

    def _start(self) -> None:
        if self._power == "auto":
            self._world.supply.switch(True)
        if self.chosen.values["acqmode"] == "stat":
            self._begin_static()
        elif self.chosen.values["trigsrc"] == "d7":
            self._armed = True
        else:
            self._begin()

    def _begin(self, latency_s: float = 0.0) -> None:
        delay_s = self.chosen.seconds("trigdelay") + latency_s
        origin_ns = self._world.now_ns + nanoseconds(delay_s)
        wiring = Wiring(
            *(self._world, self._send, self.overcurrent, self._end, self.drop, self._block_s, self.misreads)
        )
        sampler = Sampler(self._world.timeline, origin_ns, self.chosen.rate_hz, self.ppm)
        first = self._first_timestamp or self.chosen.values["format"] == "bin_hexa"
        self._acquisition = Acquisition(
            wiring, self.chosen, sampler, truncate=self._truncate, first_mark=first
        )

    def _begin_static(self) -> None:
        """Sends one value, half a second after the start."""
        self._static_since_ns = since = self._world.now_ns

        def done() -> None:
            if self._static_since_ns != since:
                return
            self._static_since_ns = None
            lines = static_lines(self._world, self.misreads, since, first=self._static_done == 0)
            self._static_done += 1
            self._send(lines)
            self._completed()

        self._world.after(NS // 2, done)

    def _stop(self) -> None:
        stream = self._stream()
        if stream is None:
            if not self._armed and self._static_since_ns is None:
                raise RefusedError("No acquisition on going")
            self._armed, self._static_since_ns = False, None
            self._reply("ack stop")
            self._completed()
            return
        if not stream.binary or self._text_in_binary:  # in binary only the end is an answer
            self._reply("ack stop")
        self._end()

    def _end(self) -> None:
        stream = self._stream()
        if stream is not None:
            stream.stop(stream.summary())
            self._completed()
            if self._power == "auto" and self.chosen.values["pwrend"] == "off":
                self._world.supply.switch(False)

    def _completed(self) -> None:
        self._send(f"\r\n\0{PROMPT}Acquisition completed\r\n\r\n".encode())
