"""Recordings whose every sample a test knows, and what a page in the browser shows of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from energy.recording.store import RecordingWriter
from energy.signal import Block, Edge, SampleKind, Signal

RATE_HZ = 100_000.0
WINDOWS = [(40_000.5, 160_000.25), (200_000.0, 330_000.75), (400_000.0, 520_000.0)]
"""Opening and closing edge of each window, in samples."""
LOST = (350_000, 350_700)
COUNT = 600_000


def long_recording(folder: Path) -> npt.NDArray[np.float64]:
    """Writes 6 s of current and voltage at 100 kS/s, three windows, 700 lost samples; returns the power."""
    random = np.random.default_rng(15)
    busy = np.zeros(COUNT)
    for opening, closing in WINDOWS:
        busy[int(opening) : int(closing)] = 1.0
    current = (0.002 + 0.010 * busy + 0.001 * random.random(COUNT)).astype(np.float32)
    voltage = (1.8 + 0.01 * random.random(COUNT)).astype(np.float32)
    signal = Signal(SampleKind.CURRENT_VOLTAGE, RATE_HZ, "float32")
    with RecordingWriter(folder, signal, virtual=True) as writer:
        for first, stop in ((0, LOST[0]), (LOST[1], COUNT)):
            for at in range(first, stop, 100_000):
                part = slice(at, min(at + 100_000, stop))
                writer.append(Block(at, (current[part], voltage[part])))
        for opening, closing in WINDOWS:
            writer.edge(Edge(opening, 0.5, source="d7"))
            writer.edge(Edge(closing, 0.5, source="d7"))
    power_w = current.astype(np.float64) * voltage.astype(np.float64)
    power_w[slice(*LOST)] = np.nan
    return power_w


def shown_trace(page: Any, name: str, plot: str = "trace") -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Times and values of a curve as they are drawn: ``lowest to highest``, ``mean``, ``every sample``."""
    drawn = page.evaluate(
        """([plot, name]) => {
          const curve = document.getElementById(plot).data.find((of) => of.name === name);
          const known = (y) => (Number.isNaN(y) ? null : y);
          return curve && curve.visible ? [Array.from(curve.x), Array.from(curve.y, known)] : [[], []];
        }""",
        [plot, name],
    )
    return np.array(drawn[0], np.float64), np.array(drawn[1], np.float64)


def numbers_in(page: Any, selector: str) -> list[list[float | None]]:
    """The numbers behind the cells of a table's body, row by row; None where a cell has none."""
    rows = page.evaluate(
        "selector => Array.from(document.querySelectorAll(selector + ' tbody tr'), (row) => "
        "Array.from(row.cells, (cell) => cell.dataset.v ?? null))",
        selector,
    )
    return [[None if cell is None else float(cell) for cell in row] for row in rows]


def headlines(page: Any) -> dict[str, float | None]:
    """The headline figures of a page: the number behind each, by its name."""
    found = page.evaluate(
        "Array.from(document.querySelectorAll('dl.large > div'), (of) => "
        "[of.querySelector('dt').textContent, of.querySelector('.value').dataset.v ?? null])"
    )
    return {name: None if value is None else float(value) for name, value in found}


def document(folder: Path, name: str) -> Any:
    """A JSON document of a session's folder."""
    return json.loads((folder / name).read_text(encoding="utf-8"))
