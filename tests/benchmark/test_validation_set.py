from __future__ import annotations

import struct

import pytest

from energy.benchmark.validation_set import official_set, synthetic_set
from energy.benchmark.workloads import WORKLOADS
from energy.errors import UsageError

SIZES = {"ad01": 248, "ic01": 200, "kws01": 1000, "vww01": 1000}
"""protocols.md 1.7."""


def make(folder, workload="kws01", lines=("a.bin,12,3", "b.bin,12,0"), size=490):
    (folder / workload).mkdir(parents=True)
    (folder / workload / "y_labels.csv").write_text("\n".join(lines))
    for line in lines:
        (folder / workload / line.split(",")[0]).write_bytes(bytes(range(256)) * (size // 256 + 1))
        with (folder / workload / line.split(",")[0]).open("r+b") as file:
            file.truncate(size)
    return folder


def test_a_file_of_anomaly_detection_is_196_windows_of_2560_bytes_512_bytes_apart(tmp_path):
    folder = make(tmp_path, "ad01", ["normal_x.bin,2,0,2560,512"], 102400)
    windows = official_set(WORKLOADS["ad01"], folder).files[0].windows()
    whole = (folder / "ad01/normal_x.bin").read_bytes()
    assert len(windows) == 196
    assert [windows[k] for k in (0, 1, 195)] == [whole[s : s + 2560] for s in (0, 512, 99840)]
    assert len(whole) == 99840 + 2560


def test_files_classes_and_order_are_those_of_the_labels_file(tmp_path):
    validation = official_set(WORKLOADS["kws01"], make(tmp_path))
    assert [(one.name, one.label, one.classes) for one in validation.files] == [
        ("a.bin", 3, 12),
        ("b.bin", 0, 12),
    ]
    assert [len(one.windows()) for one in validation.files] == [1, 1]


def test_two_of_a_thousand_files_are_no_full_set(tmp_path):
    assert not official_set(WORKLOADS["kws01"], make(tmp_path)).full


def test_the_smaller_labels_file_of_anomaly_detection_is_a_full_set_too(tmp_path):
    folder = make(tmp_path, "ad01", ["anomaly_x.bin,2,1,2560,512"], 102400)
    (folder / "ad01/y_labels.csv").rename(folder / "ad01/y_labels_alt.csv")
    assert official_set(WORKLOADS["ad01"], folder).full
    assert not official_set(WORKLOADS["ad01"], folder, 0).full


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (["a.bin,12,12"], r"datasets\.labels"),
        (["a.bin,10,3"], r"datasets\.labels"),
        (["a.bin,12"], r"datasets\.labels"),
        (["a.bin,12,3", "a.bin,12,3"], r"datasets\.labels"),
        ([], r"datasets\.labels"),
        (["../kws01/a.bin,12,3"], r"datasets\.missing"),
    ],
)
def test_a_labels_file_that_does_not_fit_is_refused(tmp_path, lines, code):
    folder = make(tmp_path)
    (folder / "kws01/y_labels.csv").write_text("\n".join(lines))
    with pytest.raises(UsageError, match=code):
        official_set(WORKLOADS["kws01"], folder)


def test_a_file_of_another_size_is_refused(tmp_path):
    files = official_set(WORKLOADS["kws01"], make(tmp_path, size=491)).files
    with pytest.raises(UsageError, match=r"holds 491 bytes; an input has 490"):
        files[0].windows()


def test_the_digest_changes_with_a_byte_a_class_and_the_order(tmp_path):
    digests = {official_set(WORKLOADS["kws01"], make(tmp_path / "a")).digest()}
    folder = make(tmp_path / "b")
    (folder / "kws01/a.bin").write_bytes(bytes(490))
    digests.add(official_set(WORKLOADS["kws01"], folder).digest())
    for name, lines in (("c", ["a.bin,12,4", "b.bin,12,0"]), ("d", ["b.bin,12,0", "a.bin,12,3"])):
        digests.add(official_set(WORKLOADS["kws01"], make(tmp_path / name, lines=lines)).digest())
    assert len(digests) == 4
    assert official_set(WORKLOADS["kws01"], make(tmp_path / "e")).digest() in digests


@pytest.mark.parametrize("workload", WORKLOADS.values(), ids=list(WORKLOADS))
def test_a_synthetic_set_has_the_official_number_of_files_of_the_right_size(workload):
    validation = synthetic_set(workload)
    assert len(validation.files) == SIZES[workload.id]
    assert validation.full
    assert validation.synthetic
    windows = validation.files[-1].windows()
    assert len(windows) == (196 if workload.id == "ad01" else 1)
    assert {len(window) for window in windows} == {workload.input_bytes}
    assert len({one.name for one in validation.files}) == len(validation.files)


def test_synthetic_anomalies_are_108_of_248_and_every_window_begins_with_its_mark():
    files = synthetic_set(WORKLOADS["ad01"]).files
    assert sum(one.label for one in files) == 108
    marks = [struct.unpack_from("<2sIBB", window) for window in files[7].windows()]
    assert marks == [(b"jb", 7, files[7].label, number) for number in range(196)]
