"""Files and words against mutated bytes, beyond those of a recording and a submission (``targets``)."""

from __future__ import annotations

import io
import shutil
import socket
import tempfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np

from energy.bench.changes import parse_changes
from energy.benchmark.validation_set import official_set
from energy.benchmark.workloads import WORKLOADS
from energy.catalogue.choose import condition
from energy.catalogue.row import rows_in, rows_text
from energy.characterize.memory import memory_of
from energy.characterize.phase_again import divide_again
from energy.characterize.skip import skip_rule
from energy.characterize.sweep_file import read_plan
from energy.characterize.sweep_folder import read_sweep
from energy.characterize.table import CSV_NAME
from energy.errors import JoulebenchError
from energy.evidence.answers import read_answers
from energy.evidence.names import ANSWERS_NAME, RESULT_NAME, SESSION_NAME
from energy.evidence.setup import Setup
from energy.live.feed import Feed
from energy.live.server import LiveServer
from energy.printable import escaped, for_cell, for_figure, for_json, printable, printable_lines
from energy.recording.imports.given import Given
from energy.recording.imports.opened import open_import
from energy.recording.store import RecordingWriter
from energy.recording.trace import Trace
from energy.report.figures.style import fold, text_width_pt
from energy.report.pages.skeleton import json_script, plot_script
from energy.report.point_sources import sweep_points
from energy.report.region import region_of
from energy.session.recover import recover
from energy.signal import Block, DigitalBlock, DigitalInput, Edge, EdgeKind, SampleKind, Signal
from energy.submission.package_system import read_form
from energy.uncertainty.results import read_result
from energy.validation.archive import meets_all
from energy.validation.index import INDEX_NAME, IndexProblem, opened
from energy.validation.listing import ListedSession, listed_session, of_stored
from energy.validation.stores import name_within

_FOLDER = Path(tempfile.gettempdir()) / "joulebench-fuzz"


def _in(name: str, data: bytes, folder: str = "") -> Path:
    path = _FOLDER / folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def _each(*calls: Callable[[], object]) -> None:
    """Calls that may refuse, with a code and a hint."""
    for call in calls:
        try:
            call()
        except JoulebenchError as error:
            if error.code in ("", "internal"):
                raise


def _through(trace: Trace) -> None:
    for block in trace.read(trace.first, trace.stop):
        assert block.stop <= trace.stop, "a block beyond the end"
    assert all(edge.bound >= 0 for edge in trace.edges)


def _imported(name: str, data: bytes, given: Given, beside: str = "") -> None:
    path = _in(name, data, f"import{beside}")
    _each(lambda: _through(open_import(path, given)))


def import_csv(data: bytes) -> None:
    """CSV of monitors' programs."""
    given = Given() if data.startswith((b"#time", b"time")) else Given(voltage_v=3.0, marker_line="D0")
    _imported("a.csv", data, given)


def import_ppk2(data: bytes) -> None:
    """``.ppk2``: a zip; the input is the zip, or, after ``raw``, its two parts."""
    if data.startswith(b"raw"):
        size = int.from_bytes(data[3:5], "little")
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("metadata.json", data[5 : 5 + size])
            archive.writestr("session.raw", data[5 + size :])
        data = packed.getvalue()
    _imported("a.ppk2", data, Given(voltage_v=3.0, marker_line="D0"))


def import_jls(data: bytes) -> None:
    """``.jls``: what its package refuses is refused in a process of its own."""
    _imported("a.jls", data, Given(marker_line="none"))


def import_parquet(data: bytes) -> None:
    """Parquet that joulebench exported, with its edges beside it."""
    _in("a.edges.csv", b"position,bound,kind,source\n1.0,0.5,fall,d7\n", "import-parquet")
    _imported("a.parquet", data, Given(), "-parquet")


def import_edges(data: bytes) -> None:
    """Edges and description beside an exported CSV: two bytes say where the first ends."""
    size = int.from_bytes(data[:2], "little")
    _in("b.edges.csv", data[2 : 2 + size], "import-edges")
    _in("b.meta.json", data[2 + size :], "import-edges")
    _imported("b.csv", b"time_s,sample,current_a\n0.0,0,1.0\n0.001,1,1.0\n", Given(), "-edges")


def catalogue(data: bytes) -> None:
    """A catalogue; one that is sound is written and read once more."""

    def twice() -> None:
        rows = rows_in(data.decode("utf-8", "replace"), "a catalogue")
        again = rows_in(rows_text(rows), "again")
        plain = [printable_lines(row.path).removeprefix("'") for row in rows]  # as cells hold it
        assert [row.path for row in again] == plain

    _each(twice)


def sweep_plan(data: bytes) -> None:
    """The plan of a sweep."""
    _each(lambda: read_plan(_in("plan.toml", data)))


def sweep_folder(data: bytes) -> None:
    """``sweep.json`` and the table beside it: two bytes say where the first ends."""
    size = int.from_bytes(data[:2], "little")
    folder = _in("sweep.json", data[2 : 2 + size], "sweep").parent
    _in(CSV_NAME, data[2 + size :], "sweep")
    _each(lambda: read_sweep(folder), lambda: sweep_points(folder, "a sweep", []))


def form(data: bytes) -> None:
    """The form of a system's description."""
    _each(lambda: read_form(_in("form.toml", data)))


def elf(data: bytes) -> None:
    """The ELF file of a firmware."""
    _each(lambda: memory_of(_in("firmware.elf", data)))


def labels(data: bytes) -> None:
    """``y_labels.csv`` of a dataset."""
    for workload in (WORKLOADS["kws01"], WORKLOADS["ad01"]):
        _in("y_labels.csv", data, f"labels/{workload.id}")
        for name in ("a.bin", "b.bin"):
            _in(name, b"12", f"labels/{workload.id}")
        _each(lambda workload=workload: official_set(workload, _FOLDER / "labels"))


def answers(data: bytes) -> None:
    """``answers.jsonl``."""
    path = _in(ANSWERS_NAME, data)
    _each(lambda: read_answers(path), lambda: read_answers(path, "0" * 64))


def phases(data: bytes) -> None:
    """``phases.json`` beside a recording."""
    folder = _recorded("phases")
    _in("phases.json", data, "phases")
    _each(lambda: divide_again(folder))


def _recorded(name: str) -> Path:
    folder = _FOLDER / name
    if not (folder / "trace.arrow").exists():
        shutil.rmtree(folder, ignore_errors=True)
        with RecordingWriter(folder, Signal(SampleKind.CURRENT, 1000.0, voltage_v=3.0)) as writer:
            writer.append(Block(0, (np.ones(64, np.float32),)))
            levels = np.tile(np.array([0xF0, 0xFF], np.uint8), 4)
            writer.digital(DigitalInput("d1", 1000.0), DigitalBlock(0, 64, levels))
            for at in (10.0, 20.0, 30.0, 40.0):
                writer.edge(Edge(at, 0.5, EdgeKind.FALL, "seed"))
    return folder


def killed(data: bytes) -> None:
    """``session.json`` of a session whose host was killed, beside its recording: listed and recovered."""
    folder = _FOLDER / "killed"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(_recorded("killed-seed"), folder)
    _in(SESSION_NAME, data, "killed")
    _each(lambda: listed_session(folder), lambda: recover(folder))


def result(data: bytes) -> None:
    """A copy of a ``result.json``, to compare with."""
    path = _in(RESULT_NAME, data, "result")
    _each(lambda: read_result(path), lambda: listed_session(path.parent))


def index(data: bytes) -> None:
    """The index of a folder, from anybody: used, or made again; never more than a note."""
    path = _in(INDEX_NAME, data, "index")
    with suppress(IndexProblem), opened(path.parent) as found:
        found.signatures()
        found.sessions(path.parent, found.signatures().keys())
    with suppress(JoulebenchError, ValueError):
        of_stored(path.parent, data.decode("utf-8", "replace"))


def words(data: bytes) -> None:
    """Words of the command line: conditions, changes, rules, limits."""
    text = data.decode("utf-8", "replace")
    _each(
        lambda: condition(text, ("benchmark", "energy_uj_per_inf", "latency_ms")),
        lambda: meets_all(ListedSession(Path("a"), Setup()), [text]),
        lambda: parse_changes([text]),
        lambda: skip_rule(text, ("voltage_v", "clock_hz", "workload"))(
            {"voltage_v": 1.8, "clock_hz": 8e7, "workload": "kws01"}
        ),
        lambda: region_of(text, text, text, text, text),
        lambda: name_within("bucket/archive", f"bucket/archive/{text}"),
    )
    with suppress(JoulebenchError):
        inside = name_within("bucket/archive", f"bucket/archive/{text}")
        assert (Path("/x") / inside).resolve().is_relative_to("/x"), inside


def shown(data: bytes) -> None:
    """Text on its way to terminal, log, figure, CSV, JSON and page: nothing in it steers anything."""
    text = data.decode("utf-8", "surrogateescape")
    for safe in (printable(text), escaped(text), *printable_lines(text).split("\n")):
        assert safe.replace("\t", "").isprintable(), ascii(safe)
    cell = for_cell(text)
    assert not cell.lstrip(" ").startswith(("=", "+", "-", "@")), ascii(cell)
    for script in (json_script({text: [text]}), plot_script({"name": text})):
        assert "<" not in script
        assert not any(ord(c) < 32 or 0x7F <= ord(c) <= 0x9F or 0x202A <= ord(c) <= 0x202E for c in script)
    assert for_json(for_json(text)) == for_json(text)
    drawn = for_figure(text)
    assert "$" not in drawn.replace(r"\$", "")
    for line in fold(drawn[:60], 8.0, 200.0):
        assert text_width_pt(line, 8.0) >= 0


@cache
def _server() -> LiveServer:
    return LiveServer(Feed())


def live_request(data: bytes) -> None:
    """A request to the live page: without the token of this run nothing but a refusal comes back."""
    server = _server()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(5.0)
        ours.sendall(data[:4096])
        ours.shutdown(socket.SHUT_WR)
        server.finish_request(theirs, ("127.0.0.1", 1))
        theirs.close()
        answer = b"".join(iter(lambda: ours.recv(65536), b""))
    assert b" 200 " not in answer.split(b"\r\n", 1)[0], "a page without the token"
