"""A small scripted host: pyserial, counted bytes, and a clock. It shares no code with the drivers."""

from __future__ import annotations

import threading
import time

import serial

import drivers.virtual.clock
from energy.instruments import Traffic


class Host:
    def __init__(self, url, clock, baud=115200):
        self.port = serial.serial_for_url(url, baudrate=baud, timeout=0)
        self.clock = clock
        self.traffic = Traffic()
        self.buffer = b""
        clock.attach(url, self.traffic)

    def write(self, data: bytes):
        self.port.write(data)
        self.traffic.sent += len(data)

    def poll(self):
        data = self.port.read(65536)
        self.buffer += data
        self.traffic.received += len(data)
        return len(data)

    def line(self, timeout=30.0):
        end = self.clock.now() + timeout
        while b"\n" not in self.buffer:
            if not self.poll():
                if self.clock.now() >= end:
                    raise TimeoutError(self.buffer)
                self.clock.wait(0.05)
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line.decode("latin-1").rstrip("\r")

    def until(self, last, timeout=600.0):
        """All lines up to this one."""
        end = self.clock.now() + timeout
        lines = [self.line(timeout)]
        while lines[-1] != last:
            lines.append(self.line(end - self.clock.now()))
        return lines

    def ask(self, command, last="m-ready"):
        self.write(command.encode("latin-1"))
        return self.until(last)

    def quiet(self, seconds):
        """Everything that comes within a time."""
        end = self.clock.now() + seconds
        while self.poll() or self.clock.now() < end:
            self.clock.wait(min(0.05, max(end - self.clock.now(), 0)))
        text, self.buffer = self.buffer, b""
        return text

    def close(self):
        self.port.close()


class Recorder:
    """A thread that reads a port all the time, as a monitor's driver does.

    On a busy machine it waits for its turn, so the virtual clock is patient from now on; conftest.py resets
    that.
    """

    def __init__(self, host):
        drivers.virtual.clock.PATIENCE_S = 10.0
        self.host = host
        self.data, host.buffer = bytearray(host.buffer), b""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._stop.is_set():
            data = self.host.port.read(65536)
            if not data:
                time.sleep(50e-6)
            self.data += data
            self.host.traffic.received += len(data)

    def stop(self):
        self.host.clock.sleep(1e-6)  # which waits for what is on its way
        self._stop.set()
        self._thread.join()
