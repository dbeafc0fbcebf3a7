"""Feeds USB packets of a JS110 to the ``joulescope`` package's own legacy driver: a program for the tests.

``JOULESCOPE_BACKEND=0 python -m tests.monitors.joulescope_v0 packets.npy calibration.dat out.npz`` lets the
package's device thread, unpacking, calibration and stream buffer run for real, over a fake USB device
(joulescope.md 1.4, Seam B).
"""

from __future__ import annotations

import struct
import sys
import time
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np

# The package's way to real USB devices wants the system's libusb, which need not be here: it is the one part
# that the fake device takes the place of.
usb = sys.modules["joulescope.v0.usb.libusb.device"] = ModuleType("joulescope.v0.usb.libusb.device")
usb.LibUsbDevice = usb.scan = usb.DeviceNotify = None

driver = import_module("joulescope.v0.driver")
DeviceDriverApi = import_module("joulescope.v0.usb.api").DeviceDriverApi
ControlTransferResponse = import_module("joulescope.v0.usb.core").ControlTransferResponse

PER_CALL = 64
FIELDS = ["current", "voltage", "current_range", "current_lsb"]


class FakeUsb(DeviceDriverApi):
    """A JS110 on USB that sends what it was given."""

    def __init__(self, packets, calibration):
        self._packets, self._calibration = packets, calibration
        self._stream = None
        self.at = 0

    def __str__(self):
        return "JS110:000000"

    serial_number = "000000"

    def open(self, event_callback_fn):
        pass

    def close(self):
        pass

    def signal(self):
        pass

    def status(self):
        return {"endpoints": {}}

    def control_transfer_out(self, cbk_fn, recipient, type_, request, value=0, index=0, data=None):
        cbk_fn(ControlTransferResponse(None, 0))
        return True

    def control_transfer_in(self, cbk_fn, recipient, type_, request, value, index, length):
        cbk_fn(ControlTransferResponse(None, 0, self._answer(request, index, length)))
        return True

    def _answer(self, request, index, length):
        if request == driver.UsbdRequest.CALIBRATION:
            return self._calibration[index : index + length]
        if request == driver.UsbdRequest.SERIAL_NUMBER:
            return bytes(16)
        if request == driver.UsbdRequest.INFO:
            return b"{}"
        assert request == driver.UsbdRequest.STATUS
        head = struct.pack("<BBBBI", driver.HOST_API_VERSION, 24, driver.PacketType.STATUS, 0, 0)
        return head + struct.pack("<iIIBBBx", 0, 0, 0, 0, 0, 0)

    def read_stream_start(self, endpoint_id, transfers, block_size, data_fn, process_fn, stop_fn):
        self._stream = (data_fn, process_fn)

    def read_stream_stop(self, endpoint_id):
        self._stream = None

    def process(self, timeout=None):
        if self._stream is None or self.at >= len(self._packets):
            time.sleep(0.001)
            return
        data_fn, process_fn = self._stream
        data_fn(self._packets[self.at : self.at + PER_CALL].reshape(-1))
        process_fn()
        self.at += PER_CALL


def main(packets, calibration, out):
    usb = FakeUsb(np.load(packets), Path(calibration).read_bytes())
    device = driver.Device(usb)
    device.parameter_set("buffer_duration", 2)
    device.open()
    device.parameter_set("current_ranging", "off")  # no filter over changes of range
    device.parameter_set("current_lsb", "gpi0")
    device.start()
    end = time.monotonic() + 30.0
    while usb.at < len(usb._packets) and time.monotonic() < end:
        time.sleep(0.002)
    device.stop()
    buffer = device.stream_buffer
    samples = buffer.samples_get(*buffer.sample_id_range, fields=FIELDS)
    np.savez(
        out,
        missing=buffer.status()["sample_missing_count"]["value"],
        **{name: np.array(samples["signals"][name]["value"]) for name in FIELDS},
    )
    device.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
