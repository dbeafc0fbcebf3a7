"""Errors of the tools: a code and words, like those of ``energy.errors``, which is not imported here."""

from __future__ import annotations


class TablesError(Exception):
    """What keeps a model from becoming tables.

    Args:
        code: Names the kind of fault: ``file.*`` (not readable), ``model.*`` (readable, but not a network
            that the kernels run), ``workload.*`` (a network, but not one for this workload).
        message: What was expected and what came.
        hint: What to try next.
    """

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"[{self.code}] {self.message}" + (f" {self.hint}" if self.hint else "")
