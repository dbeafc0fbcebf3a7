"""Where each tensor lies in the arena: tensors that are never needed at once share bytes."""

from __future__ import annotations

from dataclasses import dataclass

from firmware.tools.errors import TablesError
from firmware.tools.network import Convolution, Layer, Network, reads

_ALIGNMENT = 16
_MOST_BYTES = 1 << 28


@dataclass(frozen=True, slots=True)
class Arena:
    """A plan.

    Attributes:
        offsets: Of each tensor, by its index.
        patches: Offset of the room for patches.
        size: Bytes in all.
    """

    offsets: dict[int, int]
    patches: int
    size: int


@dataclass(slots=True)
class _Life:
    """From the layer that writes a tensor to the last that reads it."""

    tensor: int
    size: int
    first: int
    last: int


def plan(network: Network) -> Arena:
    """Places the largest tensors first, each at the lowest place that is free all its life.

    The input is kept for all of an inference, because one input is inferred many times; the output, too.

    Raises:
        TablesError: ``model.size``.
    """
    end = len(network.layers)
    lives = {network.input: _life(network, network.input, -1, end)}
    for time, layer in enumerate(network.layers):
        for tensor in reads(layer):
            lives[tensor].last = max(lives[tensor].last, time)
        lives[layer.output] = _life(network, layer.output, time, time)
    lives[network.output].last = end
    placed: list[tuple[int, _Life]] = []
    for life in sorted(lives.values(), key=lambda at: (-at.size, at.first)):
        offset = 0
        for start, other in sorted(placed, key=lambda at: at[0]):
            apart = other.last < life.first or life.last < other.first
            if not apart and start < offset + life.size and offset < start + other.size:
                offset = start + other.size
        placed.append((offset, life))
    patches = max((offset + life.size for offset, life in placed), default=0)
    size = patches + _aligned(max((_patches(layer) for layer in network.layers), default=0))
    if size > _MOST_BYTES:
        raise TablesError("model.size", f"its tensors need {size} bytes, more than {_MOST_BYTES}")
    return Arena({life.tensor: offset for offset, life in placed}, patches, size)


def _life(network: Network, tensor: int, first: int, last: int) -> _Life:
    return _Life(tensor, _aligned(network.tensors[tensor].count), first, last)


def _patches(layer: Layer) -> int:
    """Bytes of input that a kernel gathers: under one position of a depthwise window, two of another."""
    if not isinstance(layer, Convolution) or layer.kind == "fully_connected":
        return 0
    if layer.kind == "depthwise":
        return layer.weights.size
    if layer.window.height == layer.window.width == 1:
        return 0
    return 2 * (layer.weights.size // layer.bias.size)


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT
