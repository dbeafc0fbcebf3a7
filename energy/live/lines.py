"""The view in the terminal as lines of styled text; ``energy.live.terminal`` draws them."""

from __future__ import annotations

import math
import textwrap
from typing import Any

import numpy as np
import numpy.typing as npt

from energy.live.braille import braille
from energy.report.units import prefixed, scale_for

Line = list[tuple[str, str]]
"""Pieces of text with the names of their styles."""
Lines = list[Line]
_AXIS = 9
"""Columns of the values beside the waveform."""
_IMPORTANCE = ("window", "energy", "J/inference", "inf/s", "mean power", "length", "start", "findings")
"""Headings of the windows' table, in the order in which they find room."""
_GAP = 2
_LATEST = 200


def title(frame: dict[str, Any], doing: str, width: int) -> Lines:
    """Set-up, state and progress."""
    session = frame["session"]
    what = " ".join(part for part in (session["workload"], session["mode"], session["label"]) if part)
    style = {"finished": "good", "failed": "error", "interrupted": "error"}.get(session["state"], "state")
    marks: Line = [(" VIRTUAL ", "virtual"), (" ", "plain")] if session["virtual"] else []
    marks += [(session["state"], style)]
    name = f"{session['board']}, {session['voltage_v']:g} V: {what}"
    room = width - sum(len(text) for text, _ in marks) - 1
    head: Lines = [[(name, "strong"), (" ", "plain"), *marks]]
    if len(name) > room:
        head = [*([(text, "strong")] for text in textwrap.wrap(name, width)), marks]
    bar = min(20, width // 4)
    done = min(max(round(frame["progress"] * bar), 0), bar)
    rest = width - bar - 1
    head.append([("━" * done, "state"), ("─" * (bar - done), "quiet"), (" " + doing[: rest - 1], "plain")])
    if session["error"] is not None:
        code, message, hint = session["error"]
        head += [[(text, "error")] for text in textwrap.wrap(f"{message} [{code}]", width)]
        head += [[(text, "plain")] for text in textwrap.wrap(hint, width)]
    if frame["defect"]:
        text = f"This view has ended by a defect ({frame['defect']}); the recording goes on."
        head += [[(piece, "error")] for piece in textwrap.wrap(text, width)]
    return head


def meters(session: dict[str, Any], width: int) -> Lines:
    """Energy, time and the median, side by side as far as there is room."""
    shown = [("energy", session["energy"]), ("recorded", f"{session['elapsed_s']:.1f} s")]
    if session["cost"]:
        shown.append(("median", f"{session['cost']}/inference at {session['rate']}"))
    if session["missing"]:
        shown.append(("not numbers", str(session["missing"])))
    lines: Lines = [[]]
    used = 0
    for name, value in shown:
        size = len(name) + len(value) + 1
        if used and used + 3 + size > width:
            lines.append([])
            used = 0
        if used:
            lines[-1].append(("   ", "plain"))
            used += 3
        lines[-1] += [(f"{name} ", "quiet"), (value, "strong")]
        used += size
    return lines


def plot(wave: dict[str, Any], rows: int) -> Lines:
    """The power as a band from least to greatest, windows shaded, with its axes."""
    low, high = wave["values"][0, 0], wave["values"][0, 1]
    columns = wave["columns"] // 2
    low, high = low[: 2 * columns], high[: 2 * columns]
    fine = np.isfinite(high)
    lowest = min(float(low[fine].min()), 0.0) if fine.any() else 0.0
    least, top, rows, labels = _scale(lowest, max(float(high[fine].max()) if fine.any() else 1.0, 1e-9), rows)
    shaded = _covered(wave, wave["windows"], columns)
    lost = _covered(wave, wave["gaps"], columns)
    lines: Lines = []
    for number, text in enumerate(braille(low, high, least, top, rows)):
        label = labels.get(number, "")
        line: Line = [(f"{label:>{_AXIS - 1}} ", "quiet")]
        if number == rows - 1:
            text = "".join("╳" if gone else char for char, gone in zip(text, lost, strict=True))
        for start, stop in _runs(shaded):
            line.append((text[start:stop], "window" if shaded[start] else "power"))
        lines.append(line)
    return [*lines, [(" " * _AXIS, "plain"), (_ruler(wave["start_s"], wave["stop_s"], columns), "quiet")]]


def _scale(lowest: float, highest: float, rows: int) -> tuple[float, float, int, dict[int, str]]:
    """The scale of a waveform: round values at equal distances.

    Returns:
        Its least and greatest value, its lines (``rows`` at most, where the values allow it), and the text
        beside a line.
    """
    step = _step((highest - lowest) / max((rows - 1) // 2, 1))
    first, last = math.floor(lowest / step + 1e-9), math.ceil(highest / step - 1e-9)
    each = max((rows - 1) // (last - first), 1)
    power = scale_for(max(last * step, -first * step))
    labels = {
        (last - k) * each: f"{round(k * step / 10**power, 6):.4g} {prefixed(power, 'W')}"
        for k in range(first, last + 1)
    }
    return first * step, last * step, 1 + (last - first) * each, labels


def _covered(wave: dict[str, Any], spans: list[list[float]], columns: int) -> npt.NDArray[np.bool_]:
    """Which columns of characters the spans cover to their middle; a short span covers the nearest."""
    covered = np.zeros(columns, np.bool_)
    length = wave["stop_s"] - wave["start_s"]
    for start, stop, *_ in spans:
        first, last = ((second - wave["start_s"]) / length * columns for second in (start, stop))
        begin = max(round(first), 0)
        covered[begin : max(round(last), min(begin + 1, columns), 0)] = True
    return covered


def _runs(flags: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Where equal flags stand together."""
    if not len(flags):
        return []
    ends = [*(np.flatnonzero(np.diff(flags)) + 1).tolist(), len(flags)]
    return list(zip([0, *ends[:-1]], ends, strict=True))


def _ruler(start_s: float, stop_s: float, columns: int) -> str:
    """The times below a waveform: as many as have room."""
    step = _step((stop_s - start_s) / max(columns / 14, 1))
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    line = [" "] * columns
    for k in range(math.ceil(start_s / step - 1e-9), math.floor(stop_s / step) + 1):
        at = round((k * step - start_s) / (stop_s - start_s) * columns)
        text = f"╵{k * step:.{decimals}f} s"
        if at + len(text) <= columns:
            line[at : at + len(text)] = text
    return "".join(line)


def _step(least: float) -> float:
    tens = 10.0 ** math.floor(math.log10(least))
    return next(k * tens for k in (1, 2, 5, 10) if k * tens >= least * 0.999)


def windows(table: dict[str, Any], rows: list[list[str]], width: int) -> Lines:
    """The windows, the latest first, in as many columns as have room; a finding has a line of its own."""
    count = table["count"]
    if not count:
        return [[("no window has closed yet", "quiet")]]
    headings: list[str] = table["columns"]
    latest = rows[: -_LATEST - 1 : -1]
    sizes = [max(len(headings[k]), *(len(row[k]) for row in latest)) for k in range(len(headings))]
    chosen: list[int] = []
    used = 0
    for name in _IMPORTANCE[:-1]:
        place = headings.index(name)
        if used + sizes[place] + (_GAP if chosen else 0) > width:
            break
        used += sizes[place] + (_GAP if chosen else 0)
        chosen.append(place)
    chosen.sort()
    codes = headings.index("findings")

    def cells(row: list[str]) -> str:
        return (" " * _GAP).join(row[k].rjust(sizes[k]) for k in chosen)

    lines: Lines = [[(cells(headings), "quiet")]]
    for row in latest:
        lines.append([(cells(row), "error" if row[codes] else "plain")])
        lines += [[(f"  {text}", "error")] for text in textwrap.wrap(row[codes], max(width - 2, 10))]
    if count > len(latest):
        lines.append([(f"and {count - len(latest)} before", "quiet")])
    return lines


def findings(session: dict[str, Any], width: int) -> Lines:
    """Findings and remarks."""
    lines: Lines = []
    for severity, code, evidence, window in session["findings"]:
        where = f"window {window}: " if window else ""
        first, *rest = textwrap.wrap(f"{code}: {where}{evidence}", max(width - 8, 10)) or [""]
        style = severity if severity in ("error", "warning") else "quiet"
        lines.append([(f"{severity:8}", style), (first, "plain")])
        lines += [[(f"{'':8}{text}", "plain")] for text in rest]
    more = session["findings_count"] - len(session["findings"])
    if more > 0:
        lines.append([(f"and {more} more findings", "quiet")])
    for note in session["notes"][-5:]:
        lines += [[(text, "quiet")] for text in textwrap.wrap(note, width)]
    if session["dropped_by_view"]:
        text = f"this view missed {session['dropped_by_view']} updates; the recording did not"
        lines += [[(piece, "quiet")] for piece in textwrap.wrap(text, width)]
    return lines


def sessions(rows: list[dict[str, Any]], width: int) -> Lines:
    """The sessions before this one, each in a line."""
    lines: Lines = []
    for row in rows[:-1]:
        name = " ".join(part for part in (row["workload"], row["mode"]) if part)
        cost = f", {row['cost']}/inference at {row['rate']}" if row["cost"] else ""
        style = "error" if row["worst"] == "error" else "quiet"
        lines += [[(text, style)] for text in textwrap.wrap(f"{name}: {row['state']}{cost}", width)]
    return lines
