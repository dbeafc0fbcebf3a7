"""From the plain values of a ``.tflite`` file to a network that the kernels run, or to an error."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from firmware.tools.errors import TablesError
from firmware.tools.flatbuffer import RawModel, RawOperator, RawTensor, read
from firmware.tools.network import (
    INT8,
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

_ACTIVATIONS: tuple[Activation, ...] = ("none", "relu", "relu_n1_to_1", "relu6")
_PADDINGS: tuple[Padding, ...] = ("same", "valid")
_LONGEST = (1 << 16) - 1
_MOST_ELEMENTS = 1 << 22
_MOST_CONSTANTS = 1 << 24
_LEAST_SCALE = 1e-12
_LEAST_WEIGHT_SCALE = 1e-30
"""Channels whose weights are all zero have tiny scales in real models: 1e-9 and less."""
_GREATEST_SCALE = 1e6


def read_network(path: Path) -> Network:
    """The network of a ``.tflite`` file.

    Raises:
        TablesError: ``file.*`` (see :mod:`firmware.tools.flatbuffer`), ``model.operator``, ``model.option``,
            ``model.shape``, ``model.type``, ``model.quantisation``, ``model.order``, ``model.data``.
    """
    raw, data = read(path)
    return network_of(raw, f"{path.name}, SHA-256 {hashlib.sha256(data).hexdigest()}")


def network_of(raw: RawModel, source: str) -> Network:
    """The network of a file's plain values; errors as of :func:`read_network`."""
    return _Reader(raw).network(source)


class _Reader:
    """Turns operators into layers, one by one; knows which tensors have been written so far."""

    def __init__(self, raw: RawModel) -> None:
        self._raw = raw
        self._tensors: list[Tensor] = []
        self._constants = 0
        self._written: dict[int, int] = {}
        """Index in the file to index in the network. A reshaped tensor is the tensor that it was."""

    def network(self, source: str) -> Network:
        """The whole network."""
        if len(self._raw.inputs) != 1 or len(self._raw.outputs) != 1:
            raise TablesError(
                "model.shape",
                f"one input and one output are expected, not {len(self._raw.inputs)} and "
                f"{len(self._raw.outputs)}",
            )
        entry = self._write(self._raw.inputs[0])
        layers: list[Layer] = []
        for number, operator in enumerate(self._raw.operators):
            try:
                layers += self._layers(operator)
            except TablesError as error:
                where = f"operator {number} ({operator.name}): {error.message}"
                raise TablesError(error.code, where, error.hint) from error
        if not layers:
            raise TablesError("model.operator", "there is no operator that computes anything")
        exit_ = self._written.get(self._raw.outputs[0])
        if exit_ is None or exit_ == entry:
            raise TablesError("model.order", "no operator writes the output")
        return Network(tuple(self._tensors), tuple(layers), entry, exit_, source)

    def _layers(self, operator: RawOperator) -> list[Layer]:
        make: dict[str, Callable[[RawOperator], Layer]] = {
            "CONV_2D": self._convolution,
            "DEPTHWISE_CONV_2D": self._depthwise,
            "FULLY_CONNECTED": self._fully_connected,
            "AVERAGE_POOL_2D": self._average_pool,
            "ADD": self._addition,
            "SOFTMAX": self._softmax,
        }
        if len(operator.outputs) != 1 or not operator.inputs:
            raise TablesError("model.shape", "one output and at least one input are expected")
        if operator.name == "RESHAPE":
            self._reshape(operator)
            return []
        if operator.name not in make:
            raise TablesError(
                "model.operator",
                "there is no kernel for it",
                f"Supported: {', '.join(make)}, RESHAPE.",
            )
        return [make[operator.name](operator)]

    def _convolution(self, operator: RawOperator) -> Convolution:
        self._expect(operator, {"DilationHFactor": 1, "DilationWFactor": 1})
        source = self._input(operator, 0)
        weights = self._constant(operator, 1, "INT8", 4)
        channels, height, width, depth = weights.shape
        _same("input channels", self._tensors[source].shape[2], depth)
        window = self._window(operator, height, width)
        return self._filter("convolution", operator, weights, (channels, 0), window)

    def _depthwise(self, operator: RawOperator) -> Convolution:
        self._expect(operator, {"DilationHFactor": 1, "DilationWFactor": 1, "DepthMultiplier": 1})
        source = self._input(operator, 0)
        weights = self._constant(operator, 1, "INT8", 4)
        one, height, width, channels = weights.shape
        _same("first dimension of weights", one, 1)
        _same("input channels", self._tensors[source].shape[2], channels)
        window = self._window(operator, height, width)
        return self._filter("depthwise", operator, weights[0], (channels, 3), window)

    def _fully_connected(self, operator: RawOperator) -> Convolution:
        self._expect(operator, {"WeightsFormat": 0})
        source = self._input(operator, 0)
        weights = self._constant(operator, 1, "INT8", 2)
        channels, depth = weights.shape
        _same("inputs", self._tensors[source].count, depth)
        window = Window(1, 1, 1, 1, "valid")
        stacked = weights.reshape(channels, 1, 1, depth)
        return self._filter("fully_connected", operator, stacked, (channels, 0), window)

    def _filter(
        self,
        kind: str,
        operator: RawOperator,
        weights: npt.NDArray[np.int8],
        channels: tuple[int, int],
        window: Window,
    ) -> Convolution:
        """What all layers with weights have in common; channels: how many, and their axis in the file."""
        count, axis = channels
        source = self._input(operator, 0)
        scales = self._weight_scales(operator, count, axis)
        bias = np.zeros(count, np.int32)
        if len(operator.inputs) > 2 and operator.inputs[2] >= 0:
            bias = self._constant(operator, 2, "INT32", 1).astype(np.int32)
            _same("biases", bias.size, count)
        target = self._write(operator.outputs[0])
        height, width, _ = self._tensors[source].shape if kind != "fully_connected" else (1, 1, count)
        self._expect_shape(target, (*window.output(height, width), count))
        activation = self._activation(operator)
        for name in ("convolution", "depthwise", "fully_connected"):
            if name == kind:
                return Convolution(name, source, target, window, weights, scales, bias, activation)
        raise AssertionError(kind)

    def _average_pool(self, operator: RawOperator) -> AveragePool:
        source = self._input(operator, 0)
        height, width = self._option(operator, "FilterHeight"), self._option(operator, "FilterWidth")
        window = self._window(operator, height, width)
        target = self._write(operator.outputs[0])
        rows, columns, channels = self._tensors[source].shape
        self._expect_shape(target, (*window.output(rows, columns), channels))
        self._expect_quantisation(source, target)
        return AveragePool(source, target, window, self._activation(operator))

    def _addition(self, operator: RawOperator) -> Addition:
        if len(operator.inputs) != 2:
            raise TablesError("model.shape", f"two inputs are expected, not {len(operator.inputs)}")
        first, second = self._input(operator, 0), self._input(operator, 1)
        target = self._write(operator.outputs[0])
        for tensor in (second, target):
            self._expect_shape(tensor, self._tensors[first].shape)
        return Addition(first, second, target, self._activation(operator))

    def _softmax(self, operator: RawOperator) -> Softmax:
        source = self._input(operator, 0)
        beta = operator.options.get("Beta", 0.0)
        if not 1e-3 < beta < 1e3:
            raise TablesError("model.option", f"Beta is {beta:.3g}; it must be between 1e-3 and 1e3")
        shape = self._tensors[source].shape
        if shape[:2] != (1, 1):
            raise TablesError("model.shape", f"a vector is expected, not {shape}")
        target = self._write(operator.outputs[0])
        self._expect_shape(target, shape)
        expected = Quantisation(1.0 / 256.0, -128)
        if self._tensors[target].quantisation != expected:
            raise TablesError("model.quantisation", "the output must have scale 1/256 and zero point -128")
        return Softmax(source, target, beta)

    def _reshape(self, operator: RawOperator) -> None:
        """To a vector, which a fully connected layer reads: the same bytes, so the same tensor."""
        source = self._input(operator, 0)
        number = operator.outputs[0]
        target = self._tensor(number)
        before = self._tensors[source]
        _same("elements", target.count, before.count)
        if target.quantisation != before.quantisation:
            raise TablesError("model.quantisation", "it changes scale or zero point")
        if target.shape not in (before.shape, (1, 1, target.count)):
            raise TablesError("model.shape", f"{before.shape} to {target.shape}: only to a vector")
        if number in self._written:
            raise TablesError("model.order", f"tensor {number} is written twice")
        self._written[number] = source

    # What an operator refers to

    def _window(self, operator: RawOperator, height: int, width: int) -> Window:
        down, across = self._option(operator, "StrideH"), self._option(operator, "StrideW")
        padding = self._option(operator, "Padding")
        if padding >= len(_PADDINGS):
            raise TablesError("model.option", f"Padding is {padding}")
        numbers = (height, width, down, across)
        if not all(1 <= number <= _LONGEST for number in numbers):
            raise TablesError("model.shape", f"window and strides are {numbers}")
        return Window(*numbers, _PADDINGS[padding])

    def _activation(self, operator: RawOperator) -> Activation:
        number = self._option(operator, "FusedActivationFunction")
        if number >= len(_ACTIVATIONS):
            raise TablesError("model.option", f"activation {number} has no kernel")
        return _ACTIVATIONS[number]

    def _option(self, operator: RawOperator, name: str) -> int:
        if name not in operator.options or operator.options[name] < 0:
            raise TablesError("model.option", f"{name} is missing or negative")
        return int(operator.options[name])

    def _expect(self, operator: RawOperator, options: dict[str, int]) -> None:
        for name, value in options.items():
            if self._option(operator, name) != value:
                raise TablesError(
                    "model.option", f"{name} is {self._option(operator, name)}, only {value} has a kernel"
                )

    def _input(self, operator: RawOperator, position: int) -> int:
        number = operator.inputs[position]
        if number not in self._written:
            raise TablesError("model.order", f"input {position} has not been written before")
        return self._written[number]

    def _raw_tensor(self, number: int) -> RawTensor:
        if not 0 <= number < len(self._raw.tensors):
            raise TablesError("model.order", f"tensor {number} is not there")
        return self._raw.tensors[number]

    def _tensor(self, number: int) -> Tensor:
        """An activation: int8, batch of one, one scale."""
        raw = self._raw_tensor(number)
        if raw.type != "INT8":
            raise TablesError("model.type", f"tensor {raw.name!r} is {raw.type}, not INT8")
        if len(raw.scales) != 1 or len(raw.zeros) != 1:
            raise TablesError("model.quantisation", f"tensor {raw.name!r} needs one scale and one zero point")
        scale, zero = float(raw.scales[0]), int(raw.zeros[0])
        if not (_LEAST_SCALE < scale < _GREATEST_SCALE and INT8[0] <= zero <= INT8[1]):
            raise TablesError(
                "model.quantisation", f"tensor {raw.name!r}: scale {scale:.3g}, zero point {zero}"
            )
        return Tensor(_shape(raw), Quantisation(scale, zero))

    def _write(self, number: int) -> int:
        tensor = self._tensor(number)
        if number in self._written:
            raise TablesError("model.order", f"tensor {number} is written twice")
        if self._raw_tensor(number).data.size:
            raise TablesError("model.order", f"tensor {number} is a constant, yet written")
        self._tensors.append(tensor)
        self._written[number] = len(self._tensors) - 1
        return self._written[number]

    def _constant(self, operator: RawOperator, position: int, kind: str, dimensions: int) -> npt.NDArray[Any]:
        """A constant of the file as an array: INT8 or INT32."""
        if position >= len(operator.inputs):
            raise TablesError("model.shape", f"input {position} is missing")
        raw = self._raw_tensor(operator.inputs[position])
        if raw.type != kind:
            raise TablesError("model.type", f"tensor {raw.name!r} is {raw.type}, not {kind}")
        count = math.prod(raw.shape)
        if len(raw.shape) != dimensions or not all(1 <= size <= _LONGEST for size in raw.shape):
            raise TablesError("model.shape", f"tensor {raw.name!r} has shape {raw.shape}")
        width = 1 if kind == "INT8" else 4
        if raw.data.size != count * width:
            raise TablesError(
                "model.data", f"tensor {raw.name!r} has {raw.data.size} bytes instead of {count * width}"
            )
        self._constants += count
        if self._constants > _MOST_CONSTANTS:
            raise TablesError("model.size", f"there are more than {_MOST_CONSTANTS} weights and biases")
        return raw.data.view("i1" if kind == "INT8" else "<i4").reshape(raw.shape)

    def _weight_scales(self, operator: RawOperator, channels: int, axis: int) -> npt.NDArray[np.float32]:
        raw = self._raw_tensor(operator.inputs[1])
        count = raw.scales.size
        if count not in (1, channels) or raw.zeros.size != count or raw.zeros.any():
            raise TablesError(
                "model.quantisation",
                f"weights {raw.name!r}: {count} scales and {raw.zeros.size} zero points for {channels} "
                "channels; zero points must be 0",
            )
        if count > 1 and raw.axis != axis:
            raise TablesError("model.quantisation", f"weights {raw.name!r} are quantised along {raw.axis}")
        if not np.all((raw.scales > _LEAST_WEIGHT_SCALE) & (raw.scales < _GREATEST_SCALE)):
            raise TablesError("model.quantisation", f"weights {raw.name!r} have a scale that is not positive")
        return raw.scales.astype(np.float32)

    def _expect_shape(self, tensor: int, shape: Shape) -> None:
        if self._tensors[tensor].shape != shape or min(shape) < 1:
            raise TablesError(
                "model.shape", f"a tensor has shape {self._tensors[tensor].shape} instead of {shape}"
            )

    def _expect_quantisation(self, source: int, target: int) -> None:
        if self._tensors[source].quantisation != self._tensors[target].quantisation:
            raise TablesError("model.quantisation", "scale or zero point differ between input and output")


def _shape(raw: RawTensor) -> Shape:
    """Height, width, channels of a batch of one."""
    if len(raw.shape) == 4:
        batch, height, width, channels = raw.shape
    elif len(raw.shape) == 2:
        (batch, channels), height, width = raw.shape, 1, 1
    else:
        raise TablesError("model.shape", f"tensor {raw.name!r} has shape {raw.shape}: 2 or 4 dimensions")
    shape = (height, width, channels)
    if batch != 1 or not all(1 <= size <= _LONGEST for size in shape) or math.prod(shape) > _MOST_ELEMENTS:
        raise TablesError("model.shape", f"tensor {raw.name!r} has shape {raw.shape}")
    return shape


def _same(what: str, got: int, expected: int) -> None:
    if got != expected:
        raise TablesError("model.shape", f"{what}: {got} instead of {expected}")
