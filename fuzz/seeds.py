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
