"""``python -m tests.soak day | hour | sessions``: endurance, with figures on standard output."""

from __future__ import annotations

import argparse
import sys

from tests.soak.day import DAY_S, MOST_GROWTH, Day, run_day


def main() -> int:
    """Runs what was asked for; exit status 1 where something must not be."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    day = commands.add_parser("day", help="86.4 billion samples through blocks, edges, windows, figures")
    day.add_argument("--quick", action="store_true", help="five minutes of it")
    arguments = parser.parse_args()
    return _day(300 if arguments.quick else DAY_S)


def _day(seconds: int) -> int:
    def progress(day: Day) -> None:
        hours = len(day.joules) / 180
        _say(f"{hours:.0f} h in {day.took_s:.0f} s, memory {day.most / 1e6:.1f} MB")

    day = run_day(seconds, progress)
    _say(f"{day.samples:,} samples of current and voltage in {day.took_s:.0f} s, {len(day.joules)} windows")
    _say(f"energy of all: {day.total_j:.9g} J, off by {day.total_error:.2g} (allowed: 1e-9)")
    _say(f"largest error of a window: {day.worst_share:.3f} of its stated bound")
    _say(f"largest difference from the exact sum of its samples: {day.worst_sum:.2g} (allowed: 1e-12)")
    _say(
        f"memory after a minute {day.after_minute / 1e6:.1f} MB, then at most {day.growth / 1e6:+.2f} MB "
        f"(allowed: {MOST_GROWTH / 1e6:.0f} MB)"
    )
    return _verdict(day.problems())


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
