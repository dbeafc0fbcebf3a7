"""The bundle: one zip file with everything that a report of a problem needs."""

from __future__ import annotations

import contextlib
import platform
import sys
import zipfile
from importlib.metadata import distributions
from pathlib import Path

from energy import __version__
from energy.doctor.examination import Examination
from energy.doctor.host import links
from energy.errors import BenchError, RecordingError, UsageError
from energy.recording.inside import is_there, read_named
from energy.recording.jsonvalues import json_text
from energy.recording.limits import LARGEST_FORM


def write_bundle(path: Path, examination: Examination) -> None:
    """Writes everything that a report of a problem needs into a zip file, without paths of the user's home.

    Args:
        path: The zip file, which must not exist.
        examination: A finished examination: its report, the lines on the wires, the bench.

    Raises:
        BenchError: ``bundle.exists``, ``bundle.not-written``.
    """
    texts = {
        "report.json": json_text(examination.report.to_json(), indent=2) + "\n",
        "transcript.txt": "".join(
            f"{line.time_s:12.6f} {line.source:7} {'>' if line.sent else '<'} {line.text}\n"
            for line in examination.lines
        ),
        "system.txt": _system(),
        "ports.txt": _ports(),
    }
    if examination.file is not None:
        bench = examination.file.model_dump(by_alias=True, mode="json", exclude_none=True)
        texts["bench.json"] = json_text(bench, indent=2) + "\n"
    if isinstance(examination.bench, str):
        with contextlib.suppress(RecordingError):  # a bench that comes with the program has no file here
            data = read_named(Path(examination.bench), LARGEST_FORM, hint="Name another bench file.")
            texts["bench.toml"] = data.decode(errors="replace")
    try:
        with zipfile.ZipFile(path, "x", zipfile.ZIP_DEFLATED) as bundle:
            for name, text in texts.items():
                bundle.writestr(name, _without_home(text))
    except FileExistsError as error:
        raise BenchError("bundle.exists", f"{path} exists already", "Name another file.") from error
    except OSError as error:
        raise BenchError("bundle.not-written", f"{path}: {error}", "Name another file.") from error


def refuse_existing(path: Path) -> None:
    """Checks before the examination that no file has the bundle's name.

    Raises:
        UsageError: ``bundle.exists``.
    """
    if is_there(path):
        raise UsageError("bundle.exists", f"{path} exists already", "Name another file.")


def _without_home(text: str) -> str:
    home = str(Path.home())
    return text.replace(home, "~") if len(home) > 1 else text


def _system() -> str:
    packages = sorted(
        {f"{package.metadata['Name']} {package.version}" for package in distributions()}, key=str.lower
    )
    lines = [f"joulebench {__version__}", f"Python {sys.version}", platform.platform(), "", *packages]
    return "\n".join(lines) + "\n"


def _ports() -> str:
    from serial.tools import list_ports

    found = [f"{port.device}  {port.description}  {port.hwid}" for port in sorted(list_ports.comports())]
    return "\n".join([*found, *(f"{link} -> {link.resolve()}" for link in links())]) + "\n"
