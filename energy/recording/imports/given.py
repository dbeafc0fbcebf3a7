"""Facts that such a file lacks and a person gives: the supply voltage, and the name of the marker's line."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from energy.errors import RecordingError, UsageError
from energy.recording.limits import MOST_EDGES
from energy.signal import Edge, EdgeKind

NO_MARKER = "none"
_HIGHEST_V = 60.0
_HALF = 0.5
"""Samples: an edge lies between two levels, each taken in the middle of its sample."""


@dataclass(frozen=True)
class Given:
    """Facts about a file of another program, from the command line or a script.

    Attributes:
        voltage_v: The DUT's supply voltage; None where the file states it.
        marker_line: The digital line with the DUT's timestamps (``"D0"``); ``"none"`` for no windows.

    Raises:
        UsageError: ``usage.voltage``.
    """

    voltage_v: float | None = None
    marker_line: str | None = None

    def __post_init__(self) -> None:
        if self.voltage_v is not None and not 0 < self.voltage_v <= _HIGHEST_V:  # not for NaN either
            raise UsageError(
                "usage.voltage",
                f"--voltage {self.voltage_v} is not within 0 and {_HIGHEST_V:g} V",
                "Try 3.3.",
            )

    def voltage_of(self, path: Path, stated_v: float | None = None) -> float:
        """The supply voltage.

        Args:
            path: The file.
            stated_v: The voltage that it states, or None.

        Raises:
            UsageError: ``import.voltage`` if nobody states it, or both do and differ.
        """
        if stated_v is not None and self.voltage_v is not None and not math.isclose(stated_v, self.voltage_v):
            text = f"{path} states {stated_v:g} V, --voltage states {self.voltage_v:g} V"
            raise UsageError("import.voltage", text, "Leave --voltage out.")
        if (voltage_v := self.voltage_v if stated_v is None else stated_v) is None:
            raise UsageError(
                "import.voltage",
                f"{path} holds currents and not the voltage at which they were measured",
                "Give the DUT's supply voltage in volt: --voltage 3.3 (in Python voltage_v=3.3).",
            )
        return voltage_v

    def refuse_voltage(self, path: Path) -> None:
        """Raises if a voltage is given for a file that holds voltages or energies itself.

        Raises:
            UsageError: ``import.voltage``.
        """
        if self.voltage_v is not None:
            text = f"{path} holds the power of each sample; --voltage has no meaning for it"
            raise UsageError("import.voltage", text, "Leave --voltage out.")

    def marker(self, path: Path, lines: Mapping[str, int]) -> str | None:
        """The name of the marker line among those of a file; None for none.

        Args:
            path: The file.
            lines: Falling edges of each line, by its name.

        Raises:
            UsageError: ``import.marker-line``.
        """
        wanted = self.marker_line
        if wanted is None and not lines:
            return None
        if wanted is not None and wanted.casefold() == NO_MARKER:
            return None
        if wanted is not None:
            found = next((name for name in lines if name.casefold() == wanted.casefold()), None)
            if found is not None:
                return found
        named = ", ".join(f"{name} ({count} falling edges)" for name, count in lines.items()) or "none"
        text = (
            f"{path} has no line {wanted}; it has {named}"
            if wanted is not None
            else f"{path} does not say which of its lines has the DUT's timestamps; it has {named}"
        )
        raise UsageError(
            "import.marker-line",
            text,
            f"Name it: --marker-line {next(iter(lines), NO_MARKER)} (in Python marker_line=...); "
            f"{NO_MARKER}: no windows.",
        )


class LineEdges:
    """Collects the edges of a digital line that has a level for each sample.

    A level is taken to be that of the middle of its sample, as by the PPK2's driver; so an edge between the
    levels of the samples k - 1 and k lies at k, within half a sample.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._positions: list[npt.NDArray[np.int64]] = []
        self._rising: list[npt.NDArray[np.bool_]] = []
        self._last: bool | None = None
        self.count = 0
        self.falling = 0

    def add(self, positions: npt.NDArray[np.int64], levels: npt.NDArray[np.bool_]) -> None:
        """Takes the levels of samples, in order; both of shape (n,)."""
        if not len(levels):
            return
        before = np.empty(len(levels), np.bool_)
        before[0] = levels[0] if self._last is None else self._last
        before[1:] = levels[:-1]
        at = np.flatnonzero(levels != before)
        self._last = bool(levels[-1])
        self.count += len(at)
        self.falling += int(np.count_nonzero(~levels[at]))
        if self.count <= MOST_EDGES:
            self._positions.append(positions[at])
            self._rising.append(levels[at])

    def edges(self, path: Path) -> list[Edge]:
        """The edges, in order.

        Raises:
            RecordingError: ``file.too-large``.
        """
        if self.count > MOST_EDGES:
            text = f"{path}: {self.name} has {self.count} edges; the limit is {MOST_EDGES}"
            raise RecordingError("file.too-large", text, "Is it the line with the DUT's timestamps?")
        if not self._positions:
            return []
        positions = np.concatenate(self._positions).tolist()
        rising = np.concatenate(self._rising).tolist()
        kinds = {True: EdgeKind.RISE, False: EdgeKind.FALL}
        name = self.name.casefold()
        return [
            Edge(float(position), _HALF, kinds[rises], name)
            for position, rises in zip(positions, rising, strict=True)
        ]
