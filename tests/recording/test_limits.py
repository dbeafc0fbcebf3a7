"""Small files that stand for much: each is refused with a code before its memory or its time is spent.

Each case runs in a process of its own, whose data may not grow beyond 2 GB, with 60 s of processor time.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import struct
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest

from energy.errors import RecordingError
from energy.evidence.manifest import compare_with_manifest
from energy.recording.jsonvalues import parse_json
from energy.recording.limits import JSON_MEMORY, json_memory
from energy.recording.store import Recording, RecordingWriter
from energy.signal import SampleKind, Signal
from tests.conftest import ROOT
from tests.recording.support import block_at

ENERGY = Signal(SampleKind.ENERGY, 1000.0)
MOST_BYTES = 2 << 30
MOST_S = 60

LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_DATA, ({memory}, {memory}))
resource.setrlimit(resource.RLIMIT_CPU, ({seconds}, {seconds}))
from energy.cli.main import main
status = main(sys.argv[1:])
sizes = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
print("PEAK", int(sizes[0].split()[1]) << 10)
sys.exit(status)
"""


def run(*words: object) -> tuple[int, str, int]:
    """Exit status, everything that was written, and the largest memory in bytes, within the limits."""
    script = LIMITED.format(memory=MOST_BYTES, seconds=MOST_S)
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    said = done.stdout + done.stderr
    assert "Traceback" not in said, said[-2000:]
    peak = re.search(r"PEAK (\d+)", said)
    assert peak, (done.returncode, said[-2000:])
    return done.returncode, said, int(peak[1])


def refuses(code: str, *words: object, most: int = MOST_BYTES) -> str:
    status, said, peak = run(*words)
    assert status != 0
    assert code in said, said[-2000:]
    assert peak < most
    return said


def run_folder(root: Path, mode: str) -> Path:
    folder = root / "v9/closed/org/results/board/kws" / mode
    folder.mkdir(parents=True)
    return folder


# -- JSON ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("unit", [b"[],", b"0,", b'"",', b'{"a":0},', b"[[1.5]],"])
def test_a_results_json_of_countless_values_is_refused_by_every_verb(tmp_path, unit):
    count = (96 << 20) // len(unit)
    (tmp_path / "results.json").write_bytes(b"[" + unit * count + b"0]")
    refuses("file.too-large", "integrate", tmp_path / "results.json", most=600 << 20)


@pytest.mark.parametrize("verb", ["plot", "export", "record"])
def test_it_is_refused_wherever_a_trace_is_named(tmp_path, verb):
    path = tmp_path / "results.json"
    path.write_bytes(b"[" + b"{}," * (20 << 20) + b"{}]")
    words = {
        "plot": ("plot", path, "--out", tmp_path / "a.png"),
        "export": ("export", path, tmp_path / "a.csv"),
        "record": ("record", "--replay", path, "--out", tmp_path / "s"),
    }
    refuses("file.too-large", *words[verb], most=600 << 20)


def test_a_zip_of_such_files_is_refused_too(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for mode in ("energy", "performance", "accuracy"):
            archive.writestr(
                f"v9/closed/o/results/b/kws/{mode}/results.json", b"[" + b"[]," * (6 << 20) + b"0]"
            )
    _, said, peak = run("validate", path)
    assert "MiB when it is read" in said
    assert peak < 700 << 20


@pytest.mark.parametrize(
    "document",
    [
        [[]] * 50_000,
        [{}] * 50_000,
        [{"a": 1.5, "b": [2.5]}] * 20_000,
        [0.123456789 * k for k in range(50_000)],
        [f"text {k}" for k in range(50_000)],
        ["\N{GRINNING FACE}" * 50] * 5000,
    ],
)
def test_the_estimate_for_a_document_is_not_below_what_it_takes(document):
    text = json.dumps(document, ensure_ascii=False)
    before = sys.getallocatedblocks()
    parsed = parse_json(text)
    assert json_memory(text) >= _size(parsed)
    assert sys.getallocatedblocks() >= before


def _size(value: object) -> int:
    own = sys.getsizeof(value)
    if isinstance(value, dict):
        return own + sum(_size(item) for item in value.values())
    return own + (sum(map(_size, value)) if isinstance(value, list) else 0)


def test_the_largest_published_kind_of_document_is_far_below_the_limit():
    trial = {
        "file": "a" * 30,
        "power": {"samples": [1.2345678901234e-05] * 30_000, "timestamps": [["00", 1], ["01", 2]]},
    }
    text = json.dumps([trial] * 20)  # 12 MiB
    assert json_memory(text) < JSON_MEMORY / 5


# -- archives --------------------------------------------------------------------------------------------


def tar_with(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content))
    return path


def sparse_member(name: str, size: int) -> tuple[tarfile.TarInfo, bytes]:
    """A file of one hole, as GNU tar 1.0 writes it: the map before the data."""
    info = tarfile.TarInfo(name)
    content = f"1\n{size}\n0\n".encode().ljust(512, b"\0")
    info.size = len(content)
    info.pax_headers = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.name": name,
        "GNU.sparse.realsize": str(size),
    }
    return info, content


@pytest.mark.parametrize("count", [1, 7])
def test_holes_of_sparse_members_count_before_anything_is_written(tmp_path, count, monkeypatch):
    path = tar_with(tmp_path / "a.tar", *(sparse_member(f"f{k}", 1 << 30) for k in range(count)))
    assert path.stat().st_size < 1 << 16
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    refuses("archive.too-large", "validate", path, most=300 << 20)
    assert list((tmp_path / "tmp").iterdir()) == []


def test_global_headers_that_every_member_would_copy_are_refused(tmp_path):
    with tarfile.open(
        tmp_path / "a.tar",
        "w",
        format=tarfile.PAX_FORMAT,
        pax_headers={f"k{number}": "v" * 50 for number in range(5000)},
    ) as archive:
        for number in range(100):
            archive.addfile(tarfile.TarInfo(f"f{number}"), io.BytesIO())
    refuses("archive.too-large", "validate", tmp_path / "a.tar", most=300 << 20)


def test_countless_empty_streams_in_a_row_are_refused(tmp_path):
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(b"") * 300_000)
    refuses("archive.too-large", "validate", tmp_path / "a.tar.gz", most=300 << 20)


# -- recordings ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("codec", ["zstd", "lz4"])
def test_compressed_batches_are_refused(tmp_path, codec):
    with RecordingWriter(tmp_path / "r", ENERGY) as writer:
        writer.append(block_at(ENERGY, 0, 10))
    path = tmp_path / "r" / "trace.arrow"
    schema = pa.ipc.open_file(str(path)).schema
    options = pa.ipc.IpcWriteOptions(compression=codec)
    with pa.ipc.new_file(str(path), schema, options=options) as arrow:
        rows = pa.array([1.0] * 5_000_000, type=schema.types[0])
        batch = pa.record_batch([rows], schema=schema)
        for number in range(20):
            arrow.write_batch(batch, custom_metadata={"first": str(number * len(rows))})
    said = refuses("recording.damaged", "integrate", tmp_path / "r", most=400 << 20)
    assert "compressed" in said


def test_an_edge_log_of_countless_lines_is_refused(tmp_path):
    with RecordingWriter(tmp_path / "r", ENERGY) as writer:
        writer.append(block_at(ENERGY, 0, 10))
    line = b'{"position":0,"bound":0,"kind":"fall","source":""}\n'
    (tmp_path / "r" / "edges.jsonl").write_bytes(line * 500_000)
    refuses("file.too-large", "integrate", tmp_path / "r", most=700 << 20)


def test_a_batch_of_any_length_is_read_in_pieces(tmp_path):
    with RecordingWriter(tmp_path / "r", ENERGY, flush_interval_s=1e6) as writer:
        writer.append(block_at(ENERGY, 0, 3_000_000))
    sizes = [len(block) for block in Recording(tmp_path / "r").read(10, 3_000_000)]
    assert max(sizes) <= 1 << 20
    assert sum(sizes) == 2_999_990


# -- manifests -------------------------------------------------------------------------------------------


def test_many_spellings_of_one_file_are_not_read_many_times(tmp_path):
    (tmp_path / "a").write_bytes(b"x")
    entry = {"sha256": "0" * 64, "bytes": 1}
    names = ["a", *(f"{'./' * (k + 1)}a" for k in range(200)), "a/", "b//a"]
    (tmp_path / "manifest.json").write_text(json.dumps({"files": dict.fromkeys(names, entry)}))
    verdict = compare_with_manifest(tmp_path)
    assert sum("not a plain relative path" in word for word in verdict.altered.values()) == len(names) - 1


def test_a_manifest_of_sparse_files_does_not_read_their_holes_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr("energy.evidence.manifest.LARGEST_HOLES", 4 << 20)
    files = {}
    for number in range(20):
        with (tmp_path / f"f{number}").open("wb") as file:
            file.truncate(1 << 20)
        files[f"f{number}"] = {"sha256": "0" * 64, "bytes": 1 << 20}
    if (tmp_path / "f0").stat().st_blocks > 100:
        pytest.skip("the file system has no sparse files")
    for number in range(1, 20):
        (tmp_path / f"f{number}").unlink()
        os.link(tmp_path / "f0", tmp_path / f"f{number}")  # one file by twenty names is read once
    (tmp_path / "manifest.json").write_text(json.dumps({"files": files}))
    assert len(compare_with_manifest(tmp_path).altered) == 20
    for number in range(1, 20):
        (tmp_path / f"f{number}").unlink()
        with (tmp_path / f"f{number}").open("wb") as file:
            file.truncate(1 << 20)
    assert "the limit is" in (compare_with_manifest(tmp_path).unreadable or "")


# -- logs ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content", [b"\n" * (60 << 20), b"m-ready" * (8 << 20), "\N{GRINNING FACE}\r\n".encode() * (10 << 20)]
)
def test_a_log_of_line_ends_or_of_one_line_is_read_up_to_its_limit(tmp_path, content):
    (run_folder(tmp_path, "performance") / "log.txt").write_bytes(content)
    _, said, peak = run("validate", tmp_path)
    assert "log.too-long" in said
    assert peak < MOST_BYTES


# -- what is no file -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        ("integrate", "{}"),
        ("plot", "{}"),
        ("validate", "{}"),
        ("export", "{}", "a.csv"),
        ("record", "--replay", "{}"),
        ("measure", "--bench", "{}"),
        ("doctor", "--bench", "{}"),
    ],
)
@pytest.mark.parametrize("kind", ["pipe", "zero"])
def test_a_pipe_or_a_device_as_input_is_refused_at_once(tmp_path, words, kind):
    target = tmp_path / "pipe.toml"
    if kind == "zero":
        target = Path("/dev/zero")
    else:
        os.mkfifo(target)
    status, said, _ = run(*(word.format(target) for word in words))
    assert status != 0
    assert re.search(r"\b(path|archive|bench|replay)\.[a-z-]+\b", said), said[-500:]


@pytest.mark.parametrize("name", ["trace.arrow", "results.json", "a-energy.bin"])
def test_a_pipe_in_a_folder_is_refused_at_once(tmp_path, name):
    os.mkfifo(tmp_path / name)
    status, _, _ = run("integrate", tmp_path)
    assert status != 0


def test_an_eembc_trace_that_is_cut_off_while_it_is_open_is_an_error(tmp_path):
    from energy.recording.eembc import read_eembc_trace

    path = tmp_path / "a-energy.bin"
    path.write_bytes(struct.pack("<Bf", 0xF1, 1000.0) + struct.pack("<f", 1.0) * 100_000)
    (tmp_path / "a-timestamps.json").write_text("[1.0, 2.0]")
    trace = read_eembc_trace(path)
    os.truncate(path, 1000)
    with pytest.raises(RecordingError) as caught:
        list(trace.read(0, trace.stop))
    assert caught.value.code == "file.changed"
