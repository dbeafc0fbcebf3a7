"""Calibration certificates: corrections of an instrument and their uncertainties, as TOML."""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from energy.errors import RecordingError, UsageError
from energy.printable import printable
from energy.recording.inside import is_there, read_toml

SCHEMA = "joulebench.calibration/1"
_HINT = "docs/reference/bench-file.md describes the file; `joulebench calcheck` writes one."
_Text = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f-\x9f]{0,200}$")]
_MOST_LINES = 200


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)


class CalibrationLine(_Part):
    """A line of a certificate: true value = reading x (1 + gain_correction) + offset_correction.

    The uncertainties are expanded, by the coverage factor ``k``, as certificates state them. They replace
    gain and offset of the specification; a line without ``range`` holds for every range.
    """

    quantity: Literal["current", "voltage", "time"]
    range: _Text | None = None
    gain_correction: float = Field(default=0.0, gt=-0.5, lt=0.5)
    gain_uncertainty: float = Field(ge=0, lt=0.5, description="fraction of the reading, expanded")
    offset_correction: float = Field(default=0.0, description="in A or V")
    offset_uncertainty: float = Field(default=0.0, ge=0, description="in A or V, expanded")
    correlation: float = Field(default=0.0, ge=-1, le=1, description="of gain and offset correction")
    k: float = Field(default=2.0, gt=0, le=100)
    degrees_of_freedom: float | None = Field(default=None, gt=0, description="none: infinite")
    lowest: float | None = Field(default=None, description="smallest reading that it holds for, in A or V")
    highest: float | None = Field(default=None, description="largest reading that it holds for, in A or V")

    @property
    def freedom(self) -> float:
        """Degrees of freedom of the standard uncertainties."""
        return self.degrees_of_freedom or math.inf

    def holds_for(self, reading: float) -> bool:
        """Whether a reading lies between ``lowest`` and ``highest``."""
        return self._bounds[0] <= reading <= self._bounds[1]

    def overlaps(self, other: CalibrationLine) -> bool:
        """Whether some reading would have to be corrected by both."""
        if (self.quantity, self.range) != (other.quantity, other.range):
            return False
        lowest = max(self._bounds[0], other._bounds[0])
        return lowest < min(self._bounds[1], other._bounds[1])

    @property
    def _bounds(self) -> tuple[float, float]:
        lowest = -math.inf if self.lowest is None else self.lowest
        return lowest, math.inf if self.highest is None else self.highest

    @model_validator(mode="after")
    def _lowest_first(self) -> CalibrationLine:
        if self._bounds[0] >= self._bounds[1]:
            raise ValueError(f"lowest ({self.lowest:g}) is not below highest ({self.highest:g})")
        return self


class Calibration(_Part):
    """A calibration certificate of one instrument, or the result of ``joulebench calcheck``."""

    schema_: Literal["joulebench.calibration/1"] = Field(default=SCHEMA, alias="schema")
    model: Annotated[_Text, Field(min_length=1)]
    serial_number: Annotated[_Text, Field(min_length=1)]
    date: dt.date
    due: dt.date | None = None
    certificate: _Text = Field(default="", description="number of the certificate, or how it came about")
    laboratory: _Text = ""
    temperature_c: float | None = None
    lines: tuple[CalibrationLine, ...] = Field(min_length=1, max_length=_MOST_LINES)

    @model_validator(mode="after")
    def _consistent(self) -> Calibration:
        if self.due is not None and self.due < self.date:
            raise ValueError(f"due ({self.due}) is before date ({self.date})")
        for first, second in combinations(self.lines, 2):
            if first.overlaps(second):
                of = f" of range {first.range!r}" if first.range is not None else ""
                raise ValueError(f"two lines for {first.quantity}{of} hold for the same readings")
        return self

    @property
    def title(self) -> str:
        """Its number, or how it came about, with its dates."""
        due = f", due {self.due}" if self.due is not None else ""
        return f"{self.certificate or 'a certificate without a number'} of {self.date}{due}"

    def is_of(self, model: str, serial_number: str) -> bool:
        """Whether it is that of an instrument.

        The serial numbers must be equal; of the models, one may have more words (``Keithley 2450``).

        Args:
            model: As the instrument answers.
            serial_number: As the instrument answers.
        """
        ours, theirs = _words(self.model), _words(model)
        same_model = bool(ours and theirs) and (ours <= theirs or theirs <= ours)
        return same_model and self.serial_number.strip().casefold() == serial_number.strip().casefold()


def read_calibration(path: Path) -> Calibration:
    """Reads a certificate that a person named.

    Raises:
        UsageError: ``calibration.missing`` if it cannot be read, ``calibration.invalid`` with the keys that
            are wrong.
    """
    try:
        return Calibration.model_validate(_with_schema(read_toml(path, hint=_HINT)))
    except RecordingError as error:
        hint = "Correct monitor.calibration in the bench file."
        raise UsageError("calibration.missing", error.message, hint) from error
    except ValidationError as error:
        wrong = [_explained(problem["loc"], problem["msg"]) for problem in error.errors(include_url=False)]
        more = f" (and {len(wrong) - _MOST_NAMED} more)" if wrong[_MOST_NAMED:] else ""
        text = f"{path}: {'; '.join(wrong[:_MOST_NAMED])}{more}"
        raise UsageError("calibration.invalid", text, _HINT) from error
    except ValueError as error:
        raise UsageError("calibration.invalid", f"{path} is not TOML: {error}", _HINT) from error


_MOST_NAMED = 5


def calibration_text(calibration: Calibration, remarks: Sequence[str] = ()) -> str:
    """A certificate as TOML, which ``read_calibration`` reads.

    Args:
        calibration: The certificate.
        remarks: Lines of comment at its beginning.
    """
    document = calibration.model_dump(by_alias=True, exclude_none=True)
    tables: list[dict[str, Any]] = document.pop("lines")
    lines = [f"# {printable(remark)}".rstrip() for remark in remarks]
    lines += [f"{key} = {_toml(value)}" for key, value in document.items() if value != ""]
    for table in tables:
        lines += ["", "[[lines]]", *(f"{key} = {_toml(value)}" for key, value in table.items())]
    return "\n".join(lines) + "\n"


def refuse_existing(path: Path) -> None:
    """Makes sure that a certificate can have this name, before anything long is done for it.

    Raises:
        UsageError: ``calibration.exists``.
    """
    if is_there(path):
        raise UsageError(
            "calibration.exists", f"{path} exists, and is not overwritten", "Name another file with --out."
        )


def write_calibration(path: Path, text: str) -> Path:
    """Writes a new certificate; one that is there is not overwritten.

    Raises:
        UsageError: ``calibration.exists``, ``calibration.unwritable``.
    """
    refuse_existing(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        why = f"{path}: {error.strerror or error}"
        raise UsageError("calibration.unwritable", why, "Name another file with --out.") from error
    return path


def _toml(value: object) -> str:
    """A value as TOML 1.0 has it; floats with all digits that they need."""
    if isinstance(value, str):
        # A JSON string is a basic string of TOML, unless it holds DEL, which a text here cannot.
        return json.dumps(value, ensure_ascii=False)
    return value.isoformat() if isinstance(value, dt.date) else repr(value)


def _with_schema(document: dict[str, object]) -> dict[str, object]:
    """The document; one without ``schema`` is refused by the model, not taken for one of this version."""
    return {"schema": None, **document}


def _explained(loc: tuple[int | str, ...], message: str) -> str:
    text = message.removeprefix("Value error, ").replace("Input should", "must")
    return f"{'.'.join(map(str, loc))}: {text}" if loc else text


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z0-9]+", text.casefold()))
