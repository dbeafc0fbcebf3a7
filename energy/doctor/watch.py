"""Figures of a monitor's stream while the doctor records it: current, voltage, rates of inputs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from energy.session.recorder import Recorder
from energy.signal import Block, DigitalBlock, DigitalInput


@dataclass(frozen=True)
class CurrentFigures:
    """Current and voltage of some samples.

    Attributes:
        count: Number of samples.
        mean_a: Mean current.
        least_a: Lowest.
        most_a: Highest.
        mean_v: Mean voltage, where the monitor measures it.
    """

    count: int
    mean_a: float
    least_a: float
    most_a: float
    mean_v: float | None


class WatchingRecorder(Recorder):
    """A recorder that remembers some figures of each block.

    Attributes:
        input_rates_hz: Levels a second of each digital input that has come.
        running: Whether the stream runs.
    """

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.input_rates_hz: dict[str, float] = {}
        self.running = False
        self._figures: list[tuple[int, CurrentFigures]] = []

    def begin(self, *, flowing: bool = True) -> None:
        """Notes that the monitor is started now."""
        super().begin(flowing=flowing)
        self.running = True

    def block(self, block: Block) -> None:
        """Takes samples."""
        if seen := self._of(block):
            self._figures.append((block.first, seen))
        super().block(block)

    def digital(self, source: DigitalInput, block: DigitalBlock) -> None:
        """Takes levels."""
        self.input_rates_hz[source.name] = source.rate_hz
        super().digital(source, block)

    @property
    def bytes_per_s(self) -> float:
        """Rate of the recording in bytes per second."""
        signal = self.signal
        levels = sum(self.input_rates_hz.values()) / 8
        return len(signal.columns) * np.dtype(signal.dtype).itemsize * signal.rate_hz + levels

    def seen(self, first: int, stop: int | None = None) -> CurrentFigures | None:
        """Figures of the blocks that begin in ``[first, stop)``; None if there are none."""
        return _together(
            seen for at, seen in list(self._figures) if at >= first and (stop is None or at < stop)
        )

    def _of(self, block: Block) -> CurrentFigures | None:
        values = block.columns[0]
        whole = np.isfinite(values)
        if not whole.any():
            return None
        current = values[whole].astype(np.float64) / self.per_ampere
        volts = float(block.columns[1][whole].mean(dtype=np.float64)) if len(block.columns) > 1 else None
        return CurrentFigures(
            len(current), float(current.mean()), float(current.min()), float(current.max()), volts
        )


def _together(parts: Iterable[CurrentFigures]) -> CurrentFigures | None:
    known = list(parts)
    if not known:
        return None
    count = sum(part.count for part in known)
    volts = [part.mean_v * part.count for part in known if part.mean_v is not None]
    return CurrentFigures(
        count,
        sum(part.mean_a * part.count for part in known) / count,
        min(part.least_a for part in known),
        max(part.most_a for part in known),
        sum(volts) / count if len(volts) == len(known) else None,
    )
