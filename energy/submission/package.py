"""A submission's tree from sessions (mlperf-tiny.md 2): checked first, then written whole or not at all.

``<division>/<organization>/results/<system>/<benchmark>/<mode>/`` with the official files of each session,
and ``systems/<system>.json``. A tree with anything from the virtual bench lies in a folder VIRTUAL, and its
system's name begins with it. ``joulebench_package.json`` beside the tree lists the sessions that it was made
of, and the problems that were allowed.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from energy import __version__
from energy.errors import UsageError
from energy.evidence import manifest
from energy.evidence.names import MANIFEST_NAME
from energy.evidence.scope_text import scope_line
from energy.findings import Finding, Severity
from energy.recording.inside import is_plain, open_inside, within
from energy.recording.jsonvalues import json_text
from energy.recording.limits import LARGEST_OFFICIAL
from energy.runs.files import MODES, Mode
from energy.runs.results_text import read_results_text
from energy.submission.package_session import (
    OFFICIAL_FILES,
    PackSession,
    Problem,
    read_pack_session,
    sessions_in,
)
from energy.submission.package_system import describe

Division = Literal["closed", "open"]
SCHEMA = "joulebench.package/1"
FILE_NAME = "joulebench_package.json"
VIRTUAL = "VIRTUAL"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_NEEDED: tuple[Mode, ...] = ("accuracy", "performance")
"""Energy is optional in every round (mlperf-tiny.md 1)."""

Draw = Callable[[Path, Path, str], None]
"""Draws the pictures of an energy run: from its results.json into its folder, with a line below each."""


Check = Callable[[Path], list[Finding]]
"""Validates a tree: everything that it finds."""


@dataclass(frozen=True)
class Request:
    """An order for a package: the sessions, their place in the tree, and the problems that are allowed.

    Attributes:
        sessions: Folders of sessions, or folders that hold some.
        out: Where to; must not exist, or be empty.
        division: ``"closed"`` or ``"open"``.
        organization: Who submits; the folder's name.
        system: What was measured; the folder's name.
        form: Fields of the system's description.
        allow_virtual: Whether sessions from the virtual bench are accepted.
        allow_errors: Whether sessions with errors are accepted.
    """

    sessions: Sequence[Path]
    out: Path
    division: Division
    organization: str
    system: str
    form: dict[str, str] = field(default_factory=dict[str, str])
    allow_virtual: bool = False
    allow_errors: bool = False


@dataclass
class Package:
    """The outcome of an order: the tree that was written, or the problems that prevented it.

    Attributes:
        root: The folder of the division's folder.
        written: Whether it was written; not if a problem is not allowed.
        sessions: The sessions in it, by benchmark and mode.
        problems: All problems, allowed or not.
        refused: The problems that are not allowed.
        figures: The figures that the files print, by benchmark: medians and accuracy.
        findings: Findings of the tree's validation.
    """

    root: Path
    written: bool
    sessions: list[PackSession]
    problems: list[Problem]
    refused: list[Problem]
    figures: dict[str, dict[str, float]] = field(default_factory=dict[str, dict[str, float]])
    findings: list[Finding] = field(default_factory=list[Finding])

    @property
    def virtual(self) -> bool:
        """Whether anything of it is from the virtual bench."""
        return any(packed.virtual for packed in self.sessions)

    def to_json(self) -> dict[str, Any]:
        """For ``--json`` and for the file beside the tree."""
        overrides = {problem.override for problem in self.problems if problem not in self.refused}
        return {
            "schema": SCHEMA,
            "joulebench": __version__,
            "virtual": self.virtual,
            "written": self.written,
            "allowed": sorted(f"--allow-{name}" for name in overrides if name),
            "problems": [
                {"code": problem.code, "text": problem.text, "allowed": problem not in self.refused}
                for problem in self.problems
            ],
            "sessions": [
                {
                    "benchmark": packed.workload.benchmark,
                    "mode": packed.mode,
                    "folder": packed.name,
                    "manifest_sha256": _manifest_sha256(packed),
                    "firmware_sha256": packed.session.of_dut("firmware_sha256"),
                }
                for packed in self.sessions
            ],
            "figures": self.figures,
            "findings": [finding.to_json() for finding in self.findings],
        }


def known_of(request: Request) -> dict[str, str]:
    """The fields of the system's description that are known without a form.

    Raises:
        UsageError: ``package.*``.
    """
    read = _read(request)
    return _known(request, read)


def package(request: Request, draw: Draw, check: Check | None = None) -> Package:
    """Checks sessions and writes the tree, unless a problem is not allowed.

    Args:
        request: The order.
        draw: Draws the pictures of the energy runs.
        check: Validates the tree before it is put in its place; an error that it finds is a problem. None
            where the caller does that.

    Raises:
        UsageError: ``package.name``, ``package.out``, ``package.no-session``, ``package.foreign``,
            ``package.large``, ``form.*``.
    """
    for what, name in (("organization", request.organization), ("system", request.system)):
        if not _NAME.fullmatch(name):
            hint = "Letters, digits, dot, underscore and hyphen, beginning with a letter or digit."
            raise UsageError("package.name", f"{name!r} is no name for --{what}", hint)
    if request.out.exists() and (not request.out.is_dir() or any(request.out.iterdir())):
        raise UsageError("package.out", f"{request.out} is there already", "Name another folder with --out.")
    read = _read(request)
    read.sort(key=lambda packed: (packed.workload.benchmark, MODES.index(packed.mode)))
    problems = [problem for packed in read for problem in packed.problems] + list(_together(read))
    allowed = {None: False, "virtual": request.allow_virtual, "errors": request.allow_errors}
    refused = [problem for problem in problems if not allowed[problem.override]]
    virtual = any(packed.virtual for packed in read)
    root = request.out / VIRTUAL if virtual else request.out
    answer = Package(root, not refused, read, problems, refused)
    if answer.written:
        description = describe(_known(request, read), request.form)
        _write(request, answer, description, draw, check)
    return answer


def _read(request: Request) -> list[PackSession]:
    found = sessions_in(list(request.sessions))
    return [read_pack_session(folder, request.division, named) for folder, named in found.items()]


def _together(read: list[PackSession]) -> Iterable[Problem]:
    """Problems between sessions."""
    by_place: dict[tuple[str, Mode], list[PackSession]] = {}
    for packed in read:
        by_place.setdefault((packed.workload.benchmark, packed.mode), []).append(packed)
    for (benchmark, mode), several in by_place.items():
        if several[1:]:
            names = ", ".join(packed.name for packed in several)
            yield Problem("package.twice", f"{benchmark}: {len(several)} sessions in {mode} mode: {names}")
    for benchmark in dict.fromkeys(packed.workload.benchmark for packed in read):
        for mode in _NEEDED:
            if (benchmark, mode) not in by_place:
                yield Problem("package.mode-missing", f"{benchmark}: there is no session in {mode} mode")
        yield from _another_firmware(benchmark, by_place)
    for key in ("board", "name", "profile"):
        names = {packed.session.of_dut(key) or "" for packed in read}
        if len(names) > 1:
            values = ", ".join(map(repr, sorted(names)))
            yield Problem("package.another-dut", f"the sessions are of DUTs with different {key}: {values}")


def _another_firmware(
    benchmark: str, by_place: dict[tuple[str, Mode], list[PackSession]]
) -> Iterable[Problem]:
    """The same firmware runs accuracy and performance (mlperf-tiny.md 1); energy has another image."""
    hashes = {
        packed.session.of_dut("firmware_sha256")
        for mode in _NEEDED
        for packed in by_place.get((benchmark, mode), [])
        if packed.session.of_dut("firmware_sha256")
    }
    if len(hashes) > 1:
        text = f"{benchmark}: accuracy and performance ran different firmware"
        yield Problem("package.another-firmware", text)


def _known(request: Request, read: list[PackSession]) -> dict[str, str]:
    known = {
        "Submitter": request.organization,
        "Division": request.division.capitalize(),
        "Board Name": next((board for packed in read if (board := packed.session.of_dut("board"))), ""),
    }
    notes: list[str] = []
    for packed in read:
        if packed.mode == "energy":
            session = packed.session
            volt, monitor = session.bench.dut.voltage_v, session.monitor.model if session.monitor else None
            scope = f" ({scope_line(session.setup.scope)})" if session.setup.scope else ""
            notes.append(f"Energy measured at {volt} V with {monitor}{scope}")
    if notes:
        known["Hardware Notes"] = "; ".join(dict.fromkeys(notes))
    return known


def _write(
    request: Request, answer: Package, description: dict[str, str], draw: Draw, check: Check | None
) -> None:
    draft = request.out.with_name(f".{request.out.name}.part")
    shutil.rmtree(draft, ignore_errors=True)
    system = f"{VIRTUAL}-{request.system}" if answer.virtual else request.system
    try:
        root = draft / answer.root.relative_to(request.out)
        top = root / request.division / request.organization
        for packed in answer.sessions:
            target = top / "results" / system / packed.workload.benchmark / packed.mode
            target.mkdir(parents=True)
            for name in OFFICIAL_FILES:
                _copy(packed, name, target / name)
            if packed.mode == "energy":
                draw(target / "results.json", target, scope_line(packed.session.setup.scope))
            _printed(target / "results.txt", answer.figures.setdefault(packed.workload.benchmark, {}))
            large = [path.name for path in target.iterdir() if path.stat().st_size > LARGEST_OFFICIAL]
            if large:
                what = f"{packed.name}: {large[0]} has more than 500 MB"
                raise UsageError("package.large", what, "The official checker refuses such a file.")
        (top / "systems").mkdir(parents=True)
        text = json_text(description, indent=2) + "\n"
        (top / "systems" / f"{system}.json").write_text(text, encoding="utf-8")
        if check is not None and not _validated(request, answer, check(root)):
            return
        document = {**answer.to_json(), "files": manifest.manifest(draft)}
        text = json_text(document, indent=2) + "\n"
        (root / FILE_NAME).write_text(text, encoding="utf-8")
        if request.out.exists():
            request.out.rmdir()
        draft.replace(request.out)
    except OSError as error:
        raise UsageError(
            "package.out", f"{request.out} cannot be written: {error}", "Name another folder with --out."
        ) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _copy(packed: PackSession, name: str, target: Path) -> None:
    """Copies an official file of a session as it was opened: no link on the way to it is followed."""
    with within(packed.named), open_inside(packed.official / name) as source, target.open("xb") as copy:
        shutil.copyfileobj(source, copy, 1 << 20)


def _validated(request: Request, answer: Package, findings: list[Finding]) -> bool:
    """Adds the findings of the tree's validation; whether the tree may still be put in its place."""
    answer.findings = findings
    for found in findings:
        if found.severity is Severity.ERROR:
            text = f"{found.path}: {found.evidence}" if found.path else found.evidence
            answer.problems.append(Problem(found.code, text, "errors"))
            if not request.allow_errors:
                answer.refused.append(answer.problems[-1])
    answer.written = not answer.refused
    return answer.written


def _printed(path: Path, into: dict[str, float]) -> None:
    """The figures that a results.txt prints, as the official checker would see them."""
    printed = read_results_text(path)
    for name in ("median_energy_uj", "median_throughput", "top_1", "auc"):
        if (figure := getattr(printed, name)) is not None:
            into[name] = figure.number


def _manifest_sha256(packed: PackSession) -> str | None:
    path = packed.folder / MANIFEST_NAME
    if not is_plain(path):
        return None
    with within(packed.named), open_inside(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
