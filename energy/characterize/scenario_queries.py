"""Queries on a bench: the system under test, and the arrivals of our own that drive it on any clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from energy.bench.assemble import EnergyBench
from energy.characterize.arrivals import Load, offline_samples, poisson_arrivals, queries_of
from energy.instruments import Clock

_BEFORE_S = 10.0
"""An answer is awaited so much longer than expected."""
_SLOWEST_S = 60.0
"""Longest time of the first inference, of which nothing is known."""

Tell = Callable[[float], None]
"""Called with the number of queries done, as a part of all of them."""


@dataclass(frozen=True, slots=True)
class Query:
    """A query that was answered.

    Attributes:
        samples: Its samples: inferences.
        begun_s: When the DUT was asked, on the bench's clock.
        done_s: When its answer had come.
        latency_s: Time from its arrival to its answer, by whoever sent it.
    """

    samples: int
    begun_s: float
    done_s: float
    latency_s: float

    @property
    def service_s(self) -> float:
        """Time in which the DUT and its wire were busy with it."""
        return self.done_s - self.begun_s


@dataclass(frozen=True)
class Served:
    """The queries of a run, in order.

    Attributes:
        queries: The queries.
        loadgen: LoadGen's verdict and figures; None where it did not send them.
    """

    queries: tuple[Query, ...]
    loadgen: dict[str, Any] | None = None


class Sender(Protocol):
    """Whoever sends the queries of a run and measures their latencies."""

    def open(self, load: Load) -> None:
        """Gets ready, before the run's first mark."""
        ...

    def send(self, load: Load, system: System, tell: Tell) -> Served:
        """Sends all queries of a load; returns when all are answered."""
        ...

    def close(self) -> None:
        """Ends, whatever has happened. It may be called twice."""
        ...


@dataclass
class System:
    """The system under test: a DUT with an input loaded, used from one thread.

    Attributes:
        bench: The bench.
        sample_s: Longest time of a sample so far, wire included; it says how long an answer is awaited.
    """

    bench: EnergyBench
    sample_s: float = _SLOWEST_S
    _first: bool = field(default=True, repr=False)

    def answer(self, samples: int) -> tuple[float, float]:
        """Runs the inferences of a query; returns when they began and when the answer had come, in s."""
        clock = self.bench.clock
        begun_s = clock.now()
        self.bench.dut.infer(samples, 0, 2 * samples * self.sample_s + _BEFORE_S + clock.lag_s)
        done_s = clock.now()
        each_s = (done_s - begun_s) / samples
        self.sample_s = each_s if self._first else max(self.sample_s, each_s)
        self._first = False
        return begun_s, done_s

    @property
    def clock(self) -> Clock:
        """The bench's clock."""
        return self.bench.clock

    def is_real_time(self) -> bool:
        """Whether the bench's clock is the host's, so that a program in real time can send its queries."""
        return abs(self.clock.now() - time.monotonic()) < 1.0


class OwnSender:
    """Arrivals of our own, with LoadGen's settings and schedule, on the bench's clock."""

    def open(self, load: Load) -> None:
        """Nothing has to be made ready."""

    def close(self) -> None:
        """Nothing has to be ended."""

    def send(self, load: Load, system: System, tell: Tell) -> Served:
        """Sends all queries of a load; returns when all are answered."""
        if load.scenario == "server":
            return Served(_scheduled(load, system, tell))
        if load.scenario == "offline":
            return Served((_at_once(system, offline_samples(load)),))
        return Served(_each_after_the_last(load, system, tell))


def _scheduled(load: Load, system: System, tell: Tell) -> tuple[Query, ...]:
    """Queries at given times; those that come while the DUT is busy wait in line."""
    clock, count = system.clock, queries_of(load)
    zero_s = clock.now()
    queries: list[Query] = []
    for number, after_s in enumerate(poisson_arrivals(load.rate_hz, count, load.seed).tolist(), start=1):
        arrived_s = zero_s + after_s
        if (early_s := arrived_s - clock.now()) > 0:
            clock.sleep(early_s)
        begun_s, done_s = system.answer(1)
        queries.append(Query(1, begun_s, done_s, done_s - arrived_s))
        tell(number / count)
    return tuple(queries)


def _each_after_the_last(load: Load, system: System, tell: Tell) -> tuple[Query, ...]:
    """A query as soon as the one before is answered, until there are enough and it has been long enough."""
    clock = system.clock
    zero_s = clock.now()
    queries: list[Query] = []
    while len(queries) < load.queries or clock.now() - zero_s < load.duration_s:
        queries.append(_at_once(system, load.samples_per_query))
        tell(min(len(queries) / load.queries, 1.0))
    return tuple(queries)


def _at_once(system: System, samples: int) -> Query:
    begun_s, done_s = system.answer(samples)
    return Query(samples, begun_s, done_s, done_s - begun_s)
