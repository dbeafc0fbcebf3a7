"""Opening a serial port, and what can be wrong with one: each error with what to try next."""

from __future__ import annotations

import errno
import sys

import serial

from energy.errors import BenchError


def open_port(url: str, baud: int, write_timeout_s: float) -> serial.Serial:
    """Opens a port, 8N1, for non-blocking reads, for us alone.

    Args:
        url: What pyserial's ``serial_for_url`` takes.
        baud: Line rate.
        write_timeout_s: How long a write may be stuck.

    Raises:
        BenchError: ``link.missing``, ``link.permission``, ``link.busy``, ``link.refused``, ``link.baud``,
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
            raise BenchError(
                "link.baud",
                f"port {url} cannot be set to {baud} baud: {text}",
                "Ask for a rate that this adapter and operating system offer (115200 works everywhere).",
            ) from error
        raise BenchError(
            "link.open-failed",
            f"port {url} cannot be opened: {text}",
            "A port is a device path (/dev/ttyACM0, COM3) or a URL like socket://host:port.",
        ) from error


def _not_opened(url: str, error: serial.SerialException) -> BenchError:
    text = str(error)
    number = error.errno
    message = f"port {url} cannot be opened: {text}"
    if number == errno.ENOENT or "FileNotFoundError" in text:
        return BenchError(
            "link.missing",
            message,
            "Is it plugged in? `joulebench list` shows what is there; after plugging it in anew its name may "
            "have changed: /dev/serial/by-id/ names do not.",
        )
    if number in (errno.EACCES, errno.EPERM) or "PermissionError" in text:
        return BenchError("link.permission", message, _permission_hint())
    if number in (errno.EBUSY, errno.EAGAIN) or "exclusively lock" in text:
        return BenchError(
            "link.busy",
            message,
            "Another program has it: close terminals and IDEs; ModemManager grabs new ports for a while.",
        )
    if "refused" in text or "timed out" in text:
        return BenchError(
            "link.refused", message, "Nobody listens there: is the server (or the virtual bench) running?"
        )
    return BenchError("link.open-failed", message, "Unplug it, plug it in again, and look at its name.")


def _permission_hint() -> str:
    if sys.platform.startswith("linux"):
        return (
            "Your user may not open serial ports: `sudo usermod -aG dialout $USER` (uucp on Arch), then log "
            "out and in."
        )
    return "Another program has it, or your user may not open serial ports."


def lost_port(url: str, wire: str, cause: Exception) -> BenchError:
    """The error for a port that was there and is not any more."""
    return BenchError(
        "link.unplugged",
        f"the port {url} ({wire}) was open and is gone: {cause}",
        f"Check the USB cable of {wire} and its power; a hub that browns out does this, too.",
    )


def stalled_port(url: str, wire: str, seconds: float) -> BenchError:
    """The error for a port that takes no more bytes."""
    return BenchError(
        "link.stalled",
        f"the port {url} ({wire}) has taken no byte for {seconds:g} s",
        f"The instrument behind {wire} does not read: power it anew; check that it is the right port.",
    )
