"""ST X-NUCLEO-LPM01A (PowerShield): monitor and supply (protocols.md 3; ST UM2269, UM2243).

It powers the DUT at 1.8 to 3.3 V and samples its current, 100 nA to 50 mA in dynamic mode. In ASCII, up to
5000 samples/s, the stream of samples contains the DUT's edges, from its pin D7. In binary it has up to
100 000 samples/s, but how that format marks edges is not known (protocols.md 3.4). So in binary, or if
the bench file asks for it, an edge on D7 starts the stream, and the IO manager's clock times all edges.

A silent stream is reported within 1 s and five sample periods, its end and an unplugged port at once.
"""

from __future__ import annotations

import contextlib
from typing import Any

from drivers.links.serial_link import SerialLink
from drivers.lpm01a.accuracy import DYNAMIC, SUPPLY, accuracy_lines
from drivers.lpm01a.ascii import AsciiDecoder
from drivers.lpm01a.binary import BinaryDecoder
from drivers.lpm01a.console import LPM01A_BAUD, Console
from drivers.lpm01a.control import Control
from drivers.lpm01a.extras import STATIC_COMMANDS, Extras, busy, is_refused_stop
from drivers.lpm01a.guardian import open_link, switch_off
from drivers.lpm01a.marks import SAMPLES_PER_MARK
from drivers.lpm01a.setup import (
    COMMANDS,
    HIGHEST_V,
    Choice,
    check_settings,
    checked_rate,
    firmware,
    frequency,
    millivolts,
)
from drivers.lpm01a.stream import COMPLETED, Stream
from drivers.unverified import LOG, Unverified
from energy.errors import BenchError
from energy.instruments import (
    Accuracy,
    Clock,
    Deadline,
    Identity,
    OwnEnergy,
    Setup,
    Sink,
    Transcript,
    output_off,
)
from energy.signal import Signal

__all__ = ["Lpm01a", "open_lpm01a", "switch_off"]

_VOLT_S = 10.0
"""Timeout of ``volt``. How long its calibration takes (protocols.md 3.2) is not documented."""
_VOLT_TOLERANCE = 0.02
"""Largest deviation of ``volt get``: its example is 3292 mV (0.24 %), the supply is specified at 1 %."""
_STOP_S = 5.0
_OFF_S = 0.5
_OFF_TRIES = 3
_CHECK_S = 1.0
_NOTHING_S = 0.5
_BETWEEN = 5.0
"""Longest time between two pieces of its stream: this number of sample periods, and 0.8 s."""


UNVERIFIED = (
    Unverified(
        "_VOLT_S", "How long the calibration of `volt` takes.", "a time-out, but no wrong figure", LOG
    ),
    Unverified(
        "_BETWEEN",
        "Longest time between two pieces of its stream: five sample periods and 0.8 s.",
        "when silence becomes a fault of the stream, or a false alarm",
        "record for an hour at the lowest rate and check for `lpm01a.silent`",
    ),
)
"""Facts that no hardware has confirmed (docs/reference/unverified.md)."""


class Lpm01a:
    """An LPM01A at a serial port: an ``energy.instruments`` Monitor and Supply.

    Samples are passed on when they have been counted, up to 1000 sample periods late (``lpm01a/ascii``).

    Args:
        link: Its port, opened with ``strip_nul``.
        choice: The bench file's settings, such as output and format.

    Attributes:
        limits: Rates and ranges with this output and format.

    Raises (all methods):
        BenchError: Those of ``lpm01a.console.Console``; ``lpm01a.rate``, ``lpm01a.voltage``, ``lpm01a.edges``
            for a rate, voltage or edges that it cannot have, ``lpm01a.readback``, ``lpm01a.stop``,
            ``lpm01a.off-unconfirmed``, ``lpm01a.output-off``, ``lpm01a.busy``; ``link.*``.
    """

    def __init__(self, link: SerialLink, choice: Choice | None = None) -> None:
        self._link = link
        self._console = Console(link)
        self._control = Control(self._console)
        self._extras = Extras(self._console)
        self._choice = choice or Choice()
        self.limits = self._choice.limits()
        self.delivery_delay_s = 0.0
        self._on = False
        self._reset_until_s = 0.0
        self._setup: Setup | None = None
        self._decoder: AsciiDecoder | BinaryDecoder | None = None
        self._stream: Stream | None = None

    def identify(self) -> Identity:
        """Sends ``powershield``, ``version``, ``status``, ``help``, as allowed before ``htc`` (3.1)."""
        if self._stream is None:
            self._control.stop_old_stream()
        serial_number = self._console.command("powershield")
        version = self._console.command("version")
        self._control.firmware = firmware(version)
        details: dict[str, Any] = {"status": self._console.command("status")}  # clears a latched error, too
        try:
            words = set(" ".join(self._console.text("help")).split())
        except BenchError as error:
            if error.code != "lpm01a.refused":
                raise
            details["help"] = "refused"
        else:
            details["help"] = [name for name in COMMANDS if name in words]  # eventsrc is not listed (3.2)
        return Identity(
            "X-NUCLEO-LPM01A",
            serial_number=serial_number,
            firmware=version,
            url=self._link.url,
            virtual=self._choice.virtual,
            details=details,
        )

    def configure(self, setup: Setup) -> Signal:
        """Sends the sequence of the MLCommons runner (protocols.md 3.2), output off, step by step."""
        rate_hz, voltage_v = checked_rate(setup.rate_hz, self.limits, self._choice), setup.voltage_v
        on_edge = setup.edges == "io"
        if not (on_edge or self.limits.sees_edges):
            raise BenchError(
                "lpm01a.edges",
                "how the LPM01A's binary stream marks edges is not known: it cannot deliver them",
                "Take the edges from an IO manager (edges = 'io'), or format = 'ascii_dec' (5000 samples/s).",
            )
        shown = millivolts(voltage_v, setup.highest_v)
        self._idle("a new setup")
        self._take_control()
        self._setup = None
        self._console.highest_a = setup.highest_a
        self._control.set('lcd 1 "   joulebench   "')
        self._control.set(f'lcd 2 "{shown} mV {frequency(rate_hz):>4}Hz"')
        self._control.set("pwr off")
        self._on = False
        for command in self._choice.commands(rate_hz, on_edge=on_edge):
            self._control.set(command)
        self._setup, self.delivery_delay_s = setup, SAMPLES_PER_MARK / rate_hz
        self.set_voltage(voltage_v)
        return self._choice.signal(rate_hz, voltage_v)

    def settings(self) -> dict[str, Any]:
        """Commands that were acknowledged, with the rest of each answer, and the stream's state."""
        decoder, known = self._decoder, self._control.firmware
        binary = decoder if isinstance(decoder, BinaryDecoder) else None
        return {
            **self._control.acknowledged,
            **self._extras.settings(),
            "firmware": known.to_json() if known else None,
            "irregularities": {**self._link.irregularities, **(binary.irregularities if binary else {})},
            "unknown_packets": list(binary.unknown) if binary else [],
            "buffer_fullest_percent": decoder.fullest if decoder else None,
            "delivery_delay_s": self.delivery_delay_s or None,
            "current_range": DYNAMIC,
            "voltage_range": SUPPLY,
        }

    def accuracy(self) -> tuple[Accuracy, ...]:
        """One figure for all of dynamic mode: no split into gain and offset is published."""
        return accuracy_lines(self._choice.format, self.limits.highest_a)

    def resolution(self, reading: float) -> float:
        """The step between two values of the stream near a reading, in its unit."""
        return self._choice.resolution(reading)

    def own_energy(self) -> OwnEnergy | None:
        """None: the LPM01A does not integrate energy."""
        return None

    def start(self, sink: Sink) -> None:
        """Sends ``start``: from here on the decoder takes all bytes, in the link's thread.

        If the IO manager times the edges, an edge on D7 starts the samples. ``calib`` comes first, if due.
        """
        setup = self._configured()
        self._idle("another one")
        self._extras.calibrate_if_due()
        largest = self._choice.largest(setup.rate_hz, setup.voltage_v)
        make = BinaryDecoder if self._choice.binary else AsciiDecoder
        clock, start_s = self._link.clock, self._link.clock.now()
        self._decoder = make(setup.rate_hz, largest=largest, elapsed_s=lambda: clock.now() - start_s)
        per_ampere = self._choice.per_ampere(setup.rate_hz, setup.voltage_v)
        stream = Stream(self._link, self._decoder, sink, setup, per_ampere)
        self._stream = stream
        self._link.divert(stream)
        try:
            self._console.command("start")
        except BenchError:
            self._release_stream()
            raise
        stream.watch(clock, _BETWEEN / setup.rate_hz)

    def stop(self) -> None:
        """Sends ``stop`` and waits for ``Acquisition completed``; the sink then has all samples."""
        stream = self._stream
        if stream is None:
            return
        try:
            if not stream.completed:
                stream.stopping = True
                with contextlib.suppress(*((BenchError,) if stream.faulty else ())):  # a fault came before
                    self._console.send("stop")
                    self._wait_for_the_end(stream, _OFF_S if stream.faulty else _STOP_S)
        finally:
            self._release_stream()
            self._link.take_lines()  # the summary's lines, which are in the transcript

    def _wait_for_the_end(self, stream: Stream, longest_s: float) -> None:
        deadline = Deadline(self._link.clock, longest_s)
        while not stream.completed and (line := self._link.read_line(deadline)) is not None:
            if is_refused_stop(line.text) and (stream.faulty or not stream.decoder.begun):
                return  # it ended by itself, or no edge started it
        if not (stream.completed or stream.faulty):
            raise BenchError(
                "lpm01a.stop",
                f"`{COMPLETED}` was expected from the LPM01A ({self._link.url}) within {_STOP_S:g} s",
                "Read its display; switch its power off and on.",
            )

    def set_voltage(self, voltage_v: float) -> None:
        """Sends ``volt`` and reads it back by ``volt get``."""
        value = millivolts(voltage_v, self._setup.highest_v if self._setup else HIGHEST_V)
        self._idle("another voltage")
        self._take_control()
        self._control.set(f"volt {value}m", _VOLT_S)
        read_v, answer = self._extras.voltage_v()
        self._control.acknowledged["volt get"] = answer
        if abs(read_v - voltage_v) > _VOLT_TOLERANCE * voltage_v:
            raise BenchError(
                "lpm01a.readback",
                f"{voltage_v:g} V was set on the LPM01A ({self._link.url}); `volt get` answers {answer!r}",
                "Disconnect the DUT and try again: another source may drive its supply pin.",
            )
        self._extras.calibrated()

    def on(self) -> None:
        """Sends ``pwr on nostatus``."""
        self._take_control()
        self._control.set("pwr on nostatus", packet="F9")
        self._on = True

    @property
    def off_confirmed(self) -> bool:
        """True: ``pwr off`` is acknowledged, in text or as a packet."""
        return True

    def check(self) -> None:
        """Checks ``status`` and ``pwr get``; in a stream only ``pwr get``, and only if samples are zero."""
        self._link.check()
        stream, setup = self._stream, self._setup
        if stream is not None and (stream.faulty or stream.completed):
            return  # the sink has the fault
        if stream is None:
            self._control.stop_old_stream()
        if stream is None or not stream.decoder.begun:
            self._console.check_status(_CHECK_S)
        elif setup is None or stream.nothing < max(_NOTHING_S * setup.rate_hz, 1.0):
            return
        if not self._on or self._link.clock.now() < self._reset_until_s:
            return
        if "off" in self._console.command("pwr get", _CHECK_S, packet="F9").lower():
            raise output_off("lpm01a", f"the LPM01A ({self._link.url}) reports that its output is off")

    def off(self) -> None:
        """Stops a running stream and sends ``pwr off``, up to three times, whatever other errors come."""
        error: BenchError | None = None
        self._on = False
        for _ in range(_OFF_TRIES):
            try:
                if self._stream is not None and not self._stream.completed:
                    self._stream.stopping = True
                    self._console.send("stop")
                self._take_control()
                self._control.set("pwr off", _OFF_S, packet="F9")
            except BenchError as caught:
                if caught.code.startswith("link."):
                    raise  # it is powered by USB: unplugged, it powers nothing
                error = caught
            else:
                return
        raise BenchError(
            "lpm01a.off-unconfirmed",
            f"`ack pwr off` was expected from the LPM01A ({self._link.url}); the DUT may still be powered"
            + (f" ({error.message})" if error else ""),
            "Pull the LPM01A's USB cable, or the DUT from CN14."
            + (f" {error.hint}" if error and error.code == "lpm01a.refused" else ""),
        ) from error

    def floor_current(self, samples: int) -> list[float]:
        """Measures mean currents in ampere by static mode: 1 nA to 200 mA, varying by less than 10 %.

        The session's first acquisition is discarded (protocols.md 3.5). The earlier set-up is restored.

        Raises:
            BenchError: ``lpm01a.not-constant``, ``lpm01a.static``.
        """
        setup = self._configured()
        self._idle("a static current")
        back = self._choice.commands(setup.rate_hz, on_edge=setup.edges == "io")
        self._setup = None  # until the set-up is restored
        try:
            for command in STATIC_COMMANDS:
                self._console.command(command)
            currents = self._extras.static_currents(samples)
        except BenchError:
            with contextlib.suppress(BenchError):
                self._choose_again(back, setup)
            raise
        self._choose_again(back, setup)
        return currents

    def calibrate(self) -> None:
        """Sends ``calib``."""
        self._idle("a calibration")
        self._take_control()
        self._extras.calibrate()

    def temperature_c(self) -> float:
        """Temperature of the LPM01A in degrees Celsius, also while a stream runs."""
        self._take_control()
        return self._extras.temperature_c()

    def read_voltage(self) -> float:
        """The voltage that ``volt get`` answers, also while a stream runs."""
        self._take_control()
        return self._extras.voltage_v()[0]

    def measured_voltage_v(self) -> float | None:
        """The voltage that ``volt get`` answers, also while a stream runs."""
        return self.read_voltage()

    def reset_target(self, seconds: float) -> None:
        """Switches the DUT's supply off for this time, also while a stream runs; returns when acknowledged.

        Raises:
            BenchError: ``lpm01a.reset`` for a time outside its range.
        """
        self._take_control()
        self._reset_until_s = self._link.clock.now() + seconds + _CHECK_S
        self._extras.reset_target(seconds)

    def autotest(self) -> str:
        """Result of the instrument's own test."""
        self._idle("its own test")
        self._take_control()
        return self._extras.autotest()

    def close(self) -> None:
        """Gives host control back and closes the port; the output stays as it is."""
        with contextlib.suppress(BenchError):
            self.stop()
        self._control.release()
        self._link.close()

    def _take_control(self) -> None:
        self._control.take(streams=self._stream is not None)

    def _configured(self) -> Setup:
        if self._setup is None:
            raise RuntimeError("configure must be called first")
        return self._setup

    def _idle(self, what: str) -> None:
        if self._stream is not None:
            raise busy(what)

    def _choose_again(self, commands: list[str], setup: Setup) -> None:
        for command in commands:
            self._control.set(command)
        self._setup = setup

    def _release_stream(self) -> None:
        stream, self._stream = self._stream, None
        self._link.divert(None)
        if stream is not None:
            stream.close()


def open_lpm01a(url: str, *, settings: dict[str, Any], clock: Clock, transcript: Transcript) -> Lpm01a:
    """Opens an LPM01A: the bench's monitor ``lpm01a``.

    Args:
        url: Its port.
        settings: Those of ``lpm01a.setup.Choice``.
        clock: The bench's clock.
        transcript: Takes every line.

    Raises:
        BenchError: ``lpm01a.setting``; ``link.*`` if the port cannot be opened.
    """
    choice = check_settings(url, settings, None)
    return Lpm01a(open_link(url, choice.baud or LPM01A_BAUD, clock, transcript), choice)
