"""The doctor's look at the host: ports and who may open them, the disk, unverified facts."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterable
from importlib.metadata import entry_points
from pathlib import Path

from energy.bench.assemble import DUTS, IO_MANAGERS, MONITORS, SUPPLIES
from energy.bench.benchfile import BenchFile
from energy.bench.entrypoints import load
from energy.doctor.report import Step
from energy.errors import BenchError, JoulebenchError

UNVERIFIED = "joulebench.unverified"
"""Functions that list the unverified facts that modules rely on."""
BY_ID = Path("/dev/serial/by-id")
WRITE_S = 0.5
SESSION_S = 120.0
"""About as long as a session's recording is: five windows of 10 s, pilots, loading."""
_CHUNK = bytes(1 << 20)
_MARGIN = 4.0
"""How many times faster than the monitor's stream a disk ought to be: others write, too."""


def parts_of(file: BenchFile) -> list[tuple[str, str, str, str | None]]:
    """The drivers that a bench needs: role, group of entry points, name, port."""
    parts: list[tuple[str, str, str, str | None]] = []
    if file.monitor:
        parts.append(("monitor", MONITORS, file.monitor.driver, file.monitor.port))
    if file.io_manager:
        parts.append(("io_manager", IO_MANAGERS, file.io_manager.driver, file.io_manager.port))
    else:
        parts.append(("dut", DUTS, file.dut.driver, file.dut.port))
    if file.supply:
        parts.append(("supply", SUPPLIES, file.supply.driver, file.supply.port))
    return parts


def look_at_drivers(step: Step, file: BenchFile) -> None:
    """Loads every driver; each that is missing is told."""
    names: list[str] = []
    for role, group, name, _ in parts_of(file):
        try:
            load(group, name)
            names.append(f"{role} {name}")
        except JoulebenchError as error:
            step.fail(error)
    if names:
        step.say("drivers: " + ", ".join(names))


def look_at_ports(step: Step, file: BenchFile) -> None:
    """Looks at every port that is a device file; each that is not as it must be is told."""
    for role, _, _, port in parts_of(file):
        if port is None or not port.startswith("/dev/"):
            if port is not None:
                step.say(f"{role}: {port} (no device file: looked at when it is opened)")
            continue
        try:
            step.say(f"{role}: {look_at_port(role, Path(port))}")
        except BenchError as error:
            step.fail(error)


def look_at_port(role: str, port: Path) -> str:
    """Whether a serial port is there, may be opened by us, and is held by nobody else.

    Returns:
        What is to be said of it.

    Raises:
        BenchError: ``link.missing``, ``link.permission``, ``link.busy``.
    """
    try:
        state = port.stat()
    except FileNotFoundError as error:
        there = ", ".join(sorted(map(str, _serial_ports()))) or "none"
        raise BenchError(
            "link.missing",
            f"the port of the {role}, {port}, is not there; serial ports that are: {there}",
            "Plug it in, look with `joulebench list`, and use names below /dev/serial/by-id, which stay.",
        ) from error
    except OSError as error:
        raise BenchError(
            "link.open-failed", f"the port of the {role}, {port}: {error}", "Plug it in anew."
        ) from error
    if not os.access(port, os.R_OK | os.W_OK):
        group = _group_name(state.st_gid)
        raise BenchError(
            "link.permission",
            f"you may not open the port of the {role}, {port} (group {group}, mode "
            f"{state.st_mode & 0o777:o}); your groups: {', '.join(sorted(map(_group_name, os.getgroups())))}",
            f"`sudo usermod -aG {group} $USER`, then log out and in; or install the udev rules that "
            "`joulebench list --udev` prints.",
        )
    if others := holders(port):
        raise BenchError(
            "link.busy",
            f"the port of the {role}, {port}, is held by {', '.join(others)}",
            "Close that program. ModemManager grabs new ports for a while: the udev rules of "
            "`joulebench list --udev` keep it away.",
        )
    stable = next((link for link in links() if link.resolve() == port.resolve() and link != port), None)
    return f"{port} is there and free" + (f"; a name that stays: {stable}" if stable else "")


def holders(port: Path) -> list[str]:
    """Other processes that have a device open, as far as this system tells (Linux, one's own processes)."""
    target = str(port.resolve())
    found: list[str] = []
    for process in Path("/proc").glob("[0-9]*"):
        if process.name == str(os.getpid()):
            continue
        with contextlib.suppress(OSError):
            if any(_leads_to(link, target) for link in (process / "fd").iterdir()):
                found.append(f"{(process / 'comm').read_text().strip()} (process {process.name})")
    return found


def _leads_to(link: Path, target: str) -> bool:
    with contextlib.suppress(OSError):
        return str(link.readlink()) == target
    return False


def links() -> list[Path]:
    """Names of serial ports that stay when a device is plugged in anew."""
    return sorted(BY_ID.iterdir()) if BY_ID.is_dir() else []


def _serial_ports() -> list[Path]:
    return links() or [path for kind in ("ttyACM*", "ttyUSB*") for path in Path("/dev").glob(kind)]


def _group_name(number: int) -> str:
    try:
        import grp

        return grp.getgrgid(number).gr_name
    except (ImportError, KeyError):
        return str(number)


def look_at_disk(step: Step, out: Path, bytes_per_s: float | None, seconds: float = WRITE_S) -> None:
    """Writes for a while where sessions go, and compares with what the monitor makes.

    Args:
        step: The step.
        out: The folder of sessions; it need not be there.
        bytes_per_s: What the monitor makes; None where that is not known.
        seconds: How long is written.
    """
    folder = existing(out)
    free = shutil.disk_usage(folder).free
    rate = write_rate(folder, seconds)
    step.say(f"{folder}: {rate / 1e6:.0f} MB/s written and synced, {free / 1e9:.1f} GB free")
    if bytes_per_s is None:
        return
    needed = bytes_per_s * SESSION_S
    step.say(f"the monitor makes {bytes_per_s / 1e6:.3g} MB/s, {needed / 1e6:.3g} MB in a session")
    if rate < _MARGIN * bytes_per_s:
        step.note("disk.slow", f"{rate / 1e6:.3g} MB/s written, {bytes_per_s / 1e6:.3g} MB/s made.")
    if free < _MARGIN * needed:
        step.note("disk.full", f"{free / 1e6:.0f} MB free, a session takes about {needed / 1e6:.0f} MB.")


def existing(folder: Path) -> Path:
    """The folder, or the nearest one above that is there."""
    folder = folder.absolute()
    while not folder.is_dir():
        folder = folder.parent
    return folder


def write_rate(folder: Path, seconds: float) -> float:
    """Bytes a second that a new file in a folder takes, the last of them on the disk."""
    written = 0
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            begun = time.perf_counter()
            while not written or time.perf_counter() - begun < seconds:
                written += file.write(_CHUNK)
            file.flush()
            os.fsync(file.fileno())
            return written / (time.perf_counter() - begun)
    except OSError as error:
        raise BenchError(
            "disk.not-writable", f"{folder} cannot be written: {error}", "Name another folder with --out."
        ) from error


def look_at_unverified(step: Step, file: BenchFile) -> None:
    """Lists the unverified facts behind the bench's drivers."""
    points = list(entry_points(group=UNVERIFIED))
    if not points:
        step.skip("nobody lists them (no entry point of joulebench.unverified)")
        return
    modules: list[str] = []
    for _, group, name, _ in parts_of(file):
        modules += [point.module for point in entry_points(group=group) if point.name == name]
    for point in points:
        try:
            facts: Iterable[object] = point.load()(modules)
        except (ImportError, AttributeError) as error:
            step.say(f"{point.value} cannot be loaded: {error}")
            continue
        for fact in facts:
            step.say(str(fact))
    if not step.evidence:
        step.say("the drivers of this bench rely on none")
