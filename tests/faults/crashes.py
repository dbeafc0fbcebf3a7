"""Sessions killed at random moments, and their folders recovered: nothing claims more than it has.

``python -m tests.faults.crashes --count 200 --seed 1`` runs many; ``make test`` runs a few.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from energy.benchmark.limits import WINDOWS
from energy.errors import RecordingError, UsageError
from energy.recording.store import Recording
from energy.session.recover import recover
from energy.session.recovery import Recovery
from energy.validation.paths import validate_paths
from tests.conftest import ROOT
from tests.faults.cells import CLOCK, DIGITS, EDGE_S

KINDS = (
    ("lpm01a", "energy"),
    ("joulescope-js220", "energy"),
    ("ppk2-source", "energy"),
    ("keithley-2461", "energy"),
    ("lpm01a-binary", "energy"),
    ("lpm01a", "performance"),
    ("lpm01a", "record"),
)
"""Bench and mode: edges in the stream, by a gate, by the IO manager; timed by the DUT; a recording."""
LONGEST_S = 120.0


@dataclass(frozen=True)
class Crash:
    """A session that is killed.

    Attributes:
        bench: The bench.
        mode: ``"energy"``, ``"performance"`` or ``"record"``.
        after_s: Time between the first file of its folder and the kill.
    """

    bench: str
    mode: str
    after_s: float


@dataclass(frozen=True)
class Aftermath:
    """What became of it.

    Attributes:
        state: The state that ``session.json`` had after the kill; ``"none"`` without that file.
        trials: Trials that it had.
        recovery: What the recovery answered; None where there was nothing to recover.
        problems: What must not be; empty where all is well.
    """

    state: str
    trials: int
    recovery: Recovery | None
    problems: tuple[str, ...]


def killed(crash: Crash, folder: Path, truth: Path) -> bool:
    """Starts the session in a child and kills it; whether it still ran."""
    command = [
        sys.executable,
        "-m",
        "tests.faults.crashing",
        str(folder),
        str(truth),
        crash.bench,
        crash.mode,
    ]
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    deadline = time.monotonic() + LONGEST_S
    while not folder.exists() and child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    try:
        child.wait(timeout=crash.after_s)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
        return True
    _, errors = child.communicate()
    assert child.returncode == 0, errors.decode()
    return False


def aftermath(crash: Crash, folder: Path, truth: Path) -> Aftermath:
    """Opens, recovers and validates what a kill has left."""
    problems: list[str] = []
    with contextlib.suppress(RecordingError):  # a coded refusal
        Recording(folder)
    before = _document(folder / "session.json")
    state, trials = str(before.get("state", "none")), len(before.get("trials", []))
    try:
        answer = recover(folder)
    except UsageError as error:
        if error.code != "recover.no-session" or before:
            problems.append(str(error))
        return Aftermath(state, trials, None, tuple(problems))
    if crash.mode != "record" and state != "failed" and answer.trials != trials:
        problems.append(f"{trials} trials had closed, {answer.trials} are valid")
    problems += _wrong_numbers(crash, folder, truth)
    problems += _not_sound(folder) if crash.mode != "record" and trials == WINDOWS else []
    with contextlib.suppress(UsageError):  # path.nothing: no trace, and no result
        validate_paths([folder])
    files = digests(folder)
    again = recover(folder)
    if not again.done.startswith("nothing was done") or digests(folder) != files:
        problems.append(f"a second recovery changed it: {again.done}")
    return Aftermath(state, trials, answer, tuple(problems))


def _not_sound(folder: Path) -> list[str]:
    report, _ = validate_paths([folder])
    errors = [f"{found.code}: {found.evidence}" for found in report.all_findings]
    return [] if report.sound else [f"it is not sound after its recovery: {errors}"]


def _wrong_numbers(crash: Crash, folder: Path, truth: Path) -> list[str]:
    """The windows of a valid result whose energy or length is not the world's."""
    result = _document(folder / "result.json")
    session = _document(folder / "session.json")
    if not result.get("valid"):
        return []
    works = json.loads(truth.read_text(encoding="utf-8"))
    if len(session["trials"]) != WINDOWS or len(result["windows"]) != WINDOWS:
        return [f"it is valid with {len(session['trials'])} trials"]
    problems: list[str] = []
    for trial, window in zip(session["trials"], result["windows"], strict=True):
        _, loaded_s, answered_s = trial["times_s"]
        work = [each for each in works if loaded_s <= each["start_s"] <= answered_s][-1]
        problems += _compare(crash, trial, window, work)
    return problems


def _compare(crash: Crash, trial: dict[str, Any], window: dict[str, Any], work: dict[str, Any]) -> list[str]:
    problems: list[str] = []
    length_s = work["stop_s"] - work["start_s"]
    if abs(window["window_s"] - length_s) > CLOCK * length_s + EDGE_S:
        problems.append(f"trial {trial['number']}: {window['window_s']} s, {length_s} s in the world")
    if window["iterations"] != work["iterations"]:
        problems.append(f"trial {trial['number']}: {window['iterations']} inferences of {work['iterations']}")
    answered = "m-results-[" + ",".join(f"{score:.3f}" for score in trial["results"]) + "]"
    if answered != work["answer"]:
        problems.append(f"trial {trial['number']}: answer {answered}, the DUT's {work['answer']}")
    if crash.mode == "energy":
        true_j, given_j = work["energy_j"], window["energies"]["exact"]["energy_j"]
        bound_j = sum(window["edge_bound_j"].values()) + (DIGITS[crash.bench] + CLOCK + 1e-3) * true_j
        if abs(given_j - true_j) > bound_j:
            problems.append(f"trial {trial['number']}: {given_j} J, {true_j} J in the world, ±{bound_j}")
    return problems


def _document(path: Path) -> dict[str, Any]:
    """A document; empty where there is none. A part of one may not be there: it is an error here."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def digests(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file of a folder."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def crash_at_random(chance: random.Random, lengths: dict[tuple[str, str], float]) -> Crash:
    """A crash of a random kind at a random moment of its length."""
    bench, mode = chance.choice(KINDS)
    return Crash(bench, mode, chance.uniform(0.0, lengths[bench, mode]))


def lengths_s() -> dict[tuple[str, str], float]:
    """How long a whole session of each kind takes on this machine, from the first file of its folder."""
    lengths: dict[tuple[str, str], float] = {}
    for bench, mode in KINDS:
        with tempfile.TemporaryDirectory() as path:
            folder = Path(path) / "session"
            begun = time.monotonic()
            assert not killed(Crash(bench, mode, LONGEST_S), folder, Path(path) / "truth.json")
            lengths[bench, mode] = 0.9 * (time.monotonic() - begun)  # without the interpreter's start
    return lengths


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Many crashes, with a table of what became of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    options = parser.parse_args()
    _say(f"seed {options.seed}")
    chance, lengths = random.Random(options.seed), lengths_s()
    _say(", ".join(f"{bench}/{mode} {length_s:.1f} s" for (bench, mode), length_s in lengths.items()))
    seen: Counter[tuple[str, str, str]] = Counter()
    failed = 0
    number = ended = 0
    while number < options.count:
        crash = crash_at_random(chance, lengths)
        with tempfile.TemporaryDirectory() as path:
            folder, truth = Path(path) / "session", Path(path) / "truth.json"
            if not killed(crash, folder, truth):
                ended += 1
                continue
            number += 1
            end = aftermath(crash, folder, truth)
        now = end.recovery.state if end.recovery else "no session"
        kind = f"{crash.bench}/{crash.mode}"
        seen[kind, end.state, f"{end.trials} -> {now}"] += 1
        if end.problems:
            failed += 1
            _say(f"{number}: {crash}: {'; '.join(end.problems)}")
    for (kind, state, became), count in sorted(seen.items()):
        _say(f"{kind:26} {state:16} {became:24} {count:4}")
    _say(f"{number} killed ({ended} more had ended before), {failed} wrong")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
