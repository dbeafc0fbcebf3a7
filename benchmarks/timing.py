"""Timing of contenders by turns, so that a noisy machine is noisy to all of them alike."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Contender:
    """Something to time.

    Attributes:
        name: What the table calls it.
        run: What is timed.
        prepare: Called before every run, not timed.
        finish: Called after every run, not timed.
    """

    name: str
    run: Callable[[], object]
    prepare: Callable[[], object] = _nothing
    finish: Callable[[], object] = _nothing


def alternate(contenders: Sequence[Contender], repeats: int) -> dict[str, tuple[float, ...]]:
    """Runs every contender once per round, in an order drawn anew for each round.

    Args:
        contenders: Names differ.
        repeats: Rounds that count; one more goes before them and does not.

    Returns:
        Seconds of every run that counts, by name.
    """
    seconds: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    order = random.Random(len(contenders))
    for number in range(repeats + 1):
        for contender in order.sample(contenders, len(contenders)):
            contender.prepare()
            began = time.perf_counter()
            contender.run()
            elapsed = time.perf_counter() - began
            contender.finish()
            if number:
                seconds[contender.name].append(elapsed)
    return {name: tuple(runs) for name, runs in seconds.items()}
