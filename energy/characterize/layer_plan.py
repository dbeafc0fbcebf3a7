"""The plan of a measurement of layers, and what its windows gave."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from energy.bench.benchfile import BenchFile
from energy.benchmark.inputs import Input, official_inputs, synthetic_inputs
from energy.benchmark.workloads import Workload
from energy.errors import UsageError
from energy.instruments import Layer
from energy.session.plans import checked_note, workload_named
from energy.session.trials import Trial
from energy.window.rules import EnergyRule

SHORTEST_S = 0.05
"""Shortest window that may be asked for."""
LONGEST_S = 3600.0
MOST_REPEATS = 100


@dataclass(frozen=True)
class LayersPlan:
    """The plan of a measurement of a network's layers.

    Attributes:
        bench: The bench file.
        workload: The workload.
        source: The input.
        window_s: Shortest length of a window; a second window beside it has a quarter of the iterations.
        repeats: How often each layer is measured.
        note: A note for the documents.
    """

    bench: BenchFile
    workload: Workload
    source: Input
    window_s: float = 1.0
    repeats: int = 3
    note: str = ""

    def __post_init__(self) -> None:
        if not SHORTEST_S <= self.window_s <= LONGEST_S:
            raise UsageError(
                "usage.window",
                f"a window of {self.window_s:g} s is not within {SHORTEST_S:g} to {LONGEST_S:g} s",
                "1 s is enough for most monitors.",
            )
        if not 2 <= self.repeats <= MOST_REPEATS:
            raise UsageError(
                "usage.repeats",
                f"{self.repeats} repeats are not within 2 to {MOST_REPEATS}",
                "With one repeat nothing shows how well a figure repeats.",
            )


def make_layers_plan(
    bench: BenchFile,
    workload: str,
    *,
    window_s: float = 1.0,
    repeats: int = 3,
    datasets: Path | None = None,
    note: str = "",
) -> LayersPlan:
    """The plan of a measurement of layers, from names.

    Args:
        bench: The bench file.
        workload: Workload id.
        window_s: Shortest length of a window.
        repeats: How often each layer is measured.
        datasets: Folder of the official inputs; None: a synthetic input.
        note: A note for the documents.

    Raises:
        UsageError: ``usage.*``, or what is wrong with the datasets.
    """
    facts = workload_named(workload)
    source = official_inputs(facts, datasets, 1)[0] if datasets else synthetic_inputs(facts, 1)[0]
    return LayersPlan(bench, facts, source, window_s, repeats, checked_note(note))


@dataclass
class Subject:
    """What is measured in windows of its own: a layer, or the whole network.

    Attributes:
        layer: The layer; None for the whole network.
        few: Iterations in the short window of a pair.
        many: Iterations in the long one.
        expected_s: Expected time of the long one.
        pairs: Pairs of windows, the short and the long one, a pair for each repeat.
    """

    layer: Layer | None
    few: int = 1
    many: int = 2
    expected_s: float = 1.0
    pairs: list[tuple[Trial, Trial]] = field(default_factory=list[tuple[Trial, Trial]])

    @property
    def name(self) -> str:
        """Its name, for progress and errors."""
        return "the whole network" if self.layer is None else f"layer {self.layer.index}"

    def windows_json(self) -> list[dict[str, Any]]:
        """Its windows, so that anybody can integrate them again."""
        return [
            {
                "layer": None if self.layer is None else self.layer.index,
                "repeat": repeat,
                "iterations": trial.iterations,
                "opening": window.opening.position,
                "closing": window.closing.position,
                "window_s": window.duration_s,
                "energy_j": window.energies[EnergyRule.EXACT].energy_j,
            }
            for repeat, pair in enumerate(self.pairs, start=1)
            for trial in pair
            if (window := trial.window) is not None
        ]
