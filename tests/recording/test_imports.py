"""Files of the monitors' own programs, written here as their sources describe them, and integrated."""

from __future__ import annotations

import json
import math
import sys
import zipfile

import numpy as np
import pytest

from energy.errors import JoulebenchError, RecordingError, UsageError
from energy.recording.export import exporter
from energy.recording.imports.given import Given
from energy.recording.imports.opened import open_import
from energy.recording.store import Recording, RecordingWriter
from energy.recording.trace import ArrayTrace
from energy.signal import Block, Edge, EdgeKind, Gap, SampleKind, Signal
from energy.window.integrator import integrate_trace
from energy.window.pairing import SequencePairing

pyjls = pytest.importorskip("pyjls", reason="the extra `joulescope` is not installed")

RATE_HZ = 20_000
COUNT = 8000
OPENING, CLOSING = 1000, 7000
VOLTAGE_V = 1.8
LOW_A, HIGH_A = 1.5e-3, 12.5e-3
WINDOW_J = HIGH_A * VOLTAGE_V * (CLOSING - OPENING) / RATE_HZ
"""Energy between the two falling edges, by hand: 6.75 mJ."""


def currents() -> np.ndarray:
    values = np.full(COUNT, LOW_A)
    values[OPENING:CLOSING] = HIGH_A
    return values


def marker() -> np.ndarray:
    """Levels of the marker line: low for 20 samples from each edge."""
    levels = np.ones(COUNT, dtype=np.uint8)
    levels[OPENING : OPENING + 20] = 0
    levels[CLOSING : CLOSING + 20] = 0
    return levels


def energy_j(trace) -> float:
    (window,), _ = integrate_trace(trace, SequencePairing())
    return next(iter(window.energies.values())).energy_j


def code_of(path, given=None) -> str:
    with pytest.raises(JoulebenchError) as caught:
        open_import(path, given or Given())
    assert caught.value.hint
    return caught.value.code


# -- nRF Connect Power Profiler --------------------------------------------------------------------------


def frames(line: int, *, unknown: tuple[int, ...] = ()) -> bytes:
    raw = np.zeros(COUNT, dtype=[("i", "<f4"), ("b", "<u2")])
    raw["i"] = currents() * 1e6
    for number in range(8):
        if number not in unknown:
            levels = marker() if number == line else np.zeros(COUNT, np.uint8)
            raw["b"] |= np.where(levels == 1, 0b10, 0b01).astype(np.uint16) << (2 * number)
    return raw.tobytes()


def ppk2_file(path, raw: bytes, *, rate=RATE_HZ, version=2):
    document = {"metadata": {"samplesPerSecond": rate, "startSystemTime": 1}, "formatVersion": version}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("session.raw", raw)
        archive.writestr("minimap.raw", "{}")
        archive.writestr("metadata.json", json.dumps(document))
    return path


@pytest.mark.parametrize("line", [0, 3, 7])
def test_a_ppk2_session_gives_the_energy_between_the_edges_of_the_line_that_is_named(tmp_path, line):
    path = ppk2_file(tmp_path / "a.ppk2", frames(line))
    trace = open_import(path, Given(VOLTAGE_V, f"d{line}"))
    assert trace.signal.rate_hz == RATE_HZ
    assert energy_j(trace) == pytest.approx(WINDOW_J, rel=1e-6)


def test_a_ppk2_session_asks_for_its_voltage_and_for_its_marker_line_by_name(tmp_path):
    path = ppk2_file(tmp_path / "a.ppk2", frames(5, unknown=(1, 2)))
    assert code_of(path) == "import.voltage"
    with pytest.raises(UsageError, match=r"D5 \(2 falling edges\)") as caught:
        open_import(path, Given(VOLTAGE_V))
    assert caught.value.code == "import.marker-line"
    assert "D1" not in caught.value.message  # its level was never known
    assert code_of(path, Given(VOLTAGE_V, "D9")) == "import.marker-line"
    assert open_import(path, Given(VOLTAGE_V, "none")).edges == []


@pytest.mark.parametrize(
    ("raw", "options", "code"),
    [
        (b"", {}, "trace.empty"),
        (b"\0" * 13, {}, "trace.foreign"),
        (b"\0" * 12, {"version": 3}, "trace.foreign"),
        (b"\0" * 12, {"rate": 0}, "trace.rate"),
        (b"\0" * 12, {"rate": "fast"}, "trace.foreign"),
    ],
)
def test_a_ppk2_session_that_is_not_whole_is_refused(tmp_path, raw, options, code):
    assert code_of(ppk2_file(tmp_path / "a.ppk2", raw, **options), Given(3.0, "none")) == code


def csv_file(path, style: str):
    times, values, levels = np.arange(COUNT) * 1e3 / RATE_HZ, currents() * 1e6, marker()
    heads = {
        "packed": "Timestamp(ms),Current(uA),D0-D7",
        "single": "Timestamp(ms),Current(uA),D0,D1,D2,D3,D4,D5,D6,D7",
        "both": "Timestamp(ms),Current(uA),D0-D7,D0,D1,D2,D3,D4,D5,D6,D7",
        "bits": "Timestamp(ms),Current(uA),Bits",
        "german": "Timestamp(ms);Current(uA);D0-D7",
        "marked": "\ufeffTimestamp(ms),Current(uA),D0-D7",
    }
    rows = [heads[style]]
    for time, value, level in zip(times, values, levels, strict=True):
        packed = f"X-{level}11111"  # D2; D0 is both within each sample, D1 is not known
        fields = [f"{time:.3f}", f"{value:.3f}"]
        if style in ("packed", "german", "marked", "both"):
            fields.append(packed)
        if style == "bits":
            fields.append(f"11111{level}11")
        if style in ("single", "both"):
            fields += list(packed)
        rows.append(";".join(fields).replace(".", ",") if style == "german" else ",".join(fields))
    path.write_text("\r\n".join(rows) + "\r\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("style", ["packed", "single", "both", "bits", "german", "marked"])
def test_a_csv_of_power_profiler_is_read_in_each_of_its_variants(tmp_path, style):
    trace = open_import(csv_file(tmp_path / "a.csv", style), Given(VOLTAGE_V, "D2"))
    assert trace.signal.rate_hz == RATE_HZ
    assert energy_j(trace) == pytest.approx(WINDOW_J, rel=1e-6)
    assert [edge.kind for edge in trace.edges] == [EdgeKind.FALL, EdgeKind.RISE] * 2


def test_rows_that_are_missing_in_a_csv_are_a_gap_and_their_energy_is_not_made_up(tmp_path):
    path = csv_file(tmp_path / "a.csv", "packed")
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:3001] + lines[3101:]))  # 100 samples inside the window
    trace = open_import(path, Given(VOLTAGE_V, "D2"))
    assert trace.gaps == [Gap(3000, 100, trace.gaps[0].reason)]
    assert (trace.count, trace.stop) == (COUNT - 100, COUNT)
    (window,), findings = integrate_trace(trace, SequencePairing())
    assert {finding.code for finding in [*findings, *window.findings]} >= {
        "samples.gap",
        "window.samples-missing",
    }


@pytest.mark.parametrize(
    "times", [["0", "0", "0"], ["0", "1", "1.4"], ["2", "1", "0"], ["0", "x", "2"], ["1"]]
)
def test_times_from_which_no_rate_follows_are_refused(tmp_path, times):
    path = tmp_path / "a.csv"
    path.write_text("Timestamp(ms),Current(uA)\n" + "".join(f"{time},1\n" for time in times))
    assert code_of(path, Given(3.0)) in ("import.times", "trace.foreign")


# -- Joulescope ------------------------------------------------------------------------------------------


def jls_file(path, names=("current", "voltage"), *, gpi_factor=1):
    values = {
        "current": (currents(), "A"),
        "voltage": (np.full(COUNT, VOLTAGE_V), "V"),
        "power": (currents() * VOLTAGE_V, "W"),
    }
    writer = pyjls.Writer(str(path))
    writer.source_def(
        source_id=1, name="JS220", vendor="Jetperch", model="JS220", version="", serial_number="1"
    )
    for number, name in enumerate((*names, "gpi[0]"), start=1):
        bit = name.startswith("gpi")
        writer.signal_def(
            signal_id=number,
            source_id=1,
            signal_type=pyjls.SignalType.FSR,
            data_type=pyjls.DataType.U1 if bit else pyjls.DataType.F32,
            sample_rate=RATE_HZ * (gpi_factor if bit else 1),
            name=name,
            units="" if bit else values[name][1],
        )
        if bit:
            levels = np.repeat(marker(), gpi_factor)
            writer.fsr(number, 0, np.packbits(levels, bitorder="little"))
        else:
            writer.fsr_f32(number, 0, values[name][0].astype(np.float32))
    writer.close()
    return path


@pytest.mark.parametrize("names", [("current", "voltage"), ("power",), ("current", "voltage", "power")])
@pytest.mark.parametrize("factor", [1, 4])
def test_a_jls_file_gives_the_energy_between_the_edges_of_its_digital_input(tmp_path, names, factor):
    path = jls_file(tmp_path / "a.jls", names, gpi_factor=factor)
    assert code_of(path) == "import.marker-line"
    trace = open_import(path, Given(marker_line="gpi[0]"))
    assert energy_j(trace) == pytest.approx(WINDOW_J, rel=1e-6)


def test_a_jls_file_of_currents_alone_asks_for_the_voltage_and_others_refuse_one(tmp_path):
    path = jls_file(tmp_path / "a.jls", ("current",))
    assert code_of(path, Given(marker_line="gpi[0]")) == "import.voltage"
    assert energy_j(open_import(path, Given(2 * VOLTAGE_V, "gpi[0]"))) == pytest.approx(
        2 * WINDOW_J, rel=1e-6
    )
    assert code_of(jls_file(tmp_path / "b.jls"), Given(VOLTAGE_V, "gpi[0]")) == "import.voltage"


def test_a_jls_file_that_was_not_closed_or_cut_off_is_refused_before_it_can_crash_the_process(tmp_path):
    data = jls_file(tmp_path / "a.jls").read_bytes()
    path = tmp_path / "b.jls"
    for broken in (data[:16] + bytes(8) + data[24:], data[:-64], data[:20]):
        path.write_bytes(broken)
        assert code_of(path) in ("trace.truncated", "trace.foreign")
    path.write_bytes(data[:64] + bytes(len(data) - 64))  # whole by its length, and holds nothing
    assert code_of(path) == "trace.foreign"


def test_a_csv_of_joulescope_is_read_by_its_power(tmp_path):
    path = tmp_path / "js.csv"
    power = [0.25, 0.5, 0.75, 1.0]
    rows = [f"{k / 2:.1f},0.1,2.0,{value},0,0" for k, value in enumerate(power)]
    path.write_text("#time,current,voltage,power,charge,energy\n" + "\n".join(rows) + "\n")
    trace = open_import(path, Given())
    trace.edges = [Edge(1.0), Edge(3.0)]
    assert energy_j(trace) == pytest.approx((0.5 + 0.75) / 2)  # not 0.1 A times 2 V


# -- named, and not read ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "program"),
    [
        ("a.dlog", b"<?xml version='1.0'?>\n<dlog></dlog>\n\0\0", "Keysight"),
        ("a.bin", bytes.fromhex("d3746167666d74200d0a200a20201a1c") + bytes(50), "JLS version 1"),
        ("a.ppk", b"\x4b\x04\x00", "Power Profiler 3"),
        ("lpm.csv", b"Time (ms);Current (nA)\n0;640900\n1;640900\n", "STM32CubeMonitor-Power"),
        ("otii.csv", b"Timestamp,Main current (A)\n0,0.1\n1,0.1\n", "Otii"),
    ],
)
def test_a_file_that_is_not_read_is_named_by_the_program_that_wrote_it(tmp_path, name, content, program):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=program) as caught:
        open_import(path, Given())
    assert caught.value.code == "import.other-program"


def test_a_csv_of_anything_else_is_unknown(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("name,age\nx,1\n")
    assert code_of(path) == "import.unknown"


@pytest.mark.parametrize("voltage", [0.0, -1.0, math.nan, math.inf, 1e6])
def test_a_voltage_that_is_none_is_refused(voltage):
    with pytest.raises(UsageError) as caught:
        Given(voltage)
    assert caught.value.code == "usage.voltage"


# -- our own exports -------------------------------------------------------------------------------------


def recording(folder) -> Recording:
    """A recording with a gap, of currents and voltages."""
    signal = Signal(SampleKind.CURRENT_VOLTAGE, RATE_HZ)
    with RecordingWriter(folder, signal, virtual=True, about={"workload": "kws01"}) as writer:
        current, voltage = currents().astype(np.float32), np.full(COUNT, VOLTAGE_V, np.float32)
        writer.append(Block(100, (current[:500], voltage[:500])))
        writer.append(Block(610, (current[510:], voltage[510:])))
        for position in (OPENING + 100.25, CLOSING + 99.5):
            writer.edge(Edge(position, 0.5, EdgeKind.FALL, "d7"))
    return Recording(folder)


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".jls"])
def test_an_export_is_read_back(tmp_path, ending):
    whole = recording(tmp_path / "r")
    path = tmp_path / f"kws{ending}"
    exporter(path)(whole, path, None)
    back = open_import(path, Given())
    exact = ending != ".jls"
    assert back.virtual
    assert energy_j(back) == pytest.approx(energy_j(whole), rel=1e-12 if exact else 1e-6)
    first = 0 if exact else whole.first  # JLS counts from its first sample
    assert [edge.position + first for edge in back.edges] == [edge.position for edge in whole.edges]
    assert [(edge.bound, edge.kind, edge.source) for edge in back.edges] == [(0.5, EdgeKind.FALL, "d7")] * 2
    if exact:
        assert [(gap.first, gap.count) for gap in back.gaps] == [(600, 10)]
        assert back.about["workload"] == "kws01"
        theirs = np.concatenate([block.columns[0] for block in back.read(back.first, back.stop)])
        ours = np.concatenate([block.columns[0] for block in whole.read(whole.first, whole.stop)])
        assert theirs.tobytes() == ours.tobytes()


def test_an_exported_jls_opens_in_the_makers_reader_with_its_values_and_markers(tmp_path):
    path = tmp_path / "kws.jls"
    exporter(path)(recording(tmp_path / "r"), path, None)
    with pyjls.Reader(str(path)) as reader:
        signals = {signal.name: signal for signal in reader.signals.values() if signal.length}
        assert {name: (entry.units, entry.sample_rate) for name, entry in signals.items()} == {
            "current": ("A", RATE_HZ),
            "voltage": ("V", RATE_HZ),
            "power": ("W", RATE_HZ),
        }
        mean_w = reader.fsr_statistics(signals["power"].signal_id, OPENING, CLOSING - OPENING, 1)[0][0]
        assert mean_w == pytest.approx(HIGH_A * VOLTAGE_V, rel=1e-6)
        marks = []
        reader.annotations(signals["power"].signal_id, 0, lambda at, y, kind, group, data: marks.append(at))
        assert marks == [1000, 7000]


def test_an_export_to_jls_refuses_a_rate_that_it_cannot_hold(tmp_path):
    trace = ArrayTrace(Signal(SampleKind.ENERGY, 9.5), (np.ones(10, np.float32),))
    with pytest.raises(UsageError) as caught:
        exporter(tmp_path / "a.jls")(trace, tmp_path / "a.jls", None)
    assert caught.value.code == "export.rate"
    assert list(tmp_path.iterdir()) == []


def test_without_the_makers_package_the_error_says_how_to_install_it(tmp_path, monkeypatch):
    path = jls_file(tmp_path / "a.jls")
    monkeypatch.setitem(sys.modules, "pyjls", None)
    assert code_of(path) == "import.pyjls"
