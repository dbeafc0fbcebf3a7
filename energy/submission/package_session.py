"""A session's folder as a submission needs it: its documents, and the problems of submitting it."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np

from energy.benchmark.workloads import WORKLOADS, Workload
from energy.errors import RecordingError, UsageError
from energy.evidence.names import MANIFEST_NAME, RESULT_NAME, SESSION_NAME
from energy.evidence.read_documents import ResultDocument, SessionDocument
from energy.evidence.reader import SessionEvidence
from energy.printable import printable
from energy.recording.inside import strange_in, within
from energy.recording.jsonvalues import as_list, as_object, parse_json
from energy.recording.limits import LARGEST_OFFICIAL
from energy.recording.store import Recording
from energy.recording.trace import read_text_file
from energy.runs.bins import BIN_HZ, bin_energy, can_hold, trial_bins
from energy.runs.files import MODES, Mode
from energy.runs.printed import agrees
from energy.runs.read_back import OFFICIAL_FILES
from energy.runs.results_text import Figure, figures, read_results_text

_SCHEMAS = {SESSION_NAME: "joulebench.session/1", RESULT_NAME: "joulebench.result/1"}
_MOST_NAMED = 10
_HINT = "Name the folders of sessions made by `joulebench measure`."
_BELOW_TARGET = "accuracy.below-target"

Override = Literal["virtual", "errors"]


@dataclass(frozen=True)
class Problem:
    """A reason not to write a package.

    Attributes:
        code: Stable name.
        text: The problem, with the session or benchmark concerned.
        override: The option that allows it (``--allow-virtual``, ``--allow-errors``); None if none does.
    """

    code: str
    text: str
    override: Override | None = None


@dataclass
class PackSession:
    """A session that is to be packaged.

    Attributes:
        evidence: Its folder.
        workload: The workload that was run.
        mode: Its mode.
        session: Its ``session.json``.
        result: Its ``result.json``; None where there is none.
        named: The path that a person named, in which the folder was found.
        problems: Its problems.
    """

    evidence: SessionEvidence
    workload: Workload
    mode: Mode
    session: SessionDocument
    result: ResultDocument | None
    named: Path
    problems: list[Problem] = field(default_factory=list[Problem])

    @property
    def folder(self) -> Path:
        """Its folder."""
        return self.evidence.folder

    @property
    def name(self) -> str:
        """Its folder's name, for display."""
        return self.folder.name

    @property
    def virtual(self) -> bool:
        """Whether it comes from the virtual bench, or one of its documents does not deny it."""
        return self.session.virtual is not False or self.result is None or self.result.virtual is not False

    @property
    def official(self) -> Path:
        """Where its files in the official format are."""
        return self.evidence.official

    def add_problem(self, code: str, text: str, override: Override | None = None) -> None:
        """Adds a problem."""
        self.problems.append(Problem(code, f"{self.name}: {text}", override))


def sessions_in(paths: list[Path]) -> dict[Path, Path]:
    """Folders of sessions: those named, and those directly below a folder that is none itself.

    Returns:
        The path that was named, by the session's folder in it.

    Raises:
        UsageError: ``package.no-session``.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        if (path / SESSION_NAME).is_file():
            found.setdefault(path, path)
            continue
        below = sorted(entry.parent for entry in path.glob(f"*/{SESSION_NAME}")) if path.is_dir() else []
        if not below:
            raise UsageError("package.no-session", f"{path} holds no session", _HINT)
        for folder in below:
            found.setdefault(folder, path)
    return found


def read_pack_session(folder: Path, division: str, named: Path | None = None) -> PackSession:
    """Reads a session and adds the problems that can be seen in it alone.

    Args:
        folder: Its folder.
        division: The division in which it is to be submitted.
        named: The path that a person named, in which the folder was found; None for the folder itself.

    Raises:
        UsageError: ``package.foreign`` if it is not a session of a workload in a mode.
    """
    with within(named or folder):
        return _read(folder, division, named or folder)


def _read(folder: Path, division: str, named: Path) -> PackSession:
    evidence = SessionEvidence(folder)
    try:
        session = evidence.session
        result = evidence.result if evidence.has_result else None
    except RecordingError as error:
        raise UsageError("package.foreign", f"{folder} cannot be read: {error}", _HINT) from error
    for name, document in ((SESSION_NAME, session), (RESULT_NAME, result)):
        if document is not None and document.schema_ != _SCHEMAS[name]:
            text = f"{folder / name} is not of the schema {_SCHEMAS[name]}"
            raise UsageError("package.foreign", text, _HINT)
    workload = WORKLOADS.get(session.workload or "")
    mode: Mode | None = next((mode for mode in MODES if mode == session.mode), None)
    if workload is None or mode is None:
        raise UsageError("package.foreign", f"{folder} holds no session of a workload in a mode", _HINT)
    packed = PackSession(evidence, workload, mode, session, result, named)
    _check_links(packed)
    _check_whole(packed)
    _check_result(packed, division)
    _check_dut(packed)
    if mode == "accuracy":
        _check_set(packed)
    if not packed.problems or all(problem.override for problem in packed.problems):
        _check_files(packed)
    return packed


def _check_links(packed: PackSession) -> None:
    """A submission holds only files and folders; the target of a link was never a part of the session."""
    strange = list(islice(strange_in(packed.folder), _MOST_NAMED))
    if strange:
        packed.add_problem(
            "package.link",
            f"it holds names that are neither files nor folders: {', '.join(map(printable, strange))}",
        )


def _check_whole(packed: PackSession) -> None:
    """Finished, and unchanged since."""
    result = packed.result
    if packed.session.state != "finished" or result is None:
        packed.add_problem("package.unfinished", f"it is {packed.session.state!r}, not finished")
        return
    if (result.workload, result.mode) != (packed.workload.id, packed.mode):
        packed.add_problem("package.mixed", f"{RESULT_NAME} is that of another session")
    if not packed.evidence.has_manifest:
        packed.add_problem("package.no-manifest", f"there is no {MANIFEST_NAME} to compare its files with")
    for finding in packed.evidence.manifest.findings:
        packed.add_problem("package.altered", f"altered since it was measured: {finding.evidence}")


def _check_result(packed: PackSession, division: str) -> None:
    result = packed.result or ResultDocument()
    errors = {found.code for found in result.findings if found.severity == "error"}
    free = {_BELOW_TARGET} if division == "open" else set[str]()  # there is no target in the open division
    if errors - free:
        packed.add_problem(
            "package.errors", f"its result has errors: {', '.join(sorted(errors - free))}", "errors"
        )
    elif result.valid is not True and not errors and packed.mode != "accuracy":
        packed.add_problem("package.not-valid", "its result is not valid", "errors")
    if packed.virtual:
        packed.add_problem("package.virtual", "it comes from the virtual bench", "virtual")
    elif packed.session.synthetic_inputs is not False:
        packed.add_problem("package.synthetic", "its inputs are synthetic", "errors")
    if weights := packed.session.of_dut("weights"):
        packed.add_problem("package.synthetic-weights", f"synthetic weights in the DUT: {weights}", "errors")


def _check_dut(packed: PackSession) -> None:
    model = packed.session.of_dut("model")
    if model != packed.workload.id:
        packed.add_problem("package.model", f"the DUT ran {model}, the session is for {packed.workload.id}")


def _check_set(packed: PackSession) -> None:
    taken = packed.session.validation
    if taken is None or taken.full is not True:
        of = f"{taken.files} of {taken.of} files" if taken else "it does not state which"
        packed.add_problem("package.subset", f"only a part of the validation set was used: {of}", "errors")


def _check_files(packed: PackSession) -> None:
    missing = [name for name in OFFICIAL_FILES if not (packed.official / name).is_file()]
    if missing and packed.mode == "energy":
        _explain_missing(packed)
    elif missing:
        packed.add_problem("package.no-official-files", f"mlperf/ lacks {', '.join(missing)}")
    elif packed.mode == "energy":
        try:
            _check_energy(packed)
        except (RecordingError, ValueError, LookupError, TypeError, ArithmeticError, OSError) as error:
            packed.add_problem("package.energy-unreadable", f"its energies cannot be checked: {error!r}")


def _explain_missing(packed: PackSession) -> None:
    """Why an energy session has no official files: a slow monitor, or the reason in its result."""
    reasons = [
        found.evidence
        for found in (packed.result.findings if packed.result else ())
        if found.code in ("session.no-official-files", "session.official-files-differ")
    ]
    rate_hz = Recording(packed.folder).signal.rate_hz if packed.evidence.has_trace else math.nan
    if rate_hz < BIN_HZ:
        text = f"the official format holds energy in bins of 1 ms; the monitor's rate is {rate_hz:g} Hz"
        packed.add_problem("package.rate", text)
    else:
        why = "; ".join(reasons) or "it was changed"
        packed.add_problem("package.no-official-files", f"mlperf/ is incomplete: {why}")


def _check_energy(packed: PackSession) -> None:
    """Compares bins with the recording, marks with the windows, and the printed figures with the bins."""
    text = read_text_file(packed.official / "results.json", LARGEST_OFFICIAL, hint=_HINT)
    entries = list(map(as_object, as_list(parse_json(text, what=f"{packed.name}/results.json"))))
    windows = packed.evidence.windows().windows or []
    printed = read_results_text(packed.official / "results.txt")
    recording = Recording(packed.folder)
    after: float | None = None
    costs: list[float] = []
    if not len(entries) == len(windows) == len(printed.windows):
        packed.add_problem(
            "package.energy-differs", "results.json, results.txt and session.json differ in trials"
        )
        return
    if not can_hold(recording.signal):
        packed.add_problem("package.energy-differs", "results.json has bins of 1 ms, the recording has none")
        return
    if not all(recording.first <= opening < closing <= recording.stop + 1 for opening, closing in windows):
        packed.add_problem(
            "package.energy-differs", "session.json has windows that the recording does not hold"
        )
        return
    for number, (entry, edges, window) in enumerate(zip(entries, windows, printed.windows, strict=True)):
        power = as_object(entry["power"])
        bins = np.array([math.nan if value is None else float(value) for value in power["samples"]])
        wanted = trial_bins(recording, *edges, after)
        after = wanted.stop
        if [wanted.opening, wanted.closing] != [index for _, index in power["timestamps"][-2:]]:
            packed.add_problem(
                "package.energy-differs", f"trial {number}: its marks are not the window's edges"
            )
        if not np.array_equal(bins, wanted.energies_j, equal_nan=True):
            packed.add_problem(
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
            _check_printed(packed, f"trial {number}: {name}", theirs[name], value)
    if printed.median_energy_uj is None:
        packed.add_problem("package.energy-differs", "results.txt states no median")
    else:
        _check_printed(packed, "the median", printed.median_energy_uj, statistics.median(costs))


def _check_printed(packed: PackSession, name: str, figure: Figure, value: float) -> None:
    """Compares a printed figure with the one that the bins give; NaN never agrees."""
    if not agrees(figure, value):
        text = f"results.txt states {figure.text} for {name}; the bins give {value!r}"
        packed.add_problem("package.energy-differs", text)
