"""The published runs, found when tests are collected, and their results.txt read by other means."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from energy.runs.measured import load, measure_run
from energy.runs.measurement import Measurement
from tests.conftest import SHARED, shared_folder

ROOT = SHARED / "published"


def runs(pattern: str) -> list:
    """One parameter for each published file; a single one that skips (or fails in CI) where there is none."""
    files = sorted(ROOT.glob(pattern)) if ROOT.is_dir() else []
    found = [path for path in files if path.suffix == ".bin" or '"power"' in path.read_text()[:65536]]
    return [pytest.param(path, id=name_of(path)) for path in found] or [pytest.param(None, id="absent")]


def name_of(path: Path) -> str:
    """``v1.3/NUCLEO_L4R5ZI-P/ad``."""
    parts = path.relative_to(ROOT).parts
    return "/".join((parts[0], parts[-4], parts[-3]))


def measured(path: Path | None) -> Measurement:
    """Figures of a published file."""
    if path is None:
        shared_folder("published")
        pytest.fail("there are published recordings, but none of these")
    return _measured(path)


@cache
def _measured(path: Path) -> Measurement:
    return measure_run(load(path))


def printed(path: Path, expression: str) -> list[str]:
    """What ``expression`` captures in the results.txt beside ``path``, in order."""
    text = (path.parent / "results.txt").read_bytes().decode("utf-8", "replace").replace("\r", "")
    return re.findall(expression, text, re.MULTILINE)
