"""The page of a comparison: figures side by side, verdict with reasons, terms, budgets, traces overlaid."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from energy.catalogue.results import results_named
from energy.errors import JoulebenchError
from energy.evidence.reader import SessionEvidence
from energy.recording.inside import within
from energy.report.comparison import (
    comparison_lines,
    comparison_table,
    letter,
    matrix_table,
    name_lines,
    percent_text,
    terms_table,
)
from energy.report.pages.budgets import budget_part, figure_fact
from energy.report.pages.parts import (
    Cell,
    Column,
    Fact,
    Facts,
    Folded,
    Grade,
    Lines,
    PageTable,
    Part,
    Plot,
    Section,
    table_part,
)
from energy.report.pages.pyramid import Pyramid, pyramid
from energy.report.pages.skeleton import Page
from energy.report.pages.traces import axis_json, highest_w, series_of
from energy.report.setups import volts
from energy.report.table import NOT_KNOWN
from energy.report.units import scale_for
from energy.runs.measured import load, measure_run
from energy.runs.measurement import Measurement
from energy.uncertainty.comparability import Aspect
from energy.uncertainty.compare import Comparison, Subject
from energy.uncertainty.comparing import Compared, compare_results
from energy.uncertainty.results import Result

_GRADES: dict[str, Grade] = {"differ": "warning", "cannot be told apart": "info", "not comparable": "error"}
_MARGIN = 0.02
"""What is shown beside a window, as a part of its length."""
_MOST_TRACES = 8
_COLUMNS = (2048, 8192, 32768)
_MOST_SAMPLES = 30_000
_OPENING = "time from the opening edge of the first window (s)"


def comparison_page(names: Sequence[str], across: Collection[Aspect] = ()) -> Page:
    """The page of a comparison.

    Args:
        names: Paths of results, and ids of published ones; all are compared with the first.
        across: What differs on purpose.

    Raises:
        UsageError: ``usage.compare``, ``usage.path``.
        RecordingError: ``compare.no-uncertainty``, or what is wrong with a file.
    """
    named = results_named(names)
    compared = compare_results(named, across)
    letters = [letter(place) for place in range(len(compared.results))]
    figures = compared.figures
    sections = [
        Section("figures", "Verdict", _verdicts(compared, letters)),
        Section("compared", "Figures side by side", _tables(compared)),
        Section("reasons", "Reasons, and what it would take", _reasons(compared, letters)),
    ]
    if (overlay := _overlay(named, letters)) is not None:
        sections.append(Section("traces", "First windows, aligned on their opening edges", [overlay]))
    sections.append(Section("budgets", "Uncertainty", _budgets(figures["energy"], letters)))
    sections.append(Section("setups", "Circumstances", _circumstances(compared, letters)))
    return Page(
        "Comparison",
        _title(compared.results),
        sections,
        virtual=any(result.virtual for result in compared.results),
        scripts=("trace.js",),
        notes=name_lines(compared.results),
        sound=not compared.not_comparable,
    )


def _title(results: Sequence[Result]) -> str:
    """The names of the results without the folders that they have in common."""
    names = [Path(result.name).name or result.name for result in results]
    if len(set(names)) < len(names):
        names = [result.name for result in results]
    return f"{names[0]} against {names[1] if len(names) == 2 else f'{len(names) - 1} others'}"


def _verdicts(compared: Compared, letters: Sequence[str]) -> list[Part]:
    """A headline for each result against the first."""
    rows = compared.figures["energy"]
    first = rows[1][0].first
    facts = [figure_fact("A: energy per inference", first.budget)]
    for place, row in enumerate(rows[1:], start=1):
        against = row[0]
        facts.append(figure_fact(f"{letters[place]}: energy per inference", against.second.budget))
        ratio = against.ratio.value if against.ratio else None
        reasons = [reason.evidence for reason in against.reasons]
        figure = f"{percent_text(against.ratio)} (95 %)" if against.ratio else against.difference.text()
        note = "; ".join([figure, *reasons])
        facts.append(
            Fact(f"{letters[place]} against A", against.verdict, ratio, note, _GRADES[against.verdict])
        )
    return [Facts(facts, large=True)]


def _subjects(rows: Sequence[Sequence[Comparison]]) -> list[Subject]:
    return [rows[1][0].first, *(row[0].second for row in rows[1:])]


def _tables(compared: Compared) -> list[Part]:
    parts: list[Part] = []
    for name, rows in compared.figures.items():
        subjects = _subjects(rows)
        part = table_part(comparison_table(subjects, rows), f"compared-{name}")
        made = [
            _valued(cells, subject, row)
            for cells, subject, row in zip(part.rows, subjects, rows, strict=True)
        ]
        parts.append(replace(part, rows=made))
        if len(subjects) > 2:
            parts.append(table_part(matrix_table(subjects, rows), f"matrix-{name}"))
    return parts


def _valued(cells: Sequence[Cell], subject: Subject, row: Sequence[Comparison]) -> list[Cell]:
    """A row of ``comparison_table`` with the numbers behind its figure and its ratio."""
    name, figure, ratio, verdict = cells
    against = row[0] if row else None
    value = against.ratio.value if against and against.ratio else None
    grade = _GRADES[against.verdict] if against else ""
    return [
        name,
        replace(figure, value=subject.budget.value),
        replace(ratio, value=value),
        replace(verdict, grade=grade),
    ]


def _reasons(compared: Compared, letters: Sequence[str]) -> list[Part]:
    parts: list[Part] = []
    for place, row in enumerate(compared.figures["energy"][1:], start=1):
        against, names = row[0], ("A", letters[place])
        inner: list[Part] = [Lines([line.strip() for line in comparison_lines(against, names)])]
        if against.ratio is not None:
            inner.append(table_part(terms_table(against, names=names, every=True), f"terms-{place}"))
        parts.append(
            Folded(f"{letters[place]} against A: {against.verdict}", inner, opened=place == 1, printed=True)
        )
    return parts


def _budgets(rows: Sequence[Sequence[Comparison]], letters: Sequence[str]) -> list[Part]:
    return [
        Folded(
            f"{name}: {subject.budget.text()}",
            [budget_part(subject.budget, f"budget-{name}"), Lines(list(subject.budget.notes))],
            printed=True,
        )
        for name, subject in zip(letters, _subjects(rows), strict=True)
    ]


def _circumstances(compared: Compared, letters: Sequence[str]) -> list[Part]:
    rows: dict[str, list[str]] = {}
    for result in compared.results:
        of = result.circumstances
        values = {
            "board": of.board,
            "workload": of.workload,
            "mode": of.mode,
            "runner": of.runner,
            "voltage": volts(of.voltage_v),
            "ambient": None if of.temperature_c is None else f"{of.temperature_c:g} °C",
            "monitor": of.monitor or of.model,
            "current range": of.range,
            "rule of energy": of.rule,
            "scope": of.scope.text() if of.scope else None,
            "firmware": of.firmware,
            "virtual": "yes" if of.virtual else "no",
            "errors": ", ".join(code for code, _ in result.errors) or "none",
        }
        for name, value in values.items():
            rows.setdefault(name, []).append(str(value) if value else NOT_KNOWN)
    columns = [Column(""), *(Column(name) for name in letters)]
    cells = [[Cell(name), *(Cell(text) for text in texts)] for name, texts in rows.items()]
    parts: list[Part] = [
        PageTable("circumstances", "Circumstances of each result", columns, cells, filtered=False)
    ]
    return [*parts, Lines(compared.scope_lines(list(letters)))]


def _overlay(named: Sequence[Path | Result], letters: Sequence[str]) -> Plot | None:
    """The first windows of all results that have a trace, over each other; None where none has."""
    measured = [
        (name, found)
        for name, of in zip(letters, named, strict=True)
        if isinstance(of, Path) and (found := _measured(of)) is not None
    ][:_MOST_TRACES]
    if not measured:
        return None
    pyramids = [(name, *_first_window(found)) for name, found in measured]
    power = scale_for(max(highest_w(made) for _, made, _, _ in pyramids))
    longest = max(length for *_, length in pyramids)
    extra = {
        "series": [
            series_of(made, name, f"--c{place % 8 + 1}", origin)
            for place, (name, made, origin, _) in enumerate(pyramids)
        ],
        "windows": [{"number": 1, "start": 0.0, "stop": longest, "flawed": False}],
        "gaps": [],
        "whole": [-longest * _MARGIN, longest * (1 + _MARGIN)],
        **axis_json(power, _OPENING),
    }
    names = ", ".join(name for name, _ in measured)
    label = f"Power in the first window of {names}, each from its opening edge."
    return Plot("overlay", label, script="trace", extra=extra, height=440)


def _measured(path: Path) -> Measurement | None:
    """The run of a result with a trace that has a window; None for any other."""
    folder = path if path.is_dir() else path.parent
    if not SessionEvidence(folder).has_trace:
        return None
    try:
        with within(folder) if path.is_dir() else nullcontext():
            measured = measure_run(load(folder))
    except JoulebenchError:
        return None  # the comparison goes by result.json, and states what is wrong with the session
    return measured if measured.session.windows else None


def _first_window(measured: Measurement) -> tuple[Pyramid, float, float]:
    window = measured.session.windows[0].window
    trace, opening, closing = measured.run.samples, window.opening.position, window.closing.position
    margin = (closing - opening) * _MARGIN
    made = pyramid(
        trace,
        [(1, opening, closing)],
        first=int(opening - margin),
        stop=int(closing + margin) + 1,
        most=_MOST_SAMPLES,
        columns=_COLUMNS,
    )
    return made, window.start_s, window.duration_s
