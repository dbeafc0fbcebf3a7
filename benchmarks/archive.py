"""A folder of 10,000 sessions: listed and filtered from the index, and the index made again.

``python -m benchmarks --only archive``. The sessions are those of the virtual bench, their documents altered:
time, workload, label, energy. Beside it: every document opened and parsed as JSON, once.
"""

from __future__ import annotations

import copy
import json
import random
import shutil
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.results import Section, Target, rows_beside
from benchmarks.timing import Contender, alternate
from energy.bench.benchfile import load_bench
from energy.benchmark.inputs import synthetic_inputs
from energy.benchmark.limits import WINDOWS
from energy.benchmark.workloads import WORKLOADS
from energy.session.outcome import Plan
from energy.session.run import run_session
from energy.validation.archive import list_archive

_BASELINE = "every session.json and result.json parsed"
_FILTERED = "listed and filtered (--where workload=kws01 --where 'energy<1mJ')"
_AGAIN = "index made again (--reindex)"
_LIST_S, _REINDEX_S = 2.0, 60.0
WHERE = ("workload=kws01", "energy<1mJ")


def archive(count: int, repeats: int, folder: Path) -> Section:
    """Times a list of sessions and the making of its index.

    Args:
        count: Sessions.
        repeats: Runs of each.
        folder: Where the archive is made, and removed.
    """
    root = Path(tempfile.mkdtemp(prefix="archive-", dir=folder))
    try:
        size = make_archive(root, count)
        list_archive(root, reindex=True)
        contenders = [
            Contender(_BASELINE, lambda: _parse(root)),
            Contender(_FILTERED, lambda: _listed(root)),
            Contender(_AGAIN, lambda: list_archive(root, reindex=True)),
        ]
        rows = rows_beside(alternate(contenders, repeats), _BASELINE, size, "B")
        seconds = {row.name: row.median_s for row in rows}
        found = list_archive(root, where=WHERE)
        index = next(root.glob(".joulebench-index.duckdb")).stat().st_size
        return Section(
            f"Archive: {count} sessions",
            rows,
            [
                Target("seconds, listed and filtered", seconds[_FILTERED], _LIST_S, "at most"),
                Target("seconds, index made again", seconds[_AGAIN], _REINDEX_S, "at most"),
            ],
            [
                f"{len(found.sessions)} of {found.total} sessions meet the conditions; "
                f"{found.read} were read from their documents; the index takes {index / 1e6:.1f} MB",
                "a list is a process of its own, its start included",
            ],
        )
    finally:
        shutil.rmtree(root)


def make_archive(root: Path, count: int) -> int:
    """Makes sessions in a folder by altering the documents of one of the virtual bench.

    Args:
        root: The folder.
        count: How many.

    Returns:
        The size of their documents in bytes.
    """
    with tempfile.TemporaryDirectory() as made:
        workload = WORKLOADS["kws01"]
        plan = Plan(load_bench("virtual"), workload, "energy", synthetic_inputs(workload, WINDOWS))
        run_session(plan, Path(made) / "session", lambda part, doing: None)
        documents = {
            name: json.loads((Path(made) / "session" / name).read_text(encoding="utf-8"))
            for name in ("session.json", "result.json", "manifest.json")
        }
    chance, begun, size = random.Random(1), datetime(2025, 1, 1), 0
    for number in range(count):
        when = begun + timedelta(minutes=7 * number)
        workload_id = chance.choice(sorted(WORKLOADS))
        folder = root / f"{when:%Y%m%d-%H%M%S}-NUCLEO-{workload_id}-energy"
        folder.mkdir()
        for name, document in _altered(documents, when, workload_id, chance).items():
            text = json.dumps(document, indent=2)
            (folder / name).write_text(text, encoding="utf-8")
            size += len(text)
    return size


def _altered(
    documents: dict[str, Any], when: datetime, workload_id: str, chance: random.Random
) -> dict[str, Any]:
    session, result = copy.deepcopy(documents["session.json"]), copy.deepcopy(documents["result.json"])
    session |= {"begun": f"{when.isoformat()}+00:00", "workload": workload_id}
    session["bench"]["label"] = chance.choice(["A", "B", "C"])
    result["workload"] = workload_id
    result["session"]["joule_per_inference"]["exact"]["median"] *= chance.uniform(0.1, 40.0)
    return {**documents, "session.json": session, "result.json": result}


def _listed(root: Path) -> None:
    command = [sys.executable, "-m", "energy.cli.main", "sessions", str(root), "--csv"]
    for condition in WHERE:
        command += ["--where", condition]
    subprocess.run(command, check=True, capture_output=True)


def _parse(root: Path) -> int:
    return sum(
        len(json.loads((folder / name).read_text(encoding="utf-8")))
        for folder in root.iterdir()
        if folder.is_dir()
        for name in ("session.json", "result.json")
    )
