"""Writes networks as ``.tflite`` files, and runs the oracle on them: TensorFlow Lite's reference kernels.

The writer is that of ai-edge-litert's own schema, so it shares nothing with the reader under test.
"""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from firmware.tools.network import Addition, AveragePool, Convolution, Layer, Network, Softmax


def _oracle_module(name: str) -> Any:
    """A module of the oracle's package; without it the tests skip, but fail in CI."""
    if os.environ.get("CI"):
        return importlib.import_module(f"ai_edge_litert.{name}")
    reason = "the oracle is not installed: pip install ai-edge-litert"
    return pytest.importorskip(f"ai_edge_litert.{name}", reason=reason)


schema = _oracle_module("schema_py_generated")
interpreter = _oracle_module("interpreter")

_ACTIVATIONS = {"none": 0, "relu": 1, "relu_n1_to_1": 2, "relu6": 3}


def oracle(model: bytes, inputs: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """Outputs of BUILTIN_REF, the kernels that the firmware must equal bit for bit (emulation.md 3).

    Args:
        model: A ``.tflite`` file's bytes.
        inputs: (inference, element).
    """
    machine = interpreter.Interpreter(
        model_content=model,
        experimental_op_resolver_type=interpreter.OpResolverType.BUILTIN_REF,
        num_threads=1,
    )
    machine.allocate_tensors()
    entry, exit_ = machine.get_input_details()[0], machine.get_output_details()[0]
    outputs: list[npt.NDArray[np.int8]] = []
    for values in inputs:
        machine.set_tensor(entry["index"], values.reshape(entry["shape"]))
        machine.invoke()
        outputs.append(machine.get_tensor(exit_["index"]).reshape(-1).copy())
    return np.stack(outputs)


def tflite_bytes(network: Network) -> bytes:
    """The file of a network."""
    writer = _Writer(network)
    for layer in network.layers:
        writer.add(layer)
    return writer.finish()


def write(network: Network, path: Path) -> Path:
    """Writes the file of a network; returns its path."""
    path.write_bytes(tflite_bytes(network))
    return path


class _Writer:
    def __init__(self, network: Network) -> None:
        self.network = network
        self.model = schema.ModelT()
        self.model.version = 3
        self.model.operatorCodes = []
        self.model.buffers = [schema.BufferT()]
        self.graph = schema.SubGraphT()
        self.graph.tensors, self.graph.operators = [], []
        self.model.subgraphs = [self.graph]
        self.images: dict[int, int] = {}
        self.vectors: dict[int, int] = {}

    def finish(self) -> bytes:
        self.graph.inputs = [self.activation(self.network.input)]
        self.graph.outputs = [self.activation(self.network.output)]
        builder = importlib.import_module("flatbuffers").Builder(1024)
        builder.Finish(self.model.Pack(builder), file_identifier=b"TFL3")
        return bytes(builder.Output())

    def activation(self, index: int) -> int:
        """The tensor of the file for one of the network's; a vector where there is no image."""
        if index not in self.images:
            tensor = self.network.tensors[index]
            shape = [1, tensor.shape[2]] if index in self.vectors else [1, *tensor.shape]
            scale, zero = tensor.quantisation.scale, tensor.quantisation.zero
            self.images[index] = self.tensor(shape, 9, [scale], [zero], 0, None)
        return self.images[index]

    def tensor(
        self, shape: list[int], kind: int, scales: Any, zeros: list[int], axis: int, data: bytes | None
    ) -> int:
        tensor = schema.TensorT()
        tensor.shape, tensor.type, tensor.name = shape, kind, f"t{len(self.graph.tensors)}"
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale = np.array(scales, np.float32)
        tensor.quantization.zeroPoint = np.array(zeros, np.int64)
        tensor.quantization.quantizedDimension = axis
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(data, np.uint8)
            self.model.buffers.append(buffer)
            tensor.buffer = len(self.model.buffers) - 1
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def operator(self, code: int, version: int, inputs: list[int], outputs: list[int], options: Any) -> None:
        entry = schema.OperatorCodeT()
        entry.builtinCode, entry.deprecatedBuiltinCode, entry.version = code, code, version
        self.model.operatorCodes.append(entry)
        operator = schema.OperatorT()
        operator.opcodeIndex = len(self.model.operatorCodes) - 1
        operator.inputs, operator.outputs = inputs, outputs
        operator.builtinOptions = options
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, type(options).__name__.removesuffix("T"))
        self.graph.operators.append(operator)

    def add(self, layer: Layer) -> None:
        codes = schema.BuiltinOperator
        if isinstance(layer, Convolution):
            self.convolution(layer)
        elif isinstance(layer, AveragePool):
            options = self.windowed(schema.Pool2DOptionsT(), layer)
            options.filterHeight, options.filterWidth = layer.window.height, layer.window.width
            source, target = self.activation(layer.input), self.activation(layer.output)
            self.operator(codes.AVERAGE_POOL_2D, 2, [source], [target], options)
        elif isinstance(layer, Addition):
            options = schema.AddOptionsT()
            options.fusedActivationFunction = _ACTIVATIONS[layer.activation]
            inputs = [self.activation(layer.input), self.activation(layer.second)]
            self.operator(codes.ADD, 2, inputs, [self.activation(layer.output)], options)
        else:
            assert isinstance(layer, Softmax)
            options = schema.SoftmaxOptionsT()
            options.beta = layer.beta
            source, target = self.activation(layer.input), self.activation(layer.output)
            self.operator(codes.SOFTMAX, 2, [source], [target], options)

    def convolution(self, layer: Convolution) -> None:
        codes = schema.BuiltinOperator
        source = self.activation(layer.input)
        channels = layer.bias.size
        shape, axis = list(layer.weights.shape), 0
        if layer.kind == "depthwise":
            shape, axis = [1, *shape], 3
        if layer.kind == "fully_connected":
            shape = [channels, layer.weights.size // channels]
        zeros = [0] * layer.weight_scales.size
        weights = self.tensor(shape, 9, layer.weight_scales, zeros, axis, layer.weights.tobytes())
        products = layer.weight_scales * np.float32(self.network.tensors[layer.input].quantisation.scale)
        bias = self.tensor([channels], 2, products, zeros, 0, layer.bias.astype("<i4").tobytes())
        if layer.kind == "fully_connected":
            self.vectors[layer.output] = 1
        target = self.activation(layer.output)
        if layer.kind == "fully_connected":
            options = schema.FullyConnectedOptionsT()
            options.fusedActivationFunction = _ACTIVATIONS[layer.activation]
            self.operator(codes.FULLY_CONNECTED, 4, [source, weights, bias], [target], options)
        elif layer.kind == "depthwise":
            options = self.windowed(schema.DepthwiseConv2DOptionsT(), layer)
            options.depthMultiplier = options.dilationHFactor = options.dilationWFactor = 1
            self.operator(codes.DEPTHWISE_CONV_2D, 3, [source, weights, bias], [target], options)
        else:
            options = self.windowed(schema.Conv2DOptionsT(), layer)
            options.dilationHFactor = options.dilationWFactor = 1
            self.operator(codes.CONV_2D, 3, [source, weights, bias], [target], options)

    def windowed(self, options: Any, layer: Convolution | AveragePool) -> Any:
        options.padding = {"same": 0, "valid": 1}[layer.window.padding]
        options.strideH, options.strideW = layer.window.stride_height, layer.window.stride_width
        options.fusedActivationFunction = _ACTIVATIONS[layer.activation]
        return options
