"""A running stream of a Joulescope: subscriptions, the driver's log, the lock between threads.

Messages are processed in the driver's own callbacks. Pairing a message and passing it on takes microseconds,
and a message comes every 50 ms (``python -m benchmarks --only joulescope``); this keeps the order, and there
is no further queue that could overflow. A message without its partner waits in a buffer with a limit; beyond
the limit it becomes a gap.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from drivers.joulescope.device import TICKS_HZ, Callback, Device, removed
from drivers.joulescope.stream import Message, Stream, stream_error
from drivers.links.silence import Silence
from energy.errors import BenchError, TimingError
from energy.instruments import Clock, Sink, no_samples

LOGGER = "jsdrv"
"""Name of the logger for messages of pyjoulescope_driver's C part."""

_REMOVED = "@/!remove"
_CLOCK_SLACK_S = 0.3
"""Time in seconds that may be missing: a message lasts 50 ms, and up to two may be missing at either end."""


class Acquisition:
    """A stream, from ``begin`` to ``end``.

    Args:
        device: The instrument, configured.
        stream: Receives its messages.
        sink: Receives its faults.
        gpi: Number of the digital input, or None.
        clock: The bench's clock.

    Raises (all methods):
        BenchError: Those of ``Device``. To the sink: ``joulescope.stream``, ``joulescope.removed``,
            ``joulescope.silent``, ``joulescope.clock``, ``bench.current``.
    """

    def __init__(self, device: Device, stream: Stream, sink: Sink, gpi: int | None, clock: Clock) -> None:
        self.stream = stream
        self.running = False
        self._device, self._sink, self._clock = device, sink, clock
        # Never held during a call of the driver, which may wait for its callbacks.
        self._lock = threading.Lock()
        self._faulty = False
        self._over = False
        self._silence: Silence | None = None
        self._log = _LogHandler(self._logged)
        self._level = logging.NOTSET
        topics: list[tuple[str, str, Callable[[Message], None]]] = []
        if gpi is not None:
            topics.append((f"s/gpi/{gpi}/!data", f"s/gpi/{gpi}/ctrl", stream.digital))
        topics += [
            ("s/i/range/!data", "s/i/range/ctrl", stream.ranges),
            ("s/i/!data", "s/i/ctrl", stream.current),
            ("s/v/!data", "s/v/ctrl", stream.voltage),
            ("s/stats/value", "s/stats/ctrl", stream.statistics),
        ]
        self._controls = [control for _, control, _ in topics]
        # Unsubscribing needs the very objects that were subscribed.
        self._callbacks: list[tuple[str, Callback]] = [(_REMOVED, self._removed)]
        self._callbacks += [(topic, self._guarded(method)) for topic, _, method in topics]

    def begin(self) -> None:
        """Subscribes and switches the streams on."""
        self.running = True
        logger = logging.getLogger(LOGGER)
        self._level = logger.level
        if not logger.isEnabledFor(logging.WARNING):
            logger.setLevel(logging.WARNING)
        logger.addHandler(self._log)
        try:
            for topic, callback in self._callbacks:
                self._device.subscribe(topic, callback)
            self._began_s = self._clock.now()
            for control in self._controls:
                self._device.publish(control, 1)
        except BenchError:
            self._switch_off()
            raise
        self._silence = Silence(self._clock, self._news, self._silent)

    def end(self, clock_tolerance: float) -> None:
        """Switches the streams off. ``publish`` returns when everything that was sent before has arrived."""
        if self._silence is not None:
            self._silence.end()
        elapsed_s = self._clock.now() - self._began_s
        error = self._switch_off()
        with self._lock:
            if not self._faulty:
                try:
                    self.stream.finish()
                except (ValueError, TypeError, LookupError) as wrong:  # in a message that has waited
                    self._fault(stream_error(self._device.path, wrong))
                else:
                    self._check_clock(elapsed_s, clock_tolerance)
            faulty = self._faulty
        if error is not None and not faulty:
            raise error

    @property
    def faulty(self) -> bool:
        """Whether a fault was reported to the sink."""
        return self._faulty

    def notes(self) -> dict[str, Any]:
        """Observations about the stream, for the session's record."""
        with self._lock:
            notes, pairing = self.stream.notes, self.stream.pairing
            current, voltage = pairing.unpaired()
            low, high = notes.levels_seen
            return {
                "first_sample_id": pairing.origin,
                "samples": self.stream.stop,
                "samples_before_both_had_begun": pairing.skipped,
                "samples_without_the_other_at_the_end": max(current, voltage),
                "samples_not_finite": notes.not_finite,
                "gpi_levels_seen": [name for name, seen in (("low", low), ("high", high)) if seen],
                "gpi_levels_before_the_samples": notes.dropped_levels,
                "driver_warnings": list(notes.warnings),
            }

    def _switch_off(self) -> BenchError | None:
        """Switches off and unsubscribes, every step even if others fail; returns the first failure."""
        error: BenchError | None = None

        def attempt(action: Callable[[], None]) -> None:
            nonlocal error
            if self._over:
                return  # unplugged: every step would only time out
            try:
                action()
            except BenchError as failed:
                error = error or failed

        for control in self._controls:
            attempt(lambda control=control: self._device.publish(control, 0))
        for topic, callback in self._callbacks:
            attempt(lambda topic=topic, callback=callback: self._device.unsubscribe(topic, callback))
        logger = logging.getLogger(LOGGER)
        logger.removeHandler(self._log)
        logger.setLevel(self._level)
        self.running = False  # only now: until here, messages still count
        return error

    def _guarded(self, method: Callable[[Message], None]) -> Callback:
        """A callback that reports exceptions as a fault; the driver would only log them."""

        def receive(_: str, message: Message) -> None:
            with self._lock:
                if self._faulty or not self.running:
                    return
                try:
                    method(message)
                except Exception as error:
                    self._fault(stream_error(self._device.path, error))
                    raise

        return receive

    def _news(self) -> int | None:
        return None if self._faulty or not self.running else self.stream.stop

    def _silent(self, seconds: float) -> None:
        """Reports that no pair of current and voltage has arrived; called by the thread that watches."""
        hint = "Unplug it and plug it in again; close other programs that use it (the Joulescope UI)."
        with self._lock:
            self._fault(no_samples("joulescope", f"the Joulescope {self._device.path}", seconds, hint))

    def _removed(self, _: str, path: Any) -> None:
        if path == self._device.path:
            with self._lock:
                self._over = True
                self._fault(removed(self._device.path))

    def _logged(self, text: str) -> None:
        with self._lock:
            if self.running and not self._faulty:
                self.stream.log(text)

    def _check_clock(self, elapsed_s: float, tolerance: float) -> None:
        """Compares samples with the host's clock, in case nothing reported a loss (joulescope.md 1.3)."""
        model = self._device.model
        got_s = self.stream.stop / model.rate_hz
        if abs(got_s - elapsed_s) > tolerance * elapsed_s + _CLOCK_SLACK_S:
            self._fault(
                TimingError(
                    "joulescope.clock",
                    f"{elapsed_s:.3f} s passed on the host's clock, but the samples last {got_s:.3f} s "
                    f"({self.stream.stop} at {TICKS_HZ // model.factor} Hz)",
                    "Samples were lost without notice: use a separate USB port and close other programs.",
                )
            )

    def _fault(self, error: BenchError) -> None:
        """Reports the first fault; later faults only follow from it."""
        if not self._faulty:
            self._faulty = True
            self._sink.fault(error)


class _LogHandler(logging.Handler):
    """A handler of the driver's warnings; they come from the driver's thread."""

    def __init__(self, take: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._take = take

    def emit(self, record: logging.LogRecord) -> None:
        self._take(record.getMessage())
