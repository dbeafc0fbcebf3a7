"""Twin of Nordic's Power Profiler Kit II: supply and monitor, four bytes a sample (protocols.md 6).

The twin has the first of the instrument's two ports.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from drivers.unverified import Unverified
from drivers.virtual.misreading import Misreading
from drivers.virtual.pin import add_low
from drivers.virtual.sampler import Sampler
from drivers.virtual.twin import MonitorTwin, Params, TwinSite
from energy.errors import UsageError

RATE_HZ = 100_000.0
SERIAL = "D3A0123456F7"
SWITCH_POINTS_A = (50e-6, 500e-6, 5e-3, 60e-3)
"""Currents above which the next range is used."""
NOISE_CODES = 0.7
"""Standard deviation of its noise in codes of the ADC: a constant current must not sit on one code."""
CALIBRATION = {
    "R": (1031.4523, 101.8712, 10.1632, 0.9421, 0.0431),
    "GS": (1.0021, 0.9874, 1.0133, 0.9951, 1.0042),
    "GI": (1.0012, 0.9981, 0.9993, 1.0024, 0.9938),
    "O": (112.4, 97.2, 84.1, 91.7, 103.5),
    "S": (2.1e-9, 1.7e-8, 1.1e-7, 1.3e-6, 2.4e-5),
    "I": (-1.2e-8, -9.4e-8, 3.1e-7, -2.2e-6, 1.8e-5),
    "UG": (1.0, 1.0, 1.0, 1.0, 1.0),
}
"""Invented values, near the defaults: an instrument's own coefficients by name and range."""
DEFAULTS = {
    "R": (1031.64, 101.65, 10.15, 0.94, 0.043),
    **dict.fromkeys(("GS", "GI", "UG"), (1.0,) * 5),
    **dict.fromkeys(("O", "S", "I"), (0.0,) * 5),
}
"""Coefficients of a unit that was never calibrated (protocols.md 6)."""

_ARGUMENTS = {0x06: 0, 0x07: 0, 0x0C: 1, 0x0D: 2, 0x11: 1, 0x15: 0, 0x16: 0, 0x19: 0, 0x20: 0}
"""Number of bytes after an opcode. For other opcodes it is not known: the rest of a piece is ignored."""
_LOWEST_MV, _HIGHEST_MV = 800, 5000
_FULL = (1 << 14) - 1

Table = Mapping[str, tuple[float, ...]]


UNVERIFIED = (
    Unverified("SWITCH_POINTS_A", "Currents above which the next range is used."),
    Unverified("_ARGUMENTS", "Numbers of argument bytes of other opcodes: the rest of a piece is ignored."),
    Unverified("Ppk2Twin", "The rate of its sample clock."),
    Unverified("NOISE_CODES", "Its noise is white and less than a code; that of a real one is larger."),
    Unverified("Ppk2Twin", "Its spike filter is on after power-on."),
    Unverified("Ppk2Twin.overcurrent", "At overcurrent the output fails, and sampling continues."),
    Unverified(
        "Ppk2Twin",
        "The logic inputs are read in the middle of a sample's 10 us; inputs without a wire are high.",
    ),
)
"""Facts that no hardware has confirmed (docs/reference/unverified.md)."""


class Ppk2Twin(MonitorTwin):
    """The power profiler.

    Args:
        site: Where the twin is put. Its USB port has no baud rate.
        ppm: By how much its sample clock runs fast.
        ampere: Whether it is wired as an ammeter: another supply powers the DUT through it.
        logic: The logic input that the DUT's timestamp pin is wired to.
        phases: The one that its phase pin is wired to.
        calibration: Its true coefficients, which its metadata contain.
        block_s: Length of the pieces in which it sends the stream; a pty holds about 0.15 s.
        serial: Serial number of its USB port, which a pty does not have: the driver gets it as a setting.
        gain: Relative error of its current; ``offset_a`` and ``voltage_gain`` as in `Misreading`.

    Attributes:
        commands: Commands that it received, in order.
        spike_filter: Whether the filter is on, as after power-on.
        regulator_mv: Voltage of its regulator in millivolts.
        mode: ``"source"`` or ``"ampere"``.
        powered: Whether it received the command to power the DUT.
    """

    samples_levels = True

    def __init__(
        self,
        site: TwinSite,
        *,
        ppm: float = 20.0,
        ampere: bool = False,
        logic: int = 0,
        phases: int = 1,
        calibration: Table | None = None,
        block_s: float = 0.05,
        serial: str = SERIAL,
        gain: float = 0.0,
        offset_a: float = 0.0,
        voltage_gain: float = 0.0,
    ) -> None:
        self._world, self._port, self._pin = site.world, site.serial_port(), site.dut.pin
        self._phase_pin, self._phases = site.dut.phase_pin, phases
        super().__init__(site, self._port.url, Misreading(gain, offset_a, voltage_gain))
        self.given = {"serial_number": serial}
        self.sources = not ampere
        if ampere and voltage_gain:
            raise UsageError(
                "virtual.settings",
                "voltage_gain was given to a PPK2 that is wired as an ammeter: it neither measures nor "
                "supplies a voltage",
                "Leave voltage_gain out, or have the PPK2 power the DUT (mode = 'source', no [supply]).",
            )
        self.calibration: dict[str, tuple[float, ...]] = {**CALIBRATION, **(calibration or {})}
        self.calibrated = True
        self.commands: list[bytes] = []
        self.spike_filter = True
        self.regulator_mv = 3300
        self.mode = "ampere"
        self.powered = False
        self._ppm, self._logic, self._block = ppm, logic, max(round(block_s * RATE_HZ), 1)
        self._input = bytearray()
        self._lows: list[tuple[int, int]] = []
        self._running = False
        self._life = 0
        self._slip = 0
        self._port.on_bytes = self._bytes
        self.faults = {
            "lost-wraps": self._lost_wraps,
            "byte-slip": self._byte_slip,
            "uncalibrated": self._uncalibrated,
            "deaf": self._deaf,
        }

    @property
    def running(self) -> bool:
        """Whether it samples."""
        return self._running

    def position(self) -> int:
        """Number of samples of the running acquisition that are complete."""
        return self._sampler.complete(self._world.now_ns) if self._running else 0

    def edge(self, width_ns: int) -> None:
        """Takes a falling edge at its logic input."""
        if not self._running:
            self._lows.clear()
        add_low(self._lows, self._pin, self._world.now_ns, width_ns)

    def overcurrent(self) -> None:
        """The output fails; sampling continues."""
        self._power(False)

    def lose_output(self) -> None:
        """The output fails; sampling continues."""
        self._power(False)

    def hasten(self, ppm: float) -> None:
        """Its sample clock becomes faster by so many millionths."""
        self._ppm += ppm
        if self._running:
            self._emit(self.position())
            self._sampler.hasten(self._world.now_ns, ppm)

    def lose_power(self) -> None:
        """The USB plug is pulled, which powers the PPK2 and, in source mode, the DUT."""
        self._halt()
        self._power(False)

    # Faults

    def _lost_wraps(self, params: Params) -> Callable[[], None]:
        """``lost-wraps``: ``turns`` (1) whole turns of its counter are lost."""
        turns = int(params.pop("turns", 1))

        def lose() -> None:
            first = self.position()
            self.drop.append((first, first + 64 * turns))

        return lose

    def _byte_slip(self, params: Params) -> Callable[[], None]:
        """``byte-slip``: ``count`` (1) bytes of the next piece are lost."""
        count = int(params.pop("count", 1))

        def slip() -> None:
            self._slip += count

        return slip

    def _uncalibrated(self, params: Params) -> Callable[[], None]:
        """``uncalibrated``: it has no coefficients, and its metadata contain resistances of 0."""

        def forget() -> None:
            self.calibrated, self.calibration = False, dict(DEFAULTS)

        return forget

    def _deaf(self, params: Params) -> Callable[[], None]:
        """``deaf``: its firmware hangs: it ignores commands, and continues to sample and to supply."""

        def hang() -> None:
            self._port.on_bytes = lambda data: None

        return hang

    # Commands

    def _bytes(self, data: bytes) -> None:
        if self.silent:
            return
        self._input += data
        while self._input:
            opcode = self._input[0]
            length = _ARGUMENTS.get(opcode)
            if length is None:
                self._input.clear()
                return
            if len(self._input) <= length:
                return
            command = bytes(self._input[: length + 1])
            del self._input[: length + 1]
            self.commands.append(command)
            if not any(refuse(command.hex(" ")) for refuse in self.refuse):
                self._command(opcode, command[1:])

    def _command(self, opcode: int, arguments: bytes) -> None:
        if opcode == 0x06:
            self._begin()
        elif opcode == 0x07:
            self._stop()
        elif opcode == 0x0C:
            self._power(arguments[0] == 1)
        elif opcode == 0x0D:
            millivolts = int.from_bytes(arguments, "big")
            self.regulator_mv = min(max(millivolts, _LOWEST_MV), _HIGHEST_MV)
            self._wire()
        elif opcode == 0x11:
            self.mode = "source" if arguments[0] == 2 else "ampere"
            self._wire()
        elif opcode in (0x15, 0x16):
            self.spike_filter = opcode == 0x15
        elif opcode == 0x19:
            self._port.write(self._metadata())
        else:
            self.lose_power()
            self._port.unplug()

    def _power(self, on: bool) -> None:
        self.powered = on
        self._wire()

    def _wire(self) -> None:
        """Applies the state of its output to the world, if the output powers the DUT."""
        if self.sources:
            self._world.supply.voltage_v = self.misreads.output_v(self.regulator_mv / 1000)
            self._world.supply.switch(self.powered and self.mode == "source")

    def _metadata(self) -> bytes:
        lines = [f"Calibrated: {int(self.calibrated)}"]
        for k in range(5):
            for name, values in self.calibration.items():
                value = 0.0 if name == "R" and not self.calibrated else values[k]
                lines.append(f"{name}{k}: {value!r}")
        lines += [f"VDD: {self.regulator_mv}", "HW: 9173", "mode: 2", "IA: 56", "END"]
        return "".join(f"{line}\n" for line in lines).encode()

    # Samples

    def _begin(self) -> None:
        if self._running:
            return
        self._life += 1
        self._running = True
        self._sampler = Sampler(self._world.timeline, self._world.now_ns, RATE_HZ, self._ppm)
        self._noise = np.random.default_rng(20)
        self._sent = 0
        self._plan(self._life)

    def _halt(self) -> None:
        self._life += 1
        self._running = False

    def _stop(self) -> None:
        if self._running:
            self._emit(self._sampler.complete(self._world.now_ns))
            self._halt()

    def _plan(self, life: int) -> None:
        goal = (self._sent // self._block + 1) * self._block

        def block() -> None:
            if life == self._life:
                self._emit(goal)
                self._plan(life)

        self._world.at(self._sampler.boundary_ns(goal), block)

    def _emit(self, stop: int) -> None:
        first, self._sent = self._sent, stop
        if stop <= first:
            return
        index = np.arange(first, stop)
        voltage_v = self._world.supply.voltage_v
        if self.sources:
            voltage_v = self.misreads.voltage(voltage_v)
        noise = self._noise.normal(0.0, NOISE_CODES, stop - first)
        current_a = self.misreads.current(self._sampler.powers_w(first, stop) / self._world.supply.output_v)
        words = sample_words(current_a, self.calibration, voltage_v, noise)
        words |= (index % 64).astype(np.uint32) << 18
        words |= self._levels(first, stop).astype(np.uint32) << (24 + self._logic)
        words |= self._phase_levels(first, stop).astype(np.uint32) << (24 + self._phases)
        for low, high in self.drop:
            keep = (index < low) | (index >= high)
            index, words = index[keep], words[keep]
        data = words.astype("<u4").tobytes()
        if self._slip:
            middle = len(data) // 2 + 1
            data, self._slip = data[:middle] + data[middle + self._slip :], 0
        if not self.silent:
            self._port.write(data)

    def _levels(self, first: int, stop: int) -> npt.NDArray[np.bool_]:
        """The level of its input in the middle of each sample; high when idle and at a mark's ends."""
        levels = np.ones(stop - first, np.bool_)
        begin = self._sampler.boundary_ns(first)
        self._lows = [low for low in self._lows if low[1] > begin]
        for low in self._lows:
            cut = [self._level(time_ns) - first for time_ns in low]
            levels[max(cut[0], 0) : max(cut[1], 0)] = False
        return levels

    def _phase_levels(self, first: int, stop: int) -> npt.NDArray[np.bool_]:
        """The level of the phase pin in the middle of each sample."""
        middles = np.arange(first, stop) + 0.5
        times_ns = self._sampler.origin_ns + middles * float(self._sampler.period_ns)
        return self._phase_pin.levels(np.floor(times_ns).astype(np.int64))

    def _level(self, time_ns: int) -> int:
        """The first sample whose middle is at or after a time."""
        return int(np.ceil((time_ns - self._sampler.origin_ns) / self._sampler.period_ns - 0.5))


def sample_words(
    current_a: npt.NDArray[np.float64],
    calibration: Table,
    supply_v: float,
    noise: npt.NDArray[np.float64] | float = 0.0,
) -> npt.NDArray[np.uint32]:
    """ADC and range of currents: the inverse of the conversion in protocols.md 6, rounded to a count.

    Args:
        current_a: True currents, shape (n,).
        calibration: Coefficients by name and range.
        supply_v: The supply voltage, which is part of the conversion.
        noise: Noise in codes of the ADC, shape (n,).

    Returns:
        Words with ADC in bits 0 to 13 and range in 14 to 16, shape (n,).
    """
    ranges = np.searchsorted(SWITCH_POINTS_A, current_a, side="left")
    r, gs, gi, o, s, i, ug = (
        np.array(calibration[name])[ranges] for name in ("R", "GS", "GI", "O", "S", "I", "UG")
    )
    wanted = current_a / ug - (s * supply_v + i)
    # gs x^2 + gi x = wanted, in the form that does not cancel
    x = 2 * wanted / (gi + np.sqrt(np.maximum(gi * gi + 4 * gs * wanted, 0)))
    counts = (x * r * (163840 / 1.8) + o) / 4
    adc = np.clip(np.rint(counts + noise), 0, _FULL).astype(np.uint32)
    return adc | (ranges.astype(np.uint32) << np.uint32(14))
