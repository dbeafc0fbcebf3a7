"""When queries arrive in the four scenarios, and percentiles of their latencies, both as LoadGen has them.

LoadGen (https://github.com/mlcommons/inference, folder loadgen) sends queries in real time. Where the bench
has a clock of its own, the same settings drive this module instead. The server's schedule is LoadGen's, bit
for bit: `std::mt19937` with the seed, and `std::exponential_distribution` as libstdc++ computes it.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

Scenario = Literal["single-stream", "multiple-stream", "server", "offline"]
SCENARIOS: Final[tuple[Scenario, ...]] = ("single-stream", "multiple-stream", "server", "offline")
PERCENTILES: Final = (0.5, 0.9, 0.99)
"""Percentiles of the latency that are always stated."""
CONFIDENCE: Final = 0.99
"""Confidence of LoadGen's rule for the fewest queries."""
_EXACT = 1e-6
_SEEDS = 40
_ENDLESS = 200_000
"""Queries of a run that stands for a run without end."""
_MORE = 1.1
"""LoadGen's offline query has this many times the samples that the expected rate asks for."""


@dataclass(frozen=True, slots=True)
class Load:
    """The load of a run, in the terms of LoadGen's settings.

    Attributes:
        scenario: Which queries come when.
        queries: Fewest queries (offline: samples).
        duration_s: Shortest duration.
        samples_per_query: Samples (inferences) of a query; only of a multiple stream more than one.
        rate_hz: Queries per second that arrive on average (server), or that are expected (offline).
        bound_s: Bound of the latency (server); None: none.
        percentile: Part of the queries that must keep the bound, and whose latency is the result.
        seed: Seed of the arrivals.
    """

    scenario: Scenario
    queries: int
    duration_s: float = 0.0
    samples_per_query: int = 1
    rate_hz: float = 1.0
    bound_s: float | None = None
    percentile: float = 0.9
    seed: int = 1


def fewest_queries(percentile: float) -> int:
    """Fewest queries that show that a percentile of the latency keeps its bound, as LoadGen decides it.

    The smallest n for which, if a query were late with probability 1 - p, at most one late query of n would
    be seen with a probability of no more than 1 - 0.99: 64 for p = 0.9, 662 for p = 0.99 (early stopping of
    the MLPerf inference rules).

    Args:
        percentile: p, above 0 and below 1.
    """
    late = 1.0 - percentile
    low, high = 1, 2
    while not _shown(high, late):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _shown(middle, late) else (middle, high)
    return high


def _shown(n: int, late: float) -> bool:
    none = n * math.log1p(-late)
    return math.exp(none) * (1 + n * late / (1 - late)) <= 1 - CONFIDENCE


def poisson_arrivals(rate_hz: float, count: int, seed: int) -> npt.NDArray[np.float64]:
    """Times at which the queries of the server scenario arrive: LoadGen's schedule for ``schedule_rng_seed``.

    Args:
        rate_hz: Mean rate.
        count: Number of queries.
        seed: The seed, from 0 to 2**32 - 1.

    Returns:
        float64, shape (count,), in seconds; the first query arrives at 0.
    """
    # numpy's RandomState(seed) fills the same Mersenne twister in the same way as std::mt19937(seed);
    # std::generate_canonical<double, 53> takes two words of it, the low one first.
    words = np.random.RandomState(seed).randint(0, 2**32, size=(count, 2), dtype=np.uint32)
    uniform = (words[:, 0] + words[:, 1] * 2.0**32) / 2.0**64
    between = -np.log1p(-uniform) / rate_hz
    return np.concatenate([[0.0], np.cumsum(between)[: count - 1]])


def queries_of(load: Load) -> int:
    """Number of queries of a run that ends by its schedule: of a server."""
    return max(load.queries, math.ceil(load.duration_s * load.rate_hz))


def offline_samples(load: Load) -> int:
    """Samples of the one query of the offline scenario, as LoadGen counts them."""
    return max(load.queries, int(_MORE * load.duration_s * load.rate_hz))


def place_of(count: int, percentile: float) -> int:
    """The place of a percentile in ``count`` sorted values, from 0, as LoadGen has it: ``int(n p)``."""
    return min(int(count * percentile), count - 1)


def percentile_of(latencies_s: Sequence[float], percentile: float) -> float:
    """A percentile as LoadGen computes it: a value of the sorted latencies, never one between two.

    Args:
        latencies_s: Latencies, at least one.
        percentile: From 0 to 1.
    """
    return sorted(latencies_s)[place_of(len(latencies_s), percentile)]


def waiting_line(
    arrivals_s: npt.NDArray[np.float64], services_s: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Latencies of queries that a single server takes in their order (Lindley's recursion).

    A query is done at max over k <= n of (arrival k + services from k to n).

    Args:
        arrivals_s: float64, shape (n,), ascending.
        services_s: Service time of each, likewise.

    Returns:
        float64, shape (n,): done minus arrived.
    """
    total = np.cumsum(services_s)
    begun = np.maximum.accumulate(arrivals_s - (total - services_s))
    return begun + total - arrivals_s


def predicted_rate(load: Load, service_s: float) -> float:
    """The highest rate at which this load's queries would keep the bound with a constant service time.

    Args:
        load: With a bound; its rate does not matter.
        service_s: Time from a query's begin to its end, below the bound.

    Returns:
        Queries per second.
    """
    bound_s = math.inf if load.bound_s is None else load.bound_s
    unit = poisson_arrivals(1.0, load.queries, load.seed)
    services, place = np.full(load.queries, service_s), place_of(load.queries, load.percentile)
    low, high = 0.0, 1.0 / service_s
    while high - low > _EXACT * high:
        middle = (low + high) / 2
        latencies = waiting_line(unit / middle, services)
        if np.partition(latencies, place)[place] <= bound_s:
            low = middle
        else:
            high = middle
    return low


def randomness_of(load: Load, service_s: float) -> float:
    """How far the highest rate of so many queries lies from that of others, by the luck of their arrivals.

    Returns:
        Two standard deviations of the predicted rate over many seeds, in queries per second.
    """
    rates = [predicted_rate(replace(load, seed=seed), service_s) for seed in range(_SEEDS)]
    return 2.0 * statistics.stdev(rates)


def long_run(load: Load, service_s: float, found_hz: float) -> float:
    """The highest rate of a run without end, from that of these queries.

    The rate that was found is multiplied by how much more a constant service carries with very many arrivals
    than with these (a control variate: what is luck in these arrivals is in both, and cancels).

    Args:
        load: The load of the search.
        service_s: Time of a query alone.
        found_hz: The highest rate that was found with the load's arrivals.
    """
    endless = predicted_rate(replace(load, queries=_ENDLESS), service_s)
    return found_hz * endless / predicted_rate(load, service_s)
