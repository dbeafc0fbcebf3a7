from __future__ import annotations

import numpy as np
import pytest

from energy.benchmark.inputs import official_inputs, synthetic_inputs
from energy.benchmark.workloads import WORKLOADS
from energy.errors import UsageError


@pytest.mark.parametrize("workload", WORKLOADS.values(), ids=list(WORKLOADS))
def test_synthetic_inputs_have_the_right_size_and_are_the_same_for_everybody(workload):
    inputs = synthetic_inputs(workload, 5)
    assert [len(source.data) for source in inputs] == [workload.input_bytes] * 5
    assert len({source.data for source in inputs}) == 5
    assert all(source.synthetic for source in inputs)
    assert inputs == synthetic_inputs(workload, 5)


def test_synthetic_anomaly_inputs_are_finite_floats():
    for source in synthetic_inputs(WORKLOADS["ad01"], 5):
        assert np.isfinite(np.frombuffer(source.data, "<f4")).all()


def make_datasets(folder, *, size=2560 + 512, lines=6):
    (folder / "ad01").mkdir(parents=True)
    labels = []
    for number in range(lines):
        (folder / "ad01" / f"n{number}.bin").write_bytes(bytes([number]) * size)
        labels.append(f"n{number}.bin,2,{number % 2},2560,512")
    (folder / "ad01" / "y_labels.csv").write_text("\r\n".join(labels))
    return folder


def test_official_inputs_are_the_first_of_the_labels_file_and_the_first_window_of_each(tmp_path):
    inputs = official_inputs(WORKLOADS["ad01"], make_datasets(tmp_path), 5)
    assert [source.name for source in inputs] == [f"n{number}.bin" for number in range(5)]
    assert [source.label for source in inputs] == [0, 1, 0, 1, 0]
    assert [source.data for source in inputs] == [bytes([number]) * 2560 for number in range(5)]
    assert not any(source.synthetic for source in inputs)


def test_too_few_or_too_short_files_are_named(tmp_path):
    with pytest.raises(UsageError, match=r"names 3 inputs, 5 are needed"):
        official_inputs(WORKLOADS["ad01"], make_datasets(tmp_path / "few", lines=3), 5)
    with pytest.raises(UsageError, match=r"holds 100 bytes; an input of ad01 has 2560"):
        official_inputs(WORKLOADS["ad01"], make_datasets(tmp_path / "short", size=100), 5)


@pytest.mark.parametrize("name", ["../secret.bin", "/etc/passwd", "missing.bin"])
def test_a_labels_file_cannot_lead_out_of_its_folder(tmp_path, name):
    folder = make_datasets(tmp_path / "data")
    (tmp_path / "data" / "secret.bin").write_bytes(bytes(2560))
    (folder / "ad01" / "y_labels.csv").write_text(f"{name},2,0\n" * 5)
    with pytest.raises(UsageError, match=r"datasets\.missing"):
        official_inputs(WORKLOADS["ad01"], folder, 5)


def test_a_labels_file_that_is_none_is_named(tmp_path):
    folder = make_datasets(tmp_path)
    (folder / "ad01" / "y_labels.csv").write_text("only-a-name\n")
    with pytest.raises(UsageError, match=r"datasets\.labels"):
        official_inputs(WORKLOADS["ad01"], folder, 5)
    with pytest.raises(UsageError, match=r"datasets\.missing"):
        official_inputs(WORKLOADS["kws01"], folder, 5)
