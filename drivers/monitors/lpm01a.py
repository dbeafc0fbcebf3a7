"""ST X-NUCLEO-LPM01A (PowerShield): monitor and supply (protocols.md 3; ST UM2269, UM2243).

It powers the DUT and samples its current, 100 nA to 50 mA in dynamic mode, at 1.8 to 3.3 V; the DUT's edges
come in the stream of samples by its pin D7. ASCII only: how the binary format marks edges is not known
(protocols.md 3.4).
"""

from __future__ import annotations

import contextlib
import time
from typing import Any, Literal

from drivers.links.clock import RealClock
from drivers.links.serial_link import SerialLink
from drivers.monitors.lpm01a_ascii import SAMPLES_PER_MARK, AsciiDecoder, Item, Text, TextKind, Watermark
from drivers.monitors.lpm01a_console import FALLBACK_BAUD, LPM01A_BAUD, Console, fault_in, without_prompt
from energy.errors import BenchError
from energy.instruments import (
    Accuracy,
    Clock,
    Deadline,
    Identity,
    MonitorLimits,
    OwnEnergy,
    Setup,
    Sink,
    Transcript,
)
from energy.signal import Block, Edge, Gap, SampleKind, Signal

Output = Literal["energy", "current"]

_RATES = (5000.0, 2000.0, 1000.0, 500.0, 200.0, 100.0, 50.0, 20.0, 10.0, 5.0, 2.0, 1.0)
"""Sample rates at which ASCII runs without a limit in time (protocols.md 3.2, UM2269)."""
_IMPOSSIBLE_A = 0.1
"""Protection acts from 59 mA, spikes up to 75 mA are allowed for milliseconds (protocols.md 3.5): a sample
above this is none."""
_VOLT_S = 10.0
"""``volt`` may start a calibration (protocols.md 3.2); how long that takes is not documented [U]."""
_VOLT_TOLERANCE = 0.02
"""By how much ``volt get`` may differ: its example is 3292 mV (0.24 %), the supply is specified at 1 %."""
_STOP_S = 5.0
_OFF_S = 0.5
_OFF_TRIES = 3
_COMPLETED = "Acquisition completed"
_ACCURACY = (
    Accuracy("current", "dynamic", 0.05, 0.02, 0.0, "UM2243 Rev 2, p. 23: in the range of 2 %"),
    Accuracy("voltage", "1.8 to 3.3 V", 3.3, 0.01, 0.0, "UM2269 Rev 6: tolerance about 1 %"),
)


class Lpm01a:
    """An LPM01A at a serial port: an ``energy.instruments`` Monitor and Supply.

    Samples are handed over once counted, which is up to 1000 sample periods late (``lpm01a_ascii``).

    Args:
        link: Its port, opened with ``strip_nul``.
        output: ``"energy"`` in joule per sample, as the MLCommons runner reads it, or ``"current"``.
        virtual: Whether it is a twin.

    Raises (all methods):
        BenchError: Those of ``lpm01a_console.Console``; ``lpm01a.rate``, ``lpm01a.voltage`` for settings that
            it does not have, ``lpm01a.readback``, ``lpm01a.stop``, ``lpm01a.off-unconfirmed``; ``link.*``.
    """

    limits = MonitorLimits(
        lowest_v=1.8, highest_v=3.3, highest_a=0.05, rates_hz=_RATES, sees_edges=True, sources=True
    )

    def __init__(self, link: SerialLink, *, output: Output = "energy", virtual: bool = False) -> None:
        self._link = link
        self._console = Console(link)
        self._output: Output = output
        self._virtual = virtual
        self._quiet = False
        self._controlled = False
        self._settings: dict[str, Any] = {}
        self._rate_hz: float | None = None
        self._largest = _IMPOSSIBLE_A
        self._decoder: AsciiDecoder | None = None
        self._stream: _Stream | None = None

    def identify(self) -> Identity:
        """Asks ``powershield`` and ``version``, which work before ``htc`` (protocols.md 3.1)."""
        self._quieten()
        return Identity(
            "X-NUCLEO-LPM01A",
            serial_number=self._console.command("powershield"),
            firmware=self._console.command("version"),
            url=self._link.url,
            virtual=self._virtual,
            details={"status": self._console.command("status")},  # clears a latched error, too
        )

    def configure(self, setup: Setup) -> Signal:
        """The sequence of the MLCommons runner (protocols.md 3.2), the output off, each step acknowledged."""
        rate_hz, voltage_v = setup.rate_hz, setup.voltage_v
        if rate_hz not in _RATES:
            raise BenchError(
                "lpm01a.rate",
                f"the LPM01A has no {rate_hz:g} samples/s in ASCII for any length of time",
                f"Choose one of {', '.join(f'{rate:g}' for rate in _RATES)}.",
            )
        millivolts = self._millivolts(voltage_v)
        self._control()
        freq = f"{rate_hz / 1000:.0f}k" if rate_hz >= 1000 else f"{rate_hz:.0f}"
        self._set('lcd 1 "   joulebench   "')
        self._set(f'lcd 2 "{millivolts} mV {freq:>4}Hz"')
        for command in (
            "pwr off",
            "acqtime inf",
            "acqmode dyn",
            *(["funcmode optim"] if self._output == "current" else []),
            "trigdelay 0",
            "trigsrc sw",
            "eventsrc d7 fal",
            f"output {self._output}",
            "format ascii_dec",
            f"freq {freq}",
        ):
            self._set(command)
        self.set_voltage(voltage_v)
        self._rate_hz = rate_hz
        if self._output == "energy":
            self._largest = _IMPOSSIBLE_A * voltage_v / rate_hz
            return Signal(SampleKind.ENERGY, rate_hz, "float64", "J", voltage_v)
        return Signal(SampleKind.CURRENT, rate_hz, "float64", voltage_v=voltage_v)

    def settings(self) -> dict[str, Any]:
        """Commands that were acknowledged with what the answer said beside, and the stream's state."""
        return {
            **self._settings,
            "irregularities": dict(self._link.irregularities),
            "buffer_fullest_percent": self._decoder.fullest if self._decoder else None,
            "delivery_delay_s": SAMPLES_PER_MARK / self._rate_hz if self._rate_hz else None,
        }

    def accuracy(self) -> tuple[Accuracy, ...]:
        """One line for the whole of dynamic mode: no split into gain and offset is published."""
        return _ACCURACY

    def own_energy(self) -> OwnEnergy | None:
        """It keeps none."""
        return None

    def start(self, sink: Sink) -> None:
        """``start``: from here on bytes go through the decoder, in the link's thread."""
        if self._rate_hz is None:
            raise RuntimeError("configure comes before start")
        self._decoder = AsciiDecoder(self._rate_hz, largest=self._largest)
        self._stream = _Stream(self._link, self._decoder, sink)
        self._link.divert(self._stream)
        try:
            self._console.command("start")
        except BenchError:
            self._release_stream()
            raise

    def stop(self) -> None:
        """``stop``, and waits for ``Acquisition completed``; afterwards the sink has everything."""
        stream = self._stream
        if stream is None:
            return
        try:
            if not (stream.completed or stream.faulty):
                stream.stopping = True
                self._console.send("stop")
                deadline = Deadline(self._link.clock, _STOP_S)
                while not stream.completed and self._link.read_line(deadline) is not None:
                    pass
            if not (stream.completed or stream.faulty):
                raise BenchError(
                    "lpm01a.stop",
                    f"`{_COMPLETED}` was expected from the LPM01A ({self._link.url}) in {_STOP_S:g} s",
                    "Look at its display; power it anew.",
                )
        finally:
            self._release_stream()
            self._link.take_lines()  # of the summary; the transcript has them

    def set_voltage(self, voltage_v: float) -> None:
        """``volt``, read back by ``volt get``."""
        millivolts = self._millivolts(voltage_v)
        self._control()
        self._set(f"volt {millivolts}m", _VOLT_S)
        answer = self._console.command("volt get")
        self._settings["volt get"] = answer
        try:
            read_v = float(answer[:4] + "e" + answer[4:])
        except ValueError:
            read_v = -1.0
        if abs(read_v - voltage_v) > _VOLT_TOLERANCE * voltage_v:
            raise BenchError(
                "lpm01a.readback",
                f"{voltage_v:g} V was set on the LPM01A ({self._link.url}); `volt get` says {answer!r}",
                "Disconnect the DUT and try again: something else may hold its supply pin.",
            )

    def on(self) -> None:
        """``pwr on nostatus``."""
        self._control()
        self._set("pwr on nostatus")

    def off(self) -> None:
        """``stop`` where a stream runs, ``pwr off``, three times if need be, whatever else comes."""
        error: BenchError | None = None
        for _ in range(_OFF_TRIES):
            try:
                if self._stream is not None and not self._stream.completed:
                    self._stream.stopping = True
                    self._console.send("stop")
                if not self._controlled:
                    self._control()
                self._set("pwr off", _OFF_S)
            except BenchError as caught:
                if caught.code.startswith("link."):
                    raise  # it is powered by USB: unplugged, it powers nothing
                error = caught
            else:
                return
        raise BenchError(
            "lpm01a.off-unconfirmed",
            f"`ack pwr off` was expected from the LPM01A ({self._link.url}); the DUT may still be powered",
            "Pull the LPM01A's USB cable, or the DUT from CN14.",
        ) from error

    def close(self) -> None:
        """Gives host control back and closes the port; the output stays as it is."""
        with contextlib.suppress(BenchError):
            self.stop()
        if self._controlled:
            self._controlled = False
            with contextlib.suppress(BenchError):
                self._console.command("hrc", _OFF_S)
        self._link.close()

    def _quieten(self) -> None:
        if not self._quiet and self._stream is None:
            self._console.quieten()
            self._quiet = True

    def _control(self) -> None:
        """Takes host control, once."""
        if not self._controlled:
            self._quieten()
            self._set("htc")
            self._controlled = True

    def _set(self, command: str, timeout_s: float = 3.0) -> None:
        self._settings[command] = self._console.command(command, timeout_s)

    def _millivolts(self, voltage_v: float) -> int:
        """The voltage as the instrument takes it: whole millivolts, inside its range."""
        millivolts = round(voltage_v * 1000)
        if abs(voltage_v * 1000 - millivolts) > 1e-6 or not 1800 <= millivolts <= 3300:
            raise BenchError(
                "lpm01a.voltage",
                f"the LPM01A gives 1.8 to 3.3 V in steps of 1 mV, not {voltage_v:g} V",
                "Change the voltage in the bench file, or use another supply.",
            )
        return millivolts

    def _release_stream(self) -> None:
        stream, self._stream = self._stream, None
        self._link.divert(None)
        if stream is not None:
            stream.finish()


class _Stream:
    """Takes a running stream's bytes in the link's thread: samples to the sink, text back to the link."""

    def __init__(self, link: SerialLink, decoder: AsciiDecoder, sink: Sink) -> None:
        self._decoder = decoder
        self.stopping = False
        self.completed = False
        self.faulty = False
        self._link = link
        self._sink = sink

    def feed(self, chunk: bytes) -> None:
        """Bytes, in order."""
        self._pass_on(self._decoder.feed(chunk))

    def failed(self, error: BenchError) -> None:
        """The port is gone."""
        self.finish()
        self._fault(error)

    def finish(self) -> None:
        """Hands over what still waits for its time mark."""
        self._pass_on(self._decoder.finish())

    def _pass_on(self, items: list[Item]) -> None:
        sink = self._sink
        for item in items:
            if isinstance(item, Block):
                sink.block(item)
            elif isinstance(item, Edge):
                sink.edge(item)
            elif isinstance(item, Gap):
                sink.gap(item)
            elif isinstance(item, Watermark):
                sink.edges_complete(item.position)
            else:
                self._text(item)

    def _text(self, item: Text) -> None:
        if item.kind is not TextKind.TEXT:
            self._link.note(item.text, sent=False)
            return
        self.completed = self.completed or _COMPLETED in item.text
        if fault := fault_in(item.text, self._link.url):
            self._fault(fault)
        elif without_prompt(item.text) == "end" and not self.stopping:
            self._fault(
                BenchError(
                    "lpm01a.ended",
                    f"the LPM01A ({self._link.url}) has ended an acquisition that nobody stopped",
                    "Look at its display; another program may have its port.",
                )
            )
        self._link.deliver(item.text)

    def _fault(self, error: BenchError) -> None:
        """Reports the first fault: what follows it follows from it."""
        if not self.faulty:
            self.faulty = True
            self._pass_on(self._decoder.finish())
            self._sink.fault(error)


def open_lpm01a(url: str, *, settings: dict[str, Any], clock: Clock, transcript: Transcript) -> Lpm01a:
    """Opens an LPM01A: the bench's monitor ``lpm01a``.

    Args:
        url: Its port.
        settings: ``output`` (``"energy"``), ``baud``, ``virtual``.
        clock: The bench's clock.
        transcript: Takes every line.
    """
    link = _open_link(url, int(settings.get("baud", LPM01A_BAUD)), clock, transcript)
    output: Output = "current" if settings.get("output", "energy") == "current" else "energy"
    return Lpm01a(link, output=output, virtual=bool(settings.get("virtual", False)))


def _open_link(url: str, baud: int, clock: Clock, transcript: Transcript | None) -> SerialLink:
    """Opens the port at the nominal rate, or at a common one where the system does not know that."""
    try:
        return SerialLink(
            url, baud=baud, clock=clock, transcript=transcript, source="monitor", strip_nul=True
        )
    except BenchError as error:
        if error.code != "link.baud" or baud == FALLBACK_BAUD:
            raise
        return _open_link(url, FALLBACK_BAUD, clock, transcript)


def switch_off(url: str, *, settings: dict[str, Any] | None = None, timeout_s: float = 3.0) -> bool:
    """Switches an LPM01A's output off by its port alone, whatever it is doing: for the guardian.

    Whoever had the port may be dying at this moment, so a busy port is tried again until the time is over.

    Args:
        url: Its port.
        settings: Those of its bench file; none of them matters here.
        timeout_s: How long is tried.

    Returns:
        Whether the instrument has acknowledged.

    Raises:
        BenchError: ``link.*`` if the port cannot be opened in this time.
    """
    end = time.monotonic() + timeout_s
    while True:
        try:
            link = _open_link(url, LPM01A_BAUD, RealClock(), None)
            break
        except BenchError:
            if time.monotonic() >= end:
                raise
            time.sleep(0.02)
    console = Console(link)
    try:
        while time.monotonic() < end:
            # The line feed first ends what its former owner may have left of a command.
            link.write(b"\nstop\nhtc\n")
            link.write(b"pwr off\n")
            if console.wait_for("ack pwr off", _OFF_S):
                return True
        return False
    finally:
        link.close()
