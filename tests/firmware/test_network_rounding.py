"""How the reference kernels round, where it matters: at the accumulators between two outputs.

Random inputs hardly ever hit these, so here each accumulator is a bias beside a step of the output.
"""

from __future__ import annotations

import numpy as np
import pytest

from firmware.tools import simulate
from firmware.tools.fixed_point import factor
from firmware.tools.network import Addition, Convolution, Network, Quantisation, Tensor, Window
from firmware.tools.workloads import Workload
from tests.firmware.networks import network_program, run
from tests.firmware.tflite_files import oracle, tflite_bytes

PIXEL = Window(1, 1, 1, 1, "valid")


def step_network(kind, seed):
    """A layer whose channels' biases lie beside the steps of its output; weights are zero."""
    rng = np.random.default_rng(seed)
    source = float(np.float32(rng.uniform(0.01, 0.5)))
    weight = np.float32(10.0 ** rng.uniform(-5.0, 0.0))
    target = float(np.float32(source * float(weight) * 2.0 ** rng.uniform(-2.0, 15.0)))
    if seed == 0:  # halves: exact ties
        source, weight, target = 0.5, np.float32(0.5), 0.5
    real = source * float(weight) / target
    steps = np.rint((np.arange(-128, 128) + 0.5) / real)[:, None] + np.arange(-2, 3)
    bias = steps.reshape(-1).astype(np.int32)
    depthwise = kind == "depthwise"
    shape = (1, 1, bias.size) if depthwise else (bias.size, 1, 1, 1)
    count = 1 if kind == "fully_connected" else bias.size
    layer = Convolution(
        kind, 0, 1, PIXEL, np.zeros(shape, np.int8), np.full(count, weight, np.float32), bias, "none"
    )
    entry = Tensor((1, 1, bias.size if depthwise else 1), Quantisation(source, 3))
    exit_ = Tensor((1, 1, bias.size), Quantisation(target, 0))
    return Network((entry, exit_), (layer,), 0, 1, "steps"), real


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    return tmp_path_factory.mktemp("kernels")


@pytest.mark.parametrize("kind", ["convolution", "depthwise", "fully_connected"])
@pytest.mark.parametrize("seed", range(6))
def test_outputs_step_at_the_same_accumulators_as_the_reference(kind, seed, shared, tmp_path):
    network, _ = step_network(kind, seed)
    inputs = np.zeros((1, network.tensors[0].count), np.int8)
    expected = oracle(tflite_bytes(network), inputs)
    assert len(np.unique(expected)) > 200 or seed == 0
    simulated = simulate.run(network, inputs)[1].reshape(1, -1)
    np.testing.assert_array_equal(simulated, expected)
    program = network_program(network, tmp_path, shared)
    workload = Workload("test", inputs.size, "int8", inputs.size, expected.size)
    outputs, _ = run(program, workload, inputs.tobytes(), expected.size)
    np.testing.assert_array_equal(outputs, expected)


def test_fully_connected_layers_round_unlike_convolutions():
    """Or else one way of rounding would do for all, and the tests above would show nothing."""
    convolution, _ = step_network("convolution", 0)
    dense, _ = step_network("fully_connected", 0)
    one = oracle(tflite_bytes(convolution), np.zeros((1, 1), np.int8))
    other = oracle(tflite_bytes(dense), np.zeros((1, 1), np.int8))
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("seed", range(6))
def test_sums_equal_the_reference_for_every_pair_of_summands(seed, shared, tmp_path):
    rng = np.random.default_rng(seed)
    first, second = (float(np.float32(10.0 ** rng.uniform(-3.0, 1.0))) for _ in range(2))
    target = float(np.float32(max(first, second) * 10.0 ** rng.uniform(-1.0, 0.7)))
    zeros = rng.integers(-128, 128, 3).tolist()

    def pick(channel, output, scale):
        weights = np.zeros((1, 1, 1, 2), np.int8)
        weights[..., channel] = 1
        scales, bias = np.array([scale], np.float32), np.zeros(1, np.int32)
        return Convolution("convolution", 0, output, PIXEL, weights, scales, bias, "none")

    tensors = (
        Tensor((256, 256, 2), Quantisation(first, 0)),
        Tensor((256, 256, 1), Quantisation(first, zeros[0])),
        Tensor((256, 256, 1), Quantisation(second, zeros[1])),
        Tensor((256, 256, 1), Quantisation(target, zeros[2])),
    )
    layers = (pick(0, 1, 1.0), pick(1, 2, second / first), Addition(1, 2, 3, "none"))
    network = Network(tensors, layers, 0, 3, "pairs")
    pairs = np.stack(np.meshgrid(np.arange(-128, 128), np.arange(-128, 128)), -1)
    inputs = pairs.astype(np.int8).reshape(1, -1)
    expected = oracle(tflite_bytes(network), inputs)
    program = network_program(network, tmp_path, shared)
    workload = Workload("test", inputs.size, "int8", inputs.size, expected.size)
    outputs, _ = run(program, workload, inputs.tobytes(), expected.size)
    np.testing.assert_array_equal(outputs, expected)


@pytest.mark.parametrize(
    ("real", "multiplier", "shift"),
    [
        (0.5, 1 << 30, 0),
        (1.0, 1 << 30, 1),
        (0.75, 3 << 29, 0),
        (2.0**-31, 1 << 30, -30),
        (2.0**-32, 1 << 30, -31),
        (2.0**-33, 0, 0),
        (1.0 - 2.0**-40, 1 << 30, 1),
    ],
)
def test_a_factor_is_a_multiplier_of_31_bits_and_a_shift(real, multiplier, shift):
    found = factor(real)
    assert (found.multiplier, found.shift) == (multiplier, shift)
