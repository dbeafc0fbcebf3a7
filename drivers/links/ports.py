"""Opens serial ports; each error has a hint."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Callable, Iterable
from typing import Any

import serial

from energy.instruments import BaudRateError, LinkError

_READ = 65536
_FULL = 2048
"""Size of a read that another read follows at once: a tty delivers at most 4 KiB at a time."""


def open_port(url: str, baud: int, write_timeout_s: float) -> serial.Serial:
    """Opens a port, 8N1, for non-blocking reads, exclusively.

    Args:
        url: URL or device for pyserial's ``serial_for_url``.
        baud: Baud rate.
        write_timeout_s: Longest time that a write may block.

    Raises:
        LinkError: ``link.missing``, ``link.permission``, ``link.busy``, ``link.refused``, ``link.baud``,
            ``link.open-failed``.
    """
    try:
        return serial.serial_for_url(
            url, baudrate=baud, timeout=0, write_timeout=write_timeout_s, exclusive=True
        )
    except serial.SerialException as error:
        raise _not_opened(url, error) from error
    except (ValueError, OSError) as error:
        text = str(error)
        if "baud" in text.lower():
            raise BaudRateError(
                "link.baud",
                f"port {url} cannot be set to {baud} baud: {text}",
                "Choose a rate that this adapter and operating system support (115200 works everywhere).",
            ) from error
        raise LinkError(
            "link.open-failed",
            f"port {url} cannot be opened: {text}",
            "A port is a device path (/dev/ttyACM0, COM3) or a URL such as socket://host:port.",
        ) from error


def reader_of(port: serial.Serial) -> Callable[[], bytes]:
    """A function that reads the bytes that have arrived at a port; it is called when the port is readable.

    On POSIX it reads a serial port's descriptor itself. pyserial would ask the operating system once more
    whether there are bytes, which takes as long as reading the 4095 that a tty delivers at most.

    Raises (the function):
        SerialException, OSError: The device is gone.
        TypeError, ValueError: Another thread has closed the port.
    """
    if os.name != "posix" or type(port) is not serial.Serial:
        return lambda: port.read(_READ)

    def read() -> bytes:
        chunk = b""
        with contextlib.suppress(BlockingIOError):
            chunk = os.read(port.fileno(), _READ)
            if not chunk:
                raise serial.SerialException("it is ready to be read, but returns no data")
            while _FULL <= len(chunk) < _READ and (more := os.read(port.fileno(), _READ)):
                chunk += more
        return chunk

    return read


def usb_serial_number(url: str, ports: Callable[[], Iterable[Any]] | None = None) -> str:
    """The serial number that a port's USB device states; empty for a port that is not on USB.

    Args:
        url: The port, or a link to it (``/dev/serial/by-id/...``).
        ports: Lists ports as ``serial.tools.list_ports`` does.
    """
    if ports is None:
        from serial.tools import list_ports  # imported late: slow, and few drivers need it

        ports = list_ports.comports
    wanted = {url, os.path.realpath(url)}
    found = (port for port in ports() if wanted & {str(port.device), os.path.realpath(str(port.device))})
    return next((str(port.serial_number or "") for port in found), "")


def _not_opened(url: str, error: serial.SerialException) -> LinkError:
    text = str(error)
    number = error.errno
    message = f"port {url} cannot be opened: {text}"
    if number == errno.ENOENT or "FileNotFoundError" in text:
        return LinkError(
            "link.missing",
            message,
            "Is it plugged in? `joulebench list` shows the ports. When it is plugged in again, its name may "
            "change; names in /dev/serial/by-id/ do not.",
        )
    if number in (errno.EACCES, errno.EPERM) or "PermissionError" in text:
        return LinkError("link.permission", message, _permission_hint())
    if number in (errno.EBUSY, errno.EAGAIN) or "exclusively lock" in text:
        return LinkError(
            "link.busy",
            message,
            "Another program uses it: close terminals and IDEs; ModemManager uses new ports for a while.",
        )
    if "refused" in text or "timed out" in text:
        return LinkError(
            "link.refused",
            message,
            "No program listens at this address: is the server (or the virtual bench) running?",
        )
    return LinkError("link.open-failed", message, "Unplug it, plug it in again, and check its name.")


def _permission_hint() -> str:
    if sys.platform.startswith("linux"):
        return (
            "Your user may not open serial ports: `sudo usermod -aG dialout $USER` (uucp on Arch), then log "
            "out and in."
        )
    return "Another program uses it, or your user may not open serial ports."


def lost_port(url: str, wire: str, cause: Exception) -> LinkError:
    """The error for a port that was open and has disappeared."""
    return LinkError(
        "link.unplugged",
        f"the port {url} ({wire}) was open and has disappeared: {cause}",
        f"Check the USB cable of {wire} and its power; a hub with too little power also causes this.",
    )


def stalled_port(url: str, wire: str, seconds: float) -> LinkError:
    """The error for a port that accepts no more bytes."""
    return LinkError(
        "link.stalled",
        f"the port {url} ({wire}) has accepted no byte for {seconds:g} s",
        f"The instrument on {wire} does not read: switch its power off and on; check that this is its port.",
    )
