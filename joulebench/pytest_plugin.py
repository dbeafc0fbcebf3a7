"""pytest: energies in a firmware's tests, on every bench; ``assert joulebench.measure("kws01") < 1.5e-3``.

Installed with joulebench as the entry point ``pytest11``. It imports nothing but pytest until a test asks for
its fixture, so it does not slow other tests. docs/how-to/ci-gate.md shows its use.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from energy.uncertainty.compare import Subject
    from energy.uncertainty.results import FigureName
    from joulebench.outcomes import EnergySession, PerformanceSession
    from joulebench.uncertain_figure import UncertainFigure

Mode = Literal["energy", "performance"]
_PROPERTY = "joulebench"
_SHOWN = pytest.StashKey[list[str]]()
_MARKER = (
    "joulebench(bench=None, mode=None, changes=None): the bench on which the fixture joulebench measures, "
    "its mode, and other values of keys of the bench file"
)
_WHAT = {
    "fail": "fails its test",
    "pass": "passes",
    "skip": "skips its test",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the options and their settings in the ini file."""
    group = parser.getgroup("joulebench", "energy per inference of microcontrollers")
    group.addoption(
        "--joulebench-bench",
        action="append",
        metavar="BENCH",
        help="bench file, or name of a shipped bench; repeated: tests that measure run on each (default: "
        "joulebench_bench of the ini file, else the virtual bench)",
    )
    group.addoption(
        "--joulebench-undecided",
        choices=tuple(_WHAT),
        help="where the uncertainty leaves a comparison open: fail (default), pass or skip the test",
    )
    group.addoption(
        "--joulebench-out", metavar="DIR", help="where sessions are kept (default: pytest's temporary folder)"
    )
    parser.addini(
        "joulebench_bench", "bench file, or name of a shipped bench; several lines: each", "linelist"
    )
    parser.addini(
        "joulebench_undecided", "fail, pass or skip a test whose comparison is undecided", default="fail"
    )
    parser.addini("joulebench_out", "where sessions are kept", default="")


def pytest_configure(config: pytest.Config) -> None:
    """Registers the marker, and refuses a setting that there is not."""
    config.addinivalue_line("markers", _MARKER)
    config.stash[_SHOWN] = []
    if _undecided(config) not in _WHAT:
        raise pytest.UsageError(
            f"joulebench_undecided = {_undecided(config)!r}: it is one of {', '.join(_WHAT)}"
        )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Runs a test on each bench where several are named, unless its marker names one."""
    if "joulebench" not in metafunc.fixturenames:
        return
    marker = metafunc.definition.get_closest_marker("joulebench")
    benches = _benches(metafunc.config)
    if len(benches) > 1 and not (marker and marker.kwargs.get("bench")):
        metafunc.parametrize("joulebench", benches, indirect=True, ids=[Path(name).stem for name in benches])


class Measuring:
    """The fixture: measures on a bench, and reads results that were measured before.

    Attributes:
        bench: The bench's name or file.
        sessions: The sessions that were measured, in order.
    """

    def __init__(
        self,
        config: pytest.Config,
        bench: str,
        out: Path,
        show: Callable[[str], None],
        mode: Mode = "energy",
        changes: Mapping[str, Any] | None = None,
    ) -> None:
        self.bench = bench
        self.sessions: list[EnergySession | PerformanceSession] = []
        self._config, self._out, self._show, self._mode = config, out, show, mode
        self._changes = dict(changes or {})

    def measure(self, workload: str, *, mode: Mode | None = None, **more: Any) -> UncertainFigure:
        """Measures a workload.

        Args:
            workload: ``"kws01"``, ``"vww01"``, ``"ic01"`` or ``"ad01"``.
            mode: ``"energy"`` gives energy per inference in joule; ``"performance"`` inferences per second by
                the DUT's own clock. None: that of the marker, else energy.
            more: Further arguments of ``jb.measure``: ``datasets``, ``note``.

        Raises:
            JoulebenchError: If the bench is not as it must be.
        """
        __tracebackhide__ = True
        import joulebench as jb
        from joulebench.measured_figures import figures_of_session

        asked = mode or self._mode
        bench = jb.load_bench(self.bench, self._changes)
        measured = jb.measure(
            bench, workload, cast('Literal["energy"]', asked), out=self._out, progress=False, **more
        )
        session: EnergySession | PerformanceSession = measured  # by its mode
        self.sessions.append(session)
        if not session.valid:
            found = [f"{f.code}: {f.evidence}" for f in session.findings if f.severity == "error"]
            pytest.fail(
                f"the session {session.folder} is not valid: {'; '.join(found) or 'trials are missing'}",
                pytrace=False,
            )
        main, others = figures_of_session(session, asked)
        figure = self._figure(main, others, session.folder)
        virtual = "VIRTUAL " if session.virtual else ""
        self._show(f"{virtual}{bench.name}: {workload}: {main.budget.quantity} {figure!r}")
        return figure

    def result(self, path: str | Path) -> UncertainFigure:
        """The energy per inference of a result that was measured before, such as a baseline.

        Args:
            path: A session's folder, or a copy of a ``result.json``; relative to pytest's rootdir.

        Raises:
            JoulebenchError: ``usage.path``, ``compare.no-uncertainty``, or what is wrong with the file.
        """
        __tracebackhide__ = True
        from energy.uncertainty.results import FIGURES, read_result

        result = read_result(self._config.rootpath / path, str(path))
        if result.errors:
            found = "; ".join(f"{code}: {evidence}" for code, evidence in result.errors)
            pytest.fail(f"the result {path} is not valid: {found}", pytrace=False)
        others: dict[FigureName, Subject] = {
            name: result.subject(name) for name in FIGURES if result.has(name)
        }
        return self._figure(result.subject("energy"), others, None)

    def _figure(
        self, main: Subject, others: Mapping[FigureName, Subject], folder: Path | None
    ) -> UncertainFigure:
        from joulebench.uncertain_figure import UncertainFigure

        return UncertainFigure(main, others, folder=folder, undecided=self._on_undecided)

    def _on_undecided(self, why: str) -> bool:
        __tracebackhide__ = True
        action = _undecided(self._config)
        if action == "fail":
            pytest.fail(why)
        if action == "skip":
            pytest.skip(why)
        self._show(why)
        return True


@pytest.fixture
def joulebench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Measuring:
    """Measures energy on the bench of the marker, the option or the ini file."""
    marker = request.node.get_closest_marker("joulebench")
    given: dict[str, Any] = marker.kwargs if marker else {}
    unknown = sorted(set(given) - {"bench", "mode", "changes"})
    if unknown or (marker and marker.args):
        raise pytest.UsageError(
            f"the marker joulebench takes bench, mode and changes, not {unknown or marker.args}"
        )
    bench: str = given.get("bench") or getattr(request, "param", None) or _benches(request.config)[0]
    properties: list[tuple[str, object]] = request.node.user_properties

    def show(text: str) -> None:
        properties.append((_PROPERTY, text))

    out = _out(request.config, tmp_path_factory)
    return Measuring(request.config, bench, out, show, given.get("mode") or "energy", given.get("changes"))


@pytest.fixture(scope="session")
def joulebench_session(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Measuring:
    """The same for fixtures that measure once for many tests: on the first bench, without markers."""
    config = request.config
    return Measuring(config, _benches(config)[0], _out(config, tmp_path_factory), config.stash[_SHOWN].append)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Lists every figure with its uncertainty; nothing where nothing was measured."""
    lines: list[tuple[str, str]] = [("", text) for text in config.stash[_SHOWN]]
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) == "teardown":
                properties: list[tuple[str, object]] = report.user_properties
                lines += [(report.nodeid, str(text)) for name, text in properties if name == _PROPERTY]
    if not lines:
        return
    terminalreporter.section("joulebench")
    for node, text in lines:
        terminalreporter.line(f"{node}\n    {text}" if node else text)
    action = _undecided(config)
    terminalreporter.line(
        f"A comparison that the uncertainty leaves open {_WHAT[action]} (--joulebench-undecided={action})."
    )


def _benches(config: pytest.Config) -> list[str]:
    chosen: list[str] = config.getoption("--joulebench-bench") or config.getini("joulebench_bench")
    return chosen or ["virtual"]


def _undecided(config: pytest.Config) -> str:
    return str(config.getoption("--joulebench-undecided") or config.getini("joulebench_undecided"))


def _out(config: pytest.Config, factory: pytest.TempPathFactory) -> Path:
    chosen = config.getoption("--joulebench-out") or config.getini("joulebench_out")
    return config.rootpath / str(chosen) if chosen else factory.getbasetemp() / "joulebench"
