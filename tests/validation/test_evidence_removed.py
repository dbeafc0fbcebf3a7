"""Evidence that is taken away never makes a verdict milder, whatever else is added."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.validation.support import checked, copy_of, edit, edit_json, errors, submissions

__all__ = ["submissions"]


def emptied(name: str) -> Callable[[Path], None]:
    return lambda folder: edit_json(folder / name, lambda trials: [])


def hollow(name: str) -> Callable[[Path], None]:
    """Entries that hold nothing."""
    return lambda folder: edit_json(folder / name, lambda trials: [{} for _ in trials])


def blank(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(b"")


def without(name: str, pattern: str) -> Callable[[Path], None]:
    return lambda folder: edit(folder / name, pattern, "", count=0)


REMOVED: dict[str, tuple[str, Callable[[Path], object]]] = {
    f"{mode} {how.__name__} {name}": ("mlcommons", how(f"{mode}/{name}"))
    for mode in ("energy", "performance", "accuracy")
    for how, name in ((emptied, "results.json"), (hollow, "results.json"), (blank, "results.json"))
}
REMOVED |= {
    f"{runner} {mode} blank {name}": (runner, blank(f"{mode}/{name}"))
    for runner in ("eembc", "mlcommons")
    for mode in ("energy", "performance", "accuracy")
    for name in ("log.txt", "results.txt")
}
REMOVED |= {
    "trace": ("eembc", lambda folder: (folder / "energy/trace1-energy.bin").unlink()),
    "trace and timestamps": ("eembc", lambda folder: [one.unlink() for one in folder.glob("energy/trace1*")]),
    "timestamps": ("eembc", lambda folder: (folder / "energy/trace1-timestamps.json").unlink()),
    "no timestamp": ("eembc", lambda folder: edit_json(folder / "energy/trace1-timestamps.json", list.clear)),
    "laps": ("eembc", without("performance/log.txt", r"^.*m-lap-us.*\n")),
    "a lap": ("eembc", lambda folder: edit(folder / "performance/log.txt", r"^.*m-lap-us.*\n", "")),
    "answers": ("eembc", without("accuracy/log.txt", r"^.*m-results.*\n")),
    "every other answer": (
        "eembc",
        without("accuracy/log.txt", r"^.*m-results.*\n(?=(?:.*\n){4}.*m-results)"),
    ),
    "inferences": ("eembc", without("energy/log.txt", r"^.*infer.*\n")),
    "classes": (
        "mlcommons",
        lambda folder: edit_json(
            folder / "accuracy/results.json",
            lambda trials: [one | {"class": None, "file": f"x{n}"} for n, one in enumerate(trials)],
        ),
    ),
    "times": (
        "mlcommons",
        lambda folder: edit_json(
            folder / "performance/results.json",
            lambda trials: [one["infer"].clear() for one in trials] and None,
        ),
    ),
}


@pytest.mark.parametrize("name", REMOVED)
def test_evidence_that_was_removed_is_an_error_whatever_stands_beside_it(submissions, tmp_path, name):
    runner, remove = REMOVED[name]
    folder = copy_of(submissions, runner, tmp_path)
    assert checked(tmp_path).sound
    remove(folder)
    for beside in (tmp_path, folder.parents[4], folder):
        (beside / "SOURCE.txt").write_text("a partial copy")
        (beside / "MANIFEST.tsv").write_text("sha256\tbytes\tpath\n")
    assert errors(checked(tmp_path)) - {"tree.file-missing"} or name.startswith("trace")
    assert not checked(tmp_path).sound
