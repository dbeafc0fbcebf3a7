"""What is fuzzed: each target takes bytes and lets nothing escape but the errors that its parser promises."""

from __future__ import annotations

import shutil
import struct
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from drivers.lpm01a.ascii import AsciiDecoder
from drivers.lpm01a.binary import BinaryDecoder
from drivers.ppk2.metadata import Calibration, read_metadata
from drivers.ppk2.stream import SampleDecoder
from energy.bench.benchfile import read_bench
from energy.errors import JoulebenchError
from energy.evidence.calibration import calibration_text, read_calibration
from energy.evidence.manifest import check_manifest
from energy.evidence.names import ANSWERS_NAME, RESULT_NAME, SESSION_NAME
from energy.evidence.reader import SessionEvidence
from energy.recording.edgelog import read_edges
from energy.recording.eembc import read_eembc_trace
from energy.recording.mlcommons import read_mlcommons_results
from energy.recording.store import TRACE_NAME, Recording
from energy.recording.trace import Trace
from energy.runs.accuracy import answers_of_log, answers_of_trials, tabulate
from energy.runs.results_json import parse_results_json
from energy.runs.results_text import parse_results_text
from energy.runs.runner_log import parse_log
from energy.runs.streaming import count_detections, duty_cycle_of
from energy.submission.archive import ArchiveLimits, unpacked
from energy.submission.system_file import parse_system_file
from energy.submission.tree import read_tree
from fuzz import files, seeds, wires


@dataclass(frozen=True)
class Target:
    """A parser.

    Attributes:
        run: Feeds it.
        seeds: What to begin with.
        longest: Bytes of an input at most.
    """

    run: Callable[[bytes], None]
    seeds: tuple[bytes, ...]
    longest: int = 4096


_FOLDER = Path(tempfile.gettempdir()) / "joulebench-fuzz"
_SMALL = ArchiveLimits(total_bytes=1 << 20, entries=200, ratio=50.0, depth=8)
_CHUNK = 251
"""Decoders of streams are fed in chunks of so many bytes: prime, so that cuts fall everywhere."""


def _folder() -> Path:
    _FOLDER.mkdir(exist_ok=True)
    return _FOLDER


def _file(name: str, data: bytes) -> Path:
    path = _folder() / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    return path


def _encoded(texts: tuple[str, ...]) -> tuple[bytes, ...]:
    return tuple(text.encode() for text in texts)


def _through(trace: Trace) -> None:
    """Reads what a trace says that it has."""
    for block in trace.read(trace.first, trace.stop):
        if block.stop > trace.stop:
            raise AssertionError("a block beyond the end")


def log(data: bytes) -> None:
    """``log.txt`` of both runners, and the answers in it."""
    timeline = parse_log(data)
    for event in timeline:
        if not 0 < event.line <= timeline.lines + 1:
            raise AssertionError(f"an event in line {event.line} of {timeline.lines}")
    tabulate(answers_of_log(timeline, {}))


def results_text(data: bytes) -> None:
    """``results.txt`` of both runners."""
    parse_results_text(data)


def results_json(data: bytes) -> None:
    """``results.json``, scores and detections with it."""
    with suppress(JoulebenchError):
        parsed = parse_results_json(data)
        tabulate(answers_of_trials(parsed.trials))
        for trial in parsed.trials:
            if trial.streaming:
                count_detections(trial.streaming.detections_ms, trial.streaming.windows)
                duty_cycle_of(trial.streaming)


def system_file(data: bytes) -> None:
    """``systems/*.json``."""
    parse_system_file(data)


def power_json(data: bytes) -> None:
    """The samples and events of a ``results.json``."""
    with suppress(JoulebenchError):
        trace, _ = read_mlcommons_results(_file("results.json", data))
        _through(trace)


def eembc(data: bytes) -> None:
    """``*-energy.bin`` and its timestamps: two bytes say where the first ends."""
    size = int.from_bytes(data[:2], "little")
    path = _file("t-energy.bin", data[2 : 2 + size])
    _file("t-timestamps.json", data[2 + size :])
    with suppress(JoulebenchError):
        _through(read_eembc_trace(path))


def recording(data: bytes) -> None:
    """``trace.arrow``."""
    _file(f"recording/{TRACE_NAME}", data)
    _file("recording/edges.jsonl", b"")
    with suppress(JoulebenchError):
        _through(Recording(_FOLDER / "recording"))


def digital(data: bytes) -> None:
    """The file of a digital input beside a sound recording."""
    folder = _folder() / "levels"
    if not (folder / TRACE_NAME).exists():
        _file(f"levels/{TRACE_NAME}", seeds.recording())
    (folder / "digital-d0.arrow").write_bytes(data)
    with suppress(JoulebenchError):
        for _ in Recording(folder).digital("d0")[1]:
            pass


def edges(data: bytes) -> None:
    """``edges.jsonl``."""
    _file("edges/edges.jsonl", data)
    with suppress(JoulebenchError):
        read_edges(_FOLDER / "edges")


def session(data: bytes) -> None:
    """Each document of a session's folder."""
    for name in (SESSION_NAME, RESULT_NAME, ANSWERS_NAME):
        _file(f"session/{name}", data)
    evidence = SessionEvidence(_FOLDER / "session")
    for read in (
        evidence.windows,
        evidence.record,
        evidence.answers,
        lambda: evidence.session,
        lambda: evidence.result,
    ):
        with suppress(JoulebenchError):
            read()


def manifest(data: bytes) -> None:
    """``manifest.json``."""
    _file("manifest/manifest.json", data)
    check_manifest(_FOLDER / "manifest")


def archive(data: bytes) -> None:
    """Archives of every kind: what is unpacked stays inside, and the tree in it is read."""
    path = _file("packed", data)
    within = _folder() / "unpacked"
    shutil.rmtree(within, ignore_errors=True)
    within.mkdir()
    with suppress(JoulebenchError), unpacked(path, _SMALL, within) as folder:
        for found in folder.rglob("*"):
            if found.is_symlink() or folder not in found.resolve().parents:
                raise AssertionError(f"{found} is not inside")
        read_tree(folder)
    if any(within.iterdir()):
        raise AssertionError("something was left behind")


def bench_file(data: bytes) -> None:
    """A bench file."""
    with suppress(JoulebenchError):
        read_bench(_file("bench.toml", data))


def certificate(data: bytes) -> None:
    """A calibration certificate; one that is sound is written and read once more."""
    with suppress(JoulebenchError):
        calibration = read_calibration(_file("calibration.toml", data))
        text = calibration_text(calibration, [calibration.title])
        assert read_calibration(_file("again.toml", text.encode())) == calibration


def _feed(decoder: AsciiDecoder | BinaryDecoder | SampleDecoder, data: bytes) -> None:
    for at in range(0, len(data), _CHUNK):
        decoder.feed(data[at : at + _CHUNK])
    decoder.finish()


def lpm01a_ascii(data: bytes) -> None:
    """The LPM01A's ASCII stream (protocols.md 3.3)."""
    _feed(AsciiDecoder(1000.0, largest=1.0), data)


def lpm01a_binary(data: bytes) -> None:
    """The LPM01A's binary stream (protocols.md 3.4)."""
    _feed(BinaryDecoder(1000.0, largest=1.0), data)


_TABLE = Calibration().table(3.0)


def ppk2_stream(data: bytes) -> None:
    """The PPK2's samples (protocols.md 6)."""
    _feed(SampleDecoder(_TABLE), data)


def ppk2_metadata(data: bytes) -> None:
    """The PPK2's metadata (protocols.md 6)."""
    with suppress(JoulebenchError):
        read_metadata(data.decode("latin-1"), "a wire")


def all_targets() -> dict[str, Target]:
    """Every target by name."""
    return {**_of_recordings(), **_of_files(), **_of_wires()}


def _of_recordings() -> dict[str, Target]:
    """Recordings, submissions, sessions, bench files."""
    texts, trials = _encoded, (seeds.TRIALS.encode(), seeds.STREAMING.encode())
    bench = Path(__file__).parents[1] / "energy/bench/benches/virtual.toml"
    return {
        "log": Target(log, texts(seeds.LOGS)),
        "results-text": Target(results_text, texts(seeds.RESULTS)),
        "results-json": Target(results_json, trials),
        "system-file": Target(system_file, (seeds.SYSTEM.encode(),)),
        "power-json": Target(power_json, trials),
        "eembc": Target(eembc, (seeds.eembc_pair(),)),
        "recording": Target(recording, (seeds.recording(),), 16384),
        "digital": Target(digital, (seeds.levels(),), 16384),
        "edges": Target(edges, (b'{"position": 3.0, "bound": 1.0, "kind": "fall", "source": "d7"}\n',)),
        "session": Target(
            session,
            (
                b'{"workload": "kws01", "trials": [{"iterations": 10, "opening": 1.0, "closing": 9.0}]}',
                b'{"leading_edges": 1, "iterations": [10, 10]}',
            ),
        ),
        "manifest": Target(
            manifest, (b'{"schema": "joulebench.manifest/1", "files": {"a": {"sha256": "00", "bytes": 1}}}',)
        ),
        "archive": Target(archive, seeds.archives(), 16384),
        "bench-file": Target(bench_file, (bench.read_bytes(),)),
        "certificate": Target(certificate, (seeds.CERTIFICATE.encode(),)),
    }


def _of_files() -> dict[str, Target]:
    """Files of other programs, and words of the command line."""
    csvs = _encoded((seeds.PPK2_CSV, seeds.JOULESCOPE_CSV, seeds.EXPORTED_CSV))
    catalogue = Path(__file__).parents[1] / "energy/catalogue/published.csv"
    rows = b"\n".join(catalogue.read_bytes().splitlines()[:6]) + b"\n"
    index, jls = seeds.index(), seeds.jls()
    words = (
        "energy<1mJ",
        "benchmark=kws",
        "dut.voltage_v=1.8",
        "voltage_v < 1.9 and clock_hz > 8e7",
        "256KiB",
    )
    shown = (
        "<script>alert(1)</script>",
        "=cmd|' /C calc'!A0",
        "\x1b[31m\x9b2J\u202e\u2028$\\frac{1$",
        "a\tb\n",
    )
    return {
        "import-csv": Target(files.import_csv, csvs),
        "import-ppk2": Target(files.import_ppk2, (seeds.ppk2_parts(),)),
        "import-parquet": Target(files.import_parquet, (seeds.exported(),), 16384),
        "import-edges": Target(files.import_edges, (seeds.beside(),)),
        "import-jls": Target(files.import_jls, (jls,), max(len(jls), 4096)),
        "catalogue": Target(files.catalogue, (rows,)),
        "sweep-plan": Target(files.sweep_plan, (seeds.PLAN.encode(),)),
        "sweep-folder": Target(files.sweep_folder, (seeds.sweep(),)),
        "form": Target(files.form, (seeds.FORM.encode(),)),
        "elf": Target(files.elf, (seeds.elf(),)),
        "labels": Target(files.labels, _encoded(seeds.LABELS)),
        "answers": Target(files.answers, (seeds.ANSWERS.encode(),)),
        "phases": Target(files.phases, (seeds.PHASES.encode(),)),
        "killed": Target(files.killed, (seeds.document("session.json"),), 16384),
        "result": Target(
            files.result, (b'{"schema": "joulebench.result/2", "valid": true, "mode": "energy"}',)
        ),
        "index": Target(files.index, (index,), max(len(index), 4096)),
        "words": Target(files.words, _encoded(words), 512),
        "shown": Target(files.shown, _encoded(shown), 512),
        "live-request": Target(files.live_request, (seeds.REQUEST,)),
    }


def _of_wires() -> dict[str, Target]:
    """What arrives on wires."""
    return {
        "serial-lines": Target(wires.serial_lines, (seeds.DUT_ANSWERS, b"x" * 5000 + b"\r\n"), 16384),
        "dut": Target(wires.dut, (seeds.DUT_ANSWERS,)),
        "uno": Target(wires.uno, (seeds.UNO_ANSWERS,)),
        "interface-board": Target(wires.interface_board, (seeds.BOARD_ANSWERS,)),
        "lpm01a-console": Target(wires.lpm01a_console, (seeds.LPM01A_ANSWERS,)),
        "ppk2-port": Target(wires.ppk2_port, (seeds.PPK2_METADATA.encode(),)),
        "scpi": Target(wires.scpi, (seeds.SCPI_ANSWERS,), 16384),
        "tsp": Target(wires.tsp, (seeds.TSP_ANSWERS,)),
        "k2450-buffer": Target(wires.k2450_buffer, (seeds.K2450_ANSWERS,)),
        "readings": Target(wires.readings, (struct.pack("<16f", *range(16)),)),
        "n6705-log": Target(wires.n6705_log, (seeds.N6705_BLOCKS,)),
        "joulescope": Target(wires.joulescope, (seeds.JOULESCOPE,)),
        "twin-scpi": Target(wires.twin_scpi, (b"VOLT 1;VOLT?\nOUTP ON\n:SENS:FUNC CURR;*IDN?\n",)),
        "lpm01a-ascii": Target(lpm01a_ascii, (seeds.LPM01A_ASCII,), 16384),
        "lpm01a-binary": Target(
            lpm01a_binary, (b"\xf0\xf3\x00\x00\x03\xe8\x07\xff\xff" + b"\x61\x23" * 1000,), 16384
        ),
        "ppk2-stream": Target(
            ppk2_stream, (b"".join((k << 18 | 0x123).to_bytes(4, "little") for k in range(64)),)
        ),
        "ppk2-metadata": Target(ppk2_metadata, (seeds.PPK2_METADATA.encode(),)),
    }
