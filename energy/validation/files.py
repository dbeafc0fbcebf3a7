"""Rules about what lies where: benchmarks and runners of a round, ic2 with ic."""

from __future__ import annotations

from collections.abc import Iterable

from energy.findings import Finding
from energy.submission.places import BenchmarkFolder, System
from energy.validation.rounds import RoundRules


def round_rules(folder: BenchmarkFolder, rules: RoundRules, shown: str) -> Iterable[Finding]:
    """Whether the round has this benchmark and accepts this runner; only where the round is known."""
    if not rules.known:
        return
    if folder.benchmark not in rules.benchmarks:
        yield Finding(
            "benchmark.not-in-round", f"{folder.benchmark} is no benchmark of {rules.name}", path=shown
        )
    elif folder.runner != "unknown" and folder.runner not in rules.runners:
        evidence = (
            f"files of the {folder.runner} runner, {rules.name} accepts {', '.join(sorted(rules.runners))}"
        )
        yield Finding("runner.not-accepted", evidence, path=shown)


def ic_two_with_ic(system: System, shown: str) -> Iterable[Finding]:
    """The larger ResNet is accepted together with the smaller one only (mlperf-tiny.md 1)."""
    names = {folder.benchmark for folder in system.benchmarks}
    if "ic2" in names and "ic" not in names:
        yield Finding("ic-two.alone", "there is ic2 and no ic", path=shown)
