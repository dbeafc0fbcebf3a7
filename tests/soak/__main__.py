"""``python -m tests.soak day | hour | sessions``: endurance, with figures on standard output."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from energy.cli.storage import size_of
from energy.recording.keep import Keep
from tests.soak.day import DAY_S, MOST_GROWTH, Day, run_day
from tests.soak.hour import HOUR_S, run_hour
from tests.soak.sessions import MOST_PER_SESSION, Sessions, run_sessions


def main() -> int:
    """Runs what was asked for; exit status 1 where something must not be."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    day = commands.add_parser("day", help="86.4 billion samples through blocks, edges, windows, figures")
    day.add_argument("--quick", action="store_true", help="five minutes of it")
    hour = commands.add_parser("hour", help="3.6 billion samples through a recording")
    hour.add_argument("--keep", choices=("full", "windows", "levels"), default="windows")
    hour.add_argument("--disk-budget", type=size_of, metavar="SIZE", help="default: none")
    hour.add_argument("--folder", type=Path, help="where it is made and removed (default: temporary)")
    hour.add_argument("--quick", action="store_true", help="two minutes of it")
    many = commands.add_parser("sessions", help="many sessions in one process")
    many.add_argument("--records", type=int, default=1000, metavar="N", help="recordings (default: 1000)")
    many.add_argument(
        "--measures", type=int, default=100, metavar="N", help="sessions of kws01 (default: 100)"
    )
    many.add_argument("--folder", type=Path, help="where they are made and removed (default: temporary)")
    arguments = parser.parse_args()
    if arguments.command == "day":
        return _day(300 if arguments.quick else DAY_S)
    with tempfile.TemporaryDirectory(prefix="joulebench-soak-", dir=arguments.folder) as folder:
        if arguments.command == "sessions":
            return _sessions(Path(folder), {"record": arguments.records, "measure": arguments.measures})
        seconds = 120 if arguments.quick else HOUR_S
        return _hour(Path(folder) / "recording", arguments.keep, seconds, arguments.disk_budget)


def _hour(folder: Path, keep: str, seconds: int, budget: int | None) -> int:
    hour = run_hour(folder, Keep(keep), seconds, budget)
    day = hour.day
    _say(f"--keep {keep}: {day.samples:,} samples, {hour.full / 1e9:.2f} GB, in {day.took_s:.0f} s")
    _say(f"ended: {hour.ended}, {len(day.joules)} windows, {hour.kept:,} samples kept")
    _say(f"its files: {hour.disk / 1e9:.3f} GB at most, {hour.left / 1e9:.3f} GB in the end")
    _say(f"largest error of a window: {day.worst_share:.3f} of its stated bound")
    _say(f"largest difference from the exact sum of its samples: {day.worst_sum:.2g} (allowed: 1e-12)")
    _say_memory(day, "ten minutes")
    return _verdict(hour.problems())


def _sessions(folder: Path, counts: dict[str, int]) -> int:
    def progress(sessions: Sessions) -> None:
        if len(sessions.held) % 50 == 0:
            now = sessions.held[-1]
            _say(f"{len(sessions.held)} {sessions.kind}, {sessions.took_s:.0f} s: {now}")

    problems: list[str] = []
    for kind, count in counts.items():
        if not count:
            continue
        (folder / kind).mkdir()
        done = run_sessions(kind, count, folder / kind, progress)
        first, last = done.settled[0], done.settled[-1]
        _say(f"{count} sessions of `{kind}` in one process, {done.took_s:.0f} s")
        _say(f"after the warm-up: {first}")
        _say(f"after the last:    {last}")
        _say(f"memory: {done.slope:+.0f} bytes a session (allowed: {MOST_PER_SESSION:.0f})")
        problems += [f"{kind}: {problem}" for problem in done.problems()]
    return _verdict(problems)


def _day(seconds: int) -> int:
    def progress(day: Day) -> None:
        hours = len(day.joules) / 180
        _say(f"{hours:.0f} h in {day.took_s:.0f} s, memory {day.most / 1e6:.1f} MB")

    day = run_day(seconds, progress)
    _say(f"{day.samples:,} samples of current and voltage in {day.took_s:.0f} s, {len(day.joules)} windows")
    _say(f"energy of all: {day.total_j:.9g} J, off by {day.total_error:.2g} (allowed: 1e-9)")
    _say(f"largest error of a window: {day.worst_share:.3f} of its stated bound")
    _say(f"largest difference from the exact sum of its samples: {day.worst_sum:.2g} (allowed: 1e-12)")
    _say_memory(day)
    return _verdict(day.problems())


def _say_memory(day: Day, since: str = "a minute") -> None:
    _say(
        f"memory after {since} {day.after_minute / 1e6:.1f} MB, then at most {day.growth / 1e6:+.2f} MB "
        f"(allowed: {MOST_GROWTH / 1e6:.0f} MB)"
    )


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _verdict(problems: list[str]) -> int:
    for problem in problems[:20]:
        _say(f"PROBLEM: {problem}")
    _say(f"{len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
