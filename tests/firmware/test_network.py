"""The four networks in C against TensorFlow Lite's reference kernels, bit for bit."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from firmware.tools.network import Network
from firmware.tools.reader import read_network
from firmware.tools.synthetic import synthetic_network
from firmware.tools.workloads import WORKLOADS
from tests.conftest import shared_folder
from tests.firmware.networks import network_program, run, structured, wire, workload_program
from tests.firmware.support import make, needs
from tests.firmware.tflite_files import oracle, tflite_bytes

MACS = {"ad01": 264_192, "kws01": 2_656_768, "vww01": 7_489_664, "ic01": 12_501_632}
"""emulation.md 3, the table of the reference models."""


def some_inputs(workload: str, count: int, seed: int) -> npt.NDArray[np.int8]:
    """Random inputs, then the structured ones."""
    shape = (count, WORKLOADS[workload].inputs)
    random = np.random.default_rng(seed).integers(-128, 128, shape).astype(np.int8)
    return np.concatenate([random, structured(workload)])


def expected_results(
    workload: str, network: Network, inputs: bytes, outputs: npt.NDArray[np.int8]
) -> npt.NDArray[np.float32]:
    """What m-results must print: dequantised outputs; for ad01 the mean squared error in single precision."""
    exit_ = network.tensors[network.output].quantisation
    values = (outputs.astype(np.float32) - np.float32(exit_.zero)) * np.float32(exit_.scale)
    if workload != "ad01":
        return values
    squares = (values - np.frombuffer(inputs, "<f4").reshape(values.shape)) ** 2
    total = np.zeros(len(squares), np.float32)
    for column in squares.T:  # in this order, in single precision
        total += column
    return (total / np.float32(squares.shape[1]))[:, None]


def check(workload: str, network: Network, model: bytes, program: Path, inputs: npt.NDArray[np.int8]) -> None:
    """Outputs and results of a program against the oracle's."""
    facts, quantisation = WORKLOADS[workload], network.tensors[network.input].quantisation
    sent = wire(facts, inputs, quantisation.scale, quantisation.zero)
    results = 1 if workload == "ad01" else facts.outputs
    outputs, numbers = run(program, facts, sent, results)
    expected = oracle(model, inputs)
    np.testing.assert_array_equal(outputs, expected)
    np.testing.assert_array_equal(numbers, expected_results(workload, network, sent, expected))


@pytest.mark.parametrize("workload", sorted(WORKLOADS))
def test_the_reference_models_equal_the_reference_kernels_bit_for_bit(workload):
    path = shared_folder("models") / f"{workload}_int8.tflite"
    program = workload_program(workload)
    check(workload, read_network(path), path.read_bytes(), program, some_inputs(workload, 50, seed=6))


@pytest.mark.parametrize("workload", sorted(WORKLOADS))
def test_synthetic_networks_equal_the_reference_kernels_bit_for_bit(workload, tmp_path):
    network = synthetic_network(workload, seed=1)
    (tmp_path / "shared").mkdir()
    program = network_program(network, tmp_path, tmp_path / "shared", WORKLOADS[workload])
    check(workload, network, tflite_bytes(network), program, some_inputs(workload, 5, seed=7))


@pytest.mark.parametrize("workload", sorted(WORKLOADS))
@pytest.mark.parametrize("weights", ["reference", "synthetic"])
def test_multiply_accumulates_are_those_of_the_fact_sheet(workload, weights):
    if weights == "reference":
        network = read_network(shared_folder("models") / f"{workload}_int8.tflite")
    else:
        network = synthetic_network(workload, seed=3)
    assert network.total_macs == MACS[workload]


@pytest.fixture(scope="module")
def synthetic_ad01(tmp_path_factory):
    """A network whose input comes as floats, and its program."""
    network, folder = synthetic_network("ad01", seed=1), tmp_path_factory.mktemp("ad01")
    return network, network_program(network, folder, folder, WORKLOADS["ad01"])


def test_a_float_input_is_quantised_as_the_reference_firmware_does_it(synthetic_ad01):
    network, program = synthetic_ad01
    quantisation = network.tensors[network.input].quantisation
    # The input tensor shows only through the network: its output for floats must be that for the int8 input
    # which they are rounded to.
    rng = np.random.default_rng(5)
    floats = rng.uniform(-140.0, 60.0, (20, 640)).astype("<f4")
    steps = floats / np.float32(quantisation.scale)
    rounded = np.sign(steps) * np.floor(np.abs(steps.astype(np.float64)) + 0.5)
    inputs = np.clip(rounded + quantisation.zero, -128, 127).astype(np.int8)
    outputs, _ = run(program, WORKLOADS["ad01"], floats.tobytes(), 1)
    np.testing.assert_array_equal(outputs, oracle(tflite_bytes(network), inputs))


def test_a_float_that_is_no_decibel_becomes_a_step_all_the_same(synthetic_ad01):
    network, program = synthetic_ad01
    assert network.tensors[network.input].quantisation.zero == 89
    steps = {np.nan: 89, np.inf: 127, -np.inf: -128, 3e38: 127, -3e38: -128, 1e-45: 89, -0.0: 89}
    floats = np.repeat(np.array(list(steps), "<f4"), 640)
    outputs, _ = run(program, WORKLOADS["ad01"], floats.tobytes(), 1)
    inputs = np.repeat(np.array(list(steps.values()), np.int8), 640).reshape(-1, 640)
    np.testing.assert_array_equal(outputs, oracle(tflite_bytes(network), inputs))


def test_the_kernels_pass_their_own_tests():
    needs("make", "gcc")
    program = make("build/models/test-kernels") / "models" / "test-kernels"
    done = subprocess.run([program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
