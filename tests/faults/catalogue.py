"""What can befall a bench, by kind: the rows of the break-in matrix.

Trial n is the ``infer`` command n: the pilot is 0. Faults that the virtual world has are listed in
``drivers/virtual/faults.py``, ``stress.py`` and ``wiring.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Kind = Literal[
    "none",
    "bytes",
    "edges",
    "clocks",
    "supplies",
    "load",
    "dut",
    "loss",
    "identify",
    "configure",
    "supply-on",
    "boot",
    "loading",
    "warm-up",
    "in-window",
    "closing-edge",
    "stop",
    "supply-off",
    "writing-results",
]
"""Of fault; of a fault in a phase of a session, the phase (``tests/faults/phases.py``)."""
Planted = tuple[str, dict[str, Any]]

ANY_CODE = r"[a-z0-9]+\.[a-z0-9-]+"
NOT_OFF = r"(?!.*\.output-off)" + ANY_CODE
"""A garbled answer is no reason to say that the output is off."""
THE_CLOCK = r"clock\..*|[a-z0-9]+\.time-base"
FULL_SPEED = ("joulescope-js110", "joulescope-js220")
"""Millions of samples a second: they get a part of the rows."""
OWN_SUPPLY = ("joulescope-js110", "joulescope-js220", "ppk2-ampere")
"""A SCPI supply beside the monitor."""
BENCHES = (
    "lpm01a",
    "lpm01a-binary",
    "keysight-n6705",
    "keithley-2461",
    "keithley-2450",
    "ppk2-source",
    "ppk2-ampere",
    *FULL_SPEED,
)


@dataclass(frozen=True, eq=False)
class Fault:
    """A row.

    Attributes:
        kind: Of fault.
        name: Of the row.
        planted: The virtual world's faults.
        settings: The virtual world's settings.
        by_limit: Further faults, from the bench's limit of current in ampere.
        harmless: Whether a session must be valid in spite of it.
        codes: What the first code of a session that is not must match.
        benches: Where it can befall.
        slow: Whether it is run at full speed, too.
    """

    kind: Kind
    name: str
    planted: tuple[Planted, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict[str, Any])
    by_limit: Callable[[float], list[Planted]] = lambda limit_a: []
    harmless: bool = False
    codes: str = ANY_CODE
    benches: tuple[str, ...] = BENCHES
    slow: bool = False

    def faults(self, limit_a: float) -> list[Planted]:
        """The virtual world's faults on a bench with this limit of current."""
        return [*self.planted, *self.by_limit(limit_a)]

    def befalls(self, bench: str) -> bool:
        """Whether it is a cell of the matrix on this bench."""
        return bench in self.benches and (self.slow or bench not in FULL_SPEED)


def every_third(rows: list[Fault]) -> list[Fault]:
    """Rows of a kind that has very many: each on another third of the benches."""

    def third(number: int, row: Fault) -> Fault:
        benches = (name for k, name in enumerate(BENCHES) if (k + number) % 3 == 0 or name in FULL_SPEED)
        kept = tuple(name for name in benches if name in row.benches)
        return replace(row, benches=kept if any(map(row.befalls, kept)) else row.benches)

    return [third(number, row) for number, row in enumerate(rows)]


IN_TRIAL = {"infer": 2, "delay_s": 3.0}
NO_NOISE = tuple(name for name in BENCHES if not name.startswith("ppk2"))
"""A PPK2's converter has noise: a reading of it that is exactly zero is no fault of the converter."""
ON_WIRE = tuple(name for name in BENCHES if not name.startswith("joulescope"))
"""Monitors whose bytes go over a port."""


def _bytes() -> list[Fault]:
    def row(name: str, fault: str, slow: bool = False, **params: Any) -> Fault:
        benches = ON_WIRE if params.get("port") == "monitor" else BENCHES
        benches = OWN_SUPPLY if params.get("port") == "supply" else benches
        codes = NOT_OFF if params.get("port") == "monitor" else ANY_CODE
        return Fault("bytes", name, ((fault, params),), codes=codes, benches=benches, slow=slow)

    rows: list[Fault] = []
    for fault in ("lost", "garbled", "doubled"):
        kind = f"{fault}-bytes"
        rows += [
            row(f"dut-{fault}-at-boot", kind, port="dut", after="m-init", boot=True),
            row(f"dut-{fault}-done", kind, slow=fault == "lost", port="dut", after="m-infer-d", infer=2),
            row(f"dut-{fault}-ready", kind, port="dut", after="m-rea", infer=2),
            row(f"dut-{fault}-iterations", kind, port="dut", after="m-infer-start-", asked=3),
            row(f"command-{fault}", kind, port="to-dut", after="infer ", loaded=3),
            row(f"input-{fault}", kind, port="to-dut", after="db ", asked=2),
            row(f"io-{fault}-in-trial", kind, port="io", after="m-infer-", infer=2),
            row(f"monitor-{fault}-byte", kind, port="monitor", **IN_TRIAL),
            row(f"monitor-{fault}-30-bytes", kind, port="monitor", count=30, **IN_TRIAL),
            row(f"monitor-{fault}-first", kind, port="monitor", skip=20),
            row(f"monitor-{fault}-set-up", kind, port="monitor", skip=120),
            row(f"supply-{fault}", kind, slow=True, port="supply", skip=4),
        ]
    rows += [
        row("dut-bit-in-scores", "garbled-bytes", port="dut", after="m-results-[", xor=1, infer=2),
        row("monitor-low-bit", "garbled-bytes", port="monitor", xor=1, **IN_TRIAL),
        row("monitor-bit-4", "garbled-bytes", port="monitor", xor=16, **IN_TRIAL),
    ]
    for port in ("dut", "io", "monitor"):
        rows += [
            row(f"{port}-late-50-ms", "late-bytes", port=port, by_s=0.05, for_s=2.0, infer=2, delay_s=0.0),
            row(f"{port}-late-always", "late-bytes", port=port, by_s=0.03, for_s=1e4),
            row(f"{port}-late-3-s", "late-bytes", port=port, by_s=3.0, for_s=3.0, infer=2, delay_s=9.5),
        ]
    return rows


def _edges() -> list[Fault]:
    rows: list[Fault] = []

    def add(name: str, fault: str, slow: bool = False, **params: Any) -> None:
        rows.append(Fault("edges", name, ((fault, params),), slow=slow))

    for which in ("start", "stop"):
        for once, where in ((True, {"infer": 2, "which": which}), (False, {"every": True, "which": which})):
            tail = f"{which}-{'once' if once else 'always'}"
            add(f"missing-{tail}", "missing-edge", once, **where)
            add(f"doubled-{tail}", "doubled-edge", **where)
            add(f"bouncing-{tail}", "bouncing-edge", **where)
            add(f"short-pulse-{tail}", "short-pulse", **where)
            for by_ms in (20, 50, 200):
                slow = by_ms == 200 and not once
                add(f"late-{by_ms}-ms-{tail}", "late-edge", slow, by_s=by_ms / 1e3, **where)
                of = {"of": 2} if once else {}
                add(f"early-{by_ms}-ms-{tail}", "early-mark", slow, which=which, by_s=by_ms / 1e3, **of)
    add("bounces-of-20-ms", "doubled-edge", gap_s=20e-3, every=True)
    add("all-late-100-ms", "late-edge", by_s=0.1, every=True)
    add("stray-in-trial", "stray-edge", True, **IN_TRIAL)
    add("stray-pair-in-trial", "stray-edge", count=2, gap_s=1.0, **IN_TRIAL)
    add("stray-while-loading", "stray-edge", loaded=3)
    add("inverted", "inverted-pin")
    add("open-wire", "open-timestamp")
    add("open-to-monitor", "open-timestamp", at="monitor")
    strays: tuple[Planted, ...] = tuple(
        ("stray-edge", {"infer": trial, "delay_s": 5.0}) for trial in range(9)
    )
    rows.append(Fault("edges", "stray-in-each-trial", strays))
    return rows


def _clocks() -> list[Fault]:
    rows = [
        Fault(
            "clocks",
            f"monitor-{ppm:+d}-ppm",
            settings={"ppm": float(ppm)},
            harmless=abs(ppm) <= 300,
            codes=THE_CLOCK,
            slow=ppm == -2000,
        )
        for size in (100, 300, 1000, 2000, 10_000, 100_000)
        for ppm in (size, -size)
    ]
    rows += [
        Fault(
            "clocks",
            f"uno-{ppm:+d}-ppm",
            settings={"uno_ppm": float(ppm)},
            harmless=abs(ppm) <= 2000,
            codes=THE_CLOCK,
        )
        for size in (2000, 20_000, 100_000)
        for ppm in (size, -size)
    ]
    both = {"ppm": 10_000.0, "uno_ppm": 10_000.0}
    return [*rows, Fault("clocks", "both-+10000-ppm", settings=both, codes=THE_CLOCK)]


def _supplies() -> list[Fault]:
    def row(name: str, *faults: Planted, slow: bool = False, harmless: bool = False) -> Fault:
        return Fault("supplies", name, faults, slow=slow, harmless=harmless)

    sag = "sagging-supply"
    powered = {"boot": True, "delay_s": 0.02}
    return [
        row("sag-100-mV", (sag, {"by_v": 0.1, **powered}), slow=True),
        row("sag-300-mV", (sag, {"by_v": 0.3, **powered})),
        row("sag-20-mV", (sag, {"by_v": 0.02, **powered})),
        row("sag-100-mV-in-trial", (sag, {"by_v": 0.1, **IN_TRIAL})),
        row("sag-100-mV-between", (sag, {"by_v": 0.1, "loaded": 3})),
        row("100-mV-more", (sag, {"by_v": -0.1, **powered})),
        row("drops-out-in-trial", ("lost-supply", IN_TRIAL)),
        row("drops-out-at-boot", ("lost-supply", powered)),
        row("drops-out-loading", ("lost-supply", {"loaded": 2, "delay_s": 0.01})),
        row("back-powered", ("back-powered", {}), slow=True),
        row("back-powered-in-trial", ("back-powered", IN_TRIAL)),
        row("own-USB-only", ("back-powered", {}), ("open-supply", {}), slow=True),
        row("open-supply", ("open-supply", {})),
        row("open-supply-in-trial", ("back-powered", IN_TRIAL), ("open-supply", IN_TRIAL)),
    ]


def _load() -> list[Fault]:
    def row(name: str, *faults: Planted, slow: bool = False, harmless: bool = False) -> Fault:
        return Fault("load", name, faults, slow=slow, harmless=harmless)

    def by_limit(name: str, times: float, **params: Any) -> Fault:
        return Fault(
            "load",
            name,
            by_limit=lambda limit_a: [("extra-load", {"current_a": times * limit_a, **params})],
        )

    powered = {"boot": True, "delay_s": 0.02}
    return [
        row("10-mA-more", ("extra-load", {"current_a": 0.01, **powered}), harmless=True),
        row("10-mA-more-in-trial", ("extra-load", {"current_a": 0.01, **IN_TRIAL})),
        row("10-mA-for-a-second", ("extra-load", {"current_a": 0.01, "duration_s": 1.0, **IN_TRIAL})),
        by_limit("near-the-limit", 0.8, **powered),
        by_limit("above-the-limit-50-ms", 1.5, duration_s=0.05, **IN_TRIAL),
        by_limit("above-the-limit-1-ms", 3.0, duration_s=0.001, **IN_TRIAL),
        by_limit("far-above-the-limit", 30.0, duration_s=0.05, **IN_TRIAL),
        row("stuck-from-boot", ("stuck-readings", powered), slow=True),
        row("stuck-in-trial", ("stuck-readings", IN_TRIAL)),
        row("stuck-between", ("stuck-readings", {"loaded": 4})),
        replace(row("half-are-zero", ("zeroed-readings", {"each": 2, **powered})), benches=NO_NOISE),
        row("half-are-zero-in-trial", ("zeroed-readings", {"each": 2, **IN_TRIAL})),
        replace(row("tenth-is-zero", ("zeroed-readings", {"each": 10, **powered})), benches=NO_NOISE),
        row("all-are-zero", ("zeroed-readings", {"each": 1, **powered})),
    ]


def _dut() -> list[Fault]:
    def row(name: str, *faults: Planted, slow: bool = False, harmless: bool = False) -> Fault:
        return Fault("dut", name, faults, slow=slow, harmless=harmless)

    return [
        row("hangs-at-boot", ("silent-dut", {"boot": True, "delay_s": 0.01})),
        row("hangs-in-pilot", ("silent-dut", {"infer": 0, "delay_s": 0.1})),
        row("hangs-in-trial", ("silent-dut", IN_TRIAL), slow=True),
        row("hangs-loading", ("silent-dut", {"loaded": 2, "delay_s": 0.01})),
        row("resets-in-pilot", ("brown-out", {"infer": 0, "delay_s": 0.5})),
        row("resets-in-trial", ("brown-out", IN_TRIAL), slow=True),
        row("resets-in-warm-up", ("brown-out", {"asked": 3, "delay_s": 0.05})),
        row("resets-loading", ("brown-out", {"loaded": 3, "delay_s": 0.01})),
        row("echoes", ("echo", {}), harmless=True),
        row("echoes-each-character", ("echo", {"each": True}), harmless=True),
        row("echoes-from-trial", ("echo", {"loaded": 2})),
        row("prompts", ("prompt", {}), harmless=True),
        row("chatters-from-boot", ("chatter", {"text": "tick ", "duration_s": 1e3})),
        row("bytes-are-waiting", ("waiting-bytes", {}), harmless=True),
        row("refuses-infer", ("error-answer", {"port": "dut", "command": "infer", "infer": 1})),
        row("refuses-db", ("error-answer", {"port": "dut", "command": "db", "infer": 1})),
        row("other-workload", ("other-firmware", {"workload": "ad01"})),
        row("other-mode", ("other-firmware", {"mode": "performance"})),
        row("wrong-baud", ("wrong-baud", {})),
        row("wrong-baud-in-trial", ("wrong-baud", IN_TRIAL)),
        row("missing-ground", ("missing-ground", {})),
        row("unplugged", ("unplugged-port", {"port": "io", **IN_TRIAL})),
        row("io-silent", ("silent-io", IN_TRIAL)),
    ]


def _loss() -> list[Fault]:
    def row(name: str, *faults: Planted, slow: bool = False, harmless: bool = False) -> Fault:
        return Fault("loss", name, faults, slow=slow, harmless=harmless)

    every = [("dropped-samples", {"count": 50, "infer": n, "delay_s": 5.0}) for n in range(30)]
    return [
        *(
            row(f"{count}-lost", ("dropped-samples", {"count": count, **IN_TRIAL}), slow=count == 1000)
            for count in (1, 10, 100, 1000)
        ),
        row("lost-in-each-trial", *every),
        row("lost-between", ("dropped-samples", {"count": 20, "loaded": 3})),
        row("a-percent-lost", ("sparse-samples", {"count": 1, "infer": 2})),
        row("much-lost", ("sparse-samples", {"count": 40, "infer": 2})),
        row("nearly-all-lost", ("sparse-samples", {"count": 90, "infer": 2})),
        row("much-lost-from-boot", ("sparse-samples", {"count": 40, "for_s": 90.0, "boot": True})),
        row("stream-ends", ("silent-monitor", IN_TRIAL), slow=True),
        row("stream-ends-at-boot", ("silent-monitor", {"boot": True, "delay_s": 0.02})),
        row("protection-acts", ("overcurrent-stop", IN_TRIAL)),
        row("monitor-unplugged", ("unplugged-port", {"port": "monitor", **IN_TRIAL})),
    ]


FAULTS: tuple[Fault, ...] = (
    Fault("none", "nothing", harmless=True, slow=True),
    *every_third(_bytes()),
    *every_third(_edges()),
    *_clocks(),
    *_supplies(),
    *_load(),
    *_dut(),
    *_loss(),
)
