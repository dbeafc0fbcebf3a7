"""The house itself: the register and its page, the decisions' index, what may not be in the tree."""

from __future__ import annotations

import re
import subprocess

import pytest

from energy.findings import REGISTER, Finding, reference_page
from tests.conftest import ROOT


def test_the_page_of_findings_is_the_register():
    page = (ROOT / "docs/reference/findings.md").read_text(encoding="utf-8")
    assert page == reference_page(), "run: python -m energy.findings > docs/reference/findings.md"


def test_every_finding_that_code_makes_is_registered_and_every_registered_one_is_made():
    files = [path for path in (ROOT / "energy").rglob("*.py") if path.parent.name != "findings"]
    source = "\n".join(path.read_text(encoding="utf-8") for path in files)
    made = set(re.findall(r'Finding\(\s*"([a-z.-]+)"', source))
    assert made <= set(REGISTER)
    assert not [code for code in REGISTER if f'"{code}"' not in source]


def test_an_unregistered_finding_is_refused():
    with pytest.raises(KeyError, match=r"no\.such-code"):
        Finding("no.such-code", "nothing")


def test_every_error_code_has_a_room_and_a_name():
    source = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "energy").rglob("*.py"))
    codes = re.findall(r'(?:RecordingError|UsageError)\(\s*"([^"]+)"', source)
    assert len(codes) > 20
    assert all(re.fullmatch(r"[a-z]+\.[a-z-]+", code) for code in codes)


def test_every_decision_is_in_the_index_and_numbered_in_a_row():
    folder = ROOT / "docs/decisions"
    pages = sorted(path.name for path in folder.glob("0*.md"))
    index = (folder / "README.md").read_text(encoding="utf-8")
    assert [int(name[:4]) for name in pages] == list(range(1, len(pages) + 1))
    assert re.findall(r"\((0\d{3}[^)]*\.md)\)", index) == pages


def test_no_module_is_much_over_400_lines():
    files = [
        path
        for room in ("energy", "drivers", "firmware", "fixtures", "benchmarks")
        for path in (ROOT / room).rglob("*.py")
    ]
    long = {path.name: count for path in files if (count := path.read_text().count("\n")) > 420}
    assert not long


def test_nothing_tracked_names_a_registry_or_a_path_of_a_machine():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    words = [
        "-".join(("index", "url")),
        ".".join(("files", "pythonhosted")),
        f"{ROOT.parent}/",
        "/".join(("", "root", "")),
    ]
    suspicious = re.compile("|".join(map(re.escape, words)))
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.suffix in (".py", ".md", ".toml", ".txt", ".json", ".jsonl", "") and path.is_file():
            if path.name == "test_house.py":
                continue
            assert not suspicious.search(path.read_text(encoding="utf-8", errors="replace")), name
