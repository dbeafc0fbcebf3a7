"""Set-up of the N6705: settings, source, external log (protocols.md 4.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from drivers.links.scpi import Scpi
from drivers.links.settings import Choices
from drivers.unverified import STEP, Check, Unverified
from energy.errors import BenchError
from energy.instruments import MonitorLimits, Setup

GRID_S = 20.48e-6
PER_PARAMETER_S = 102.4e-6
"""Shortest period for each value of a record, with ``FORM REAL`` and ``RES20`` (protocols.md 4.1)."""
_HIGHEST_V, _HIGHEST_A = 20.0, 3.0
"""Ranges of the N6781A (protocols.md 7, from memory of its data sheet)."""
_DISCHARGE_S = 3.0
_SHORT_S = 1.0
_EDGE_S = 5e-6
"""Latency of the digital port: stated for the N6900 (protocols.md 4.1)."""

LIMITS = MonitorLimits(
    lowest_v=0.0,
    highest_v=_HIGHEST_V,
    highest_a=_HIGHEST_A,
    rates_hz=(),
    sees_edges=False,
    sources=True,
    starts_on_edge=True,
    # Unknown whether records begin on the grid of 20.48 us or at the trigger: one more step covers both.
    start_latency_s=(0.0, _EDGE_S + GRID_S),
    full_rate_hz=1.0 / (2 * PER_PARAMETER_S),
)

SETTING = Check(
    "a setting that is refused, or a range that is not used: an error, but no wrong figure",
    "run a session; the error queue is read after each setting and kept in `log.txt`",
)
UNVERIFIED = (
    Unverified(
        "_HIGHEST_A", "Ranges of the N6781A, from memory of its data sheet (protocols.md 7).", *SETTING
    ),
    Unverified(
        "_EDGE_S",
        "The digital port's latency is that of the N6900.",
        "the position of every edge of a log that an edge started; its bound contains it",
        STEP,
    ),
    Unverified(
        "LIMITS",
        "Whether records begin on the grid of 20.48 us or at the trigger; the bound covers both.",
        "the position of every edge of a log that an edge started; its bound contains it",
        STEP,
    ),
    Unverified("set_source", "The command `VOLT:SENS:SOUR`.", *SETTING),
    Unverified("_items", "The commands that switch minimum and maximum off.", *SETTING),
    Unverified("_set_range", "The form of the range's commands for the external log.", *SETTING),
)
"""Facts that no hardware has confirmed (docs/reference/unverified.md)."""


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of the N6705 in the bench file.

    Attributes:
        channel: Slot of the module that powers the DUT.
        range_a: Range of current (``range``); None for ``"auto"``.
        four_wire: Whether the sense terminals are wired.
        pin: Pin of the digital port that the DUT's timestamp pin is wired to.
        fetch_s: Time between fetches of the log.
        swapped: Whether values are little-endian (``byte_order = "little"``).
        reset: Whether ``*RST`` is sent first, which switches all outputs off.
        backend: PyVISA's backend.
        timeout_s: Longest time of an answer.
        virtual: Whether it is a twin.
    """

    channel: int
    range_a: float | None
    four_wire: bool
    pin: int
    fetch_s: float
    swapped: bool
    reset: bool
    backend: str
    timeout_s: float
    virtual: bool

    @classmethod
    def of(cls, settings: dict[str, Any]) -> Options:
        """Reads and checks a bench file's settings.

        Raises:
            BenchError: ``n6705.setting``.
        """
        choices = Choices("n6705", settings)
        fixed = not isinstance(settings.get("range", "auto"), str)
        order = choices.pop("byte_order", "big")
        options = cls(
            channel=choices.pop("channel", 1, 1, 4),
            range_a=choices.pop("range", _HIGHEST_A, 1e-6, _HIGHEST_A) if fixed else None,
            four_wire=choices.pop("four_wire", False),
            pin=choices.pop("pin", 1, 1, 7),
            fetch_s=choices.pop("fetch_s", 0.5, 0.05, 5.0),
            swapped=order == "little",
            reset=choices.pop("reset", False),
            backend=choices.pop("backend", "@py"),
            timeout_s=choices.pop("timeout_s", 5.0, 0.1, 60.0),
            virtual=choices.virtual,
        )
        if not fixed and choices.pop("range", "auto") != "auto":
            raise _setting("range", '"auto" or a number of ampere', settings["range"])
        if order not in ("big", "little"):
            raise _setting("byte_order", '"big" or "little"', order)
        choices.finish()
        return options


@dataclass(frozen=True, slots=True)
class LogSetup:
    """Settings of the log that the instrument reports.

    Attributes:
        period_s: Time between records.
        items: Contents of a record.
    """

    period_s: float
    items: tuple[str, ...]


def check_voltage(voltage_v: float, highest_v: float) -> None:
    """Checks that a voltage is within the limits of the bench and the instrument.

    Raises:
        BenchError: ``n6705.voltage``.
    """
    highest_v = min(highest_v, _HIGHEST_V)
    if not 0.0 <= voltage_v <= highest_v:
        raise BenchError(
            "n6705.voltage",
            f"{voltage_v:g} V is not between 0 and {highest_v:g} V, the limit of the bench or of the N6781A",
            "Change the voltage or limits.highest_v in the bench file.",
        )


def check_settings(port: str | None, settings: dict[str, Any], rate_hz: float | None) -> Options:
    """Reads and checks the settings in the bench file and the rate; nothing is opened.

    Raises:
        BenchError: ``n6705.setting``, ``n6705.rate``.
    """
    options = Options.of(settings)
    if rate_hz is not None:
        check_rate(rate_hz)
    return options


def check_rate(rate_hz: float, values: int = 2) -> None:
    """Checks that the log can have this rate.

    Raises:
        BenchError: ``n6705.rate``.
    """
    most_hz = 1.0 / (values * PER_PARAMETER_S)
    if not 0 < rate_hz <= most_hz * (1 + 1e-6):
        raise BenchError(
            "n6705.rate",
            f"the N6705 logs {values} values at most {most_hz:.1f} times a second, not {rate_hz:g} times",
            "Leave rate_hz out of the bench file, or set a lower rate.",
        )


def set_source(scpi: Scpi, options: Options, setup: Setup, record: dict[str, Any]) -> None:
    """Switches off, sets the mode, then the limits; reads each back and empties the error queue.

    Args:
        scpi: The instrument.
        options: The bench file's settings.
        setup: Its limits.
        record: Receives the values that were read back.

    Raises:
        BenchError: ``n6705.readback``, ``n6705.refused``, ``n6705.range``; errors of the link.
    """
    at = f"(@{options.channel})"

    def put(command: str, value: str | float, name: str, tolerance: float = 0.0) -> None:
        shown = value if isinstance(value, str) else f"{value:.6g}"
        record[name] = scpi.set_and_read(f"{command} {shown},{at}", f"{command}? {at}", value, tolerance)
        scpi.check_errors(f"{command} {shown}")

    scpi.set("*RST;*CLS" if options.reset else "*CLS")
    was_on = scpi.number(f"OUTP? {at}") != 0
    scpi.set_and_read(f"OUTP OFF,{at}", f"OUTP? {at}", 0.0)
    if was_on:
        scpi.link.clock.sleep(_DISCHARGE_S)  # capacitors on the output discharge before it is set up
    put("EMUL", "PS2Q", "EMUL")
    put("FUNC", "VOLT", "FUNC")
    # A limit below the bench's is also safe: the module cannot exceed its own limit.
    limit_a, limit_v = min(setup.highest_a, _HIGHEST_A), min(setup.highest_v, _HIGHEST_V)
    put("CURR:LIM", limit_a, "CURR:LIM", 1e-3 * limit_a)
    put("VOLT:PROT:REM", limit_v, "VOLT:PROT:REM", 0.01)
    put("VOLT:SENS:SOUR", "EXT" if options.four_wire else "INT", "VOLT:SENS:SOUR")


def set_log(scpi: Scpi, options: Options, setup: Setup, record: dict[str, Any]) -> LogSetup:
    """Sets the external log: values, period, format, trigger (protocols.md 4.1, steps 1 to 5).

    Raises:
        BenchError: ``n6705.readback``, ``n6705.refused``, ``n6705.range``, ``n6705.period``; errors of the
            link.
    """
    at = f"(@{options.channel})"
    scpi.set(f"ABOR:ELOG {at}")
    scpi.check_errors("ending an earlier log")
    for name in ("CURR", "VOLT"):
        header = f"SENS:ELOG:FUNC:{name}"
        record[header] = scpi.set_and_read(f"{header} ON,{at}", f"{header}? {at}", 1.0)
    items = _items(scpi, at, record)
    _set_range(scpi, options, setup, at, record)
    scpi.check_errors("what to log")
    record["TINT:RES"] = scpi.set_and_read("SENS:SWE:TINT:RES RES20", "SENS:SWE:TINT:RES?", "RES20")
    period_s = _set_period(scpi, 1.0 / setup.rate_hz, at, record)
    check_rate(1.0 / period_s, len(items))
    record["FORM"] = scpi.set_and_read("FORM REAL", "FORM?", "REAL")
    border = "SWAP" if options.swapped else "NORM"
    record["FORM:BORD"] = scpi.set_and_read(f"FORM:BORD {border}", "FORM:BORD?", border)
    scpi.check_errors("the log's period and format")
    if setup.edges == "io":
        pin = f"DIG:PIN{options.pin}"
        record[f"{pin}:FUNC"] = scpi.set_and_read(f"{pin}:FUNC TINP", f"{pin}:FUNC?", "TINP")
        record[f"{pin}:POL"] = scpi.set_and_read(f"{pin}:POL NEG", f"{pin}:POL?", "NEG")
        scpi.check_errors("the trigger pin")
    _set_trigger(scpi, f"PIN{options.pin}" if setup.edges == "io" else "BUS", at, record)
    return LogSetup(period_s, items)


def _items(scpi: Scpi, at: str, record: dict[str, Any]) -> tuple[str, ...]:
    """Contents of a record. Minimum and maximum are switched off, or ignored."""
    items: list[str] = []
    for name, letter in (("CURR", "I"), ("VOLT", "V")):
        header = f"SENS:ELOG:FUNC:{name}:MINM"
        scpi.set(f"{header} OFF,{at}")
        try:
            record[header] = scpi.ask(f"{header}? {at}", _SHORT_S)
        except BenchError as error:
            if error.code != "visa.silent":
                raise
            # Unknown command: then a record has no such values, which the size of the first one shows.
            scpi.link.note(f"({header} is unknown: {' | '.join(scpi.drain_errors())})")
            record[header] = "0"
        items.append(f"{letter}avg")
        if record[header] not in ("0", "+0", "OFF"):
            items += [f"{letter}min", f"{letter}max"]
    return tuple(items)


def _set_range(scpi: Scpi, options: Options, setup: Setup, at: str, record: dict[str, Any]) -> None:
    """Sets seamless ranging, or one range that contains the bench's limit."""
    header = "SENS:ELOG:CURR:RANG"
    if options.range_a is None:
        record[f"{header}:AUTO"] = scpi.set_and_read(f"{header}:AUTO ON,{at}", f"{header}:AUTO? {at}", 1.0)
        return
    if options.range_a < min(setup.highest_a, _HIGHEST_A):
        raise BenchError(
            "n6705.range",
            f"the range of {options.range_a:g} A does not contain the bench's limit of {setup.highest_a:g} A",
            'Set range = "auto" in the monitor\'s settings, or a lower limits.highest_a.',
        )
    record[f"{header}:AUTO"] = scpi.set_and_read(f"{header}:AUTO OFF,{at}", f"{header}:AUTO? {at}", 0.0)
    scpi.set(f"{header} {options.range_a:.6g},{at}")
    chosen_a = scpi.number(f"{header}? {at}")
    record[header] = chosen_a
    if chosen_a < options.range_a * (1 - 1e-3):
        raise BenchError(
            "n6705.range",
            f"a range of {options.range_a:g} A was requested, but {scpi.link.resource} uses {chosen_a:g} A",
            "Choose one of the module's ranges.",
        )


def _set_period(scpi: Scpi, period_s: float, at: str, record: dict[str, Any]) -> float:
    """Sets the period; returns the real period, which is on the grid of 20.48 us."""
    scpi.set(f"SENS:ELOG:PER {period_s:.7E},{at}")
    answered_s = scpi.number(f"SENS:ELOG:PER? {at}")
    record["SENS:ELOG:PER"] = answered_s
    # Six digits identify the step up to about 0.1 s; longer periods are exact enough without it.
    on_grid_s = round(answered_s / GRID_S) * GRID_S
    exact = abs(answered_s - on_grid_s) <= 0.1 * GRID_S
    real_s = on_grid_s if exact else answered_s
    if abs(real_s - period_s) > GRID_S or (not exact and answered_s < 0.1):
        raise BenchError(
            "n6705.period",
            f"a period of {period_s * 1e6:.2f} us was set, but {scpi.link.resource} reports "
            f"{answered_s * 1e6:.2f} us, which is more than one step of 20.48 us away, or not a step",
            "Does another channel log? If not, leave rate_hz out of the bench file.",
        )
    return real_s


def _set_trigger(scpi: Scpi, source: str, at: str, record: dict[str, Any]) -> None:
    """Sends ``TRIG:ELOG:SOUR``, or ``TRIG:TRAN:SOUR`` for older firmware (protocols.md 4.1, step 5)."""
    scpi.set(f"TRIG:ELOG:SOUR {source},{at}")
    refused = scpi.drain_errors()
    record["TRIG:ELOG:SOUR"] = source
    if refused:
        scpi.link.note(f"(TRIG:ELOG:SOUR was refused: {' | '.join(refused)}; older firmware?)")
        del record["TRIG:ELOG:SOUR"]
        scpi.set(f"TRIG:TRAN:SOUR {source},{at}")
        scpi.check_errors(f"TRIG:ELOG:SOUR and TRIG:TRAN:SOUR {source}")
        record["TRIG:TRAN:SOUR"] = source


def _setting(name: str, wanted: str, value: object) -> BenchError:
    return BenchError(
        "n6705.setting", f"the setting {name} is {wanted}, not {value!r}", "See the bench file."
    )
