"""``results.txt`` of both runners and all modes: every figure as it is printed, as text and as number.

Formats: mlperf-tiny.md 2 and the published rounds; the lines in which the MLCommons runner calls a run not
valid are read too (``ERROR: Not valid for submission``, ``<<<< below minimum duration``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Literal

from energy.findings import Finding
from energy.recording.limits import LARGEST_RESULTS_TEXT
from energy.runs.plain_text import PlainText, plain, read_plain, stamp_seconds

_MOST_LINES = 100_000
_MOST_WINDOWS = 10_000
_MOST_NOTES = 1000


@dataclass(frozen=True, slots=True)
class Figure:
    """A printed figure.

    Attributes:
        text: As it is printed.
        number: Its value.
        line: Its line, from 1.
    """

    text: str
    number: float
    line: int


@dataclass
class PrintedWindow:
    """The figures of one window or trial; None where they are not printed.

    Attributes:
        number: As it is printed: 2, 4, .. 10 (EEMBC energy), 1 to 5 (performance), 0 to 4 (MLCommons energy).
        starts_s: ``at time A`` (EEMBC energy): seconds from the trace's beginning.
        lasts_s: ``for D sec.`` (EEMBC energy).
        energy_uj: Energy in microjoule.
        power: Mean power, in µW (EEMBC) or mW (MLCommons); see ``power_w``.
        per_inference_uj: Energy per inference in microjoule.
        iterations: Inferences.
        duration_s: ``Runtime`` or ``Elapsed time``.
        throughput: Inferences per second.
        power_unit: Watt per unit of ``power``.
        requirements_met: Whether the runner states that its requirements are met; None without a statement.
        errors: The errors that it prints for the window.
    """

    number: int
    starts_s: Figure | None = None
    lasts_s: Figure | None = None
    energy_uj: Figure | None = None
    power: Figure | None = None
    per_inference_uj: Figure | None = None
    iterations: Figure | None = None
    duration_s: Figure | None = None
    throughput: Figure | None = None
    power_unit: float = 1e-6
    requirements_met: bool | None = None
    errors: list[str] = field(default_factory=list[str])

    @property
    def power_w(self) -> float | None:
        """Mean power in watt."""
        return None if self.power is None else self.power.number * self.power_unit


@dataclass
class PrintedStreaming:
    """Figures of a streaming wake word run."""

    true_positives: Figure | None = None
    false_negatives: Figure | None = None
    false_positives: Figure | None = None
    duty_cycle: Figure | None = None
    period_s: Figure | None = None
    throughput: Figure | None = None


@dataclass
class ResultsText:
    """The content of a results.txt.

    Attributes:
        runner: Whose it is.
        shown: Its name in findings.
        windows: Windows in the order of the file.
        median_energy_uj: Median energy per inference.
        median_throughput: Median inferences per second.
        top_1: Top-1 in percent; for anomaly detection the runners print another figure under this name.
        auc: Area under the ROC curve.
        streaming: Figures of streaming wake word, or None.
        errors: Lines in which the runner reports an error, without their prefix.
        first_s: Seconds of the first stamp, on the clock of the log's stamps; None without stamps.
        last_s: Seconds of the last stamp.
        findings: Oddities met.
    """

    runner: Literal["eembc", "mlcommons", "unknown"]
    shown: str
    windows: list[PrintedWindow] = field(default_factory=list[PrintedWindow])
    median_energy_uj: Figure | None = None
    median_throughput: Figure | None = None
    top_1: Figure | None = None
    auc: Figure | None = None
    streaming: PrintedStreaming | None = None
    errors: list[str] = field(default_factory=list[str])
    first_s: float | None = None
    last_s: float | None = None
    findings: list[Finding] = field(default_factory=list[Finding])


def read_results_text(path: Path, shown: str | None = None, year: int | None = None) -> ResultsText:
    """Reads a results.txt.

    Args:
        path: The file.
        shown: Its name in findings.
        year: Year of an MLCommons session, from its log, so that stamps are on the log's clock.

    Raises:
        RecordingError: ``file.too-large``, ``file.unreadable``.
    """
    return _results(read_plain(path, shown, LARGEST_RESULTS_TEXT), year)


def parse_results_text(data: str | bytes, shown: str = "results.txt", year: int | None = None) -> ResultsText:
    """Parses a results.txt; any bytes give an answer."""
    return _results(plain(data, shown), year)


_NUMBER = r"([+-]?[0-9][0-9.]{0,40}(?:[eE][-+]?[0-9]{1,4})?|nan|inf)"
_STAMPED = re.compile(r"\s*([0-9]{4,7}\.[0-9]{3,6})\s+ulp-\w+:\s?(.*)$", re.ASCII)
_HEADER = re.compile(
    rf"Energy data for window ([0-9]{{1,9}}) at time {_NUMBER} for {_NUMBER} sec\."
    r"|Energy data for trial ([0-9]{1,9})|Performance results for window ([0-9]{1,9})",
    re.ASCII,
)
_WINDOW_LINE = re.compile(
    rf"(?P<energy_uj>(?:Total )?Energy\s*:\s*{_NUMBER}\s*uJ$)"
    rf"|(?P<power>Power\s*:\s*{_NUMBER}\s*[um]W\.?$)"
    rf"|(?P<per_inference_uj>Energy/Inf\.?\s*:\s*{_NUMBER}\s*uJ/inf\.?$)"
    r"|(?P<iterations>#? ?Inferences\s*:\s*([0-9]{1,15})$)"
    rf"|(?P<duration_s>Runtime\s*:\s*{_NUMBER}\s*sec\.$|Elapsed time\s*:\s*{_NUMBER}(?:\s*<<<<.*)?$)"
    rf"|(?P<throughput>Throughput\s*:\s*{_NUMBER}\s*inf\./sec\.$)",
    re.ASCII,
)
_WHOLE_LINES: dict[str, re.Pattern[str]] = {
    "median_energy_uj": re.compile(rf"Median energy cost is\s+{_NUMBER}\s*uJ/inf\.", re.ASCII),
    "median_throughput": re.compile(rf"Median throughput is\s+{_NUMBER}\s*inf\./sec\.", re.ASCII),
    "top_1": re.compile(rf"Top[- ]1%?\s*[:=]\s*{_NUMBER}\s*%?$", re.ASCII),
    "auc": re.compile(rf"AUC\s*[:=]\s*{_NUMBER}$", re.ASCII),
}
_STREAMING_COUNTS = re.compile(
    r"(?:Accuracy:\s*)?([0-9]{1,9}) True positives, ([0-9]{1,9}) False negatives, "
    r"([0-9]{1,9}) False positives$",
    re.ASCII | re.IGNORECASE,
)
_STREAMING_LINES: dict[str, re.Pattern[str]] = {
    "duty_cycle": re.compile(rf"Average duty cycle:\s*{_NUMBER}$", re.ASCII),
    "period_s": re.compile(rf"Average period:\s*{_NUMBER}\s*s$", re.ASCII),
    "throughput": re.compile(rf"Estimated throughput:\s*{_NUMBER}\s*inf\./sec\.$", re.ASCII),
}
_ERROR = re.compile(r"e-\[(.*)\]$|ERROR:? ?(?:[0-9]+ ?- ?)?(.*)$", re.ASCII)
_MEANINGLESS = re.compile(
    r"-*$|Power Edition Output$|Cannot compute accuracy metrics|== File |(?:True|False) (?:posi|nega)tives:",
    re.IGNORECASE,
)


def _results(content: PlainText, year: int | None) -> ResultsText:
    answer = ResultsText("unknown", content.shown, findings=list(content.findings))
    reader = _Reader(answer)
    for line, text in enumerate(content.text.split("\n"), start=1):
        if line > _MOST_LINES:
            evidence = f"it is read up to line {_MOST_LINES}"
            answer.findings.append(Finding("log.too-long", evidence, path=content.shown))
            break
        if not text:
            continue
        if stamped := _STAMPED.match(text[:4000]):
            answer.last_s = stamp_seconds(stamped[1], year or 2000)
            answer.first_s = answer.last_s if answer.first_s is None else answer.first_s
            answer.runner = "mlcommons" if len(stamped[1]) == 11 and stamped[1][4] == "." else "eembc"
        reader.take((stamped[2] if stamped else text[:4000]).strip(), line)
    if answer.runner == "unknown" and reader.mlcommons:
        answer.runner = "mlcommons"
    reader.report()
    return answer


class _Reader:
    """Fills a ``ResultsText`` line by line."""

    def __init__(self, answer: ResultsText) -> None:
        self.answer = answer
        self.mlcommons = False
        self._window: PrintedWindow | None = None
        self._by_number: dict[int, PrintedWindow] = {}
        self._headers: set[str] = set()
        self._repeated: list[int] = []
        self._contradicted: list[int] = []
        self._unknown: list[int] = []

    def take(self, text: str, line: int) -> None:
        """Takes in a line without stamp and spaces around it."""
        if header := _HEADER.match(text):
            self._open(header, line)
        elif found := _WINDOW_LINE.match(text):
            self._figure(found, text, line)
        elif text.startswith("Runtime requirements have been met"):
            if self._window:
                self._window.requirements_met = True
        elif error := _ERROR.match(text):
            self._error(error[1] if error[1] is not None else error[2])
        elif not self._whole(text, line) and not self._streaming(text, line) and not _MEANINGLESS.match(text):
            self._unknown.append(line)

    def report(self) -> None:
        """Makes findings of what was odd."""
        found = self.answer.findings
        for code, lines in (
            ("results.repeated", self._repeated),
            ("results.contradicts-itself", self._contradicted),
            ("results.unknown-line", self._unknown),
        ):
            if lines:
                found.append(
                    Finding(code, f"{len(lines)} times, first in line {lines[0]}", path=self.answer.shown)
                )

    def _open(self, header: re.Match[str], line: int) -> None:
        at_energy, trial, performance = header[1], header[4], header[5]
        self.mlcommons = self.mlcommons or trial is not None
        number = int(at_energy or trial or performance)
        if number not in self._by_number:
            if len(self._by_number) >= _MOST_WINDOWS:
                self._unknown.append(line)
                return
            self._by_number[number] = PrintedWindow(number, power_unit=1e-3 if trial else 1e-6)
            self.answer.windows.append(self._by_number[number])
        self._window = self._by_number[number]
        kind = f"{'performance' if performance else 'energy'} {number}"
        if kind in self._headers:
            self._repeated.append(line)
        self._headers.add(kind)
        if at_energy:
            self._set(self._window, "starts_s", header[2], line)
            self._set(self._window, "lasts_s", header[3], line)

    def _figure(self, found: re.Match[str], text: str, line: int) -> None:
        if self._window is None:
            self._unknown.append(line)
            return
        name = found.lastgroup or ""
        value = next(group for group in found.groups()[found.re.groupindex[name] :] if group is not None)
        self._set(self._window, name, value, line)
        if name == "power":
            self._window.power_unit = 1e-3 if "mW" in text else 1e-6
        if "<<<<" in text:
            self._error(text.partition("<<<<")[2].strip())

    def _whole(self, text: str, line: int) -> bool:
        for name, rule in _WHOLE_LINES.items():
            if found := rule.match(text):
                if name in ("top_1", "auc"):
                    self.mlcommons = self.mlcommons or "=" in text
                self._set(self.answer, name, found[1], line)
                return True
        return False

    def _streaming(self, text: str, line: int) -> bool:
        if found := _STREAMING_COUNTS.match(text):
            values = dict(
                zip(("true_positives", "false_negatives", "false_positives"), found.groups(), strict=True)
            )
        else:
            matches = ((name, rule.match(text)) for name, rule in _STREAMING_LINES.items())
            values = {name: found[1] for name, found in matches if found}
        if not values:
            return False
        self.mlcommons = True
        self.answer.streaming = self.answer.streaming or PrintedStreaming()
        for name, value in values.items():
            self._set(self.answer.streaming, name, value, line)
        return True

    def _error(self, text: str) -> None:
        if len(self.answer.errors) < _MOST_NOTES:
            self.answer.errors.append(text)
            if self._window:
                self._window.errors.append(text)

    def _set(
        self, owner: ResultsText | PrintedWindow | PrintedStreaming, name: str, text: str, line: int
    ) -> None:
        """Sets a figure; if it is there already, the earlier one stays, and the two are compared."""
        earlier: Figure | None = getattr(owner, name)
        try:
            figure = Figure(text, float(text), line)
        except ValueError:
            self._unknown.append(line)
            return
        if earlier is None:
            setattr(owner, name, figure)
        elif earlier.text == text:
            self._repeated.append(line)
        else:
            self._contradicted.append(line)


def figures(window: PrintedWindow) -> dict[str, Figure]:
    """The figures that are printed for a window, by name."""
    values = ((item.name, getattr(window, item.name)) for item in fields(window))
    return {name: value for name, value in values if isinstance(value, Figure)}
