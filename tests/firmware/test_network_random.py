"""The C kernels and their Python twin against TensorFlow Lite's reference kernels, on small networks."""

from __future__ import annotations

import numpy as np
import pytest

from firmware.tools import simulate
from firmware.tools.workloads import Workload
from tests.firmware.networks import network_program, run
from tests.firmware.random_networks import random_network
from tests.firmware.tflite_files import oracle, tflite_bytes


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    return tmp_path_factory.mktemp("kernels")


@pytest.mark.parametrize("seed", range(24))
def test_the_kernels_equal_the_reference_kernels_bit_for_bit(seed, shared, tmp_path):
    network, inputs = random_network(seed)
    expected = oracle(tflite_bytes(network), inputs)
    np.testing.assert_array_equal(
        simulate.run(network, inputs)[network.output].reshape(len(inputs), -1), expected
    )
    program = network_program(network, tmp_path, shared)
    workload = Workload("test", inputs.shape[1], "int8", inputs.shape[1], expected.shape[1])
    outputs, _ = run(program, workload, inputs.tobytes(), expected.shape[1])
    np.testing.assert_array_equal(outputs, expected)
