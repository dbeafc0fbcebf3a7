"""The doctor: leads from a bench on which nothing works to its first window, and says where it got stuck.

It examines by the ways of a session: the same lock, guardian and ways out, so the supply is off when it ends,
however it ends.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path

from energy.bench.benchfile import BenchFile, builtin_bench, load_bench
from energy.bench.prompt import Prompt, no_operator
from energy.benchmark.workloads import Workload
from energy.doctor import steps
from energy.doctor.host import (
    WRITE_S,
    existing,
    look_at_disk,
    look_at_drivers,
    look_at_ports,
    look_at_unverified,
)
from energy.doctor.power import look_unpowered, power_on
from energy.doctor.report import OverError, Report, Status, Step
from energy.doctor.visit import Visit
from energy.errors import EXIT_BENCH, JoulebenchError
from energy.instruments import Line, Mode
from energy.session.lease import lease_bench

_LINES = 200_000
"""Lines of the wires that are kept for a bundle."""


@dataclass
class Examination:
    """What is to be examined, and what came of it.

    Attributes:
        bench: A bench file's path, the name of a bench that comes with the program, or a bench.
        workload: What the DUT should run.
        out: Where sessions go.
        on_step: Told of each step once it is over.
        ask: Asks the person at the bench.
        write_s: For how long the disk is tried.
        report: The report.
        lines: What went over the wires.
        file: The bench, once it was read.
    """

    bench: str | BenchFile
    workload: Workload
    out: Path
    on_step: Callable[[Step], None] = lambda step: None
    ask: Prompt = no_operator
    write_s: float = WRITE_S
    report: Report = field(init=False)
    lines: list[Line] = field(default_factory=list[Line])
    file: BenchFile | None = None
    _failures: list[JoulebenchError] = field(default_factory=list[JoulebenchError])
    _held: Visit | None = None

    def __post_init__(self) -> None:
        name = self.bench if isinstance(self.bench, str) else self.bench.name
        self.report = Report(name, self.workload.id, on_step=self.on_step)

    def run(self) -> Report:
        """Goes through the steps, as far as it makes sense; the supply is off when this returns or raises."""
        with contextlib.suppress(OverError):  # the report says where and why
            self._visit(self._look_at_bench())
        if self.file is not None:
            self._look_at_host(self.file)
        return self.report

    @property
    def powered(self) -> bool:
        """Whether it has switched a supply on."""
        return self._held is not None and self._held.powered

    def _look_at_bench(self) -> BenchFile:
        """The bench file, and what it names.

        Raises:
            OverError: Where it cannot be read, or nothing of it can be opened.
        """
        with self.report.step("bench") as step:
            file = self.file = self._bench()
            self.report.virtual = file.virtual is not None
            step.say(f"{file.name}: {file.dut.board} at {file.dut.voltage_v:g} V")
            look_at_drivers(step, file)
            if file.virtual is None and step.status is not Status.FAILED:
                look_at_ports(step, file)
            elif file.virtual is not None:
                step.say("ports: those of twins")
        if step.status is Status.FAILED:
            raise OverError
        return file

    def _bench(self) -> BenchFile:
        if isinstance(self.bench, BenchFile):
            return self.bench
        return builtin_bench(self.bench) or load_bench(self.bench)

    def _visit(self, file: BenchFile) -> None:
        """Everything at the bench itself.

        Raises:
            OverError: Where a step fails.
        """
        mode: Mode = "energy" if file.monitor is not None else "performance"
        with tempfile.TemporaryDirectory(prefix=".joulebench-doctor-", dir=existing(self.out)) as folder:
            try:
                with lease_bench(
                    file, self.workload.id, mode, self._line, self._not_let_go, self.ask
                ) as lease:
                    self._held = Visit(lease, self.workload, mode, Path(folder))
                    self._examine(self._held)
            except JoulebenchError as error:
                if self._held is None:  # not even opened
                    self.report.fail("instruments", error)
                elif error not in self._failures:
                    self._failures.append(error)
            finally:
                self._say_off()

    def _examine(self, visit: Visit) -> None:
        report = self.report
        with report.step("instruments") as step:
            steps.ask_instruments(visit, step)
        with report.step("settings") as step:
            steps.set_up(visit, step)
        with report.step("unpowered") as step:
            look_unpowered(visit, step)
        with report.step("power") as step:
            mode = power_on(visit, step)
        with report.step("firmware") as step, blaming_the_monitor(visit):
            steps.greet(visit, step, mode)
        with report.step("timestamp") as step, blaming_the_monitor(visit):
            steps.see_timestamp(visit, step)
        with report.step("idle") as step, blaming_the_monitor(visit):
            steps.look_idle(visit, step)
        with report.step("window") as step, blaming_the_monitor(visit):
            steps.first_window(visit, step)

    def _not_let_go(self, what: str, error: JoulebenchError) -> None:
        """What failed on the way out; that a stream which has failed cannot be stopped well is no news."""
        if what == "monitor stop" and self.report.status is Status.FAILED:
            self.report.steps["off"].say(f"monitor stop: {error}")
        else:
            self._failures.append(error)

    def _say_off(self) -> None:
        if self._held is None:
            return
        step = self.report.steps["off"]
        for error in self._failures:
            step.fail(error)
        if not self._failures:
            step.say("the supply is off" if self.powered else "no supply was switched on")
        self.report.over(step, max((error.worst_status for error in self._failures), default=EXIT_BENCH))

    def _look_at_host(self, file: BenchFile) -> None:
        report, visit = self.report, self._held
        made = visit.stream.recorder.bytes_per_s if visit is not None and visit.stream is not None else None
        with contextlib.suppress(OverError), report.step("disk") as step:
            look_at_disk(step, self.out, made, self.write_s)
        with report.step("unverified") as step:
            look_at_unverified(step, file)

    def _line(self, line: Line) -> None:
        """Keeps a line; may be called from any thread."""
        if len(self.lines) < _LINES:
            self.lines.append(line)


@contextlib.contextmanager
def blaming_the_monitor(visit: Visit) -> Generator[None]:
    """Where the monitor has reported a fault, that is the cause of what failed, and is raised instead."""
    try:
        yield
    except JoulebenchError:
        if visit.stream is not None:
            visit.stream.recorder.pump()
        raise
