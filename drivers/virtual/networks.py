"""Layers of the reference models: operators, multiply-accumulates, parameters (``networks.toml``)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of a network.

    Attributes:
        operator: Name of the operator in a ``.tflite`` file, such as ``CONV_2D``.
        macs: Multiply-accumulates of an inference; padding counts as if it were input.
        parameter_bytes: Size of its weights and biases.
    """

    operator: str
    macs: int
    parameter_bytes: int


@cache
def layers_of(workload: str) -> tuple[Layer, ...]:
    """The layers of a workload's model, in the order of their execution; none for an unknown workload."""
    text = resources.files("drivers.virtual").joinpath("networks.toml").read_text(encoding="utf-8")
    return tuple(Layer(*entry) for entry in tomllib.loads(text).get(workload, {}).get("layers", ()))
