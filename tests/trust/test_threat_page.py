"""The page of threats: each test that it names is there, and each limit is that of the code."""

from __future__ import annotations

import ast
import re

import pytest

import drivers.links.scpi
import drivers.links.visa_worker
import energy.live.server
import energy.recording.limits
from energy.kernels import VARIABLE
from tests.conftest import ROOT

PAGE = (ROOT / "docs/explanation/threats.md").read_text(encoding="utf-8")
LIMITS = {
    name: value
    for module in (
        energy.recording.limits,
        energy.live.server,
        drivers.links.scpi,
        drivers.links.visa_worker,
    )
    for name, value in vars(module).items()
    if name.isupper() and isinstance(value, int)
}
TESTS = sorted(set(re.findall(r"`(tests/[a-z_/]+\.py)::(test_[a-z0-9_]+)`", PAGE)))


def test_there_are_tests_and_limits_on_the_page():
    assert len(TESTS) > 50
    assert len(set(re.findall(r"`([A-Z_]{6,})` = \d", PAGE))) > 15


@pytest.mark.parametrize("path", sorted({path for path, _ in TESTS}))
def test_every_test_that_the_page_names_is_there(path):
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    there = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    assert {name for of, name in TESTS if of == path} <= there


def test_every_limit_that_the_page_names_is_that_of_the_code():
    named = re.findall(r"`([A-Z_]{6,})` = (\d+)", PAGE)
    assert {name: int(value) for name, value in named} == {name: LIMITS[name] for name, _ in named}


def test_every_row_of_a_table_of_threats_names_a_test():
    threats = PAGE.partition("## Fuzzing")[0]
    rows = [line for line in threats.splitlines() if line.startswith("| ") and " test |" not in line]
    assert len(rows) > 30
    assert not [row for row in rows if "::test_" not in row]


def test_every_target_of_the_fuzzer_has_a_row_with_its_counts():
    from fuzz.targets import all_targets

    table = PAGE.partition("## Fuzzing")[2]
    counts = dict(re.findall(r"^\| `([a-z0-9-]+)` \|.*?\| ([\d ]+) \|$", table, re.MULTILINE))
    assert counts.keys() == all_targets().keys()
    assert all(int(count.replace(" ", "")) > 0 for count in counts.values())


def test_the_program_reads_no_other_environment_variable():
    found = []
    for room in ("energy", "drivers", "joulebench"):
        for path in (ROOT / room).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            found += re.findall(r"(?:environ(?:\.get)?|getenv)[(\[]([^)\],]+)", text)
    assert VARIABLE == "JOULEBENCH_KERNELS"
    assert sorted(found) == ['"GITHUB_STEP_SUMMARY"', "VARIABLE"]  # the first is only compared with a path


def test_nothing_in_the_program_reads_a_format_that_runs():
    words = re.compile(
        r"(?<![.\w\"])(?:pickle|yaml|marshal|shelve|eval|(?<!\.)exec)\b *(?:\.load|\()|np\.load\(|allow_pickle"
    )
    found = [
        (path.relative_to(ROOT).as_posix(), match[0])
        for room in ("energy", "drivers", "joulebench")
        for path in (ROOT / room).rglob("*.py")
        for match in words.finditer(path.read_text(encoding="utf-8"))
    ]
    assert found == []
