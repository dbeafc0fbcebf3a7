"""The page of a session without a trace: performance mode, timed by the DUT, and accuracy mode."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from energy.evidence.read_documents import ResultDocument
from energy.evidence.reader import SessionEvidence
from energy.evidence.scope_text import scope_line
from energy.findings import Finding
from energy.recording.inside import within
from energy.report.pages.parts import (
    Cell,
    Column,
    Fact,
    Facts,
    Lines,
    PageTable,
    Section,
    number_cell,
)
from energy.report.pages.provenance import bench_section, provenance_section
from energy.report.pages.session import header_facts, page_title, workload_and_mode
from energy.report.pages.skeleton import Page
from energy.report.pages.verdicts import findings_section, number_in, verdict_fact, with_noted
from energy.report.repeats import repeat_lines
from energy.report.table import NOT_KNOWN
from energy.report.tables import percent
from energy.report.units import significant
from energy.validation.report import RunReport, WindowReport
from energy.validation.sessions import session_report
from energy.window.figures import spread


def timed_page(folder: Path) -> Page:
    """The page of a session in performance or accuracy mode.

    Args:
        folder: Its folder. What cannot be read in it is a finding.
    """
    with within(folder):
        evidence = SessionEvidence(folder)
        run = session_report(folder, folder).folders[0].runs[0]
        found = [Finding(f.code, f.evidence, f.window, lines=f.lines, time_s=f.time_s) for f in run.findings]
        result = _readable(evidence, found)
        findings, unknown = with_noted(found, result)
        verdict = verdict_fact(result, findings, measured=result is not None or bool(run.windows))
        figures = _accuracy(result) if run.mode == "accuracy" else _throughput(run)
        lines = Lines([scope_line(run.setup.scope), *repeat_lines(run.rejected)])
        sections = [
            Section("figures", "Figures", [Facts([verdict, *figures], large=True), lines]),
            findings_section(findings, unknown),
        ]
        if run.windows:
            sections.append(Section("windows", "Trials", [_trials(run)]))
        sections += [section for section in [bench_section(evidence)] if section]
        sections.append(provenance_section(evidence))
        workload, _ = workload_and_mode(evidence)
        title = page_title(workload or folder.absolute().name, run.setup)
        facts = header_facts(run.setup, workload, run.mode)
        notes = [run.setup.note] if run.setup.note else []
        sound = verdict.grade != "error"
        return Page("Session", title, sections, facts, run.virtual, notes=notes, sound=sound)


def _readable(evidence: SessionEvidence, found: list[Finding]) -> ResultDocument | None:
    """The session's ``result.json``; None without one, or where a finding says that it is damaged."""
    if not evidence.has_result or any(finding.code == "file.damaged" for finding in found):
        return None
    return evidence.result


def _throughput(run: RunReport) -> list[Fact]:
    rates = [rate for window in run.windows if (rate := _rate(window)) is not None]
    found = spread(rates)
    if found is None:
        return []
    note = f"median of {found.count} trials by the DUT's clock, spread {percent(found)}"
    return [Fact("Inferences per second", f"{significant(found.median)} inf/s", found.median, note)]


def _rate(window: WindowReport) -> float | None:
    return window.iterations / window.duration_s if window.iterations and window.duration_s else None


def _accuracy(result: ResultDocument | None) -> list[Fact]:
    session: Any = result.session if result else None
    value, target = number_in(session, "value"), number_in(session, "target")
    metric = str(session.get("metric", "accuracy")) if isinstance(session, dict) else "accuracy"  # pyright: ignore[reportUnknownMemberType,reportUnknownArgumentType]
    facts: list[Fact] = []
    if value is not None:
        met = target is not None and value >= target
        note = "" if target is None else f"target {target:g}: {'met' if met else 'not met'}"
        facts.append(Fact(f"Accuracy ({metric})", f"{value:.4f}", value, note))
    for name, key in (("Top 1", "top_1"), ("AUC", "auc"), ("Files", "files"), ("Inferences", "inferences")):
        if (number := number_in(session, key)) is not None:
            facts.append(Fact(name, f"{number:g}" if number == int(number) else f"{number:.4f}", number))
    return facts


def _trials(run: RunReport) -> PageTable:
    columns = [Column(name, True) for name in ("trial", "length s", "inferences", "inf/s")]
    rows: list[list[Cell]] = []
    for window in run.windows:
        rate = _rate(window)
        rows.append(
            [
                Cell(str(window.number), float(window.number)),
                number_cell(
                    window.duration_s, f"{window.duration_s:.6f}" if window.duration_s else NOT_KNOWN
                ),
                number_cell(window.iterations, str(window.iterations)),
                number_cell(rate, significant(rate) if rate is not None else ""),
            ]
        )
    return PageTable("window-table", "Trials, timed by the DUT", columns, rows)
