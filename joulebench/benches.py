"""Benches: load, make virtual, examine; and discover instruments."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from energy.bench import benchfile, discovery
from energy.bench.assemble import MONITORS, load
from energy.bench.benchfile import BenchFile
from energy.bench.changes import change_bench
from energy.bench.discovery import Found, bench_fragment
from energy.bench.prompt import Prompt, no_operator
from energy.bench.shipped import BENCHES
from energy.bench.spelling import closest
from energy.doctor.bundle import refuse_existing, write_bundle
from energy.doctor.examination import Examination
from energy.doctor.report import Remark, Report, Status, Step
from energy.errors import UsageError
from energy.report import notebook
from energy.report.plugged_in import plugged_in_table
from energy.report.table import Table
from energy.session.plans import workload_named
from joulebench.hints import hinted

AnyPath = str | os.PathLike[str]
"""The path of a file or folder."""
AnyBench = BenchFile | AnyPath
"""A bench that is loaded, the name of one that is shipped, or the path of a bench file."""
_VIRTUAL = "-virtual"


@hinted
def load_bench(bench: AnyBench, changes: Mapping[str, Any] | None = None) -> BenchFile:
    """A bench by the name of a shipped one (``"virtual"``, ``"lpm01a-virtual"``), or by its file.

    Args:
        bench: Its name, its file, or a bench that is loaded already.
        changes: Other values of some keys: ``{"dut.voltage_v": 1.8, "label": "low voltage"}``.

    Raises:
        JoulebenchError: ``bench.missing``, ``bench.toml``, ``bench.invalid``, ``usage.set``.
    """
    known = isinstance(bench, BenchFile | str)
    return change_bench(benchfile.load_bench(bench if known else Path(bench)), changes or {})


@contextmanager
def virtual_bench(monitor: str = "lpm01a", **settings: Any) -> Generator[BenchFile]:
    """A bench whose instruments are twins; everything that is measured on it is marked VIRTUAL.

    Each session on it starts its own twins and ends them, so nothing is left running when the context ends.

    Args:
        monitor: ``"lpm01a"``, ``"joulescope-js220"``, ``"ppk2-source"``, ...: a shipped bench without its
            ``-virtual``.
        settings: Those of the virtual bench (docs/how-to/virtual-bench.md): ``faults``, ``ppm``, ...

    Raises:
        JoulebenchError: ``bench.no-twin``; ``bench.driver-broken`` where the driver lacks a package.
    """
    names = sorted(path.stem.removesuffix(_VIRTUAL) for path in BENCHES.glob(f"*{_VIRTUAL}.toml"))
    name = monitor.removesuffix(_VIRTUAL)
    if name not in names:
        similar = closest(name, names)
        raise UsageError(
            "bench.no-twin",
            f"no virtual bench has {monitor!r}" + (f": did you mean {similar!r}?" if similar else ""),
            f"There are {', '.join(names)}.",
        )
    bench = load_bench(f"{name}{_VIRTUAL}")
    if bench.monitor is not None:
        load(MONITORS, bench.monitor.driver)
    if bench.virtual is not None and settings:
        both = {**bench.virtual.settings, **settings}
        bench = bench.model_copy(update={"virtual": bench.virtual.model_copy(update={"settings": both})})
    yield bench


@dataclass(frozen=True)
class PluggedIn:
    """Instruments that are plugged in.

    Attributes:
        discovery: What every discovery function found, could not do, and looked for.
    """

    discovery: discovery.Discovery

    @property
    def found(self) -> list[Found]:
        """Each instrument, with its driver and port."""
        return self.discovery.found

    @property
    def remarks(self) -> list[str]:
        """Searches that failed, and what helps."""
        return self.discovery.remarks

    @property
    def bench_file(self) -> str:
        """The part of a bench file for what was found, as TOML; empty where nothing was."""
        return bench_fragment(self.found)

    def to_json(self) -> dict[str, Any]:
        """As ``joulebench list --json``."""
        return self.discovery.to_json()

    def _repr_html_(self) -> str:
        content = plugged_in_table(self.found)
        shown = notebook.table(content) if content.rows else notebook.line("Nothing was found.")
        return notebook.card("Plugged in", shown, *map(notebook.line, self.remarks))


@hinted
def discover() -> PluggedIn:
    """Searches USB, serial ports and VISA for instruments; switches nothing, opens no serial port."""
    return PluggedIn(discovery.discover())


@dataclass(frozen=True)
class Examined:
    """The doctor's report on a bench.

    Attributes:
        report: Its steps, in order.
    """

    report: Report

    @property
    def works(self) -> bool:
        """Whether no step failed; there may be warnings."""
        return self.report.status is not Status.FAILED

    @property
    def virtual(self) -> bool:
        """Whether twins were examined."""
        return self.report.virtual

    @property
    def steps(self) -> list[Step]:
        """The steps, with status, evidence and remarks."""
        return list(self.report.steps.values())

    @property
    def remarks(self) -> list[Remark]:
        """Problems and what to try, errors first."""
        return self.report.remarks

    def to_json(self) -> dict[str, Any]:
        """As ``joulebench doctor --json``."""
        return self.report.to_json()

    def _repr_html_(self) -> str:
        steps = Table("Steps", ["status", "step", "evidence"], text=range(3))
        steps.rows = [[step.status.value, step.title, _evidence(step)] for step in self.steps]
        remarks = Table("Remarks", ["severity", "code", "what is wrong", "what to do"], text=range(4))
        remarks.rows = [
            [remark.severity.value, remark.code, remark.message, remark.hint] for remark in self.remarks
        ]
        parts = [notebook.table(steps), *([notebook.table(remarks)] if remarks.rows else [])]
        title = "The bench works" if self.works else "The bench does not work"
        return notebook.card(title, *parts, virtual=self.virtual)


def _evidence(step: Step) -> str:
    """A step's evidence, a line each; unverified facts are counted, as the command line does."""
    if step.name == "unverified" and step.evidence:
        return f"{len(step.evidence)} facts that these drivers rely on: in steps[-1].evidence"
    return "\n".join(step.evidence)


@hinted
def doctor(
    bench: AnyBench = "virtual",
    workload: str = "kws01",
    *,
    out: AnyPath = "sessions",
    bundle: AnyPath | None = None,
    on_step: Callable[[Step], None] = lambda step: None,
    ask: Prompt = no_operator,
) -> Examined:
    """Examines a bench step by step, from its ports to a first short window; the supply is off afterwards.

    Args:
        bench: A bench, its name or its file.
        workload: What the DUT runs.
        out: Where sessions will go: its disk is tried.
        bundle: A zip file to write as well, for a problem report; it must not exist.
        on_step: Called with each step once it is over.
        ask: Asks the operator: ``input``, if there is one.

    Raises:
        JoulebenchError: ``usage.workload``, ``bundle.*``. Problems of the bench are in the report.
    """
    facts = workload_named(workload)
    if bundle is not None:
        refuse_existing(Path(bundle))
    where = bench if isinstance(bench, BenchFile) else os.fspath(bench)
    examination = Examination(where, facts, Path(out), on_step, ask)
    report = examination.run()
    if bundle is not None:
        write_bundle(Path(bundle), examination)
    return Examined(report)
