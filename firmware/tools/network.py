"""An int8 network as the kernels run it: tensors, and layers in the order of their execution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Shape = tuple[int, int, int]
"""Height, width, channels; a vector is an image of one pixel."""

Activation = Literal["none", "relu", "relu6", "relu_n1_to_1"]
Padding = Literal["same", "valid"]

INT8 = (-128, 127)


@dataclass(frozen=True, slots=True)
class Quantisation:
    """real = scale * (q - zero); the scale is a float32's value."""

    scale: float
    zero: int


@dataclass(frozen=True, slots=True)
class Tensor:
    """What a layer reads or writes."""

    shape: Shape
    quantisation: Quantisation

    @property
    def count(self) -> int:
        """Elements."""
        height, width, channels = self.shape
        return height * width * channels


@dataclass(frozen=True, slots=True)
class Window:
    """A window that slides over an image."""

    height: int
    width: int
    stride_height: int
    stride_width: int
    padding: Padding

    def output(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the output for those of the input (TensorFlow's two rules of padding)."""
        if self.padding == "same":
            return -(-height // self.stride_height), -(-width // self.stride_width)
        return (
            (height - self.height) // self.stride_height + 1,
            (width - self.width) // self.stride_width + 1,
        )

    def pads(self, source: Shape, target: Shape) -> tuple[int, int]:
        """Rows above and columns left of the input: the smaller half of what is missing."""
        down = (target[0] - 1) * self.stride_height + self.height - source[0]
        across = (target[1] - 1) * self.stride_width + self.width - source[1]
        return max(down, 0) // 2, max(across, 0) // 2


@dataclass(frozen=True, slots=True)
class Convolution:
    """A convolution, a depthwise convolution or a fully connected layer.

    Attributes:
        kind: Which of them. A fully connected layer has a window of one pixel.
        input: Index of its input tensor.
        output: Index of its output tensor.
        window: Its window.
        weights: int8, shape (output channel, height, width, input channel), depthwise (height, width,
            channel).
        weight_scales: float32, one for each output channel or one for all.
        bias: int32, one for each output channel.
        activation: Clamps the output.
    """

    kind: Literal["convolution", "depthwise", "fully_connected"]
    input: int
    output: int
    window: Window
    weights: npt.NDArray[np.int8]
    weight_scales: npt.NDArray[np.float32]
    bias: npt.NDArray[np.int32]
    activation: Activation


@dataclass(frozen=True, slots=True)
class AveragePool:
    """Mean of the input under the window, channel by channel."""

    input: int
    output: int
    window: Window
    activation: Activation


@dataclass(frozen=True, slots=True)
class Addition:
    """Sum of two tensors of the same shape."""

    input: int
    second: int
    output: int
    activation: Activation


@dataclass(frozen=True, slots=True)
class Softmax:
    """Probabilities out of logits, over all elements."""

    input: int
    output: int
    beta: float


Layer = Convolution | AveragePool | Addition | Softmax


@dataclass(frozen=True, slots=True)
class Network:
    """A whole network.

    Attributes:
        tensors: All activations.
        layers: In the order of their execution.
        input: Index of the input tensor.
        output: Index of the output tensor.
        source: Where the weights come from, for the head of the tables.
        weights: "" for the weights of a file, else what they are, for the reply to ``profile``.
    """

    tensors: tuple[Tensor, ...]
    layers: tuple[Layer, ...]
    input: int
    output: int
    source: str
    weights: str = ""

    def macs(self, layer: Layer) -> int:
        """Multiply-accumulates of a layer, padding counted as if it were input; others have none."""
        if not isinstance(layer, Convolution):
            return 0
        height, width, channels = self.tensors[layer.output].shape
        taps = layer.weights.size // channels
        return height * width * channels * taps

    @property
    def total_macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return sum(self.macs(layer) for layer in self.layers)


def reads(layer: Layer) -> tuple[int, ...]:
    """Indices of the tensors that a layer reads."""
    return (layer.input, layer.second) if isinstance(layer, Addition) else (layer.input,)


def operator_name(layer: Layer) -> str:
    """The name of a layer's operator in a ``.tflite`` file, such as ``CONV_2D``."""
    if isinstance(layer, Convolution):
        kinds = {
            "convolution": "CONV_2D",
            "depthwise": "DEPTHWISE_CONV_2D",
            "fully_connected": "FULLY_CONNECTED",
        }
        return kinds[layer.kind]
    return {AveragePool: "AVERAGE_POOL_2D", Addition: "ADD", Softmax: "SOFTMAX"}[type(layer)]


def parameter_bytes(layer: Layer) -> int:
    """Bytes of a layer's weights (int8) and biases (int32)."""
    return layer.weights.nbytes + layer.bias.nbytes if isinstance(layer, Convolution) else 0
