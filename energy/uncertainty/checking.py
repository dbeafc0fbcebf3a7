"""A result checked by its file: limits and a baseline, each requirement decided as far as it can be."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from energy.errors import UsageError
from energy.uncertainty.comparability import Aspect
from energy.uncertainty.gate import Decision, Requirement, Sense, overall, require_baseline, require_limit
from energy.uncertainty.results import FigureName, Result, read_result


@dataclass(frozen=True)
class Limits:
    """What is required; None for what is not.

    Attributes:
        max_energy_j: Energy per inference, in joule, at most.
        min_throughput: Inferences per second, at least.
        baseline: A result that it may not be worse than.
        allow: By which fraction it may be worse than the baseline.
    """

    max_energy_j: float | None = None
    min_throughput: float | None = None
    baseline: Path | None = None
    allow: float = 0.0


@dataclass(frozen=True)
class Checked:
    """A result that was checked.

    Attributes:
        result: The result.
        baseline: The result that it was compared with; None if there was none.
        requirements: Each with its decision.
    """

    result: Result
    baseline: Result | None
    requirements: tuple[Requirement, ...]

    @property
    def invalid(self) -> bool:
        """Whether the session, or that of the baseline, has errors: then nothing is decided."""
        return bool(self.result.errors or (self.baseline and self.baseline.errors))

    @property
    def decision(self) -> Decision:
        """The decision on all of it; an invalid session fails."""
        return "fail" if self.invalid else overall([one.decision for one in self.requirements])

    @property
    def errors(self) -> list[tuple[str, str, str]]:
        """Errors of the sessions: name of the result, code, evidence."""
        results = [self.result, *([self.baseline] if self.baseline else [])]
        return [(result.name, code, evidence) for result in results for code, evidence in result.errors]

    @property
    def virtual(self) -> bool:
        """Whether the result, or the baseline, comes from the virtual bench."""
        return self.result.virtual or bool(self.baseline and self.baseline.virtual)

    @property
    def scope(self) -> str:
        """What the measured rail feeds."""
        scope = self.result.circumstances.scope
        return scope.text() if scope else "not known"

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "result": self.result.name,
            "baseline": self.baseline.name if self.baseline else None,
            "virtual": self.virtual,
            "scope": self.scope,
            "decision": self.decision,
            "valid": not self.invalid,
            "errors": [
                {"result": name, "code": code, "evidence": evidence} for name, code, evidence in self.errors
            ],
            "requirements": [requirement.to_json() for requirement in self.requirements],
        }


def check_result(path: Path, limits: Limits, across: Collection[Aspect] = ()) -> Checked:
    """Checks a result.

    Args:
        path: A session's folder, or a ``result.json``.
        limits: What is required, at least one thing.
        across: Circumstances in which the baseline differs on purpose.

    Raises:
        UsageError: ``usage.check`` if nothing is required, or a limit is no number above 0; ``usage.path``.
        RecordingError: What is wrong with a file.
    """
    _refuse(limits)
    result = read_result(path)
    baseline = read_result(limits.baseline) if limits.baseline is not None else None
    required: list[Requirement] = []
    if limits.max_energy_j is not None:
        required.append(_limit(result, "energy", limits.max_energy_j, "at most"))
    if limits.min_throughput is not None:
        required.append(_limit(result, "throughput", limits.min_throughput, "at least"))
    if baseline is not None:
        required.append(_baseline(baseline, result, limits.allow, across))
    return Checked(result, baseline, tuple(required))


def _refuse(limits: Limits) -> None:
    values = {"--max-energy": limits.max_energy_j, "--min-throughput": limits.min_throughput}
    if all(value is None for value in values.values()) and limits.baseline is None:
        raise UsageError(
            "usage.check", "nothing is required", "Give --max-energy, --min-throughput or --baseline."
        )
    for name, value in values.items():
        if value is not None and not (math.isfinite(value) and value > 0):
            raise UsageError("usage.check", f"{name} {value:g} is no limit", "Give a number above 0.")
    if not (math.isfinite(limits.allow) and 0 <= limits.allow < 1):
        raise UsageError(
            "usage.check", f"--allow {limits.allow:g} is no allowance", "Give a fraction below 100 %, as 1%."
        )


def _limit(result: Result, figure: FigureName, limit: float, sense: Sense) -> Requirement:
    if not result.has(figure):
        unit = "J per inference" if figure == "energy" else "inferences per second"
        return _without(f"{figure} {sense} {limit:g} {unit}", result)
    return require_limit(result.subject(figure), limit, sense)


def _baseline(old: Result, new: Result, allow: float, across: Collection[Aspect]) -> Requirement:
    for result in (new, old):
        if not result.has("energy"):
            return _without(f"energy per inference at most {(1 + allow) * 100:.6g} % of the baseline", result)
    return require_baseline(old.subject("energy"), new.subject("energy"), allow, "at most", across)


def _without(name: str, result: Result) -> Requirement:
    """A requirement on a figure whose uncertainty nobody states."""
    return Requirement(name, "undecided", None, f"{result.name} has no uncertainty: {result.why_not}")
