"""Ports and what their USB devices state."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from drivers.links.ports import usb_serial_number


def ports(*rows):
    return lambda: [SimpleNamespace(device=str(device), serial_number=serial) for device, serial in rows]


@pytest.mark.parametrize("by", ["device", "link"])
def test_a_ports_serial_number_is_its_usb_devices_also_by_a_stable_name(tmp_path, by):
    device, other = tmp_path / "ttyACM0", tmp_path / "ttyACM1"
    device.touch()
    other.touch()
    link = tmp_path / "usb-Nordic_PPK2-if01"
    link.symlink_to(device)
    listed = ports((other, "B"), (device, "A"))
    assert usb_serial_number(str(device if by == "device" else link), listed) == "A"


@pytest.mark.parametrize("url", ["socket://127.0.0.1:4000", "/dev/pts/3"])
def test_a_port_that_is_not_on_usb_has_no_serial_number(url):
    assert usb_serial_number(url, ports(("/dev/ttyACM0", "A"), ("/dev/ttyS0", None))) == ""
    assert usb_serial_number("/dev/ttyS0", ports(("/dev/ttyS0", None))) == ""
