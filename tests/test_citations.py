"""Citations in code and documentation lead to a page and a heading that exist.

Four forms are read: a page and its sections (a file's name, then numbers as in 3.6, 4.1 and 7), a page and a
heading in quotes, a decision (``docs/decisions`` and four digits), and links in Markdown with their anchors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.conftest import ROOT

ROOMS = ("energy", "drivers", "firmware", "fixtures", "tests", "benchmarks", "fuzz", "docs")
MADE = {"build", "__pycache__", "corpus", "seeds"}
"""Folders of what programs write."""
SHELVES = ("docs/reference", "docs/how-to", "docs", ".")
"""Where a page that is cited by its name alone is looked for, after the folder of the file that cites it."""
ELSEWHERE = {"LICENSE.md", "notes.md", "doc/plans/libusb_backend_test_harness.md"}
"""Names in made-up trees of tests, and a page of another project."""

_NEXT_LINE = re.compile(r"[\"'`]?[ \t]*\n[ \t]*(?:(?:#+|//|\*|--)[ \t]+)?f?[\"'`]?(?=[ \t]*\d)")
"""A line's end inside a citation, with what begins the next line of a comment."""
_PAGE = r"(?<![\w/.}<>*-])((?:[\w.-]*/)*[\w-]+\.md|docs/[\w./-]+\.(?:svg|png))(?![\w/*-])"
_FIRST = r"\d[\w.]*(?<!\.)"
_NEXT = r"\d{1,2}(?:\.\d+)*(?!\w|\.\d)"
_CITED = re.compile(
    rf"{_PAGE}(?:#([\w-]+)"
    rf"|`{{0,2}}[,:]? *(?:[Ss]ections? |§ ?| )({_FIRST}(?:(?:,? and |, | to |-|–){_NEXT})*)"
    r"|`{0,2},? +\"([^\"\n]+)\")?"
)
_BEFORE = re.compile(rf"(?:\b[Ss]ections? ({_FIRST})|(?<![\w.])(\d+\.\d+)) (?:of|in) `{{0,2}}{_PAGE}")
_DECISION = re.compile(r"\bdecisions/(\d+)|\b[Dd]ecisions? (0\d{3}(?:(?:, | and | to )0\d{3})*)\b")
_LINK = re.compile(r"\]\(\s*<?([^)\s>]+)|^\[[^\]]+\]:\s*<?([^\s>]+)|(?:href|src)=\"([^\"]+)\"", re.MULTILINE)
_FENCE = re.compile(r"^(```|~~~).*?^\1[^\n]*$", re.MULTILINE | re.DOTALL)


def texts_of(root: Path) -> Iterator[tuple[Path, str]]:
    """Files of the rooms and of the root, with their texts; this file holds wrong ones on purpose."""
    inside = [path for room in ROOMS for path in sorted((root / room).rglob("*"))]
    for path in [*inside, *sorted(root.iterdir())]:
        parts = path.relative_to(root).parts
        if path.is_file() and not MADE & set(parts) and parts != ("tests", "test_citations.py"):
            content = path.read_bytes()
            if b"\0" not in content:
                yield path, content.decode("utf-8", errors="replace")


@cache
def headings(page: Path) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """A page's section numbers, its headings' texts, and the anchors that GitHub makes of them."""
    numbers: set[str] = set()
    texts: set[str] = set()
    anchors: set[str] = set()
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    for title in re.findall(r"^#{1,6}[ \t]+(.+?)[ \t]*#*$", text, re.MULTILINE):
        if number := re.match(r"(\d+(?:\.\d+)*)\.?\s", title):
            numbers.add(number[1])
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)|[`*]", lambda match: match[1] or "", title)
        texts.add(plain)
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        count = 0
        while (anchor := f"{slug}-{count}" if count else slug) in anchors:
            count += 1
        anchors.add(anchor)
    anchors |= set(re.findall(r"<a (?:name|id)=\"([^\"]+)\"", text))
    return frozenset(numbers), frozenset(texts), frozenset(anchors)


def page_of(root: Path, path: Path, name: str) -> Path | None:
    """The page that a file cites by this name, or None; relative to the file, the root, or a shelf."""
    above = [folder for folder in path.parents if folder == root or root in folder.parents]
    places = [path.parent, root] if "/" in name else [*above, *(root / shelf for shelf in SHELVES)]
    pages = [place / name for place in places if (place / name).is_file()]
    return next((page for page in pages if page.resolve().is_relative_to(root.resolve())), None)


def spelled_out(sections: str) -> list[str]:
    """``1.1 to 1.4 and 7`` as the numbers 1.1, 1.2, 1.3, 1.4 and 7."""
    numbers: list[str] = []
    for first, last in re.findall(rf"({_FIRST})(?:(?: to |-|–)({_FIRST}))?", sections):
        head, _, low = first.rpartition(".")
        other, _, high = last.rpartition(".")
        if last and head == other and low.isdigit() and high.isdigit():
            numbers += [".".join(filter(None, (head, str(k)))) for k in range(int(low), int(high) + 1)]
        else:
            numbers += filter(None, (first, last))
    return numbers


def cited(root: Path, path: Path, text: str) -> Iterator[str | None]:
    """What is wrong with each citation in a file, or None where nothing is."""
    text = _NEXT_LINE.sub(" ", text)
    found = [match.groups() for match in _CITED.finditer(text)]
    found += [(name, "", section or dotted, "") for section, dotted, name in _BEFORE.findall(text)]
    for name, anchor, sections, title in found:
        if name in ELSEWHERE or Path(name).name in ELSEWHERE:
            continue
        page = page_of(root, path, name)
        if page is None:
            yield f"{name} is no file"
            continue
        numbers, titles, anchors = headings(page) if page.suffix == ".md" else ((), (), ())
        wrong = [f"{name} has no section {one}" for one in spelled_out(sections or "") if one not in numbers]
        if title and title not in titles and page != path:
            wrong.append(f"{name} has no heading {title}")
        if anchor and anchor not in anchors:
            wrong.append(f"{name} has no anchor {anchor}")
        yield "; ".join(wrong) or None
    for match in _DECISION.finditer(text):
        for number in re.findall(r"\d+", match[1] or match[2]):
            there = list((root / "docs/decisions").glob(f"{number}-*.md"))
            yield None if len(there) == 1 else f"there is no decision {number}"


def linked(root: Path, path: Path, text: str) -> Iterator[str | None]:
    """What is wrong with each link of a page, or None where nothing is; links to the web are left out."""
    for groups in _LINK.findall(re.sub(r"`[^`\n]*`", "", _FENCE.sub("", text))):
        link = unquote("".join(groups))
        if re.match(r"[a-z][a-z0-9+.-]*:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (root / name.lstrip("/") if name.startswith("/") else path.parent / name) if name else path
        if not target.exists() or not target.resolve().is_relative_to(root.resolve()):
            yield f"{name} is no file of this repository"
        elif anchor and target.suffix == ".md" and anchor not in headings(target)[2]:
            yield f"{link} has no such anchor"
        else:
            yield None


def verdicts(root: Path) -> list[tuple[str, str | None]]:
    """Every citation and link, as where it stands and what is wrong with it."""
    found: list[tuple[str, str | None]] = []
    for path, text in texts_of(root):
        where = str(path.relative_to(root))
        found += [(where, wrong) for wrong in cited(root, path, text)]
        if path.suffix == ".md":
            found += [(where, wrong) for wrong in linked(root, path, text)]
    return found


def test_every_citation_leads_to_a_page_and_a_heading():
    found = verdicts(ROOT)
    assert not [f"{where}: {wrong}" for where, wrong in found if wrong]
    assert len(found) > 450, "citations are no longer recognised"


def test_every_page_has_a_name_of_its_own():
    names = [path.name for path in (ROOT / "docs").rglob("*.md") if path.name != "README.md"]
    assert sorted(names) == sorted(set(names))


def test_the_index_lists_every_page():
    index = (ROOT / "docs/README.md").read_text(encoding="utf-8")
    shelves = ("tutorial", "notebooks", "how-to", "explanation", "reference")
    pages = [path for shelf in shelves for path in (ROOT / "docs" / shelf).glob("*.md")]
    missing = [path.name for path in pages if f"({path.parent.name}/{path.name})" not in index]
    assert set(missing) <= {"README.md"}  # a shelf's own page


FACTS = """\
# Facts

## 1. Wires

### 1.1 Levels `m-x` [V: A, B]

### 1.2 Levels

## 7 Ends

```
# 9 a comment
```
"""


def tree(root: Path, name: str, text: str) -> list[str]:
    """What is wrong in a small repository that has these facts, one decision, and a file with this text."""
    for path, content in (
        ("docs/reference/facts.md", FACTS),
        ("docs/decisions/0001-a-store.md", "# 0001: A store\n"),
        (name, text),
    ):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content, encoding="utf-8")
    headings.cache_clear()
    return [wrong for _, wrong in verdicts(root) if wrong]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("energy/a.py", "# facts.md 1.1, 1.2 and 7; facts.md. Of facts.md 1, and facts.md 1.1 to 1.2\n"),
        (
            "energy/a.py",
            '"""A gate (facts.md\n1.2)."""\n# See docs/reference/facts.md 7.\n# (facts.md\n# 1.1)\n',
        ),
        ("firmware/a.c", "/* `facts.md` 1.1, and\n * facts.md\n * 7. docs/decisions/0001 */\n"),
        ("drivers/a.py", 'x = "facts.md, 1.1"  # facts.md 1.1, 100 samples of 3.3 V\n'),
        (
            "docs/how-to/a.md",
            "# A\n[1](../reference/facts.md#11-levels-m-x-v-a-b) [2](#a) [3](https://x.y/z)\n",
        ),
        ("docs/reference/b.md", '# B\nfacts.md, "1.2 Levels". `[no](link)`\n'),
    ],
)
def test_a_citation_that_leads_somewhere_is_left_alone(name, text, tmp_path):
    assert tree(tmp_path, name, text) == []


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("energy/a.py", "# (facts.md 1.3)\n", "no section 1.3"),
        ("energy/a.py", "# (facts.md 9)\n", "no section 9"),
        ("energy/a.py", "# facts.md 1.10\n", "no section 1.10"),
        ("energy/a.py", "# facts.md 1.1 and 2\n", "no section 2"),
        ("energy/a.py", "# facts.md 1.1, 7, 8\n", "no section 8"),
        ("energy/a.py", "# facts.md 1.1 to 1.3\n", "no section 1.3"),
        ("energy/a.py", "# facts.md 1.1-1.3\n", "no section 1.3"),
        ("energy/a.py", "# facts.md 1.100\n", "no section 1.100"),
        ("energy/a.py", "# facts.md 1.1.1\n", "no section 1.1.1"),
        ("energy/a.py", "# facts.md 1.1a\n", "no section 1.1a"),
        ("energy/a.py", "# see docs/decisions/1234\n", "no decision 1234"),
        ("energy/a.py", "# facts.md, section 3\n", "no section 3"),
        ("energy/a.py", "# by section 3 of facts.md\n", "no section 3"),
        ("energy/a.py", "# by 1.3 of `facts.md`\n", "no section 1.3"),
        ("docs/README.md", "see ../../shared/facts.md\n", "is no file"),
        ("energy/a.py", '"""The gate of (facts.md\n    2.2)."""\n', "no section 2.2"),
        ("fixtures/a.toml", "# its buffer (facts.md\n# 4.2). 50 kS/s\n", "no section 4.2"),
        ("firmware/a.h", "/* of facts.md\n * 4.2 */\n", "no section 4.2"),
        ("drivers/a.py", 'x = ("see facts.md "\n     "4.2")\n', "no section 4.2"),
        ("tests/a.py", "# ``facts.md`` 3\n", "no section 3"),
        ("benchmarks/a.py", "# nowhere.md 1\n", "is no file"),
        ("fuzz/a.py", "# docs/reference/nowhere.md\n", "is no file"),
        ("energy/a.py", "# docs/how-to/facts.md\n", "is no file"),
        ("README.md", "see nowhere.md\n", "is no file"),
        ("docs/how-to/a.md", "`docs/reference/nowhere.md`\n", "is no file"),
        ("energy/a.py", "# docs/reference/facts.md#level\n", "no anchor level"),
        ("energy/a.py", '# facts.md, "Lefts"\n', "no heading Lefts"),
        ("fixtures/a.toml", "# docs/wiring/none.svg\n", "is no file"),
        ("energy/a.py", "# docs/decisions/0002\n", "no decision 0002"),
        ("docs/how-to/a.md", "decisions 0001 and 0003\n", "no decision 0003"),
        ("docs/how-to/a.md", "[a](../reference/facts.md#levels)\n", "no such anchor"),
        ("docs/how-to/a.md", "[a](#b)\n", "no such anchor"),
        ("docs/how-to/a.md", "[a](../pictures/one.jpg)\n", "is no file"),
        ("docs/how-to/a.md", "[a]\n\n[a]: ../reference/none.html\n", "is no file"),
        ("README.md", "[a](../outside)\n", "is no file"),
    ],
)
def test_a_citation_that_leads_nowhere_is_found(name, text, said, tmp_path):
    (tmp_path.parent / "outside").mkdir(exist_ok=True)
    wrong = tree(tmp_path, name, text)
    assert wrong
    assert said in "\n".join(wrong)
