"""Facts that the drivers use and that were never verified on hardware: the marks [U] in their source.

``python -m drivers.unverified`` writes ``docs/reference/unverified.md``.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from drivers.unverified_ways import WAYS, Way

MARK = "[U]"
ROOT = Path(__file__).parent
TWINS = re.compile(r"drivers\.virtual\b|drivers\.emulated\b|\.twin\b")
SKIPPED = ("drivers.unverified", "drivers.unverified_ways")

_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z`\[\"'(])|\n\s*\n|\n(?=\s*(?:[-*] |[`*]*\w+[`*]*: ))")
"""End of a sentence, of a paragraph, or of an item in a list or a docstring's section."""

_LEGEND = re.compile(r"(?i)(marked|tagged) \[U\]|^\W*\[U\]\W*$")
"""Sentences that only explain the mark, or have no content."""

_HEAD = """\
# What is not verified

No driver here has been run with its instrument. In addition, the facts below are from memory, inferred, or
contradictory in the sources; the code marks them [U]. This page is generated from those marks by
`python -m drivers.unverified`; `joulebench doctor` shows those that concern a bench's drivers.

When a fact is verified, remove its mark from the code and write there how it was verified.

## Drivers: a measurement relies on these

| fact | where | what depends on it | how to verify |
|---|---|---|---|"""

_HEAD_OF_TWINS = """
## Twins: only tests and demonstrations rely on these

A test with a twin cannot verify the twin's assumptions. To verify: record a session with the instrument and
compare its `log.txt` with that of a session with the twin.

| fact | where |
|---|---|"""


@dataclass(frozen=True, slots=True)
class Unverified:
    """A fact that is marked as unverified.

    Attributes:
        module: Module that contains it, at ``line``.
        line: Line of the file.
        subject: Its subject: a function, a class, a constant, a line of code; or the whole module.
        fact: The sentence with the mark.
        depends: Results that are wrong if the fact is wrong.
        verify: How to verify it with the instrument.
    """

    module: str
    line: int
    subject: str
    fact: str
    depends: str
    verify: str

    def __str__(self) -> str:
        of = f"{self.module}, {self.subject}" if self.subject else self.module
        return f"{self.fact} ({of}) On it depends: {self.depends}. To verify: {self.verify}."


def unverified(module_names: Iterable[str]) -> list[Unverified]:
    """The facts in these modules, and in the drivers' modules that they import.

    Twins are left out unless they are named: a twin's assumptions do not concern a real bench.

    Args:
        module_names: For example the modules of a bench's entry points, ``"drivers.lpm01a.driver"``. Modules
            of other packages are ignored.
    """
    named = set(module_names)
    wanted = {name for name in named if name in _modules()}
    waiting = list(wanted)
    while waiting:
        for name in _imports(waiting.pop()):
            if name not in wanted and not TWINS.search(name):
                wanted.add(name)
                waiting.append(name)
    return [fact for name in sorted(wanted) for fact in facts_of(name)]


@cache
def facts_of(module: str) -> tuple[Unverified, ...]:
    """The facts in a module, in the order of its lines.

    Raises:
        KeyError: If there is no such module.
    """
    source = _modules()[module].read_text(encoding="utf-8")
    if MARK not in source or module in SKIPPED:
        return ()
    found: dict[tuple[str, str], Unverified] = {}
    for line, subject, text in sorted([*_comments(source), *_strings(source)]):
        for offset, sentence in _sentences(text):
            fact = " ".join(sentence.split())
            if _LEGEND.search(fact) and not subject.startswith("`"):
                continue
            if fact == MARK:
                fact = f"{MARK} the whole line"
            way = _way(module, f"{subject} {fact}")
            found.setdefault(
                (subject, fact), Unverified(module, line + offset, subject, fact, way.depends, way.verify)
            )
    return tuple(found.values())


def all_facts() -> list[Unverified]:
    """All facts, by module."""
    return [fact for module in sorted(_modules()) for fact in facts_of(module)]


@cache
def _modules() -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = ("drivers", *path.relative_to(ROOT).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def _imports(module: str) -> tuple[str, ...]:
    tree = ast.parse(_modules()[module].read_text(encoding="utf-8"))
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return tuple(sorted(found & _modules().keys()))


def _comments(source: str) -> Iterator[tuple[int, str, str]]:
    """Line, subject and text of each run of comments; if code is beside the comment, it is the subject."""
    lines = source.splitlines()
    block: list[tuple[int, int, str]] = []

    def done() -> Iterator[tuple[int, str, str]]:
        text = "\n".join(text for _, _, text in block)
        if MARK in text:
            line, column, _ = block[0]
            code = lines[line - 1][:column].strip()
            yield line, f"`{code}`" if code else "", text

    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        line, column = token.start
        beside = bool(lines[line - 1][:column].strip())
        if block and (beside or line != block[-1][0] + 1 or column != block[-1][1]):
            yield from done()
            block = []
        block.append((line, column, token.string.lstrip("#").strip()))
    yield from done()


def _strings(source: str) -> Iterator[tuple[int, str, str]]:
    """Line, subject and text of docstrings and other texts; the subject is what they document."""
    tree = ast.parse(source)
    seen: set[int] = set()
    for node, subject in _documented(tree, ""):
        seen.add(id(node))
        if MARK in str(node.value):
            yield node.lineno, subject, str(node.value)
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            seen |= {id(part) for part in node.values}
            parts = [str(part.value) if isinstance(part, ast.Constant) else "..." for part in node.values]
            text = "".join(parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in seen:
            text = node.value
        else:
            continue
        if MARK in text:
            yield node.lineno, "", text


def _documented(node: ast.AST, name: str) -> Iterator[tuple[ast.Constant, str]]:
    """Docstrings and their subjects; below an assignment the subject is the assigned name."""
    body: list[ast.stmt] = getattr(node, "body", [])
    for number, statement in enumerate(body):
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            before = body[number - 1] if number else None
            yield statement.value, _assigned(before) or name if before is not None else name
        elif isinstance(statement, (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)):
            yield from _documented(statement, f"{name}.{statement.name}".lstrip("."))


def _assigned(statement: ast.stmt) -> str:
    if isinstance(statement, ast.Assign):
        return ast.unparse(statement.targets[0])
    return ast.unparse(statement.target) if isinstance(statement, ast.AnnAssign) else ""


def _sentences(text: str) -> Iterator[tuple[int, str]]:
    """Each sentence with the mark, and its distance in lines from the text's first line.

    A short sentence is not clear alone: the sentence before it is added.
    """
    start = before = 0
    for end, following in [*((m.start(), m.end()) for m in _SENTENCE.finditer(text)), (len(text), len(text))]:
        sentence = text[start:end]
        if MARK in sentence:
            line = text[: start + sentence.index(MARK)].count("\n")
            alone = len(sentence.split()) >= 6 or MARK in text[before:start]
            yield line, sentence if alone else text[before:end]
        before, start = start, following


def _way(module: str, text: str) -> Way:
    for way in WAYS:
        if re.match(way.module, module) and re.search(way.words, text, re.IGNORECASE):
            return way
    raise KeyError(module)  # the last of WAYS matches everything


def reference_page() -> str:
    """All facts, as a page of the documentation (Markdown)."""
    facts = all_facts()
    twins = [fact for fact in facts if TWINS.search(fact.module)]
    ours = [fact for fact in facts if fact not in twins]
    lines = [_row(fact.fact, _where(fact), fact.depends, fact.verify) for fact in ours]
    return (
        "\n".join([_HEAD, *lines, _HEAD_OF_TWINS, *(_row(fact.fact, _where(fact)) for fact in twins)]) + "\n"
    )


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("``", "`") for cell in cells) + " |"


def _where(fact: Unverified) -> str:
    path = f"`{fact.module.replace('.', '/')}.py`"
    return f"{path} {_code(fact.subject)}" if fact.subject else path


def _code(subject: str) -> str:
    return subject if subject.startswith("`") else f"`{subject}`"


if __name__ == "__main__":
    import sys

    sys.stdout.write(reference_page())
