"""Seeded synthetic weights for the reference topologies: the same shapes and work, but nothing learned.

Weights are drawn, then each layer's bias and scales are set so that its outputs are centred and spread over
the int8 range on a batch of varied inputs, as a trained network's are after batch normalisation. So the
outputs depend on the input and do not saturate. Everything is integer arithmetic or correctly rounded, so
that a seed gives the same tables on every machine and with every version of numpy.

Topologies: the table of emulation.md 3 and the reference models' shapes (mlcommons/tiny, benchmark/training).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from firmware.tools.network import (
    Activation,
    Addition,
    AveragePool,
    Convolution,
    Layer,
    Network,
    Padding,
    Quantisation,
    Shape,
    Softmax,
    Tensor,
    Window,
)
from firmware.tools.simulate import Images, accumulators, output

_INPUTS = 12
"""Inputs that layers are calibrated on."""

_SPREAD = {"relu": 56.0, "none": 36.0}
"""Standard deviation of a layer's outputs in steps, before the clamp, by its activation."""

_LOGITS = 12.0
"""The same of a classifier's logits: so that softmax does not give 0 and 1."""

_OUTPUT_SCALE = 0.05
_SOFTMAX = Quantisation(1.0 / 256.0, -128)

Kind = Literal["convolution", "depthwise", "fully_connected"]


def synthetic_network(workload: str, seed: int) -> Network:
    """The reference topology of a workload with weights drawn from a seed.

    Args:
        workload: One of firmware.tools.workloads.
        seed: 0 to 2^32 - 1.
    """
    shape, scale, zero = {
        "ad01": ((1, 1, 640), 0.391015, 89),
        "ic01": ((32, 32, 3), 1.0, -128),
        "kws01": ((49, 10, 1), 0.584703, 83),
        "vww01": ((96, 96, 3), 1.0 / 255.0, -128),
    }[workload]
    builder = _Builder(seed, shape, Quantisation(float(np.float32(scale)), zero))
    {"ad01": _ad01, "ic01": _ic01, "kws01": _kws01, "vww01": _vww01}[workload](builder)
    return builder.network(f"synthetic, seed {seed}")


def _ad01(builder: _Builder) -> None:
    """Autoencoder: 640, 4 x 128, 8, 4 x 128, 640."""
    for width in (128, 128, 128, 128, 8, 128, 128, 128, 128):
        builder.fully_connected(width, "relu")
    builder.fully_connected(640, "none", Quantisation(float(np.float32(0.364498)), 96), spread=10.0)


def _kws01(builder: _Builder) -> None:
    """DS-CNN: a convolution, then four depthwise separable ones, all with 64 channels."""
    builder.convolution(64, 10, 4, 2)
    for _ in range(4):
        builder.depthwise(1)
        builder.convolution(64, 1, 1, 1)
    builder.classify(12)


def _vww01(builder: _Builder) -> None:
    """MobileNet v1, width 0.25."""
    builder.convolution(8, 3, 3, 2)
    blocks = [(1, 16), (2, 32), (1, 32), (2, 64), (1, 64), (2, 128), *[(1, 128)] * 5, (2, 256), (1, 256)]
    for stride, channels in blocks:
        builder.depthwise(stride)
        builder.convolution(channels, 1, 1, 1)
    builder.classify(2)


def _ic01(builder: _Builder) -> None:
    """ResNet-8: three residual blocks, the last two with a convolution of one pixel beside them."""
    builder.convolution(16, 3, 3, 1)
    for channels, stride in ((16, 1), (32, 2), (64, 2)):
        entry = builder.last
        builder.convolution(channels, 3, 3, stride)
        beside = builder.convolution(channels, 3, 3, 1, "none")
        if stride > 1:
            builder.last = entry
            entry = builder.convolution(channels, 1, 1, stride, "none")
        builder.add(entry, beside)
    builder.classify(10)


@dataclass(slots=True)
class _Builder:
    """Adds layer after layer, each calibrated on the outputs of the one before.

    Attributes:
        seed: Of everything that is drawn.
        shape: Of the input.
        quantisation: Of the input.
        last: Index of the tensor that was written last; where the next layer reads.
    """

    seed: int
    shape: Shape
    quantisation: Quantisation
    last: int = 0
    _tensors: list[Tensor] = field(default_factory=list[Tensor])
    _layers: list[Layer] = field(default_factory=list[Layer])
    _values: dict[int, Images] = field(default_factory=dict[int, Images])

    def __post_init__(self) -> None:
        self._tensors.append(Tensor(self.shape, self.quantisation))
        self._values[0] = _inputs(self.seed, self.shape)

    def network(self, weights: str) -> Network:
        """What has been built."""
        return Network(tuple(self._tensors), tuple(self._layers), 0, self.last, weights, weights)

    def convolution(
        self, channels: int, height: int, width: int, stride: int, activation: Activation = "relu"
    ) -> int:
        """A convolution; returns the index of its output."""
        depth = self._tensors[self.last].shape[2]
        window = Window(height, width, stride, stride, "same")
        return self._filter("convolution", window, (channels, height, width, depth), activation)

    def depthwise(self, stride: int) -> int:
        """A depthwise convolution with a window of 3 x 3."""
        channels = self._tensors[self.last].shape[2]
        return self._filter("depthwise", Window(3, 3, stride, stride, "same"), (3, 3, channels), "relu")

    def fully_connected(
        self,
        channels: int,
        activation: Activation,
        quantisation: Quantisation | None = None,
        spread: float | None = None,
    ) -> int:
        """A fully connected layer, to a given quantisation and spread in steps if need be."""
        shape = (channels, 1, 1, self._tensors[self.last].count)
        window = Window(1, 1, 1, 1, "valid")
        return self._filter("fully_connected", window, shape, activation, quantisation, spread)

    def add(self, first: int, second: int) -> int:
        """A sum with ReLU, twice as wide as its summands."""
        shape = self._tensors[first].shape
        target = self._tensor(shape, Quantisation(float(np.float32(_OUTPUT_SCALE)), -128))
        return self._append(Addition(first, second, target, "relu"))

    def classify(self, classes: int) -> None:
        """The mean of each channel over the image, a fully connected layer and softmax."""
        height, width, channels = self._tensors[self.last].shape
        padding: Padding = "valid"
        window = Window(height, width, height, width, padding)
        target = self._tensor((1, 1, channels), self._tensors[self.last].quantisation)
        self._append(AveragePool(self.last, target, window, "none"))
        self.fully_connected(classes, "none", spread=_LOGITS)
        target = self._tensor((1, 1, classes), _SOFTMAX)
        self._append(Softmax(self.last, target, 1.0))

    def _filter(
        self,
        kind: Kind,
        window: Window,
        shape: tuple[int, ...],
        activation: Activation,
        quantisation: Quantisation | None = None,
        spread: float | None = None,
    ) -> int:
        source = self._tensors[self.last]
        channels = shape[2] if kind == "depthwise" else shape[0]
        weights = _weights(self.seed, len(self._layers), shape)
        blank = np.zeros(channels, np.int32)
        scales = np.ones(1, np.float32)
        raw = Convolution(kind, self.last, -1, window, weights, scales, blank, activation)
        acc = accumulators(raw, self._values[self.last], source.quantisation.zero)
        height, width = acc.shape[1:3]
        if quantisation is None:
            zero = -128 if activation == "relu" else 0
            quantisation = Quantisation(float(np.float32(_OUTPUT_SCALE)), zero)
        bias, spreads = _statistics(acc)
        if kind == "fully_connected":  # one scale for the whole layer, as converters of int8 models write it
            spreads = [math.sqrt(sum(spread * spread for spread in spreads) / len(spreads))]
        steps = spread or _SPREAD[activation]
        by = steps * quantisation.scale / source.quantisation.scale
        scales = np.array([by / spread for spread in spreads], np.float32)
        target = self._tensor((height, width, channels), quantisation)
        return self._append(Convolution(kind, self.last, target, window, weights, scales, bias, activation))

    def _tensor(self, shape: Shape, quantisation: Quantisation) -> int:
        self._tensors.append(Tensor(shape, quantisation))
        return len(self._tensors) - 1

    def _append(self, layer: Layer) -> int:
        self._layers.append(layer)
        self.last = layer.output
        self._values[layer.output] = output(self.network(""), layer, self._values)
        return layer.output


def _statistics(acc: Images) -> tuple[npt.NDArray[np.int32], list[float]]:
    """By channel: the bias that centres the accumulators, and their standard deviation (at least 1)."""
    rows = acc.reshape(-1, acc.shape[-1])
    count = len(rows)
    bias: list[int] = []
    spreads: list[float] = []
    # In Python's integers: exact, and in any order.
    for total, squares in zip(rows.sum(axis=0).tolist(), (rows * rows).sum(axis=0).tolist(), strict=True):
        bias.append(-(total // count))
        spreads.append(max(math.sqrt((count * squares - total * total) / (count * count)), 1.0))
    return np.array(bias, np.int32), spreads


def _draw(seed: int, stream: int, count: int) -> npt.NDArray[np.uint64]:
    """Random 64-bit numbers: SplitMix64 (Steele, Lea and Flood 2014), a stream for each purpose."""
    start = np.uint64((seed << 32 | stream << 24) & ((1 << 64) - 1))
    z = start + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def _weights(seed: int, layer: int, shape: tuple[int, ...]) -> npt.NDArray[np.int8]:
    """Weights from -127 to 127, small ones more often: a triangle, the mean of two."""
    drawn = _draw(seed, layer + 1, math.prod(shape))
    one, other = (drawn >> np.uint64(8)) & np.uint64(0x7F), (drawn >> np.uint64(40)) & np.uint64(0x7F)
    return (one.astype(np.int64) + other.astype(np.int64) - 127).astype(np.int8).reshape(shape)


def _inputs(seed: int, shape: Shape) -> Images:
    """Inputs from flat to noisy, from dark to bright: slopes with noise on them."""
    height, width, channels = shape
    size = height * width * channels
    noise = (_draw(seed, 0, _INPUTS * size) >> np.uint64(56)).astype(np.int64).reshape(_INPUTS, *shape) - 128
    strength = np.arange(_INPUTS, dtype=np.int64)[:, None, None, None]
    rows = np.arange(height, dtype=np.int64)[None, :, None, None]
    columns = np.arange(width * channels, dtype=np.int64).reshape(1, 1, width, channels)
    slopes = (rows * (64 * (strength % 3 - 1))) // height + (columns * (64 * (strength % 5 - 2))) // (
        width * channels
    )
    level = (strength * 37) % 160 - 80
    return np.clip(level + slopes + (noise * (strength + 1)) // _INPUTS, -128, 127)
