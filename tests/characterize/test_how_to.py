"""The pages about layers and phases: their commands and their Python, as they stand there, but shorter."""

from __future__ import annotations

import re
import shlex

import pytest

from energy.cli.main import main
from tests.conftest import ROOT
from tests.firmware.support import needs

SHORT = ["--window", "0.1"]
FEWER = {"layers": ["--repeats", "2"], "phases": ["--windows", "2"]}


def blocks(page: str, language: str) -> list[str]:
    """The page's code blocks in a language (empty: commands)."""
    text = (ROOT / "docs/how-to" / page).read_text(encoding="utf-8")
    parts = re.split(r"^```(\w*)\n", text, flags=re.MULTILINE)  # text, fence, block, fence, text ...
    return [block for fence, block in zip(parts[1::4], parts[2::4], strict=True) if fence == language]


def commands() -> list[list[str]]:
    """The commands of both pages that need no bench of the reader's own."""
    kinds = [(page, kind) for page in ("layers.md", "phases.md") for kind in ("sh", "console")]
    text = "".join(block for page, kind in kinds for block in blocks(page, kind))
    lines = re.findall(r"^(?:\$ )?(joulebench .*)$", text, re.MULTILINE)
    found = [shlex.split(line)[1:] for line in lines if "my-bench.toml" not in line]
    assert len(found) >= 4
    return found


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_a_command_of_the_page_runs(words, tmp_path, capsys):
    if "emulated-dut" in words:
        needs("make", "arm-none-eabi-gcc", "qemu-system-arm")
    elif "emulated-posix" in words:
        needs("make", "gcc")
    status = main([*words, *SHORT, *FEWER[words[0]], "--out", str(tmp_path)])
    printed = capsys.readouterr().out
    # Figures of the native build scatter on a busy machine, and say so.
    assert status == 0 or ("emulated-posix" in words and "layers.sum-differs" in printed)
    (folder,) = tmp_path.iterdir()
    for name in (f"{words[0]}.json", f"{words[0]}.csv", f"{words[0]}.parquet", f"figures/{words[0]}.png"):
        assert (folder / name).stat().st_size > 100
    assert "VIRTUAL" in printed


@pytest.mark.parametrize("page", ["layers.md", "phases.md"])
def test_the_python_of_the_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (code,) = blocks(page, "python")
    names: dict[str, object] = {}
    exec(compile(code, page, "exec"), names)
    assert names["result"].valid
    assert len(names["result"].to_dataframe()) == (13 if page == "layers.md" else 8)
    assert "VIRTUAL" in names["result"]._repr_html_()
