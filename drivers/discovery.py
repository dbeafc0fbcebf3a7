"""Search for instruments that are plugged in: serial ports, Joulescopes, VISA.

Nothing is switched, and no serial port is opened, because opening one resets an Uno. So where a port's USB
numbers are not certain, its entry says "perhaps". Each function returns a survey: a dictionary with
``looked_for`` (text), ``found`` (dictionaries with ``driver``, ``role``, ``port``, ``description``, ``sure``,
``remark``) and ``remarks`` (texts), which ``energy.bench.discovery`` checks.
"""

from __future__ import annotations

import os
import re
import threading
import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from drivers.unverified import Unverified
from energy.errors import BenchError

Survey = dict[str, Any]

_BY_ID = Path("/dev/serial/by-id")
_VISA_S = 8.0
"""Real seconds for the whole search; pyvisa-py alone waits 1 s for answers from the network."""
_ANSWER_MS = 1000
_NOT_OPENED = (
    "your user may not open it: `joulebench list --udev` prints rules that allow it, or join the group "
    "dialout"
)


UNVERIFIED = (
    Unverified(
        "_KNOWN",
        "The USB numbers of a PPK2 (1915:C00A) are from memory; its product string is documented "
        "(protocols.md 6).",
        "what `joulebench list` recognises; no measurement",
        "plug it in and read `joulebench list`",
    ),
)
"""Facts that no hardware has confirmed (docs/reference/unverified.md)."""


@dataclass(frozen=True)
class _Known:
    """An instrument that a pair of USB numbers may be."""

    ids: tuple[tuple[int, int], ...]
    driver: str
    role: str
    name: str
    product: str = ""
    """Text in the product string that makes the instrument certain."""
    otherwise: str = ""
    """Other devices with the same numbers."""


_KNOWN = (
    _Known(  # protocols.md 3.1
        ((0x0483, 0x5740),),
        "lpm01a",
        "monitor",
        "X-NUCLEO-LPM01A",
        "PowerShield",
        "every USB serial port made with ST's example code has these numbers",
    ),
    _Known(  # protocols.md 2.1
        ((0x2341, 0x0043), (0x2341, 0x0001), (0x2A03, 0x0043), (0x2A03, 0x0243)),
        "uno",
        "io_manager",
        "Arduino Uno",
        otherwise="it may have any firmware: it is an IO manager if that firmware is on it",
    ),
    _Known(  # protocols.md 2.2
        ((0x0483, 0x374E),),
        "interface-board",
        "io_manager",
        "STM32H573I-DK interface board",
        otherwise="other ST boards have the same debugger; then it may be the port of a DUT",
    ),
    _Known(
        ((0x1915, 0xC00A),),
        "ppk2",
        "monitor",
        "Nordic PPK2",
        "PPK2",
        "its USB numbers are not verified",
    ),
)


def serial_instruments(
    ports: Callable[[], Iterable[Any]] | None = None, by_id: Path = _BY_ID
) -> dict[str, Any]:
    """Finds serial ports on USB, by their numbers and product strings; names under by-id are preferred.

    Args:
        ports: Lists ports as ``serial.tools.list_ports`` does.
        by_id: Folder of links whose names stay the same when a port is plugged in again.
    """
    if ports is None:
        from serial.tools import list_ports

        ports = list_ports.comports
    stable = _stable_names(by_id)
    found: list[dict[str, Any]] = []
    elsewhere: list[str] = []
    for port in sorted(ports(), key=lambda port: str(port.device)):
        if port.vid is None or port.pid is None:
            elsewhere.append(str(port.device))
        else:
            found.append(_serial_port(port, stable))
    remarks = [f"left out, as not on USB: {', '.join(elsewhere)}"] if elsewhere else []
    return {
        "looked_for": f"serial ports on USB ({', '.join(known.name for known in _KNOWN)}, DUTs)",
        "found": found,
        "remarks": remarks,
    }


def _stable_names(by_id: Path) -> dict[str, str]:
    """Names under by-id, by the path of the device."""
    try:
        return {str(link.resolve()): str(link) for link in sorted(by_id.iterdir())}
    except OSError:  # not Linux, or nothing is plugged in
        return {}


def _serial_port(port: Any, stable: dict[str, str]) -> dict[str, Any]:
    device, product = str(port.device), str(port.product or "")
    name = stable.get(str(Path(device).resolve()), device)
    numbers = f"{port.vid:04X}:{port.pid:04X}"
    entry: dict[str, Any] = {
        "driver": "mlperf-tiny",
        "role": "dut",
        "port": name,
        "description": f"{product or port.description or 'USB serial port'} ({numbers}, {device})",
        "sure": False,
        "remark": "perhaps the DUT, or not a part of the bench",
    }
    known = _known(port.vid, port.pid, product)
    if known is not None:
        sure = bool(known.product) and known.product in product
        entry |= {"driver": known.driver, "role": known.role, "sure": sure}
        entry["remark"] = "" if sure else f"perhaps {_article(known.name)}: {known.otherwise}"
        if known.driver == "ppk2":
            _choose_ppk2_port(entry, str(port.location or ""))
    if os.name == "posix" and Path(device).exists() and not os.access(device, os.R_OK | os.W_OK):
        entry["remark"] = "; ".join(filter(None, (entry["remark"], _NOT_OPENED)))
    return entry


def _known(vid: int, pid: int, product: str) -> _Known | None:
    by_product = [known for known in _KNOWN if known.product and known.product in product]
    by_numbers = [known for known in _KNOWN if (vid, pid) in known.ids]
    return next(iter(by_product + by_numbers), None)


def _choose_ppk2_port(entry: dict[str, Any], location: str) -> None:
    """Selects the port of a PPK2 that takes commands: its location ends in 1 (protocols.md 6)."""
    if not location:
        entry["sure"] = False
        entry["remark"] = "one of the two ports of a PPK2; it is not known which: try the other one, too"
    elif not location.endswith("1"):
        entry |= {"driver": None, "role": None, "remark": "the second port of a PPK2: it takes no commands"}


def _article(name: str) -> str:
    return f"an {name}" if name[0] in "AX" else f"a {name}"


def joulescopes(make_driver: Callable[[], Any] | None = None) -> dict[str, Any]:
    """Finds Joulescopes, by the paths of pyjoulescope_driver (``u/js220/000415``).

    Args:
        make_driver: Makes a ``pyjoulescope_driver.Driver``.
    """
    survey: Survey = {"looked_for": "Joulescope JS110 and JS220", "found": [], "remarks": []}
    try:
        if make_driver is None:
            from drivers.joulescope.device import make_real_driver

            make_driver = make_real_driver
        driver = make_driver()
    except BenchError as error:
        survey["remarks"].append(f"{error}. {error.hint}")
        return survey
    try:
        paths: list[str] = [str(path) for path in driver.device_paths()]
    finally:
        driver.finalize()
    survey["found"] = [_joulescope(path) for path in sorted(paths)]
    return survey


def _joulescope(path: str) -> dict[str, Any]:
    _, _, rest = path.partition("/")
    model, _, number = rest.partition("/")
    supported = model in ("js110", "js220")
    return {
        "driver": "joulescope" if supported else None,
        "role": "monitor" if supported else None,
        "port": path,
        "description": f"Joulescope {model.upper()} {number}".rstrip(),
        "sure": supported,
        "remark": "" if supported else "joulebench has no driver for this model",
    }


_MODELS = (
    # A text in the answer to *IDN? (protocols.md 4.1, 4.2).
    ("N6705", "keysight-n6705", "monitor"),
    ("MODEL 2461", "keithley-2461", "monitor"),
    ("MODEL 2450", "keithley-2450", "monitor"),
)
_ASKED = ("USB", "TCPIP", "GPIB")
"""Not ASRL: opening a serial port resets an Uno, and ``serial_instruments`` lists these ports."""
_USB = re.compile(r"USB\d*::(0[xX][0-9a-fA-F]+|\d+)::(0[xX][0-9a-fA-F]+|\d+)::")
_N6705_USB = (0x0957, 0x0F07)  # protocols.md 4.1


def visa_instruments(
    make_manager: Callable[[], Any] | None = None, timeout_s: float = _VISA_S
) -> dict[str, Any]:
    """Finds instruments that VISA lists, and reads the ``*IDN?`` of each; serial ones are left out.

    The search may hang in the network, so it runs in a thread of its own; its results so far count when the
    time is over.

    Args:
        make_manager: Makes a ``pyvisa.ResourceManager``.
        timeout_s: Real seconds for the whole search.
    """
    survey: Survey = {
        "looked_for": "VISA instruments (Keysight N6705, Keithley 2450 and 2461, SCPI supplies)",
        "found": [],
        "remarks": [],
    }
    if make_manager is None:
        make_manager = _pyvisa_manager(survey)
        if make_manager is None:
            return survey
    search = _VisaSearch(make_manager)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about parts that are not installed: our own remark says so once
        search.thread.start()
        search.thread.join(timeout_s)
    survey["found"] = list(search.found)
    survey["remarks"] += list(search.remarks)
    if search.thread.is_alive():
        survey["remarks"].append(
            f"the search for VISA instruments did not end within {timeout_s:g} s ({search.doing}): there may "
            "be more; write their addresses into the bench file, such as TCPIP::192.168.1.5::inst0::INSTR"
        )
    return survey


def _pyvisa_manager(survey: Survey) -> Callable[[], Any] | None:
    try:
        pyvisa = import_module("pyvisa")
        import_module("pyvisa_py")  # the backend; if it is missing, that would only show later
        libusb = import_module("usb.backend.libusb1")
    except ImportError as error:
        survey["remarks"].append(f"VISA instruments are not searched ({error}): install joulebench[visa]")
        return None
    if libusb.get_backend() is None:
        survey["remarks"].append(
            "VISA instruments on USB cannot be seen: pyusb finds no libusb (Debian: apt install libusb-1.0-0)"
        )
    return lambda: pyvisa.ResourceManager("@py")


class _VisaSearch:
    """A search in a thread that may be left behind.

    Attributes:
        found: Entries found so far.
        remarks: Errors so far.
        doing: The present step.
    """

    def __init__(self, make_manager: Callable[[], Any]) -> None:
        self.found: list[dict[str, Any]] = []
        self.remarks: list[str] = []
        self.doing = "starting"
        self._make_manager = make_manager
        self.thread = threading.Thread(target=self._run, name="visa discovery", daemon=True)

    def _run(self) -> None:
        with _Caught() as caught:
            manager = self._make_manager()
            self.doing = "listing"
            for name in sorted(str(name) for name in manager.list_resources("?*::INSTR")):
                if name.upper().startswith(_ASKED):
                    self.found.append(self._entry(manager, name))
            manager.close()
        if caught.error is not None:
            self.remarks.append(f"VISA failed while {self.doing}: {caught.error}")

    def _entry(self, manager: Any, name: str) -> dict[str, Any]:
        self.doing = f"asking {name}"
        answer, problem = _identity(manager, name)
        numbers = _USB.match(name)
        usb = tuple(int(text, 0) for text in numbers.groups()) if numbers else None
        known = next((model for model in _MODELS if model[0] in answer.upper()), None)
        entry: dict[str, Any] = {"port": name, "description": answer or name, "sure": known is not None}
        if known is not None:
            return entry | {"driver": known[1], "role": known[2], "remark": ""}
        if usb == _N6705_USB:
            remark = f"its USB numbers are an N6705's, but {problem}"
            return entry | {"driver": "keysight-n6705", "role": "monitor", "remark": remark}
        if answer:
            return entry | {"driver": "scpi", "role": "supply", "remark": "perhaps a supply with SCPI"}
        return entry | {"driver": None, "role": None, "remark": problem}


def _identity(manager: Any, name: str) -> tuple[str, str]:
    """The answer to ``*IDN?``, and the reason if there is none."""
    began = time.monotonic()
    answer = ""
    with _Caught() as caught:
        instrument = manager.open_resource(name, open_timeout=_ANSWER_MS, timeout=_ANSWER_MS)
        try:
            instrument.write_termination = "\n"
            answer = " ".join(str(instrument.query("*IDN?")).split())
        finally:
            instrument.close()
    if caught.error is None:
        return answer, "its answer to *IDN? is empty"
    return answer, f"it did not answer *IDN? within {time.monotonic() - began:.1f} s: {caught.error}"


class _Caught:
    """Keeps an error of any class, for a remark: pyvisa-py also raises bare ``Exception``."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    def __enter__(self) -> _Caught:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if isinstance(error, Exception):
            self.error = error
        return self.error is not None
