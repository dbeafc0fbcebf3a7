"""The scope of a measurement as a line for tables and figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from energy.evidence.scope import Scope

SCOPE_NOT_STATED = "scope not stated"
"""Text in place of the scope of a measurement whose bench file, or whose files, state none."""


def scope_line(scope: Scope | None) -> str:
    """A line for tables and figures: ``scope: core, flash; inference only``."""
    return SCOPE_NOT_STATED if scope is None else f"scope: {scope.text()}"
