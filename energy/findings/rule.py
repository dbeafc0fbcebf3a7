"""An entry of the register of findings."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """Severity of a finding."""

    ERROR = "error"
    """The figure cannot be trusted, or the rules refuse it."""
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of the register: what a code means, why it matters, what to do."""

    severity: Severity
    meaning: str
    why: str
    remedy: str


def rule(severity: str, meaning: str, why: str, remedy: str) -> Rule:
    """Makes an entry; ``severity`` is the name of a ``Severity``."""
    return Rule(Severity(severity), meaning, why, remedy)
