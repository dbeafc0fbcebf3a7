"""Whatever `integrate` and `validate` both look at, both say the same of it."""

from __future__ import annotations

import json
import shutil
import statistics
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from energy.cli.main import main
from tests.conftest import ROOT, SHARED, shared_folder
from tests.validation.support import edit, edit_json, edit_timestamps
from tests.validation.synthetic import Truth, write_eembc_energy, write_mlcommons_energy

OF_A_TREE = ("tree.file-missing", "tree.file-not-copied", "tree.mode-name", "tree.extra-level")
"""What only the tree around a run shows: `integrate` looks at the run alone."""
OF_OTHERS = ("artefact.copied", "artefact.resubmitted")
"""What only other runs show."""


def said_by(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    main([*arguments, "--json"])
    return json.loads(capsys.readouterr().out)


def runs_of(report: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for submission in report["submissions"]:
        for folder in submission["benchmarks"]:
            yield from (run for run in folder["runs"] if run["mode"] == "energy")


def findings_of(findings: list[dict[str, Any]]) -> Counter[tuple[str, int | None, str]]:
    return Counter(
        (one["code"], one["window"], one["evidence"])
        for one in findings
        if one["code"] not in OF_A_TREE + OF_OTHERS
    )


def check_same(root: Path, integrated: dict[str, Any], validated: dict[str, Any]) -> int:
    """Compares every trace with the run of its folder; answers how many there are."""
    by_path = {(root / run["path"]).resolve(): run for run in runs_of(validated)}
    assert not integrated["failed"]
    for trace in integrated["traces"]:
        path = Path(trace["path"]).resolve()
        run = by_path.get(path.parent if path.is_file() else path)
        if run is None and len(by_path) == 1:  # a session that was named itself goes by its folder's name
            (run,) = by_path.values()
        assert run is not None, path
        rule = trace["runner_rule"]
        ours = [
            (one["number"], one["start_s"], one["stop_s"], one["window_s"], one["iterations"],
             one["energies"]["exact" if run["runner"] == "joulebench" else rule]["energy_j"],
             one["energies"][rule]["power_w"])
            for one in trace["windows"]
        ]  # fmt: skip
        names = ("number", "start_s", "stop_s", "duration_s", "iterations", "energy_j", "power_w")
        assert ours == [tuple(one[name] for name in names) for one in run["windows"]], path
        assert trace["figures"] == run["figures"], path
        assert findings_of(trace["findings"]) == findings_of(run["findings"]), path
        assert trace["virtual"] == run["virtual"]
    return len(integrated["traces"])


@pytest.mark.parametrize("round_", ["v0.5", "v1.2", "v1.3"])
def test_both_verbs_say_the_same_of_every_published_folder(capsys, round_):
    root = shared_folder(f"published/{round_}")
    assert SHARED in root.parents
    integrated = said_by(capsys, "integrate", str(root))
    validated = said_by(capsys, "validate", str(root), "--workers", "1")
    assert check_same(root, integrated, validated) == {"v0.5": 4, "v1.2": 18, "v1.3": 15}[round_]


def test_both_verbs_say_the_same_of_every_fixture(capsys):
    folders = sorted(path.parent for path in (ROOT / "fixtures").rglob("trace.arrow"))
    assert folders
    for folder in folders:
        integrated = said_by(capsys, "integrate", str(folder))
        assert check_same(folder, integrated, said_by(capsys, "validate", str(folder))) == 1


def a_last_digit(folder: Path) -> None:
    edit(folder / "results.txt", r"(Energy\s*:\s+\d+)", r"\g<1>1")


def another_energy(folder: Path) -> None:
    edit(folder / "results.txt", r"(Energy\s*:\s+)\d", r"\g<1>7")


def other_iterations(folder: Path) -> None:
    edit(folder / "results.txt", r"(Inferences\s*:\s+)\d+", r"\g<1>7")


def a_lost_window(folder: Path) -> None:
    edit(folder / "log.txt", r"^.*(?:infer 100 1|Running inference).*\n", "")


def no_log(folder: Path) -> None:
    (folder / "log.txt").unlink()


def no_results(folder: Path) -> None:
    (folder / "results.txt").unlink()


def a_log_that_is_none(folder: Path) -> None:
    (folder / "log.txt").write_bytes(b"\x00\xff" * 3000)


def other_line_ends(folder: Path) -> None:
    text = (folder / "results.txt").read_bytes()
    (folder / "results.txt").write_bytes(text.replace(b"\n", b"\r\n"))


def another_name(folder: Path) -> None:
    (folder / "log.txt").rename(folder / "energy_log.txt")


def a_lost_edge(folder: Path) -> None:
    if (folder / "results.json").exists():
        edit_json(folder / "results.json", lose_last_mark)
    else:
        edit_timestamps(folder.parent, lambda edges: edges.pop(4))


def a_bouncing_edge(folder: Path) -> None:
    if (folder / "results.json").exists():
        edit_json(folder / "results.json", double_first_mark)
    else:
        edit_timestamps(folder.parent, lambda edges: edges.insert(3, edges[3]))


def lose_last_mark(trials: list[Any]) -> None:
    trials[2]["power"]["timestamps"].pop()


def double_first_mark(trials: list[Any]) -> None:
    marks = trials[1]["power"]["timestamps"]
    marks.insert(0, list(marks[0]))


def a_count_that_is_none(folder: Path) -> None:
    """A bad number where a count should be, which both readers of results.json once judged differently."""
    if (folder / "results.json").exists():
        edit_json(folder / "results.json", lambda trials: trials[3]["infer"].update(iterations="fifty"))


CHANGES = [
    a_last_digit, another_energy, other_iterations, a_lost_window, no_log, no_results, a_log_that_is_none,
    other_line_ends, another_name, a_lost_edge, a_bouncing_edge, a_count_that_is_none,
]  # fmt: skip


@pytest.mark.parametrize("write", [write_eembc_energy, write_mlcommons_energy])
@pytest.mark.parametrize("change", CHANGES)
def test_both_verbs_say_the_same_of_a_damaged_run(capsys, tmp_path, write, change):
    folder = tmp_path / "v1.3" / "closed" / "Lab" / "results" / "board" / "kws" / "energy"
    write(folder, Truth())
    change(folder)
    integrated = said_by(capsys, "integrate", str(tmp_path))
    assert check_same(tmp_path, integrated, said_by(capsys, "validate", str(tmp_path))) == 1


DEMO = ROOT / "fixtures" / "recordings" / "kws01-closed-form"


def recording_with_result(folder: Path, times: float) -> Path:
    """The fixture with a result.json whose median throughput is the fixture's truth times a factor."""
    shutil.copytree(DEMO, folder)
    truth = json.loads((DEMO / "truth.json").read_text(encoding="utf-8"))
    (iterations,) = set(json.loads((DEMO / "session.json").read_text(encoding="utf-8"))["iterations"])
    median = iterations / statistics.median(truth["window_s"]) * times
    result = {
        "windows": [{"iterations": iterations} for _ in truth["window_s"]],
        "session": {"inferences_per_second": {"median": median}},
    }
    (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")
    return folder


@pytest.mark.parametrize(("times", "differing"), [(1, []), (1.001, ["result.differs"])])
def test_both_verbs_compare_a_recording_with_its_result(capsys, tmp_path, times, differing):
    folder = recording_with_result(tmp_path / "session", times)
    integrated = said_by(capsys, "integrate", str(folder))
    assert check_same(folder, integrated, said_by(capsys, "validate", str(folder))) == 1
    (trace,) = integrated["traces"]
    assert [one["code"] for one in trace["findings"] if one["code"].startswith("result.")] == differing
    main(["integrate", str(folder)])
    said = capsys.readouterr().out
    assert ("result.json: all 1 printed figures follow from the trace" in said) == (not differing)
    assert "results.txt" not in said


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"x"'])
def test_both_verbs_find_a_result_that_is_none(capsys, tmp_path, text):
    folder = recording_with_result(tmp_path / "session", 1)
    (folder / "result.json").write_text(text, encoding="utf-8")
    integrated = said_by(capsys, "integrate", str(folder))
    assert check_same(folder, integrated, said_by(capsys, "validate", str(folder))) == 1
    assert [one["code"] for one in integrated["traces"][0]["findings"]].count("file.damaged") == 1
