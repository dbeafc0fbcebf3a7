"""A new bench file: a shipped one with the ports of this machine, or what follows from what is plugged in."""

from __future__ import annotations

from pathlib import Path

from energy.bench.benchfile import read_bench
from energy.bench.discovery import Found, bench_fragment, discover
from energy.bench.shipped import BENCHES
from energy.bench.spelling import closest
from energy.errors import UsageError

_TO_FILL_IN = ("FILL-IN", "fill in", "192.0.2.")
"""Mark of a value that only the user knows; 192.0.2.0/24 is reserved for examples (RFC 5737)."""


def new_bench(monitor: str | None) -> tuple[str, list[str]]:
    """The text of a new bench file, and its lines that must be filled in.

    Args:
        monitor: Name of a shipped bench, such as ``"lpm01a"``; None: from what is plugged in.

    Raises:
        UsageError: ``usage.monitor`` if no bench has that name, or nothing is plugged in.
    """
    found = discover().found
    text = bench_fragment(found) if monitor is None else _shipped(monitor, found)
    if not text:
        raise UsageError(
            "usage.monitor",
            "no instrument was found that a bench file could be made for",
            f"Name one with --monitor: {', '.join(_names())}; without hardware: --monitor lpm01a-virtual.",
        )
    lines = [line.strip() for line in text.splitlines() if not line.startswith("#")]
    return text, [line for line in lines if any(mark in line for mark in _TO_FILL_IN)]


def write_bench(path: Path, text: str) -> Path:
    """Writes a new bench file.

    Raises:
        UsageError: ``bench.exists``, ``bench.unwritable``.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        text = f"{path} exists, and is not overwritten"
        raise UsageError("bench.exists", text, "Name another file with --out.") from error
    except OSError as error:
        raise UsageError(
            "bench.unwritable", f"{path}: {error.strerror or error}", "Name another file with --out."
        ) from error
    return path


def _names() -> list[str]:
    """Shipped benches of real instruments."""
    names = sorted(path.stem for path in BENCHES.glob("*.toml"))
    return [name for name in names if f"{name}-virtual" in names]


def _shipped(monitor: str, found: list[Found]) -> str:
    path = BENCHES / f"{monitor}.toml"
    if path.parent.resolve() != path.resolve().parent or not path.is_file():
        names = [file.stem for file in BENCHES.glob("*.toml")]
        similar = closest(monitor, names)
        raise UsageError(
            "usage.monitor",
            f"no bench of the name {monitor!r} comes with joulebench"
            + (f": did you mean {similar}?" if similar else ""),
            f"There are {', '.join(_names())}, each also with -virtual.",
        )
    text = path.read_text(encoding="utf-8")
    bench = read_bench(path)
    if bench.virtual is not None:
        return text
    for part, role in (
        (bench.monitor, "monitor"),
        (bench.io_manager, "io_manager"),
        (bench.supply, "supply"),
    ):
        ports = [item.port for item in found if part and (item.role, item.driver) == (role, part.driver)]
        if part and len(ports) == 1:
            text = text.replace(f'port = "{part.port}"', f'port = "{ports[0]}"')
    return text
