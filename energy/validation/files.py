"""Rules about what lies where: benchmarks and runners of a round, ic2 with ic, the DUT's own model."""

from __future__ import annotations

from collections.abc import Iterable

from energy.findings import Finding
from energy.submission.places import BenchmarkFolder, System
from energy.validation.material import RunMaterial
from energy.validation.rounds import MODELS, RoundRules


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


def model(run: RunMaterial) -> Iterable[Finding]:
    """Whether the DUT states the model of the folder's benchmark, as far as it states one of the known."""
    stated = run.log.model if run.log else None
    wanted = MODELS.get(run.benchmark)
    if stated in MODELS.values() and wanted is not None and stated != wanted:
        yield Finding(
            "model.differs", f"the DUT states {stated}, the folder is {run.benchmark}", path=run.log_path
        )


def log_of_a_run(run: RunMaterial) -> Iterable[Finding]:
    """Whether the log is one: some runner's, with inferences in it (streaming wake word logs none)."""
    if run.log is None:
        return
    if run.log.runner == "unknown":
        evidence = f"none of its {run.log.lines} lines is one that a runner begins its log with"
        yield Finding("log.foreign", evidence, path=run.log_path)
    elif run.benchmark != "sww" and not run.log.inferences:
        yield Finding("log.foreign", f"there is no inference in its {run.log.lines} lines", path=run.log_path)
