"""The page of a session, a recording or a trace: headline figures, verdict, windows, trace, budget, bench."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

from energy.errors import RecordingError
from energy.evidence.names import RESULT_NAME, SESSION_NAME
from energy.evidence.read_documents import ResultDocument
from energy.evidence.reader import SessionEvidence
from energy.evidence.scope_text import scope_line
from energy.evidence.setup import Setup
from energy.findings import Finding
from energy.recording.edgelog import FILE_NAME as EDGES_NAME
from energy.recording.eembc import ENERGY_SUFFIX, timestamps_path
from energy.recording.inside import within
from energy.recording.store import TRACE_NAME
from energy.report.pages.budgets import budget_parts, figure_fact
from energy.report.pages.parts import (
    Fact,
    Facts,
    Lines,
    Section,
)
from energy.report.pages.provenance import bench_section, file_section, provenance_section
from energy.report.pages.skeleton import Page
from energy.report.pages.traces import trace_plot
from energy.report.pages.verdicts import findings_section, number_in, verdict_fact, with_noted
from energy.report.pages.windows import printed_section, windows_section
from energy.report.repeats import repeat_lines
from energy.report.setups import setup_cells
from energy.report.table import NOT_KNOWN
from energy.report.tables import percent
from energy.report.units import engineering, significant
from energy.runs.measured import load, measure_run
from energy.runs.measurement import Measurement, WindowOptions
from energy.runs.named import load_named
from energy.uncertainty.floors import UNITS as FLOOR_UNITS
from energy.uncertainty.of_run import stated_differs, statement_of
from energy.uncertainty.stated import FIGURES, Stated
from energy.uncertainty.statement import Statement
from energy.validation.sessions import unfinished
from energy.window.figures import Spread

_FACTS = ("board", "voltage", "clock", "monitor", "label")
_FLOORS = {
    "idle_w": "Idle",
    "sleep_w": "Asleep",
    "wake_up_j": "A wake-up",
    "wake_up_s": "A wake-up takes",
}


def trace_page(path: Path, options: WindowOptions | None = None) -> Page:
    """The page of a session in energy mode, of a recording, or of any trace that ``integrate`` reads.

    Args:
        path: Its folder or its file.
        options: What the user knows better than the files.

    Raises:
        UsageError: ``path.*``, ``usage.one-trace``.
        RecordingError: If it cannot be read as what it is.
    """
    with within(path) if path.is_dir() else nullcontext():
        options = options or WindowOptions()
        return measured_page(measure_run(load_named(path, options.given), options))


def session_page(folder: Path) -> Page:
    """The page of a session in energy mode, or of a recording, by its folder.

    Raises:
        RecordingError: If it cannot be read.
    """
    with within(folder):
        return measured_page(measure_run(load(folder)))


def measured_page(measured: Measurement) -> Page:
    """The page of a run with a trace.

    Args:
        measured: The run.
    """
    run, setup = measured.run, measured.run.setup
    evidence = _evidence(measured)
    statement = statement_of(measured)
    found, unknown = with_noted(_findings(measured, statement, evidence), run.result)
    verdict = verdict_fact(run.result, found, measured=bool(measured.session.windows))
    headline = Facts([verdict, *_headline(measured, statement.stated), *floor_facts(run.result)], large=True)
    lines = Lines([scope_line(setup.scope), *repeat_lines(run.rejected)])
    sections = [
        Section("figures", "Figures", [headline, lines]),
        findings_section(found, unknown),
        windows_section(measured),
        Section("traces", "Trace", [trace_plot(measured)]),
        _uncertainty(statement.stated, told=bool(statement.findings)),
    ]
    if measured.figures:
        sections.append(printed_section(measured))
    if evidence is not None and (bench := bench_section(evidence)) is not None:
        sections.append(bench)
    sections.append(
        file_section(_files(measured)) if evidence is None else provenance_section(evidence, _files(measured))
    )
    workload, mode = workload_and_mode(evidence) if evidence else (run.about.get("model"), run.mode)
    return Page(
        "Session" if evidence and workload else "Recording",
        page_title(workload or run.path.absolute().name, setup),
        sections,
        header_facts(setup, workload, mode),
        virtual=run.virtual,
        scripts=("trace.js",),
        notes=[setup.note] if setup.note else [],
        sound=verdict.grade != "error",
    )


def _evidence(measured: Measurement) -> SessionEvidence | None:
    """The folder of a recording of ours; None for a trace of another program, whatever lies beside it."""
    path = measured.run.path
    if path.is_dir() or path.name == TRACE_NAME:
        return SessionEvidence(path if path.is_dir() else path.parent)
    return None


def _findings(measured: Measurement, statement: Statement, evidence: SessionEvidence | None) -> list[Finding]:
    """All that was found in the files."""
    found = [*measured.all_findings, *statement.findings]
    if measured.run.result is not None and statement.stated is not None:
        found += stated_differs(measured.run.result, statement.stated)
    if evidence is not None and evidence.has_session:
        found += unfinished(evidence.session)
    return found


def _files(measured: Measurement) -> list[Path]:
    """The files that the figures come from, where there is no manifest."""
    run = measured.run
    folder = run.folder
    if run.path.is_dir():
        return [run.path / name for name in (TRACE_NAME, EDGES_NAME, SESSION_NAME, RESULT_NAME)]
    files = [run.path, *([timestamps_path(run.path)] if run.path.name.endswith(ENERGY_SUFFIX) else [])]
    files += [path for path in (folder.log, folder.results, folder.results_json, folder.script) if path]
    return list(dict.fromkeys(files))


def page_title(name: str, setup: Setup) -> str:
    """What was measured, on which board and at which voltage: ``kws01 on NUCLEO-L4R5ZI at 1.8 V``."""
    board, voltage = setup_cells(setup)[:2]
    where = f" on {board}" if board != NOT_KNOWN else ""
    return f"{name}{where}{f' at {voltage}' if voltage != NOT_KNOWN else ''}"


def header_facts(setup: Setup, workload: str | None, mode: str | None) -> list[Fact]:
    """The facts of a session for the header of its page."""
    facts = [
        Fact(name, text) for name, text in zip(_FACTS, setup_cells(setup), strict=True) if text != NOT_KNOWN
    ]
    facts += [Fact(name, text) for name, text in (("workload", workload), ("mode", mode)) if text]
    if setup.performance:
        facts.append(Fact("performance session", setup.performance))
    return facts


def workload_and_mode(evidence: SessionEvidence) -> tuple[str | None, str | None]:
    """Workload and mode by ``session.json``; None where it does not state them, or cannot be read."""
    if not evidence.has_session:
        return None, None
    try:
        return evidence.session.workload, evidence.session.mode
    except RecordingError:
        return None, None  # a finding of the page reports it


def _headline(measured: Measurement, stated: Stated | None) -> list[Fact]:
    """Energy per inference beside inferences per second, then mean power; with uncertainty where known."""
    session = measured.session
    if stated is not None:
        facts = [
            figure_fact("Energy per inference", stated.joule_per_inference),
            figure_fact("Inferences per second", stated.inferences_per_second),
            figure_fact("Mean power", stated.power_w),
        ]
        if stated.net_joule_per_inference is not None:
            facts.append(figure_fact("Energy per inference above idle", stated.net_joule_per_inference))
        return facts
    cost, throughput, power = (
        session.joule_per_inference(),
        session.inferences_per_second(),
        session.power_w(),
    )
    energy = None if cost else session.energy_j()
    facts: list[Fact] = []
    for name, spread, unit in (
        ("Energy per inference", cost, "J"),
        ("Inferences per second", throughput, ""),
        ("Energy of a window", energy, "J"),
        ("Mean power", power, "W"),
    ):
        if spread is not None:
            facts.append(_spread_fact(name, spread, unit))
    return facts


def _spread_fact(name: str, spread: Spread, unit: str) -> Fact:
    if unit == "J":
        text = f"{significant(spread.median * 1e6)} µJ"
    else:
        text = engineering(spread.median, unit, 5) if unit else f"{significant(spread.median)} inf/s"
    windows = f"{spread.count} window{'s' if spread.count != 1 else ''}"
    return Fact(
        name, text, spread.median, f"median of {windows}, spread {percent(spread)}; no uncertainty stated"
    )


def floor_facts(result: ResultDocument | None) -> list[Fact]:
    """Idle and sleep power, energy and time of a wake-up, as ``result.json`` states them."""
    facts: list[Fact] = []
    floors = (result.floors if result else None) or {}
    for name, words in _FLOORS.items():
        if (value := number_in(floors, name, "value")) is not None:
            expanded = number_in(floors, name, "budget", "expanded_uncertainty")
            unit = FLOOR_UNITS[name]
            note = "" if expanded is None else f"± {engineering(expanded, unit, 2)} (95 %)"
            facts.append(Fact(words, engineering(value, unit), value, note))
    return facts


def _uncertainty(stated: Stated | None, *, told: bool) -> Section:
    """The budgets; without any, why: ``told`` where a finding gives the reason."""
    if stated is None:
        why = "the findings give the reason" if told else "the files lack scope and the monitor's accuracy"
        text = f"There is no uncertainty statement: {why}."
        return Section("uncertainty", "Uncertainty", [Lines([text])])
    budgets = [budget for name in FIGURES if (budget := getattr(stated, name)) is not None]
    return Section("uncertainty", "Uncertainty", budget_parts(budgets))
