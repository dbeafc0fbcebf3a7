"""The page of the published rounds: rankings by energy with their uncertainty (docs/reference)."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from energy.catalogue.assumed import (
    SAMPLE_S,
    SHORTEST_S,
    TYPICAL_RSD,
    monitor_named,
    over_range,
    specification,
)
from energy.catalogue.ranking import Ranked, Ranking, rankings
from energy.catalogue.row import Row
from energy.instruments import Accuracy
from energy.uncertainty.budget import Budget
from energy.uncertainty.rounding import figure_text, prefix_for

_TITLES = {
    "ad": "anomaly detection",
    "ic": "image classification",
    "kws": "keyword spotting",
    "vww": "visual wake words",
    "sww": "streaming wake word",
}
_APART = {
    None: "",
    "yes": "differs",
    "if one monitor": "**not told apart**, unless one monitor measured both",
    "no": "**not told apart**",
}


class _Mark(NamedTuple):
    """A letter beside a figure, and what it means."""

    letter: str
    meaning: str


_INFERRED = _Mark("a", "no file names the monitor; it is inferred from their form")
_NO_VOLTAGE = _Mark("b", "no file states the supply voltage")
_OVER = _Mark(
    "c", "its mean current is above the monitor's range, for which nothing is specified: U is too small"
)
_ERRORS = _Mark(
    "d", "`joulebench validate` finds errors in its files (`joulebench catalogue show ID` lists them)"
)
_MARKS = (_INFERRED, _NO_VOLTAGE, _OVER, _ERRORS)


def published_rounds_page(rows: Iterable[Row]) -> str:
    """The page, as Markdown.

    Args:
        rows: The catalogue.
    """
    found = rankings(rows)
    lines = [*_introduction(found), ""]
    for name in dict.fromkeys(ranking.round for ranking in found):
        lines += [f"## {name}", ""]
        for ranking in found:
            if ranking.round == name:
                lines += [*_section(ranking), ""]
    return "\n".join(lines).rstrip() + "\n"


def _introduction(found: Sequence[Ranking]) -> list[str]:
    places = [place for ranking in found for place in ranking.places]
    monitors = list(dict.fromkeys(place.row.monitor for place in places))
    pairs = [place.apart for place in places if place.apart]
    never, perhaps = pairs.count("no"), pairs.count("if one monitor")
    return [
        "# The published rounds by energy, and which ranks cannot be told apart",
        "",
        "Made by `python -m energy.catalogue > docs/reference/published-rounds.md`.",
        "",
        *_wrapped(
            "Published results state no uncertainty. Here each of the "
            f"{len(places)} published energies has an **assumed budget**. It rests on:"
        ),
        "| term | half-width | status | source |",
        "|---|---|---|---|",
        *(_line(name, line) for name in monitors for line in _used(name, places)),
        f"| scatter of the windows, for their median | {_percent(TYPICAL_RSD, 2)} of a window | assumed | "
        "mlperf-tiny.md 3: that of the median published session |",
        "| the same, where the published trace was read | the trace's own | measured | "
        "`scatter_rsd` of the row |",
        f"| edges | {SAMPLE_S * 1e3:g} ms each in a window of {SHORTEST_S:g} s, or in the stream | assumed | "
        "one sample; the shortest window that the rules allow |",
        "",
        *_wrapped(
            f"So U (95 %) is {' and '.join(_widths(places, name) for name in monitors)}. "
            "**Scope: not published.** Nobody knows what the measured rails fed, which specimens measured, "
            "when these were calibrated, or how warm it was. No budget can hold that."
        ),
        *_wrapped(
            "**Which specimen.** Two specimens of a monitor err independently, so nothing cancels between "
            "two results. That one specimen measured all results of a submission is likely, and not known. "
            "So neighbours are compared under both assumptions:"
        ),
        "- *differs*: at 95 %, even if two specimens measured.",
        "- *not told apart, unless one monitor measured both*: they differ only if one specimen measured the "
        "whole submission;",
        "  its errors then cancel, as far as both currents are within a factor of two.",
        "- *not told apart*: not even then, or they are of two submissions.",
        "",
        *_wrapped(
            f"Of {len(pairs)} pairs of neighbours, {len(pairs) - never - perhaps} differ, {perhaps} "
            f"differ only if one monitor measured both, and {never} cannot be told apart. Ranks are by "
            "energy alone: boards, voltages, clocks and rails differ."
        ),
        *_wrapped("Marks: " + "; ".join(f"({mark.letter}) {mark.meaning}" for mark in _MARKS) + "."),
    ][:-1]


def _wrapped(text: str) -> list[str]:
    """A paragraph, with an empty line behind it."""
    return [*textwrap.wrap(text, 118, break_long_words=False, break_on_hyphens=False), ""]


def _used(monitor: str, places: Sequence[Ranked]) -> list[Accuracy]:
    """The lines of a monitor's specification that the budgets use."""
    used = {
        term.of.source.split(";")[0]
        for place in places
        if place.row.monitor == monitor
        for term in place.subject.budget.terms
    }
    names = {term.of.name for place in places for term in place.subject.budget.terms}
    return [
        line
        for line in specification(monitor_named(monitor).driver)
        if line.source.split(";")[0] in used
        and (line.quantity == "time" or any(name.endswith(f", {line.range}") for name in names))
    ]


def _line(monitor: str, line: Accuracy) -> str:
    unit = "A" if line.quantity == "current" else "V"
    offset = f" + {_prefixed(line.offset, unit)}" if line.offset else ""
    limit = f"{line.gain * 1e6:g} ppm" if line.quantity == "time" else _percent(line.gain, 1) + offset
    what = line.range if line.quantity == "time" else f"{line.quantity}, {line.range}"
    source = line.source.removeprefix("assumed: ")
    return f"| {monitor_named(monitor).model}: {what} | {limit} | {line.status} | {source} |"


def _prefixed(value: float, unit: str) -> str:
    """A small value with a prefix, such as ``2 mA``."""
    factor, shown = prefix_for(value, unit)
    return f"{value / factor:g} {shown}"


def _percent(fraction: float, decimals: int) -> str:
    return f"{fraction * 100:.{decimals}f} %"


def _widths(places: Sequence[Ranked], monitor: str) -> str:
    relative = [_relative(place.subject.budget) for place in places if place.row.monitor == monitor]
    low, high = f"{min(relative) * 100:.1f}", _percent(max(relative), 1)
    model = monitor_named(monitor).model
    article = "an" if model.startswith(("A", "E", "I", "L")) else "a"
    return f"{high if high.startswith(f'{low} ') else f'{low} to {high}'} with {article} {model}"


def _section(ranking: Ranking) -> list[str]:
    what = "energy of the stream" if ranking.benchmark == "sww" else "energy per inference"
    groups = ranking.groups
    text = ", ".join(f"{first} to {last}" for first, last in groups)
    title = f"### {ranking.round}, {ranking.division}: {_TITLES.get(ranking.benchmark, ranking.benchmark)}"
    return [
        f"{title} ({ranking.benchmark})",
        "",
        *([f"Neighbours among ranks {text} cannot be told apart.", ""] if groups else []),
        f"| rank | organisation | system | V | {what}, 95 % | U | from the rank before |",
        "|---:|---|---|---:|---:|---:|---|",
        *map(_place, ranking.places),
    ]


def _place(place: Ranked) -> str:
    row, budget = place.row, place.subject.budget
    voltage = f"{row.voltage_v:g}" if row.voltage_v else "–"
    marks = " ".join(f"({mark.letter})" for mark in _marks(row))
    figure = figure_text(budget.value, budget.expanded, budget.unit)
    cells = [
        str(place.rank),
        _plain(row.organization),
        f"{_plain(row.system)} {marks}".strip(),
        voltage,
        figure,
        _percent(_relative(budget), 1),
        _APART[place.apart],
    ]
    return f"| {' | '.join(cells)} |"


def _marks(row: Row) -> list[_Mark]:
    holds = {
        _INFERRED: row.monitor_inferred,
        _NO_VOLTAGE: row.voltage_v is None,
        _OVER: over_range(row) is not None,
        _ERRORS: row.verdict == "error",
    }
    return [mark for mark in _MARKS if holds[mark]]


def _relative(budget: Budget) -> float:
    return budget.expanded / budget.value


def _plain(text: str) -> str:
    return text.replace("|", "\\|")
