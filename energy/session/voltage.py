"""The supply voltage during a session: measured where an instrument can, else assumed, and compared.

Monitors that sample current alone multiply it by the voltage of the bench file. A supply that sags makes
their energy wrong by the same part, so each instrument that can measure the voltage is asked around each
window.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np

from energy.bench.assemble import EnergyBench
from energy.evidence.documents import VoltageRecord
from energy.findings import Finding
from energy.signal import SampleKind, SampleSource
from energy.window.integrator import Window

TOLERANCE = 0.01
"""Largest relative difference from the bench file where energy is computed with the stated voltage: that of
an LPM01A's supply (protocols.md 7)."""
SAMPLED_TOLERANCE = 0.02
"""The same where samples hold the voltage, and energy is right at any: a wire may take as much."""
_STRETCHES = 16
_STRETCH_S = 0.02

Source = Literal["samples", "monitor", "supply", "assumed"]


class VoltageCheck:
    """Asks for the supply voltage between windows, and compares it with that of the bench file.

    Args:
        bench: The instruments.
    """

    def __init__(self, bench: EnergyBench) -> None:
        self._bench = bench
        self._source: Source = "assumed"
        self._measured_v: list[float] = []

    def measure(self) -> None:
        """Between windows or after the stream: asks the supply beside the monitor, or the monitor.

        Samples that hold the voltage are enough.

        Raises:
            BenchError: Those of the link.
        """
        if self._source == "samples":
            return
        bench = self._bench
        beside = bench.supply if bench.file.supply is not None else None
        found: list[tuple[Source, float | None]] = []
        if beside is not None:
            found.append(("supply", beside.measured_voltage_v()))
        found.append(("monitor", bench.monitor.measured_voltage_v()))
        for source, voltage_v in found:
            if voltage_v is not None:
                self._source = source
                self._measured_v.append(voltage_v)
                return

    def take_samples(self, samples: SampleSource, windows: Sequence[Window]) -> None:
        """Takes the voltage within the windows from samples that hold it."""
        if samples.signal.kind is SampleKind.CURRENT_VOLTAGE:
            self._source = "samples"
            self._measured_v = sampled_voltages_v(samples, windows)

    def record(self) -> VoltageRecord:
        """The voltages of the session."""
        stated_v = self._bench.file.dut.voltage_v
        return VoltageRecord(source=self._source, stated_v=stated_v, measured_v=self._measured_v)


def sampled_voltages_v(samples: SampleSource, windows: Sequence[Window]) -> list[float]:
    """Mean voltages of short stretches of windows, from samples that hold the voltage."""
    return [voltage_v for window in windows for voltage_v in _sampled_v(samples, window)]


def voltage_findings(record: VoltageRecord) -> Iterator[Finding]:
    """Whether the voltage was measured, and is that of the bench file."""
    if not record.measured_v:
        yield Finding("voltage.assumed", f"{record.stated_v:g} V, from the bench file")
        return
    off_v = max(record.measured_v, key=lambda voltage_v: abs(voltage_v - record.stated_v))
    apart = off_v / record.stated_v - 1
    if abs(apart) > (SAMPLED_TOLERANCE if record.source == "samples" else TOLERANCE):
        used = (
            "energy is that of the measured voltage"
            if record.source == "samples"
            else (f"energy is computed with {record.stated_v:g} V")
        )
        middle_v = statistics.median(record.measured_v)
        evidence = (
            f"{off_v:.4g} V by the {_WHO[record.source]}, {record.stated_v:g} V in the bench file "
            f"({apart * 100:+.1f} %; median of {len(record.measured_v)}: {middle_v:.4g} V); {used}"
        )
        yield Finding("voltage.off", evidence)


_WHO: dict[Source, str] = {
    "samples": "monitor's samples",
    "monitor": "monitor",
    "supply": "supply",
    "assumed": "bench file",
}


def _sampled_v(samples: SampleSource, window: Window) -> Iterator[float]:
    """Mean voltages of short stretches of a window."""
    length = max(round(_STRETCH_S * window.rate_hz), 1)
    for at in np.linspace(window.opening.position, window.closing.position - length, _STRETCHES).tolist():
        first = max(round(at), 0)
        values = [block.columns[1] for block in samples.read(first, first + length)]
        if values:
            yield float(np.concatenate(values).mean(dtype=np.float64))
