"""Real factors as integers, and clamps: TensorFlow Lite's preparation of quantised layers.

Re-implemented from its behaviour (tensorflow/lite/kernels/internal/quantization_util.cc and kernel_util.cc);
each rule was checked bit for bit against the reference kernels of ai-edge-litert.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firmware.tools.errors import TablesError
from firmware.tools.network import INT8, Activation, Addition, Convolution, Network, Quantisation

_LIMIT = 1 << 31
_HIGHEST_SHIFT = 30
_LOWEST_SHIFT = -31
_TRIES = 65
ADDITION_LEFT_SHIFT = 20
"""Summands are brought to a common scale with this many bits behind the point."""


@dataclass(frozen=True, slots=True)
class Factor:
    """A real factor: multiplier / 2^31 * 2^shift."""

    multiplier: int
    shift: int


def factor(real: float) -> Factor:
    """The factor nearest to a positive real number; 0 below 2^-32.

    Raises:
        TablesError: ``model.range`` above 2^30.
    """
    fraction, shift = math.frexp(real)
    multiplier = math.floor(fraction * _LIMIT + 0.5)
    if multiplier == _LIMIT:
        multiplier //= 2
        shift += 1
    if shift < _LOWEST_SHIFT:
        return Factor(0, 0)
    if shift > _HIGHEST_SHIFT:
        raise TablesError("model.range", f"a factor between scales is {real:.3g}, more than 2^30")
    return Factor(multiplier, shift)


def real_factors(network: Network, layer: Convolution) -> list[float]:
    """From accumulator to output, one for each output channel or one for all of them."""
    source = network.tensors[layer.input].quantisation.scale
    target = network.tensors[layer.output].quantisation.scale
    return [source * float(scale) / target for scale in layer.weight_scales]


def convolution_factors(network: Network, layer: Convolution) -> list[Factor]:
    """The same as integers.

    The reference scales a fully connected layer in double precision; its factors are such that the kernel's
    integers give the same for every accumulator that the layer can have.

    Raises:
        TablesError: ``model.range``.
    """
    reals = real_factors(network, layer)
    if layer.kind != "fully_connected":
        return [factor(real) for real in reals]
    bound = int(_folded(network, layer)[1].max())
    zero = network.tensors[layer.output].quantisation.zero
    return [_rounding_factor(real, bound, zero) for real in reals]


def _rounding_factor(real: float, bound: int, zero: int) -> Factor:
    """A factor by which rounding once gives what rounding ``acc * real`` in double precision does.

    Both grow with the accumulator, so they are equal everywhere if they step from each output to the next
    at the same accumulators. Where the nearest factor misses a step, one beside it is tried.

    Args:
        real: The factor.
        bound: No accumulator is larger.
        zero: The output's zero point: what lies beyond the int8 range is clamped anyway.
    """
    nearest = factor(real)
    thresholds = (np.arange(INT8[0], INT8[1] + 2) - zero - 0.5) / real
    around = np.rint(np.clip(thresholds, -_LIMIT, _LIMIT)).astype(np.int64)[:, None] + np.arange(-2, 3)
    acc = around[np.abs(around) <= min(bound, _LIMIT - 1)]
    steps = acc * real
    whole = np.trunc(steps)
    expected = whole + np.sign(steps) * (np.abs(steps - whole) >= 0.5)
    for aside in range(_TRIES):
        multiplier = nearest.multiplier + (aside + 1) // 2 * (1 if aside % 2 else -1)
        if multiplier < _LIMIT and np.array_equal(_rounded_once(acc, multiplier, nearest.shift), expected):
            return Factor(multiplier, nearest.shift)
    raise TablesError("model.range", f"no integer factor rounds as {real!r} does for accumulators to {bound}")


def _rounded_once(acc: npt.NDArray[np.int64], multiplier: int, shift: int) -> npt.NDArray[np.int64]:
    """What scale_once in fixed_point.h does."""
    product = acc * multiplier + (1 << (30 - shift))
    return (product - (acc < 0)) >> (31 - shift)


def addition_factors(network: Network, layer: Addition) -> tuple[Factor, Factor, Factor]:
    """From either input to the common scale, and from there to the output."""
    first, second, target = (
        network.tensors[k].quantisation.scale for k in (layer.input, layer.second, layer.output)
    )
    common = 2.0 * max(first, second)
    output = factor(common / ((1 << ADDITION_LEFT_SHIFT) * target))
    if output.shift > 0:
        raise TablesError("model.range", f"a sum's output scale is {target:.3g}, its inputs' {common:.3g}")
    return factor(first / common), factor(second / common), output


def clamps(activation: Activation, quantisation: Quantisation) -> tuple[int, int]:
    """Lowest and highest output of an activation."""
    lowest, highest = INT8

    def quantised(real: float) -> int:
        steps = float(np.float32(real) / np.float32(quantisation.scale))
        return quantisation.zero + round_away(min(max(steps, -1024.0), 1024.0))

    if activation != "none":
        lowest = max(lowest, quantised(-1.0 if activation == "relu_n1_to_1" else 0.0))
    if activation == "relu6":
        highest = min(highest, quantised(6.0))
    if activation == "relu_n1_to_1":
        highest = min(highest, quantised(1.0))
    return lowest, highest


def round_away(value: float) -> int:
    """Nearest integer, halves away from zero."""
    return int(math.copysign(math.floor(abs(value) + 0.5), value))


def folded_bias(network: Network, layer: Convolution, factors: list[Factor]) -> list[int]:
    """Bias - zero of the input * sum of weights, for each output channel.

    Raises:
        TablesError: ``model.range`` where an accumulator could overflow for some input.
    """
    folded, worst = _folded(network, layer)
    for channel, bound in enumerate(worst.tolist()):
        shift = max(factors[channel if len(factors) > 1 else 0].shift, 0)
        if (bound << shift) >= _LIMIT - 256:
            raise TablesError(
                "model.range", f"an accumulator could overflow: channel {channel} of a {layer.kind} layer"
            )
    return [int(number) for number in folded.tolist()]


def _folded(network: Network, layer: Convolution) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Bias with the input's zero point, and the largest partial sum, in any order, for any input."""
    zero = network.tensors[layer.input].quantisation.zero
    weights = layer.weights.astype(np.int64)
    if layer.kind == "depthwise":
        weights = np.moveaxis(weights, -1, 0)
    weights = weights.reshape(layer.bias.size, -1)
    folded = layer.bias.astype(np.int64) - zero * weights.sum(axis=1)
    return folded, np.abs(folded) + 128 * np.abs(weights).sum(axis=1)


def exp_table(scale: float, beta: float) -> list[float]:
    """exp(-d * scale * beta) for d = 255..0, as float32 values.

    The product is one of float32; its exponential is computed in double precision and rounded once.
    """
    step = np.float32(-np.float32(scale) * np.float32(beta))
    return [float(np.float32(math.exp(float(step * np.float32(d))))) for d in range(255, -1, -1)]
