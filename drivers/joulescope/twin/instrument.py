"""Twin of a Joulescope JS110 or JS220, behind the message contract of its driver package (joulescope.md 1.3).

It has no port: ``given["make_driver"]`` makes a fake driver for the real one's place (joulescope.md 1.4,
Seam A). Its callbacks run in the world's thread while virtual time passes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from drivers.joulescope.twin.channels import Channel, Spans, joined, merged
from drivers.joulescope.twin.driver import LOGGER, REMOVED, Board, FakeDriver
from drivers.joulescope.twin.js110_packets import SAMPLES_PER_PACKET
from drivers.joulescope.twin.signals import TICKS_HZ, Signals
from drivers.unverified import Unverified
from drivers.virtual.misreading import Misreading
from drivers.virtual.twin import MonitorTwin, Params, TwinSite
from drivers.virtual.world import nanoseconds
from energy.errors import UsageError

_RANGES_A = {
    "js110": (10.0, 2.0, 0.18, 18e-3, 1.8e-3, 180e-6, 18e-6),
    "js220": (10.0, 0.18, 18e-3, 1.8e-3, 180e-6, 18e-6),
}
_BASE = 40_000_000_000
"""A JS220 counts from when it was powered: here five and a half hours before the world began."""
_FRAME = {"js110": 1, "js220": 127}
"""Float samples per USB frame of a JS220: messages are whole frames, divided elsewhere in each stream."""
_JS110_START_PACKET = 4242
"""First packet number of a JS110, which continues its count; the driver expects 0 (joulescope.md 1.3)."""


UNVERIFIED = (
    Unverified(
        "_FRAME", "Messages of a JS220 are whole USB frames of 127 samples, divided elsewhere in each stream."
    ),
)
"""Facts that no hardware has confirmed (docs/reference/unverified.md)."""


class JoulescopeTwin(MonitorTwin):
    """The instrument. It does not power the DUT.

    Its own faults: ``gpi-gap`` (``count`` levels, 4064, are lost), ``vref-missing`` (the reference of its
    inputs has no wire: the inputs are dead unless ``vref`` is ``"3v3"``), ``statistics-differ`` (its own
    energy is ``factor``, 1.01, times the true energy), ``joulescope-removed`` (its plug is pulled).

    Args:
        site: Where the twin is put.
        model: Its model.
        serial: Its serial number.
        ppm: By how much its clock runs fast.
        skew_s: Delay of the messages of voltage after those of current.
        startup_skip_s: Time that is missing at the start of each stream.
        odd_bits: Whether messages of levels and ranges have any number of them, not only multiples of 8.
        message_hz: Messages per second of each stream.
        late_log_s: JS110: delay of the log's report of lost packets after the message.
        gain: Relative error of its current; ``offset_a`` and ``voltage_gain`` as in `Misreading`.
    """

    sources = False
    samples_levels = True

    def __init__(
        self,
        site: TwinSite,
        *,
        model: Literal["js110", "js220"] = "js220",
        serial: str = "000415",
        ppm: float = 0.0,
        skew_s: float = 0.0,
        startup_skip_s: float = 0.0,
        odd_bits: bool = False,
        message_hz: float = 20.0,
        late_log_s: float = 0.0,
        gain: float = 0.0,
        offset_a: float = 0.0,
        voltage_gain: float = 0.0,
    ) -> None:
        super().__init__(site, f"u/{model}/{serial}", Misreading(gain, offset_a, voltage_gain))
        self._world, self._pin = site.world, site.dut.pin
        self._js110 = model == "js110"
        self._factor = 1 if self._js110 else 2
        self._ppm, self._skip_s, self._late_log_ns = ppm, startup_skip_s, nanoseconds(late_log_s)
        self.board = Board(self.url)
        self.board.on_set = self._set
        self.board.refuse = self._refusal
        self.board.silent = lambda: self.silent
        self.given = {"make_driver": lambda: FakeDriver(self.board)}
        self.faults |= {
            "gpi-gap": self._gpi_gap,
            "vref-missing": self._vref_missing,
            "statistics-differ": self._statistics_differ,
            "joulescope-removed": lambda params: self.lose_power,
        }
        self._model = model
        self._signals = self._make_signals(0)
        self._gpi_drops: Spans = []
        self._logged: Spans = []
        self._start_tick = 0
        self._statistics_factor = 1.0
        self._statistics_life = 0
        frame = _FRAME[model]
        skew_ns, both_ns = nanoseconds(skew_s), nanoseconds(2 / message_hz)

        def chunk(rate_hz: float, unit: int) -> int:
            return -int(-rate_hz / message_hz // unit) * unit

        bits, halves = (8, 2) if self._js110 else (frame * 32, frame * 8)
        analogue = chunk(TICKS_HZ / self._factor, frame)
        none: Spans = []
        self._channels = [
            Channel("s/i/ctrl", "s/i/!data", 1, 0, self._factor, analogue, frame, 0, self._current, none),
            Channel(
                "s/v/ctrl", "s/v/!data", 2, 0, self._factor, analogue, frame, skew_ns, self._voltage, none
            ),
            # The range is known when the current has been sampled: both_ns is the time for both.
            Channel(
                *("s/i/range/ctrl", "s/i/range/!data", 4, 0, 1, chunk(TICKS_HZ, halves), halves, both_ns),
                *(self._ranges, none, odd_bits),
            ),
            *(
                Channel(
                    *(f"s/gpi/{number}/ctrl", f"s/gpi/{number}/!data", 5, number, 1, chunk(TICKS_HZ, bits)),
                    *(bits, 0, self._levels if number == 0 else self._silence, self._gpi_drops, odd_bits),
                )
                for number in ((0, 1) if self._js110 else (0, 1, 2, 3, 7))
            ),
        ]
        self._world.supply.listeners.append(lambda: self._signals.switched())

    # MonitorTwin

    @property
    def running(self) -> bool:
        """Whether any stream is on."""
        return any(channel.on for channel in self._channels)

    def position(self) -> int:
        """Number of samples of current that are complete since the first stream was switched on."""
        if not self.running:
            return 0
        return (self._signals.ticks.complete(self._world.now_ns) - self._start_tick) // self._factor

    def edge(self, width_ns: int) -> None:
        """Takes a mark: the DUT pulls its pin, on GPI 0, low."""
        self._signals.pulse(width_ns, self._pin)

    def overcurrent(self) -> None:
        """Not available: a Joulescope has no protection that ends a stream.

        Raises:
            UsageError: ``virtual.fault``.
        """
        raise UsageError(
            "virtual.fault", "a Joulescope has no protection that ends its stream", "Plant another fault."
        )

    def lose_power(self) -> None:
        """The USB plug is pulled. The DUT's supply is another instrument."""
        for channel in self._channels:
            channel.on = False
            channel.life += 1
        self._statistics_life += 1
        self.board.plugged = False
        self.board.send(REMOVED, self.board.path)

    # Faults

    def _gpi_gap(self, params: Params) -> Callable[[], None]:
        count = int(params.pop("count", _FRAME["js220"] * 32))

        def lose() -> None:
            first = self._signals.ticks.complete(self._world.now_ns)
            self._gpi_drops.append((first, first + count))

        return lose

    def _vref_missing(self, params: Params) -> Callable[[], None]:
        def disconnect() -> None:
            external = self.board.values.get("c/gpio/vref") == 0
            self._signals.dead_input = external or self._js110
            self._vref_is_missing = True

        return disconnect

    def _statistics_differ(self, params: Params) -> Callable[[], None]:
        factor = float(params.pop("factor", 1.01))

        def differ() -> None:
            self._statistics_factor = factor

        return differ

    _vref_is_missing = False

    def _refusal(self, command: str) -> str | None:
        for refuse in self.refuse:
            if (detail := refuse(command)) is not None:
                return detail
        return None

    # Switching

    def _make_signals(self, origin_ns: int) -> Signals:
        ranges_a = _RANGES_A[self._model]
        return Signals(self._world, origin_ns, self._ppm, self._factor, ranges_a, self.misreads)

    def _set(self, topic: str, value: int) -> None:
        if topic == "c/gpio/vref" and self._vref_is_missing:
            self._signals.dead_input = value == 0
        if topic in ("s/i/range/select", "s/i/range/mode"):
            self._fix_range()
        if topic == "s/stats/ctrl":
            self._statistics_life += 1
            if value:
                self._begin_statistics(self._statistics_life)
        for channel in self._channels:
            if channel.control == topic and channel.on != bool(value):
                self._switch(channel, bool(value))

    def _fix_range(self) -> None:
        values = self.board.values
        fixed = None
        if self._js110:
            if values["s/i/range/select"] != 128:
                fixed = values["s/i/range/select"].bit_length() - 1
        elif values["s/i/range/mode"] == 1:
            fixed = values["s/i/range/select"]
        self._signals.fixed_range = fixed

    def _switch(self, channel: Channel, on: bool) -> None:
        if on and not self.running:
            self._begin()
        channel.on = on
        channel.life += 1
        if not on:
            return  # a partial message is not sent
        element = (self._start_tick + nanoseconds(self._skip_s) * TICKS_HZ // 10**9) // channel.factor
        if self._js110:
            element = self._signals.ticks.complete(self._world.now_ns)
        channel.next = -(-element // channel.begin) * channel.begin
        channel.next += channel.begin if channel.field_id == 2 and not self._js110 else 0
        channel.count = 0
        self._plan(channel)

    def _begin(self) -> None:
        """Begins with the first stream: a JS110 begins to count, a JS220 continues its count."""
        if self._js110:
            old = self._signals
            self._signals = self._make_signals(self._world.now_ns + nanoseconds(self._skip_s))
            self._signals.carry(old)
            self._fix_range()
            self._log(f"pkt_index skip: expected 0, received {_JS110_START_PACKET}")
        self._logged.clear()
        self._start_tick = max(self._signals.ticks.complete(self._world.now_ns), 0)

    # Messages

    def _plan(self, channel: Channel) -> None:
        life = channel.life
        stop = self._stop_of(channel)
        due_ns = self._signals.ticks.boundary_ns(stop * channel.factor) + channel.late_ns

        def send() -> None:
            if life != channel.life:
                return
            if self._stop_of(channel) > stop:  # lost meanwhile: a JS110's message is completed first
                self._plan(channel)
                return
            self._send(channel, stop)
            if life == channel.life:
                self._plan(channel)

        self._world.at(due_ns, send)

    def _stop_of(self, channel: Channel) -> int:
        """The end of the next message's elements."""
        stop = channel.next + channel.size()
        if self._js110:
            wanted = channel.size()
            while stop - channel.next - self._lost(channel, channel.next, stop) < wanted:
                stop = channel.next + wanted + self._lost(channel, channel.next, stop)
        return stop

    def _send(self, channel: Channel, stop: int) -> None:
        first, channel.next = channel.next, stop
        channel.count += 1
        spans = channel.kept(first, stop, self._lost_ticks(channel))
        if self._js110:
            self._log_losses(channel, first, stop)
            pieces = [channel.render(low, high) for low, high in spans]
            data = joined(pieces, spans, packed=channel.field_id == 5)
            sample_id = (first - self._lost(channel, 0, first)) * channel.factor
            self._publish(channel, sample_id, first, data)
            return
        for low, high in spans:
            self._publish(channel, _BASE + low * channel.factor, low, channel.render(low, high))

    def _publish(self, channel: Channel, sample_id: int, element: int, data: npt.NDArray[Any]) -> None:
        self.board.send(
            channel.topic,
            {
                "sample_id": sample_id,
                "utc": self._signals.utc(element * channel.factor),
                "field_id": channel.field_id,
                "index": channel.index,
                "sample_rate": TICKS_HZ,
                "decimate_factor": channel.factor,
                "time_map": self._signals.time_map(0 if self._js110 else _BASE),
                "data": data,
            },
        )

    def _current(self, first: int, stop: int) -> npt.NDArray[np.float32]:
        return self._signals.current(first, stop)

    def _voltage(self, first: int, stop: int) -> npt.NDArray[np.float32]:
        return self._signals.voltage(first, stop)

    def _levels(self, first: int, stop: int) -> npt.NDArray[np.uint8]:
        return self._signals.levels(first, stop)

    def _silence(self, first: int, stop: int) -> npt.NDArray[np.uint8]:
        return np.zeros((stop - first + 7) // 8, dtype=np.uint8)

    def _ranges(self, first: int, stop: int) -> npt.NDArray[np.uint8]:
        data = self._signals.ranges(first, stop)
        if len(data) % 2:
            data[-1] = 13  # the binding leaves it unset (joulescope.md 1.3)
        return data

    # Losses

    def _lost_ticks(self, channel: Channel) -> Spans:
        """Ticks that the channel has lost, sorted and without overlap."""
        spans: Spans = []
        for first, stop in self.drop:
            low, high = first * self._factor, stop * self._factor
            if self._js110:  # whole packets, which contain every stream
                low -= low % SAMPLES_PER_PACKET
                high = -(-high // SAMPLES_PER_PACKET) * SAMPLES_PER_PACKET
            spans.append((self._start_tick + low, self._start_tick + high))
        if channel.field_id in (4, 5) and not self._js110:
            spans = list(channel.drops)  # separate frames of its own
        return merged(spans)

    def _lost(self, channel: Channel, first: int, stop: int) -> int:
        return channel.lost(first, stop, self._lost_ticks(channel))

    def _log_losses(self, channel: Channel, first: int, stop: int) -> None:
        """Writes the log line of a JS110, once per loss; the message does not show it (joulescope.md 1.3)."""
        for low, high in self._lost_ticks(channel):
            if (
                low < stop * channel.factor
                and high > first * channel.factor
                and (low, high) not in self._logged
            ):
                self._logged.append((low, high))
                expected = (_JS110_START_PACKET + (low - self._start_tick) // SAMPLES_PER_PACKET) & 0xFFFF
                received = (expected + (high - low) // SAMPLES_PER_PACKET) & 0xFFFF
                text = f"pkt_index skip: expected {expected}, received {received}"
                if self._late_log_ns:
                    self._world.after(self._late_log_ns, lambda text=text: self._log(text))
                else:
                    self._log(text)

    def _log(self, text: str) -> None:
        """Logs as the binding does: a record is made and handled, at a time of its own."""
        logger = logging.getLogger(LOGGER)
        if logger.isEnabledFor(logging.WARNING):
            logger.handle(logger.makeRecord(LOGGER, logging.WARNING, "js110_usb.c", 1, text, (), None))

    # Statistics

    def _begin_statistics(self, life: int) -> None:
        if self._js110 and not self.running:
            return  # a JS110's are computed on the host, from samples that are streamed
        step = self.board.values["s/stats/scnt"] * self._factor
        since = -(-self._signals.ticks.complete(self._world.now_ns) // step) * step
        channel = self._channels[0]

        def plan(first: int) -> None:
            self._world.at(self._signals.ticks.boundary_ns(first + step), lambda: send(first))

        def send(first: int) -> None:
            if life != self._statistics_life:
                return
            stop = first + step
            energy_j = self._signals.energy_j(since, stop)
            base = _BASE
            if self._js110:  # lost samples are not counted
                for low, high in self._lost_ticks(channel):
                    if low >= since and high <= stop:
                        energy_j -= self._signals.energy_j(low, high)
                base = -self._lost(channel, 0, stop)
            ids = (base + first, base + stop, 0 if self._js110 else _BASE + since)
            energy_j *= self._statistics_factor
            self.board.send("s/stats/value", self._signals.statistics(first, stop, ids, energy_j))
            plan(stop)

        plan(since)
