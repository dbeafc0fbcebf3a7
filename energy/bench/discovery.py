"""Finds what is plugged in with the drivers' discovery functions, and drafts a bench file for it.

A discovery function (entry point group ``joulebench.discovery``) takes no arguments and returns a survey, a
dictionary as ``Survey`` describes it. If a function fails, a remark reports it and the others still count.
Its package may have a folder ``udev`` with rules for what it finds.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib import resources
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from energy.bench.benchfile import SCHEMA
from energy.errors import BenchError, JoulebenchError
from energy.evidence.scope import Load

DISCOVERY = "joulebench.discovery"
Role = Literal["monitor", "supply", "io_manager", "dut"]
_ROLES: tuple[Role, ...] = ("dut", "monitor", "io_manager", "supply")


class _Checked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Found(_Checked):
    """Something that is plugged in.

    Attributes:
        driver: Name of its driver; None where there is none.
        role: Part of a bench file that it can be; None where it can be no part.
        port: Value for that part's ``port``.
        description: Its description of itself.
        sure: Whether it was identified for certain; False if it only may be that.
        remark: Why it is not sure, or what must be done first.
    """

    driver: str | None
    role: Role | None
    port: str
    description: str
    sure: bool = False
    remark: str = ""


class Survey(_Checked):
    """The answer of a discovery function.

    Attributes:
        looked_for: The instruments that it can find.
        found: Those that it has found.
        remarks: Problems that it had, and what to do about them.
    """

    looked_for: str
    found: tuple[Found, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass
class Discovery:
    """All surveys together.

    Attributes:
        looked_for: The instruments that each of the functions can find.
        found: All that was found; within a role, those that are sure come first.
        remarks: Problems, and what to do about them.
    """

    looked_for: list[str] = field(default_factory=list[str])
    found: list[Found] = field(default_factory=list[Found])
    remarks: list[str] = field(default_factory=list[str])

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "looked_for": self.looked_for,
            "found": [item.model_dump() for item in self.found],
            "remarks": self.remarks,
            "bench_file": bench_fragment(self.found),
        }


def discover() -> Discovery:
    """Calls all discovery functions at the same time."""
    points = sorted(entry_points(group=DISCOVERY), key=lambda point: point.name)
    discovery = Discovery()
    with ThreadPoolExecutor(max(len(points), 1), "discovery") as pool:
        surveys = [pool.submit(_survey, point) for point in points]
    for point, survey in zip(points, surveys, strict=True):
        _take(discovery, point.name, survey)
    discovery.found.sort(
        key=lambda item: (_ROLES.index(item.role) if item.role else len(_ROLES), not item.sure)
    )
    return discovery


def _survey(point: EntryPoint) -> Survey:
    look: Callable[[], object] = point.load()
    try:
        return Survey.model_validate(look())
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise BenchError(
            "discovery.survey", f"{point.value}: {key or 'its answer'}: {first['msg']}", "Please report this."
        ) from error


def _take(discovery: Discovery, name: str, survey: Future[Survey]) -> None:
    error = survey.exception()
    if error is None:
        discovery.looked_for.append(survey.result().looked_for)
        discovery.found += survey.result().found
        discovery.remarks += survey.result().remarks
    elif isinstance(error, JoulebenchError):
        discovery.remarks.append(f"{name}: {error}. {error.hint}")
    elif isinstance(error, Exception):
        discovery.remarks.append(f"{name} could not look: {type(error).__name__}: {error}")
    else:
        raise error


def bench_fragment(found: list[Found]) -> str:
    """The part of a bench file for what was found, as TOML; comments mark what is unsure or a second choice.

    The user fills in what cannot be found out: the DUT's board and voltage, and the limits.
    """
    if not any(item.role for item in found):
        return ""
    lines = [
        f'schema = "{SCHEMA}"',
        'name = "my-bench"',
        "",
        "[limits]  # what must never be exceeded: set them for your DUT",
        "highest_v = 3.3",
        "highest_a = 0.05",
        "",
        "[scope]  # what the measured wire feeds, and what work lies inside the window",
        'feeds = ["core"]  # fill in: ' + ", ".join(get_args(Load)),
        "pre_processing = false",
        "post_processing = false",
    ]
    for role in _ROLES:
        parts = [item for item in found if item.role == role]
        if not parts and role != "dut":
            continue
        lines += ["", f"[{role}]"]
        if role == "dut":
            lines += ['board = "fill in"', "voltage_v = 1.8  # fill in"]
        for number, item in enumerate(parts):
            lines += _part(item, role, chosen=number == 0)
    return "\n".join(lines) + "\n"


def _part(item: Found, role: Role, *, chosen: bool) -> list[str]:
    comment = _one_line(f"{item.description}{'' if item.sure else ' (perhaps)'}")
    mark = "" if chosen else "# "
    lines = [f"# {'' if chosen else 'or: '}{comment}"]
    if role != "dut":
        lines.append(f"{mark}driver = {_toml(item.driver or '')}")
    return [*lines, f"{mark}port = {_toml(item.port)}"]


def _one_line(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _toml(text: str) -> str:
    r"""A basic string (TOML 1.0): quotes, backslashes and unprintable characters are escaped."""

    def escaped(letter: str) -> str:
        if letter in '"\\':
            return f"\\{letter}"
        return letter if letter.isprintable() else f"\\U{ord(letter):08x}"

    return f'"{"".join(map(escaped, text))}"'


def udev_rules() -> str:
    """The udev rules (Linux) of all packages that have discovery functions."""
    packages = {point.module.rpartition(".")[0] for point in entry_points(group=DISCOVERY)}
    texts: list[str] = []
    for package in sorted(packages - {""}):
        folder = resources.files(package) / "udev"
        if folder.is_dir():
            rules = sorted(
                (rule for rule in folder.iterdir() if rule.name.endswith(".rules")),
                key=lambda rule: rule.name,
            )
            texts += [rule.read_text(encoding="utf-8") for rule in rules]
    return "\n".join(texts)
