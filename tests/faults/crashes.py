"""Sessions killed in every phase, and their folders recovered: nothing claims more than it has.

``python -m tests.faults.crashes --count 200 --seed 1`` kills sessions in real time, three at once; with
``--virtual`` in virtual time, which is quicker and has more benches; ``--cuts 500`` damages folders as a
power cut may (``tests.faults.cuts``). ``make test`` runs a few of each.
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
import threading
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from drivers.virtual.clock import RemoteWorld
from drivers.virtual.remote import pipe_of
from energy.benchmark.limits import WINDOWS
from energy.errors import BenchError, RecordingError, UsageError
from energy.findings import Severity
from energy.recording.store import Recording
from energy.session.recover import recover
from energy.session.recovery import Recovery
from energy.validation.paths import validate_paths
from tests.conftest import ROOT
from tests.faults.cells import CLOCK, DIGITS, EDGE_S
from tests.faults.crashing import PHASES

Kind = tuple[str, str]
KINDS: tuple[Kind, ...] = (
    ("lpm01a", "energy"),
    ("joulescope-js220", "energy"),
    ("ppk2-source", "energy"),
    ("keithley-2461", "energy"),
    ("lpm01a-binary", "energy"),
    ("lpm01a", "performance"),
    ("lpm01a", "record"),
)
"""Bench and mode: edges in the stream, by a gate, by the IO manager; timed by the DUT; a recording."""
REAL_KINDS = tuple(kind for kind in KINDS if "joulescope" not in kind[0])
"""Those with a port for a bench in another process, which outlives its host."""
LONGEST_S = 300.0
GUARDED_S = 30.0
"""Within so long the guardian must have ended."""
OFF_S = 10.0
"""Within so long after a kill the guardian must have switched the supply off, on a machine that is busy."""


@dataclass(frozen=True)
class Crash:
    """A session that is killed.

    Attributes:
        bench: The bench.
        mode: ``"energy"``, ``"performance"`` or ``"record"``.
        phase: In which phase.
        occurrence: When it has begun so many times before: there are several trials.
        after_s: Time between its beginning and the kill.
        real: Whether in real time, with the bench in a process of its own.
    """

    bench: str
    mode: str
    phase: str
    occurrence: int
    after_s: float
    real: bool = False


@dataclass
class Run:
    """A session in a child, until its end.

    Attributes:
        marks: The phases that it has entered, and when.
        world: Where its world can be asked, in real time.
        guardian: The guardian's process id; 0 for a bench without a supply that is switched.
        killed: Whether it was killed.
        off_s: How long after the kill the supply was off; None where it is not switched.
        problems: What must not be.
        ended: How it ended by itself; empty where it was killed, or came to its end.
    """

    marks: list[tuple[str, float]] = field(default_factory=list[tuple[str, float]])
    world: str = ""
    guardian: int = 0
    killed: bool = False
    off_s: float | None = None
    problems: list[str] = field(default_factory=list[str])
    ended: str = ""

    @property
    def phase(self) -> str:
        """The phase that it had reached."""
        return self.marks[-1][0] if self.marks else "start"

    def lengths_s(self) -> dict[str, list[float]]:
        """How long each phase took, each time."""
        found: dict[str, list[float]] = defaultdict(list)
        for (phase, begun), (_, ended) in zip(self.marks, self.marks[1:], strict=False):
            found[phase].append(ended - begun)
        return dict(found)


def run(crash: Crash, folder: Path, truth: Path) -> Run:
    """Runs a session in a child and kills it in its phase; what the world knows goes into a file."""
    command = [
        sys.executable,
        "-m",
        "tests.faults.crashing",
        str(folder),
        str(truth),
        crash.bench,
        crash.mode,
    ]
    command += ["1.0"] if crash.real else []
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    done, now = Run(), threading.Event()
    reader = threading.Thread(target=_read, args=(child, crash, done, now))
    reader.start()
    errors: list[bytes] = []
    listener = threading.Thread(target=_listen, args=(child, errors))
    listener.start()
    now.wait(LONGEST_S)
    try:
        child.wait(crash.after_s if now.is_set() else 0.0)
    except subprocess.TimeoutExpired:
        child.kill()
        done.killed = True
    child.wait()
    died = time.monotonic()
    reader.join()
    if done.world:
        _ask_world(crash, done, died, truth)
    listener.join(OFF_S)  # the guardian holds it open until its work is done
    if not done.killed:
        done.marks.append(("end", died))
        if child.returncode:
            done.ended = (errors or [b"?"])[0].decode(errors="replace").strip().splitlines()[-1][:200]
    return done


def _listen(child: subprocess.Popen[bytes], errors: list[bytes]) -> None:
    """Takes what a child, and those that have its pipe, write as errors."""
    with pipe_of(child.stderr) as pipe:
        errors.append(pipe.read())


def _read(child: subprocess.Popen[bytes], crash: Crash, done: Run, now: threading.Event) -> None:
    """Reads the phases of a child; sets the event at the beginning of the phase in which it is killed."""
    begun = 0
    with pipe_of(child.stdout) as pipe:
        for line in pipe:
            word = line.decode().strip()
            if word.startswith("world "):
                done.world = word.removeprefix("world ")
                continue
            if word.startswith("guardian "):
                done.guardian = int(word.removeprefix("guardian "))
                continue
            done.marks.append((word, time.monotonic()))
            if word == crash.phase:
                begun += 1
                if begun > crash.occurrence:
                    now.set()
    now.set()  # it has ended


def _ask_world(crash: Crash, done: Run, died: float, truth: Path) -> None:
    """Waits until the supply is off, and writes down what the world knows; ends its process."""
    try:
        world = RemoteWorld(done.world)
    except BenchError:
        if done.killed:
            done.problems.append("the world has ended")
        return
    with contextlib.closing(world):
        while (on := world.request({"op": "state"})["supply_on"]) and time.monotonic() < died + OFF_S:
            if crash.mode == "performance":  # the DUT of this bench has power from the beginning
                break
            time.sleep(0.01)
        if crash.mode != "performance":
            done.off_s = time.monotonic() - died
            if on:
                done.problems.append(f"the supply was on {OFF_S:g} s after the kill")
        if done.guardian and not _has_ended(done.guardian, died + GUARDED_S):
            done.problems.append(f"the guardian was still there {GUARDED_S:g} s after the kill")
        truth.write_text(json.dumps(world.request({"op": "works"})["works"]), encoding="utf-8")
        with contextlib.suppress(BenchError):
            world.request({"op": "quit"})


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


def _has_ended(process: int, until: float) -> bool:
    """Waits for the end of a process that is nobody's child: the port that it uses may be another's later."""
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
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
    problems += _not_sound(folder, before) if crash.mode != "record" and trials == WINDOWS else []
    with contextlib.suppress(UsageError):  # path.nothing: no trace, and no result
        validate_paths([folder])
    files = digests(folder)
    again = recover(folder)
    if not again.done.startswith("nothing was done") or digests(folder) != files:
        problems.append(f"a second recovery changed it: {again.done}")
    return Aftermath(state, trials, answer, tuple(problems))


def _not_sound(folder: Path, before: dict[str, Any]) -> list[str]:
    """The errors of a folder after its recovery, but for those that the session itself had found.

    On a machine that stalls, marks come late: a session in real time finds it, and its result is marked.
    """
    report, _ = validate_paths([folder])
    noted = {found["code"] for found in before["findings"] if found["severity"] == "error"}
    wrong = [found for found in report.all_findings if found.severity is Severity.ERROR]
    errors = [f"{found.code}: {found.evidence}" for found in wrong if found.code not in noted]
    return [f"it is not sound after its recovery: {errors}"] if errors else []


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
        work = [each for each in works if loaded_s <= each["start_s"] <= answered_s]
        if not work:
            return [f"trial {trial['number']}: the DUT did no work"]
        problems += _compare(crash, trial, window, work[-1])
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


def phases_s(kinds: tuple[Kind, ...], *, real: bool) -> dict[Kind, dict[str, list[float]]]:
    """How long each phase of a whole session of each kind takes on this machine."""

    def whole(kind: Kind) -> dict[str, list[float]]:
        with tempfile.TemporaryDirectory() as path:
            crash = Crash(*kind, phase="", occurrence=0, after_s=LONGEST_S, real=real)
            done = run(crash, Path(path) / "session", Path(path) / "truth.json")
        assert not done.ended, f"{kind}: {done.ended}"
        return done.lengths_s()

    with ThreadPoolExecutor(AT_ONCE) as several:
        return dict(zip(kinds, several.map(whole, kinds), strict=True))


AT_ONCE = 3
"""Children at once: in real time they wait most of the time."""


class Campaign:
    """Many crashes, as many in each phase as in another.

    Args:
        lengths_s: How long each phase takes, by kind.
        chance: Source of all that is random.
        real: Whether sessions run in real time.
    """

    def __init__(
        self, lengths_s: dict[Kind, dict[str, list[float]]], chance: random.Random, *, real: bool
    ) -> None:
        self._lengths_s, self._chance, self._real = lengths_s, chance, real
        self._lock = threading.Lock()
        self.phases: Counter[str] = Counter()
        self.became: Counter[tuple[str, str, str]] = Counter()
        self.off_s: list[float] = []
        self.number = self.failed = 0
        self.ended: Counter[str] = Counter()

    def next(self) -> Crash:
        """A crash in the phase that was hit least so far, of a random kind, at a random moment of it."""
        with self._lock:
            chance = self._chance
            known = {phase for lengths in self._lengths_s.values() for phase in lengths}
            least = min(self.phases[phase] for phase in known)
            phase = chance.choice(
                [phase for phase in PHASES if phase in known and self.phases[phase] == least]
            )
            kind = chance.choice([kind for kind, lengths in self._lengths_s.items() if phase in lengths])
            lengths_s = self._lengths_s[kind][phase]
            occurrence = chance.randrange(len(lengths_s))
            self.phases[phase] += 1  # so that others choose another one meanwhile
            return Crash(
                *kind, phase, occurrence, chance.uniform(0.0, lengths_s[occurrence]), real=self._real
            )

    def one(self) -> None:
        """Kills sessions until one was killed before its end, and looks at what it has left."""
        while True:
            crash = self.next()
            with tempfile.TemporaryDirectory() as path:
                folder, truth = Path(path) / "session", Path(path) / "truth.json"
                done = run(crash, folder, truth)
                end = aftermath(crash, folder, truth) if folder.exists() else None
            if self._note(crash, done, end):
                return

    def _note(self, crash: Crash, done: Run, end: Aftermath | None) -> bool:
        with self._lock:
            self.phases[crash.phase] -= 1
            problems = [*done.problems, *(end.problems if end else ())]
            if problems:
                self.failed += 1
                _say(f"WRONG: {crash} in {done.phase}: {'; '.join(problems)}")
            if not done.killed:
                self.ended[done.ended or "its last phase was over"] += 1
                return False
            self.number += 1
            self.phases[done.phase] += 1
            self.off_s += [done.off_s] if done.off_s is not None else []
            kind = f"{crash.bench}/{crash.mode}"
            now = end.recovery.state if end and end.recovery else "no session"
            self.became[kind, end.state if end else "none", f"{end.trials if end else 0} -> {now}"] += 1
            if self.number % 20 == 0:
                _say(f"... {self.number}")
            return True

    def report(self) -> None:
        """Prints what became of all."""
        for (kind, state, became), count in sorted(self.became.items()):
            _say(f"{kind:26} {state:16} {became:24} {count:4}")
        for phase in PHASES:
            _say(f"{phase:26} {self.phases[phase]:4}")
        for why, count in self.ended.items():
            _say(f"ended before the kill, {count} times: {why}")
        if self.off_s:
            times_s = sorted(self.off_s)
            median_s, most_s = times_s[len(times_s) // 2], times_s[-1]
            _say(f"supply off {median_s:.3f} s after the kill (median), {most_s:.3f} s at most")
        _say(f"{self.number} killed, {self.failed} wrong")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Many crashes or cuts, with a table of what became of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="sessions that are killed")
    parser.add_argument("--cuts", type=int, help="folders that a power cut has damaged, and no kills")
    parser.add_argument("--virtual", action="store_true", help="sessions in virtual time")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    options = parser.parse_args()
    _say(f"seed {options.seed}")
    chance, real = random.Random(options.seed), not options.virtual
    if options.cuts is not None:
        from tests.faults.cuts import cut_many  # it uses what is above

        sys.exit(cut_many(options.cuts, chance, _say) > 0)
    lengths_s = phases_s(REAL_KINDS if real else KINDS, real=real)
    for (bench, mode), lengths in lengths_s.items():
        _say(f"{bench}/{mode}: {sum(map(sum, lengths.values())):.1f} s")
    campaign = Campaign(lengths_s, chance, real=real)
    with ThreadPoolExecutor(AT_ONCE if real else 1) as several:
        for done in [several.submit(campaign.one) for _ in range(options.count)]:
            done.result()
    campaign.report()
    sys.exit(campaign.failed > 0)


if __name__ == "__main__":
    main()
