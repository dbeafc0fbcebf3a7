"""Where the figures of a page come from: bench, wiring, instruments, files with hashes, versions, log."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from energy import __version__
from energy.errors import JoulebenchError
from energy.evidence.names import MANIFEST_NAME, TEXT_NAME
from energy.evidence.reader import SessionEvidence
from energy.recording.inside import is_plain, open_inside
from energy.recording.jsonvalues import as_object, parse_json
from energy.recording.limits import LARGEST_LOG, LARGEST_MANIFEST
from energy.recording.trace import read_text_file
from energy.report.pages.parts import Cell, Column, Fact, Facts, Folded, Lines, PageTable, Part, Section

_FIRST_LINES, _LAST_LINES = 40, 25
_LONGEST = 400
_HINT = "Restore the file."
_WRITTEN = Fact("page written by", f"joulebench {__version__}")
_INSTRUMENTS = (("monitor", "Monitor"), ("io_manager", "IO manager"), ("dut", "DUT"))


def bench_section(evidence: SessionEvidence) -> Section | None:
    """Bench and wiring as ``session.json`` states them; None where there is no such document."""
    document = _document(evidence)
    if document is None:
        return None
    parts: list[Part] = [Facts(_bench_facts(document))]
    if isinstance(bench := document.get("bench"), dict):
        rows = list(flat(cast("dict[str, Any]", bench)))
        parts.append(Folded("The bench file", [pairs("bench-file", "The bench file, key by key", rows)]))
    for key, name in _INSTRUMENTS:
        if isinstance(found := document.get(key), dict) and found:
            rows = list(flat(cast("dict[str, Any]", found)))
            caption = f"{name}: what it answered, and how it was set"
            parts.append(Folded(name, [pairs(f"instrument-{key}", caption, rows)]))
    more = {
        name: document[name]
        for name in ("edges", "clocks", "voltage", "own_energy", "calibration", "idle", "floors")
        if document.get(name)
    }
    if more:
        caption = "Edges, clocks, supply voltage, certificate"
        parts.append(Folded(caption, [pairs("bench-more", caption, list(flat(more)))]))
    return Section("bench", "Bench and wiring", parts)


def provenance_section(evidence: SessionEvidence, files: Sequence[Path] = ()) -> Section:
    """Versions, files with their SHA-256, and the log of a session or recording of ours.

    Args:
        evidence: Its folder.
        files: Files that the figures come from, for a folder without a manifest.
    """
    document = _document(evidence) or {}
    facts = [Fact("folder", evidence.folder.absolute().name)]
    for name, key, before in (
        ("measured by", "joulebench", "joulebench "),
        ("begun", "begun", ""),
        ("state", "state", ""),
    ):
        if document.get(key):
            facts.append(Fact(name, f"{before}{document[key]}"[:_LONGEST]))
    parts: list[Part] = [Facts([*facts, _WRITTEN])]
    parts += _manifest(evidence) if evidence.has_manifest else hashed(files)
    parts += _log(evidence.folder / TEXT_NAME, "Lines on the wires: seconds, who, direction, text")
    return Section("provenance", "Provenance", parts)


def file_section(files: Sequence[Path]) -> Section:
    """The files that figures of another program's trace come from, with their SHA-256, and the first log.

    Args:
        files: The trace first.
    """
    parts: list[Part] = [Facts([Fact("folder", files[0].absolute().parent.name), _WRITTEN]), *hashed(files)]
    log = next((path for path in files if path.suffix == ".txt"), None)
    return Section("provenance", "Provenance", [*parts, *(_log(log, log.name) if log else [])])


def _document(evidence: SessionEvidence) -> dict[str, Any] | None:
    if not evidence.has_session:
        return None
    try:
        return evidence.document
    except JoulebenchError:
        return None  # a finding of the page reports it


def _bench_facts(document: Mapping[str, Any]) -> list[Fact]:
    bench = _object(document.get("bench"))
    monitor, io, dut = (_object(document.get(key)) for key, _ in _INSTRUMENTS)
    supply = _object(bench.get("supply"))
    values = (
        ("bench", bench.get("name")),
        ("DUT", dut.get("board") or _object(bench.get("dut")).get("board")),
        ("firmware", dut.get("profile")),
        ("firmware SHA-256", dut.get("firmware_sha256")),
        ("monitor", _instrument(monitor)),
        (
            "sample rate",
            f"{rate:g} Hz"
            if isinstance(rate := _object(bench.get("monitor")).get("rate_hz"), float | int)
            else None,
        ),
        ("IO manager", _instrument(io)),
        ("supply", supply.get("driver") or ("the monitor" if monitor else None)),
        ("edges by", _object(document.get("edges")).get("source")),
        (
            "ambient",
            f"{ambient:g} °C" if isinstance(ambient := document.get("ambient_c"), float | int) else None,
        ),
        ("wiring sheet", bench.get("wiring")),
    )
    return [Fact(name, str(value)[:_LONGEST]) for name, value in values if value]


def _instrument(of: Mapping[str, Any]) -> str:
    names = (("", "model"), ("serial number ", "serial_number"), ("firmware ", "firmware"))
    parts = [f"{words}{of[key]}" for words, key in names if of.get(key)]
    return ", ".join(parts)


def _object(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def flat(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Every value of nested objects with its dotted name; lists of plain values stay together."""
    if isinstance(value, dict) and value:
        for key, item in cast("dict[str, Any]", value).items():
            yield from flat(item, f"{name}.{key}" if name else key)
    elif isinstance(value, list) and any(isinstance(item, dict) for item in cast("list[Any]", value)):
        for place, item in enumerate(cast("list[Any]", value), start=1):
            yield from flat(item, f"{name} {place}")
    elif value not in (None, "", [], {}):
        items = cast("list[Any]", value if isinstance(value, list) else [value])
        yield name, ", ".join(map(str, items))


def pairs(name: str, caption: str, rows: list[tuple[str, str]]) -> PageTable:
    """Names with their values as a table; very long values are cut."""
    cells = [
        [Cell(key), Cell(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")] for key, text in rows
    ]
    return PageTable(name, caption, [Column("name"), Column("value")], cells)


def _manifest(evidence: SessionEvidence) -> list[Part]:
    """The files that the manifest vouches for, each compared with it."""
    verdict = evidence.manifest
    try:
        text = read_text_file(evidence.folder / MANIFEST_NAME, LARGEST_MANIFEST, hint=_HINT)
        entries = as_object(as_object(parse_json(text, what=MANIFEST_NAME))["files"])
    except (JoulebenchError, ValueError, KeyError, TypeError, OSError):
        return []  # a finding of the page reports it
    rows: list[list[Cell]] = []
    for name, entry in entries.items():
        stated = _object(entry)
        size = stated.get("bytes")
        altered = verdict.altered.get(name)
        rows.append(
            [
                Cell(name),
                Cell(str(size), float(size)) if isinstance(size, int) else Cell("–"),
                Cell(str(stated.get("sha256", "–"))[:64]),
                Cell("altered", grade="error") if altered else Cell("as written", grade="good"),
            ]
        )
    columns = [Column("file"), Column("bytes", True), Column("SHA-256"), Column("compared")]
    caption = "Files of the session, as its manifest states them, and whether they are still so"
    return [PageTable("files", caption, columns, rows, filtered=False)]


def hashed(files: Sequence[Path]) -> list[Part]:
    """Files with their SHA-256 as they are now; those that are not there are left out."""
    rows: list[list[Cell]] = []
    for path in files:
        if not is_plain(path):
            continue
        with open_inside(path) as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = path.stat().st_size
        rows.append([Cell(path.name), Cell(str(size), float(size)), Cell(digest)])
    note = "No manifest vouches for these files: the hashes are those of the files as this page was written."
    columns = [Column("file"), Column("bytes", True), Column("SHA-256")]
    return [PageTable("files", "Files", columns, rows, filtered=False, notes=[note])]


def _log(path: Path, title: str) -> list[Part]:
    """The first and last lines of a log."""
    if not is_plain(path):
        return []
    try:
        lines = read_text_file(path, LARGEST_LOG, hint=_HINT).rstrip("\n").split("\n")
    except JoulebenchError as error:
        return [Lines([f"{path.name} cannot be read: {error.message}"])]
    count = len(lines)
    if count > _FIRST_LINES + _LAST_LINES:
        between = f"… {count - _FIRST_LINES - _LAST_LINES} lines more in {path.name} …"
        lines = [*lines[:_FIRST_LINES], between, *lines[-_LAST_LINES:]]
    shown = [line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…" for line in lines]
    return [Folded(f"{title} ({count} lines)", [Lines(shown, plain=True)])]
