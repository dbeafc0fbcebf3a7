"""The pytest plugin in a pytest of its own: another process, another project, the virtual bench."""

from __future__ import annotations

import json
import shutil
import sys

import pytest

from tests.cli.test_cli import joulebench as run_joulebench

pytest_plugins = ["pytester"]


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """A session that was measured before: 1821 µJ per inference, ± 2.4 %."""
    out = tmp_path_factory.mktemp("measured")
    answer = run_joulebench(
        *("measure", "--bench", "lpm01a-virtual", "--workload", "kws01", "--mode", "energy", "--out", out)
    )
    assert answer.returncode == 0, answer.stderr
    (folder,) = out.iterdir()
    return folder


@pytest.fixture
def project(pytester, session):
    """Another project, with the result of that session in it."""
    shutil.copy(session / "result.json", pytester.path / "baseline.json")
    pytester.makeini("[pytest]\naddopts = --strict-markers -p no:cacheprovider\n")
    return pytester


def outcome(project, *options: str):
    return project.runpytest_subprocess(*options, timeout=240)


def test_a_test_measures_and_asserts_and_the_summary_lists_the_figure(project):
    project.makepyfile(
        test_energy="""
        import pytest

        def test_energy(joulebench):
            energy = joulebench.measure("kws01")
            assert energy < 2e-3
            assert energy.throughput > 20
            assert 0.03 < energy.power < 0.06
            assert energy < 1.05 * joulebench.result("baseline.json")
            assert energy.folder.is_dir()

        @pytest.mark.joulebench(changes={"virtual.settings.energy_factor": 1.2})
        def test_too_much(joulebench):
            assert joulebench.measure("kws01") < 2e-3
        """
    )
    ended = outcome(project, "--joulebench-out", "kept", f"--junitxml={project.path / 'junit.xml'}")
    ended.assert_outcomes(passed=1, failed=1)
    ended.stdout.fnmatch_lines(
        [
            "*assert 21* µJ ± * µJ (95 %, k = *) < 0.002*",
            "*= joulebench =*",
            "test_energy.py::test_energy",
            "*VIRTUAL virtual: kws01: energy per inference 18* µJ ± * µJ (95 %, k = *)",
            "*comparison that the uncertainty leaves open fails its test*",
        ]
    )
    assert len(list((project.path / "kept").iterdir())) == 2
    assert "VIRTUAL virtual: kws01: energy per inference" in (project.path / "junit.xml").read_text()


UNDECIDED = """
def test_undecided(joulebench):
    assert joulebench.result("baseline.json") < 1.82e-3
"""


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], {"failed": 1}),
        (["--joulebench-undecided=fail"], {"failed": 1}),
        (["--joulebench-undecided=skip"], {"skipped": 1}),
        (["--joulebench-undecided=pass"], {"passed": 1}),
        (["-o", "joulebench_undecided=skip"], {"skipped": 1}),
    ],
)
def test_what_is_undecided_fails_skips_or_passes(project, options, expected):
    project.makepyfile(test_energy=UNDECIDED)
    ended = outcome(project, *options, "-rs")
    ended.assert_outcomes(**expected)
    if expected != {"passed": 1}:
        ended.stdout.fnmatch_lines(["*undecided: 182* < 0.00182: the limit lies inside *"])
    else:
        ended.stdout.fnmatch_lines(["*undecided: 182*", "*leaves open passes (*undecided=pass)*"])
    if expected == {"failed": 1}:  # the line of the test is shown
        ended.stdout.fnmatch_lines([">*assert joulebench.result*"])


def test_a_word_that_is_no_way_to_decide_is_refused(project):
    project.makepyfile(test_energy="def test_nothing(): pass")
    ended = outcome(project, "-o", "joulebench_undecided=maybe")
    assert ended.ret == pytest.ExitCode.USAGE_ERROR
    ended.stderr.fnmatch_lines(["*joulebench_undecided = 'maybe': it is one of fail, pass, skip*"])


def test_the_same_test_runs_on_every_bench_that_is_named(project):
    project.makepyfile(
        test_energy="""
        import pytest

        def test_energy(joulebench):
            assert joulebench.measure("kws01") < 2e-3

        @pytest.mark.joulebench(bench="lpm01a-virtual")
        def test_on_one(joulebench):
            assert joulebench.bench == "lpm01a-virtual"
        """
    )
    ended = outcome(
        project, "-v", "--joulebench-bench=lpm01a-virtual", "--joulebench-bench=keithley-2450-virtual"
    )
    ended.assert_outcomes(passed=3)
    ended.stdout.fnmatch_lines(
        [
            "*test_energy[[]lpm01a-virtual[]] PASSED*",
            "*test_energy[[]keithley-2450-virtual[]] PASSED*",
            "*test_on_one PASSED*",
            "*VIRTUAL lpm01a-virtual: kws01*",
            "*VIRTUAL keithley-2450-virtual: kws01*",
        ]
    )


def test_performance_mode_gives_throughput(project):
    project.makepyfile(
        test_energy="""
        import pytest

        @pytest.mark.joulebench(mode="performance")
        def test_throughput(joulebench):
            throughput = joulebench.measure("kws01")
            assert throughput > 20
            assert "inf/s" in repr(throughput)
        """
    )
    outcome(project).assert_outcomes(passed=1)


def test_figures_of_workers_are_in_the_summary(project):
    project.makepyfile(
        test_energy="""
        def test_energy(joulebench):
            assert joulebench.measure("kws01") < 2e-3
        """
    )
    ended = outcome(project, "-n", "1")
    ended.assert_outcomes(passed=1)
    ended.stdout.fnmatch_lines(["*VIRTUAL virtual: kws01: energy per inference 18* µJ ± *"])


def test_a_fixture_of_a_session_measures_once_for_many_tests(project):
    project.makeconftest(
        """
        import pytest

        @pytest.fixture(scope="session")
        def energy(joulebench_session):
            return joulebench_session.measure("kws01")
        """
    )
    project.makepyfile(
        test_energy="""
        def test_low(energy, joulebench_session):
            assert energy > 1.7e-3

        def test_high(energy, joulebench_session):
            assert energy < 2e-3
            assert len(joulebench_session.sessions) == 1
        """
    )
    ended = outcome(project)
    ended.assert_outcomes(passed=2)
    ended.stdout.fnmatch_lines(["VIRTUAL virtual: kws01: energy per inference *"])


def test_a_session_with_errors_fails_its_test(project):
    document = json.loads((project.path / "baseline.json").read_text())
    document["valid"] = False
    (project.path / "baseline.json").write_text(json.dumps(document))
    project.makepyfile(
        test_energy="""
        def test_old(joulebench):
            assert joulebench.result("baseline.json") < 1.0
        """
    )
    ended = outcome(project)
    ended.assert_outcomes(failed=1)
    ended.stdout.fnmatch_lines(["*the result baseline.json is not valid: session.not-valid*"])


def test_a_measured_session_that_is_not_valid_fails_its_test_with_the_findings(project):
    project.makepyfile(
        test_energy="""
        import pytest

        early = [["early-mark", {"which": "stop", "by_s": 0.2}]]

        @pytest.mark.joulebench(changes={"virtual.settings.faults": early})
        def test_energy(joulebench):
            assert joulebench.measure("kws01") < 1.0
        """
    )
    ended = outcome(project)
    ended.assert_outcomes(failed=1)
    ended.stdout.fnmatch_lines(["*the session * is not valid: window.edges-shifted: *"])


@pytest.mark.parametrize(
    ("marker", "says"),
    [("benches='virtual'", "not *benches*"), ("'virtual'", "not *virtual*")],
)
def test_a_marker_that_says_nothing_known_is_refused(project, marker, says):
    project.makepyfile(
        test_energy=f"""
        import pytest

        @pytest.mark.joulebench({marker})
        def test_energy(joulebench):
            pass
        """
    )
    ended = outcome(project)
    ended.assert_outcomes(errors=1)
    ended.stdout.fnmatch_lines([f"*the marker joulebench takes bench, mode and changes, {says}"])


def test_other_projects_notice_nothing(pytester):
    pytester.makeconftest(
        """
        import pytest

        @pytest.fixture
        def joulebench():
            return "their own"
        """
    )
    pytester.makepyfile(
        test_other="""
        import sys

        def test_own_fixture(joulebench):
            assert joulebench == "their own"

        def test_nothing_was_imported():
            slow = {"numpy", "GTC", "scipy", "pydantic", "pandas", "matplotlib", "energy.uncertainty"}
            assert not slow & set(sys.modules)
        """
    )
    ended = pytester.runpytest_subprocess(
        "--strict-markers", "-W", "error", "-p", "no:cacheprovider", "-p", "no:hypothesispytest"
    )
    ended.assert_outcomes(passed=2)
    assert not [line for line in ended.outlines if "joulebench" in line and not line.startswith("plugins: ")]


def test_the_plugin_is_found_by_its_entry_point():
    from importlib.metadata import entry_points

    (found,) = [entry for entry in entry_points(group="pytest11") if entry.name == "joulebench"]
    assert found.load() is sys.modules["joulebench.pytest_plugin"]
