"""A session's folder as a submission needs it: what it says, and what stands against submitting it."""

from __future__ import annotations

import json
import math
import statistics
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np

from energy.benchmark.workloads import WORKLOADS, Workload
from energy.errors import RecordingError, UsageError
from energy.evidence import manifest
from energy.evidence.session_file import FILE_NAME, OFFICIAL_FOLDER
from energy.recording.inside import strange_in, within
from energy.recording.limits import LARGEST_OFFICIAL
from energy.recording.store import TRACE_NAME, Recording
from energy.recording.trace import read_text_file
from energy.runs.bins import BIN_HZ, bin_energy, can_hold, trial_bins
from energy.runs.files import MODES, Mode
from energy.runs.printed import agrees
from energy.runs.read_back import OFFICIAL_FILES
from energy.runs.results_text import Figure, figures, read_results_text
from energy.submission.folder_scan import printable

RESULT_NAME = "result.json"
_SCHEMAS = {FILE_NAME: "joulebench.session/1", RESULT_NAME: "joulebench.result/1"}
_MOST_NAMED = 10
_HINT = "Name the folders of sessions made by `joulebench measure`."
_BELOW_TARGET = "accuracy.below-target"

Override = Literal["virtual", "errors"]


@dataclass(frozen=True)
class Problem:
    """What stands against a package.

    Attributes:
        code: Stable name.
        text: What it is, with the session or benchmark concerned.
        override: What allows it all the same (``--allow-virtual``, ``--allow-errors``); None if nothing does.
    """

    code: str
    text: str
    override: Override | None = None


@dataclass
class PackSession:
    """A session that is to be packaged.

    Attributes:
        folder: Its folder.
        workload: What was run.
        mode: In which mode.
        session: Its ``session.json``.
        result: Its ``result.json``.
        named: What a person named, in which the folder was found.
        problems: What stands against it.
    """

    folder: Path
    workload: Workload
    mode: Mode
    session: dict[str, Any]
    result: dict[str, Any]
    named: Path
    problems: list[Problem] = field(default_factory=list[Problem])

    @property
    def name(self) -> str:
        """For people: its folder's name."""
        return self.folder.name

    @property
    def virtual(self) -> bool:
        """Whether it comes from the virtual bench."""
        return self.session.get("virtual") is not False or self.result.get("virtual") is not False

    def said(self, *keys: str) -> Any:
        """What ``session.json`` says below these keys; None where it says nothing."""
        value: Any = self.session
        for key in keys:
            value = _object(value).get(key)
        return value

    def dut(self, key: str) -> str | None:
        """What the session noted of the DUT."""
        value = self.said("dut", key)
        return None if value is None else str(value)

    @property
    def official(self) -> Path:
        """Where its files in the official format are."""
        return self.folder / OFFICIAL_FOLDER

    def against(self, code: str, text: str, override: Override | None = None) -> None:
        """Notes what stands against it."""
        self.problems.append(Problem(code, f"{self.name}: {text}", override))


def sessions_in(paths: list[Path]) -> dict[Path, Path]:
    """Folders of sessions: those named, and those directly below a folder that is none itself.

    Returns:
        What was named, by the session's folder in it.

    Raises:
        UsageError: ``package.no-session``.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        if (path / FILE_NAME).is_file():
            found.setdefault(path, path)
            continue
        below = sorted(entry.parent for entry in path.glob(f"*/{FILE_NAME}")) if path.is_dir() else []
        if not below:
            raise UsageError("package.no-session", f"{path} holds no session", _HINT)
        for folder in below:
            found.setdefault(folder, path)
    return found


def read_pack_session(folder: Path, division: str, named: Path | None = None) -> PackSession:
    """Reads a session and looks for all that stands against it by itself.

    Args:
        folder: Its folder.
        division: In which it is to be submitted.
        named: What a person named, in which the folder was found; None for the folder itself.

    Raises:
        UsageError: ``package.foreign`` if it is not a session of a workload in a mode.
    """
    with within(named or folder):
        return _read(folder, division, named or folder)


def _read(folder: Path, division: str, named: Path) -> PackSession:
    session, result = _document(folder, FILE_NAME), {}
    workload = WORKLOADS.get(str(session.get("workload")))
    mode: Mode | None = next((one for one in MODES if one == session.get("mode")), None)
    if workload is None or mode is None:
        raise UsageError("package.foreign", f"{folder} holds no session of a workload in a mode", _HINT)
    if (folder / RESULT_NAME).is_file():
        result = _document(folder, RESULT_NAME)
    one = PackSession(folder, workload, mode, session, result, named)
    _check_links(one)
    _check_whole(one)
    _check_result(one, division)
    _check_dut(one)
    if mode == "accuracy":
        _check_set(one)
    if not one.problems or all(problem.override for problem in one.problems):
        _check_files(one)
    return one


def _document(folder: Path, name: str) -> dict[str, Any]:
    try:
        document = _object(json.loads(read_text_file(folder / name, LARGEST_OFFICIAL, hint=_HINT)))
    except (RecordingError, ValueError, RecursionError) as error:
        raise UsageError("package.foreign", f"{folder / name} cannot be read: {error}", _HINT) from error
    if document.get("schema") != _SCHEMAS[name]:
        raise UsageError("package.foreign", f"{folder / name} is not of the schema {_SCHEMAS[name]}", _HINT)
    return document


def _check_links(one: PackSession) -> None:
    """A submission holds files and folders; what a link leads to was never a part of the session."""
    strange = list(islice(strange_in(one.folder), _MOST_NAMED))
    if strange:
        one.against("package.link", f"it holds what is no file: {', '.join(map(printable, strange))}")


def _check_whole(one: PackSession) -> None:
    """Finished, and unchanged since."""
    if one.session.get("state") != "finished" or not one.result:
        one.against("package.unfinished", f"it is {one.session.get('state')!r}, not finished")
        return
    if (one.result.get("workload"), one.result.get("mode")) != (one.workload.id, one.mode):
        one.against("package.mixed", "result.json is that of another session")
    if not (one.folder / manifest.FILE_NAME).is_file():
        one.against("package.no-manifest", "there is no manifest.json that would vouch for its files")
    for finding in manifest.check_manifest(one.folder):
        one.against("package.altered", f"altered since it was measured: {finding.evidence}")


def _check_result(one: PackSession, division: str) -> None:
    errors = {
        str(found.get("code"))
        for found in map(_object, _list(one.result.get("findings")))
        if found.get("severity") == "error"
    }
    free = {_BELOW_TARGET} if division == "open" else set[str]()  # there is no target in the open division
    if errors - free:
        one.against("package.errors", f"errors stand: {', '.join(sorted(errors - free))}", "errors")
    elif one.result.get("valid") is not True and not errors and one.mode != "accuracy":
        one.against("package.not-valid", "its result is not valid", "errors")
    if one.virtual:
        one.against("package.virtual", "it comes from the virtual bench", "virtual")
    elif one.session.get("synthetic_inputs") is not False:
        one.against("package.synthetic", "its inputs were made up", "errors")
    if weights := one.dut("weights"):
        one.against("package.synthetic-weights", f"made-up weights in the DUT: {weights}", "errors")


def _check_dut(one: PackSession) -> None:
    if one.dut("model") != one.workload.id:
        one.against("package.model", f"the DUT ran {one.dut('model')}, the session is for {one.workload.id}")


def _check_set(one: PackSession) -> None:
    said = _object(one.session.get("validation"))
    if said.get("full") is not True:
        of = f"{said.get('files')} of {said.get('of')} files"
        one.against("package.subset", f"only a part of the validation set was taken: {of}", "errors")


def _check_files(one: PackSession) -> None:
    missing = [name for name in OFFICIAL_FILES if not (one.official / name).is_file()]
    if missing and one.mode == "energy":
        _say_why_missing(one)
    elif missing:
        one.against("package.no-official-files", f"mlperf/ lacks {', '.join(missing)}")
    elif one.mode == "energy":
        try:
            _check_energy(one)
        except (RecordingError, ValueError, KeyError, TypeError, IndexError, OSError) as error:
            one.against("package.energy-unreadable", f"its energies cannot be checked: {error!r}")


def _say_why_missing(one: PackSession) -> None:
    """Why an energy session has no official files: its monitor is too slow, or it says so itself."""
    said = [
        str(found.get("evidence"))
        for found in map(_object, _list(one.result.get("findings")))
        if found.get("code") in ("session.no-official-files", "session.official-files-differ")
    ]
    rate_hz = Recording(one.folder).signal.rate_hz if (one.folder / TRACE_NAME).is_file() else math.nan
    if rate_hz < BIN_HZ:
        text = f"the official format holds energy in bins of 1 ms; the monitor's rate is {rate_hz:g} Hz"
        one.against("package.rate", text)
    else:
        why = "; ".join(said) or "it was changed"
        one.against("package.no-official-files", f"mlperf/ is not whole: {why}")


def _check_energy(one: PackSession) -> None:
    """Bins against the recording, marks against the windows, and the printed figures against the bins."""
    entries: list[dict[str, Any]] = json.loads(
        read_text_file(one.official / "results.json", LARGEST_OFFICIAL, hint=_HINT)
    )
    trials: list[dict[str, Any]] = one.session["trials"]
    printed = read_results_text(one.official / "results.txt")
    recording = Recording(one.folder)
    after: float | None = None
    costs: list[float] = []
    if not len(entries) == len(trials) == len(printed.windows):
        one.against("package.energy-differs", "results.json, results.txt and session.json differ in trials")
        return
    if not can_hold(recording.signal):
        one.against("package.energy-differs", "results.json has bins of 1 ms, the recording has none")
        return
    for number, (entry, trial, window) in enumerate(zip(entries, trials, printed.windows, strict=True)):
        power = entry["power"]
        bins = np.array([math.nan if value is None else float(value) for value in power["samples"]])
        wanted = trial_bins(recording, float(trial["opening"]), float(trial["closing"]), after)
        after = wanted.stop
        if [wanted.opening, wanted.closing] != [index for _, index in power["timestamps"][-2:]]:
            one.against("package.energy-differs", f"trial {number}: its marks are not the window's edges")
        if not np.array_equal(bins, wanted.energies_j, equal_nan=True):
            one.against("package.energy-differs", f"trial {number}: its bins are not those of the recording")
        energy_j, duration_s = bin_energy(power)
        costs.append(energy_j * 1e6 / entry["infer"]["iterations"])
        ours = {
            "energy_uj": energy_j * 1e6,
            "power": energy_j / duration_s * 1e3,
            "per_inference_uj": costs[-1],
            "duration_s": duration_s,
        }
        theirs = figures(window)
        for name, value in ours.items():
            _check_printed(one, f"trial {number}: {name}", theirs[name], value)
    if printed.median_energy_uj is None:
        one.against("package.energy-differs", "results.txt states no median")
    else:
        _check_printed(one, "the median", printed.median_energy_uj, statistics.median(costs))


def _check_printed(one: PackSession, name: str, figure: Figure, value: float) -> None:
    """A printed figure against what the bins give; NaN is never the same."""
    if not agrees(figure, value):
        text = f"results.txt states {figure.text} for {name}; the bins give {value!r}"
        one.against("package.energy-differs", text)


def _object(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []
