"""Changes to synthetic submissions, and what validation says about them."""

from __future__ import annotations

import json
import re
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from energy.validation.report import ValidationReport
from energy.validation.run import validate
from tests.validation.synthetic import eembc_submission, mlcommons_submission


@pytest.fixture(scope="module")
def submissions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A sound synthetic submission of each runner: ``eembc`` and ``mlcommons``."""
    roots = {name: tmp_path_factory.mktemp(name) for name in ("eembc", "mlcommons")}
    eembc_submission(roots["eembc"])
    mlcommons_submission(roots["mlcommons"])
    return roots


def copy_of(submissions: dict[str, Path], runner: str, tmp_path: Path) -> Path:
    """Copies a runner's submission; returns the folder of its benchmark."""
    shutil.copytree(submissions[runner], tmp_path, dirs_exist_ok=True)
    (folder,) = tmp_path.glob("v*/closed/acme/results/board/kws")
    return folder


def checked(root: Path, **options: Any) -> ValidationReport:
    """A validation in this process."""
    return validate([root], workers=1, **options)


def errors(report: ValidationReport) -> set[str]:
    """Codes of the errors."""
    return {found.code for _, found in report.errors}


def codes(report: ValidationReport) -> set[str]:
    """Codes of all findings."""
    return {found.code for found in report.all_findings}


def edit(path: Path, pattern: str, replacement: str, count: int = 1) -> None:
    """Replaces what a pattern finds; it has to find something."""
    text = path.read_bytes().decode()
    changed, times = re.subn(pattern, replacement, text, count=count, flags=re.MULTILINE)
    assert times, f"{pattern} is not in {path.name}"
    path.write_bytes(changed.encode())


def edit_json(path: Path, change: Callable[[Any], Any]) -> None:
    """Changes a JSON document in place, or replaces it by the list that ``change`` returns."""
    document = json.loads(path.read_text())
    answer = change(document)
    path.write_text(json.dumps(answer if isinstance(answer, list) else document))


def edit_timestamps(folder: Path, change: Callable[[list[float]], Any]) -> None:
    """Changes the timestamps of an EEMBC energy run."""
    edit_json(folder / "energy" / "trace1-timestamps.json", change)


def edit_samples(folder: Path, change: Callable[[list[float]], Any]) -> None:
    """Changes the samples of an EEMBC trace."""
    path = folder / "energy" / "trace1-energy.bin"
    data = path.read_bytes()
    samples = list(struct.unpack(f"<{(len(data) - 5) // 4}f", data[5:]))
    answer = change(samples)
    samples = samples if answer is None else answer
    path.write_bytes(data[:5] + struct.pack(f"<{len(samples)}f", *samples))
