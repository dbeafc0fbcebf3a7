"""Jetperch Joulescope JS110 and JS220: monitors with a digital input (joulescope.md 1, protocols.md 5).

They observe a supply and are not a supply. They are read at full rate only: the filters of lower rates spread
energy over a window's edges (joulescope.md 1.3). The driver follows the message contract of
pyjoulescope_driver 2.2 and is tested with a fake driver; it never ran with an instrument here.

A stream that stops is reported within 1 s, an unplugged instrument at once. The voltage of the supply is
measured, too: ``check`` reports a voltage that breaks down or is zero.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from typing import Any

from drivers.joulescope.accuracy import accuracy_lines
from drivers.joulescope.acquisition import Acquisition
from drivers.joulescope.device import (
    JS110,
    MODELS,
    Device,
    JsDriver,
    Model,
    find_device,
    make_real_driver,
    model_of,
)
from drivers.joulescope.stream import Level, Stream
from energy.errors import BenchError
from energy.instruments import (
    Accuracy,
    Clock,
    Identity,
    MonitorLimits,
    OwnEnergy,
    Setup,
    Sink,
    Transcript,
    output_off,
    over_current,
)
from energy.signal import SampleKind, Signal

_DEFAULTS: dict[str, Any] = {
    "gpi": 0,
    "vref": "external",
    "io_voltage": "3.3V",
    "current_range": "auto",
    "voltage_range": "",
    "statistics_hz": 2.0,
    "buffer_mb": 64.0,
    "clock_tolerance": 500e-6,
}
_BROKEN_DOWN = 0.5
"""Smallest sound voltage, as a fraction of the voltage that was seen before."""
_LIMITED = 0.9
"""Smallest limit of current of a supply, as a fraction of its setting."""
_NOT_SETTINGS = frozenset(("virtual", "make_driver"))
_IO_VOLTAGES = ("1.8V", "2.1V", "2.5V", "2.7V", "3.0V", "3.3V", "3.6V", "5.0V")


class Joulescope:
    """A Joulescope: an ``energy.instruments`` Monitor.

    Args:
        device: The instrument, open.
        options: Settings for ``open_joulescope``, complete.
        clock: The bench's clock.
        virtual: Whether it is a twin.

    Raises (all methods):
        BenchError: Those of ``Device``; ``joulescope.rate``, ``joulescope.range``, ``joulescope.setting`` for
            an impossible setting; ``joulescope.removed``, ``joulescope.output-off``, ``bench.current`` from
            ``check``. To the sink: those of ``Acquisition``.
    """

    delivery_delay_s = 0.0

    def __init__(
        self, device: Device, options: dict[str, Any], clock: Clock, *, virtual: bool = False
    ) -> None:
        self._device, self._options, self._clock, self._virtual = device, options, clock, virtual
        self._model = device.model
        self.limits = MonitorLimits(
            lowest_v=0.0,
            highest_v=max(volts for _, volts in self._model.voltage_ranges),
            highest_a=max(amperes for _, amperes in self._model.current_ranges),
            rates_hz=(self._model.rate_hz,),
            sees_edges=True,
            sees_levels=True,
            sources=False,
            full_rate_hz=self._model.rate_hz,
        )
        self._settings: dict[str, Any] = {}
        self._setup: Setup | None = None
        self._acquisition: Acquisition | None = None
        self._level = Level()
        self._ceiling_a = math.inf
        self._own: OwnEnergy | None = None
        self._closed = False

    def identify(self) -> Identity:
        """Serial number, from the path; versions of a JS220 (this driver cannot read those of a JS110)."""
        firmware, details = "", dict[str, Any]()
        if self._model is not JS110:
            firmware = self._device.version("c/fw/version")
            details = {
                "hardware": self._device.version("c/hw/version"),
                "fpga": self._device.version("s/fpga/version"),
            }
        serial_number = self._device.path.rsplit("/", 1)[-1]
        return Identity(
            f"Joulescope {self._model.name}",
            serial_number,
            firmware,
            self._device.path,
            self._virtual,
            details,
        )

    def configure(self, setup: Setup) -> Signal:
        """Sets the ranges, then rate, digital input and statistics; each is read back."""
        _check_rate((self._model,), setup.rate_hz)
        current = "auto"
        if self._options["current_range"] != "auto":
            current = self._range("current_range", self._model.current_ranges, setup.highest_a, "A")
        self._ceiling_a = dict(self._model.current_ranges).get(current, math.inf)
        voltage = self._range("voltage_range", self._model.voltage_ranges, setup.highest_v, "V")
        self._settings = {"current_range": None if current == "auto" else current, "voltage_range": voltage}
        if self._model is not JS110:
            self._set("s/v/range/select", voltage)
            self._set("s/v/range/mode", "manual")
            if current == "auto":
                self._set("s/i/range/mode", "auto")
            else:
                self._set("s/i/range/select", current)
                self._set("s/i/range/mode", "manual")
            self._set("c/gpio/vref", self._options["vref"])
        else:
            self._set("s/v/range/select", voltage)
            self._set("s/i/range/select", current)
            self._set("s/extio/voltage", self._options["io_voltage"])
            # Without this the bit shows noise of the ADC (joulescope.md 1.2).
            gpi = self._options["gpi"]
            self._set("s/v/lsb_src" if gpi else "s/i/lsb_src", f"gpi{gpi}")
            for topic in ("s/i/range/mode", "s/i/range/pre", "s/i/range/win", "s/i/range/post"):
                self._settings[topic] = self._device.query(topic)  # its way to bridge changes of range
        self._set("h/fs", round(self._model.rate_hz))
        self._set("s/stats/scnt", round(self._model.statistics_hz / self._options["statistics_hz"]))
        self._setup = setup
        return Signal(SampleKind.CURRENT_VOLTAGE, self._model.rate_hz, "float32")

    def settings(self) -> dict[str, Any]:
        """The settings that were read back, and observations about the last stream."""
        acquisition = self._acquisition
        return {**self._settings, **({"stream": acquisition.notes()} if acquisition else {})}

    def accuracy(self) -> tuple[Accuracy, ...]:
        """By range; most figures are assumed, as the users' guides were not available (protocols.md 7)."""
        return accuracy_lines(self._model)

    def start(self, sink: Sink) -> None:
        """Subscribes, then switches the streams on, the digital input before the samples."""
        if self._setup is None:
            raise RuntimeError("configure must be called before start")
        self.stop()
        gpi = self._options["gpi"] if self._setup.edges == "monitor" else None
        most_bytes = int(self._options["buffer_mb"] * 1e6)
        self._own = None
        self._level = Level(self._ceiling_a)
        acquisition = Acquisition(
            self._device, Stream(self._model, sink, gpi, most_bytes, self._level), sink, gpi, self._clock
        )
        self._acquisition = acquisition
        acquisition.begin()

    def stop(self) -> None:
        """Switches the streams off; the sink gets all messages up to then, and the clock is checked."""
        acquisition = self._acquisition
        if acquisition is not None and acquisition.running:
            acquisition.end(self._options["clock_tolerance"])
            self._own = acquisition.stream.own_energy()

    def temperature_c(self) -> float | None:
        """None: it has no thermometer that is known."""
        return None

    def measured_voltage_v(self) -> float | None:
        """None: its samples hold the voltage."""
        return None

    def own_energy(self) -> OwnEnergy | None:
        """Energy in its statistics. A JS110's are computed on the host (joulescope.md 1.3)."""
        return self._own

    def check(self) -> None:
        """Checks that it is plugged in, and the newest block: a range that saturates, a supply that fails.

        A voltage below half of the highest one so far means that the supply has gone off; if the current is
        at the bench's limit, it means that the supply limits the current.
        """
        acquisition, setup, level = self._acquisition, self._setup, self._level
        if acquisition is None or not acquisition.running:
            self._device.check()
            return
        if acquisition.faulty or setup is None:
            return  # the sink has the fault
        if level.saturated:
            raise over_current(
                f"the current has reached the end of the Joulescope's range, {level.ceiling_a:g} A",
                setup.highest_a,
            )
        if level.mean_v < _BROKEN_DOWN * level.seen_v:
            shown = (
                f"the Joulescope {self._device.path} measures {level.mean_v:.3g} V of {level.seen_v:.3g} V"
            )
            if level.highest_a >= _LIMITED * setup.highest_a:
                raise over_current(
                    f"{shown} at {level.highest_a:.3g} A: the supply limits it", setup.highest_a
                )
            raise output_off("joulescope", f"{shown}: the DUT's supply is off")

    def close(self) -> None:
        """Stops and closes the instrument; if it was removed, that is already reported."""
        if self._closed:
            return
        self._closed = True
        with contextlib.suppress(BenchError):
            self.stop()
        with contextlib.suppress(BenchError):
            self._device.close()

    def _set(self, topic: str, value: int | str) -> None:
        read = self._device.set(topic, value)
        self._settings[topic] = value if str(read) == str(value) else f"{value} (reads back as {read})"

    def _range(self, setting: str, ranges: tuple[tuple[str, float], ...], highest: float, unit: str) -> str:
        """The name of the range that a setting selects.

        If the setting is empty (``""``), the smallest range that contains the bench's limit: it does not
        switch.
        """
        chosen = _spelled(self._options[setting])
        holding = [(limit, name) for name, limit in ranges if limit >= highest * (1 - 1e-9)]
        if not chosen and holding:
            return min(holding)[1]
        for _, name in holding:
            if _spelled(name) == chosen:
                return name
        raise BenchError(
            "joulescope.range",
            f"{setting} = {chosen!r} does not contain the bench's limit of {highest:g} {unit}; "
            f"of a {self._model.name}'s ranges these do: {', '.join(name for _, name in holding) or 'none'}",
            "Choose one of these, or lower the limit in the bench file: a range saturates at its end.",
        )


def open_joulescope(
    url: str, *, settings: dict[str, Any], clock: Clock, transcript: Transcript
) -> Joulescope:
    """Opens a Joulescope: the bench's monitor ``joulescope``.

    Args:
        url: Its device path (``"u/js220/000415"``), or ``"joulescope"`` for the only one that is plugged in.
        settings: ``gpi``, number of the digital input that the DUT's pin is wired to (0); ``vref`` of a
            JS220's inputs (``"external"``, from its Vref pin, or ``"3v3"``), ``io_voltage`` of a JS110's
            (``"3.3V"``); ``current_range`` (``"auto"``); ``voltage_range`` (the smallest that contains the
            bench's limit); ``statistics_hz`` (2); ``buffer_mb`` (64), the size of the buffer for pairing;
            ``clock_tolerance`` (500e-6). ``virtual`` and ``make_driver`` come from the virtual bench.
        clock: The bench's clock.
        transcript: Receives every topic that is set or read.

    Raises:
        BenchError: ``joulescope.setting``, ``joulescope.virtual``, ``joulescope.package``,
            ``joulescope.none``, ``joulescope.many``, ``joulescope.missing``, ``joulescope.model``, and those
            of ``Device``.
    """
    options = _options(settings)
    make: Callable[[], JsDriver] = settings.get("make_driver", make_real_driver)
    if settings.get("virtual") and "make_driver" not in settings:
        raise BenchError(
            "joulescope.virtual",
            "the virtual Joulescope has no port: it runs in the program's own process",
            "Leave process, pace and attach out of the bench file's [virtual] settings.",
        )
    driver = make()
    try:
        path = find_device(driver, url)
        _check_input(model_of(path), options["gpi"])
        device = Device(driver, path, clock, transcript)
    except BenchError:
        driver.finalize()
        raise
    return Joulescope(device, options, clock, virtual=bool(settings.get("virtual", False)))


def check_settings(port: str | None, settings: dict[str, Any], rate_hz: float | None) -> dict[str, Any]:
    """The settings with their defaults, checked with the rate; nothing is opened.

    The port of a bench file may name the model; without it, a value that any model has passes here.

    Raises:
        BenchError: ``joulescope.setting``, ``joulescope.range``, ``joulescope.rate``.
    """
    options = _options(settings)
    named = MODELS.get(port.split("/")[1].lower()) if port is not None and port.count("/") == 2 else None
    models = (named,) if named is not None else tuple(MODELS.values())
    if type(options["gpi"]) is not int or not any(options["gpi"] in model.inputs for model in models):
        _check_input(models[-1], options["gpi"])
    known = {_spelled(name) for model in models for name, _ in model.current_ranges} | {"auto", ""}
    _check_range("current_range", options, known)
    known = {_spelled(name) for model in models for name, _ in model.voltage_ranges} | {""}
    _check_range("voltage_range", options, known)
    if rate_hz is not None:
        _check_rate(models, rate_hz)
    return options


def _spelled(name: Any) -> str:
    """A range's name as it is compared."""
    return str(name).replace("uA", "µA").replace(" ", "")


def _check_range(setting: str, options: dict[str, Any], known: set[str]) -> None:
    """Checks that a model has the range that a setting names.

    Raises:
        BenchError: ``joulescope.range``.
    """
    if _spelled(options[setting]) not in known:
        raise BenchError(
            "joulescope.range",
            f"{setting} = {options[setting]!r} is no range of a Joulescope",
            f"There are: {', '.join(sorted(known - {''}))}.",
        )


def _check_rate(models: tuple[Model, ...], rate_hz: float) -> None:
    """Checks that the rate is the full rate of a model.

    Raises:
        BenchError: ``joulescope.rate``.
    """
    if rate_hz not in [model.rate_hz for model in models]:
        raise BenchError(
            "joulescope.rate",
            " and ".join(
                f"a {model.name} is read at its full rate of {model.rate_hz:g} Hz" for model in models
            )
            + f", not at {rate_hz:g} Hz: lower rates are filtered over the edges of windows",
            'Leave the rate out of the bench file. To save disk space, set keep = "windows" or "levels".',
        )


def _options(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings with their defaults.

    Raises:
        BenchError: ``joulescope.setting``.
    """
    unknown = sorted(set(settings) - set(_DEFAULTS) - _NOT_SETTINGS)
    if unknown:
        raise _wrong(f"a Joulescope has no setting {', '.join(unknown)}, only {', '.join(_DEFAULTS)}")
    options = {name: settings.get(name, default) for name, default in _DEFAULTS.items()}
    for name in ("statistics_hz", "buffer_mb", "clock_tolerance"):
        if type(options[name]) not in (int, float) or not 0 < options[name] < float("inf"):
            raise _wrong(f"{name} is a number above 0, not {options[name]!r}")
    if not 1 <= options["statistics_hz"] <= 1000:
        raise _wrong(f"statistics_hz is between 1 and 1000, not {options['statistics_hz']!r}")
    if options["vref"] not in ("external", "3v3"):
        raise _wrong(f"vref is external or 3v3, not {options['vref']!r}")
    if options["io_voltage"] not in _IO_VOLTAGES:
        raise _wrong(f"io_voltage is one of {', '.join(_IO_VOLTAGES)}, not {options['io_voltage']!r}")
    return options


def _check_input(model: Model, gpi: Any) -> None:
    """Checks that the model has this digital input; the model is known when the instrument is found."""
    if type(gpi) is not int or gpi not in model.inputs:
        raise _wrong(f"the gpi of a {model.name} is one of {', '.join(map(str, model.inputs))}, not {gpi!r}")


def _wrong(message: str) -> BenchError:
    return BenchError("joulescope.setting", message, "Correct the monitor's settings in the bench file.")
