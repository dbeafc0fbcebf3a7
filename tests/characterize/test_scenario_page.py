"""The page about scenarios: what its commands write, its queries by LoadGen, and its Python beside theory."""

from __future__ import annotations

import re
import shlex

import pytest

from energy.characterize.scenario_plan import LABEL
from energy.cli.main import main
from tests.characterize.test_scenario_arrivals import highest_rate
from tests.conftest import ROOT, machine

PAGE = (ROOT / "docs/how-to/scenarios.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The page's code blocks in a language."""
    parts = re.split(r"^```(\w*)\n", PAGE, flags=re.MULTILINE)  # text, fence, block, fence, text ...
    return [block for fence, block in zip(parts[1::4], parts[2::4], strict=True) if fence == language]


LINES = re.findall(r"^(?:\$ )?(joulebench .*(?:(?<=\\)\n.*)*)$", PAGE.replace("\\\n", " "), re.MULTILINE)
COMMANDS = [shlex.split(line)[1:] for line in LINES if "my-bench.toml" not in line]


def run(words, folder, capsys) -> str:
    """What a command prints; its folder must hold everything that the page names."""
    assert main([*words, "--out", str(folder)]) == 0
    (made,) = folder.iterdir()
    for name in ("scenario.json", "scenario.csv", "scenario.parquet", "figures/scenario.png", "trace.arrow"):
        assert (made / name).stat().st_size > 100
    printed = capsys.readouterr().out
    assert "VIRTUAL" in printed
    assert LABEL in printed
    return printed


def test_the_page_has_commands():
    assert len(COMMANDS) == 6


@pytest.mark.parametrize("words", [words for words in COMMANDS if "--set" not in words], ids=" ".join)
def test_a_command_of_the_page_runs(words, tmp_path, capsys):
    run(words, tmp_path, capsys)


@pytest.mark.clock
@pytest.mark.parametrize("words", [words for words in COMMANDS if "--set" in words], ids=" ".join)
def test_loadgen_serves_the_command_in_real_time(words, tmp_path, capsys):
    pytest.importorskip("mlperf_loadgen", reason="the extra loadgen is not installed")
    with machine(alone=True):
        printed = run(words, tmp_path, capsys)
    assert "queries by LoadGen" in printed
    assert " VALID" in printed


def test_the_python_of_the_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (code,) = blocks("python")
    names: dict[str, object] = {}
    exec(compile(code, "scenarios.md", "exec"), names)
    assert names["result"].valid
    theory = highest_rate(names["result"].figures.service_s, 0.3, 0.9)
    assert names["result"].highest.long_run_hz == pytest.approx(theory, rel=0.03)
    assert LABEL in names["result"]._repr_html_()
