"""Log and result files of the runners, with what has been seen in them and what a hostile one might hold."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy.errors import RecordingError
from energy.runs.files import files_beside
from energy.runs.results_text import read_results_text
from energy.runs.runner_log import read_log

EEMBC = """\
00514.965 ulp-ml: Energy data for window 2 at time 9.08 for 10.40 sec.:
00514.965 ulp-ml:   Energy       :     4173.840 uJ
00514.965 ulp-ml:   Power        :    40133.077 uW
00514.965 ulp-ml:   Energy/Inf.  :      417.384 uJ/inf.
00514.967 ulp-ml: Energy data for window 4 at time 17.28 for 10.40 sec.:
00514.967 ulp-ml:   Energy       :     4163.120 uJ
00514.967 ulp-ml:   Power        :    40030.000 uW
00514.967 ulp-ml:   Energy/Inf.  :      416.312 uJ/inf.
00514.974 ulp-ml: ---------------------------------------------------------
00514.974 ulp-ml: Median energy cost is 416.848 uJ/inf.
00514.974 ulp-ml: Performance results for window 2:
00514.974 ulp-ml:   # Inferences :           10
00514.974 ulp-ml:   Runtime      :       10.400 sec.
00514.974 ulp-ml:   Throughput   :        0.962 inf./sec.
00514.974 ulp-ml: e-[The run must take at least 10 seconds and 10 iterations to be valid]
00514.974 ulp-ml: Performance results for window 4:
00514.974 ulp-ml:   # Inferences :           11
00514.974 ulp-ml:   Runtime      :       10.401 sec.
00514.974 ulp-ml:   Throughput   :        1.058 inf./sec.
00514.974 ulp-ml: Median throughput is 1.010 inf./sec.
"""
MLCOMMONS = """\
Power Edition Output
Energy data for trial 0
  Elapsed time  : 10.575999999999999
  Inferences    : 2200
  Power         : 33.3652 mW.
  Total Energy  : 352870.670 uJ
  Energy/Inf    : 160.396 uJ/inf
Energy data for trial 1
  Elapsed time  : 10.577
  Inferences    : 2300
  Power         : 33.3615 mW.
  Total Energy  : 352864.470 uJ
  Energy/Inf    : 160.393 uJ/inf
---------------------------------------------------------
Median energy cost is 160.3945 uJ/inf.
"""
LOG = """\
00004.411 emon: m-regfile-fn[/home/x/.eembc/emon.cfg]-type[emon]-name[lpm01a]
00004.500 emon: m-voltage-mv[3000]
00010.000 io: [dut]: m-model-[kws01]
00480.917 io: [dut]: m-infer-start-10
00489.121 io: [dut]: m-infer-start-11
"""
HEADER = "Energy data for window 2 at time 1.00 for 2.00 sec.:\n"
RUNNING = "Running inference with 1/{} (warmup/measured) iterations ...\n"


def results(folder, text: str | bytes):
    path = folder / "results.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return shown(path)


def shown(path):
    """The figures of a results.txt as they are printed, those of all windows in one list."""
    found = read_results_text(path)

    def texts(name):
        figures = [getattr(one, name) for one in found.windows]
        return [figure.text for figure in figures if figure]

    return SimpleNamespace(
        runner=found.runner,
        energy=texts("energy_uj"),
        power=texts("power"),
        per_inference=texts("per_inference_uj"),
        iterations=texts("iterations"),
        duration=texts("duration_s"),
        throughput=texts("throughput"),
        median_energy=found.median_energy_uj and found.median_energy_uj.text,
        median_throughput=found.median_throughput and found.median_throughput.text,
    )


def log(folder, text: str | bytes):
    path = folder / "log.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    found = read_log(path)
    return SimpleNamespace(
        iterations=[one.iterations or one.asked for one in found.inferences],
        voltage_mv=found.voltage_mv,
        monitor=found.monitor,
        model=found.model,
    )


def check_eembc(found):
    assert found.runner == "eembc"
    assert found.energy == ["4173.840", "4163.120"]
    assert found.power == ["40133.077", "40030.000"]
    assert found.per_inference == ["417.384", "416.312"]
    assert found.iterations == ["10", "11"]
    assert found.duration == ["10.400", "10.401"]
    assert found.throughput == ["0.962", "1.058"]
    assert (found.median_energy, found.median_throughput) == ("416.848", "1.010")


def check_mlcommons(found):
    assert found.runner == "mlcommons"
    assert found.energy == ["352870.670", "352864.470"]
    assert found.power == ["33.3652", "33.3615"]
    assert found.per_inference == ["160.396", "160.393"]
    assert found.iterations == ["2200", "2300"]
    assert found.duration == ["10.575999999999999", "10.577"]
    assert found.throughput == []
    assert (found.median_energy, found.median_throughput) == ("160.3945", None)


COATS = {
    "as it is": lambda text: text,
    "CRLF": lambda text: text.replace("\n", "\r\n"),
    "no final newline": lambda text: text.rstrip("\n"),
    "CRLF and no final newline": lambda text: text.rstrip("\n").replace("\n", "\r\n"),
    "spaces at the ends of lines": lambda text: text.replace("\n", " \t\n"),
    "ANSI colours around lines": lambda text: text.replace("\n", "\x1b[0m\n\x1b[1;32m"),
    "ANSI colours around numbers": lambda text: text.replace(": ", ": \x1b[33m").replace(" uJ", "\x1b[m uJ"),
    "a byte order mark": lambda text: "\ufeff" + text,
    "junk before it": lambda text: "e-[ULPMark for tinyML Firmware V0.0.1]\nError: failed\n" + text,
}


@pytest.mark.parametrize("coat", COATS.values(), ids=COATS)
def test_the_results_of_both_runners_are_read_in_every_coat(tmp_path, coat):
    check_eembc(results(tmp_path, coat(EEMBC)))
    check_mlcommons(results(tmp_path, coat(MLCOMMONS)))


def test_bytes_that_are_no_text_spoil_their_own_line_only(tmp_path):
    raw = EEMBC.encode().replace(b"4173.840 uJ", b"41\xff\xfe.840 uJ")
    found = results(tmp_path, raw)
    assert found.energy == ["4163.120"]
    assert found.power == ["40133.077", "40030.000"]


def test_other_prefixes_of_lines_do_not_matter(tmp_path):
    check_eembc(results(tmp_path, EEMBC.replace("ulp-ml:", "ulp-mlperf:")))
    bare = results(tmp_path, "\n".join(line[18:] for line in EEMBC.splitlines()))
    assert (bare.energy, bare.median_energy) == (["4173.840", "4163.120"], "416.848")


def test_the_energy_line_is_not_mistaken_for_that_per_inference_nor_the_other_way(tmp_path):
    found = results(
        tmp_path, "Energy data for window 2 at time 1.00 for 2.00 sec.:\n  Energy/Inf.  :   417.384 uJ/inf.\n"
    )
    assert (found.energy, found.per_inference) == ([], ["417.384"])
    found = results(tmp_path, "Energy data for trial 0\n  Energy/Inf    : 160.396 uJ/inf\n")
    assert (found.energy, found.per_inference) == ([], ["160.396"])


def test_units_that_are_not_the_runners_are_not_read(tmp_path):
    found = results(tmp_path, EEMBC.replace("uJ\n", "mJ\n").replace("uW", "W"))
    assert found.energy == found.power == []


def test_a_results_file_without_figures_is_empty_and_no_error(tmp_path):
    found = results(tmp_path, "")
    assert (found.runner, found.energy, found.iterations, found.median_energy) == ("unknown", [], [], None)


def test_numbers_of_inferences_that_no_run_has_are_not_read(tmp_path):
    lines = f"# Inferences : {'9' * 16}\n# Inferences : {'9' * 12}\n# Inferences : -5\n"
    assert results(tmp_path, HEADER + lines).iterations == ["9" * 12]


# Logs


def test_a_log_gives_iterations_voltage_monitor_and_model(tmp_path):
    found = log(tmp_path, LOG)
    assert (found.iterations, found.voltage_mv, found.monitor, found.model) == (
        [10, 11],
        [3000],
        "lpm01a",
        "kws01",
    )


def test_the_log_of_the_mlcommons_runner_gives_its_measured_iterations(tmp_path):
    text = "Device model retrieved: ad01\n" + RUNNING.format(2200) * 2
    found = log(tmp_path, text)
    assert (found.iterations, found.model, found.monitor, found.voltage_mv) == (
        [2200, 2200],
        "ad01",
        None,
        [],
    )


@pytest.mark.parametrize("coat", COATS.values(), ids=COATS)
def test_logs_are_read_in_every_coat(tmp_path, coat):
    assert log(tmp_path, coat(LOG)).iterations == [10, 11]


def test_an_echo_glued_to_a_reply_is_no_start(tmp_path):
    text = "infer 100000 1%m-warmup-start-1\nm-warmup-done\nm-infer-start-100000\nm-infer-done\n"
    assert log(tmp_path, text).iterations == [100_000]


def test_a_start_glued_to_other_bytes_is_read(tmp_path):
    assert log(tmp_path, "infer 70 1%m-infer-start-70\r\n").iterations == [70]
    assert log(tmp_path, b"\x00\xffm-infer-start-70\xff\n").iterations == [70]


@pytest.mark.parametrize(
    "garbled",
    ["m-infer-st-10", "m-infer-start-", "m-infer-start-1O00", "m-infer-start-x", "m-infer-start-10m-lap",
     "m-infer-start-0", "m-infer-start-" + "1" * 13, "infer-start-10", "m-infer-start--5"],
)  # fmt: skip
def test_a_garbled_start_is_not_read_as_another_number(tmp_path, garbled):
    assert log(tmp_path, f"{garbled}\nm-infer-start-10\n").iterations == [10]


def test_an_infer_command_and_its_echo_are_one_inference(tmp_path):
    text = '00480.836 parser: Command "io dut infer 10 1"\n00480.852 io: m-dut-passthrough(infer 10 1)\n'
    assert log(tmp_path, text).iterations == [10]


def test_a_file_that_is_none_is_an_error(tmp_path):
    with pytest.raises(RecordingError, match=r"file\.unreadable"):
        read_log(tmp_path / "absent.txt")
    with pytest.raises(RecordingError, match=r"file\.unreadable"):
        read_results_text(tmp_path)


# Where they lie


def log_beside(folder):
    found = files_beside(folder / "trace1-energy.bin").log
    return found and found.name


def test_the_plain_name_goes_before_prefixed_ones(tmp_path):
    for name in ("energy_log.txt", "log.txt"):
        (tmp_path / name).touch()
    assert log_beside(tmp_path) == "log.txt"


def test_a_prefixed_name_is_taken_and_a_second_one_is_named(tmp_path):
    assert log_beside(tmp_path) is None
    (tmp_path / "energy_log.txt").touch()
    (tmp_path / "catalog.txt").touch()
    assert log_beside(tmp_path) == "energy_log.txt"
    (tmp_path / "performance_log.txt").touch()
    found = files_beside(tmp_path / "trace1-energy.bin")
    assert [one.code for one in found.findings] == ["tree.file-name", "tree.file-ambiguous"]
    assert "performance_log.txt" in found.findings[1].evidence


def test_what_macos_leaves_behind_is_no_second_log(tmp_path):
    (tmp_path / "energy_log.txt").touch()
    (tmp_path / "._energy_log.txt").touch()
    assert log_beside(tmp_path) == "energy_log.txt"


def test_a_folder_of_the_name_is_no_file_and_a_link_is_an_error(tmp_path):
    (tmp_path / "log.txt").mkdir()
    assert log_beside(tmp_path) is None
    (tmp_path / "energy_log.txt").symlink_to("elsewhere")
    with pytest.raises(RecordingError, match=r"file\.link"):
        log_beside(tmp_path)


# Hostile files

MEGABYTE = 1 << 20
PATIENCE_S = 15.0
"""Far above what a busy machine takes, and far below what quadratic reading would (hours)."""
REPEATED = [
    "m-regfile-fn[", "m-regfile-fn[]-type[emon]-name[", "m-infer-start-", "m-infer-start-1", "1", "9.", " ",
    "\t \t", "Energy : ", "Energy : 1 ", "Total Energy", "Median energy cost is ", "Median energy cost is 1",
    "Median throughput is 1.", "# Inferences : 1", "Running inference with 1/", "m-model-[", "\x1b[",
    "\x1b[1;", "\x1b", "Energy/Inf. : 1e5", "m-voltage-mv[1", "\u2028", "\r", "Elapsed time : 1", "\x00", "é",
]  # fmt: skip


@pytest.mark.parametrize("piece", REPEATED, ids=repr)
@pytest.mark.parametrize("end", ["", "\n"], ids=["one line", "lines"])
def test_a_long_text_of_anything_is_read_in_no_time(tmp_path, piece, end):
    text = (piece + end) * (MEGABYTE // 4 // len(piece + end))
    began = time.process_time()
    results(tmp_path, text)
    log(tmp_path, text)
    if not end:
        results(tmp_path, "Energy data for trial 0\nMedian energy cost is " + text)
        log(tmp_path, "m-regfile-fn[" + text)
    assert time.process_time() - began < PATIENCE_S


def test_a_number_of_a_megabyte_after_a_median_is_read_in_no_time(tmp_path):
    began = time.process_time()
    for tail in (
        "1" * MEGABYTE,
        "1." * (MEGABYTE // 2),
        "1" + " " * MEGABYTE,
        "1" * 10**5 + " " * 10**6 + "x",
    ):
        assert results(tmp_path, "Median energy cost is " + tail).median_energy is None
    assert time.process_time() - began < PATIENCE_S


def test_a_line_of_a_megabyte_does_not_hide_the_next_one(tmp_path):
    check_eembc(results(tmp_path, "x" * MEGABYTE + "\n" + EEMBC))
    assert log(tmp_path, "x" * MEGABYTE + LOG + "y" * MEGABYTE).iterations == [10, 11]


@settings(deadline=None, max_examples=150)
@given(
    pieces=st.lists(st.one_of(st.text(), st.sampled_from(EEMBC.splitlines() + LOG.splitlines() + REPEATED))),
    end=st.sampled_from(["\n", "\r\n", "", " "]),
)
def test_any_text_is_read_without_an_error(tmp_path_factory, pieces, end):
    folder = tmp_path_factory.mktemp("text")
    raw = end.join(pieces).encode("utf-8", "surrogatepass")
    found = results(folder, raw)
    assert all(int(count) >= 0 for count in found.iterations)
    assert all(count > 0 for count in log(folder, raw).iterations)
