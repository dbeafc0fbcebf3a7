"""Reads a session's folder for a submission, and finds the problems that prevent submitting it."""

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
from energy.recording.store import TRACE_NAME, Recording
from energy.recording.trace import read_text_file
from energy.runs.bins import BIN_HZ, bin_energy, can_hold, trial_bins
from energy.runs.read_back import OFFICIAL_FILES
from energy.runs.results_text import Figure, figures, read_results_text
from energy.submission.folder_scan import printable
from energy.submission.places import MODES, Mode

RESULT_NAME = "result.json"
_SCHEMAS = {FILE_NAME: "joulebench.session/1", RESULT_NAME: "joulebench.result/1"}
_LARGEST_FILE = 500 << 20
_MOST_NAMED = 10
_HINT = "Name the folders of sessions made by `joulebench measure`."
_BELOW_TARGET = "accuracy.below-target"

Override = Literal["virtual", "errors"]


@dataclass(frozen=True)
class Problem:
    """A reason not to write a package.

    Attributes:
        code: Stable name.
        text: The problem, with the name of the session or benchmark.
        override: The option that allows it (``--allow-virtual``, ``--allow-errors``); None if none does.
    """

    code: str
    text: str
    override: Override | None = None


@dataclass
class PackSession:
    """A session to package.

    Attributes:
        folder: Its folder.
        workload: Its workload.
        mode: Its mode.
        session: Its ``session.json``.
        result: Its ``result.json``.
        named: The path that a person named, in which the folder was found.
        problems: Its problems.
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
        """Display name: the name of its folder."""
        return self.folder.name

    @property
    def virtual(self) -> bool:
        """Whether it comes from the virtual bench."""
        return self.session.get("virtual") is not False or self.result.get("virtual") is not False

    def recorded(self, *keys: str) -> Any:
        """The value in ``session.json`` below these keys; None if there is none."""
        value: Any = self.session
        for key in keys:
            value = _object(value).get(key)
        return value

    def dut(self, key: str) -> str | None:
        """A fact about the DUT that the session recorded."""
        value = self.recorded("dut", key)
        return None if value is None else str(value)

    @property
    def official(self) -> Path:
        """The folder of its files in the official format."""
        return self.folder / OFFICIAL_FOLDER

    def add_problem(self, code: str, text: str, override: Override | None = None) -> None:
        """Adds a problem of this session."""
        self.problems.append(Problem(code, f"{self.name}: {text}", override))


def sessions_in(paths: list[Path]) -> dict[Path, Path]:
    """Finds the sessions: named folders, and folders directly below a named folder that is no session.

    Returns:
        For each session's folder, the path that was named.

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
    """Reads a session and finds the problems that it has by itself.

    Args:
        folder: Its folder.
        division: The division that it will be submitted to.
        named: The path that a person named, in which the folder was found; None for the folder itself.

    Raises:
        UsageError: ``package.foreign`` if it is not a session of a workload in a mode.
    """
    with within(named or folder):
        return _read(folder, division, named or folder)


def _read(folder: Path, division: str, named: Path) -> PackSession:
    session, result = _document(folder, FILE_NAME), {}
    workload = WORKLOADS.get(str(session.get("workload")))
    mode: Mode | None = next((known for known in MODES if known == session.get("mode")), None)
    if workload is None or mode is None:
        raise UsageError("package.foreign", f"{folder} holds no session of a workload in a mode", _HINT)
    if (folder / RESULT_NAME).is_file():
        result = _document(folder, RESULT_NAME)
    pack = PackSession(folder, workload, mode, session, result, named)
    _check_links(pack)
    _check_whole(pack)
    _check_result(pack, division)
    _check_dut(pack)
    if mode == "accuracy":
        _check_set(pack)
    if not pack.problems or all(problem.override for problem in pack.problems):
        _check_files(pack)
    return pack


def _document(folder: Path, name: str) -> dict[str, Any]:
    try:
        document = _object(json.loads(read_text_file(folder / name, _LARGEST_FILE, hint=_HINT)))
    except (RecordingError, ValueError, RecursionError) as error:
        raise UsageError("package.foreign", f"{folder / name} cannot be read: {error}", _HINT) from error
    if document.get("schema") != _SCHEMAS[name]:
        raise UsageError(
            "package.foreign", f"{folder / name} does not have the schema {_SCHEMAS[name]}", _HINT
        )
    return document


def _check_links(pack: PackSession) -> None:
    """Adds a problem for links: the target of a link is not a part of the session and is not submitted."""
    strange = list(islice(strange_in(pack.folder), _MOST_NAMED))
    if strange:
        pack.add_problem(
            "package.link", f"it holds entries that are not files: {', '.join(map(printable, strange))}"
        )


def _check_whole(pack: PackSession) -> None:
    """Adds a problem unless the session is finished and its files are unchanged."""
    if pack.session.get("state") != "finished" or not pack.result:
        pack.add_problem("package.unfinished", f"it is {pack.session.get('state')!r}, not finished")
        return
    if (pack.result.get("workload"), pack.result.get("mode")) != (pack.workload.id, pack.mode):
        pack.add_problem("package.mixed", "result.json is that of another session")
    if not (pack.folder / manifest.FILE_NAME).is_file():
        pack.add_problem("package.no-manifest", "there is no manifest.json to check its files with")
    for finding in manifest.check_manifest(pack.folder):
        pack.add_problem("package.altered", f"altered since it was measured: {finding.evidence}")


def _check_result(pack: PackSession, division: str) -> None:
    errors = {
        str(found.get("code"))
        for found in map(_object, _list(pack.result.get("findings")))
        if found.get("severity") == "error"
    }
    free = {_BELOW_TARGET} if division == "open" else set[str]()  # there is no target in the open division
    if errors - free:
        pack.add_problem("package.errors", f"it has errors: {', '.join(sorted(errors - free))}", "errors")
    elif pack.result.get("valid") is not True and not errors and pack.mode != "accuracy":
        pack.add_problem("package.not-valid", "its result is not valid", "errors")
    if pack.virtual:
        pack.add_problem("package.virtual", "it comes from the virtual bench", "virtual")
    elif pack.session.get("synthetic_inputs") is not False:
        pack.add_problem("package.synthetic", "its inputs were made up", "errors")
    if weights := pack.dut("weights"):
        pack.add_problem("package.synthetic-weights", f"made-up weights in the DUT: {weights}", "errors")


def _check_dut(pack: PackSession) -> None:
    if pack.dut("model") != pack.workload.id:
        pack.add_problem(
            "package.model", f"the DUT ran {pack.dut('model')}, the session is for {pack.workload.id}"
        )


def _check_set(pack: PackSession) -> None:
    validation = _object(pack.session.get("validation"))
    if validation.get("full") is not True:
        part = f"{validation.get('files')} of {validation.get('of')} files"
        pack.add_problem("package.subset", f"only a part of the validation set was used: {part}", "errors")


def _check_files(pack: PackSession) -> None:
    missing = [name for name in OFFICIAL_FILES if not (pack.official / name).is_file()]
    if missing and pack.mode == "energy":
        _explain_missing(pack)
    elif missing:
        pack.add_problem("package.no-official-files", f"mlperf/ lacks {', '.join(missing)}")
    elif pack.mode == "energy":
        try:
            _check_energy(pack)
        except (RecordingError, ValueError, KeyError, TypeError, IndexError, OSError) as error:
            pack.add_problem("package.energy-unreadable", f"its energies cannot be checked: {error!r}")


def _explain_missing(pack: PackSession) -> None:
    """Adds the reason why official files are missing: a monitor too slow, or what the session reports."""
    reasons = [
        str(found.get("evidence"))
        for found in map(_object, _list(pack.result.get("findings")))
        if found.get("code") in ("session.no-official-files", "session.official-files-differ")
    ]
    rate_hz = Recording(pack.folder).signal.rate_hz if (pack.folder / TRACE_NAME).is_file() else math.nan
    if rate_hz < BIN_HZ:
        text = f"the official format holds energy in bins of 1 ms; the monitor's rate is {rate_hz:g} Hz"
        pack.add_problem("package.rate", text)
    else:
        why = "; ".join(reasons) or "it was changed"
        pack.add_problem("package.no-official-files", f"mlperf/ is not complete: {why}")


def _check_energy(pack: PackSession) -> None:
    """Compares bins with the recording, marks with the windows, and printed figures with the bins."""
    entries: list[dict[str, Any]] = json.loads(
        read_text_file(pack.official / "results.json", _LARGEST_FILE, hint=_HINT)
    )
    trials: list[dict[str, Any]] = pack.session["trials"]
    printed = read_results_text(pack.official / "results.txt")
    recording = Recording(pack.folder)
    after: float | None = None
    costs: list[float] = []
    if not len(entries) == len(trials) == len(printed.windows):
        pack.add_problem(
            "package.energy-differs", "results.json, results.txt and session.json differ in trials"
        )
        return
    if not can_hold(recording.signal):
        pack.add_problem("package.energy-differs", "results.json has bins of 1 ms, the recording has none")
        return
    for number, (entry, trial, window) in enumerate(zip(entries, trials, printed.windows, strict=True)):
        power = entry["power"]
        bins = np.array([math.nan if value is None else float(value) for value in power["samples"]])
        wanted = trial_bins(recording, float(trial["opening"]), float(trial["closing"]), after)
        after = wanted.stop
        if [wanted.opening, wanted.closing] != [index for _, index in power["timestamps"][-2:]]:
            pack.add_problem(
                "package.energy-differs", f"trial {number}: its marks are not the window's edges"
            )
        if not np.array_equal(bins, wanted.energies_j, equal_nan=True):
            pack.add_problem(
                "package.energy-differs", f"trial {number}: its bins are not those of the recording"
            )
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
            _check_printed(pack, f"trial {number}: {name}", theirs[name], value)
    if printed.median_energy_uj is None:
        pack.add_problem("package.energy-differs", "results.txt states no median")
    else:
        _check_printed(pack, "the median", printed.median_energy_uj, statistics.median(costs))


def _check_printed(pack: PackSession, name: str, figure: Figure, value: float) -> None:
    """Compares a printed figure with the one that the bins give; NaN is never equal."""
    half = 0.51 * 10.0 ** -len(figure.text.partition(".")[2])
    if not abs(figure.number - value) <= half:
        text = f"results.txt states {figure.text} for {name}; the bins give {value!r}"
        pack.add_problem("package.energy-differs", text)


def _object(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []
