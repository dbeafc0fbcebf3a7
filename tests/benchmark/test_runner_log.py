"""Logs of both runners as timelines: lines as published, the oddities in them, and any bytes at all."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.errors import RecordingError
from energy.runs.log_lines import KINDS
from energy.runs.plain_text import plain, read_plain, stamp_seconds
from energy.runs.runner_log import parse_log, read_log

ENERGY = """\
00216.694 session: m-session-start-id[20210603011824]
00216.694 parser: m-bmark-run-name[ML Energy 1.0.1]-code[ulp-ml]
00216.695 sequencer: m-sequencing-i[1]-command[version]-ack[/parser: m-ready/]-ms[5000]-acc[0]-total_ms[1]
00216.695 parser: m-version[3.0.6]
00217.200 parser: m-bm-cfg-name[ulp-ml]-key[model]-val[kws01]
00217.217 emon: m-power[on]
00217.421 io: [dut]: m-timestamp-mode-energy
00217.557 io: [dut]: m-init-done
00217.557 io: [dut]: m-ready
00217.647 io: [dut]: m-profile-[ULPMark for tinyML Firmware V0.0.1]
00217.651 io: [dut]: m-model-[kws01]
00218.100 parser: Command "bloadp "/Users/jo/datasets/kws01/tst_000000_Stop_7.bin""
00218.100 parser: Starting at byte offset 0
00218.200 parser: m-bloadp-done
00481.100 parser: Command "io dut infer 10 1"
00481.120 io: m-dut-passthrough(infer 10 1)
00481.130 io: m-ready
00481.140 io: [dut]: m-warmup-start-1
00481.150 io: [dut]: m-warmup-done
00481.155 io: m-lap-us-125500856
00481.160 io: [dut]: m-infer-start-10
00491.160 io: m-lap-us-135500860
00491.165 io: [dut]: m-infer-done
00491.170 io: [dut]: m-results-[0.000,0.250,0.750]
00491.175 io: [dut]: m-ready
00491.200 emon: m-regfile-fn[trace1-energy.bin]-type[emon]-name[lpm01a]
00491.200 emon: m-regfile-fn[trace1-timestamps.json]-type[etime]-name[lpm01a]
00491.300 emon: m-voltage-mv[1800]
00491.400 session: m-session-stop-id[20210603011824]
"""
MLCOMMONS = """\
Logging initialized. Writing output to sessions\\20250726_010147\\log.txt
Retrieving name from DUT ...
WARNING: Ignoring undecodeable byte: b'\\xff'
WARNING: Failed to get name.
Device name retrieved: STMicroelectronics
Device model retrieved: ad01
0726.010150 ulp-mlperf: Loading file normal_id_01_00000003_hist_librosa.bin segment 3
0726.010151 ulp-mlperf: Load complete.
Running inference with 1/250 (warmup/measured) iterations ...
done
0726.010201 ulp-mlperf: Performance results for window 1:
0726.010201 ulp-mlperf:   # Inferences :           250
0726.010201 ulp-mlperf:   Runtime      :     10.862 sec.
0726.010201 ulp-mlperf:   Throughput   :     23.016 inf./sec.
0726.010201 ulp-mlperf:   m-results    : [11.772]
Captured samples:15044 timestamps:3
Session logged in file sessions\\20250726_010147\\log.txt
"""


def codes(timeline) -> set[str]:
    return {finding.code for finding in timeline.findings}


def test_an_energy_log_of_the_eembc_runner_tells_who_did_what_when():
    timeline = parse_log(ENERGY)
    assert (timeline.runner, timeline.lines) == ("eembc", 29)
    assert (timeline.version, timeline.model, timeline.monitor) == ("3.0.6", "kws01", "lpm01a")
    assert timeline.voltage_mv == [1800]
    assert timeline.session_stop_s == 491.4
    assert timeline.texts("setting") == ["key[model]-val[kws01]"]
    boot = timeline.first("boot")
    assert boot is not None
    assert (boot.source, boot.text, boot.line, boot.time_s) == ("dut", "energy", 7, 217.421)
    assert [event.source for event in timeline.of("ready")] == ["dut", "io", "dut"]


def test_an_inference_has_command_edges_times_and_scores():
    (one,) = parse_log(ENERGY).inferences
    assert (one.file, one.offset, one.line) == ("tst_000000_Stop_7.bin", 0, 15)
    assert (one.asked, one.asked_warmups, one.iterations, one.warmups) == (10, 1, 10, 1)
    assert (one.command_s, one.warmup_start_s, one.start_s, one.done_s) == (481.1, 481.14, 481.16, 491.165)
    assert one.laps_us == (125500856, 135500860)
    assert one.results == (0.0, 0.25, 0.75)


def test_a_log_of_the_mlcommons_runner_is_read_the_same_way():
    timeline = parse_log(MLCOMMONS)
    (one,) = timeline.inferences
    assert (timeline.runner, timeline.model, timeline.year) == ("mlcommons", "ad01", 2025)
    assert (one.file, one.offset) == ("normal_id_01_00000003_hist_librosa.bin", 3)
    assert (one.asked, one.asked_warmups, one.results, one.captured) == (250, 1, (11.772,), (15044, 3))
    assert (one.runtime_s, one.throughput) == (10.862, 23.016)
    window = timeline.first("window")
    load = timeline.first("load")
    assert window is not None
    assert load is not None
    assert window.time_s - load.time_s == 11
    assert "log.undecodable" in codes(timeline)


def test_messages_glued_to_other_bytes_are_found():
    timeline = parse_log(
        "00001.000 dut: infer 100000 1%m-warmup-start-1\n"
        "00001.100 dut: src_mem_size: 3072m-warmup-done\n"
        "00001.200 dut: m-infer-start-100000\n"
        "00012.000 dut: m-infer-donee SI[0.000,0.999]\n"
        "00012.100 dut: m-ready\n"
    )
    (one,) = timeline.inferences
    assert (one.warmups, one.iterations, one.done_s, one.results) == (1, 100000, 12.0, None)
    assert {"log.echo-glued", "log.glued", "log.results-lost"} <= codes(timeline)


def test_lines_that_repeat_have_their_own_times_places_and_oddities():
    """The events of a line are worked out once; from another source the same words mean something else."""
    timeline = parse_log(
        "00001.000 dut: m-lap-us-7\n"
        "00002.000 dut: m-lap-us-7\n"
        "00003.000 sequencer: m-lap-us-7\n"
        "00004.000 dut: m-lap-us-7m-ready\n"
        "00005.000 dut: m-lap-us-7m-ready x\n"
        "00006.000 dut: m-lap-us-7m-ready x\n"
        "m-lap-us-7\n"
    )
    laps = list(timeline.of("lap"))
    assert [(event.time_s, event.line, event.text) for event in laps] == [
        (1.0, 1, "7"), (2.0, 2, "7"), (4.0, 4, "7"), (5.0, 5, "7"), (6.0, 6, "7"), (6.0, 7, "7"),
    ]  # fmt: skip
    evidence = {finding.code: finding.evidence for finding in timeline.findings}
    assert evidence["log.glued"] == "2 times, first in line 5"
    assert evidence["log.continuation"] == "1 times, first in line 7"


def test_lines_without_stamp_belong_to_the_last_stamp():
    timeline = parse_log(
        "03038.311 dut: got ack from dsp\ngot feature interrupt\nm-warmup-done\n03038.4 x\nm-lap-us-7\n"
    )
    lap = timeline.first("lap")
    assert lap is not None
    assert (lap.source, lap.time_s, lap.line, lap.text) == ("dut", 3038.311, 5, "7")
    assert "log.continuation" in codes(timeline)


@pytest.mark.parametrize(
    ("line", "kind", "code"),
    [
        ("e-[ULPMark for tinyML Firmware V0.0.1]", "banner", "log.banner"),
        ("e-[Unknown command: inf]", "error", "log.dut-error"),
        ("e-[Unknown command: m-[x]]", "error", "log.dut-error"),
        ("Error loading DNN failed: *unknown*", "text", "log.alarming-words"),
        ("m-name-[device]", "name", None),
    ],
)
def test_what_looks_like_an_error_is_told_from_what_is_one(line, kind, code):
    timeline = parse_log(f"00001.000 io: [dut]: {line}\n")
    assert [event.kind for event in timeline] == [kind]
    assert codes(timeline) == ({code} if code else set())


def test_a_boards_echo_in_a_streaming_log_is_read():
    timeline = parse_log(
        "SerialDevice entering port /dev/x\ndut name%\nRX:[dut]: m-name-dut-[syntiant]\nRX:m-ready\n"
    )
    assert timeline.texts("command") == ["dut name"]
    assert [(event.source, event.kind, event.text) for event in timeline][2:] == [
        ("dut", "name", "syntiant"),
        ("io", "ready", "ready"),
    ]


def test_windows_line_ends_escapes_and_a_missing_final_newline_change_nothing():
    odd = ENERGY.replace("\n", "\r\n").replace("m-init-done", "\x1b[32mm-init-done\x1b[0m").strip()
    assert list(parse_log(odd.encode())) == list(parse_log(ENERGY))
    assert {"tree.crlf", "tree.ansi", "tree.no-final-newline"} <= codes(parse_log(odd))


def test_a_personal_path_is_shown_where_it_is():
    (finding,) = [one for one in parse_log(ENERGY).findings if one.code == "log.personal-path"]
    assert finding.evidence == "'/Users/jo' in line 12"


@pytest.mark.parametrize("stamp", ["0230.000000", "1301.000000", "0101.246060", "0000.000000"])
def test_a_stamp_that_is_no_time_is_not_a_number(stamp):
    assert math.isnan(stamp_seconds(stamp, 2025))


def test_a_log_beyond_the_limit_is_refused(tmp_path):
    (tmp_path / "log.txt").write_text(ENERGY)
    with pytest.raises(RecordingError, match=r"file\.too-large"):
        read_plain(tmp_path / "log.txt", largest=len(ENERGY) - 1)
    assert read_plain(tmp_path / "log.txt", largest=len(ENERGY)).text == ENERGY


def test_a_log_with_too_many_lines_is_read_up_to_there(monkeypatch):
    monkeypatch.setattr("energy.runs.log_reader.MOST_LINES", 3)
    timeline = parse_log(ENERGY)
    assert codes(timeline) >= {"log.too-long"}
    assert max(event.line for event in timeline) <= 3


def test_a_file_that_is_a_folder_is_an_error_with_a_code(tmp_path):
    with pytest.raises(RecordingError, match=r"file\.unreadable"):
        read_log(tmp_path)


ODD = ["m-", "\x1b[", "\r", "%", "[", "]", "-99"]
LINES = st.sampled_from([*ENERGY.splitlines(), *MLCOMMONS.splitlines(), *ODD]) | st.text(max_size=20)
FRAGMENTS = st.lists(LINES, max_size=20)


@given(st.binary(max_size=400) | FRAGMENTS.map("\n".join) | FRAGMENTS.map("".join))
def test_any_bytes_give_a_timeline(data):
    timeline = parse_log(data)
    for event in timeline:
        assert event.kind in KINDS
        assert event.text in timeline.text
    assert len(timeline.inferences) <= len(timeline)


@given(st.binary(max_size=200))
def test_plain_text_has_no_carriage_return(data):
    assert "\r" not in plain(data, "x").text
