"""The MLCommons runner's ``results.json`` of any mode, without its samples: what checks of figures need.

Format: mlperf-tiny.md 2 and published files. A list of trials; each has file, class, ``infer``; energy runs
add ``power`` (its samples are read by ``energy.recording.mlcommons``), streaming wake word has ``dutycycle``
and lists of detections instead of scores. A value of the wrong kind is None, and counted.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import GenericAlias
from typing import Annotated, Any, NamedTuple, cast

from energy.errors import RecordingError
from energy.findings import Finding
from energy.recording.jsonvalues import SMALL, as_number, parse_json, shown
from energy.recording.limits import LARGEST_RESULTS_JSON, MOST_TRIALS, refuse_larger
from energy.runs.plain_text import read_bytes

_HINT = "Is it the results.json of the MLCommons runner?"
_WHOLE_BELOW = 10**15
_NUMBERS = frozenset((int, float))
_WHOLE = re.compile(r" {0,4}[+-]?[0-9]{1,15} {0,4}$", re.ASCII)


@dataclass(frozen=True, slots=True)
class StreamingEntry:
    """A trial of streaming wake word; times in seconds unless their name has another unit.

    Attributes:
        wav_file: Name of what was played.
        length_s: Its length.
        windows: Where the wake word is, as (start, stop).
        detections_ms: Edges of the detection pin; the first marks the start.
        duty_cycle: As the runner computed it.
        period_s: As the runner computed it.
        processing_s: As the runner computed it.
        starts_s: Rising edges of the processing pin.
        stops_s: Its falling edges.
    """

    wav_file: str | None
    length_s: float | None
    windows: tuple[tuple[float, float], ...]
    detections_ms: tuple[float, ...]
    duty_cycle: float | None
    period_s: float | None
    processing_s: float | None
    starts_s: tuple[float, ...]
    stops_s: tuple[float, ...]


class TrialEntry(NamedTuple):
    """One entry.

    Attributes:
        file: The input's name, or None.
        label: Its true class, or None.
        classes: Number of classes, or None.
        mode: ``"a"``, ``"p"``, ``"e"`` or None.
        scores: What the DUT answered, or None.
        iterations: Inferences measured, or None.
        warmups: Inferences before them, or None.
        start_us: DUT's clock at the start, or None (energy runs have none).
        end_us: DUT's clock at the end, or None.
        elapsed_us: Their difference as the runner noted it, or None.
        throughput: Inferences per second as the runner noted it, or None.
        voltage_v: Voltage of an energy run, or None.
        samples: How many samples an energy run has, or None.
        events: Its edges as (event number, index), or None.
        streaming: What streaming wake word has instead of scores, or None.
        error: The fault that the runner notes about the run, or None.
    """

    file: str | None = None
    label: int | None = None
    classes: int | None = None
    mode: str | None = None
    scores: tuple[float, ...] | None = None
    iterations: int | None = None
    warmups: int | None = None
    start_us: float | None = None
    end_us: float | None = None
    elapsed_us: float | None = None
    throughput: float | None = None
    voltage_v: float | None = None
    samples: int | None = None
    events: tuple[tuple[int, int], ...] | None = None
    streaming: StreamingEntry | None = None
    error: str | None = None


@dataclass
class ResultsJson:
    """A results.json.

    Attributes:
        shown: Its name in findings.
        trials: Its entries.
        findings: Oddities met.
    """

    shown: str
    trials: list[TrialEntry] = field(default_factory=list[TrialEntry])
    findings: list[Finding] = field(default_factory=list[Finding])


def read_results_json(path: Path, shown_as: str | None = None) -> ResultsJson:
    """Reads a results.json.

    Raises:
        RecordingError: ``results.foreign``, ``file.too-large``, ``file.unreadable``.
    """
    return parse_results_json(read_bytes(path, LARGEST_RESULTS_JSON), shown_as or path.name)


def parse_results_json(data: str | bytes, shown_as: str = "results.json") -> ResultsJson:
    """Parses a results.json.

    Raises:
        RecordingError: ``results.foreign`` if it is not a JSON array of objects.
    """
    usual = usual_trials(data)
    return trials_of(entries_of(data, shown_as), shown_as) if usual is None else ResultsJson(shown_as, usual)


def usual_trials(data: str | bytes) -> list[TrialEntry] | None:
    """The trials of a results.json in which every entry is one of an accuracy or performance run.

    msgspec (the extra ``fast``) decodes them at once. Entries have exactly the fields and types of the
    official runner; its other files, and all that is odd in any way, are left to ``parse_results_json``.

    Returns:
        Them; None for another file, and where msgspec is not installed.
    """
    decoder = _decoder()
    if decoder is None or len(data) > SMALL or not data.isascii():
        return None
    decode, errors = decoder
    try:
        entries = decode(data)
    except (errors, RecursionError):
        return None
    if len(entries) > MOST_TRIALS:
        return None
    trials: list[TrialEntry] = []
    wholes: dict[str, int | None] = {}
    for entry in entries:
        infer = entry.infer
        for text in (entry.label, entry.classes):
            if text not in wholes and wholes.setdefault(text, whole_of(text)) is None:
                return None
        trials.append(
            TrialEntry(
                entry.file,
                _class(wholes[entry.label]),
                wholes[entry.classes],
                entry.mode,
                infer.results,
                infer.iterations,
                infer.warmups,
                infer.start_time,
                infer.end_time,
                infer.elapsed_time,
                infer.throughput,
            )
        )
    return trials


@cache
def _decoder() -> tuple[Callable[[str | bytes], list[Any]], type[Exception]] | None:
    """Decodes entries of accuracy and performance runs; None without msgspec."""
    try:
        import msgspec
    except ImportError:
        return None
    limits = msgspec.Meta(gt=-_WHOLE_BELOW, lt=_WHOLE_BELOW)
    whole = Annotated[int, limits]
    infer = msgspec.defstruct(
        "Infer",
        [
            ("results", tuple[float, ...]),
            ("iterations", whole),
            ("warmups", whole),
            ("start_time", float),
            ("end_time", float),
            ("elapsed_time", float),
            ("total_inferences", int),
            ("throughput", float | None, None),
        ],
        forbid_unknown_fields=True,
    )
    fields: list[Any] = [
        ("file", str),
        ("label", str, msgspec.field(name="class")),
        ("classes", str),
        ("mode", str),
        ("infer", infer),
        ("bytes_to_send", str | None, None),
        ("stride", str | None, None),
        ("total_length", int | None, None),
    ]
    entry = msgspec.defstruct("Entry", fields, forbid_unknown_fields=True)
    entries: Any = GenericAlias(list, (entry,))
    return msgspec.json.Decoder(entries).decode, msgspec.MsgspecError


def entries_of(data: str | bytes, shown_as: str = "results.json") -> list[dict[str, Any]]:
    """The JSON objects in a results.json.

    Raises:
        RecordingError: ``results.foreign`` if it is not a JSON array of objects.
    """
    try:
        entries = parse_json(data, what=shown_as)
    except ValueError as error:  # UnicodeDecodeError is one
        raise RecordingError("results.foreign", f"{shown_as} is not JSON: {error}", _HINT) from error
    if not isinstance(entries, list) or any(
        not isinstance(entry, dict) for entry in cast("list[Any]", entries)
    ):
        raise RecordingError("results.foreign", f"{shown_as} is not a list of trials", _HINT)
    refuse_larger(shown_as, len(cast("list[Any]", entries)), MOST_TRIALS, "entries", _HINT)
    return cast("list[dict[str, Any]]", entries)


def trials_of(entries: list[dict[str, Any]], shown_as: str = "results.json") -> ResultsJson:
    """The trials that the objects of a results.json stand for."""
    answer = ResultsJson(shown_as)
    reader = _Reader()
    answer.trials = [reader.trial(entry) for entry in entries]
    answer.findings += [Finding("results.bad-value", text, path=shown_as) for text in reader.complaints()]
    return answer


class _Reader:
    """Reads trials, and counts the values that are not what they should be."""

    def __init__(self) -> None:
        self._bad: Counter[str] = Counter()
        self._first: dict[str, str] = {}

    def complaints(self) -> Iterator[str]:
        for name, count in sorted(self._bad.items()):
            yield f"{name}: {self._first[name]}, {count} times such a value"

    def trial(self, entry: dict[str, Any]) -> TrialEntry:
        infer = self._object(entry, "infer")
        power = self._object(entry, "power")
        samples: Any = power.get("samples")
        return TrialEntry(
            self._text(entry, "file"),
            _class(self._whole(entry, "class")),
            self._whole(entry, "classes"),
            self._text(entry, "mode"),
            self._numbers(infer, "results") if "results" in infer else None,
            self._whole(infer, "iterations"),
            self._whole(infer, "warmups"),
            self._number(infer, "start_time"),
            self._number(infer, "end_time"),
            self._number(infer, "elapsed_time"),
            self._number(infer, "throughput"),
            self._number(power, "voltage"),
            len(cast("list[Any]", samples)) if isinstance(samples, list) else None,
            self._events(power) if "timestamps" in power else None,
            self._streaming(entry, infer) if "detections" in infer else None,
            self._text(entry, "error"),
        )

    def _streaming(self, entry: dict[str, Any], infer: dict[str, Any]) -> StreamingEntry:
        duty = self._object(entry, "dutycycle")
        return StreamingEntry(
            wav_file=self._text(infer, "wav_file"),
            length_s=self._number(infer, "length_sec"),
            windows=self._windows(infer),
            detections_ms=self._numbers(infer, "detections") or (),
            duty_cycle=self._number(duty, "duty_cycle"),
            period_s=self._number(duty, "period"),
            processing_s=self._number(duty, "processing_time"),
            starts_s=self._numbers(duty, "start_times_s") or () if "start_times_s" in duty else (),
            stops_s=self._numbers(duty, "stop_times_s") or () if "stop_times_s" in duty else (),
        )

    def _windows(self, infer: dict[str, Any]) -> tuple[tuple[float, float], ...]:
        windows: list[tuple[float, float]] = []
        for pair in self._list(infer, "detection_windows"):
            numbers = self._all_numbers("detection_windows", pair)
            if numbers is not None and len(numbers) == 2:
                windows.append((numbers[0], numbers[1]))
            elif numbers is not None:
                self._complain("detection_windows", pair)
        return tuple(windows)

    def _events(self, power: dict[str, Any]) -> tuple[tuple[int, int], ...]:
        events: list[tuple[int, int]] = []
        for event in self._list(power, "timestamps"):
            pair = cast("list[Any]", event) if isinstance(event, list) else []
            numbers = [whole_of(value) for value in pair]
            if len(numbers) == 2 and numbers[0] is not None and numbers[1] is not None:
                events.append((numbers[0], numbers[1]))
            else:
                self._complain("timestamps", event)
        return tuple(events)

    def _object(self, owner: dict[str, Any], name: str) -> dict[str, Any]:
        value = owner.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            self._complain(name, value)
            return {}
        return cast("dict[str, Any]", value)

    def _list(self, owner: dict[str, Any], name: str) -> list[Any]:
        value = owner.get(name)
        if not isinstance(value, list):
            self._complain(name, value)
            return []
        return cast("list[Any]", value)

    def _numbers(self, owner: dict[str, Any], name: str) -> tuple[float, ...] | None:
        return self._all_numbers(name, owner.get(name))

    def _all_numbers(self, name: str, value: Any) -> tuple[float, ...] | None:
        if isinstance(value, list) and (numbers := _finite(cast("list[Any]", value))) is not None:
            return numbers
        self._complain(name, value)
        return None

    def _number(self, owner: dict[str, Any], name: str) -> float | None:
        value = owner.get(name)
        if value is None or (type(value) is float and math.isfinite(value)):
            return value
        try:
            return as_number(value)
        except ValueError:
            self._complain(name, value)
            return None

    def _whole(self, owner: dict[str, Any], name: str) -> int | None:
        value = owner.get(name)
        if value is None or (type(value) is int and -_WHOLE_BELOW < value < _WHOLE_BELOW):
            return value
        number = whole_of(value)
        if number is None:
            self._complain(name, value)
        return number

    def _text(self, owner: dict[str, Any], name: str) -> str | None:
        value = owner.get(name)
        if value is not None and not isinstance(value, str):
            self._complain(name, value)
            return None
        return value

    def _complain(self, name: str, value: Any) -> None:
        self._bad[name] += 1
        self._first.setdefault(name, f"{shown(value)} stands there")


def _finite(values: list[Any]) -> tuple[float, ...] | None:
    """Finite numbers as floats; None if there is anything else among them."""
    if not _NUMBERS.issuperset(map(type, values)):
        return None
    try:
        numbers = tuple(map(float, values))
    except OverflowError:
        return None
    return numbers if all(map(math.isfinite, numbers)) else None


def _class(number: int | None) -> int | None:
    """A true class; our own files have -1 for an input that has none (``mlcommons_writer``)."""
    return None if number is None or number < 0 else number


def whole_of(value: Any) -> int | None:
    """A whole number, which the runner writes as a number or as a text (``"class": "7"``), or None."""
    if isinstance(value, str) and _WHOLE.match(value):
        return int(value)
    if type(value) is int and abs(value) < _WHOLE_BELOW:
        return value
    if isinstance(value, float) and math.isfinite(value) and value.is_integer() and abs(value) < _WHOLE_BELOW:
        return int(value)
    return None
