"""What can befall a bench in each phase of a session: rows of the break-in matrix, generated.

A row is a phase, a part of the bench (a port, commands, readings, the timestamp wire, the DUT) and a fault.
Where a cell makes no sense, a rule of ``tests/faults/phases.py`` leaves it out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.faults.catalogue import Fault, Kind, Planted
from tests.faults.phases import (
    AT_FULL_SPEED,
    ON_A_NETWORK,
    PHASE_BENCHES,
    PHASES,
    RUNNING,
    SAMPLES_FROM,
    SPEAKS,
    driver_of,
    moment,
    monitor_of,
)


@dataclass(frozen=True)
class Trouble:
    """A fault of a port.

    Attributes:
        name: Its name.
        fault: The virtual world's.
        params: Its parameters.
        message: Whether it damages what an instrument sends.
    """

    name: str
    fault: str
    params: dict[str, Any] = field(default_factory=dict[str, Any])
    message: bool = True


_GONE = r"link\.unplugged|visa\.lost|joulescope\.[a-z-]+|[a-z0-9]+\.off-unconfirmed"
_EDGES = r"(edge|window|trial|clock|spread)\.[a-z-]+"
ACCUSED = {
    "monitor": r"(lpm01a|ppk2|n6705|k2450|k2461|joulescope|visa|link|samples|trial|clock|voltage)"
    r"\.(?!output-off)[a-z-]+",
    "readings": r"(n6705|k2450|k2461|visa|samples|trial|clock)\.(?!output-off)[a-z-]+",
    "supply": r"(scpi|visa|link|supply|voltage)\.(?!output-off)[a-z-]+",
    "io": rf"(io|dut|link)\.[a-z-]+|{_EDGES}",
    "dut": rf"(dut|io)\.[a-z-]+|{_EDGES}",
    "edge": _EDGES,
    "dut-resets": rf"dut\.[a-z-]+|{_EDGES}",
    "current": r"bench\.current|monitor\.overload",
    "samples-dropped": r"(samples|trial|window|clock)\.[a-z-]+|[a-z0-9]+\.silent",
    "protection-acts": r"bench\.current|[a-z0-9]+\.output-off",
    "queue-full": r"(lpm01a|ppk2|n6705|k2450|k2461|joulescope|samples|trial|window|clock)\.[a-z-]+",
    "clock-drifts": r"(clock|window)\.[a-z-]+",
    "io-clock-drifts": r"(clock|window)\.[a-z-]+",
}
"""What the first code must match: it is about the part that has the fault, and a readback that is lost or
garbled is no reason to say that the output is off."""

OF_PORTS = (
    Trouble("vanishes", "unplugged-port", message=False),
    Trouble("silent", "silent", message=False),
    Trouble("late", "late-bytes", {"by_s": 0.3, "for_s": 1.0}),
    Trouble("too-late", "late-bytes", {"by_s": 6.0, "for_s": 1.0}),
    Trouble("lost", "lost-message"),
    Trouble("garbled", "garbled-message"),
    Trouble("bit", "garbled-message", {"xor": 1}),
    Trouble("half", "half-message"),
    Trouble("doubled", "doubled-message"),
    Trouble("doubled-byte", "doubled-bytes", {"skip": 5}),
    Trouble("stall", "late-bytes", {"by_s": 2.0, "for_s": 2.0}),
)
STREAMS = ("lpm01a", "ppk2")
"""Monitors that send a stream of bytes: it stalls, and comes in one burst."""


@dataclass(frozen=True)
class Row:
    """A row before the benches are chosen: what it is, and where it makes sense."""

    phase: Kind
    name: str
    plant: Callable[[str], list[Planted] | None]
    by_limit: Callable[[str, float], list[Planted]] | None = None
    turns: bool = True

    @property
    def codes(self) -> str:
        """What the first code must match."""
        part, _, fault = self.name.partition("-")
        if fault.startswith("command"):  # a PPK2 does not acknowledge that it is to power the DUT
            return rf"{ACCUSED[part]}|dut\.silent"
        return _GONE if fault == "vanishes" else ACCUSED.get(self.name) or ACCUSED[part]

    def fault_on(self, bench: str) -> Fault | None:
        """The row on a bench; None where it makes no sense."""
        planted = self.plant(bench)
        if planted is None:
            return None
        more = self.by_limit
        return Fault(
            self.phase,
            f"{self.phase}/{self.name}",
            tuple(planted),
            codes=self.codes,
            benches=(bench,),
            slow=True,
            **({"by_limit": lambda limit_a: more(bench, limit_a)} if more else {}),
        )


def _port_rows() -> Iterator[Row]:
    for phase in PHASES:
        for port in ("monitor", "supply", "io", "dut"):
            for trouble in OF_PORTS:
                yield _port_row(phase, port, trouble)


def _port_row(phase: Kind, port: str, trouble: Trouble) -> Row:
    def plant(bench: str) -> list[Planted] | None:
        driver = driver_of(bench, port)
        if driver is None or (trouble.message and phase not in SPEAKS[driver]):
            return None
        if phase == "writing-results" and monitor_of(bench) != "lpm01a":
            return None
        if trouble.name == "stall" and (driver not in STREAMS or phase not in RUNNING):
            return None
        params = {"port": port, **trouble.params, **moment(bench, phase, port)}
        fault = trouble.fault
        if trouble.name == "doubled-byte" and driver in (*ON_A_NETWORK, "scpi"):
            params["skip"] = 0  # their answers are short
        if trouble.name == "vanishes":
            if port == "dut":
                return None
            params["powered"] = driver in ON_A_NETWORK
        if trouble.name == "silent":
            if port == "dut" and phase not in RUNNING:
                return None
            fault = f"silent-{port}"
            del params["port"]
        return [(fault, params)]

    return Row(phase, f"{port}-{trouble.name}", plant)


OF_COMMANDS = tuple(
    trouble for trouble in OF_PORTS if trouble.name in ("lost", "garbled", "bit", "half", "doubled")
)


def _command_rows() -> Iterator[Row]:
    """What begins a phase is damaged on its way to the instrument."""
    for phase in ("identify", "configure", "supply-on", "stop", "supply-off"):
        for port in ("monitor", "supply", "io"):
            for trouble in OF_COMMANDS:
                yield Row(
                    phase,
                    f"{port}-command-{trouble.name}",
                    lambda bench, phase=phase, port=port, trouble=trouble: _command(
                        bench, phase, port, trouble
                    ),
                )


def _command(bench: str, phase: str, port: str, trouble: Trouble) -> list[Planted] | None:
    if driver_of(bench, port) in (None, "joulescope"):
        return None
    begins = moment(bench, phase, port)
    if begins["hears"] != port:
        return None
    return [(trouble.fault, {**trouble.params, "port": f"to-{port}", **begins})]


READ_OUT = {
    "keysight-n6705": ("in-window", {"infer": 2, "heard": "FETC:ELOG?"}),
    "keithley-2450": ("in-window", {"infer": 2, "heard": ":TRAC:DATA?"}),
    "keithley-2461": ("closing-edge", {"closed": 2, "heard": "printbuffer"}),
}
"""When readings are fetched from the monitors that keep them."""


def _read_out_rows() -> Iterator[Row]:
    for phase in ("in-window", "closing-edge"):
        for trouble in OF_PORTS:
            if trouble.message and trouble.name != "stall":
                yield Row(
                    phase,
                    f"readings-{trouble.name}",
                    lambda bench, phase=phase, trouble=trouble: _read_out(bench, phase, trouble),
                    turns=False,
                )


def _read_out(bench: str, phase: str, trouble: Trouble) -> list[Planted] | None:
    when, moment = READ_OUT.get(bench, ("", {}))
    return [(trouble.fault, {"port": "monitor", **trouble.params, **moment})] if when == phase else None


def _edge_rows() -> Iterator[Row]:
    marks: dict[Kind, dict[str, Any]] = {
        "boot": {"edge": 0},
        "warm-up": {"infer": 2, "which": "start"},
        "closing-edge": {"infer": 2, "which": "stop"},
    }
    for phase, where in marks.items():
        for name, fault in (
            ("missing", "missing-edge"),
            ("doubled", "doubled-edge"),
            ("bouncing", "bouncing-edge"),
        ):
            yield Row(phase, f"edge-{name}", lambda bench, fault=fault, where=where: [(fault, dict(where))])
    for phase in PHASES[2:9]:
        yield Row(
            phase, "edge-extra", lambda bench, phase=phase: [("stray-edge", moment(bench, phase, "monitor"))]
        )


def _dut_rows() -> Iterator[Row]:
    for phase in (*RUNNING, "stop"):
        yield Row(
            phase, "dut-resets", lambda bench, phase=phase: [("brown-out", moment(bench, phase, "monitor"))]
        )
        for name, times in (("over-range", 1.5), ("far-over-range", 30.0)):
            yield Row(phase, f"current-{name}", lambda bench: [], _loads(phase, times))


def _loads(phase: str, times: float) -> Callable[[str, float], list[Planted]]:
    def loads(bench: str, limit_a: float) -> list[Planted]:
        params = {"current_a": times * limit_a, "duration_s": 0.02, **moment(bench, phase, "monitor")}
        return [("extra-load", params)]

    return loads


def _reading_rows() -> Iterator[Row]:
    for phase in RUNNING:
        sampled = _while_sampling(phase)
        yield Row(phase, "samples-dropped", sampled("dropped-samples", {"count": 50}))
        after = {"delay_s": 0.005}  # a 2461 begins to sample a moment after the opening edge
        yield Row(phase, "protection-acts", sampled("overcurrent-stop", after, not_on=AT_FULL_SPEED))
        yield Row(phase, "queue-full", lambda bench, phase=phase: _queue_full(bench, phase))
        yield Row(phase, "clock-drifts", lambda bench, phase=phase: _drift(bench, phase, "monitor"))
        yield Row(phase, "io-clock-drifts", lambda bench, phase=phase: _drift(bench, phase, "io"))


def _samples(bench: str, phase: str) -> bool:
    return RUNNING.index(phase) >= RUNNING.index(SAMPLES_FROM[bench]) and (
        monitor_of(bench) != "keithley-2461" or phase == "in-window"
    )


def _while_sampling(phase: str) -> Callable[..., Callable[[str], list[Planted] | None]]:
    def make(
        fault: str, params: dict[str, Any], not_on: tuple[str, ...] = ()
    ) -> Callable[[str], list[Planted] | None]:
        def plant(bench: str) -> list[Planted] | None:
            if bench in not_on or not _samples(bench, phase):
                return None
            return [(fault, {**params, **moment(bench, phase, "monitor")})]

        return plant

    return make


def _queue_full(bench: str, phase: str) -> list[Planted] | None:
    """A buffer of the instrument is full, or the host's queue."""
    faults: dict[str, Planted] = {
        "lpm01a": ("losing-host", {"keep": 83, "of": 500}),
        "ppk2": ("losing-host", {}),
        "joulescope": ("losing-host", {"keep": 83_300, "of": 500_000}),
        "keysight-n6705": ("error-queue", {"text": '-350,"Queue overflow"'}),
        "keithley-2461": ("buffer-full", {}),
        "keithley-2450": ("buffer-full", {}),
    }
    if not _samples(bench, phase):
        return None
    fault, params = ("overflow-flag", {}) if bench == "lpm01a-binary" else faults[monitor_of(bench)]
    return [(fault, {**params, **moment(bench, phase, "monitor")})]


def _drift(bench: str, phase: str, port: str) -> list[Planted] | None:
    if driver_of(bench, port) not in ("lpm01a", "ppk2", "keysight-n6705", "uno"):
        return None
    return [("drifting-clock", {"port": port, "ppm": 2000.0, **moment(bench, phase, port)})]


ROWS = (*_port_rows(), *_command_rows(), *_read_out_rows(), *_edge_rows(), *_dut_rows(), *_reading_rows())


def _generated() -> Iterator[Fault]:
    """All cells: rows take turns on the benches that they make sense on."""
    slow = dict.fromkeys(AT_FULL_SPEED, 0)
    for number, row in enumerate(ROWS):
        for place, bench in enumerate(PHASE_BENCHES):
            fault = row.fault_on(bench)
            if fault is None:
                continue
            if bench in slow:
                slow[bench] += 1
                chosen = slow[bench] % 6 == place % 6
            else:
                chosen = (number + place) % 2 == 0 or not row.turns
            if chosen:
                yield fault


PHASE_FAULTS: tuple[Fault, ...] = tuple(_generated())
"""Each is a cell: of a row on a single bench."""
