"""Benchmarks, runners and limits of each round (mlperf-tiny.md 1).

Further rules of old rounds are not known here; ten seconds, ten inferences and the median of five were asked
for in all of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from energy.errors import UsageError

_FOUR = frozenset({"ad", "ic", "kws", "vww"})
_EEMBC, _BOTH, _MLCOMMONS = (
    frozenset({"eembc"}),
    frozenset({"eembc", "mlcommons"}),
    frozenset({"mlcommons"}),
)


@dataclass(frozen=True)
class RoundRules:
    """Rules of a round.

    Attributes:
        name: ``"v1.3"``; for a round that is not known, the newest one's.
        known: Whether this is the round that was looked for; what only a round forbids is then checked.
        benchmarks: Benchmarks that it has.
        runners: Runners that it accepts.
    """

    name: str
    known: bool
    benchmarks: frozenset[str]
    runners: frozenset[str]


ROUNDS: dict[str, RoundRules] = {
    name: RoundRules(name, True, benchmarks, runners)
    for name, benchmarks, runners in (
        ("v0.5", _FOUR, _EEMBC),
        ("v0.7", _FOUR, _EEMBC),
        ("v1.0", _FOUR, _EEMBC),
        ("v1.1", _FOUR, _EEMBC),
        ("v1.2", _FOUR, _EEMBC),
        ("v1.3", _FOUR | {"sww"}, _BOTH),
        ("v1.4", _FOUR | {"sww", "ic2"}, _MLCOMMONS),
    )
}
NEWEST = "v1.4"
TARGETS: dict[str, tuple[str, float]] = {
    "ad": ("AUC", 0.85),
    "ic": ("top-1", 85.0),
    "ic2": ("top-1", 91.0),
    "kws": ("top-1", 90.0),
    "vww": ("top-1", 80.0),
}
"""Metric and target of the closed division, by benchmark; top-1 in percent."""
MOST_FALSE = 8
"""False positives, and false negatives, of streaming wake word in the closed division."""
_NAME = re.compile(r"v?([0-9]+\.[0-9]+)$")


def rules_for(name: str) -> RoundRules:
    """The rules of the round that a folder is named after, or those of the newest one, marked so."""
    found = _NAME.search(name.strip().casefold())
    rules = ROUNDS.get(f"v{found[1]}") if found else None
    newest = ROUNDS[NEWEST]
    return rules or RoundRules(newest.name, False, newest.benchmarks, newest.runners)


def named_rules(name: str) -> RoundRules:
    """The rules of a round that somebody asks for.

    Raises:
        UsageError: ``round.unknown``.
    """
    rules = rules_for(name)
    if not rules.known:
        raise UsageError("round.unknown", f"{name!r} is no round", f"Rounds are {', '.join(ROUNDS)}.")
    return rules
