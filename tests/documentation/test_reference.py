"""The parts of the reference that follow from the code, beside what the program itself does and prints."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib

import pytest
from pydantic import TypeAdapter

import joulebench as jb
from energy.bench.benchfile import BenchFile, bench_of
from energy.bench.shipped import BENCHES
from energy.cli.main import VERBS
from energy.cli.plot import KINDS
from energy.errors import JoulebenchError, UsageError
from energy.findings import REGISTER
from tests.conftest import ROOT

sys.path.insert(0, str(ROOT / "docs" / "_ext"))

from bench_part import bench_part, unit_of
from cli_part import cli_part
from errors_part import error_codes, errors_part
from python_part import python_part

ERRORS = error_codes()


def unescaped(text: str) -> str:
    """Markdown as the words that a reader sees, without line ends."""
    return " ".join(re.sub(r"\\([\\*_\[\]<>|#~$^{}])", r"\1", text).split())


# --- the command line ---------------------------------------------------------------------------------------


CLI = re.split(r"^## ", cli_part(), flags=re.MULTILINE)
SECTIONS = {section.partition("\n")[0]: unescaped(section) for section in CLI}


ACTIONS = {"catalogue": ("list", "show", "export", "build"), "plot": tuple(KINDS)}
WORDS = [(verb, *action) for verb in VERBS for action in ((), *((name,) for name in ACTIONS.get(verb, ())))]


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_a_verb_s_section_has_everything_that_its_help_prints(words):
    said = subprocess.run(
        [sys.executable, "-m", "energy.cli.main", *words, "--help"],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=True, env={"COLUMNS": "100"},
    ).stdout  # fmt: skip
    section = SECTIONS[words[0]]
    body, _, shared = said.partition("what is shown beside the result:")
    # Words, not lines: the help is folded. Options that every verb has stand at the head of the page.
    options = set(re.findall(r"^  (--?[\w-]+)", body, re.MULTILINE)) - {"-h"}
    assert not [option for option in options if f"`{option}" not in section]
    texts = re.findall(
        r"^  (?:--?[\w-]+|[A-Z]+)(?: [A-Z=\[\],]+)? {2,}(\S.*(?:\n {20,}\S.*)*)", body, re.MULTILINE
    )
    assert texts or words[-1] in ACTIONS
    missing = [" ".join(text.split()) for text in texts]
    assert not [text for text in missing if text not in section and text != "show this help message and exit"]
    examples = shared.partition("examples:")[2]
    assert examples.strip() or len(words) == 2
    for line in re.findall(r"^  (joulebench [a-z].*)$", examples, re.MULTILINE):
        assert str(ROOT) in line or " ".join(line.split()) in section


def test_the_page_holds_no_path_of_this_machine():
    for part in (cli_part(), errors_part(), bench_part(), python_part()):
        assert str(ROOT) not in part


# --- errors -------------------------------------------------------------------------------------------------


def raised(tmp_path, code: str) -> JoulebenchError:
    """An error of this code, as the program raises it."""
    (tmp_path / "bad.toml").write_text("a = ")
    calls = {
        "bench.missing": lambda: jb.load_bench("lpm01a-virtul"),
        "bench.toml": lambda: jb.load_bench(tmp_path / "bad.toml"),
        "usage.rule": lambda: jb.integrate(tmp_path, rule="exactly"),
        "usage.workload": lambda: jb.measure("virtual", "kws02"),
        "path.missing": lambda: jb.validate(tmp_path / "none"),
        "usage.seconds": lambda: jb.record(seconds=-1),
        "usage.windows": lambda: jb.record(windows=0),
        "shipped.unknown": lambda: jb.shipped("lpm02a"),
        "virtual.settings": lambda: jb.measure(
            jb.load_bench("virtual", {"virtual.settings.nothing": 1}), "kws01", out=tmp_path
        ),
    }
    with pytest.raises(JoulebenchError) as caught:
        calls[code]()
    return caught.value


def fits(template: str, text: str) -> bool:
    """Whether a text is what a template of the page becomes: ``‹x›`` stands for anything."""
    parts = [part for part in re.split(r"‹[^›]*›", template) if part]
    at = 0
    for part in parts:
        found = text.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return True


@pytest.mark.parametrize(
    "code",
    [
        "bench.missing", "bench.toml", "usage.rule", "usage.workload", "path.missing", "usage.seconds",
        "usage.windows", "shipped.unknown", "virtual.settings",
    ],
)  # fmt: skip
def test_an_error_that_is_raised_stands_there_with_its_status_message_and_hint(code, tmp_path):
    error = raised(tmp_path, code)
    assert error.code == code
    listed = [ERRORS[code], ERRORS["usage.‹name›"]] if code.startswith("usage.") else [ERRORS[code]]
    assert any(error.exit_status in one.statuses for one in listed)
    shown = [case for one in listed for case in one.cases]
    cases = [case for case in shown if fits(case[0], error.message) and fits(case[1], error.hint)]
    assert cases, (error.message, error.hint, shown)


def test_every_code_in_the_sources_is_on_the_page():
    """Codes as text: every call of an error's class, read without the syntax tree."""
    text = "".join(
        path.read_text(encoding="utf-8")
        for room in ("energy", "drivers", "joulebench")
        for path in sorted((ROOT / room).rglob("*.py"))
    )
    codes = set(re.findall(r'\b\w+Error\(\s*"([a-z0-9]+\.[a-z0-9-]+)"', text))
    assert len(codes) > 300
    codes -= set(REGISTER)  # of an exception that becomes a finding
    assert codes <= set(ERRORS)
    page = errors_part()
    assert not [code for code in codes if f"`{code}`" not in page]


def test_an_error_is_described_by_words_and_not_by_code():
    wordless = [code for code, error in ERRORS.items() for message, _ in error.cases if not message.strip()]
    assert not wordless
    assert not [code for code in ERRORS if not ERRORS[code].statuses <= {1, 2, 3, 5}]


# --- the bench file -----------------------------------------------------------------------------------------


def rows() -> dict[tuple[str, str], list[str]]:
    """The page's rows by table and key."""
    found: dict[tuple[str, str], list[str]] = {}
    for section in re.split(r"^## ", bench_part(), flags=re.MULTILINE)[1:]:
        name = re.match(r"`\[(\w+)\]`", section)
        for key, *cells in re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \| (.*?) \| (.*?) \|$", section, re.M):
            found[name[1] if name else "", key] = cells
    return found


def test_every_key_of_every_shipped_bench_has_a_row():
    known = rows()
    for path in BENCHES.glob("*.toml"):
        for key, value in tomllib.loads(path.read_text(encoding="utf-8")).items():
            keys = [(key, inner) for inner in value] if isinstance(value, dict) else [("", key)]
            assert not [one for one in keys if one not in known], path.name


def test_the_page_has_as_many_keys_as_the_schema():
    schema = TypeAdapter(BenchFile).json_schema(by_alias=True)
    tables = {name: part["properties"] for name, part in schema["$defs"].items() if "properties" in part}
    top = [key for key, value in schema["properties"].items() if "$ref" not in str(value)]
    used = {"io_manager": "PortPart", "supply": "PortPart"}
    counted = len(top) + sum(len(keys) for name, keys in tables.items())
    counted += len(tables["PortPart"]) * (len(used) - 1)
    assert len(rows()) == counted


@pytest.mark.parametrize(
    ("table", "key"), [key for key, cells in rows().items() if ">" in cells[3] or "≥" in cells[3]]
)
def test_a_value_below_the_stated_limit_is_refused(table, key):
    limits = rows()[table, key][3].replace("\\", "")
    sign, number = re.findall(r"([>≥]) (-?[\d.e+]+)", limits)[0]
    least = float(number)
    document = {
        "schema": "joulebench.bench/1", "name": "a",
        "dut": {"board": "b", "voltage_v": 1.0}, "limits": {"highest_v": 3.0, "highest_a": 0.1},
        "monitor": {"driver": "lpm01a", "port": "p"},
    }  # fmt: skip
    pair = {"lead_ohm": "lead_tolerance", "burden_ohm": "burden_tolerance"}
    other = pair.get(key) or next((ohm for ohm, tolerance in pair.items() if tolerance == key), None)
    place = document.setdefault(table, {}) if table else document
    if other is not None:
        place[other] = 0.1
    if table == "scope":
        place["feeds"] = ["core"]
    whole = isinstance(least, float) and "whole" in rows()[table, key][0]
    if rows()[table, key][0].startswith("list"):
        place[key] = []
    else:
        below = least - 1 if whole or sign == "≥" else least
        place[key] = int(below) if whole else below
    with pytest.raises(UsageError, match=key):
        bench_of(document, "page")


def test_units_are_those_that_names_state():
    assert [unit_of(key) for key in ("voltage_v", "rate_hz", "timestamp_hold_us", "lead_ohm")] == [
        "V",
        "Hz",
        "µs",
        "Ω",
    ]
    assert {key: unit_of(key) for key in ("highest_a", "idle_s", "board", "lead_tolerance")} == {
        "highest_a": "A", "idle_s": "s", "board": "", "lead_tolerance": "1",
    }  # fmt: skip


# --- Python -------------------------------------------------------------------------------------------------


def test_every_public_name_has_an_entry_and_no_other():
    names = re.findall(r"^\.\. (?:auto\w+|py:data):: joulebench\.(\w+)", python_part(), re.MULTILINE)
    assert sorted(names) == sorted(jb.__all__)
