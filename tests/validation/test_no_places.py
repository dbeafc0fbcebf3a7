"""A limit of a reader is no damage, and nothing that is reported names a folder of this machine."""

from __future__ import annotations

import json
import os
import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest

from energy.recording import limits
from energy.runs import run as reading
from energy.validation.paths import validate_paths
from tests.validation.support import checked, codes, errors
from tests.validation.synthetic import eembc_submission, mlcommons_submission


def test_a_whole_script_of_an_accuracy_run_is_read(tmp_path):
    """As large as one of anomaly detection: 48 608 lines, 3.7 MB."""
    folder = eembc_submission(tmp_path)
    line = 'bload dut "C:\\\\x\\\\normal_id_01_00000003_hist_librosa.bin" 2560 512\n'
    (folder / "accuracy/script.async").write_text(line * 60_000)
    assert (folder / "accuracy/script.async").stat().st_size > 3_700_000
    report = checked(tmp_path)
    assert report.sound
    assert codes(report).isdisjoint({"file.damaged", "file.not-read"})


@pytest.mark.parametrize(
    ("limit", "name", "code"),
    [("LARGEST_SCRIPT", "script.async", "file.not-read"), ("LARGEST_LOG", "log.txt", "file.too-large")],
)
def test_what_is_too_large_for_the_reader_is_not_called_damaged(tmp_path, monkeypatch, limit, name, code):
    assert getattr(limits, limit) == getattr(reading, limit)
    folder = eembc_submission(tmp_path)
    monkeypatch.setattr(reading, limit, 100)
    (folder / "accuracy" / name).write_text("x" * 200)
    found = [one for one in checked(tmp_path).all_findings if one.code == code]
    assert found
    assert "file.damaged" not in codes(checked(tmp_path))
    assert found[0].severity == ("info" if name == "script.async" else "error")


def spoil(folder: Path) -> None:
    """Files that cannot be read, in as many ways as there are readers."""
    (folder / "energy/trace1-energy.bin").write_bytes(b"\x01")
    (folder / "performance/results.json").write_text("{")
    (folder / "accuracy/log.txt").unlink()
    os.mkfifo(folder / "accuracy/log.txt")
    (folder.parents[2] / "systems/board.json").write_text("{")


@pytest.mark.parametrize("start", ["", "v1.2/closed", "v1.2/closed/acme/results/board/kws/energy"])
def test_no_finding_names_a_folder_of_this_machine(tmp_path, monkeypatch, start):
    monkeypatch.chdir(tmp_path)
    folder = eembc_submission(tmp_path)
    spoil(folder)
    report = checked(Path(start or "."))
    assert not report.sound
    text = json.dumps(report.to_json())
    assert str(tmp_path) not in text
    assert str(Path.home()) not in text


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_an_unpacked_archive_s_temporary_folder_is_not_named(tmp_path, kind):
    root = tmp_path / "in"
    spoiled = mlcommons_submission(root)
    (spoiled / "energy/results.json").write_text("[{}]")
    (spoiled / "accuracy/results.json").write_text("[")
    name = shutil.make_archive(str(tmp_path / "packed"), kind, root)
    report, failures = validate_paths([Path(name)], workers=1)
    assert not failures
    assert {"file.damaged"} <= errors(report)
    assert "joulebench-" not in json.dumps([one.to_json() for one in report.all_findings])


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_an_archive_with_nothing_in_it_is_named_by_its_own_name_and_stops_nothing(tmp_path, kind):
    odd, sound = tmp_path / f"notes.{kind}", tmp_path / "round"
    (tmp_path / "readme.txt").write_text("nothing")
    if kind == "zip":
        with zipfile.ZipFile(odd, "w") as archive:
            archive.write(tmp_path / "readme.txt", "readme.txt")
    else:
        with tarfile.open(odd, "w") as archive:
            archive.add(tmp_path / "readme.txt", "readme.txt")
    mlcommons_submission(sound)
    report, failures = validate_paths([odd, sound], workers=1)
    assert [(path, error.code) for path, error in failures] == [(odd, "path.nothing")]
    assert failures[0][1].message.startswith(f"{odd} holds neither")
    assert len(list(report.folders)) == 1
