"""A cell of the break-in matrix: a bench, a fault, and what a session makes of it beside the world's truth.

The truth comes from the virtual world alone: which inferences the DUT ran, from when to when, what they drew
from the supply by the world's exact timeline, and what the DUT had to answer. The session knows none of it.
"""

from __future__ import annotations

import json
import re
import signal
import tempfile
import traceback
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Literal

import drivers.virtual.environment
from drivers.virtual.bench import VirtualBench
from drivers.virtual.world import NS
from energy.bench.benchfile import BenchFile, bench_of, read_bench
from energy.benchmark.inputs import synthetic_inputs
from energy.benchmark.limits import WINDOWS
from energy.benchmark.workloads import WORKLOADS
from energy.errors import JoulebenchError, RecordingError
from energy.findings import Severity
from energy.recording.store import Recording
from energy.session.outcome import Outcome, Plan
from energy.session.run import run_session
from energy.session.trials import Trial
from energy.window.rules import EnergyRule
from tests.conftest import ROOT
from tests.faults.catalogue import Fault
from tests.faults.phases import PHASES
from tests.faults.session_phases import Phase, followed

WORKLOAD = "kws01"
MOST_REAL_S = 300.0
"""A session that takes longer in real time hangs; the longest sound one takes 15 s on an idle machine."""
CLOCK = 6e-4
"""What is tolerated of a sample clock: 5e-4 of every monitor's, and 1e-4 of the host's that judges it."""
EDGE_S = 5e-3
"""What is stated for a window's length, besides: an edge's place in a sample, and the Uno's delay."""
FLOAT32 = 2.0**-24
DIGITS = {
    "lpm01a": 5e-4,
    "lpm01a-binary": 2e-3,
    "joulescope-js110": 2 * FLOAT32,
    "joulescope-js220": 2 * FLOAT32,
    "keysight-n6705": 2 * FLOAT32,
    "keithley-2461": FLOAT32,
    "keithley-2450": FLOAT32,
    "lpm01a-interface-board": 5e-4,
    "joulescope-js220-interface-board": 2 * FLOAT32,
    "ppk2-source": FLOAT32,
    "ppk2-ampere": FLOAT32,
}
"""The worst error of a sample by its digits, as a fraction (docs/reference/monitors-truth.md)."""
PPK2_OHM = ((5e-3, 10.15), (60e-3, 0.94), (float("inf"), 0.043))
"""Its shunts, up to which current (protocols.md 6): half a step of its converter is not known."""

Verdict = Literal[
    "right", "marked", "stopped", "WRONG", "ALARM", "ODD", "LEFT ON", "BROKEN", "TRACEBACK", "HANG"
]
FAILURES: tuple[Verdict, ...] = ("WRONG", "ALARM", "ODD", "LEFT ON", "BROKEN", "TRACEBACK", "HANG")


class Hang(BaseException):
    """A cell has used up its real time."""


@dataclass
class Work:
    """What the DUT did in an ``infer`` command: inferences, and when they ran, in ns of the world."""

    iterations: int
    start_ns: int | None = None
    stop_ns: int | None = None
    answer: str = ""


@dataclass
class Truth:
    """What the world knows of a session."""

    bench: VirtualBench
    phase: Phase
    works: list[Work] = field(default_factory=list[Work])

    def of(self, trial: Trial) -> Work | None:
        """The work of a trial: the last that was done between its loading and its answer."""
        _, loaded_s, answered_s = trial.times_s
        done = [
            work
            for work in self.works
            if work.start_ns is not None
            and work.stop_ns is not None
            and loaded_s * NS <= work.start_ns <= answered_s * NS
        ]
        return done[-1] if done else None

    def window_s(self, work: Work) -> tuple[float, float]:
        """From the falling edge that must precede the work, held as the firmware holds it, to its end."""
        assert work.start_ns is not None
        assert work.stop_ns is not None
        return work.start_ns / NS - self.bench.board.hold_s, work.stop_ns / NS

    def energy_j(self, work: Work) -> float:
        """What the DUT drew from its supply in that window."""
        start_s, stop_s = self.window_s(work)
        return self.bench.world.handle({"op": "truth", "start_s": start_s, "stop_s": stop_s})["energy_j"]


@dataclass(frozen=True)
class Cell:
    """A fault on a bench."""

    bench: str
    fault: Fault

    @property
    def name(self) -> str:
        """As it is named on the command line."""
        return f"{self.bench}/{self.fault.name}"


@dataclass(frozen=True)
class Result:
    """What came of a cell.

    Attributes:
        verdict: In a word.
        codes: Of the errors, the one that ended it first.
        error: Of the energy per inference of the worst trial, as a fraction; None if there is none.
        bound: What is stated for it.
        late: By how much a window was measured too long, at most, as a fraction.
        why: More about it.
    """

    verdict: Verdict
    codes: tuple[str, ...] = ()
    error: float | None = None
    bound: float | None = None
    late: float | None = None
    why: str = ""

    @property
    def failed(self) -> bool:
        """Whether it may not be so."""
        return self.verdict in FAILURES


def planted(name: str, fault: Fault) -> BenchFile:
    """A shipped bench with a fault."""
    bench = read_bench(ROOT / "fixtures/benches" / f"{name}-virtual.toml").model_dump(
        by_alias=True, mode="json"
    )
    faults = [[kind, dict(params)] for kind, params in fault.faults(bench["limits"]["highest_a"])]
    bench["virtual"]["settings"] |= {**fault.settings, "faults": faults}
    return bench_of(bench, name)


def run(cell: Cell) -> Result:
    """Runs a cell's session in this process, within `MOST_REAL_S`."""
    phase = Phase()
    with tempfile.TemporaryDirectory() as folder, watched(phase) as truths, followed(phase):
        try:
            with limited(MOST_REAL_S):
                outcome: Outcome | JoulebenchError = _session(cell, Path(folder))
        except JoulebenchError as error:
            outcome = error
        except Hang:
            return Result("HANG", why=f"no end within {MOST_REAL_S:g} s")
        except Exception:  # noqa: BLE001 - whatever it is, it must not come
            return Result("TRACEBACK", why=traceback.format_exc())
        result = judge(cell, outcome, truths[-1] if truths else None)
        broken = "" if result.failed else not_intact(Path(folder) / "session", outcome)
        return Result("BROKEN", result.codes, why=broken) if broken else result


def _session(cell: Cell, folder: Path) -> Outcome:
    facts = WORKLOADS[WORKLOAD]
    plan = Plan(planted(cell.bench, cell.fault), facts, "energy", synthetic_inputs(facts, WINDOWS))
    return run_session(plan, folder / "session", lambda part, doing: None)


def judge(cell: Cell, outcome: Outcome | JoulebenchError, truth: Truth | None) -> Result:
    """Compares what came of a session with the truth."""
    fault = cell.fault
    if isinstance(outcome, JoulebenchError):
        codes = tuple(dict.fromkeys(error.code for error in (outcome, *outcome.also)))
        result = Result("stopped", codes, why=str(outcome))
    else:
        errors = [finding for finding in outcome.findings if finding.severity is Severity.ERROR]
        codes = tuple(dict.fromkeys(finding.code for finding in errors))
        why = "; ".join(f"{one.code}: {one.evidence}" for one in errors)
        result = Result("marked", codes, why=why)
        if outcome.valid and truth is not None:
            result = compare(cell.bench, outcome, truth)
    if truth is None or (fault.faults(1.0) and not truth.bench.struck):
        return Result("ODD", codes, why=f"the fault did not strike: {result.why}")
    if fault.kind in PHASES and truth.phase.struck[0] != fault.kind:
        return Result("ODD", codes, why=f"the fault struck in the phase {truth.phase.struck[0]}")
    if truth.bench.world.supply.on and (reachable(truth.bench) or "supply.may-be-on" not in codes):
        return Result("LEFT ON", codes, why=result.why)
    if result.verdict in ("marked", "stopped"):
        if fault.harmless:
            return Result("ALARM", codes, why=result.why)
        telling = codes if result.verdict == "marked" else codes[:1]  # what ended it, or every finding
        if not any(re.fullmatch(fault.codes, code) for code in telling):
            return Result("ODD", codes, why=result.why)
    return result


def reachable(bench: VirtualBench) -> bool:
    """Whether what powers the DUT still takes commands, however late it answers them."""
    name = "supply" if bench.supply is not None else "monitor"
    source: Any = bench.supply or bench.monitor
    return not source.silent and not (name in bench.ports and bench.port(name).unplugged)


def not_intact(folder: Path, outcome: Outcome | JoulebenchError) -> str:
    """Why a session's folder is not as it must be; empty if it is."""
    try:
        state = json.loads((folder / "session.json").read_text(encoding="utf-8"))["state"]
        if (folder / "trace.arrow").exists():
            Recording(folder)
    except (OSError, ValueError, KeyError) as error:
        return repr(error)
    except RecordingError as error:
        return "" if error.code == "recording.empty" else str(error)
    wanted = "failed" if isinstance(outcome, JoulebenchError) else "finished"
    return "" if state == wanted else f"its state is {state}"


def compare(bench: str, outcome: Outcome, truth: Truth) -> Result:
    """The figures of a valid session beside the truth: energy, time and scores of every trial."""
    wrong: list[str] = []
    worst, late = (0.0, 0.0), 0.0
    clock, voltage = stated_of_clock(outcome), stated_of_voltage(outcome)
    for trial in outcome.trials:
        work, window = truth.of(trial), trial.window
        if work is None or window is None:
            wrong.append(f"trial {trial.number}: the DUT did no work")
            continue
        start_s, stop_s = truth.window_s(work)
        true_j = truth.energy_j(work)
        bound_j = window.bounds.step_j + window.bounds.position_j + (DIGITS[bench] + clock + voltage) * true_j
        if bench.startswith("ppk2"):
            bound_j += _ppk2_step_j(true_j, stop_s - start_s, outcome.plan.bench.dut.voltage_v)
        given_j = window.energies[EnergyRule.EXACT].energy_j
        if true_j == 0:
            wrong.append(f"trial {trial.number}: the supply gave nothing, {given_j:g} J is valid")
            continue
        measured_j = given_j / trial.iterations
        error, bound = measured_j * work.iterations / true_j - 1, bound_j / true_j
        if abs(error) - bound > abs(worst[0]) - worst[1] or worst == (0.0, 0.0):
            worst = (error, bound)
        if abs(error) > bound:
            wrong.append(f"trial {trial.number}: energy wrong by {error:+.2%}, ±{bound:.2%} is stated")
        late_s = trial.duration_s / trial.iterations * work.iterations - (stop_s - start_s)
        late = max(late, late_s / (stop_s - start_s), key=abs)
        if abs(late_s) > clock * (stop_s - start_s) + EDGE_S:
            wrong.append(f"trial {trial.number}: time wrong by {late_s:+.4g} s of {stop_s - start_s:.4g} s")
        if trial.iterations != work.iterations:
            wrong.append(f"trial {trial.number}: {trial.iterations} inferences asked, {work.iterations} done")
        answered = "m-results-[" + ",".join(f"{score:.3f}" for score in trial.results) + "]"
        if answered != work.answer:
            wrong.append(f"trial {trial.number}: answer {answered}, the DUT's {work.answer}")
    return Result("WRONG" if wrong else "right", (), *worst, late, "; ".join(wrong[:2]))


def stated_of_clock(outcome: Outcome) -> float:
    """How far off the session states that the clock of the monitor may be: tolerated, or as compared."""
    record = json.loads((outcome.folder / "session.json").read_text(encoding="utf-8"))
    rows = [row for row in record["clocks"] if (row["clock"], row["by"]) == ("monitor", "host")]
    return max(CLOCK, min((abs(row["factor"] - 1) + row["uncertainty"] for row in rows), default=0.0))


def stated_of_voltage(outcome: Outcome) -> float:
    """How far the voltage that the session measured was from the one that energy is computed with."""
    record = json.loads((outcome.folder / "session.json").read_text(encoding="utf-8"))["voltage"]
    if record is None or record["source"] not in ("monitor", "supply"):
        return 0.0
    return max(abs(voltage_v / record["stated_v"] - 1) for voltage_v in record["measured_v"])


def _ppk2_step_j(energy_j: float, duration_s: float, voltage_v: float) -> float:
    """Half a step of the PPK2's converter, over a window, in the range of its mean current."""
    mean_a = energy_j / duration_s / voltage_v
    ohm = next(ohm for upto_a, ohm in PPK2_OHM if mean_a < upto_a)
    return 0.5 * 4 * 1.8 / 163840 / ohm * voltage_v * duration_s


@contextmanager
def watched(phase: Phase) -> Generator[list[Truth]]:
    """Keeps what the worlds of sessions know; each stroke of a fault is noted in ``phase``."""
    truths: list[Truth] = []

    class Watched(VirtualBench):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            phase.watch(self)
            truths.append(watch(self, phase))

        def __setattr__(self, name: str, value: Any) -> None:
            if name == "struck":
                phase.strike(self.world, value - getattr(self, "struck", 0))
            super().__setattr__(name, value)

    drivers.virtual.environment.VirtualBench = Watched
    try:
        yield truths
    finally:
        drivers.virtual.environment.VirtualBench = VirtualBench


def watch(bench: VirtualBench, phase: Phase) -> Truth:
    """Keeps what a world knows of its DUT's work."""
    truth = Truth(bench, phase)
    dut: Any = bench.dut
    infer = dut._infer

    def noted(iterations: int, warmups: int) -> Iterator[Any]:
        work = Work(iterations)
        truth.works.append(work)
        for step in infer(iterations, warmups):
            works = step[0].endswith("inference") and step[2] > 0
            if works and work.start_ns is None:
                work.start_ns = bench.world.now_ns
            yield step
            if works:
                work.stop_ns, work.answer = bench.world.now_ns, dut._results()

    dut._infer = noted
    return truth


@contextmanager
def limited(seconds: float) -> Generator[None]:
    """Raises `Hang` in this thread, which must be the main one, when the time is over."""

    def over(number: int, frame: FrameType | None) -> None:
        raise Hang

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
