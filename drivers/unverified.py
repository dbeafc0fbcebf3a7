"""Facts that no hardware has confirmed: records beside the code that uses them, and the page that lists them.

A module of ``drivers`` keeps its records in a tuple ``UNVERIFIED``. ``python -m drivers.unverified`` writes
``docs/reference/unverified.md`` from them; the doctor shows those that a bench's drivers rely on.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent
TWINS = re.compile(r"drivers\.virtual\b|drivers\.emulated\b|\.twin\b")

_HEAD = """\
# What is not verified

No driver here has been run with its instrument. In addition, the facts below are from memory, inferred, or
contradictory in the sources. Each is a record (`drivers.unverified.Unverified`) in the module that relies on
it; `python -m drivers.unverified` writes this page from the records, and `joulebench doctor` shows those that
concern a bench's drivers.

When a fact is verified, remove its record, and write in the code how it was verified.

## Drivers: a measurement relies on these

| fact | where | what depends on it | how to verify |
|---|---|---|---|"""

_HEAD_OF_TWINS = """
## Twins: only tests and demonstrations rely on these

A test with a twin cannot verify the twin's assumptions. To verify: record a session with the instrument and
compare its `log.txt` with that of a session with the twin.

| fact | where |
|---|---|"""


class Check(NamedTuple):
    """The consequence of a fact, and how to verify it.

    Attributes:
        depends: Results that are wrong if the fact is wrong.
        verify: How to verify it with the instrument.
    """

    depends: str
    verify: str


LOG = "run a session and read its `log.txt`"
STEP = "switch a load by the edge itself and find the step in the samples beside the edge's position"
SPECIFICATION = Check(
    "the uncertainty of energy and power: each budget that uses the figure shows it as assumed or typical",
    "read the maker's specification, or have the instrument calibrated: a certificate replaces the figure",
)
COUNTED = "compare samples counted with elapsed time over an hour"
OF_A_TWIN = Check(
    "tests with this twin show nothing about it",
    "compare `log.txt` of a session with the instrument with that of its twin",
)


@dataclass(frozen=True, slots=True)
class Unverified:
    """A fact that is used, and that no hardware has confirmed.

    Attributes:
        about: The name in the module that relies on it, such as ``LATENCY_S`` or ``Gate.stage``; empty if the
            whole module does.
        fact: The fact.
        depends: Results that are wrong if the fact is wrong.
        verify: How to verify it with the instrument.
    """

    about: str
    fact: str
    depends: str = OF_A_TWIN.depends
    verify: str = OF_A_TWIN.verify


@dataclass(frozen=True, slots=True)
class Found:
    """A record, and the module that contains it."""

    module: str
    record: Unverified

    def __str__(self) -> str:
        record = self.record
        where = f"{self.module}, {record.about}" if record.about else self.module
        return f"{record.fact} ({where}) On it depends: {record.depends}. To verify: {record.verify}."


def unverified(module_names: Iterable[str]) -> list[Found]:
    """The records of these modules, and of the drivers' modules that they import.

    Twins are left out unless they are named: a twin's assumptions do not concern a real bench.

    Args:
        module_names: For example the modules of a bench's entry points, ``"drivers.lpm01a.driver"``. Modules
            of other packages are ignored.
    """
    wanted = {name for name in module_names if name in _modules()}
    waiting = list(wanted)
    while waiting:
        for name in _imports(waiting.pop()):
            if name not in wanted and not TWINS.search(name):
                wanted.add(name)
                waiting.append(name)
    return [found for name in sorted(wanted) for found in records_of(name)]


def records_of(module: str) -> list[Found]:
    """The records of a module of ``drivers``.

    Raises:
        KeyError: If there is no such module.
    """
    if "UNVERIFIED = (" not in _modules()[module].read_text(encoding="utf-8"):
        return []  # without importing it
    return [Found(module, record) for record in import_module(module).UNVERIFIED]


def all_records() -> list[Found]:
    """All records, by module."""
    return [found for module in sorted(_modules()) for found in records_of(module)]


@cache
def _modules() -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = ("drivers", *path.relative_to(ROOT).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    del found["drivers.unverified"]
    return found


@cache
def _imports(module: str) -> tuple[str, ...]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(_modules()[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return tuple(sorted(found & _modules().keys()))


def reference_page() -> str:
    """All records, as a page of the documentation (Markdown)."""
    ours = [found for found in all_records() if not TWINS.search(found.module)]
    twins = [found for found in all_records() if TWINS.search(found.module)]
    lines = [
        _row(found.record.fact, _where(found), found.record.depends, found.record.verify) for found in ours
    ]
    of_twins = [_row(found.record.fact, _where(found)) for found in twins]
    return "\n".join([_HEAD, *lines, _HEAD_OF_TWINS, *of_twins]) + "\n"


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _where(found: Found) -> str:
    path = f"`{found.module.replace('.', '/')}.py`"
    return f"{path} `{found.record.about}`" if found.record.about else path


if __name__ == "__main__":
    import sys

    sys.stdout.write(reference_page())
