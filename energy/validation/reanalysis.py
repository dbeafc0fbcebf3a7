"""Recordings of an archive analysed again with the code of today, beside what their ``result.json`` states.

A recording is a task of its own, which depends on its files alone. So the rows are the same, bit for bit,
whoever computes them and in whatever order: one process, several, a cluster (``energy.validation.spread``).
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from energy import __version__
from energy.errors import JoulebenchError, defects
from energy.findings import Severity
from energy.runs.measured import load, measure_run
from energy.runs.measurement import Measurement
from energy.validation.listing import number_in
from energy.validation.stores import local, recordings_in

Status = Literal["same", "differs", "no result", "failed"]
_DIFFERS = "result.differs"
FIGURES = ("joule_per_inference", "inferences_per_second", "power_w")


@dataclass(frozen=True)
class Reanalysed:
    """A recording, analysed again. SI units; medians, the energy by the exact rule; None where not known.

    Attributes:
        path: Its folder, relative to the archive.
        status: Whether all that ``result.json`` states follows from the recording today.
        workload: Id of its workload.
        virtual: Whether it comes from the virtual bench.
        windows: How many windows it has.
        stated: The medians that ``result.json`` states, by name (``FIGURES``).
        now: The medians that follow today.
        differences: What differs, a sentence each.
        appeared: Codes of errors that are found today, and that ``result.json`` does not have.
        digest: SHA-256 of all recomputed windows and figures, to the last bit.
        error: Why it cannot be analysed; empty where it can.
        samples: Samples that were read.
        size: Bytes of its files.
        seconds: Time that it took; no part of the result.
        version: The joulebench that computed it.
    """

    path: str
    status: Status
    workload: str | None = None
    virtual: bool | None = None
    windows: int = 0
    stated: dict[str, float | None] = field(default_factory=dict[str, float | None])
    now: dict[str, float | None] = field(default_factory=dict[str, float | None])
    differences: tuple[str, ...] = ()
    appeared: tuple[str, ...] = ()
    digest: str = ""
    error: str = ""
    samples: int = 0
    size: int = 0
    seconds: float = 0.0
    version: str = __version__

    def to_json(self) -> dict[str, Any]:
        """A flat document, for ``--json`` and data frames."""
        document = asdict(self)
        stated, now = document.pop("stated"), document.pop("now")
        figures = {f"stated_{name}": stated.get(name) for name in FIGURES}
        figures |= {f"now_{name}": now.get(name) for name in FIGURES}
        lists = {name: "; ".join(document[name]) for name in ("differences", "appeared")}
        return {**document, **figures, **lists}

    @property
    def result(self) -> dict[str, Any]:
        """All that must be the same whoever computed it."""
        return {name: value for name, value in self.to_json().items() if name != "seconds"}


@dataclass
class Reanalysis:
    """An archive, analysed again.

    Attributes:
        archive: A folder, or the address of a store.
        rows: Its recordings, by path.
        notes: Sentences on what was left out, or happened on the way.
        seconds: Time that all of it took.
    """

    archive: str
    rows: list[Reanalysed] = field(default_factory=list[Reanalysed])
    notes: list[str] = field(default_factory=list[str])
    seconds: float = 0.0

    @property
    def sound(self) -> bool:
        """Whether every recording could be read, and nothing differs."""
        return all(row.status in ("same", "no result") for row in self.rows)

    def count(self, status: Status) -> int:
        """How many recordings have a status."""
        return sum(row.status == status for row in self.rows)


Task = Callable[[str, str], Reanalysed]
Progress = Callable[[int, int, str], None]
"""Called with how many recordings are done, how many there are, and the last."""
Spread = Callable[[Task, str, list[str], Progress], tuple[list[Reanalysed], list[str]]]
"""Runs a task for each recording of an archive; answers the rows in any order, and notes."""


def one_by_one(
    task: Task, archive: str, names: list[str], progress: Progress
) -> tuple[list[Reanalysed], list[str]]:
    """Runs all tasks in this process."""
    rows: list[Reanalysed] = []
    for number, name in enumerate(names):
        progress(number, len(names), name)
        rows.append(task(archive, name))
    return rows, []


def _quiet(done: int, total: int, name: str) -> None:
    """Shows nothing."""


def reanalyse(archive: str, spread: Spread = one_by_one, progress: Progress = _quiet) -> Reanalysis:
    """Analyses every recording of an archive again and compares it with its ``result.json``.

    Args:
        archive: A folder of sessions, or the address of a store (``s3://bucket/2025``).
        spread: Who does the work.
        progress: Called as recordings are done.

    Raises:
        UsageError: ``path.missing``, ``path.nothing``, ``store.*``, ``cluster.*``.
        RecordingError: ``store.unreadable``.
    """
    began = time.monotonic()
    names, cut_off = recordings_in(archive)
    answer = Reanalysis(archive, notes=[cut_off] if cut_off else [])
    rows, notes = spread(reanalyse_recording, archive, names, progress)
    answer.rows = sorted(rows, key=lambda row: row.path)
    answer.notes += notes
    answer.seconds = time.monotonic() - began
    return answer


def reanalyse_recording(archive: str, name: str) -> Reanalysed:
    """A recording of an archive, analysed again; whatever is wrong with it is in the row.

    Args:
        archive: The archive.
        name: The recording's folder in it.
    """
    began = time.perf_counter()
    places = [archive]
    try:
        with defects(), local(archive, name) as (folder, size):
            places.insert(0, str(folder))
            row = replace(_row(name, measure_run(load(folder, folder))), size=size)
    except JoulebenchError as error:
        row = Reanalysed(name, "failed", error=_placeless(f"{error.code}: {error.message}", places))
    return replace(row, seconds=time.perf_counter() - began)


def _placeless(text: str, places: list[str]) -> str:
    """A text without the places of the machine that computed it."""
    for place in places:
        text = text.replace(f"{place}/", "").replace(place, ".")
    return text


def _row(name: str, measured: Measurement) -> Reanalysed:
    run, document = measured.run, measured.to_json()
    result = run.result
    differences = tuple(found.evidence for found in measured.findings if found.code == _DIFFERS)
    stated = {finding.code for finding in result.findings} if result else set[str]()
    errors = {found.code for found in measured.all_findings if found.severity is Severity.ERROR}
    appeared = tuple(sorted(errors - stated - {_DIFFERS})) if result else ()
    status: Status = "differs" if differences or appeared else "same"
    computed = {key: document[key] for key in ("windows", "session")}
    return Reanalysed(
        name,
        status if result is not None else "no result",
        run.session.workload if run.session else None,
        run.virtual,
        len(measured.windows),
        _medians(result.session if result else None),
        _medians(document["session"]),
        differences,
        appeared,
        hashlib.sha256(json.dumps(computed, sort_keys=True).encode()).hexdigest(),
        samples=run.trace.count if run.trace else 0,
    )


def _medians(session: Any) -> dict[str, float | None]:
    """The medians of a result's figures."""
    return {
        "joule_per_inference": number_in(session, "joule_per_inference", "exact", "median"),
        "inferences_per_second": number_in(session, "inferences_per_second", "median"),
        "power_w": number_in(session, "power_w", "exact", "median"),
    }
