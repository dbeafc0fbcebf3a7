"""A twin's port on a pseudo-terminal: a host opens a serial device, baud rate included. POSIX only."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import sys
import termios
import tty

from drivers.virtual.ports import Port

_TCGETS2 = 0x802C542A
"""Linux: the request for any baud rate, such as 3686400, which the old list does not have (ioctl_tty(2))."""

_TERMIOS2 = struct.Struct("4IB19s2I")
"""Linux's ``struct termios2``: four flag words, discipline, control characters, input and output speed."""

_READ = 65536


class PtyPort(Port):
    """A pseudo-terminal; its url is the device's path."""

    def __init__(self) -> None:
        self._master, slave = pty.openpty()
        tty.setraw(slave)
        super().__init__(os.ttyname(slave))
        os.close(slave)  # from now on, reading shows whether a host has it open
        os.set_blocking(self._master, False)

    @property
    def baud(self) -> int | None:
        """Baud rate that the host has set."""
        if self.unplugged:
            return None
        if sys.platform == "linux":
            answer = fcntl.ioctl(self._master, _TCGETS2, bytes(_TERMIOS2.size))
            return _TERMIOS2.unpack(answer)[-1]
        return termios.tcgetattr(self._master)[5]

    def _read(self) -> bytes | None:
        try:
            return os.read(self._master, _READ) or None
        except BlockingIOError:
            return b""
        except OSError:  # EIO: no host has the other end open
            return None

    def _send(self, data: bytes | bytearray) -> int:
        try:
            return os.write(self._master, data)
        except BlockingIOError:
            return 0
        except OSError:
            return len(data)

    def _shut(self) -> None:
        os.close(self._master)
