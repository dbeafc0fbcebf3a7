"""The answer to the question for an uncertainty, apart from the model that finds it: that loads slowly."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from energy.findings import Finding

if TYPE_CHECKING:
    from energy.uncertainty.stated import Stated


@dataclass(frozen=True)
class Statement:
    """The answer to the question for an uncertainty: a statement, or why there is none.

    Attributes:
        stated: The statement; None where there can be none.
        findings: Why, or what a reader has to know.
    """

    stated: Stated | None = None
    findings: list[Finding] = field(default_factory=list[Finding])
