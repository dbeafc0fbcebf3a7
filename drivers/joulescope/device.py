"""A Joulescope through ``pyjoulescope_driver.Driver``: search, settings, read-back (joulescope.md 1.1, 1.3).

The driver sets and reads everything by topics (``publish``, ``query``, ``subscribe``). For the JS110 the
meaning of a topic's values follows from the package's own tables; a JS220 sends them as metadata.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol, TypeVar

from drivers.unverified import Unverified
from energy.errors import BenchError
from energy.instruments import Clock, Line, Transcript, log_line

TICKS_HZ = 2_000_000
"""Frequency of ``sample_id``, in which every stream of either model counts (joulescope.md 1.3)."""

Callback = Callable[[str, Any], None]
_Result = TypeVar("_Result")

_UDEV = (
    "Plug it in by USB. On Linux its udev rules (72-joulescope.rules, from Jetperch) must be installed: "
    "otherwise only root may open it. `python -m pyjoulescope_driver scan` must list it."
)


UNVERIFIED = (
    Unverified(
        "JS220",
        "A JS220 numbers its six ranges 0 to 5 from the largest down, as protocols.md 5 lists them.",
        "names of ranges in the record, or a setting that is refused",
        "set each range once and read `session.json`",
    ),
)
"""Facts that no hardware has confirmed (docs/reference/unverified.md)."""


class JsDriver(Protocol):
    """The used part of ``pyjoulescope_driver.Driver``."""

    log_level: Any

    def device_paths(self, timeout: float | None = None) -> list[str]:
        """Paths of the instruments that are plugged in."""
        ...

    def open(self, device_prefix: str, mode: Any = None, timeout: float | None = None) -> None:
        """Opens an instrument."""
        ...

    def close(self, device_prefix: str, timeout: float | None = None) -> None:
        """Closes an instrument."""
        ...

    def publish(self, topic: str, value: Any, timeout: float | None = None) -> None:
        """Sets a topic."""
        ...

    def query(self, topic: str, timeout: float | None = None) -> Any:
        """Reads a topic's value."""
        ...

    def subscribe(self, topic: str, flags: Any, fn: Callback, timeout: float | None = None) -> None:
        """Calls a function with each new value of a topic."""
        ...

    def unsubscribe(self, topic: str, fn: Callback, timeout: float | None = None) -> None:
        """Ends a subscription."""
        ...

    def finalize(self, timeout: float | None = None) -> None:
        """Ends the driver."""
        ...


@dataclass(frozen=True, slots=True)
class Model:
    """Differences between the models.

    Attributes:
        name: ``"JS220"``.
        factor: Units of ``sample_id`` per sample of current and voltage at full rate.
        statistics_hz: Samples per second in the count ``s/stats/scnt``.
        current_ranges: Name and upper end in ampere of the ranges that can be selected.
        voltage_ranges: Likewise, in volt.
        range_names: Meaning of the values of ``s/i/range/!data``.
        inputs: Digital inputs that can be streamed.
        ids_tell_losses: Whether ``sample_id`` shows lost samples by a jump.
    """

    name: str
    factor: int
    statistics_hz: int
    current_ranges: tuple[tuple[str, float], ...]
    voltage_ranges: tuple[tuple[str, float], ...]
    range_names: dict[int, str]
    inputs: tuple[int, ...]
    ids_tell_losses: bool

    @property
    def rate_hz(self) -> float:
        """Samples of current and voltage per second at full rate."""
        return TICKS_HZ / self.factor


_SMALL_RANGES = (("180 mA", 0.18), ("18 mA", 18e-3), ("1.8 mA", 1.8e-3), ("180 µA", 180e-6), ("18 µA", 18e-6))

JS110 = Model(
    "JS110",
    factor=1,
    statistics_hz=2_000_000,
    current_ranges=(("10 A", 10.0), ("2 A", 2.0), *_SMALL_RANGES),
    voltage_ranges=(("15 V", 15.0), ("5 V", 5.0)),
    range_names={
        **dict(enumerate(("10 A", "2 A", "180 mA", "18 mA", "1.8 mA", "180 µA", "18 µA", "off"))),
        8: "missing",
    },
    inputs=(0, 1),
    ids_tell_losses=False,
)
JS220 = Model(
    "JS220",
    factor=2,
    statistics_hz=1_000_000,
    current_ranges=(("10 A", 10.0), *_SMALL_RANGES),
    voltage_ranges=(("15 V", 15.0), ("2 V", 2.0)),
    range_names=dict(enumerate(("10 A", "180 mA", "18 mA", "1.8 mA", "180 µA", "18 µA"))),
    inputs=(0, 1, 2, 3, 7),
    ids_tell_losses=True,
)
MODELS = {"js110": JS110, "js220": JS220}


def make_real_driver() -> JsDriver:
    """Makes the real driver.

    Raises:
        BenchError: ``joulescope.package`` if it is not installed or does not start.
    """
    try:
        # Imported late: slow, and it need not be installed.
        package: Any = import_module("pyjoulescope_driver")
        driver: JsDriver = package.Driver()
    except (ImportError, OSError, RuntimeError) as error:
        raise BenchError(
            "joulescope.package",
            f"the Python package pyjoulescope_driver cannot be used: {error}",
            "Install joulebench[joulescope].",
        ) from error
    return driver


def find_device(driver: JsDriver, url: str) -> str:
    """Finds the path of the instrument that a bench file names.

    Args:
        driver: Lists the instruments that are plugged in.
        url: A device path (``"u/js220/000415"``), or ``"joulescope"`` for the only one.

    Raises:
        BenchError: ``joulescope.none``, ``joulescope.many``, ``joulescope.missing``, ``joulescope.model``.
    """
    paths = call("the list of instruments", url, driver.device_paths)
    found = ", ".join(paths)
    if url == "joulescope":
        if not paths:
            raise BenchError("joulescope.none", "no Joulescope was found", _UDEV)
        if len(paths) > 1:
            raise BenchError(
                "joulescope.many",
                f"one Joulescope was expected, but {len(paths)} are plugged in: {found}",
                "Write one of these paths as the monitor's `port` in the bench file.",
            )
        return paths[0]
    path = url.rstrip("/")
    if path not in paths:
        raise BenchError(
            "joulescope.missing" if paths else "joulescope.none",
            f"the Joulescope {path} was expected, but found: {found or 'none'}",
            _UDEV,
        )
    return path


def model_of(path: str) -> Model:
    """The model in a device path.

    Raises:
        BenchError: ``joulescope.model`` for a model that this driver does not know (such as the JS320).
    """
    parts = path.split("/")
    model = MODELS.get(parts[1].lower()) if len(parts) == 3 else None
    if model is None:
        raise BenchError(
            "joulescope.model",
            f"{path} is not a Joulescope that joulebench can read; it can read {', '.join(sorted(MODELS))}",
            "A JS320 has another, untested format of streams; use a JS110 or JS220.",
        )
    return model


def call(what: str, path: str, function: Callable[[], _Result]) -> _Result:
    """Calls the driver and converts its exceptions.

    Raises:
        BenchError: ``joulescope.timeout``, ``joulescope.command``.
    """
    try:
        return function()
    except TimeoutError as error:
        raise BenchError(
            "joulescope.timeout",
            f"the Joulescope {path} did not answer {what}: {error}",
            "Unplug it and plug it in again; another program (the Joulescope UI) may be using it.",
        ) from error
    except RuntimeError as error:
        raise BenchError(
            "joulescope.command",
            f"the Joulescope {path} refused {what}: {error}",
            "Close other programs that use it (the Joulescope UI); update its firmware.",
        ) from error


def removed(path: str) -> BenchError:
    """The error for an instrument that is no longer plugged in."""
    return BenchError(
        "joulescope.removed",
        f"the Joulescope {path} has disappeared from its USB port",
        "Check its cable and the hub's power.",
    )


class Device:
    """An open instrument.

    Args:
        driver: Its driver, which this device then owns.
        path: Its path.
        clock: Clock of the transcript's time stamps.
        transcript: Receives a line for every topic that is set or read.

    Raises (all methods):
        BenchError: ``joulescope.timeout``, ``joulescope.command``; ``joulescope.readback`` from ``set``.
    """

    def __init__(self, driver: JsDriver, path: str, clock: Clock, transcript: Transcript) -> None:
        self.path = path
        self.model = model_of(path)
        self._driver, self._clock, self._transcript = driver, clock, transcript
        self._open = True
        # The default is off (-1), and dropped packets show only as warnings (joulescope.md 1.3).
        driver.log_level = "warning"
        # "defaults": settings of another program (scales, filters) must have no effect.
        call("open", path, lambda: driver.open(path, "defaults"))

    def set(self, topic: str, value: int | str) -> Any:
        """Sets a topic's value and reads it back.

        Returns:
            The value that was read: the same value, or the number that its metadata have for its name.
        """
        self.publish(topic, value)
        read = self.query(topic)
        if not _same(value, read, self._options(topic)):
            raise BenchError(
                "joulescope.readback",
                f"{topic} of the Joulescope {self.path} was set to {value!r} and reads back as {read!r}",
                "Unplug it and plug it in again; update its firmware; close other programs that use it.",
            )
        return read

    def publish(self, topic: str, value: int | str) -> None:
        """Sets a topic's value and waits until the driver has processed it."""
        self._note(True, f"{topic} = {value}")
        call(
            f"{topic} = {value}", self.path, lambda: self._driver.publish(f"{self.path}/{topic}", value, None)
        )

    def query(self, topic: str) -> Any:
        """Reads a topic's value."""
        value = call(f"{topic}?", self.path, lambda: self._driver.query(f"{self.path}/{topic}", None))
        self._note(False, f"{topic} = {value}")
        return value

    def version(self, topic: str) -> str:
        """Reads a version: major, minor and patch in 8, 8 and 16 bits. Empty if there is none."""
        try:
            value = int(self.query(topic))
        except (BenchError, TypeError, ValueError):
            return ""
        return f"{value >> 24 & 0xFF}.{value >> 16 & 0xFF}.{value & 0xFFFF}"

    def subscribe(self, topic: str, callback: Callback) -> None:
        """Calls a function with each value of a topic, in the driver's thread."""
        whole = self._topic(topic)
        call(f"subscribing {topic}", self.path, lambda: self._driver.subscribe(whole, "pub", callback))

    def unsubscribe(self, topic: str, callback: Callback) -> None:
        """Ends a subscription; needs the very same function object."""
        call(
            f"unsubscribing {topic}",
            self.path,
            lambda: self._driver.unsubscribe(self._topic(topic), callback),
        )

    def check(self) -> None:
        """Checks that the instrument is plugged in, by the driver's list and not by a command.

        Raises:
            BenchError: ``joulescope.removed``, and the errors of every call.
        """
        if self.path not in call("the list of instruments", self.path, self._driver.device_paths):
            raise removed(self.path)

    def close(self) -> None:
        """Closes the instrument and the driver. May be called again."""
        if not self._open:
            return
        self._open = False
        try:
            call("close", self.path, lambda: self._driver.close(self.path))
        finally:
            self._driver.finalize()

    def _topic(self, topic: str) -> str:
        return topic if topic.startswith("@") else f"{self.path}/{topic}"

    def _options(self, topic: str) -> list[list[Any]]:
        """Values of a topic in its metadata: rows of a number and its names."""
        found: list[Any] = []

        def take(_: str, value: Any) -> None:
            found.append(value)

        whole = f"{self.path}/{topic}"
        try:
            self._driver.subscribe(whole, "metadata_rsp_retain", take)
            self._driver.unsubscribe(whole, take)
        except (RuntimeError, TimeoutError):
            return []
        for meta in found:
            if isinstance(meta, dict) and isinstance(meta.get("options"), list):  # pyright: ignore[reportUnknownMemberType]
                return meta["options"]  # pyright: ignore[reportUnknownVariableType]
        return []

    def _note(self, sent: bool, text: str) -> None:
        line = Line(self._clock.now(), "monitor", sent, text)
        log_line(line)
        self._transcript(line)


def _plain(value: Any) -> str:
    """A value in the form for comparison: the package's tables write 3.3V and 15 V, µA and uA."""
    return str(value).replace(" ", "").replace("µ", "u").replace("μ", "u").lower()


def _same(value: int | str, read: Any, options: list[list[Any]]) -> bool:
    """Whether the value that was read is the one that was set, by itself or by a name in the metadata."""
    if read is None:
        return False
    if _plain(read) == _plain(value):
        return True
    for row in options:
        names = {_plain(name) for name in row}
        if _plain(value) in names:
            return _plain(read) in names
    # Without metadata a name cannot be compared with a number; the settings contain both.
    return isinstance(value, str) and not options and isinstance(read, int)
