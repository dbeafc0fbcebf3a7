"""Validation of published rounds, beside reading the same text and parsing the same JSON once."""

from __future__ import annotations

import json
import os
from pathlib import Path

from benchmarks.results import Section, against_floor, by_name, rows_beside
from benchmarks.timing import Contender, alternate

PUBLISHED = Path(__file__).resolve().parents[2] / "shared" / "published"
"""Beside the checkout: see CONTRIBUTING.md."""
_BASELINE = "every line of the text once, every JSON file parsed"
_TITLE = "Validate: all published rounds at hand"
_MOST_TIMES = 3.0
_TEXT = {".txt", ".async", ".tsv"}


def validate(repeats: int) -> Section:
    """Times the validation of ``../shared/published`` in one process and in one per core."""
    if not PUBLISHED.is_dir():
        return Section(_TITLE, [], remarks=["not timed: the published rounds are not beside this checkout"])
    from energy.validation.run import validate as run

    files = [path for path in sorted(PUBLISHED.rglob("*")) if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    cores = min(os.cpu_count() or 1, 8)
    ours, spread = "validate, one process", f"validate, {cores} processes"
    contenders = [
        Contender(_BASELINE, lambda: _read(files)),
        Contender(ours, lambda: run([PUBLISHED], workers=1)),
    ]
    if cores > 1:
        contenders.append(Contender(spread, lambda: run([PUBLISHED], workers=cores)))
    rows = rows_beside(alternate(contenders, repeats), _BASELINE, size, "B")
    named = by_name(rows)
    report = run([PUBLISHED], workers=1)
    recomputed = sum(
        figure.recomputed is not None
        for folder in report.folders
        for one in folder.runs
        for figure in one.figures
    )
    return Section(
        _TITLE,
        rows,
        remarks=[
            f"{len(files)} files, {len(list(report.folders))} benchmarks, {recomputed} figures recomputed"
        ],
        lines=[against_floor("validate, one process", named[ours], named[_BASELINE], _MOST_TIMES)],
    )


def _read(files: list[Path]) -> int:
    """What anybody has to do: each line of a text looked at, each JSON document parsed."""
    lines = 0
    for path in files:
        if path.suffix == ".json":
            try:
                json.loads(path.read_bytes())
            except ValueError:
                continue  # a published description of a system is none
        elif path.suffix in _TEXT:
            with path.open(encoding="utf-8", errors="replace") as file:
                for _ in file:
                    lines += 1
    return lines
