"""Keithley 2450: a source with integrated readings in a buffer (protocols.md 4.2, 7).

It can verify steady currents, but not observe events: it has about fifty readings a second, each the mean of
its integration time, with a pause between them that is not measured. It has no digitizer, and no fixed sample
rate. Before a run, a trial measures the mean interval of readings by the instrument's own time stamps, which
is then used as the sample period. A stated tolerance limits how far a reading may be from its place in that
clock; beyond it the stream has a gap or a fault. It does not see the DUT's edges, but an edge on digital line
1 can start it.

With each fetch, twice a second, the driver reads whether the output is on and whether it limits the current;
an error is then a fault of the stream. If the instrument does not answer, the fault follows after 1.5 s more.
Readings that stop are reported after 1.3 s, or after five of their periods if that is longer.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from drivers.keithley import common as keithley
from drivers.keithley.common import PROTECTION, SETTING
from drivers.keithley.smu import Smu
from drivers.keithley_2450.accuracy import accuracy_lines
from drivers.keithley_2450.buffer import EARLIEST_S, LATENCY_S, ReadingBuffer, Stream
from drivers.keithley_2450.setup import FULL_RATE_HZ, LINE_HZ, WHO, check_settings, cycles
from drivers.links.scpi import Scpi, is_off
from drivers.links.switch_off import LONGEST_OFF_S, switch_off_at
from drivers.links.visa_link import VisaLink
from drivers.unverified import Unverified
from energy.errors import BenchError
from energy.instruments import (
    Accuracy,
    Clock,
    MonitorLimits,
    Setup,
    Sink,
    Transcript,
)
from energy.instruments.specification import range_named
from energy.signal import SampleKind, Signal

_POLL_S = 0.5


UNVERIFIED = (
    Unverified("Keithley2450.limits", "Ranges of voltage and current.", *SETTING),
    Unverified(
        "Keithley2450.configure",
        "Readings have the same interval with the output off as with it on.",
        *SETTING,
    ),
    Unverified(
        "Keithley2450.configure",
        "The commands `:SOUR:VOLT:PROT` and `:SENS:CURR:RSEN`, and that a change of range may move "
        "`:SOUR:VOLT:ILIM`.",
        *PROTECTION,
    ),
)
"""Facts that no hardware has confirmed (docs/reference/unverified.md)."""


class Keithley2450(Smu):
    """A 2450: an ``energy.instruments`` Monitor and Supply.

    Args:
        link: The link to it.
        nplc: Integration time in cycles of the mains; if 0, it follows from the requested rate.
        line_hz: Frequency of the mains that the bench file expects; 0 if it names none.
        four_wire: Whether the sense leads are connected.
        longest_s: Longest run, which must fit in its buffer.
        tolerance: Largest distance of a reading from its place, in samples.
        trial: Number of intervals that are measured before the run.
        virtual: Whether it is a twin.

    Raises (all methods):
        BenchError: ``k2450.language``, ``k2450.model``; ``k2450.rate``, ``k2450.voltage``, ``k2450.current``
            for set-ups that are not possible; ``k2450.refused``, ``k2450.readback``, ``k2450.answer``,
            ``k2450.line-frequency``, ``k2450.trial``, ``k2450.not-armed``, ``k2450.off-unconfirmed``;
            ``visa.*``. To the sink and from ``check``: ``bench.current``, ``k2450.output-off``; to the sink
            ``k2450.silent``, too.
    """

    who, model, language = WHO, "2450", "SCPI"
    limits = MonitorLimits(
        lowest_v=0.1,
        highest_v=20.0,
        highest_a=1.0,
        rates_hz=(),
        sees_edges=False,
        sources=True,
        starts_on_edge=True,
        start_latency_s=(0.0, LATENCY_S),
        full_rate_hz=FULL_RATE_HZ,
    )

    def __init__(
        self,
        link: VisaLink,
        *,
        nplc: float = 0.0,
        line_hz: float = 0.0,
        four_wire: bool = True,
        longest_s: float = 3600.0,
        tolerance: float = 2.0,
        trial: int = 50,
        virtual: bool = False,
    ) -> None:
        super().__init__(link, virtual=virtual)
        self._scpi = Scpi(link, WHO)
        self._buffer = ReadingBuffer(self._scpi)
        self._nplc, self._line_hz, self._four_wire = nplc, line_hz, four_wire
        self._longest_s, self._tolerance, self._trial = longest_s, tolerance, trial
        self._record: dict[str, Any] = {}
        self._signal: Signal | None = None
        self._on_edge = False
        self._stream: Stream | None = None
        self._cancel: Callable[[], None] | None = None

    def configure(self, setup: Setup) -> Signal:
        """Sets limits and source, then ranges, buffer and trigger model, each read back; then makes a trial.

        The trial takes readings in the present state of the output, to measure their interval.
        """
        protection = keithley.check_setup(WHO, setup, self.limits)
        with self._turn:
            self._check_language()
            scpi = self._scpi
            line_hz = self._ask_line_hz()
            nplc = cycles(self._nplc, setup.rate_hz, line_hz)
            scpi.set(":ABOR")
            scpi.drain_errors()  # errors of earlier users
            scpi.set(":SOUR:FUNC VOLT")
            scpi.set(":SENS:FUNC 'CURR'")
            self._set_word(":SOUR:VOLT:PROT", f"PROT{protection}")
            self._limit_a = self._set_number(":SOUR:VOLT:ILIM", setup.highest_a)
            range_a = self._set_number(":SENS:CURR:RANG", setup.highest_a, at_least=True)
            self._set_number(":SENS:CURR:NPLC", nplc)
            self._set_number(":SENS:CURR:RSEN", float(self._four_wire))
            scpi.check_errors("its set-up")
            self._highest_v = setup.highest_v
            voltage_v = self._set_voltage(setup.voltage_v)
            self._set_number(":SOUR:VOLT:ILIM", setup.highest_a)  # a change of range may move it
            period_s = nplc / line_hz
            capacity = max(round(self._longest_s / period_s), 2 * self._trial)
            self._buffer.prepare(capacity)
            mean_s, spread_s = self._buffer.trial(self._trial, period_s)
            self._on_edge = setup.edges == "io"
            self._buffer.gate(self._on_edge)
            scpi.check_errors("its buffer and trigger model")
        # A reading may be this far from its place, so edges in another instrument's time may be, too.
        away_s = self._tolerance * mean_s
        self.limits = replace(self.limits, start_latency_s=(EARLIEST_S - away_s, LATENCY_S + away_s))
        self._record |= {
            "range_a": range_a,
            "aperture_s": period_s,
            "interval_s": mean_s,
            "interval_spread_s": spread_s,
            "covered": period_s / mean_s,
            "tolerance_samples": self._tolerance,
            "voltage": "programmed and read back, not measured",
        }
        self._signal = Signal(SampleKind.CURRENT, 1.0 / mean_s, "float64", voltage_v=voltage_v)
        return self._signal

    def settings(self) -> dict[str, Any]:
        """Settings that were read back, results of the trial, and assumptions."""
        stream = self._stream
        worst = {"worst_deviation_samples": stream.worst} if stream is not None else {}
        return {**self._record, **self._ranges(), **worst}

    def accuracy(self) -> tuple[Accuracy, ...]:
        """Measured current and voltage, and sourced voltage, by range; current is worse below 1 PLC."""
        return accuracy_lines(self._record.get(":SENS:CURR:NPLC", 1.0))

    def _ranges(self) -> dict[str, str | None]:
        """Names of the ranges in use, by what the instrument answered."""
        if "range_a" not in self._record:
            return {}
        lines, source_v = self.accuracy(), self._record[":SOUR:VOLT:RANG"]
        return {
            "current_range": range_named(lines, "current", self._record["range_a"]),
            "voltage_range": range_named(lines, "voltage", source_v, "source"),
        }

    def measured_voltage_v(self) -> float | None:
        """The voltage at its output by ``:MEAS:VOLT?``; None while a stream runs, which measures current."""
        if self._cancel is not None:
            return None
        with self._turn, self._link.within(keithley.ANSWER_S):
            return self._scpi.number(":MEAS:VOLT?")

    def start(self, sink: Sink) -> None:
        """Starts the readings, or lets them wait for the edge; fetches them twice a second from now on."""
        if self._signal is None:
            raise RuntimeError("configure must be called before start")
        with self._turn:
            self._stream = Stream(
                self._buffer,
                sink,
                self._signal.rate_hz,
                self._tolerance,
                self._limit_a,
                self._record["range_a"],
            )
            self._buffer.start(waits=self._on_edge)
        self._cancel = self._link.clock.every(_POLL_S, self._fetch)

    def stop(self) -> None:
        """Stops the readings, and fetches the last ones."""
        cancel, self._cancel = self._cancel, None
        if cancel is None:
            return
        cancel()
        stream = self._stream
        trying = contextlib.suppress(*((BenchError,) if stream is None or stream.failed else ()))
        with self._turn, trying, self._link.within(keithley.ANSWER_S):
            self._buffer.abort()  # after a fault, this is only attempted
            if stream is not None:
                stream.fetch()

    def _switch_on(self) -> None:
        self._scpi.set_and_read("OUTP ON", "OUTP?", 1.0)

    def _switch_off(self) -> bool:
        return _off(self._link)

    def check(self) -> None:
        """Checks ``OUTP?`` and ``:SOUR:VOLT:ILIM:TRIP?``; faults of the stream are already in the sink."""
        if self._stream is not None and self._stream.failed:
            return
        with self._turn, self._link.within(keithley.ANSWER_S):
            self._check_language()
            self._check_source()

    def _fetch(self) -> None:
        """Fetches readings, when the clock calls it. While another thread uses the link, it does nothing."""
        if not self._turn.acquire(blocking=False):
            return
        try:
            with self._link.within(keithley.ANSWER_S):
                if self._stream is not None and not self._stream.failed:
                    self._stream.fetch()
                    self._check_source()
        except BenchError as error:
            if self._stream is not None:
                self._stream.fail(error)
        finally:
            self._turn.release()

    def _check_source(self) -> None:
        """Checks that the output is on and not limited; if it should be off, only that there is an answer."""
        scpi = self._scpi
        if not self._on:
            scpi.ask("OUTP?")
            return
        keithley.check_source(
            WHO,
            self._link,
            self._limit_a,
            lambda: not is_off(scpi.ask("OUTP?")),
            lambda: not is_off(scpi.ask(":SOUR:VOLT:ILIM:TRIP?")),
        )

    def _ask_line_hz(self) -> float:
        """Reads the frequency of the mains, the unit of the integration time."""
        line_hz = self._scpi.number(":SYST:LFR?")
        if line_hz not in LINE_HZ or (self._line_hz and self._line_hz != line_hz):
            expected = f"{self._line_hz:g} Hz, as in the bench file" if self._line_hz else "50 or 60 Hz"
            raise BenchError(
                f"{WHO}.line-frequency",
                f"{self._link.resource} reports mains of {line_hz:g} Hz; {expected} were expected",
                "It measures the frequency when it starts: switch it off and on; or correct `line_hz`.",
            )
        self._record[":SYST:LFR"] = line_hz
        return line_hz

    def _set_voltage(self, voltage_v: float) -> float:
        self._set_number(":SOUR:VOLT:RANG", voltage_v, at_least=True)
        return self._set_number(":SOUR:VOLT:LEV", voltage_v)

    def _set_word(self, header: str, word: str) -> None:
        self._record[header] = self._scpi.set_and_read(f"{header} {word}", f"{header}?", word)

    def _set_number(self, header: str, value: float, *, at_least: bool = False) -> float:
        """Sets a number and reads it back; the instrument may round it up to its next step."""
        if not at_least:
            answer = float(self._scpi.set_and_read(f"{header} {value:.9g}", f"{header}?", value))
        else:
            self._scpi.set(f"{header} {value:.9g}")
            answer = self._scpi.number(f"{header}?")
            if answer < value * (1 - 1e-6):
                self._scpi.check_errors(f"`{header} {value:g}`")
                raise BenchError(
                    f"{WHO}.readback",
                    f"`{header} {value:g}` was sent to {self._link.resource}, but it reads back as "
                    f"{answer:g}",
                    "Is the value within this model's ranges, and is no other program changing it?",
                )
        self._record[header] = answer
        return answer


def open_2450(url: str, *, settings: dict[str, Any], clock: Clock, transcript: Transcript) -> Keithley2450:
    """Opens a 2450: the bench's monitor ``keithley-2450``.

    Args:
        url: VISA resource.
        settings: ``nplc``, ``line_hz`` (50 or 60, which the instrument must confirm), ``four_wire`` (true),
            ``longest_s`` (3600), ``tolerance`` (2 samples), ``backend`` (PyVISA's).
        clock: The bench's clock.
        transcript: Receives every line.

    Raises:
        BenchError: ``k2450.setting``, ``visa.*``.
    """
    options = check_settings(url, settings, None)
    return Keithley2450(
        keithley.open_link(url, clock, transcript, options.backend),
        nplc=options.nplc,
        line_hz=options.line_hz,
        four_wire=options.four_wire,
        longest_s=options.longest_s,
        tolerance=options.tolerance,
        virtual=options.virtual,
    )


def switch_off(url: str, *, settings: dict[str, Any] | None = None, timeout_s: float = 3.0) -> bool:
    """Switches a 2450's output off by its address alone, in any state: for the guardian.

    Returns:
        Whether the instrument has confirmed that it is off.

    Raises:
        BenchError: ``visa.*`` if it does not answer in this time.
    """
    return switch_off_at(url, str((settings or {}).get("backend", "@py")), timeout_s, _off)


def _off(link: VisaLink) -> bool:
    link.push("OUTP OFF")
    return is_off(link.query("OUTP?", LONGEST_OFF_S))
