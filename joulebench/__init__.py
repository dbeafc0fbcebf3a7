"""joulebench from a script or a notebook: everything that the command line does, as functions and objects.

    import joulebench as jb

    bench = jb.load_bench("virtual")                  # or the path of a bench file
    result = jb.measure(bench, "kws01", mode="energy")
    result.joule_per_inference.median                 # in joule
    recording = jb.open(result.folder)
    recording.power_w(0.0, 1.0)                       # numpy: seconds in, watt out
    jb.integrate(recording, rule="exact").to_dataframe()

Importing it is quick: each name is imported when it is first used. Nothing here prints; a problem is
raised as a ``JoulebenchError`` with a code and a hint. docs/how-to/python.md shows all of it.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # type checkers take it for True; typing itself would be the slowest import here
if TYPE_CHECKING:
    from typing import Any

    from energy import __version__
    from energy.bench.shipped import shipped
    from energy.characterize.memory import Memory, memory_of
    from energy.errors import JoulebenchError
    from joulebench.benches import Examined, PluggedIn, discover, doctor, load_bench, virtual_bench
    from joulebench.calchecks import CheckedMonitor, calcheck
    from joulebench.comparing import Gate, PairedSets, ResultComparison, check, compare, compare_paired
    from joulebench.figures import AllFigures, Figures, export, integrate, integrate_all
    from joulebench.layering import LayersResult, layers
    from joulebench.listing import SessionList, sessions
    from joulebench.measuring import demo, measure, measure_all, record, resume
    from joulebench.outcomes import (
        AccuracySession,
        EnergySession,
        PerformanceSession,
        RecordedWindows,
        Sessions,
        Trial,
    )
    from joulebench.phasing import PhasesResult, phases
    from joulebench.plotting import plot
    from joulebench.points import operating_points, plot_choice, plot_latency
    from joulebench.published import atlas, build_catalogue, catalogue
    from joulebench.reanalysing import ReanalysedArchive, reanalyse
    from joulebench.recordings import (
        Recording,
        open,  # noqa: A004 - jb.open, as numpy.load
    )
    from joulebench.recovering import Recovered, Recovery, recover
    from joulebench.reports import report
    from joulebench.scenarios import ScenarioResult, scenario
    from joulebench.single import inferences
    from joulebench.standing import FloorsResult, floors
    from joulebench.submissions import Packaged, Validation, package, package_form, validate
    from joulebench.sweeps import Sweep, SweepPoints, sweep, sweep_points

_HOMES = {
    "energy": ("__version__",),
    "energy.bench.shipped": ("shipped",),
    "energy.characterize.memory": ("Memory", "memory_of"),
    "energy.errors": ("JoulebenchError",),
    "joulebench.benches": ("Examined", "PluggedIn", "discover", "doctor", "load_bench", "virtual_bench"),
    "joulebench.layering": ("LayersResult", "layers"),
    "joulebench.comparing": (
        "Gate",
        "PairedSets",
        "ResultComparison",
        "check",
        "compare",
        "compare_paired",
    ),
    "joulebench.calchecks": ("CheckedMonitor", "calcheck"),
    "joulebench.listing": ("SessionList", "sessions"),
    "joulebench.measuring": ("demo", "measure", "measure_all", "record", "resume"),
    "joulebench.figures": ("AllFigures", "Figures", "export", "integrate", "integrate_all"),
    "joulebench.published": ("atlas", "build_catalogue", "catalogue"),
    "joulebench.phasing": ("PhasesResult", "phases"),
    "joulebench.plotting": ("plot",),
    "joulebench.points": ("operating_points", "plot_choice", "plot_latency"),
    "joulebench.recordings": ("Recording", "open"),
    "joulebench.reanalysing": ("ReanalysedArchive", "reanalyse"),
    "joulebench.recovering": ("Recovered", "Recovery", "recover"),
    "joulebench.reports": ("report",),
    "joulebench.outcomes": (
        "AccuracySession",
        "EnergySession",
        "PerformanceSession",
        "RecordedWindows",
        "Sessions",
        "Trial",
    ),
    "joulebench.standing": ("FloorsResult", "floors"),
    "joulebench.scenarios": ("ScenarioResult", "scenario"),
    "joulebench.single": ("inferences",),
    "joulebench.submissions": ("Packaged", "Validation", "package", "package_form", "validate"),
    "joulebench.sweeps": ("Sweep", "SweepPoints", "sweep", "sweep_points"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "AccuracySession",
    "AllFigures",
    "CheckedMonitor",
    "EnergySession",
    "Examined",
    "Figures",
    "FloorsResult",
    "Gate",
    "JoulebenchError",
    "LayersResult",
    "Memory",
    "Packaged",
    "PairedSets",
    "PerformanceSession",
    "PhasesResult",
    "PluggedIn",
    "ReanalysedArchive",
    "RecordedWindows",
    "Recording",
    "Recovered",
    "Recovery",
    "ResultComparison",
    "ScenarioResult",
    "SessionList",
    "Sessions",
    "Sweep",
    "SweepPoints",
    "Trial",
    "Validation",
    "__version__",
    "atlas",
    "build_catalogue",
    "calcheck",
    "catalogue",
    "check",
    "compare",
    "compare_paired",
    "demo",
    "discover",
    "doctor",
    "export",
    "floors",
    "inferences",
    "integrate",
    "integrate_all",
    "layers",
    "load_bench",
    "measure",
    "measure_all",
    "memory_of",
    "open",
    "operating_points",
    "package",
    "package_form",
    "phases",
    "plot",
    "plot_choice",
    "plot_latency",
    "reanalyse",
    "record",
    "recover",
    "report",
    "resume",
    "scenario",
    "sessions",
    "shipped",
    "sweep",
    "sweep_points",
    "validate",
    "virtual_bench",
]


def __getattr__(name: str) -> Any:
    """A public name, imported when it is first used."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'joulebench' has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
