"""Calibration certificates: corrections of an instrument and their uncertainties, as TOML."""

from __future__ import annotations

import math
from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA = "joulebench.calibration/1"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class CalibrationLine(_Part):
    """A line of a certificate: true value = reading x (1 + gain_correction) + offset_correction.

    The uncertainties are expanded, by the coverage factor ``k``, as certificates state them. They replace
    gain and offset of the specification; a line without ``range`` holds for every range.
    """

    quantity: Literal["current", "voltage", "time"]
    range: str | None = None
    gain_correction: float = Field(default=0.0, gt=-0.5, lt=0.5)
    gain_uncertainty: float = Field(ge=0, lt=0.5, description="fraction of the reading, expanded")
    offset_correction: float = Field(default=0.0, description="in A or V")
    offset_uncertainty: float = Field(default=0.0, ge=0, description="in A or V, expanded")
    k: float = Field(default=2.0, gt=0, le=10)
    degrees_of_freedom: float | None = Field(default=None, gt=0, description="none: infinite")
    lowest: float | None = Field(default=None, description="smallest reading that it holds for, in A or V")
    highest: float | None = Field(default=None, description="largest reading that it holds for, in A or V")

    @property
    def freedom(self) -> float:
        """Degrees of freedom of the standard uncertainties."""
        return self.degrees_of_freedom or math.inf


class Calibration(_Part):
    """A calibration certificate of one instrument, or the result of ``joulebench calcheck``."""

    schema_: Literal["joulebench.calibration/1"] = Field(alias="schema")
    model: str
    serial_number: str = Field(min_length=1)
    date: date
    due: date | None = None
    certificate: str = Field(default="", description="number of the certificate, or how it came about")
    laboratory: str = ""
    temperature_c: float | None = None
    lines: tuple[CalibrationLine, ...] = Field(min_length=1)
