"""The doctor: leads from a bench on which nothing works to its first window, and says where it got stuck.

It examines by the ways of a session: the same lock, guardian and ways out, so the supply is off when it ends,
however it ends.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from energy.bench.ask import Ask, nobody
from energy.bench.benchfile import BenchFile, builtin_bench, read_bench
from energy.benchmark.workloads import Workload
from energy.errors import JoulebenchError
from energy.instruments import Line, Mode
from energy.session import doctor_steps as steps
from energy.session.doctor_host import (
    WRITE_S,
    existing,
    look_at_disk,
    look_at_drivers,
    look_at_ports,
    look_at_unverified,
)
from energy.session.doctor_power import look_unpowered, power_on
from energy.session.doctor_report import OverError, Report, Status, Step
from energy.session.doctor_visit import Visit
from energy.session.held import held

_LINES = 200_000
"""Lines of the wires that are kept for a bundle."""


@dataclass
class Examination:
    """What is to be examined, and what came of it.

    Attributes:
        bench: A bench file's path, or the name of a bench that comes with the program.
        workload: What the DUT should run.
        out: Where sessions go.
        on_step: Told of each step once it is over.
        ask: Asks the person at the bench.
        write_s: For how long the disk is tried.
        report: The report.
        lines: What went over the wires.
        file: The bench, once it was read.
    """

    bench: str
    workload: Workload
    out: Path
    on_step: Callable[[Step], None] = lambda step: None
    ask: Ask = nobody
    write_s: float = WRITE_S
    report: Report = field(init=False)
    lines: list[Line] = field(default_factory=list[Line])
    file: BenchFile | None = None
    _bytes_per_s: float | None = None

    def __post_init__(self) -> None:
        self.report = Report(self.bench, self.workload.id, on_step=self.on_step)

    def run(self) -> Report:
        """Goes through the steps, as far as it makes sense; the supply is off when this returns or raises."""
        try:
            self._look_at_bench()
            self._visit()
        except OverError:
            pass  # the report says where and why
        if self.file is not None:
            self._look_at_host(self.file)
        return self.report

    def _look_at_bench(self) -> None:
        with self.report.step("bench") as step:
            file = self.file = builtin_bench(self.bench) or read_bench(Path(self.bench))
            self.report.virtual = file.virtual is not None
            step.say(f"{file.name}: {file.dut.board} at {file.dut.voltage_v:g} V")
            look_at_drivers(step, file)
            if file.virtual is None:
                look_at_ports(step, file)
            else:
                step.say("ports: those of twins")
        if step.status is Status.FAILED:
            raise OverError

    def _visit(self) -> None:
        """Everything at the bench itself."""
        assert self.file is not None
        file, report = self.file, self.report
        mode: Mode = "energy" if file.monitor is not None else "performance"
        failed: list[JoulebenchError] = []
        left: list[OverError] = []
        opened = False
        powered = False
        with tempfile.TemporaryDirectory(prefix=".joulebench-doctor-", dir=existing(self.out)) as folder:
            try:
                with held(
                    file,
                    self.workload.id,
                    mode,
                    self._line,
                    lambda what, error: failed.append(error),
                    self.ask,
                ) as hand:
                    opened = True
                    visit = Visit(hand, self.workload, mode, Path(folder))
                    try:
                        self._examine(visit)
                    except OverError as over:
                        left.append(over)
                        raise
                    finally:
                        powered = visit.powered
                        self._bytes_per_s = visit.recorder.bytes_per_s if visit.recorder else None
            except OverError:
                pass
            except JoulebenchError as error:
                if not opened:
                    with report.step("instruments"):
                        raise
                failed += [] if error in failed else [error]
        self._say_off(powered, failed)
        if left:
            raise OverError from left[0]

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
        for name, look in (
            ("firmware", lambda step: steps.greet(visit, step, mode)),
            ("timestamp", lambda step: steps.see_timestamp(visit, step)),
            ("idle", lambda step: steps.look_idle(visit, step)),
            ("window", lambda step: steps.first_window(visit, step)),
        ):
            with report.step(name) as step:
                _look(visit, step, look)

    def _say_off(self, powered: bool, failed: list[JoulebenchError]) -> None:
        with self.report.step("off") as step:
            for error in failed:
                step.fail(error)
            if not failed:
                step.say("the supply is off" if powered else "no supply was switched on")

    def _look_at_host(self, file: BenchFile) -> None:
        report = self.report
        try:
            with report.step("disk") as step:
                look_at_disk(step, self.out, self._bytes_per_s, self.write_s)
        except OverError:
            pass
        with report.step("unverified") as step:
            look_at_unverified(step, file)

    def _line(self, line: Line) -> None:
        """Keeps a line; may be called from any thread."""
        if len(self.lines) < _LINES:
            self.lines.append(line)


def _look(visit: Visit, step: Step, look: Callable[[Step], None]) -> None:
    """Takes a step; where the monitor reported a fault on the way, that is the cause and is raised instead."""
    try:
        look(step)
    except JoulebenchError:
        if visit.recorder is not None:
            visit.recorder.pump()
        raise
