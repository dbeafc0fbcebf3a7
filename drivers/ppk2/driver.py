"""Nordic Power Profiler Kit II: monitor, and supply in source mode (protocols.md 6).

The PPK2 samples the DUT's current 100 000 times a second, and with each sample eight logic inputs; one of
them receives the DUT's edges. The PPK2 replies to nothing but a request for metadata. It acknowledges no
command, and no setting can be read back, so the session's record marks every setting as unconfirmed. Only
an output that is off can be confirmed, by the samples that follow. A stream that stops is reported within
1 s, an unplugged port at once.
"""

from __future__ import annotations

import contextlib
from typing import Any

from drivers.links.ports import usb_serial_number
from drivers.links.serial_link import SerialLink
from drivers.links.silence import Silence
from drivers.ppk2 import pace
from drivers.ppk2.accuracy import accuracy_lines
from drivers.ppk2.commands import (
    POWER_OFF,
    POWER_ON,
    SPIKE_FILTER_OFF,
    START,
    STOP,
)
from drivers.ppk2.flow import NOTHING_A, SEEN_S, measure_flow, verify_off, verify_off_by_samples
from drivers.ppk2.guardian import BAUD, switch_off
from drivers.ppk2.metadata import Calibration
from drivers.ppk2.port import (
    REPLUG,
    TRIES,
    LastBytes,
    SampleStream,
    ask_metadata,
    discard,
    request_metadata,
    set_regulator,
    wait_silent,
)
from drivers.ppk2.setup import MODES, check_rate, check_settings
from drivers.ppk2.stream import RATE_HZ
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
    no_samples,
    output_off,
    over_current,
    overload,
)
from energy.signal import SampleKind, Signal

__all__ = ["Ppk2", "open_ppk2", "switch_off"]

_LOWEST_V = 0.8
_HIGHEST_V = 5.0
_HIGHEST_A = 1.0
"""Upper end of its range of current (protocols.md 7)."""
_BEYOND = 1.2
"""A sample above this multiple of it is no current: its converter has reached its end."""
_START_S = 2.0
_BETWEEN_S = 0.01
_LOOK_S = 0.05
_OFF_S = 0.3
"""How long the samples are watched after each command to switch off."""
_NOTHING_S = 1.0
_MOMENT_S = 0.5
_UNCONFIRMED = "unconfirmed: a PPK2 acknowledges nothing and no setting can be read back (protocols.md 6)"


class Ppk2:
    """A PPK2 at its first serial port: an ``energy.instruments`` Monitor, and in source mode also a Supply.

    Args:
        link: Its port.
        mode: ``"source"``: the PPK2 powers the DUT. ``"ampere"``: another supply does, through the PPK2.
        logic: The logic input that the DUT's timestamp pin is wired to, 0 to 7.
        phases: The one that its phase pin is wired to; None: none.
        serial_number: Its serial number, where its port states none.
        virtual: Whether it is a twin.

    Raises (all methods):
        BenchError: ``ppk2.silent``, ``ppk2.metadata``, ``ppk2.rate``, ``ppk2.voltage``, ``ppk2.mode``,
            ``ppk2.stop``, ``ppk2.off-unconfirmed``, ``ppk2.output-off``, ``bench.current``; ``link.*``.
            To the sink: ``ppk2.garbled``, ``ppk2.silent``, ``link.*``.
    """

    delivery_delay_s = 0.0

    def __init__(
        self,
        link: SerialLink,
        *,
        mode: str = "source",
        logic: int = 0,
        phases: int | None = None,
        serial_number: str = "",
        virtual: bool = False,
    ) -> None:
        self._link = link
        self._mode = mode
        self._logic, self._phases = logic, phases
        self._serial_number = serial_number
        self._virtual = virtual
        self._calibration: Calibration | None = None
        self._highest_v, self._highest_a = _HIGHEST_V, _HIGHEST_A
        self._voltage_v: float | None = None
        self._configured = False
        self._stream: SampleStream | None = None
        self._last: SampleStream | None = None
        self._silence: Silence | None = None
        self._powered = False
        self.limits = MonitorLimits(
            lowest_v=_LOWEST_V,
            highest_v=_HIGHEST_V,
            highest_a=_HIGHEST_A,
            rates_hz=(RATE_HZ,),
            sees_edges=True,
            sees_levels=True,
            sources=mode == "source",
            full_rate_hz=RATE_HZ,
        )
        link.divert(LastBytes())  # a stream that a killed session left running is not text

    def identify(self) -> Identity:
        """Reads the metadata, once. They contain no serial number: that of its USB port is taken."""
        calibration = self._ask_metadata()
        return Identity(
            "PPK2",
            serial_number=self._serial_number or usb_serial_number(self._link.url),
            firmware="",
            url=self._link.url,
            virtual=self._virtual,
            details={**calibration.details, "calibrated": calibration.calibrated},
        )

    def configure(self, setup: Setup) -> Signal:
        """Sends the voltage and the mode, with the output off and no spike filter.

        The voltage is sent before the mode: the mode that an earlier session left is unknown, and the output
        must not carry an old voltage. The PPK2 has no current limit that could be set. In ampere mode the
        voltage is sent, too, because the conversion of samples uses it.
        """
        check_rate(setup.rate_hz)
        self._highest_v, self._highest_a = min(setup.highest_v, _HIGHEST_V), setup.highest_a
        self._millivolts(setup.voltage_v)
        self._ask_metadata()
        self._send_off()
        self.set_voltage(setup.voltage_v)
        self._send(MODES[self._mode])
        self._send(SPIKE_FILTER_OFF)
        self._configured = True
        return Signal(SampleKind.CURRENT, RATE_HZ, "float32", voltage_v=setup.voltage_v)

    def settings(self) -> dict[str, Any]:
        """The settings that were sent, all unconfirmed; the calibration; the state of the stream."""
        stream = self._stream or self._last
        return {
            "mode": self._mode,
            "logic": self._logic,
            "phase_input": None if self._phases is None else f"d{self._phases}",
            "regulator_mv": None if self._voltage_v is None else round(self._voltage_v * 1000),
            "spike_filter": "off, in the instrument and here: it reshapes edges",
            "current_limit": "none that could be set",
            "confirmation": _UNCONFIRMED,
            "current_range": None,  # it changes by itself, and the stream tells each change
            "calibration": self._calibration.to_json() if self._calibration else None,
            "lost_turns": pace.to_json(stream.pace if stream else None),
            "irregularities": dict(stream.decoder.irregularities) if stream else {},
        }

    def accuracy(self) -> tuple[Accuracy, ...]:
        """Typical figures by range (protocols.md 7): they are in no way limits."""
        return accuracy_lines(self._mode)

    def temperature_c(self) -> float | None:
        """None: it has no thermometer that is known."""
        return None

    def measured_voltage_v(self) -> float | None:
        """None: it has no voltmeter."""
        return None

    def own_energy(self) -> OwnEnergy | None:
        """None: the PPK2 does not integrate energy."""
        return None

    def start(self, sink: Sink) -> None:
        """Starts sampling and returns when samples arrive."""
        if not self._configured or self._calibration is None or self._voltage_v is None:
            raise RuntimeError("configure must be called before start")
        if self._stream is not None:
            raise RuntimeError("it samples already")
        discard(self._link)
        table = self._calibration.table(self._voltage_v)
        stream = SampleStream(self._link, table, self._logic, sink, self._phases)
        self._stream = self._last = stream
        self._link.divert(stream)
        deadline = Deadline(self._link.clock, _START_S)
        try:
            self._send(START)
            while not (stream.began or stream.faulty or deadline.expired()):
                self._link.clock.wait(min(deadline.remaining(), _LOOK_S))
            if not (stream.began or stream.faulty):
                raise BenchError(
                    "ppk2.silent",
                    f"samples were expected from the PPK2 ({self._link.url}) within {_START_S:g} s of their "
                    "start, and none came",
                    REPLUG,
                )
        except BenchError:
            self._release_stream()
            raise
        self._silence = Silence(
            self._link.clock, lambda: None if stream.faulty else self._link.traffic.received, stream.silent
        )

    def stop(self) -> None:
        """Stops sampling and waits until no more bytes arrive; the sink then has all samples."""
        stream = self._stream
        if stream is None:
            return
        try:
            if stream.lost:
                return
            for _ in range(TRIES):
                self._send(STOP)
                if wait_silent(self._link):
                    return
            raise BenchError(
                "ppk2.stop",
                f"the PPK2 ({self._link.url}) received the command to stop {TRIES} times, and still sends "
                "samples",
                REPLUG,
            )
        finally:
            self._release_stream()

    def set_voltage(self, voltage_v: float) -> None:
        """Sets the regulator's voltage (``set_regulator``). The output stays as it is."""
        known = None if self._stream is not None else self._calibration
        set_regulator(self._link, self._millivolts(voltage_v), known, self._send)
        self._voltage_v = voltage_v

    def on(self) -> None:
        """Switches the DUT's power on; unconfirmed."""
        if self._mode != "source":
            raise BenchError(
                "ppk2.mode",
                f"the PPK2 ({self._link.url}) is set up as an ammeter, which powers nothing",
                "Write mode = 'source' in the bench file's [monitor.settings], or name the supply.",
            )
        if not self._configured:
            raise RuntimeError("configure must be called before on: an older voltage may be set")
        self._powered = True
        self._send(POWER_ON)

    @property
    def off_confirmed(self) -> bool:
        """True: the samples confirm it; an ammeter has no output to switch."""
        return True

    def off(self) -> None:
        """Switches the DUT's power off and watches the samples until no current flows; a stream continues.

        If this driver never switched the output on, a reply to a later request is accepted as confirmation.
        An ammeter powers nothing, so the command is sent and nothing is confirmed. A DUT that draws less than
        1 uA looks like a DUT without power. After 1 s at most the output is known to be unconfirmed.
        """
        if self._mode != "source":
            # If this fails, the PPK2 is unplugged; it is powered by USB, so its output is off.
            self._send_off()
        elif self._verify_off():
            self._powered = False
        else:
            raise BenchError(
                "ppk2.off-unconfirmed",
                f"the PPK2 ({self._link.url}) received the command to switch off {TRIES} times, and its "
                "samples do not show that no current flows; the DUT may still be powered",
                "Pull the PPK2's USB cables (both), or the DUT's supply wire.",
            )

    def check(self) -> None:
        """Checks the port and the current that flows.

        A PPK2 that samples answers no request, so the stream is checked: if current has flowed and then less
        than 0.2 uA flows for a second, the output is off or the wire to the DUT is open. Without a stream the
        driver samples for a moment.
        """
        self._link.check()
        stream = self._stream
        if stream is None:
            self._check_briefly()
        elif stream.flow.flowed and stream.flow.nothing >= _NOTHING_S * RATE_HZ:
            raise output_off(
                "ppk2",
                f"no current (less than {NOTHING_A * 1e6:g} uA) has flowed through the PPK2 "
                f"({self._link.url}) for {_NOTHING_S:g} s: the DUT's supply, or its wire, is off",
            )

    def _check_briefly(self) -> None:
        """Samples for a moment if the output is on and no stream runs: the PPK2 has no current limit."""
        if self._calibration is None or self._voltage_v is None or not (self._powered or self._is_ammeter):
            return
        flow = measure_flow(self._link, self._calibration.table(self._voltage_v), self._send, _MOMENT_S)
        self._link.divert(LastBytes())
        if flow.samples < SEEN_S * RATE_HZ:
            raise no_samples("ppk2", f"the PPK2 ({self._link.url})", _MOMENT_S, REPLUG)
        if flow.highest_a > _BEYOND * _HIGHEST_A:
            raise overload(f"a sample of {flow.highest_a:.4g} A came", _HIGHEST_A)
        if flow.highest_a > self._highest_a:
            raise over_current(f"the DUT drew {flow.highest_a:.4g} A", self._highest_a)

    @property
    def _is_ammeter(self) -> bool:
        """Whether the current of another supply flows through the PPK2."""
        return self._configured and self._mode == "ampere"

    def close(self) -> None:
        """Stops sampling and closes the port; the output stays as it is."""
        with contextlib.suppress(BenchError):
            self.stop()
        self._link.close()

    def _send(self, command: bytes) -> None:
        """Sends a command and waits until it has arrived: the PPK2 does not acknowledge it."""
        self._link.write(command)
        self._link.clock.sleep(_BETWEEN_S)

    def _send_off(self) -> None:
        """Sends the command to switch off three times: the PPK2 does not acknowledge it."""
        for _ in range(TRIES):
            self._send(POWER_OFF)

    def _verify_off(self) -> bool:
        """Switches off and returns whether the samples or a reply confirm it."""
        stream = self._stream
        if stream is not None and not stream.faulty:
            flow = stream.flow
            return any(verify_off(self._link, flow, self._send_off, _OFF_S) for _ in range(TRIES))
        if not self._powered or self._calibration is None or self._voltage_v is None:
            self._send_off()
            discard(self._link)
            try:
                request_metadata(self._link)
            except BenchError as error:
                if error.code.startswith("link."):
                    raise
                return False
            return True
        table = self._calibration.table(self._voltage_v)
        try:
            return verify_off_by_samples(self._link, table, self._send_off, self._send, TRIES, _OFF_S)
        finally:
            self._link.divert(self._stream or LastBytes())

    def _ask_metadata(self) -> Calibration:
        """Reads the metadata, once and before sampling: in a stream they look like samples."""
        if self._calibration is None:
            discard(self._link)
            self._calibration = ask_metadata(self._link)
        return self._calibration

    def _millivolts(self, voltage_v: float) -> int:
        """The voltage in whole millivolts, checked against the ranges of the instrument and of the bench."""
        millivolts = round(voltage_v * 1000)
        if (
            abs(voltage_v * 1000 - millivolts) > 1e-6
            or millivolts < round(_LOWEST_V * 1000)
            or voltage_v > self._highest_v + 1e-9
        ):
            raise BenchError(
                "ppk2.voltage",
                f"the PPK2 can supply {_LOWEST_V:g} to {self._highest_v:g} V in steps of 1 mV, "
                f"not {voltage_v:g} V",
                "Change the voltage in the bench file, or its limit, or use another supply.",
            )
        return millivolts

    def _release_stream(self) -> None:
        silence, self._silence = self._silence, None
        if silence is not None:
            silence.end()
        stream, self._stream = self._stream, None
        self._link.divert(LastBytes())
        if stream is not None:
            stream.finish()


def open_ppk2(url: str, *, settings: dict[str, Any], clock: Clock, transcript: Transcript) -> Ppk2:
    """Opens a PPK2: the bench's monitor ``ppk2``.

    Args:
        url: Its first serial port.
        settings: ``mode`` (``"source"``, or ``"ampere"``), ``logic`` (0), ``phases`` (-1: not wired),
            ``serial_number``, ``virtual``.
        clock: The bench's clock.
        transcript: Takes every line.

    Raises:
        BenchError: ``ppk2.setting``; ``link.*``.
    """
    options = check_settings(url, settings, None)
    link = SerialLink(url, baud=BAUD, clock=clock, transcript=transcript, source="monitor")
    return Ppk2(
        link,
        mode=options.mode,
        logic=options.logic,
        phases=options.phases,
        serial_number=options.serial_number,
        virtual=options.virtual,
    )
