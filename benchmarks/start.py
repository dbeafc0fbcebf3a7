"""From a cold start of the interpreter: the help, and the energy of a small recording."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.results import Line, Section, Target, by_name, rows_beside
from benchmarks.timing import Contender, alternate
from energy.errors import EXIT_FINDINGS, EXIT_OK

_PYTHON = "Python alone: python -c pass"
_NUMPY = "Python with NumPy: python -c 'import numpy'"
_HELP = "joulebench --help"
_INTEGRATE = "joulebench integrate, a small recording"
_HELP_S = 0.2
_INTEGRATE_S = 0.3
_RECORDING = Path(__file__).resolve().parents[1] / "fixtures" / "recordings" / "kws01-closed-form"


def start(repeats: int) -> Section:
    """Times whole processes."""
    commands = {
        _PYTHON: ["-c", "pass"],
        _NUMPY: ["-c", "import numpy"],
        _HELP: ["-m", "joulebench", "--help"],
        _INTEGRATE: ["-m", "joulebench", "integrate", str(_RECORDING)],
    }
    rows = rows_beside(
        alternate([Contender(name, _process(arguments)) for name, arguments in commands.items()], repeats),
        _PYTHON,
        1,
    )
    named = by_name(rows)
    helped, integrated = named[_HELP], named[_INTEGRATE]
    return Section(
        "Start: from the start of the interpreter to its end",
        rows,
        lines=[
            Line(
                "joulebench --help, seconds",
                helped,
                Target("seconds of --help", helped.median_s, _HELP_S, "at most"),
                named[_PYTHON],
            ),
            Line(
                "joulebench integrate, seconds",
                integrated,
                Target("seconds of integrate", integrated.median_s, _INTEGRATE_S, "at most"),
                named[_NUMPY],
            ),
        ],
    )


def _process(arguments: list[str]) -> Callable[[], None]:
    def run() -> None:
        done = subprocess.run([sys.executable, *arguments], check=False, capture_output=True)
        if done.returncode not in (EXIT_OK, EXIT_FINDINGS):
            raise RuntimeError(f"{arguments} ended with {done.returncode}: {done.stderr.decode()}")

    return run
