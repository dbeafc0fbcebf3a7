"""The ``.tflite`` file as plain values. Only this module knows the packages ``tflite`` and ``flatbuffers``.

Both are untyped, and read whatever offsets a file holds: a damaged one makes them raise from deep inside,
which becomes one error here. Every count is bounded before anything is done so many times.
"""

from __future__ import annotations

import importlib
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from firmware.tools.errors import TablesError

_MOST_BYTES = 16 << 20
_MOST_OPERATORS = 512
_MOST_TENSORS = 2048
_MOST_DIMENSIONS = 8
_MOST_CHANNELS = 4096
_NAME_CHARS = 80

_DAMAGE = (
    struct.error,
    IndexError,
    ValueError,
    TypeError,
    OverflowError,
    AttributeError,
    KeyError,
    MemoryError,
)
"""What the packages raise on offsets that lead nowhere."""

_OPTIONS = {
    "CONV_2D": "Conv2DOptions",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
    "FULLY_CONNECTED": "FullyConnectedOptions",
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "ADD": "AddOptions",
    "SOFTMAX": "SoftmaxOptions",
}
"""Tables of options by operator; that of RESHAPE is not needed."""

_FIELDS = (
    "Padding",
    "StrideH",
    "StrideW",
    "DilationHFactor",
    "DilationWFactor",
    "DepthMultiplier",
    "FilterHeight",
    "FilterWidth",
    "FusedActivationFunction",
    "WeightsFormat",
    "KeepNumDims",
    "Beta",
)


@dataclass(frozen=True, slots=True)
class RawTensor:
    """A tensor of the file: type and quantisation as they stand there, data where it is constant.

    Arrays are views of the file, not copies: many tensors of a hostile one may name the same bytes.
    """

    name: str
    type: str
    shape: tuple[int, ...]
    scales: npt.NDArray[np.float32]
    zeros: npt.NDArray[np.int64]
    axis: int
    data: npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class RawOperator:
    """An operator of the file."""

    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: dict[str, float]


@dataclass(frozen=True, slots=True)
class RawModel:
    """The only subgraph of a file."""

    tensors: tuple[RawTensor, ...]
    operators: tuple[RawOperator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def read(path: Path) -> tuple[RawModel, bytes]:
    """Reads a file; returns it with its bytes.

    Raises:
        TablesError: ``file.unreadable``, ``file.size``, ``file.kind``, ``file.damaged``,
            ``file.packages`` where the packages are not installed, ``model.subgraphs``.
    """
    try:
        if not path.is_file():
            raise TablesError("file.unreadable", f"{path} is not there, or not a file")
        if path.stat().st_size > _MOST_BYTES:
            raise TablesError("file.size", f"{path} has more than {_MOST_BYTES >> 20} MiB")
        data = path.read_bytes()
    except OSError as error:
        raise TablesError("file.unreadable", f"{path}: {error.strerror or error}") from error
    return parse(data, str(path)), data


def parse(data: bytes, name: str) -> RawModel:
    """The model in these bytes; errors as of :func:`read`."""
    if data[4:8] != b"TFL3":
        raise TablesError("file.kind", f"{name} is not a .tflite file: TFL3 is missing at byte 4")
    try:
        tflite: Any = importlib.import_module("tflite")
    except ImportError as error:
        raise TablesError(
            "file.packages",
            f"reading {name} needs the packages tflite and flatbuffers: {error}",
            "Install them, or build with synthetic weights (--seed).",
        ) from error
    try:
        return _model(tflite, data, name)
    except _DAMAGE as error:
        raise TablesError("file.damaged", f"{name} is damaged: {type(error).__name__}: {error}") from error


def _model(tflite: Any, data: bytes, name: str) -> RawModel:
    model = tflite.Model.GetRootAs(data, 0)
    if model.SubgraphsLength() != 1:
        raise TablesError("model.subgraphs", f"{name} has {model.SubgraphsLength()} subgraphs instead of one")
    graph = model.Subgraphs(0)
    tensors = _bounded(graph.TensorsLength(), _MOST_TENSORS, "tensors")
    operators = _bounded(graph.OperatorsLength(), _MOST_OPERATORS, "operators")
    return RawModel(
        tuple(_tensor(tflite, model, graph.Tensors(k)) for k in range(tensors)),
        tuple(_operator(tflite, model, graph.Operators(k)) for k in range(operators)),
        _integers(graph.InputsLength(), graph.InputsAsNumpy, _MOST_DIMENSIONS),
        _integers(graph.OutputsLength(), graph.OutputsAsNumpy, _MOST_DIMENSIONS),
    )


def _tensor(tflite: Any, model: Any, tensor: Any) -> RawTensor:
    quantisation: Any = tensor.Quantization()
    scales, zeros, axis = np.zeros(0, np.float32), np.zeros(0, np.int64), 0
    if quantisation is not None:
        if _bounded(quantisation.ScaleLength(), _MOST_CHANNELS, "scales"):
            scales = cast(npt.NDArray[np.float32], quantisation.ScaleAsNumpy())
        if _bounded(quantisation.ZeroPointLength(), _MOST_CHANNELS, "zero points"):
            zeros = cast(npt.NDArray[np.int64], quantisation.ZeroPointAsNumpy())
        axis = int(quantisation.QuantizedDimension())
    data = np.zeros(0, np.uint8)
    if tensor.Buffer():
        if tensor.Buffer() >= model.BuffersLength():
            raise IndexError("a tensor's buffer is not there")
        buffer: Any = model.Buffers(tensor.Buffer())
        if buffer.DataLength():
            data = cast(npt.NDArray[np.uint8], buffer.DataAsNumpy())
    return RawTensor(
        bytes(tensor.Name() or b"")[:_NAME_CHARS].decode("utf-8", "replace"),
        _constant(tflite.TensorType, tensor.Type()),
        _integers(tensor.ShapeLength(), tensor.ShapeAsNumpy, _MOST_DIMENSIONS),
        scales,
        zeros,
        axis,
        data,
    )


def _operator(tflite: Any, model: Any, operator: Any) -> RawOperator:
    if operator.OpcodeIndex() >= model.OperatorCodesLength():
        raise IndexError("an operator's code is not there")
    code: Any = model.OperatorCodes(operator.OpcodeIndex())
    # Files of older converters have the code in the deprecated field alone.
    name = _constant(tflite.BuiltinOperator, max(code.BuiltinCode(), code.DeprecatedBuiltinCode()))
    options: dict[str, float] = {}
    table: Any = operator.BuiltinOptions()
    if name in _OPTIONS and table is not None:
        view: Any = getattr(tflite, _OPTIONS[name])()
        view.Init(table.Bytes, table.Pos)
        options = {field: float(getattr(view, field)()) for field in _FIELDS if hasattr(view, field)}
    return RawOperator(
        name,
        _integers(operator.InputsLength(), operator.InputsAsNumpy, _MOST_DIMENSIONS),
        _integers(operator.OutputsLength(), operator.OutputsAsNumpy, _MOST_DIMENSIONS),
        options,
    )


def _constant(namespace: Any, value: int) -> str:
    """The name of a constant, or its number where the package does not know it."""
    members = cast(dict[str, object], vars(namespace))
    names = (name for name, number in members.items() if number == value and isinstance(number, int))
    return next(names, str(value))


def _integers(count: int, values: Any, most: int) -> tuple[int, ...]:
    return tuple(int(number) for number in values()) if _bounded(count, most, "numbers") else ()


def _bounded(count: int, most: int, what: str) -> int:
    if not 0 <= count <= most:
        raise ValueError(f"{count} {what}, more than {most}")
    return count
