"""The lines that the door was made for, in this checkout and from a wheel in an empty folder."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.conftest import ROOT

LINES = """
import json, sys
from pathlib import Path
import joulebench as jb

bench = jb.load_bench("virtual")
result = jb.measure(bench, "kws01", mode="energy")
median = result.joule_per_inference.median
findings = result.findings
rec = jb.open(result.folder)
power = rec.power_w(0.0, 1.0)
frame = jb.integrate(rec, rule="exact").to_dataframe()
report = jb.validate(result.folder)
with jb.virtual_bench(monitor="ppk2-source") as twins:
    name = twins.name
from joulebench import shipped
demo = jb.open(shipped("kws01-closed-form"))
print(json.dumps({
    "home": jb.__file__,
    "median": median,
    "written": json.loads((result.folder / "result.json").read_text()),
    "codes": [one.code for one in findings],
    "samples": len(power),
    "mean_w": float(power.mean()),
    "rate_hz": rec.rate_hz,
    "per_inference": list(frame["joule_per_inference"]),
    "virtual": [bool(result.virtual), bool(rec.virtual), bool(frame["virtual"].all()), report.virtual],
    "sound": report.sound,
    "twins": name,
    "demo": jb.integrate(demo).to_dataframe()["energy_j"].tolist(),
    "truth": json.loads((shipped("kws01-closed-form") / "truth.json").read_text())["energy_j"],
    "benches": [jb.load_bench(n).name for n in ("lpm01a", "lpm01a-virtual", "emulated-full")],
}))
"""


def run(python: Path | str, *words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [str(python), *words], cwd=cwd, capture_output=True, text=True, timeout=300, check=False, env=env
    )


def check(python: Path | str, folder: Path) -> dict[str, object]:
    """Runs the lines, and compares with what the session wrote and with a recording of known energy."""
    script = folder / "lines.py"
    script.write_text(LINES)
    answer = run(python, str(script), cwd=folder)
    assert answer.returncode == 0, answer.stderr
    assert not answer.stderr, "library code does not print"
    assert answer.stdout.count("\n") == 1
    said = json.loads(answer.stdout)
    written = said["written"]
    assert said["median"] == written["session"]["joule_per_inference"]["exact"]["median"]
    assert 1.7e-3 < said["median"] < 1.95e-3  # README: kws01 on the virtual NUCLEO-L4R5ZI takes 1821 µJ
    assert said["codes"] == [one["code"] for one in written["findings"]]
    assert said["samples"] == said["rate_hz"] == 1000
    assert 1e-4 < said["mean_w"] < 0.1
    windows = [one["energies"]["exact"]["joule_per_inference"] for one in written["windows"]]
    assert said["per_inference"] == windows
    assert said["virtual"] == [True] * 4
    assert said["twins"] == "ppk2-source-virtual"
    assert said["demo"] == pytest.approx(said["truth"], rel=1e-4)
    assert said["benches"] == ["lpm01a", "lpm01a-virtual", "emulated-full"]
    return said


def test_the_lines_run_in_an_empty_folder(tmp_path):
    check(sys.executable, tmp_path)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with a wheel of this project, beside the packages that the tests have."""
    pytest.importorskip("hatchling", reason="the wheel is built with hatchling: install the extra dev")
    folder = tmp_path_factory.mktemp("wheel")
    words = ["-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-q"]
    built = run(sys.executable, *words, "-w", str(folder), str(ROOT), cwd=folder)
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("joulebench-*.whl")
    venv.create(folder / "env", with_pip=False, symlinks=True)
    python = folder / "env" / "bin" / "python"
    site = Path(
        run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).stdout.strip()
    )
    words = ["-m", "pip", "install", "--no-deps", "--no-index", "-q", "--target", str(site), str(wheel)]
    done = run(sys.executable, *words, cwd=folder)
    assert done.returncode == 0, done.stderr
    # After the wheel's own folder; .pth files in these are not read, so the checkout is not among them.
    others = [path for path in sys.path if Path(path).name == "site-packages"]
    (site / "others.pth").write_text("\n".join(others) + "\n")
    return python


def test_the_lines_run_from_a_wheel_in_an_empty_folder(installed, tmp_path):
    said = check(installed, tmp_path)
    assert str(said["home"]).startswith(str(installed.parents[1]))


def test_a_wheel_has_what_help_and_hints_name(installed, tmp_path):
    help_text = run(installed, "-m", "joulebench", "--help", cwd=tmp_path).stdout
    named = re.findall(r"joulebench integrate (\S*kws01-closed-form)", help_text)
    assert named
    assert all(Path(path, "trace.arrow").is_file() for path in named)
    (tmp_path / "bad.toml").write_text("")
    wrong = run(installed, "-m", "joulebench", "measure", "--bench", "bad.toml", cwd=tmp_path)
    assert wrong.returncode == 2
    (page,) = re.findall(r"described in (\S+)\.\n", wrong.stderr)
    assert Path(page).read_text().startswith("# The bench file")
    where = run(installed, "-m", "joulebench", "shipped", "lpm01a", cwd=tmp_path).stdout.strip()
    assert Path(where).read_text() == (ROOT / "energy/bench/benches/lpm01a.toml").read_text()
    listed = json.loads(run(installed, "-m", "joulebench", "shipped", "--json", cwd=tmp_path).stdout)
    here = json.loads(run(sys.executable, "-m", "joulebench", "shipped", "--json", cwd=tmp_path).stdout)
    assert [one["name"] for one in listed["files"]] == [one["name"] for one in here["files"]]
    assert all(str(installed.parents[1]) in one["path"] for one in listed["files"])


def test_every_shipped_file_that_the_program_names_is_there():
    """Help, hints and bench files: each path of documentation, wiring or fixtures exists and is shipped."""
    from energy.bench.shipped import shipped

    texts = [path for room in ("energy", "drivers", "joulebench") for path in (ROOT / room).rglob("*.py")]
    texts += list((ROOT / "energy/bench/benches").glob("*.toml"))
    named = {
        name
        for path in texts
        for name in re.findall(r"(?:docs/[\w./-]+\.(?:md|svg)|fixtures/recordings/[\w-]+)", path.read_text())
    }
    assert len(named) > 20
    for name in named:
        assert shipped(name).exists(), name


def test_importing_the_door_imports_nothing_else():
    code = (
        "import sys; before = set(sys.modules); import joulebench; print(*sorted(set(sys.modules) - before))"
    )
    added = run(sys.executable, "-c", code, cwd=ROOT).stdout.split()
    ours = [name for name in added if name.split(".")[0] in ("joulebench", "energy", "drivers")]
    assert ours == ["joulebench"]
    assert not {"numpy", "pandas", "pyarrow", "pydantic", "matplotlib", "rich"} & set(added)
    assert len(added) < 10


def test_every_name_of_the_door_is_there_and_listed():
    import joulebench

    assert sorted(joulebench.__all__) == sorted(joulebench._HOME_OF)
    for name in joulebench.__all__:
        assert getattr(joulebench, name) is not None
        assert name in dir(joulebench)
        assert name == "__version__" or getattr(joulebench, name).__doc__, name
    with pytest.raises(AttributeError, match="no attribute 'mesure'"):
        joulebench.mesure  # noqa: B018 - it is the access that fails
    source = (ROOT / "joulebench/__init__.py").read_text()
    block = source.partition("if TYPE_CHECKING:")[2].partition("\n_HOMES")[0]
    typed = set(re.findall(r"\b\w+\b", re.sub(r"from [\w.]+ import|#.*", "", block)))
    assert typed - {"Any"} == set(joulebench.__all__), "what a type checker sees is what there is"


def test_python_m_joulebench_is_the_command_line(tmp_path):
    ours = run(sys.executable, "-m", "joulebench", "--version", cwd=tmp_path)
    assert ours.returncode == 0
    assert ours.stdout == run(sys.executable, "-m", "energy.cli.main", "--version", cwd=tmp_path).stdout
    wrong = run(sys.executable, "-m", "joulebench", "measure", "--bench", "lpm01-virtual", cwd=tmp_path)
    assert wrong.returncode == 2
    assert "lpm01a-virtual" in wrong.stderr
