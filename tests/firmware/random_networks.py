"""Random small networks: every operator, window, stride, padding, activation and many scales."""

from __future__ import annotations

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

ACTIVATIONS: tuple[Activation, ...] = ("none", "relu", "relu6", "relu_n1_to_1")
PADDINGS: tuple[Padding, ...] = ("same", "valid")
PROBABILITIES = Quantisation(1.0 / 256.0, -128)


class Draw:
    """Builds a network layer by layer out of random choices."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        shape = (self.number(1, 12), self.number(1, 12), self.number(1, 9))
        self.tensors = [Tensor(shape, self.quantisation())]
        self.layers: list[Layer] = []

    def number(self, lowest: int, highest: int) -> int:
        return int(self.rng.integers(lowest, highest + 1))

    def scale(self) -> float:
        return float(np.float32(10.0 ** self.rng.uniform(-3.0, 0.0)))

    def quantisation(self) -> Quantisation:
        return Quantisation(self.scale(), self.number(-128, 127))

    def tensor(self, shape: Shape, quantisation: Quantisation | None = None) -> int:
        self.tensors.append(Tensor(shape, quantisation or self.quantisation()))
        return len(self.tensors) - 1

    def activation(self) -> Activation:
        return ACTIVATIONS[self.number(0, 3)]

    def window(self, height: int, width: int) -> Window:
        return Window(
            self.number(1, min(height, 5)),
            self.number(1, min(width, 5)),
            self.number(1, 3),
            self.number(1, 3),
            PADDINGS[self.number(0, 1)],
        )

    @property
    def last(self) -> int:
        return len(self.tensors) - 1

    def add(self, kind: str) -> None:
        """One more layer, reading the last tensor."""
        source = self.last
        height, width, channels = self.tensors[source].shape
        if kind == "pool":
            window = self.window(height, width)
            shape = (*window.output(height, width), channels)
            target = self.tensor(shape, self.tensors[source].quantisation)
            self.layers.append(AveragePool(source, target, window, self.activation()))
        elif kind == "sum":
            beside = self.filter("convolution", source, Window(1, 1, 1, 1, "same"), channels)
            target = self.tensor((height, width, channels))
            self.layers.append(Addition(source, beside, target, self.activation()))
        elif kind == "softmax":
            target = self.tensor((1, 1, self.tensors[source].shape[2]), PROBABILITIES)
            self.layers.append(Softmax(source, target, float(self.rng.choice([1.0, 0.5, 2.0]))))
        elif kind == "fully_connected":
            self.filter(kind, source, Window(1, 1, 1, 1, "valid"), self.number(1, 20))
        else:
            self.filter(kind, source, self.window(height, width), self.number(1, 9))

    def filter(self, kind: str, source: int, window: Window, channels: int) -> int:
        """A layer with weights, whose outputs spread over some of the int8 range or beyond it."""
        entry = self.tensors[source]
        height, width, depth = entry.shape
        if kind == "depthwise":
            channels, shape = depth, (window.height, window.width, depth)
        elif kind == "fully_connected":
            shape, height, width = (channels, 1, 1, entry.count), 1, 1
        else:
            shape = (channels, window.height, window.width, depth)
        weights = self.rng.integers(-127, 128, shape).astype(np.int8)
        taps = weights.size // channels
        single = self.number(0, 2) == 0
        # An accumulator's standard deviation is about 73 * 73 * sqrt(taps); outputs spread by 2 to 200 steps.
        steps = 10.0 ** self.rng.uniform(0.3, 2.3, 1 if single else channels)
        target = self.tensor((*window.output(height, width), channels))
        by = steps * self.tensors[target].quantisation.scale / entry.quantisation.scale
        scales = (by / (5300.0 * taps**0.5)).astype(np.float32)
        bias = self.rng.integers(-5000, 5000, channels).astype(np.int32)
        for name in ("convolution", "depthwise", "fully_connected"):
            if name == kind:
                self.layers.append(
                    Convolution(name, source, target, window, weights, scales, bias, self.activation())
                )
        return target

    def network(self) -> Network:
        return Network(tuple(self.tensors), tuple(self.layers), 0, self.layers[-1].output, "random")

    def inputs(self, count: int) -> npt.NDArray[np.int8]:
        """Random inputs, flat ones at both ends of the range among them."""
        inputs = self.rng.integers(-128, 128, (count, self.tensors[0].count)).astype(np.int8)
        inputs[0], inputs[1] = -128, 127
        return inputs


def random_network(seed: int) -> tuple[Network, npt.NDArray[np.int8]]:
    """A network of two to seven layers and inputs for it."""
    draw = Draw(seed)
    for _ in range(draw.number(1, 4)):
        draw.add(("convolution", "depthwise", "pool", "sum", "convolution")[draw.number(0, 4)])
    draw.add("fully_connected")
    if draw.number(0, 1):
        draw.add("softmax")
    return draw.network(), draw.inputs(8)
