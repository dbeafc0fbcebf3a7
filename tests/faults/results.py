"""Results of cells on disk: an interrupted campaign goes on, and the page takes them from several runs.

A line is a cell: its name, the digest of the code that it ran with, and its result. A later line replaces an
earlier one of the same cell.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from functools import cache
from pathlib import Path

from tests.conftest import ROOT
from tests.faults.cells import Result

OWN = ROOT / "out/matrix.jsonl"
OF_PROCESSES = ROOT / "out/matrix-processes.jsonl"
"""Of cells with real processes (``tests/faults/processes.py``)."""
_CODE = ("energy", "drivers", "tests/faults", "fixtures/benches")


@cache
def code_digest() -> str:
    """Digest of the code that decides what comes of a cell."""
    digest = hashlib.sha256()
    for folder in _CODE:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".py", ".toml"):
                digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def store(path: Path, name: str, result: Result) -> None:
    """Adds a cell's result."""
    path.parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps({"name": name, "code": code_digest(), "result": asdict(result)})
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")


def stored(path: Path, *, of_any_code: bool = False) -> dict[str, Result]:
    """The results of this code by name of cell, or those of any code; none where there is no file."""
    if not path.exists():
        return {}
    found: dict[str, Result] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        if of_any_code or entry["code"] == code_digest():
            found[entry["name"]] = Result(**{**entry["result"], "codes": tuple(entry["result"]["codes"])})
    return found
