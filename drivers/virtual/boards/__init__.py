"""Boards of the virtual bench: throughput, energy and voltage of published systems, and invented details.

A board is a TOML file in this folder. Its ``[workloads]`` cite the round and path of the published results;
the values under ``[invented]`` are not published. At the published voltage and clock and 25 degC, an
inference has exactly the published time and energy; elsewhere, what `silicon.py` makes of them.
"""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass, field, replace
from importlib import resources
from typing import Any

from drivers.virtual.boards.silicon import Law, Outcome, Silicon
from drivers.virtual.networks import Layer, layers_of
from drivers.virtual.timeline import Pattern
from drivers.virtual.world import NS
from energy.errors import UsageError

_ROUND_NS = 10_000_000
"""Assumed period of the phases when the start of inferences is not known: 10 ms."""


_RIPPLE = 0.03
"""Relative deviation of the power in the halves of a layer's preparation: a power that never changes in its
last digit would look like a monitor that is stuck."""


@dataclass(frozen=True, slots=True)
class Performance:
    """Published figures of a board for a workload.

    Attributes:
        throughput_ips: Inferences per second.
        energy_j: Energy per inference.
        path: Path of the result in the published rounds.
    """

    throughput_ips: float
    energy_j: float
    path: str


@dataclass(frozen=True, slots=True)
class OperatorCost:
    """Time and power of an operator's layers on a board; invented.

    A layer begins with its preparation, and then does its multiply-accumulates.

    Attributes:
        once: Time of the preparation, in the time that a multiply-accumulate of ``CONV_2D`` takes; its
            first half needs slightly more power than the second.
        per_mac: Time of each multiply-accumulate, in the same unit.
        level: Power during the multiply-accumulates, relative to the preparation's mean.
    """

    once: float
    per_mac: float
    level: float


Segment = tuple[int, int, int]
"""Index of the layer, duration in ns, power in pW."""


@dataclass(frozen=True, slots=True)
class Board:
    """A system under test.

    Attributes:
        name: Its name.
        vendor: Its answer to ``name%``.
        voltage_v: Supply voltage of the published result.
        source: Round and path of the published result.
        workloads: Published figures by workload id.
        boot_s: From power-on to the end of initialisation; it boots on a clock of its own.
        boot_w: Power meanwhile; likewise ``idle_w`` while it waits for commands, ``receive_w`` while it
            receives a command, ``load_w`` while the input tensor is loaded and the pin is held, ``sleep_w``
            asleep, ``wake_w`` while it wakes up, ``post_w`` during post-processing.
        load_s: Time to load the input tensor: the pre-processing.
        post_s: Time of the post-processing, scores out of the output tensor, of firmware that marks phases.
        hold_s: Time that the timestamp pin is held low; the firmware waits for it.
        wake_s: Time to wake up from sleep.
        sleep_after_s: Idle time after which it sleeps until a byte comes, or None: only on command.
        scatter: Relative deviations of power for consecutive ``infer`` commands; the list repeats.
        silicon: How power and speed depend on voltage, clock and temperature.
        clock_hz: Clock of the published result; None: the clock is an emulator's.
        operators: Time and power by operator; an inference is the layers of the workload's model.
        phases: Of a board without ``operators``: parts of an inference and their power relative to the
            mean; the remaining part balances them.
        inference_w: Mean power of inferences without a published result: of an emulated board, whose
            inferences take the time that its processor needs.
    """

    name: str
    vendor: str
    voltage_v: float
    source: str
    workloads: dict[str, Performance]
    boot_s: float
    boot_w: float
    idle_w: float
    receive_w: float
    load_w: float
    sleep_w: float
    load_s: float
    hold_s: float
    scatter: tuple[float, ...]
    silicon: Silicon
    wake_s: float = 0.0
    wake_w: float = 0.0
    post_s: float = 0.0
    post_w: float = 0.0
    sleep_after_s: float | None = None
    clock_hz: float | None = None
    operators: dict[str, OperatorCost] = field(default_factory=dict[str, OperatorCost])
    phases: tuple[tuple[float, float], ...] = ()
    inference_w: float | None = None

    def needing(self, factor: float) -> Board:
        """A board whose inferences need this many times the energy: another specimen, or other firmware.

        Raises:
            UsageError: ``virtual.settings`` if that is no number above 0.
        """
        if type(factor) not in (int, float) or not 0.0 < factor < math.inf:
            raise UsageError(
                "virtual.settings", f"an energy_factor of {factor!r} is none", "Give a number above 0."
            )
        more = {
            name: replace(figures, energy_j=figures.energy_j * factor)
            for name, figures in self.workloads.items()
        }
        return replace(self, workloads=more) if factor != 1.0 else self

    def inference(self, workload: str, deviation: float = 0.0, clock_hz: float | None = None) -> Pattern:
        """Power during an inference, at the published voltage and 25 degC.

        At the published clock its energy is the published energy times (1 + deviation).

        Raises:
            UsageError: ``virtual.no-workload`` if the board has no result for it.
        """
        return Pattern([part[1:] for part in self._segments(workload, deviation, clock_hz)])

    def layer(
        self, workload: str, index: int, deviation: float = 0.0, clock_hz: float | None = None
    ) -> Pattern:
        """Power during one layer of an inference, as in `inference`."""
        return Pattern(
            [part[1:] for part in self._segments(workload, deviation, clock_hz) if part[0] == index]
        )

    def layers(self, workload: str) -> tuple[Layer, ...]:
        """The layers that an inference of a workload consists of; none where they are not known."""
        return layers_of(workload) if self.operators else ()

    def inferring(self, deviation: float = 0.0) -> Pattern:
        """Power while inferences of unknown length run: that of `inference_w` times (1 + deviation).

        Raises:
            UsageError: ``virtual.no-emulation`` if the board is not for emulated firmware.
        """
        if self.inference_w is None:
            raise UsageError(
                "virtual.no-emulation",
                f"the virtual board {self.name} is not for real firmware in an emulator",
                "Boards for it are mps2-an386 (QEMU) and native (posix): write one of them under [dut].",
            )
        energy = round(self.inference_w * (1 + deviation) * _ROUND_NS * 1e12)
        return Pattern([part[1:] for part in _balanced(_ROUND_NS, energy, self._parts(""))])

    def clocked_w(self, reference_w: float, clock_hz: float | None = None) -> float:
        """A power awake at a clock, from that at the published clock, both at the published voltage."""
        static_w = self.silicon.static_w(self.voltage_v)
        return reference_w + (reference_w - static_w) * (self._relative(clock_hz) - 1.0)

    def slowed(self, seconds: float, clock_hz: float | None = None) -> float:
        """The time that a computation takes at a clock, from that at the published clock."""
        return seconds * self.silicon.slowed(1.0, self._relative(clock_hz))

    def awake(self, voltage_v: float, temperature_c: float) -> Law:
        """The law of every power awake."""
        return self.silicon.awake(self.voltage_v, voltage_v, temperature_c)

    def asleep(self, voltage_v: float, temperature_c: float) -> Law:
        """The law of the power asleep."""
        return self.silicon.asleep(self.voltage_v, voltage_v, temperature_c)

    def outcome(self, voltage_v: float, clock_hz: float | None = None) -> Outcome:
        """Whether it runs at a voltage and a clock."""
        clock_hz = self.clock_hz if clock_hz is None else clock_hz
        return "runs" if clock_hz is None else self.silicon.outcome(voltage_v, clock_hz)

    def checked_clock(self, clock_hz: float) -> float:
        """A clock, if the board has it.

        Raises:
            UsageError: ``virtual.no-clock``.
        """
        lowest_hz, highest_hz = self.silicon.clocks_hz
        if self.clock_hz is None or not lowest_hz <= clock_hz <= highest_hz:  # not for NaN either
            has = f"from {lowest_hz / 1e6:g} to {highest_hz / 1e6:g} MHz" if highest_hz else "a fixed clock"
            raise UsageError(
                "virtual.no-clock",
                f"the virtual board {self.name} has {has}, not {clock_hz / 1e6:g} MHz",
                "Choose another clock, or another board; the clock of its published result needs no setting.",
            )
        return clock_hz

    def _relative(self, clock_hz: float | None) -> float:
        return 1.0 if clock_hz is None or self.clock_hz is None else clock_hz / self.clock_hz

    def _segments(self, workload: str, deviation: float, clock_hz: float | None) -> list[Segment]:
        figures = self.workloads.get(workload)
        if figures is None:
            raise UsageError(
                "virtual.no-workload",
                f"the virtual board {self.name} has no published result for {workload!r}",
                f"it has {', '.join(sorted(self.workloads)) or 'none: it is for real firmware (emulated-*)'}",
            )
        slower = self.slowed(1.0, clock_hz)
        published_w = figures.energy_j * figures.throughput_ips
        energy_j = (
            figures.energy_j * (1 + deviation) * slower * self.clocked_w(published_w, clock_hz) / published_w
        )
        period = round(NS / figures.throughput_ips * slower)
        return _balanced(period, round(energy_j * 1e21), self._parts(workload))

    def _parts(self, workload: str) -> list[tuple[int, float, float]]:
        """Layer, time and power of the parts of an inference, all relative."""
        if not self.operators:
            left = 1.0 - sum(share for share, _ in self.phases)
            rest = (1.0 - sum(share * level for share, level in self.phases)) / left
            return [(0, share, level) for share, level in (*self.phases, (left, rest))]
        parts: list[tuple[int, float, float]] = []
        for k, layer in enumerate(layers_of(workload)):
            cost = self.operators[layer.operator]
            once = [(k, cost.once / 2, level) for level in (1 + _RIPPLE, 1 - _RIPPLE)]
            parts += [*once, (k, cost.per_mac * layer.macs, cost.level)]
        return parts


def _balanced(period: int, energy: int, parts: list[tuple[int, float, float]]) -> list[Segment]:
    """Segments of whole ns and pW in proportion to the parts, that last and need exactly these.

    Args:
        period: Their duration in ns.
        energy: Their energy in pW ns.
        parts: Layer, time and power of each.
    """
    total, end, begin = sum(part[1] for part in parts), 0.0, 0
    spans: list[tuple[int, int, float]] = []
    for k, share, level in parts:
        end += share
        stop = round(period * (end / total))
        if stop > begin:
            spans.append((k, stop - begin, level))
            begin = stop
    scale = energy / sum(duration * level for _, duration, level in spans)
    segments = [(k, duration, round(scale * level)) for k, duration, level in spans]
    k, duration, _ = segments.pop()
    power, more = divmod(energy - sum(duration * power for _, duration, power in segments), duration)
    if more:  # these nanoseconds have 1 pW more
        segments.append((k, more, power + 1))
    return [*segments, (k, duration - more, power)]


def board_names() -> tuple[str, ...]:
    """Names of the included boards."""
    return tuple(sorted(board.name for board in map(_parse, _files())))


def load_board(name: str) -> Board:
    """A board by its name; capitals, hyphens and underscores do not matter.

    Raises:
        UsageError: ``virtual.no-board`` if there is no board of that name.
    """
    wanted = _plain(name)
    for text in _files():
        board = _parse(text)
        if _plain(board.name) == wanted:
            return board
    raise UsageError(
        "virtual.no-board",
        f"the virtual bench has no board {name!r}",
        f"it has {', '.join(board_names())}",
    )


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")


def _files() -> list[str]:
    folder = resources.files(__name__)
    return [file.read_text(encoding="utf-8") for file in folder.iterdir() if file.name.endswith(".toml")]


def _parse(text: str) -> Board:
    described: dict[str, Any] = tomllib.loads(text)
    invented: dict[str, Any] = described["invented"]
    workloads = {
        key: Performance(entry["throughput_ips"], entry["energy_uj"] * 1e-6, entry["path"])
        for key, entry in described.get("workloads", {}).items()
    }
    silicon: dict[str, Any] = invented.pop("silicon")
    lowest_v = tuple((hz, volts) for hz, volts in silicon.pop("lowest_v", ()))
    operators: dict[str, Any] = invented.pop("operators", {})
    return Board(
        name=described["name"],
        vendor=described["vendor"],
        voltage_v=described["voltage_v"],
        clock_hz=described.get("clock_hz"),
        source=described["source"],
        workloads=workloads,
        scatter=tuple(invented.pop("scatter")),
        phases=tuple((part, level) for part, level in invented.pop("phases", ())),
        silicon=Silicon(lowest_v=lowest_v, **silicon),
        operators={name: OperatorCost(**cost) for name, cost in operators.items()},
        **invented,
    )
