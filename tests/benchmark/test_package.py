"""Submissions made of sessions: all files, all lines, and what is refused."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import statistics
from pathlib import Path

import numpy as np
import pytest

from energy.cli.main import main
from energy.errors import UsageError
from energy.evidence import manifest
from energy.findings import Severity
from energy.recording.store import Recording
from energy.runs.results_text import read_results_text
from energy.submission.package import Request, known_of, package
from energy.submission.package_system import FIELDS, read_form, template
from energy.submission.tree import read_tree
from energy.validation.run import validate
from tests.benchmark.packaging import (
    BENCHMARKS,
    FORM,
    MODES,
    SMALL,
    measured,
    packed,
    request,
    trials,
)

__all__ = ["measured", "packed"]


@pytest.fixture
def kws(measured, tmp_path) -> Path:
    """The sessions of one workload, to be tampered with."""
    for mode in MODES:
        shutil.copytree(measured / f"kws01-{mode}", tmp_path / "sessions" / mode)
    return tmp_path / "sessions"


def made(sessions: Path, out: Path, **changes):
    return package(request(sessions, out, **changes), without_pictures)


def without_pictures(results, folder, note):
    """Draws nothing: matplotlib is slow."""


def codes(answer) -> set[str]:
    return {problem.code for problem in answer.refused}


def reseal(folder: Path, name: str, change) -> None:
    """Changes a document of a session, and the manifest with it."""
    document = json.loads((folder / name).read_text(encoding="utf-8"))
    change(document)
    (folder / name).write_text(json.dumps(document), encoding="utf-8")
    (folder / "manifest.json").unlink(missing_ok=True)
    said = {"schema": "joulebench.manifest/1", "files": manifest.manifest(folder)}
    (folder / "manifest.json").write_text(json.dumps(said), encoding="utf-8")


NUMBER = r"[0-9]+(?:\.[0-9]+)?"
LINES = {
    "energy": [
        r"^Energy data for trial [0-4]$",
        rf"^  Elapsed time  : {NUMBER}$",
        r"^  Inferences    : [0-9]+$",
        rf"^  Power         : {NUMBER} mW\.$",
        rf"^  Total Energy  : {NUMBER} uJ$",
        rf"^  Energy/Inf    : {NUMBER} uJ/inf$",
    ],
    "performance": [
        r"^Performance results for window [1-5]$",
        r"^    # Inferences : [0-9]+$",
        rf"^    Runtime: {NUMBER} sec\.$",
        rf"^    Throughput: {NUMBER} inf\./sec\.$",
    ],
    "accuracy": [],
}
"""mlperf-tiny.md 2, MLCommons results text; each five times."""
ONCE = {
    "energy": [rf"^Median energy cost is {NUMBER} uJ/inf\.$"],
    "performance": [rf"^[0-9]{{4}}\.[0-9]{{6}} ulp-mlperf: Median throughput is +{NUMBER} inf\./sec\.$"],
    "accuracy": [
        rf"^[0-9]{{4}}\.[0-9]{{6}} ulp-mlperf: Top 1% = {NUMBER}$",
        rf"^[0-9]{{4}}\.[0-9]{{6}} ulp-mlperf: AUC = {NUMBER}$",
    ],
}


def test_a_package_of_four_workloads_has_every_file_and_every_line_of_the_rules(packed):
    assert packed.written
    out = packed.root.parent
    top = out / "VIRTUAL/closed/Me"
    for benchmark in BENCHMARKS:
        for mode in MODES:
            folder = top / "results/VIRTUAL-Board" / benchmark / mode
            files = {"log.txt", "results.txt", "results.json"}
            files |= {f"energy_inf_00{k}.png" for k in range(5)} if mode == "energy" else set()
            assert {path.name for path in folder.iterdir()} == files
            text = (folder / "results.txt").read_text()
            for pattern in LINES[mode]:
                assert len(re.findall(pattern, text, re.MULTILINE)) == 5, (benchmark, mode, pattern)
            for pattern in ONCE[mode]:
                assert len(re.findall(pattern, text, re.MULTILINE)) == 1, (benchmark, mode, pattern)
            assert text.startswith("VIRTUAL")
            assert (folder / "log.txt").read_text().startswith("VIRTUAL")
            entries = json.loads((folder / "results.json").read_text())
            assert all(entry["virtual"] is True and entry["mode"] == mode[0] for entry in entries)
            assert len(entries) == (
                5 if mode != "accuracy" else 4 if benchmark == "ad" else SMALL[BENCHMARKS[benchmark]]
            )
    description = json.loads((top / "systems/VIRTUAL-Board.json").read_text())
    assert list(description) == list(FIELDS)
    assert description["Submitter"] == "Me"
    assert description["Board Name"] == "NUCLEO-L4R5ZI"
    notes = "Energy measured at 1.8 V with X-NUCLEO-LPM01A (scope: core; inference only)"
    assert description["Hardware Notes"] == notes
    for path in out.rglob("*"):
        assert not path.is_symlink()
        assert path.is_file() or any(path.iterdir())
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_our_readers_read_a_package_back_with_the_sessions_figures(measured, packed):
    tree = read_tree(packed.root)
    assert not [one for one in tree.all_findings() if one.severity is Severity.ERROR]
    places = {place.folder.benchmark: place for place in tree.places()}
    assert set(places) == set(BENCHMARKS)
    for benchmark, place in places.items():
        assert place.submission.division == "closed"
        assert place.submission.organization == "Me"
        assert place.system.description.status == "available"
        assert place.folder.runner == "mlcommons"
        results = {
            mode: json.loads((measured / f"{BENCHMARKS[benchmark]}-{mode}/result.json").read_text())
            for mode in MODES
        }
        printed = {mode: read_results_text(place.folder.modes[mode].results) for mode in MODES}
        cost = statistics.median(w["energies"]["mlcommons"]["energy_j"] * 1e6 / w["iterations"]
                                 for w in results["energy"]["windows"])  # fmt: skip
        assert printed["energy"].median_energy_uj.number == pytest.approx(cost, abs=6e-5)
        rate = results["performance"]["session"]["inferences_per_second"]["median"]
        assert printed["performance"].median_throughput.number == pytest.approx(rate, abs=6e-4)
        assert printed["accuracy"].top_1.number == pytest.approx(
            results["accuracy"]["session"]["top_1"] * 100, abs=0.06
        )
        assert printed["accuracy"].auc.number == pytest.approx(
            results["accuracy"]["session"]["auc"], abs=6e-4
        )


def test_the_file_beside_the_tree_names_what_was_allowed_and_every_file(kws, tmp_path):
    answer = made(kws, tmp_path / "out")
    said = json.loads((answer.root / "joulebench_package.json").read_text())
    assert said["virtual"] is True
    assert said["allowed"] == ["--allow-virtual"]
    files = {
        p.relative_to(tmp_path / "out").as_posix(): p for p in (tmp_path / "out").rglob("*") if p.is_file()
    }
    files.pop("VIRTUAL/joulebench_package.json")
    assert {name: one["sha256"] for name, one in said["files"].items()} == {
        name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()
    }
    assert {(one["benchmark"], one["mode"]) for one in said["sessions"]} == {("kws", mode) for mode in MODES}


def test_without_leave_nothing_virtual_is_packaged(kws, tmp_path):
    answer = made(kws, tmp_path / "out", allow_virtual=False, allow_errors=True)
    assert codes(answer) == {"package.virtual"}
    assert not answer.written
    assert not (tmp_path / "out").exists()


def test_a_real_session_lies_right_below_the_folder(kws, tmp_path):
    def real(document):
        document["virtual"] = False
        document["synthetic_inputs"] = False

    for mode in MODES:
        reseal(kws / mode, "session.json", real)
        reseal(kws / mode, "result.json", lambda document: document.update(virtual=False))
    answer = made(kws, tmp_path / "out", allow_virtual=False)
    assert answer.written
    assert (tmp_path / "out/closed/Me/systems/Board.json").is_file()
    assert (tmp_path / "out/closed/Me/results/Board/kws/energy/results.json").is_file()
    reseal(kws / "energy", "session.json", lambda document: document.update(synthetic_inputs=True))
    assert codes(made(kws, tmp_path / "two", allow_virtual=False)) == {"package.synthetic"}


def test_an_altered_or_unsealed_session_is_never_packaged(kws, tmp_path):
    with (kws / "performance/mlperf/results.txt").open("a") as file:
        file.write("Median throughput is 1000.000 inf./sec.\n")
    (kws / "accuracy/manifest.json").unlink()
    answer = made(kws, tmp_path / "out", allow_errors=True)
    assert codes(answer) == {"package.altered", "package.no-manifest"}


def test_a_missing_mode_is_named_and_energy_may_be_missing(kws, tmp_path):
    shutil.rmtree(kws / "energy")
    assert made(kws, tmp_path / "out").written
    shutil.rmtree(kws / "performance")
    answer = made(kws, tmp_path / "two", allow_errors=True)
    assert [one.text for one in answer.refused] == ["kws: there is no session in performance mode"]


def test_two_sessions_of_one_mode_are_refused(kws, tmp_path):
    shutil.copytree(kws / "energy", kws / "again")
    assert codes(made(kws, tmp_path / "out", allow_errors=True)) == {"package.twice"}


@pytest.mark.parametrize(
    ("mode", "dut", "code"),
    [
        ("performance", {"firmware_sha256": "b" * 64}, "package.another-firmware"),
        ("energy", {"firmware_sha256": "b" * 64}, None),
        ("energy", {"board": "GAP9"}, "package.another-dut"),
        ("energy", {"profile": "something else"}, "package.another-dut"),
        ("energy", {"model": "ic01"}, "package.model"),
    ],
)
def test_the_duts_and_their_firmware_must_be_the_same(kws, tmp_path, mode, dut, code):
    reseal(
        kws / "accuracy", "session.json", lambda document: document["dut"].update(firmware_sha256="a" * 64)
    )
    reseal(kws / mode, "session.json", lambda document: document["dut"].update(dut))
    assert codes(made(kws, tmp_path / "out", allow_errors=True)) == ({code} if code else set())


def test_errors_need_leave_and_are_named(kws, tmp_path):
    finding = {"code": "spread.large", "severity": "error"}
    reseal(kws / "energy", "result.json", lambda document: document.update(findings=[finding], valid=False))
    reseal(kws / "accuracy", "session.json", lambda document: document["validation"].update(full=False))
    answer = made(kws, tmp_path / "out")
    assert codes(answer) == {"package.errors", "package.subset"}
    allowed = made(kws, tmp_path / "out", allow_errors=True)
    assert allowed.written
    said = json.loads((allowed.root / "joulebench_package.json").read_text())
    assert said["allowed"] == ["--allow-errors", "--allow-virtual"]
    assert "spread.large" in json.dumps(said["problems"])


def test_a_missed_target_counts_in_the_closed_division_only(kws, tmp_path):
    finding = {"code": "accuracy.below-target", "severity": "error"}
    reseal(kws / "accuracy", "result.json", lambda document: document.update(findings=[finding], valid=False))
    assert codes(made(kws, tmp_path / "out")) == {"package.errors"}
    wish = Request([kws], tmp_path / "out", "open", "Me", "Board", FORM, allow_virtual=True)
    assert package(wish, without_pictures).written


def test_an_unfinished_session_is_refused(kws, tmp_path):
    reseal(kws / "energy", "session.json", lambda document: document.update(state="interrupted"))
    assert "package.unfinished" in codes(made(kws, tmp_path / "out", allow_errors=True))


def test_a_faster_monitor_s_energies_are_those_of_its_bins(kws, tmp_path):
    shutil.rmtree(kws / "energy")
    folder = trials(kws / "energy", "kws01", "energy", 5000.0)
    assert made(kws, tmp_path / "out").written
    entries = json.loads((folder / "mlperf/results.json").read_text())
    recording = Recording(folder)
    samples = np.concatenate([block.columns[0] for block in recording.read(recording.first, recording.stop)])
    joules = samples * recording.signal.joule_per_unit
    windows = json.loads((folder / "session.json").read_text())["trials"]
    printed = read_results_text(folder / "mlperf/results.txt")
    for entry, trial, window in zip(entries, windows, printed.windows, strict=True):
        # Sample k is worth k's energy times the part of it between the edges.
        k = np.arange(len(joules)) + recording.first
        inside = np.clip(np.minimum(k + 1, trial["closing"]) - np.maximum(k, trial["opening"]), 0, 1)
        truth = float((joules * inside).sum()) * 1e6
        assert window.energy_uj.number == pytest.approx(truth, abs=6e-4)
        opening, closing = (index for _, index in entry["power"]["timestamps"])
        assert sum(entry["power"]["samples"][opening:closing]) * 1e6 == pytest.approx(truth, rel=1e-12)
        assert 0 <= closing - opening - trial["duration_s"] * 1e3 < 1


def test_a_slower_monitor_is_refused_with_the_reason(kws, tmp_path):
    shutil.rmtree(kws / "energy")
    trials(kws / "energy", "kws01", "energy", 500.0)
    answer = made(kws, tmp_path / "out", allow_errors=True)
    assert codes(answer) == {"package.rate"}
    assert "bins of 1 ms" in answer.refused[0].text


@pytest.mark.parametrize("what", ["bins", "marks"])
def test_energies_that_do_not_follow_from_the_recording_are_refused(kws, tmp_path, what):
    def change(entries):
        power = entries[2]["power"]
        if what == "bins":
            power["samples"][power["timestamps"][0][1] + 100] *= 0.5
        else:
            power["timestamps"][1][1] -= 1

    reseal(kws / "energy", "mlperf/results.json", change)
    answer = made(kws, tmp_path / "out", allow_errors=True)
    assert codes(answer) == {"package.energy-differs"}
    assert all("trial 2" in problem.text for problem in answer.refused)


HOSTILE = {
    "no inference": ("mlperf/results.json", lambda all_: all_[0]["infer"].update(iterations=0)),
    "no window": ("mlperf/results.json", lambda all_: all_[0]["power"].update(timestamps=[])),
    "an endless mark": (
        "mlperf/results.json",
        lambda all_: all_[0]["power"]["timestamps"][-1].__setitem__(1, 1e999),
    ),
    "a bin beyond all": (
        "mlperf/results.json",
        lambda all_: all_[0]["power"]["samples"].__setitem__(0, 10**400),
    ),
    "a bin of text": ("mlperf/results.json", lambda all_: all_[0]["power"]["samples"].__setitem__(0, "x")),
    "bins that are none": ("mlperf/results.json", lambda all_: all_[0]["power"].update(samples=3)),
    "power that is none": ("mlperf/results.json", lambda all_: all_[0].update(power=[1])),
    "a trial that is none": ("mlperf/results.json", lambda all_: all_.__setitem__(0, 3)),
    "a window beyond the recording": ("session.json", lambda all_: all_["trials"][4].update(closing=2.0**52)),
    "a window before the recording": (
        "session.json",
        lambda all_: all_["trials"][0].update(opening=-(2.0**52)),
    ),
    "a window that ends before it begins": (
        "session.json",
        lambda all_: all_["trials"][0].update(opening=all_["trials"][0]["closing"] + 1),
    ),
    "a window without an end": ("session.json", lambda all_: all_["trials"][0].pop("closing")),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_a_foreign_hand_put_into_a_sealed_session_is_a_problem_and_no_traceback(kws, tmp_path, what):
    name, change = HOSTILE[what]
    reseal(kws / "energy", name, change)
    answer = made(kws, tmp_path / "out", allow_errors=True)
    assert codes(answer) <= {"package.energy-differs", "package.energy-unreadable"}
    assert codes(answer)


def test_a_form_lists_all_that_is_missing_and_the_template_asks_for_it(kws, tmp_path):
    with pytest.raises(UsageError) as caught:
        made(kws, tmp_path / "out", form={"Status": "available"})
    assert caught.value.code == "form.incomplete"
    for name in ("Processor(s) Name", "Software Libraries", "Operating System", "Quantization Method"):
        assert repr(name) in caught.value.message
    assert not (tmp_path / "out").exists()
    text = template(known_of(request(kws, tmp_path / "out")))
    assert text.count("# must be filled in") == 5
    for name, value in FORM.items():
        text = text.replace(f'"{name.strip()}" = ""', f'"{name.strip()}" = "{value}"')
    (tmp_path / "form.toml").write_text(text)
    form = read_form(tmp_path / "form.toml")
    assert {name: form[name] for name in FORM} == FORM
    assert made(kws, tmp_path / "out", form=form).written


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({**FORM, "Status": "soon"}, r"form\.status"),
        ({**FORM, "Division": "Open"}, r"form\.division"),
    ],
)
def test_a_form_that_contradicts_is_refused(kws, tmp_path, form, code):
    with pytest.raises(UsageError, match=code):
        made(kws, tmp_path / "out", form=form)


@pytest.mark.parametrize("text", ['"Colour" = "red"', '"Status" = 3', "not toml"])
def test_a_form_with_other_fields_is_refused(tmp_path, text):
    (tmp_path / "form.toml").write_text(text)
    with pytest.raises(UsageError, match=r"form\."):
        read_form(tmp_path / "form.toml")


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".hidden", "two words"])
def test_names_cannot_lead_out_of_the_tree(kws, tmp_path, name):
    with pytest.raises(UsageError, match=r"package\.name"):
        package(Request([kws], tmp_path / "out", "closed", name, "Board", FORM), without_pictures)
    with pytest.raises(UsageError, match=r"package\.name"):
        package(Request([kws], tmp_path / "out", "closed", "Me", name, FORM), without_pictures)


def test_a_folder_that_is_in_use_is_not_written_to(kws, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine.txt").write_text("keep")
    with pytest.raises(UsageError, match=r"package\.out"):
        made(kws, tmp_path / "out")
    assert (tmp_path / "out/mine.txt").read_text() == "keep"


def test_the_verb_ends_with_1_where_something_is_refused_and_0_where_not(kws, tmp_path, capsys):
    (tmp_path / "form.toml").write_text("".join(f'"{k.strip()}" = "{v}"\n' for k, v in FORM.items()))
    words = ["package", str(kws), "--out", str(tmp_path / "out"), "--organization", "Me", "--system", "Board"]
    words += ["--division", "closed", "--form", str(tmp_path / "form.toml"), "--json"]
    assert main(words) == 1
    assert json.loads(capsys.readouterr().out)["written"] is False
    assert main([*words, "--allow-virtual"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["written"], said["virtual"]) == (True, True)
    assert main(words) == 2


def checked(tree: Path):
    return validate([tree], workers=1).all_findings


def changed(old: str, new: str):
    def change(folder: Path) -> None:
        path = folder / "mlperf/results.txt"
        text = path.read_text(encoding="utf-8")
        assert re.search(old, text)
        path.write_text(re.sub(old, new, text), encoding="utf-8")
        reseal(folder, "session.json", lambda document: None)

    return change


@pytest.mark.parametrize(
    ("mode", "old", "new", "code"),
    [
        ("performance", r"Median throughput is +[0-9.]+", "Median throughput is 99.000", "result.differs"),
        ("performance", r"Median throughput is .*", "", "result.no-median"),
        ("performance", r"Throughput: [0-9.]+", "Throughput: nan", "result.not-a-number"),
        ("accuracy", r"Top 1% = [0-9.]+", "Top 1% = 99.9", "accuracy.differs"),
    ],
)
def test_a_tree_in_which_validation_finds_an_error_is_not_written(kws, tmp_path, mode, old, new, code):
    changed(old, new)(kws / mode)
    assert made(kws, tmp_path / "unchecked").written  # the package's own checks do not see it
    answer = package(request(kws, tmp_path / "out"), without_pictures, checked)
    assert code in codes(answer)
    assert not answer.written
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sessions", "unchecked"]
    allowed = package(request(kws, tmp_path / "out", allow_errors=True), without_pictures, checked)
    assert allowed.written
    assert code in {problem.code for problem in allowed.problems}
    said = json.loads((allowed.root / "joulebench_package.json").read_text())
    assert "--allow-errors" in said["allowed"]
    assert code in {one["code"] for one in said["findings"]}


def test_the_verb_names_what_validation_found(kws, tmp_path, capsys):
    changed(r"Median throughput is +[0-9.]+", "Median throughput is 99.000")(kws / "performance")
    (tmp_path / "form.toml").write_text("".join(f'"{k.strip()}" = "{v}"\n' for k, v in FORM.items()))
    words = ["package", str(kws), "--out", str(tmp_path / "out"), "--organization", "Me", "--system", "Board"]
    words += ["--division", "closed", "--form", str(tmp_path / "form.toml"), "--allow-virtual"]
    assert main(words) == 1
    shown = capsys.readouterr().out
    assert "result.differs" in shown
    assert "nothing was written" in shown
    assert not (tmp_path / "out").exists()
    assert main([*words, "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert "result.differs" in {problem["code"] for problem in said["problems"]}
    assert main([*words, "--allow-errors"]) == 0


@pytest.mark.parametrize("printed", ["nan", "0.0000"])
def test_a_median_that_does_not_follow_from_the_bins_is_refused(kws, tmp_path, printed):
    changed(r"Median energy cost is [0-9.]+", f"Median energy cost is {printed}")(kws / "energy")
    answer = made(kws, tmp_path / "out", allow_errors=True)
    assert codes(answer) == {"package.energy-differs"}
    assert "the median" in answer.refused[0].text
