"""The doctor: examines a bench from its ports to its first window, and reports which step failed and why.

It uses the lock, the guardian and the cleanup of a session, so the supply is off when it ends, in every case.
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
from energy.doctor.context import DoctorContext
from energy.doctor.host import (
    WRITE_S,
    check_disk,
    check_drivers,
    check_ports,
    check_unverified,
    existing,
)
from energy.doctor.power import check_unpowered, power_on
from energy.doctor.report import OverError, Report, Status, Step
from energy.errors import EXIT_BENCH, JoulebenchError, UsageError
from energy.evidence.scope_text import scope_line
from energy.instruments import Line, Mode
from energy.session.lease import lease_bench

_LINES = 200_000
"""Most lines that are kept for a bundle."""


@dataclass
class Examination:
    """An examination: what is examined, and its report.

    Attributes:
        bench: A bench file's path, the name of a shipped bench, or a bench.
        workload: The workload that the DUT should run.
        out: Where sessions go.
        on_step: Called with each finished step.
        ask: Asks the person at the bench.
        write_s: How long the disk is tested.
        report: The report.
        lines: Lines on the wires.
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
    _held: DoctorContext | None = None

    def __post_init__(self) -> None:
        name = self.bench if isinstance(self.bench, str) else self.bench.name
        self.report = Report(name, self.workload.id, on_step=self.on_step)

    def run(self) -> Report:
        """Runs the steps up to the first that fails; the supply is off when this returns or raises."""
        with contextlib.suppress(OverError):  # the report says where and why
            self._examine_bench(self._check_bench())
        if self.file is not None:
            self._check_host(self.file)
        return self.report

    @property
    def powered(self) -> bool:
        """Whether it has switched a supply on."""
        return self._held is not None and self._held.powered

    def _check_bench(self) -> BenchFile:
        """Checks the bench file, its drivers and ports.

        Raises:
            OverError: Where it cannot be read, or nothing of it can be opened.
        """
        with self.report.step("bench") as step:
            file = self.file = self._bench()
            self.report.virtual = file.virtual is not None
            step.observe(f"{file.name}: {file.dut.board} at {file.dut.voltage_v:g} V")
            step.observe(scope_line(file.scope))
            check_drivers(step, file)
            if file.virtual is None and step.status is not Status.FAILED:
                check_ports(step, file)
            elif file.virtual is not None:
                step.observe("ports: virtual")
        if step.status is Status.FAILED:
            raise OverError
        return file

    def _bench(self) -> BenchFile:
        if isinstance(self.bench, BenchFile):
            return self.bench
        return builtin_bench(self.bench) or load_bench(self.bench)

    def _folder(self) -> tempfile.TemporaryDirectory[str]:
        """A folder for what is recorded while the bench is examined.

        Raises:
            UsageError: ``session.folder``.
        """
        try:
            return tempfile.TemporaryDirectory(prefix=".joulebench-doctor-", dir=existing(self.out))
        except OSError as error:
            raise UsageError(
                "session.folder",
                f"{self.out} cannot be written: {error.strerror or error}",
                "Name another folder with --out.",
            ) from error

    def _examine_bench(self, file: BenchFile) -> None:
        """Opens the bench and runs every step on it.

        Raises:
            OverError: Where a step fails.
        """
        mode: Mode = "energy" if file.monitor is not None else "performance"
        with self._folder() as folder:
            try:
                with lease_bench(
                    file, self.workload.id, mode, self._line, self._on_close_failed, self.ask
                ) as lease:
                    self._held = DoctorContext(lease, self.workload, mode, Path(folder))
                    self._examine(self._held)
            except JoulebenchError as error:
                if self._held is None:  # not even opened
                    self.report.fail("instruments", error)
                elif error not in self._failures:
                    self._failures.append(error)
            finally:
                self._report_off()

    def _examine(self, context: DoctorContext) -> None:
        report = self.report
        with report.step("instruments") as step:
            steps.ask_instruments(context, step)
        with report.step("settings") as step:
            steps.set_up(context, step)
        with report.step("unpowered") as step:
            check_unpowered(context, step)
        with report.step("power") as step:
            mode = power_on(context, step)
        with report.step("firmware") as step, blaming_the_monitor(context):
            steps.check_dut(context, step, mode)
        with report.step("timestamp") as step, blaming_the_monitor(context):
            steps.check_timestamp(context, step)
        with report.step("idle") as step, blaming_the_monitor(context):
            steps.check_idle(context, step)
        with report.step("window") as step, blaming_the_monitor(context):
            steps.first_window(context, step)

    def _on_close_failed(self, what: str, error: JoulebenchError) -> None:
        """Keeps a failure while the bench is closed; a failed stream may fail again when it is stopped."""
        if what == "monitor stop" and self.report.status is Status.FAILED:
            self.report.steps["off"].observe(f"monitor stop: {error}")
        else:
            self._failures.append(error)

    def _report_off(self) -> None:
        if self._held is None:
            return
        step = self.report.steps["off"]
        for error in self._failures:
            step.add_error(error)
        if not self._failures:
            step.observe("the supply is off" if self.powered else "no supply was switched on")
        self.report.over(step, max((error.worst_status for error in self._failures), default=EXIT_BENCH))

    def _check_host(self, file: BenchFile) -> None:
        report, context = self.report, self._held
        made = (
            context.stream.recorder.bytes_per_s
            if context is not None and context.stream is not None
            else None
        )
        with contextlib.suppress(OverError), report.step("disk") as step:
            check_disk(step, self.out, made, self.write_s)
        with report.step("unverified") as step:
            check_unverified(step, file)

    def _line(self, line: Line) -> None:
        """Keeps a line; may be called from any thread."""
        if len(self.lines) < _LINES:
            self.lines.append(line)


@contextlib.contextmanager
def blaming_the_monitor(context: DoctorContext) -> Generator[None]:
    """Raises a fault that the monitor has reported in place of the error that followed from it."""
    try:
        yield
    except JoulebenchError:
        if context.stream is not None:
            context.stream.recorder.pump()
        raise
