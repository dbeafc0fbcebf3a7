"""The scope of a measurement: what the measured rail feeds, and what work lies inside the window."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator

Load = Literal["core", "memories", "flash", "pll", "regulator", "peripherals", "interfaces", "debugger"]
"""A part of a board that the measured rail feeds."""

_SHOWN = {"pll": "PLL"}


class Scope(BaseModel):
    """``[scope]`` of a bench file. Two results are comparable only if their scopes are the same.

    ``feeds`` lists the parts that the measured rail feeds; a part that is not listed is fed from elsewhere.
    ``pre_processing`` and ``post_processing`` say whether that work of the DUT lies inside the window.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    feeds: tuple[Load, ...] = Field(min_length=1)
    pre_processing: bool = False
    post_processing: bool = False
    note: str = Field(default="", pattern=r"^[^\x00-\x1f\x7f-\x9f]{0,200}$")

    @field_validator("feeds")
    @classmethod
    def _each_once(cls, feeds: tuple[Load, ...]) -> tuple[Load, ...]:
        """Each part once, in the order of ``Load``, so that two equal scopes compare as equal."""
        return tuple(load for load in get_args(Load) if load in feeds)

    def text(self) -> str:
        """The scope as a phrase for tables and figures, such as ``core, flash; inference only``."""
        work = [name for name, inside in self._work() if inside]
        inside = "inference" + ("".join(f" + {name}" for name in work) or " only")
        feeds = ", ".join(_SHOWN.get(load, load) for load in self.feeds)
        return f"{feeds}; {inside}"

    def _work(self) -> tuple[tuple[str, bool], ...]:
        return ("pre-processing", self.pre_processing), ("post-processing", self.post_processing)
