"""A network as C: ``model.h`` (facts of the build) and ``model.c`` (constant tables)."""

from __future__ import annotations

from collections.abc import Iterable

from firmware.tools.arena import Arena, plan
from firmware.tools.fixed_point import (
    Factor,
    addition_factors,
    clamps,
    convolution_factors,
    exp_table,
    folded_bias,
)
from firmware.tools.network import (
    Addition,
    AveragePool,
    Convolution,
    Layer,
    Network,
    Shape,
    Window,
    operator_name,
    parameter_bytes,
)
from firmware.tools.workloads import Workload

_NUMBERS_PER_LINE = 20


def header(network: Network, workload: Workload) -> str:
    """``model.h``."""
    xor = {"int8": "0x00U", "uint8": "0x80U", "float32": "0x00U"}[workload.wire]
    return f"""{_head(network, workload)}
#ifndef JOULEBENCH_MODEL_H
#define JOULEBENCH_MODEL_H

#include "network.h"

#define MODEL_ID "{workload.id}"
#define MODEL_WEIGHTS "{network.weights}"
#define MODEL_MACS {network.total_macs}U
#define MODEL_ARENA_BYTES {plan(network).size}U
#define MODEL_BUFFER_BYTES {workload.buffer_bytes}U
#define MODEL_INPUT_COUNT {network.tensors[network.input].count}U
#define MODEL_OUTPUT_COUNT {network.tensors[network.output].count}U
#define MODEL_INPUT_IS_FLOAT {int(workload.wire == "float32")}
#define MODEL_INPUT_XOR {xor}

extern const struct network model_network;

#endif
"""


def source(network: Network, workload: Workload) -> str:
    """``model.c``.

    Raises:
        TablesError: ``model.range`` where an accumulator could overflow.
    """
    arena = plan(network)
    parts = [_head(network, workload), '#include "model.h"\n']
    parts += [_table(network, number, layer) for number, layer in enumerate(network.layers)]
    parts.append("static const struct layer layers[] = {")
    parts += [_row(network, arena, number, layer) for number, layer in enumerate(network.layers)]
    parts.append("};\n")
    entry, exit_ = network.tensors[network.input], network.tensors[network.output]
    parts.append(f"""const struct network model_network = {{
    .layers = layers,
    .layer_count = {len(network.layers)},
    .input = {arena.offsets[network.input]},
    .input_count = {entry.count},
    .input_quantisation = {{{_float(entry.quantisation.scale)}, {entry.quantisation.zero}}},
    .output = {arena.offsets[network.output]},
    .output_count = {exit_.count},
    .output_quantisation = {{{_float(exit_.quantisation.scale)}, {exit_.quantisation.zero}}},
    .patches = {arena.patches},
}};
""")
    return "\n".join(parts)


def _head(network: Network, workload: Workload) -> str:
    return (
        f"/* Written by firmware.tools.tables: do not edit.\n"
        f" * Workload {workload.id}, {network.total_macs} multiply-accumulates.\n"
        f" * Weights: {_comment(network.source)} */"
    )


def _comment(text: str) -> str:
    """A text as one line that no C comment ends in: what is not printable ASCII is escaped, as in Python."""
    return text.encode("unicode_escape").decode("ascii").replace("*/", "* /").replace("/*", "/ *")


def _table(network: Network, number: int, layer: Layer) -> str:
    """The tables of one layer."""
    if isinstance(layer, Convolution):
        return _convolution(network, number, layer)
    if isinstance(layer, AveragePool):
        lowest, highest = clamps(layer.activation, network.tensors[layer.output].quantisation)
        window = _window(
            layer.window, network.tensors[layer.input].shape, network.tensors[layer.output].shape
        )
        fields = {"window": window, "lowest": lowest, "highest": highest}
        return _struct("average_pool", number, fields)
    if isinstance(layer, Addition):
        return _addition(network, number, layer)
    target = network.tensors[layer.output]
    table = exp_table(network.tensors[layer.input].quantisation.scale, layer.beta)
    fields = {
        "count": target.count,
        "exp_table": f"exp_{number}",
        "output_scale": _float(target.quantisation.scale),
        "output_zero": target.quantisation.zero,
    }
    return _array("float", f"exp_{number}", map(_float, table), 4) + _struct("softmax", number, fields)


def _convolution(network: Network, number: int, layer: Convolution) -> str:
    source, target = network.tensors[layer.input], network.tensors[layer.output]
    # A fully connected layer reads an image as a vector.
    shape = source.shape if layer.kind != "fully_connected" else (1, 1, source.count)
    factors = convolution_factors(network, layer)
    lowest, highest = clamps(layer.activation, target.quantisation)
    fields = {
        "window": _window(layer.window, shape, target.shape),
        "to_output": "{"
        f".multiplier = multiplier_{number}, .shift = shift_{number}, .step = {int(len(factors) > 1)}, "
        f".once = {int(layer.kind == 'fully_connected')}, "
        f".zero = {target.quantisation.zero}, .lowest = {lowest}, .highest = {highest}}}",
        "input_zero": source.quantisation.zero,
        "weights": f"weights_{number}",
        "bias": f"bias_{number}",
    }
    return (
        _array("int8_t", f"weights_{number}", map(str, layer.weights.reshape(-1).tolist()), aligned=True)
        + _array("int32_t", f"bias_{number}", map(_int32, folded_bias(network, layer, factors)))
        + _array("int32_t", f"multiplier_{number}", (str(factor.multiplier) for factor in factors))
        + _array("int8_t", f"shift_{number}", (str(factor.shift) for factor in factors))
        + _struct("convolution", number, fields)
    )


def _addition(network: Network, number: int, layer: Addition) -> str:
    first, second, target = (
        network.tensors[k].quantisation for k in (layer.input, layer.second, layer.output)
    )
    lowest, highest = clamps(layer.activation, target)
    fields: dict[str, int | str] = {
        "count": network.tensors[layer.output].count,
        "first_zero": first.zero,
        "second_zero": second.zero,
        "output_zero": target.zero,
        "lowest": lowest,
        "highest": highest,
    }
    names: tuple[tuple[str, Factor], ...] = tuple(
        zip(("first", "second", "output"), addition_factors(network, layer), strict=True)
    )
    for name, factor in names:
        fields |= {f"{name}_multiplier": factor.multiplier, f"{name}_shift": factor.shift}
    return _struct("addition", number, fields)


def _row(network: Network, arena: Arena, number: int, layer: Layer) -> str:
    """One line of the list of layers."""
    field = {
        "Convolution": "convolution",
        "AveragePool": "average_pool",
        "Addition": "addition",
        "Softmax": "softmax",
    }[type(layer).__name__]
    depthwise = isinstance(layer, Convolution) and layer.kind == "depthwise"
    kind = "LAYER_DEPTHWISE" if depthwise else f"LAYER_{field.upper()}"
    second = arena.offsets[layer.second] if isinstance(layer, Addition) else 0
    return (
        f'    {{{kind}, "{operator_name(layer)}", {network.macs(layer)}, {parameter_bytes(layer)}, '
        f"{arena.offsets[layer.input]}, {second}, {arena.offsets[layer.output]}, "
        f"{{.{field} = &layer_{number}}}}},"
    )


def _window(window: Window, source: Shape, target: Shape) -> str:
    top, left = window.pads(source, target)
    return (
        f"{{.input = {{{source[0]}, {source[1]}, {source[2]}}}, "
        f".output = {{{target[0]}, {target[1]}, {target[2]}}}, "
        f".height = {window.height}, .width = {window.width}, "
        f".stride_height = {window.stride_height}, .stride_width = {window.stride_width}, "
        f".pad_top = {top}, .pad_left = {left}}}"
    )


def _struct(kind: str, number: int, fields: dict[str, int | str] | dict[str, object]) -> str:
    lines = "".join(f"    .{name} = {value},\n" for name, value in fields.items())
    return f"static const struct {kind} layer_{number} = {{\n{lines}}};\n"


def _array(
    kind: str, name: str, numbers: Iterable[str], width: int = _NUMBERS_PER_LINE, *, aligned: bool = False
) -> str:
    items = list(numbers)
    lines = "".join(f"    {', '.join(items[k : k + width])},\n" for k in range(0, len(items), width))
    align = "_Alignas(4) " if aligned else ""
    return f"static const {align}{kind} {name}[{len(items)}] = {{\n{lines}}};\n"


def _int32(number: int) -> str:
    """An int32 as C; INT32_MIN cannot be written as a constant."""
    return "INT32_MIN" if number == -(1 << 31) else str(number)


def _float(number: float) -> str:
    """A float32's value as C, exactly."""
    return f"{number.hex()}F"
