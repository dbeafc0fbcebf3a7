"""The external data log of the N6705: fetches records, and detects missing ones by their number.

A log is a FIFO of about 20 s that overwrites itself (protocols.md 4.1), and its records contain neither time
nor number. So the number of records is compared with the time that has passed.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from drivers.links.overload import without_overload
from drivers.links.scpi import Scpi
from drivers.unverified import COUNTED, Unverified
from energy.errors import BenchError, TimingError
from energy.instruments import Clock, Sink, overload
from energy.signal import Block, Gap

FIFO_S = 20.0
_TRUSTED = 0.9
"""If the first fetch is later than this fraction of the FIFO's 20 s, the beginning may be lost."""
_MOST = 16384
"""Number of records in a fetch: 128 KiB, 3.4 s at the full rate."""
LATE_S = 0.1
"""Largest delay of an answer to a fetch; a loss of fewer records than this cannot be detected."""
CLOCKS_DIFFER = 1e-3
"""Largest difference of the log's period from the host's clock."""
_REBASE_S = 30.0
_SHORT_ROUNDS = 3


UNVERIFIED = (
    Unverified(
        "_TRUSTED",
        "How exact the 20 s of its FIFO are.",
        "whether an overrun of the instrument's memory is noticed",
        "pause the host for 15, 20 and 25 s and count the samples",
    ),
    Unverified(
        "CLOCKS_DIFFER",
        "The accuracy of the log's period is not published.",
        "when a difference between samples and elapsed time counts as a loss",
        COUNTED,
    ),
)
"""Facts that no hardware has confirmed (docs/reference/unverified.md)."""


class ElogReader:
    """Passes the records of a running log to a sink.

    Args:
        scpi: The instrument.
        channel: The channel that is logged.
        items: Contents of a record, of ``Iavg Imin Imax Vavg Vmin Vmax``, in this order.
        period_s: Time between records.
        dtype: Format of the values.
        clock: The host's clock.
        sink: Receives the records.
        range_a: The highest current that the log can have, in ampere.
        suspect: Called when there are fewer records than time passed: raises an error if it knows a reason.
        tolerance_s: Largest delay of an answer to a fetch.

    Attributes:
        position: Number of records that arrived.
        latest_s: Largest delay of the records, compared with the clock.
    """

    def __init__(
        self,
        scpi: Scpi,
        channel: int,
        items: tuple[str, ...],
        period_s: float,
        dtype: str,
        clock: Clock,
        sink: Sink,
        suspect: Callable[[], None],
        range_a: float = math.inf,
        tolerance_s: float = LATE_S,
    ) -> None:
        self._scpi, self._at = scpi, f"(@{channel})"
        self._items, self._period_s, self._dtype = items, period_s, np.dtype(dtype)
        self._clock, self._sink, self._suspect = clock, sink, suspect
        self._range_a, self._tolerance_s = range_a, tolerance_s
        self.position = 0
        self.latest_s = 0.0
        self._base_s: tuple[float, float] | None = None  # the earliest and the latest that it can be
        self._counted = 0
        self._asked_s = self._last_fetch_s = clock.now()
        self._short = 0
        self._doubt = ""

    def triggered(self) -> None:
        """Notes that the log begins now."""
        now_s = self._clock.now()
        self._base_s = (now_s, now_s)

    def read(self) -> None:
        """Passes on the records since the last call.

        Raises:
            BenchError: ``n6705.record``, ``n6705.overrun``, ``n6705.stalled``, ``n6705.time-base``,
                ``monitor.overload``; errors of the link, and of ``suspect``.
        """
        rounds: list[npt.NDArray[np.float32]] = []
        if not self.position:
            rounds.append(self._fetch(1))  # one record, whose size shows the contents
        if not rounds or len(rounds[0]):
            rounds.append(self._fetch(_MOST))
            while len(rounds[-1]) == _MOST:
                rounds.append(self._fetch(_MOST))
        now_s = self._clock.now()
        self._doubt = ""
        self._compare_with_time(sum(map(len, rounds)), now_s)
        worst: float | None = None
        for records in rounds:
            if len(records):
                current, over_a = without_overload(self._column(records, "Iavg"), self._range_a)
                voltage, over_v = without_overload(self._column(records, "Vavg"), math.inf)
                self._sink.block(Block(self.position, (current, voltage)))
                self.position += len(records)
                worst = over_a if over_a is not None else over_v if worst is None else worst
        if self._doubt:  # missing records may be anywhere among the new ones, so both ends are marked
            self._sink.gap(Gap(self.position, None, self._doubt))
        self._last_fetch_s = now_s
        if worst is not None:
            raise overload(f"{self._scpi.link.resource} logged a value of {worst:.4g}", self._range_a)

    def _fetch(self, most: int) -> npt.NDArray[np.float32]:
        """Records, shape (n, items); they are those of a moment between the question and its answer."""
        self._asked_s = self._clock.now()
        data = self._scpi.link.query_block(f"FETC:ELOG? {most},{self._at}")
        size = len(self._items) * self._dtype.itemsize
        if len(data) % size or len(data) > most * size:
            raise BenchError(
                "n6705.record",
                f"records of {size} bytes ({' '.join(self._items)}) were expected from "
                f"{self._scpi.link.resource}; {len(data)} bytes arrived for at most {most} records",
                "Another program has changed what is logged; no other program may use the instrument.",
            )
        values = np.frombuffer(data, self._dtype).astype(np.float32)
        return values.reshape(-1, len(self._items))

    def _column(self, records: npt.NDArray[np.float32], name: str) -> npt.NDArray[np.float32]:
        return np.ascontiguousarray(records[:, self._items.index(name)])

    def _compare_with_time(self, count: int, now_s: float) -> None:
        """Compares the number of records with the time since the trigger or the last gap.

        An answer may be late. Records are missing only if they are missing at the time of the question, and
        too many only if they are at the time of the answer; the next question is compared with all of them.
        """
        if self._base_s is None:
            if not count:
                return
            if now_s - self._last_fetch_s > _TRUSTED * FIFO_S:
                raise BenchError(
                    "n6705.overrun",
                    f"nothing was fetched from {self._scpi.link.resource} for "
                    f"{now_s - self._last_fetch_s:.0f} s while it waited for an edge; "
                    f"its memory is about {FIFO_S:g} s; the start may be lost",
                    "The host was busy or asleep: run no other work during a session.",
                )
            self._base_s = (self._asked_s - count * self._period_s, now_s - count * self._period_s)
        self._counted += count
        taken_s = self._counted * self._period_s
        elapsed_s = now_s - self._base_s[0]
        missing_s, ahead_s = self._asked_s - self._base_s[1] - taken_s, taken_s - elapsed_s
        tolerance_s = self._tolerance_s + CLOCKS_DIFFER * elapsed_s
        if missing_s > tolerance_s:
            self._suspect()
            self._lost(count, now_s, missing_s)
        elif ahead_s > tolerance_s:
            raise self._time_base(
                f"{ahead_s:.3g} s of records too many came in {elapsed_s:.3g} s, so its clock "
                f"runs fast by a factor of {1 + ahead_s / elapsed_s:.3f} or more"
            )
        else:
            self._short = 0
            self.latest_s = max(self.latest_s, now_s - self._base_s[1] - taken_s)
            if elapsed_s > _REBASE_S and now_s - self._asked_s <= self._tolerance_s:
                self._rebase(now_s)

    def _lost(self, count: int, now_s: float, behind_s: float) -> None:
        """Handles records that are missing before the new ones."""
        if not count:
            raise BenchError(
                "n6705.stalled",
                f"the log of {self._scpi.link.resource} has delivered no record for {behind_s:.3g} s",
                "It was stopped by hand, or another program fetches from it: read its display.",
            )
        self._short += 1
        if self._short >= _SHORT_ROUNDS:
            raise self._time_base(f"{behind_s:.3g} s of records are missing, repeatedly")
        waited_s = now_s - self._last_fetch_s
        why = (
            f"its memory of about {FIFO_S:g} s was fetched from after {waited_s:.0f} s"
            if waited_s > _TRUSTED * FIFO_S
            else f"{waited_s:.3g} s after the last fetch"
        )
        self._doubt = f"the records are {behind_s:.3g} s shorter than the time that passed; {why}"
        self._sink.gap(Gap(self.position, None, self._doubt))
        self._rebase(now_s)

    def _rebase(self, now_s: float) -> None:
        """From now on records are counted from the last fetch."""
        self._base_s, self._counted = (self._asked_s, now_s), 0

    def _time_base(self, what: str) -> TimingError:
        return TimingError(
            "n6705.time-base",
            f"the log of {self._scpi.link.resource} does not run at one record every "
            f"{self._period_s * 1e6:.2f} us: {what}",
            "Does another channel also log? That stretches the period (Meter View, Data Logger, Scope View "
            "of the front panel must be idle).",
        )
