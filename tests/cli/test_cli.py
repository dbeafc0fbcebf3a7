"""The program as a person runs it: in a process of its own, its words and its exit status."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from energy.cli.main import VERBS
from tests.conftest import ROOT

DEMO = ROOT / "fixtures/recordings/kws01-closed-form"


def joulebench(*words: object, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "energy.cli.main", *map(str, words)]
    return subprocess.run(
        command,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={"PYTHONPATH": str(ROOT)},
    )


def make_eembc_folder(
    folder: Path, *, log: str | None = None, rate: float = 1000.0, windows: int = 5
) -> Path:
    """An EEMBC trace of samples with a mean of 1 µJ, windows of 10.5 s, from the format's description."""
    folder.mkdir(parents=True)
    stamps, at = [0.5], 1.0
    for _ in range(windows):
        stamps += [at, at + 10.5]
        at += 12
    samples = [1 + (-1) ** k / 1024 for k in range(int(at * rate))]  # as noisy as those of a monitor
    (folder / "trace1-energy.bin").write_bytes(struct.pack(f"<Bf{len(samples)}f", 0xF1, rate, *samples))
    (folder / "trace1-timestamps.json").write_text(json.dumps([round(stamp, 3) for stamp in stamps]))
    if log is not None:
        (folder / "log.txt").write_text(log)
    return folder


def test_help_answers_and_names_every_verb():
    answer = joulebench("--help")
    assert answer.returncode == 0
    assert all(verb in answer.stdout for verb in VERBS)
    assert "examples:" in answer.stdout


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_every_verb_has_help_with_an_example_that_begins_with_its_name(verb):
    answer = joulebench(verb, "--help")
    assert answer.returncode == 0
    assert f"joulebench {verb} " in answer.stdout.split("examples:")[1]


@pytest.mark.parametrize(
    "words", [(), ("no-such-verb",), ("integrate",), ("integrate", "x", "--iterations", "0")]
)
def test_wrong_usage_has_status_2_and_says_why(words):
    answer = joulebench(*words)
    assert answer.returncode == 2
    assert "usage:" in answer.stderr


def test_help_imports_nothing_slow():
    code = (
        "import runpy, sys\n"
        "sys.argv = ['joulebench', '--help']\n"
        "try: runpy.run_module('energy.cli.main', run_name='__main__')\n"
        "except SystemExit: pass\n"
        "print(sorted({'numpy', 'pyarrow', 'matplotlib', 'rich', 'pandas'} & set(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert answer.stdout.splitlines()[-1] == "[]"


def test_a_recording_is_integrated_without_what_takes_long_to_load():
    """Models of documents, the uncertainty's model, figures, other programs' files: not needed for it."""
    slow = {"pydantic", "matplotlib", "numba", "pandas", "scipy", "GTC", "duckdb", "numpy.ma"}
    slow |= {"pyarrow.compute", "importlib.metadata", "energy.evidence.documents", "energy.instruments"}
    slow |= {"energy.uncertainty.model", "energy.recording.imports.opened", "energy.bench.benchfile"}
    slow |= {"energy.report.figures.trace"}
    code = (
        "import sys\nfrom energy.cli.main import main\n"
        f"assert main(['integrate', {str(DEMO)!r}]) == 0\n"
        f"print('loaded:', sorted(set({slow!r}) & set(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert "1430.63 µJ per inference" in answer.stdout
    assert answer.stdout.splitlines()[-1] == "loaded: []"


def test_the_demo_prints_the_table_the_median_beside_throughput_and_the_picture(tmp_path):
    answer = joulebench("integrate", DEMO, "--picture", tmp_path / "new" / "demo.png")
    assert answer.returncode == 0, answer.stderr
    assert "VIRTUAL" in answer.stdout
    assert "median 1430.63 µJ per inference at a median of 22.9801 inferences per second" in answer.stdout
    assert "samples.gap" in answer.stdout
    assert f"picture: {tmp_path / 'new' / 'demo.png'}" in answer.stdout
    assert (tmp_path / "new" / "demo.png").read_bytes().startswith(b"\x89PNG")


def test_json_carries_figures_in_si_units_and_says_virtual():
    answer = joulebench("integrate", DEMO, "--json")
    assert answer.returncode == 0
    trace = json.loads(answer.stdout)["traces"][0]
    assert trace["virtual"] is True
    assert trace["sound"] is True
    exact = trace["session"]["joule_per_inference"]["exact"]
    assert exact["median"] == pytest.approx(1430.63e-6, rel=1e-5)
    assert exact["windows"] == 5
    assert trace["session"]["inferences_per_second"]["median"] == pytest.approx(22.98005, rel=1e-6)
    assert trace["windows"][0]["edge_bound_j"]["step"] > 0


def test_a_trace_without_iterations_gives_energy_per_window_only_and_says_so(tmp_path):
    folder = make_eembc_folder(tmp_path / "energy")
    answer = joulebench("integrate", folder)
    assert "iterations.unknown" in answer.stdout
    assert "--iterations N" in answer.stdout
    assert "median 10500.0 µJ per window (inferences per window not known)" in answer.stdout
    assert "µJ per inference at" not in answer.stdout


def test_iterations_given_by_hand_give_energy_per_inference(tmp_path):
    folder = make_eembc_folder(tmp_path / "energy")
    answer = joulebench("integrate", folder, "--iterations", 100)
    assert answer.returncode == 0, answer.stdout
    assert "median 105.000 µJ per inference at a median of 9.52381 inferences per second" in answer.stdout


def test_iterations_come_from_the_log(tmp_path):
    log = "00050.000 emon: m-voltage-mv[3000]\n" + "".join(
        f"{101 + 12 * k:05d}.004 io: [dut]: m-infer-start-200\n"
        f"{111 + 12 * k:05d}.527 io: [dut]: m-infer-done\n"
        f"{111 + 12 * k:05d}.590 io: [dut]: m-results-[0.5,0.5]\n"
        for k in range(5)
    )
    folder = make_eembc_folder(tmp_path / "energy", log=log)
    answer = joulebench("integrate", folder)
    assert answer.returncode == 0, answer.stdout
    assert "median 52.5000 µJ per inference" in answer.stdout


def test_a_tree_gives_a_row_for_each_trace_and_one_bad_file_stops_nothing(tmp_path):
    make_eembc_folder(tmp_path / "board" / "ad" / "energy")
    bad = make_eembc_folder(tmp_path / "board" / "kws" / "energy")
    (bad / "trace1-energy.bin").write_bytes(b"\xf2nothing")
    answer = joulebench("integrate", tmp_path, "--iterations", 50, "--details")
    assert answer.returncode == 1
    assert "trace.foreign" in answer.stdout
    assert "median 210.000 µJ per inference" in answer.stdout
    document = json.loads(joulebench("integrate", tmp_path, "--json").stdout)
    assert len(document["traces"]) == 1
    assert [failed["code"] for failed in document["failed"]] == ["trace.foreign"]


def test_an_error_among_the_findings_gives_status_1(tmp_path):
    folder = make_eembc_folder(tmp_path / "energy", windows=4)
    answer = joulebench("integrate", folder, "--iterations", 50)
    assert answer.returncode == 1
    assert "session.not-five-windows" in answer.stdout


@pytest.mark.parametrize("verb", ["integrate", "plot"])
def test_a_missing_path_is_named_with_status_2(verb, tmp_path):
    answer = joulebench(verb, tmp_path / "nowhere")
    assert answer.returncode == 2
    assert "nowhere" in answer.stderr
    assert "hint:" in answer.stderr


def test_a_folder_without_traces_says_what_a_trace_is(tmp_path):
    (tmp_path / "results.txt").write_text("nothing")
    answer = joulebench("integrate", tmp_path)
    assert answer.returncode == 2
    assert "path.no-traces" in answer.stderr
    assert "energy.bin" in answer.stderr


def test_file_names_and_logs_cannot_write_markup_or_control_characters_to_the_terminal(tmp_path):
    folder = make_eembc_folder(tmp_path / "energy")
    (folder / "log.txt").write_text("m-model-[kws01]\n")
    evil = tmp_path / "[red]x[bold]\x1b[31m"
    folder.rename(evil)
    answer = joulebench("integrate", evil, "--iterations", 10)
    assert "\x1b" not in answer.stdout
    assert "[red]x[bold]" in answer.stdout


def test_plot_writes_the_picture_where_it_is_told_or_into_out(tmp_path):
    answer = joulebench("plot", DEMO, "--out", tmp_path / "a.svg")
    assert answer.returncode == 0, answer.stderr
    assert "<svg" in (tmp_path / "a.svg").read_text(encoding="utf-8")
    shutil.copytree(DEMO, tmp_path / "demo")
    answer = joulebench("plot", "demo", cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert (tmp_path / "out" / "demo.png").exists()


def test_an_unknown_kind_of_picture_is_refused(tmp_path):
    answer = joulebench("plot", DEMO, "--out", tmp_path / "a.bmp")
    assert answer.returncode == 2
    assert "usage.picture" in answer.stderr


def test_export_writes_csv_and_parquet_and_overwrites_nothing(tmp_path):
    for name in ("a.csv", "a.parquet"):
        answer = joulebench("export", DEMO, tmp_path / name)
        assert answer.returncode == 0, answer.stderr
        assert "66813 samples, 12 edges" in answer.stdout
    answer = joulebench("export", DEMO, tmp_path / "a.csv")
    assert answer.returncode == 2
    assert "export.exists" in answer.stderr


def test_export_to_another_format_is_refused(tmp_path):
    answer = joulebench("export", DEMO, tmp_path / "a.xlsx")
    assert answer.returncode == 2
    assert "usage.format" in answer.stderr


def test_a_closed_pipe_is_no_traceback():
    command = f"{sys.executable} -m energy.cli.main integrate {DEMO} --json | head -c 10"
    answer = subprocess.run(
        command, shell=True, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert "Traceback" not in answer.stderr


def test_the_demo_measures_on_the_virtual_bench_and_says_so(tmp_path):
    answer = joulebench("demo", "--workload", "ad01", "--out", tmp_path / "demo")
    assert answer.returncode == 0, answer.stderr
    assert "VIRTUAL ad01 (anomaly detection)" in answer.stdout
    assert "inf/s performance" in answer.stdout
    pictures = [line.removeprefix("picture: ") for line in answer.stdout.splitlines() if "picture: " in line]
    assert len(pictures) == 2
    assert all(Path(picture).read_bytes().startswith(b"\x89PNG") for picture in pictures)


def test_measure_gives_its_figures_as_json_in_si_units(tmp_path):
    words = ("measure", "--workload", "ad01", "--mode", "performance", "--out", tmp_path, "--json")
    answer = joulebench(*words)
    assert answer.returncode == 0, answer.stderr
    session = json.loads(answer.stdout)["sessions"][0]
    assert session["virtual"] is True
    assert session["valid"] is True
    assert session["inferences_per_second"]["median"] == pytest.approx(190.086, rel=1e-4)
    assert (Path(session["folder"]) / "session.json").exists()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--workload", "kws99"), "usage.workload"),
        (("--mode", "warp"), "usage.mode"),
        (("--bench", "no-such.toml"), "bench.missing"),
        (("--datasets", "no-such-folder"), "datasets.missing"),
    ],
)
def test_measure_refuses_what_it_does_not_know(words, code, tmp_path):
    answer = joulebench("measure", "--out", tmp_path / "out", *words)
    assert answer.returncode == 2
    assert code in answer.stderr
    assert not (tmp_path / "out").exists()


def test_a_bench_that_is_not_there_has_status_3_with_a_hint_and_leaves_its_folder(tmp_path):
    bench = tmp_path / "desk.toml"
    bench.write_text(
        """
        schema = "joulebench.bench/1"
        name = "desk"
        dut = { board = "NUCLEO-L4R5ZI", voltage_v = 1.8 }
        limits = { highest_v = 3.3, highest_a = 0.05 }
        monitor = { driver = "lpm01a", port = "/dev/no-such-port" }
        io_manager = { driver = "uno", port = "/dev/no-such-port-either" }
        """
    )
    answer = joulebench(
        "measure", "--bench", bench, "--workload", "kws01", "--mode", "energy", "--out", tmp_path / "o"
    )
    assert answer.returncode == 3
    assert "link.missing" in answer.stdout
    session = json.loads(next((tmp_path / "o").glob("*/session.json")).read_text(encoding="utf-8"))
    assert session["state"] == "failed"
    assert session["virtual"] is False


@pytest.mark.parametrize(
    ("words", "usage", "said"),
    [
        (("mesure",), "usage: joulebench [-h]", "did you mean measure?"),
        (("-q", "lst"), "usage: joulebench [-h]", "did you mean list?"),
        (("help", "validat"), "usage: joulebench [-h]", "did you mean validate?"),
        (("measure", "--workloads", "kws01"), "usage: joulebench measure", "did you mean --workload?"),
        (("validate", "x", "--jsn"), "usage: joulebench validate", "did you mean --json?"),
        (("record", "surplus"), "usage: joulebench record", "unrecognized arguments: surplus"),
    ],
)
def test_a_misspelt_verb_or_flag_names_the_one_that_was_meant_with_its_usage(words, usage, said):
    answer = joulebench(*words)
    assert answer.returncode == 2
    assert answer.stderr.startswith(usage)
    assert said in answer.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--workload", "kws"), "did you mean kws01?"),
        (("--workload", "KWS01"), "did you mean kws01?"),
        (("--workload", "visual wake"), "did you mean vww01?"),
        (("--mode", "perf"), "did you mean performance?"),
        (("--mode", "Energy"), "did you mean energy?"),
    ],
)
def test_a_misspelt_workload_or_mode_names_the_one_that_was_meant(words, said, tmp_path):
    answer = joulebench("measure", *words, "--out", tmp_path)
    assert answer.returncode == 2
    assert said in answer.stderr


@pytest.mark.parametrize("verb", [(), ("measure",), ("list",)])
def test_help_of_a_verb_is_what_its_option_shows(verb):
    assert joulebench("help", *verb).stdout == joulebench(*verb, "--help").stdout != ""
