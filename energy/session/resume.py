"""Checks that an interrupted accuracy session can be resumed on the bench that a person names.

A session's folder may come from anybody. Only what was answered is taken from it: instruments, addresses,
hooks, rates and limits come from the bench file on the command line. That the bench is the same in all
that matters to the answers is checked, and that the folder is as its session left it.
"""

from __future__ import annotations

import json
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from energy.bench.benchfile import BenchFile, bench_of
from energy.benchmark.validation_set import ValidationSet
from energy.errors import RecordingError, UsageError
from energy.evidence.documents import SessionRecord
from energy.evidence.names import ANSWERS_NAME, MANIFEST_NAME, SESSION_NAME
from energy.evidence.reader import SessionEvidence
from energy.printable import printable
from energy.recording.inside import is_plain, strange_in

_MOST_NAMED = 10
_LATEST_YEAR = 9000
_HINT = "Name the folder of an accuracy session."
_NEW = "Start a new session."
_ENDED = ("failed", "interrupted")
"""States that a session writes when it ends by itself; its manifest follows."""
_DISK_REFUSED = "session.write-failed"


def former_session(path: Path, bench: BenchFile) -> SessionRecord:
    """The record of a session that is to be resumed, from its folder; nothing is written.

    Args:
        path: The folder.
        bench: The bench that a person named.

    Raises:
        UsageError: ``session.resume``.
    """
    evidence = SessionEvidence(path)
    record = _record(evidence)
    if record.mode != "accuracy" or record.validation is None:
        what, hint = f"a session in {record.mode} mode", "Only accuracy sessions can be resumed."
    elif record.state in ("finished", "recovered"):
        what, hint = "a session that is finished", "There is nothing left to do."
    elif different := list(_differences(record, bench, path)):
        what = f"a session of another bench than the one named: {'; '.join(different)}"
        hint = "Name the bench that it began on with --bench, or start a new session."
    elif altered := _altered(evidence, record):
        what, hint = f"a session that was altered: {altered}", _NEW
    else:
        return record
    raise UsageError("session.resume", f"{path} holds {what}", hint)


def refuse_other_answers(path: Path, record: SessionRecord, validation: ValidationSet) -> None:
    """Makes sure that a session's answers are to these inputs.

    Raises:
        UsageError: ``session.resume``.
        RecordingError: ``answers.foreign``, ``answers.damaged``, ``file.*``.
    """
    digest = validation.digest()
    former = record.validation or {}
    if record.workload != validation.workload.id or former.get("sha256") != digest:
        raise UsageError(
            "session.resume",
            f"{path} holds answers to {former.get('files')} files of {record.workload}, and not of these",
            "Name the same --datasets as before.",
        )
    evidence = SessionEvidence(path)
    if evidence.has_answers:
        evidence.answers(digest)


def _record(evidence: SessionEvidence) -> SessionRecord:
    try:
        record = evidence.record()
        if datetime.fromisoformat(record.begun).year > _LATEST_YEAR:  # what follows it must have a date
            raise ValueError(f"it began at {record.begun}")
        json.dumps(record.model_dump(by_alias=True), allow_nan=False)  # it is written again
    except (RecordingError, ValueError) as error:
        raise UsageError(
            "session.resume", f"{evidence.folder} holds no session that can be resumed: {error}", _HINT
        ) from error
    return record


def _differences(record: SessionRecord, bench: BenchFile, path: Path) -> list[str]:
    """The differences to the bench that is named which matter to the answers; ports may differ."""
    try:
        former = bench_of(record.bench, str(path / SESSION_NAME))
    except UsageError as error:
        return [str(error)]
    pairs: dict[str, tuple[Any, Any]] = {
        "the session is virtual": (record.virtual, bench.virtual is not None),
        "virtual": (_plain(former.virtual), _plain(bench.virtual)),
        "dut.board": (former.dut.board, bench.dut.board),
        "dut.voltage_v": (former.dut.voltage_v, bench.dut.voltage_v),
        "dut.driver": (former.dut.driver, bench.dut.driver),
        "dut.settings": (_plain(former.dut)["settings"], _plain(bench.dut)["settings"]),
    }
    for name, before, now in (
        ("monitor.driver", former.monitor, bench.monitor),
        ("supply.driver", former.supply, bench.supply),
        ("io_manager.driver", former.io_manager, bench.io_manager),
    ):
        pairs[name] = (before and before.driver, now and now.driver)
    return [
        f"{name} was {_shown(before)}, now it is {_shown(now)}"
        for name, (before, now) in pairs.items()
        if before != now
    ]


def _plain(part: Any) -> Any:
    """A part of a bench file as JSON has it: a tuple and a list are then the same."""
    return None if part is None else part.model_dump(mode="json")


def _shown(value: Any) -> str:
    text = printable(json.dumps(value, ensure_ascii=False))
    return text if len(text) <= 100 else f"{text[:100]}..."


def _altered(evidence: SessionEvidence, record: SessionRecord) -> str | None:
    """The files that are not as the session left them.

    A kill leaves no manifest, and the state of a session that runs. A resumed session that is killed at once
    may leave the manifest of the one before, from which ``session.json`` then differs.
    """
    path = evidence.folder
    if strange := list(islice(strange_in(path), _MOST_NAMED)):
        return ", ".join(map(printable, strange))
    ended = record.state in _ENDED
    if not evidence.has_manifest:
        if not ended or (record.error or {}).get("code") == _DISK_REFUSED:
            return None
        return f"its state is {record.state!r}, and the {MANIFEST_NAME} that such a session leaves is missing"
    verdict = evidence.manifest
    if verdict.unreadable is not None:
        return f"{MANIFEST_NAME} cannot be read: {verdict.unreadable}"
    altered = dict(verdict.altered)
    for name in (SESSION_NAME, ANSWERS_NAME):
        if name not in verdict.named and is_plain(path / name):
            altered[name] = f"{name} (not in {MANIFEST_NAME})"
    if not ended:
        altered.pop(SESSION_NAME, None)
    return ", ".join(altered.values()) or None
