"""The parts of the reference that follow from the code, by the names that pages ask for them with."""

from __future__ import annotations

from collections.abc import Callable

from bench_part import bench_part
from cli_part import cli_part
from errors_part import errors_part
from python_part import python_part

PARTS: dict[str, Callable[[], str]] = {
    "bench file": bench_part,
    "command line": cli_part,
    "errors": errors_part,
    "python": python_part,
}
"""Each makes Markdown whose headings begin at the second level."""
