"""Checks of the host: ports and their permissions, the disk, unverified facts."""

from __future__ import annotations

import contextlib
import errno
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
from energy.recording.inside import is_there

UNVERIFIED = "joulebench.unverified"
"""Functions that list the unverified facts that modules rely on."""
BY_ID = Path("/dev/serial/by-id")
WRITE_S = 0.5
SESSION_S = 120.0
"""About as long as a session's recording is: five windows of 10 s, pilots, loading."""
_CHUNK = bytes(1 << 20)
_MARGIN = 4.0
"""Smallest ratio of the disk's rate to the monitor's: other programs write as well."""


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


def check_drivers(step: Step, file: BenchFile) -> None:
    """Loads every driver, and reports each that is missing."""
    names: list[str] = []
    for role, group, name, _ in parts_of(file):
        try:
            load(group, name)
            names.append(f"{role} {name}")
        except JoulebenchError as error:
            step.add_error(error)
    if names:
        step.observe("drivers: " + ", ".join(names))


def check_ports(step: Step, file: BenchFile) -> None:
    """Checks every port that is a device file."""
    for role, _, _, port in parts_of(file):
        if port is None or not port.startswith("/dev/"):
            if port is not None:
                step.observe(f"{role}: {port} (not a device file: checked when it is opened)")
            continue
        try:
            step.observe(f"{role}: {check_port(role, Path(port))}")
        except BenchError as error:
            step.add_error(error)


def check_port(role: str, port: Path) -> str:
    """Checks that a serial port exists, may be opened, and is not open in another program.

    Returns:
        The evidence for the report.

    Raises:
        BenchError: ``link.missing``, ``link.permission``, ``link.busy``.
    """
    try:
        state = port.stat()
    except FileNotFoundError as error:
        there = ", ".join(sorted(map(str, _serial_ports()))) or "none"
        raise BenchError(
            "link.missing",
            f"the port of the {role}, {port}, does not exist; serial ports: {there}",
            "Plug it in, look for it with `joulebench list`, and use names in /dev/serial/by-id, which do "
            "not change.",
        ) from error
    except OSError as error:
        raise BenchError(
            "link.open-failed", f"the port of the {role}, {port}: {error}", "Unplug it and plug it in again."
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
            f"the port of the {role}, {port}, is open in {', '.join(others)}",
            "Close that program. ModemManager opens new ports for a while: the udev rules that `joulebench "
            "list --udev` prints prevent that.",
        )
    stable = next((link for link in links() if link.resolve() == port.resolve() and link != port), None)
    return f"{port} exists and is free" + (f"; its permanent name: {stable}" if stable else "")


def holders(port: Path) -> list[str]:
    """Other processes that have a device open, as far as the system shows them (Linux, the user's own)."""
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
    """Names of serial ports that stay the same when a device is plugged in again."""
    return sorted(BY_ID.iterdir()) if BY_ID.is_dir() else []


def _serial_ports() -> list[Path]:
    return links() or [path for kind in ("ttyACM*", "ttyUSB*") for path in Path("/dev").glob(kind)]


def _group_name(number: int) -> str:
    try:
        import grp

        return grp.getgrgid(number).gr_name
    except (ImportError, KeyError):
        return str(number)


def check_disk(step: Step, out: Path, bytes_per_s: float | None, seconds: float = WRITE_S) -> None:
    """Measures the write rate of the disk for sessions, and compares it with the monitor's.

    Args:
        step: The step.
        out: The folder of sessions; it need not exist.
        bytes_per_s: Rate of the monitor's stream; None if it is not known.
        seconds: How long is written.
    """
    try:
        folder = existing(out)
    except OSError as error:
        raise _not_writable(out, error) from error
    free = shutil.disk_usage(folder).free
    rate = write_rate(folder, seconds)
    step.observe(f"{folder}: {rate / 1e6:.0f} MB/s written and synced, {free / 1e9:.1f} GB free")
    if bytes_per_s is None:
        return
    needed = bytes_per_s * SESSION_S
    step.observe(f"the monitor streams {bytes_per_s / 1e6:.3g} MB/s, {needed / 1e6:.3g} MB in a session")
    if rate < _MARGIN * bytes_per_s:
        step.add_cause("disk.slow", f"{rate / 1e6:.3g} MB/s written, {bytes_per_s / 1e6:.3g} MB/s streamed.")
    if free < _MARGIN * needed:
        step.add_cause("disk.full", f"{free / 1e6:.0f} MB free, a session takes about {needed / 1e6:.0f} MB.")


def existing(folder: Path) -> Path:
    """The folder, or the nearest existing one above it.

    Raises:
        OSError: If something else has its name, or is on the way to it.
    """
    folder = folder.absolute()
    while not folder.is_dir():
        if is_there(folder):
            raise NotADirectoryError(errno.ENOTDIR, "it is no folder", str(folder))
        folder = folder.parent
    return folder


def write_rate(folder: Path, seconds: float) -> float:
    """Rate in bytes per second at which a new file is written, up to the disk itself."""
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
        raise _not_writable(folder, error) from error


def _not_writable(folder: Path, error: OSError) -> BenchError:
    text = f"{folder} cannot be written: {error}"
    return BenchError("disk.not-writable", text, "Name another folder with --out.")


def check_unverified(step: Step, file: BenchFile) -> None:
    """Lists the unverified facts behind the bench's drivers."""
    points = list(entry_points(group=UNVERIFIED))
    if not points:
        step.skip("no entry point of joulebench.unverified lists them")
        return
    modules: list[str] = []
    for _, group, name, _ in parts_of(file):
        modules += [point.module for point in entry_points(group=group) if point.name == name]
    for point in points:
        try:
            facts: Iterable[object] = point.load()(modules)
        except (ImportError, AttributeError) as error:
            step.observe(f"{point.value} cannot be loaded: {error}")
            continue
        for fact in facts:
            step.observe(str(fact))
    if not step.evidence:
        step.observe("the drivers of this bench rely on none")
