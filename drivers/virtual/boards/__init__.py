"""Boards of the virtual bench: throughput, energy and voltage of published systems, and invented details.

A board is a TOML file in this folder. Its ``[workloads]`` cite the round and path of the published results;
the values under ``[invented]`` are not published.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import Any

from drivers.virtual.timeline import Pattern, picowatts
from drivers.virtual.world import NS, nanoseconds
from energy.errors import UsageError

_ROUND_NS = 10_000_000
"""Assumed period of the phases when the start of inferences is not known: 10 ms."""


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
class Board:
    """A system under test.

    Attributes:
        name: Its name.
        vendor: Its answer to ``name%``.
        voltage_v: Supply voltage of the published result.
        source: Round and path of the published result.
        workloads: Published figures by workload id.
        boot_s: From power-on to the end of initialisation.
        boot_w: Power meanwhile; likewise ``idle_w`` while it waits for commands, ``receive_w`` while it
            receives a command, ``load_w`` while the input tensor is loaded and the pin is held, ``sleep_w``
            asleep.
        load_s: Time to load the input tensor.
        hold_s: Time that the timestamp pin is held low; the firmware waits for it.
        sleep_after_s: Idle time after which it sleeps until a byte comes, or None if it never sleeps.
        scatter: Relative deviations of power for consecutive ``infer`` commands; the list repeats.
        phases: Parts of an inference and their power relative to the mean; the remaining part balances them.
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
    phases: tuple[tuple[float, float], ...]
    sleep_after_s: float | None = None
    inference_w: float | None = None

    def inference(self, workload: str, deviation: float = 0.0) -> Pattern:
        """Power during an inference; its energy is the published energy times (1 + deviation).

        Raises:
            UsageError: ``virtual.no-workload`` if the board has no result for it.
        """
        figures = self.workloads.get(workload)
        if figures is None:
            raise UsageError(
                "virtual.no-workload",
                f"the virtual board {self.name} has no published result for {workload!r}",
                f"it has {', '.join(sorted(self.workloads)) or 'none: it is for real firmware (emulated-*)'}",
            )
        period = round(NS / figures.throughput_ips)
        return self._phased(period, round(figures.energy_j * (1 + deviation) * 1e21))

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
        return self._phased(_ROUND_NS, round(self.inference_w * (1 + deviation) * _ROUND_NS * 1e12))

    def _phased(self, period: int, energy_pw_ns: int) -> Pattern:
        mean_w = energy_pw_ns / period * 1e-12
        phases = [(round(period * part), picowatts(mean_w * level)) for part, level in self.phases]
        rest_ns = period - sum(duration for duration, _ in phases)
        rest = energy_pw_ns - sum(duration * power for duration, power in phases)
        return Pattern([*phases, (rest_ns, round(rest / rest_ns))])

    def load_ns(self) -> int:
        """Time to load the input tensor."""
        return nanoseconds(self.load_s)


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
    return Board(
        name=described["name"],
        vendor=described["vendor"],
        voltage_v=described["voltage_v"],
        source=described["source"],
        workloads=workloads,
        scatter=tuple(invented.pop("scatter")),
        phases=tuple((part, level) for part, level in invented.pop("phases")),
        **invented,
    )
