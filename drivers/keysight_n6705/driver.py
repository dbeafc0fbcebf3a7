"""Keysight N6705B/C with an N6781A: monitor and supply by its external data log (protocols.md 4.1).

The log is fetched twice a second and averages current and voltage over each period; the time of a fetch does
not change the records. It does not see edges. An edge can start it (``Setup.edges`` is ``"io"``): that edge
is then at the beginning of record 0, and the IO manager's clock times the later ones.

``*RST`` is sent only on request (``reset``): it switches off all four outputs, and one of them may power the
DUT's level shifters.

The digital port detects low pulses of 10 us or more (stated for the N6900, protocols.md 4.1): firmware that
holds its timestamp pin low for only 1 us does not start a log.

With each fetch the driver reads whether the output is on and whether it limits the current, so an error is a
fault of the stream after ``fetch_s``, 0.5 s. If the instrument does not answer, the fault follows after 1.5 s
more.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any

from drivers.keysight_n6705.accuracy import accuracy_lines
from drivers.keysight_n6705.guardian import attempt_off, switch_off
from drivers.keysight_n6705.log import ElogReader
from drivers.keysight_n6705.output import check_output
from drivers.keysight_n6705.setup import (
    LIMITS,
    SETTING,
    Options,
    check_rate,
    check_settings,
    check_voltage,
    set_log,
    set_source,
)
from drivers.links.scpi import Scpi
from drivers.links.switch_off import switch_off_repeatedly
from drivers.links.visa_link import VisaLink
from drivers.unverified import Unverified
from energy.errors import BenchError
from energy.instruments import (
    Accuracy,
    Clock,
    Identity,
    OwnEnergy,
    Setup,
    Sink,
    Transcript,
)
from energy.instruments.specification import line_for, range_named
from energy.signal import SampleKind, Signal

__all__ = ["N6705", "open_n6705", "switch_off"]

_HEALTH_S = 2.0
"""Time between checks of the error queue and for logs of other channels."""
_ANSWER_S = 1.5
"""Longest time of an answer while the DUT is powered."""
_VOLT_TOLERANCE_V = 1e-3


UNVERIFIED = (
    Unverified(
        "N6705", "The digital port detects low pulses of 10 us or more, as that of the N6900.", *SETTING
    ),
)
"""Facts that no hardware has confirmed (docs/reference/unverified.md)."""


class N6705:
    """An N6705 on VISA: an ``energy.instruments`` Monitor and Supply.

    Args:
        link: The link to it.
        options: The bench file's settings.

    Raises (all methods):
        BenchError: Those of ``VisaLink`` and ``Scpi``; ``n6705.model``, ``n6705.module``, ``n6705.voltage``,
            ``n6705.rate``, ``n6705.range``, ``n6705.period``, ``n6705.other-channel``,
            ``n6705.off-unconfirmed``. To the sink: those of ``ElogReader``, ``n6705.other-channel``,
            ``n6705.refused``; to the sink and from ``check`` those of ``keysight_n6705.output.check_output``.
    """

    limits = LIMITS

    def __init__(self, link: VisaLink, options: Options) -> None:
        self._link, self._options = link, options
        self._scpi = Scpi(link, "n6705")
        self._at = f"(@{options.channel})"
        # A caller that exchanges messages with the instrument holds it; fetching, perhaps in another thread,
        # only tries to (energy.instruments.Clock.every).
        self._turn = threading.Lock()
        self._others: list[int] = []
        self._module = ""
        self._settings: dict[str, Any] = {}
        self._setup: Setup | None = None
        self._period_s = 0.0
        self._items: tuple[str, ...] = ()
        self._on = False
        self._sink: Sink | None = None
        self._reader: ElogReader | None = None
        self._faulty = False
        self._checked_s = 0.0
        self._end_fetching: Callable[[], None] | None = None

    def identify(self) -> Identity:
        """Reads ``*IDN?``, and the modules in its slots."""
        with self._turn:
            return self._identify()

    def configure(self, setup: Setup) -> Signal:
        """Sets source and log, in the order of protocols.md 4.1, the limits first; the output is then off."""
        with self._turn:
            check_voltage(setup.voltage_v, setup.highest_v)
            check_rate(setup.rate_hz)
            self._identify()
            self._settings = {"module": self._module}
            set_source(self._scpi, self._options, setup, self._settings)
            self._on = False
            found = set_log(self._scpi, self._options, setup, self._settings)
            self._items, self._period_s = found.items, found.period_s
            self._setup = setup
            self._check_others()
            self._set_voltage(setup.voltage_v)
            self._scpi.check_errors("the set-up")
        return Signal(SampleKind.CURRENT_VOLTAGE, 1.0 / self._period_s, "float32", voltage_v=setup.voltage_v)

    @property
    def delivery_delay_s(self) -> float:
        """Two fetches of its log."""
        return 2 * self._options.fetch_s

    def settings(self) -> dict[str, Any]:
        """Settings that were read back, and the state of the log."""
        reader = self._reader
        return {
            **self._settings,
            **self._ranges(),
            "period_s": self._period_s,
            "record": " ".join(self._items),
            "delivery_delay_s": self.delivery_delay_s,
            "records_behind_the_clock_s": reader.latest_s if reader else None,
        }

    def accuracy(self) -> tuple[Accuracy, ...]:
        """Accuracy of the module, with the noise at the log's period; gain and offset are assumed."""
        return accuracy_lines(self._module or "N6781A", self._period_s)

    def _ranges(self) -> dict[str, str | None]:
        """Names of the ranges in use: of current the one that is set.

        With seamless ranging the log does not tell the range: the one that contains the bench's limit has the
        largest offset of those that it may use. The range of voltage is not set; that of 20 V is the default
        and the less accurate one.
        """
        setup, lines = self._setup, self.accuracy()
        if setup is None:
            return {}
        if "SENS:ELOG:CURR:RANG" in self._settings:
            current = range_named(lines, "current", self._settings["SENS:ELOG:CURR:RANG"])
        else:
            line = line_for(lines, "current", reading=setup.highest_a)
            current = line.range if line else None
        return {"current_range": current, "voltage_range": range_named(lines, "voltage", 20.0)}

    def temperature_c(self) -> float | None:
        """None: it has no thermometer that is known."""
        return None

    def measured_voltage_v(self) -> float | None:
        """None: its samples hold the voltage."""
        return None

    def own_energy(self) -> OwnEnergy | None:
        """None: in this mode it does not integrate energy."""
        return None

    def start(self, sink: Sink) -> None:
        """Sends ``INIT:ELOG``, then a trigger, unless the log waits for the edge."""
        setup = self._setup
        if setup is None:
            raise RuntimeError("configure must be called before start")
        with self._turn:
            self._check_others()
            self._scpi.set(f"ABOR:ELOG {self._at}")
            self._scpi.check_errors("ending an earlier log")
            order_of_bytes = "<f4" if self._options.swapped else ">f4"
            self._sink, self._faulty = sink, False
            self._reader = ElogReader(
                self._scpi,
                self._options.channel,
                self._items,
                self._period_s,
                order_of_bytes,
                self._link.clock,
                sink,
                self._check_others,
                self._options.range_a or LIMITS.highest_a,
            )
            self._scpi.set(f"INIT:ELOG {self._at}")
            if setup.edges != "io":
                self._scpi.set(f"TRIG:ELOG {self._at}")
                self._reader.triggered()
            try:
                self._scpi.check_errors("starting the log")
            except BenchError:
                self._link.push(f"ABOR:ELOG {self._at}")
                raise
            self._checked_s = self._link.clock.now()
        self._end_fetching = self._link.clock.every(self._options.fetch_s, self._fetch)

    def stop(self) -> None:
        """Fetches the remaining records, then sends ``ABOR:ELOG``."""
        end, self._end_fetching = self._end_fetching, None
        if end is None:
            return
        end()
        with self._turn:
            self._guarded(self._read_and_check)
            trying = contextlib.suppress(BenchError) if self._faulty else contextlib.nullcontext()
            with trying, self._link.within(_ANSWER_S):
                self._scpi.set(f"ABOR:ELOG {self._at}")
                self._scpi.check_errors("ending the log")

    def set_voltage(self, voltage_v: float) -> None:
        """Sends ``VOLT`` and reads it back; ``configure`` must have set the limits."""
        if self._setup is None:
            raise RuntimeError("configure must be called before set_voltage: it sets the limits")
        check_voltage(voltage_v, self._setup.highest_v)
        with self._turn:
            self._set_voltage(voltage_v)
            self._scpi.check_errors("the voltage")

    def on(self) -> None:
        """Sends ``OUTP ON`` and reads it back."""
        if self._setup is None:
            raise RuntimeError("configure must be called before on: it sets the limits")
        with self._turn:
            self._scpi.set_and_read(f"OUTP ON,{self._at}", f"OUTP? {self._at}", 1.0)
            self._scpi.check_errors("switching on")
            self._on = True

    def check(self) -> None:
        """Checks ``OUTP?`` and ``STAT:QUES:COND?``; faults of the stream are already in the sink."""
        if self._faulty:
            return
        with self._turn, self._link.within(_ANSWER_S):
            self._check_output()

    @property
    def off_confirmed(self) -> bool:
        """True: ``OUTP?`` confirms it."""
        return True

    def off(self) -> None:
        """Sends ``OUTP OFF`` and reads it back, up to three times."""
        self._on, channel = False, self._options.channel
        with self._turn:
            switch_off_repeatedly(
                lambda: attempt_off(self._link, channel),
                "n6705.off-unconfirmed",
                f"output {channel} of {self._link.resource}",
                "Press Output Off on its front panel, or pull the DUT's supply wire.",
                self._link.clock,
            )

    def close(self) -> None:
        """Ends a running log and releases the link; the output stays as it is."""
        with contextlib.suppress(BenchError):
            self.stop()
        self._link.close()

    def _identify(self) -> Identity:
        """Reads its identity, and checks that the channel's module logs current and voltage together."""
        answer = self._scpi.ask("*IDN?")
        _, model, serial, firmware = (part.strip() for part in f"{answer},,,".split(",")[:4])
        if "N6705" not in model:
            raise BenchError(
                "n6705.model",
                f"a Keysight N6705 was expected at {self._link.resource}; but *IDN? answers {answer!r}",
                "Check the address in the bench file, or choose the driver of that instrument.",
            )
        count = round(self._scpi.number("SYST:CHAN?"))
        slots = list(range(1, count + 1))
        listed = self._scpi.ask(f"SYST:CHAN:MOD? (@{','.join(map(str, slots))})")
        modules = [part.strip().strip('"') for part in listed.split(",")]
        channel = self._options.channel
        module = modules[channel - 1] if channel <= len(modules) else "nothing"
        if "N678" not in module:
            raise BenchError(
                "n6705.module",
                f"channel {channel} of {self._link.resource} contains {module or 'no module'}; an N6781A (or "
                "N6782A, N6785A, N6786A) is needed, which measures current and voltage at the same time. "
                "Slots: "
                f"{', '.join(modules)}",
                "Set `channel` in the monitor's settings to the one that powers the DUT.",
            )
        self._others = [slot for slot in slots if slot != channel]
        self._module = module
        details = {"modules": modules, "channel": channel, "*IDN?": answer}
        return Identity(model, serial, firmware, self._link.resource, self._options.virtual, details)

    def _set_voltage(self, voltage_v: float) -> None:
        self._settings["VOLT"] = self._scpi.set_and_read(
            f"VOLT {voltage_v:.6g},{self._at}", f"VOLT? {self._at}", voltage_v, _VOLT_TOLERANCE_V
        )

    def _check_others(self) -> None:
        """Checks that no other channel logs: it would stretch this one's period, which no query shows."""
        if not self._others:
            return
        others = f"(@{','.join(map(str, self._others))})"
        answers = {name: self._scpi.ask(f"SENS:ELOG:FUNC:{name}? {others}") for name in ("CURR", "VOLT")}
        logging = {
            f"channel {slot}: {name}"
            for name, answer in answers.items()
            for slot, state in zip(self._others, answer.split(","), strict=False)
            if state.strip() not in ("0", "+0", "OFF")
        }
        if logging:
            raise BenchError(
                "n6705.other-channel",
                f"{self._link.resource} also logs on another channel ({', '.join(sorted(logging))}), which "
                f"stretches the period of channel {self._options.channel}",
                "Switch that log off (SENS:ELOG:FUNC:CURR OFF and :VOLT OFF for its channel) or use `reset`.",
            )

    # Fetching, in the thread that the clock uses:

    def _fetch(self) -> None:
        if not self._turn.acquire(blocking=False):
            return  # it is called again
        try:
            if not self._faulty:
                due = self._link.clock.now() - self._checked_s >= _HEALTH_S
                self._guarded(self._read_and_check if due else self._read)
        finally:
            self._turn.release()

    def _guarded(self, action: Callable[[], None]) -> None:
        """Runs an action; an error during a run goes to the sink, and ends the fetching."""
        if self._faulty:
            return
        try:
            with self._link.within(_ANSWER_S):
                action()
        except BenchError as error:
            self._faulty = True
            assert self._sink is not None
            self._sink.fault(error)

    def _read(self) -> None:
        assert self._reader is not None
        self._reader.read()
        self._check_output()

    def _read_and_check(self) -> None:
        self._read()
        self._check_others()
        if queue := self._scpi.drain_errors():
            raise BenchError(
                "n6705.refused",
                f"{self._link.resource} has errors in its queue that no command of joulebench caused: "
                f"{' | '.join(queue)}",
                "Read its display; no other program may use it.",
            )
        self._checked_s = self._link.clock.now()

    def _check_output(self) -> None:
        assert self._setup is not None or not self._on
        limit_a = self._setup.highest_a if self._setup else 0.0
        check_output(self._scpi, self._options.channel, limit_a, on=self._on)


def open_n6705(url: str, *, settings: dict[str, Any], clock: Clock, transcript: Transcript) -> N6705:
    """Opens an N6705: the bench's monitor ``keysight-n6705``.

    Args:
        url: Its VISA resource string.
        settings: See ``keysight_n6705.setup.Options``.
        clock: The bench's clock.
        transcript: Receives every line.

    Raises:
        BenchError: ``n6705.setting``, ``visa.missing``, ``visa.open``.
    """
    options = check_settings(url, settings, None)
    link = VisaLink(
        url, clock=clock, transcript=transcript, timeout_s=options.timeout_s, backend=options.backend
    )
    return N6705(link, options)
