"""Results as plain tables."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.results import Line, Row, Section, Target


def print_lines(console: Console, sections: Sequence[Section], *, judged: bool) -> None:
    """Prints the one table of all benchmarks, then what else must hold, and what could not be timed."""
    lines = [line for section in sections for line in section.lines]
    table = Table(box=box.SIMPLE, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("benchmark", no_wrap=True)
    for heading in ("ours ms", "floor ms", "ratio", "target", "", "peer ratio"):
        table.add_column(heading, justify="left" if not heading else "right", no_wrap=True)
    for line in lines:
        table.add_row(
            line.name,
            f"{1e3 * line.ours.median_s:.4g}",
            "" if line.floor is None else f"{1e3 * line.floor.median_s:.4g}",
            "" if line.ratio is None else f"{line.ratio:.3g}",
            _limit(line),
            "" if not judged else "ok" if line.target.reached else "MISSED",
            "" if line.peer_ratio is None else f"{line.peer_ratio:.3g}",
        )
    console.print(table)
    console.print(
        "Ratio: our median over the floor's, of the same bytes in the same run. The floors and peers:"
    )
    for line in lines:
        floor = "no floor" if line.floor is None else line.floor.name
        peer = "" if line.peer is None else f"; peer: {line.peer.name}"
        console.print(f"- {line.name}: {floor}{peer}", highlight=False)
    for section in sections:
        if not section.lines:
            console.print(f"{section.title}: {' '.join(section.remarks)}", highlight=False)
        for target in section.targets:
            if not section.lines or (judged and not target.reached):
                console.print(f"  {_verdict(target, judged=judged)}", highlight=False)


def _limit(line: Line) -> str:
    """The limit, after the figure that is judged where that is not the ratio."""
    target = line.target
    sign = "<=" if target.kind == "at most" else ">="
    if target.value == line.ratio:
        return f"{sign} {target.limit:.3g}"
    return f"{_short(target.value)} {sign} {_short(target.limit)}"


def _short(value: float) -> str:
    return f"{value / 1e6:.3g}M" if value >= 1e6 else f"{value:.3g}"


def print_section(console: Console, section: Section, *, judged: bool) -> None:
    """Prints a benchmark's rows, targets and remarks."""
    table = Table(title=section.title, title_justify="left", box=box.SIMPLE)
    table.add_column("what", no_wrap=True)
    for heading in ("median ms", "fastest", "slowest", "per second", "times baseline"):
        table.add_column(heading, justify="right")
    for row in section.rows:
        milliseconds = (row.median_s, min(row.seconds), max(row.seconds))
        table.add_row(row.name, *(f"{1e3 * value:.1f}" for value in milliseconds), _rate(row), _ratio(row))
    console.print(table)
    for target in section.judged:
        console.print(_verdict(target, judged=judged), highlight=False)
    for remark in section.remarks:
        console.print(f"- {remark}", highlight=False)
    console.print()


def _rate(row: Row) -> str:
    value = row.work / row.median_s
    prefix, scale = ("G", 1e9) if value >= 1e9 else ("M", 1e6)
    return f"{value / scale:.3g} {prefix}{row.unit}"


def _ratio(row: Row) -> str:
    return "" if row.ratio is None else f"{row.ratio:.3g}"


def _verdict(target: Target, *, judged: bool) -> str:
    figure = f"{target.text}: {target.value:.3g} ({target.kind} {target.limit:g})"
    if not judged:
        return f"not judged   {figure}"
    return f"{'reached' if target.reached else 'NOT REACHED':11}  {figure}"
