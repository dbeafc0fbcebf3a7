"""Layers in Python integers: what the kernels compute, for calibrating synthetic weights.

Written apart from the C kernels, so that one can be held against the other. Slow where they are quick: all
positions at once, in int64. Accumulators are sums of float64 products, exact because every partial sum is an
integer below 2^53, so they do not depend on the order in which a BLAS adds them up.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from firmware.tools.fixed_point import (
    ADDITION_LEFT_SHIFT,
    Factor,
    addition_factors,
    clamps,
    convolution_factors,
    exp_table,
    real_factors,
)
from firmware.tools.network import (
    INT8,
    Activation,
    Addition,
    AveragePool,
    Convolution,
    Layer,
    Network,
    Quantisation,
    Window,
)

Images = npt.NDArray[np.int64]
"""A batch of tensors: (image, height, width, channel)."""


def run(network: Network, inputs: npt.NDArray[np.int8]) -> dict[int, Images]:
    """All tensors of the network for a batch of inputs.

    Args:
        network: What to run.
        inputs: (image, element).

    Returns:
        By tensor: its values.
    """
    entry = network.tensors[network.input].shape
    values: dict[int, Images] = {network.input: inputs.astype(np.int64).reshape(-1, *entry)}
    for layer in network.layers:
        values[layer.output] = output(network, layer, values)
    return values


def output(network: Network, layer: Layer, values: Mapping[int, Images]) -> Images:
    """One layer's output tensor."""
    source = values[layer.input]
    quantisation = network.tensors[layer.output].quantisation
    if isinstance(layer, Convolution):
        acc = accumulators(layer, source, network.tensors[layer.input].quantisation.zero)
        if layer.kind == "fully_connected":
            steps = _rounded(acc.astype(np.float64) * np.array(real_factors(network, layer), np.float64))
        else:
            steps = _scaled(acc, convolution_factors(network, layer))
        return _clamped(steps, layer.activation, quantisation)
    if isinstance(layer, AveragePool):
        return _clamped(_means(layer.window, source) - quantisation.zero, layer.activation, quantisation)
    if isinstance(layer, Addition):
        first, second, last = addition_factors(network, layer)
        one, other = (
            _scaled((values[k] - network.tensors[k].quantisation.zero) << ADDITION_LEFT_SHIFT, [by])
            for k, by in ((layer.input, first), (layer.second, second))
        )
        return _clamped(_scaled(one + other, [last]), layer.activation, quantisation)
    return _softmax(source, network.tensors[layer.input].quantisation.scale, layer.beta, quantisation)


def accumulators(layer: Convolution, source: Images, zero: int) -> Images:
    """Bias and products of a convolution, before they are scaled."""
    height, width = source.shape[1:3]
    if layer.kind == "fully_connected":
        source, height, width = source.reshape(source.shape[0], 1, 1, -1), 1, 1
    target = layer.window.output(height, width)
    centred = (source - zero).astype(np.float64)
    acc = np.zeros((source.shape[0], *target, layer.bias.size)) + layer.bias
    for row, column, view in _views(layer.window, centred, target):
        if layer.kind == "depthwise":
            acc += view * layer.weights[row, column].astype(np.float64)
        else:
            acc += view @ layer.weights[:, row, column, :].astype(np.float64).T
    return acc.astype(np.int64)


def _views(
    window: Window, images: npt.NDArray[np.float64], target: tuple[int, int]
) -> list[tuple[int, int, npt.NDArray[np.float64]]]:
    """For each place in the window: the input there, for all of its positions; 0 where it is padding."""
    height, width, channels = images.shape[1:]
    top, left = window.pads((height, width, channels), (*target, channels))
    rows = (target[0] - 1) * window.stride_height + window.height
    columns = (target[1] - 1) * window.stride_width + window.width
    padded = np.zeros((images.shape[0], max(rows, top + height), max(columns, left + width), channels))
    padded[:, top : top + height, left : left + width] = images
    return [
        (
            row,
            column,
            padded[:, row::stride_down, column::stride_across][:, : target[0], : target[1]],
        )
        for stride_down, stride_across in [(window.stride_height, window.stride_width)]
        for row in range(window.height)
        for column in range(window.width)
    ]


def _means(window: Window, images: Images) -> Images:
    """Means under the window, halves away from zero; padding does not count."""
    target = window.output(*images.shape[1:3])
    ones = np.ones((1, *images.shape[1:]))
    total = sum((view for _, _, view in _views(window, images.astype(np.float64), target)), np.float64(0.0))
    count = sum((view for _, _, view in _views(window, ones, target)), np.float64(0.0)).astype(np.int64)
    whole = np.asarray(total).astype(np.int64)
    return np.sign(whole) * ((np.abs(whole) + count // 2) // count)


def _rounded(steps: npt.NDArray[np.float64]) -> Images:
    """Nearest integers, halves away from zero; those far out of the int8 range may be any."""
    steps = np.clip(steps, -1e6, 1e6)
    whole = np.trunc(steps)
    return (whole + np.sign(steps) * (np.abs(steps - whole) >= 0.5)).astype(np.int64)


def _scaled(acc: Images, factors: list[Factor]) -> Images:
    """Accumulators times factors, rounded twice: halves up, then halves away from zero."""
    multipliers = np.array([factor.multiplier for factor in factors], np.int64)
    shifts = np.array([factor.shift for factor in factors], np.int64)
    high = ((acc << np.maximum(shifts, 0)) * multipliers + (1 << 30)) >> 31
    right = np.maximum(-shifts, 0)
    half = (np.int64(1) << right) >> 1
    return np.sign(high) * ((np.abs(high) + half) >> right)


def _clamped(steps: Images, activation: Activation, quantisation: Quantisation) -> Images:
    lowest, highest = clamps(activation, quantisation)
    return np.clip(steps + quantisation.zero, lowest, highest)


def _softmax(logits: Images, scale: float, beta: float, quantisation: Quantisation) -> Images:
    table = np.array(exp_table(scale, beta), np.float32)
    powers = table[255 - logits.max(axis=-1, keepdims=True) + logits]
    total = np.zeros((*powers.shape[:-1], 1), np.float32)
    for k in range(powers.shape[-1]):  # in this order, in single precision
        total += powers[..., k : k + 1]
    steps = powers * (np.float32(1.0) / (total * np.float32(quantisation.scale)))
    return np.clip(np.floor(steps.astype(np.float64) + 0.5).astype(np.int64) + quantisation.zero, *INT8)
