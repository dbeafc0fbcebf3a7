"""Small well-formed files to begin with, by hand from the formats' descriptions; no published data."""

from __future__ import annotations

import io
import json
import struct
import tarfile
import tempfile
import zipfile
from pathlib import Path

import numpy as np

from energy.recording.store import TRACE_NAME, RecordingWriter
from energy.signal import Block, DigitalBlock, DigitalInput, Edge, Gap, SampleKind, Signal

LOGS = (
    "00012.001 session: m-session-start-id[1]\n00012.010 emon: m-voltage-mv[3000]\n"
    '00013.000 parser: Command "io dut infer 10 2"\n00013.010 io: [dut]: m-warmup-start-2\n'
    "00013.020 io: [dut]: m-warmup-done\n00013.030 io: [dut]: m-infer-start-10\n"
    "00023.100 io: [dut]: m-infer-done\n00023.110 io: [dut]: m-results-[0.1,0.9]\n"
    "00023.120 io: [dut]: m-lap-us-10100000\n00023.2 io: [dut]: e-[ULPMark for tinyML Firmware V0.0.1]\n"
    "00030.000 session: m-session-stop-id[1]\n",
    "Logging initialized. Writing output to sessions/20250726_010147/log.txt\n"
    "Device model retrieved: kws01\nLoading file tst_000000_Stop_7.bin segment 0\n"
    "Running inference with 2/10 (warmup/measured) inferences\n"
    "Captured samples:10500 timestamps:2\n0726.010245 ulp-mlperf: Performance results for window 1\n"
    "0726.010245 ulp-mlperf:    # Inferences : 10\nRX: m-results-[0.1,0.9]\n"
    "WARNING: Ignoring undecodeable byte\n"
    "m-results : [0.1,0.9]\nSession logged in file sessions/20250726_010147/log.txt\n",
)

RESULTS = (
    "00123.456 ulp-ml: Energy data for window 2 at time 1.000 for 10.500 sec.\n"
    "00123.456 ulp-ml:     Energy       :    10500.000 uJ\n"
    "00123.456 ulp-ml:     Power        :     1000.000 uW\n"
    "00123.456 ulp-ml:     Energy/Inf.  :      105.000 uJ/inf.\n"
    "00123.456 ulp-ml: Performance results for window 2\n00123.456 ulp-ml:     # Inferences :          100\n"
    "00123.456 ulp-ml:     Runtime      :       10.500 sec.\n"
    "00123.456 ulp-ml:     Throughput   :        9.524 inf./sec.\n"
    "00123.456 ulp-ml: Median energy cost is 105.000 uJ/inf.\n"
    "00123.456 ulp-ml: Median throughput is 9.524 inf./sec.\n",
    "Energy data for trial 0\n    Elapsed time : 10.5\n    Inferences : 100\n    Power : 1.000 mW.\n"
    "    Total Energy : 10500.0 uJ\n    Energy/Inf : 105.0 uJ/inf\nMedian energy cost is 105.0 uJ/inf.\n"
    "Top 1% = 90.2\nAUC = 0.995\nAccuracy: 44 True positives, 6 False negatives, 4 False positives\n",
    "00001.000 ulp-mlperf: Top-1: 86.5%\n00001.000 ulp-mlperf: AUC: 0.99\n"
    "00001.000 ulp-mlperf: e-[The run must take at least 10 seconds]\n",
)

SYSTEM = json.dumps({"Status": "Available", "Operating System ": "none", "Nominal Voltage": "3.0 V"})

TRIALS = json.dumps(
    [
        {
            "file": "tst_7.bin",
            "class": 1,
            "total_classes": 2,
            "mode": "e",
            "infer": {"results": [0.1, 0.9], "iterations": 10, "warmups": 2},
            "power": {"samples": [1e-6] * 12, "timestamps": [["00", 1], ["01", 11]], "voltage": 3.0},
        }
    ]
)

STREAMING = json.dumps(
    [
        {
            "infer": {
                "wav_file": "long.wav",
                "length_sec": 1200.0,
                "detection_windows": [[1.0, 2.0]],
                "detections": [10.0, 1500.0, 9000.0],
            },
            "dutycycle": {
                "duty_cycle": 0.5,
                "period": 0.03,
                "processing_time": 0.015,
                "start_times_s": [0.0, 0.03, 0.06],
                "stop_times_s": [0.015, 0.045, 0.075],
            },
        }
    ]
)

LPM01A_ASCII = (
    b"PowerShield > ack\r\n"
    + b"6409-07\r\n" * 1000
    + b"event 01 ris\r\nTimeStamp: 001s 000ms, buff 07%\r\n"
    + b"6409-07\r\n" * 10
    + b"end\r\n"
)
"""protocols.md 3.3."""

LPM01A_BINARY = b"\xf0\xf3\x00\x00\x03\xe8\x07\xff\xff" + b"\x61\x23" * 1000
"""protocols.md 3.4, as far as a beginning goes."""

PPK2_STREAM = b"".join((k << 18 | 0x123).to_bytes(4, "little") for k in range(64))

PPK2_METADATA = (
    "Calibrated: 0\nR0: 1031.64\nR1: 101.65\nR2: 10.15\nR3: 0.94\nR4: 0.043\nGS0: 1\nGI0: 1\nO0: 0\nS0: 0\n"
    "I0: 0\nUG0: 1\nVDD: 3000\nHW: 9\nIA: 56\nEND"
)
"""protocols.md 6."""


def eembc_pair() -> bytes:
    """An energy file and its timestamps, one after the other, with the first one's length before them."""
    energy = struct.pack("<Bf20f", 0xF1, 1000.0, *([1.0] * 20))
    return struct.pack("<H", len(energy)) + energy + b"[0.001, 0.004, 0.011]"


def recording() -> bytes:
    """A closed ``trace.arrow`` with a gap and a digital input beside it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "r"
        with RecordingWriter(folder, Signal(SampleKind.CURRENT, 1000.0, voltage_v=3.0)) as writer:
            writer.append(Block(0, (np.ones(16, np.float32),)))
            writer.gap(Gap(16, 4, "a test"))
            writer.append(Block(20, (np.ones(16, np.float32),)))
            writer.edge(Edge(3.0, 1.0, source="seed"))
        return (folder / TRACE_NAME).read_bytes()


def levels() -> bytes:
    """The file of a digital input."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "r"
        with RecordingWriter(folder, Signal(SampleKind.CURRENT, 1000.0, voltage_v=3.0)) as writer:
            writer.append(Block(0, (np.ones(16, np.float32),)))
            writer.digital(DigitalInput("d0", 1000.0), DigitalBlock(0, 16, np.zeros(2, np.uint8)))
        return next(path for path in folder.glob("*.arrow") if path.name != TRACE_NAME).read_bytes()


def archives() -> tuple[bytes, ...]:
    """The same two files as zip, tar, tar.gz, tar.bz2 and tar.xz."""
    files = {"v9/closed/a/systems/b.json": SYSTEM.encode(), "v9/closed/a/results/b/kws/x/log.txt": b"m-ready"}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    made = [packed.getvalue()]
    for mode in ("w", "w:gz", "w:bz2", "w:xz"):
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode=mode) as archive:  # pyright: ignore[reportCallIssue, reportArgumentType]
            for name, data in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
        made.append(packed.getvalue())
    return tuple(made)


CERTIFICATE = """\
schema = "joulebench.calibration/1"
model = "X-NUCLEO-LPM01A"
serial_number = "PowerShield-0042"
date = 2026-03-02
due = 2027-03-02
certificate = "K-2026-118"
temperature_c = 23.0

[[lines]]
quantity = "current"
range = "dynamic"
gain_correction = -0.0128
gain_uncertainty = 0.0011
offset_correction = -5.1e-6
offset_uncertainty = 0.9e-6
correlation = -0.4
k = 2.0
degrees_of_freedom = 12
lowest = 1e-4
highest = 0.05
"""

PLAN = """\
schema = "joulebench.sweep/1"
bench = "virtual"
name = "voltage"
modes = ["performance"]
skip = ["voltage_v < 1.9 and clock_hz > 8e7"]

[axes]
workload = ["kws01", "ad01"]
voltage_v = [1.8, 3.0]
clock_hz = { values = [8e7, 1.2e8], command = "clock {value}" }
"""

FORM = '"Submitter" = "an organisation"\n"Status" = "Available"\n"Operating System" = "none"\n'

LABELS = ("a.bin,12,7\nb.bin,12,0\n", "a.bin,2,1,2560,512\nb.bin,2,0,2560,512\n")

ANSWERS = (
    '{"schema": "joulebench.answers/1", "inputs": 2, "sha256": "00"}\n'
    '{"file": "a.bin", "window": 0, "scores": [0.1, 0.9], "start_us": 1, "stop_us": 9, "time_s": 1.0}\n'
)

PHASES = json.dumps(
    {
        "schema": "joulebench.phases/1",
        "phase_input": "d1",
        "pulse_s": 1e-5,
        "windows": [
            {"opening": 10.0, "opening_bound": 0.5, "closing": 20.0, "closing_bound": 0.5, "iterations": 10}
        ],
    }
)

PPK2_CSV = "Timestamp(ms),Current(uA),D0-D7\n0.00,12.5,10000000\n0.01,13.5,00000000\n0.02,12.0,1X-00000\n"

JOULESCOPE_CSV = "#time,current,voltage,power\n0.0,0.001,3.0,0.003\n0.1,0.002,3.0,0.006\n"

EXPORTED_CSV = "time_s,sample,energy\n0.0,0,1.0\n0.001,1,1.0\n"

DUT_ANSWERS = (
    b"m-timestamp-mode-performance\r\nm-lap-us-1234\r\nm-init-done\r\nm-ready\r\n\xfe"
    b"m-name-dut-[stm]\r\nm-ready\r\n\xfem-profile-[ULPMark for tinyML]\r\nm-model-[kws01]\r\n"
    b"m-ready\r\n\xfem-lap-us-4321\r\nm-ready\r\n\xfem-results-[0.1,0.2]\r\nm-ready\r\n\xfe"
    b"m-profile-[x]\r\nm-layers-[2]\r\nm-layer-[0,conv,10,20]\r\nm-layer-[1,fc,3,4]\r\nm-ready\r\n\xfe"
    b"m-[Expecting 3 bytes]\r\nm-ready\r\n\xfem-load-done\r\nm-ready\r\n\xfe"
    b"m-warmup-start-10\r\nm-infer-start-70\r\nm-lap-us-1\r\nm-lap-us-900\r\nm-infer-done\r\n"
    b"m-results-[0.5,0.5]\r\nm-ready\r\n\xfem-layer-start-1\r\nm-layer-iterations-10\r\nm-layer-done\r\n"
    b"m-ready\r\n\xfem-idle-start-100\r\nm-idle-count-2\r\nm-idle-done\r\nm-ready\r\n\xfe"
    b"m-phases-on\r\nm-phase-pulse-us-10\r\nm-ready\r\n"
)
"""protocols.md 1.2 to 1.4, 1.11."""

UNO_ANSWERS = (
    b"m-name-[io]\r\nm-ready\r\n\xfem-version-[joulebench 1]\r\nm-ready\r\n\xfem-caps-[lap-tk,baud]\r\n"
    b"m-ready\r\n\xfem-baud-9600\r\nm-ready\r\n\xfem-timestmp-mode-FALLING\r\nm-ready\r\n\xfe"
    b"m-lap-tk\r\nm-ready\r\n\xfem-timer-enabled\r\nm-lap-tk-123456\r\nm-lap-us-77\r\nm-ready\r\n\xfe"
    b"e-[Edges lost: 3]\r\nm-dut-passthrough(name)\r\nm-ready\r\n[dut]: m-name-dut-[a]\r\n[dut]: m-ready\r\n"
)
"""protocols.md 2.1."""

BOARD_ANSWERS = (
    b"tinyML Enhanced Interface Board\r\nm-ready\r\n\xfebaud is: 9600\r\nm-ready\r\n\xfe"
    b"a.bin\r\nm-ready\r\n\xfeset baud to: 9600\r\nm-ready\r\n\xfem-dut-passthrough(name)\r\nm-ready\r\n"
    b"[dut]: m-name-dut-[a]\r\n[dut]: m-ready\r\n"
)
"""protocols.md 2.2."""

LPM01A_ANSWERS = (
    b"\r\nPowerShield > ack help\r\na\r\n\xfePowerShield > ack volt get 3292-03\r\n\xfeack temp degc 23.5\r\n"
    b"\xfeack calib\r\n\xfeack temp degc 23.5\r\n\xfeack autotest start\r\n\xfeack autotest status ok\r\n"
    b"\xfeack targrst 100m\r\n\xfeack start\r\n6409-07\r\nPowerShield > acquisition completed\r\n"
)
"""protocols.md 3.2, 3.3."""

SCPI_ANSWERS = b'1.0\n\xfe0\n\xfe3.000001\n\xfe1\n\xfe-113,"Undefined header"\n\xfe+0,"No error"\n\xfe0\n'

TSP_ANSWERS = (
    b"1.5\n\xfe1\n\xfesmu.ON\n\xfetrigger.STATE_WAITING\ttrigger.STATE_EMPTY\t2\n\xfe"
    b"trigger.STATE_RUNNING\ttrigger.STATE_EMPTY\t3\n\xfe3\n\xfe1e-3\n\xfetrue\n\xfe0\n"
)

K2450_ANSWERS = (
    b'3\n\xfe100\n\xfe1.5\n\xfe1e-3,0,2e-3,0.1\n\xfe0,"No error"\n\xfe0,"No error"\n\xfe0,"No error"\n'
    b"\xfe2\n\xfe5\n\xfe1e-3,0,1e-3,1e-3,1e-3,2e-3,1e-3,3e-3,1e-3,4e-3\n"
)

N6705_BLOCKS = (
    b"#18" + struct.pack(">2f", 1e-3, 3.0) + b"\n\xfe#216" + struct.pack(">4f", 1e-3, 3.0, 2e-3, 3.0) + b"\n"
)

JOULESCOPE = b"\xfe".join(
    (
        b"i\0\0\0\0" + b"\0" * 64,
        b"v\0\0\0\0" + b"\0" * 64,
        b"d\0\0\0\0\xff\0",
        b"r\0\0\0\0\1\2",
        b"l\0\0\0\0pkt_index skip: expected 1, received 3",
        b's\0\0\0\0{"time": {"samples": {"value": [0, 8]}, "accum_samples": {"value": [0, 8]}}, '
        b'"accumulators": {"energy": {"value": 1.0}}}',
    )
)

REQUEST = (
    b"GET /token/events?span=10&columns=800 HTTP/1.1\r\nHost: 127.0.0.1:80\r\n"
    b"Accept: text/event-stream\r\n\r\n"
)


def ppk2_parts() -> bytes:
    """The two parts of a ``.ppk2``, not yet packed."""
    metadata = json.dumps({"metadata": {"samplesPerSecond": 100000}, "formatVersion": 2}).encode()
    frames = b"".join(struct.pack("<fH", 12.5, levels) for levels in (2, 1, 3, 2))
    return b"raw" + struct.pack("<H", len(metadata)) + metadata + frames


def elf() -> bytes:
    """An ELF file of a Cortex-M with a section of code and one of variables (System V ABI, gABI 4.1)."""
    names = b"\0.text\0.bss\0.shstrtab\0"
    head = b"\x7fELF\x01\x01\x01" + b"\0" * 9
    head += struct.pack("<HHIIIIIHHHHHH", 2, 40, 1, 0, 0, 52 + len(names), 0, 52, 32, 0, 40, 4, 3)
    sections = ((0,) * 10, (1, 1, 6, 0, 52, 16, 0, 0, 1, 0), (7, 8, 3, 0, 52, 64, 0, 0, 1, 0))
    sections += ((12, 3, 0, 0, 52, len(names), 0, 0, 1, 0),)
    return head + names + b"".join(struct.pack("<10I", *section) for section in sections)


def sweep() -> bytes:
    """``sweep.json`` with two points, and the table beside it."""
    document = {
        "schema": "joulebench.sweep-folder/1",
        "plan": {
            "schema": "joulebench.sweep/1",
            "bench": "virtual",
            "name": "a",
            "axes": {"voltage_v": {"values": [1.8, 3.0]}, "workload": {"values": ["kws01"]}},
        },
        "bench": {"dut": {"board": "a board"}},
        "points": [
            {"number": number, "repeat": 1, "values": {"voltage_v": value, "workload": "kws01"}}
            for number, value in ((1, 1.8), (2, 3.0))
        ],
        "skipped": [],
    }
    table = "folder,workload,board,voltage_v,joule_per_inference,latency_s,verdict,virtual\n"
    table += "001-1.8V,kws01,a board,1.8,0.001,0.05,valid,true\n"
    text = json.dumps(document).encode()
    return struct.pack("<H", len(text)) + text + table.encode()


def exported() -> bytes:
    """A Parquet file as ``joulebench export`` writes it."""
    from energy.recording.export import export_parquet
    from energy.recording.store import Recording

    with tempfile.TemporaryDirectory() as name:
        _written(Path(name) / "r")
        export_parquet(Recording(Path(name) / "r"), Path(name) / "a.parquet")
        return (Path(name) / "a.parquet").read_bytes()


def beside() -> bytes:
    """Edges and description as they are written beside an exported CSV."""
    from energy.recording.export import export_csv
    from energy.recording.store import Recording

    with tempfile.TemporaryDirectory() as name:
        _written(Path(name) / "r")
        export_csv(Recording(Path(name) / "r"), Path(name) / "a.csv")
        edges = (Path(name) / "a.edges.csv").read_bytes()
        return struct.pack("<H", len(edges)) + edges + (Path(name) / "a.meta.json").read_bytes()


def jls() -> bytes:
    """A JLS file as ``joulebench export`` writes it; nothing where its package is not installed."""
    from energy.errors import JoulebenchError
    from energy.recording.export_jls import export_jls
    from energy.recording.store import Recording

    with tempfile.TemporaryDirectory() as name:
        _written(Path(name) / "r")
        try:
            export_jls(Recording(Path(name) / "r"), Path(name) / "a.jls")
        except JoulebenchError:
            return b""
        return (Path(name) / "a.jls").read_bytes()


def _written(folder: Path) -> None:
    with RecordingWriter(folder, Signal(SampleKind.CURRENT, 1000.0, voltage_v=3.0)) as writer:
        writer.append(Block(0, (np.ones(64, np.float32),)))
        writer.edge(Edge(3.0, 1.0, source="seed"))


def index() -> bytes:
    """An index of a folder with no session in it; nothing where DuckDB is not installed."""
    from energy.validation.index import INDEX_NAME, IndexProblem, opened

    with tempfile.TemporaryDirectory() as name:
        try:
            with opened(Path(name), make=True):
                pass
        except IndexProblem:
            return b""
        return (Path(name) / INDEX_NAME).read_bytes()


def document(name: str) -> bytes:
    """A document of a session on the virtual bench."""
    return (Path(__file__).parent / "data" / name).read_bytes()
