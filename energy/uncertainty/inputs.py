"""Uncertain inputs of a measurement model, and their propagation by GTC.

Every input has a key that says which physical quantity it is: the gain of one range of one instrument, the
scatter of one session. Inputs of the same key are the same quantity, so they are fully correlated wherever
they occur: over samples, windows, figures and, in a comparison, sessions. GTC (MSL's GUM Tree Calculator)
propagates them by the law of propagation of uncertainty (JCGM 100:2008, 5.1 and 5.2).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from energy.uncertainty.libraries import gtc

Distribution = Literal["normal", "rectangular", "triangular", "arcsine", "t"]
"""The distribution of an input: of a type A evaluation ``t``, with its degrees of freedom."""
InputStatus = Literal["specified", "typical", "assumed", "certified", "measured"]
"""What a figure rests on: a maker's limit, typical values, an assumption, a certificate, this measurement."""

DIVISORS: Mapping[Distribution, float] = {
    "normal": 1.0,
    "rectangular": math.sqrt(3.0),
    "triangular": math.sqrt(6.0),
    "arcsine": math.sqrt(2.0),
    "t": 1.0,
}
"""Half-width over standard deviation (JCGM 100:2008, 4.3.7, 4.3.9, H.1.6); 1 for a standard uncertainty."""


@dataclass(frozen=True, slots=True)
class Input:
    """An uncertain input of a measurement model.

    Attributes:
        key: The quantity; inputs with the same key are the same quantity.
        name: Its name in a printed budget.
        evaluation: ``"A"`` from repeated observations, ``"B"`` by other means (JCGM 100:2008, 4.2 and 4.3).
        distribution: Its distribution.
        limit: Half-width of the distribution; expanded uncertainty of a normal one; standard uncertainty of
            the mean or median in a type A evaluation. In ``unit``.
        divisor: What the limit is divided by to give the standard uncertainty.
        freedom: Degrees of freedom.
        unit: Unit of the limit; empty for a fraction.
        source: Where the figure comes from: document with page, certificate, or what was observed.
        status: What kind of source that is.
        estimate: Its value, in ``unit``: a correction, or 0.
        level: The reading at which it acts, where it is the same quantity only near that reading (the gain
            of an instrument that is not linear); else None.
    """

    key: str
    name: str
    evaluation: Literal["A", "B"]
    distribution: Distribution
    limit: float
    divisor: float
    freedom: float
    unit: str
    source: str
    status: InputStatus
    estimate: float = 0.0
    level: float | None = None

    @property
    def standard(self) -> float:
        """Standard uncertainty, in ``unit``."""
        return self.limit / self.divisor


def rectangular(
    key: str, name: str, limit: float, unit: str, source: str, status: InputStatus, **more: Any
) -> Input:
    """An input that lies within ± ``limit`` and nowhere preferably (JCGM 100:2008, 4.3.7).

    Args:
        key: The quantity.
        name: Its name in a printed budget.
        limit: Half-width, in ``unit``.
        unit: Unit; empty for a fraction.
        source: Where the limit comes from.
        status: What kind of source that is.
        more: Further fields of ``Input``.
    """
    return _bounded("rectangular", key, name, limit, unit, source, status, **more)


def triangular(
    key: str, name: str, limit: float, unit: str, source: str, status: InputStatus, **more: Any
) -> Input:
    """An input that is the sum of two like rectangular ones, together within ± ``limit`` (JCGM 100, 4.3.9).

    Args:
        key: The quantity.
        name: Its name in a printed budget.
        limit: Half-width, in ``unit``.
        unit: Unit; empty for a fraction.
        source: Where the limit comes from.
        status: What kind of source that is.
        more: Further fields of ``Input``.
    """
    return _bounded("triangular", key, name, limit, unit, source, status, **more)


def normal(
    key: str, name: str, standard: float, unit: str, source: str, status: InputStatus, **more: Any
) -> Input:
    """An input with a normal distribution of known standard deviation (JCGM 100:2008, 4.3.4).

    Args:
        key: The quantity.
        name: Its name in a printed budget.
        standard: Standard uncertainty, in ``unit``.
        unit: Unit; empty for a fraction.
        source: Where it comes from.
        status: What kind of source that is.
        more: Further fields of ``Input``.
    """
    return _bounded("normal", key, name, standard, unit, source, status, **more)


def _bounded(
    kind: Distribution,
    key: str,
    name: str,
    limit: float,
    unit: str,
    source: str,
    status: InputStatus,
    **more: Any,
) -> Input:
    return Input(key, name, "B", kind, limit, DIVISORS[kind], math.inf, unit, source, status, **more)


class Inputs:
    """Uncertain numbers of inputs, each made once, so that everything that uses one is correlated by it.

    Attributes:
        correlations: Correlation coefficients of inputs that were evaluated together, by pairs of keys.
    """

    def __init__(self) -> None:
        self.correlations: dict[tuple[str, str], float] = {}
        self._numbers: dict[str, Any] = {}
        self._inputs: dict[str, Input] = {}

    def number(self, given: Input) -> Any:
        """The uncertain number of an input: GTC's ``UncertainReal``.

        Raises:
            ValueError: If another input with this key is there already.
        """
        known = self._inputs.get(given.key)
        if known is None:
            number = gtc().ureal(given.estimate, given.standard, _freedom(given), label=given.key)
            self._inputs[given.key], self._numbers[given.key] = given, number
        elif (known.standard, known.estimate) != (given.standard, given.estimate):
            raise ValueError(f"two different inputs are called {given.key!r}: {known} and {given}")
        return self._numbers[given.key]

    def correlated(self, given: Sequence[Input], coefficients: Mapping[tuple[str, str], float]) -> list[Any]:
        """Uncertain numbers of inputs that were evaluated together (JCGM 100:2008, 5.2, H.2 and H.3).

        Args:
            given: The inputs, all with the same degrees of freedom.
            coefficients: Correlation coefficient by pair of keys; pairs that are left out are uncorrelated.

        Raises:
            ValueError: If only some of them are there already, or with other coefficients.
        """
        known = [entry.key for entry in given if entry.key in self._inputs]
        if known and (len(known) < len(given) or not self._same(coefficients)):
            raise ValueError(f"inputs were used before with other correlations: {', '.join(known)}")
        if known:
            return [self.number(entry) for entry in given]
        estimates, standards = [entry.estimate for entry in given], [entry.standard for entry in given]
        labels = [entry.key for entry in given]
        numbers = gtc().multiple_ureal(estimates, standards, _freedom(given[0]), label_seq=labels)
        for entry, number in zip(given, numbers, strict=True):
            self._inputs[entry.key], self._numbers[entry.key] = entry, number
        for (first, second), coefficient in coefficients.items():
            gtc().set_correlation(coefficient, self._numbers[first], self._numbers[second])
            self.correlations[first, second] = coefficient
        return list(numbers)

    def _same(self, coefficients: Mapping[tuple[str, str], float]) -> bool:
        return all(self.correlations.get(pair) == value for pair, value in coefficients.items())

    def __iter__(self) -> Iterator[Input]:
        """The inputs, in the order in which they were first used."""
        return iter(self._inputs.values())

    def sensitivity(self, figure: Any, given: Input) -> float:
        """Sensitivity coefficient of a figure to an input: the partial derivative (JCGM 100:2008, 5.1.3)."""
        u = given.standard
        return float(gtc().rp.u_component(figure, self._numbers[given.key])) / u if u else 0.0


def _freedom(given: Input) -> float:
    return given.freedom if given.freedom < 1e6 else math.inf  # GTC's own limit of infinity
