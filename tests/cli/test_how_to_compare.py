"""The commands of docs/how-to/compare.md and ci-gate.md run word for word, in order, in a shell."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

PAGES = {name: ROOT / "docs" / "how-to" / name for name in ("compare.md", "ci-gate.md")}
_BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_STATUS = re.compile(r"#\s*exit status (\d)$")


def blocks(page: Path, kind: str) -> list[str]:
    return [text for language, text in _BLOCK.findall(page.read_text(encoding="utf-8")) if language == kind]


@pytest.mark.parametrize("name", PAGES)
def test_the_commands_run_and_end_as_the_page_states(name, tmp_path):
    page = PAGES[name]
    (tmp_path / "test_energy.py").write_text("".join(b for b in blocks(page, "python") if "def test_" in b))
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    lines = [line for block in blocks(page, "sh") for line in block.splitlines() if line.strip()]
    assert len(lines) >= 7
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    said: list[str] = []
    for line in lines:
        status = _STATUS.search(line)
        ended = subprocess.run(
            ["sh", "-c", line], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240
        )
        assert ended.returncode == (int(status[1]) if status else 0), f"{line}\n{ended.stdout}{ended.stderr}"
        said.append(ended.stdout)
    promised = {
        "compare.md": ("B differs from A", "cannot be told apart", "geometric mean", "≈"),
        "ci-gate.md": (
            "decision: pass",
            "decision: fail",
            "decision: undecided",
            "2 passed",
            "leaves open fails",
        ),
    }
    for words in promised[name]:
        assert any(words in text for text in said), words
