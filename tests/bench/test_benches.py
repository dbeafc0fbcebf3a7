"""The bench files that come with the program: each parses, and drivers and twins take what stands in it."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import entry_points

import pytest

from energy.bench.assemble import IO_MANAGERS, MONITORS, SUPPLIES, open_bench
from energy.bench.benchfile import bench_of, read_bench
from energy.errors import BenchError
from energy.instruments import Setup
from tests.conftest import ROOT
from tests.links.peer import Log

FOLDER = ROOT / "energy/bench/benches"
FILES = sorted(path for path in FOLDER.glob("*.toml") if not path.stem.startswith(("emulated-", "virtual")))
"""Those with real firmware have tests of their own (tests/firmware/test_emulated_benches.py)."""
VIRTUAL = [path for path in FILES if path.stem.endswith("-virtual")]
REAL = [path for path in FILES if path not in VIRTUAL]
PARTS = (("monitor", MONITORS), ("io_manager", IO_MANAGERS), ("supply", SUPPLIES))

by_name = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def installed(bench):
    """Skips where a driver or a twin is not there yet."""
    twins = {point.name: point for point in entry_points(group="joulebench.twins")}
    for role, group in PARTS:
        part = getattr(bench, role)
        if part is None:
            continue
        points = [entry_points(group=group)[part.driver]]
        points += [twins[part.driver]] if part.driver in twins else []
        for point in points:
            try:
                point.load()
            except ImportError as error:
                pytest.skip(f"{point.name} is not installed: {error}")


def as_twins(path):
    """A bench file with twins in place of its instruments, all else as it stands there."""
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    model = "js110" if "js110" in path.stem else "js220"
    settings = {"model": model} if document["monitor"]["driver"] == "joulescope" else {}
    document["virtual"] = {"settings": settings}
    if document.get("supply", {}).get("driver") == "hook":  # has no twin
        document["supply"] = {"driver": "scpi", "port": "virtual"}
    return bench_of(document, path.name)


@by_name
def test_each_bench_file_parses_and_is_called_as_its_file(path):
    bench = read_bench(path)
    assert bench.name == path.stem
    assert (bench.virtual is not None) is (path in VIRTUAL)
    assert bench.monitor is not None
    assert bench.io_manager is not None
    for role, group in PARTS:
        part = getattr(bench, role)
        assert part is None or part.driver in entry_points(group=group).names


def test_each_monitor_has_a_real_and_a_virtual_bench_with_the_same_settings():
    assert {path.stem for path in VIRTUAL} == {f"{path.stem}-virtual" for path in REAL}
    drivers = {read_bench(path).monitor.driver for path in REAL}
    assert drivers == set(entry_points(group=MONITORS).names) - {"replay"}
    for path in REAL:
        real, virtual = read_bench(path), read_bench(path.with_stem(f"{path.stem}-virtual"))
        assert real.monitor.model_copy(update={"port": "virtual"}) == virtual.monitor
        assert real.io_manager.driver == virtual.io_manager.driver
        assert (real.supply is None) is (virtual.supply is None)


def test_no_real_bench_can_be_mistaken_for_one_that_is_filled_in():
    for path in REAL:
        bench = read_bench(path)
        assert bench.dut.port is not None
        ports = [bench.dut.port, *(part.port for role, _ in PARTS if (part := getattr(bench, role)))]
        assert all("FILL-IN" in port or "192.0.2." in port for port in ports), path.name
        assert bench.limits.highest_v <= 3.3  # the DUT's pins
        assert bench.limits.highest_a <= 0.2


@by_name
def test_drivers_and_twins_take_every_setting_of_a_bench_file(path):
    bench = read_bench(path) if path in VIRTUAL else as_twins(path)
    installed(bench)
    with open_bench(bench, "kws01", "energy", Log()) as opened:
        monitor = opened.monitor
        assert monitor is not None
        assert monitor.identify().virtual
        limits = monitor.limits
        assert limits.lowest_v <= bench.dut.voltage_v <= limits.highest_v
        assert bench.limits.highest_a <= limits.highest_a
        assert limits.sources is (bench.supply is None)
        edges = bench.monitor.edges or ("monitor" if limits.sees_edges else "io")
        assert limits.sees_edges or edges == "io"
        timed = opened.io_manager is not None and opened.io_manager.timing is not None
        assert edges == "monitor" or timed, "nobody would see an edge"
        rate_hz = bench.monitor.rate_hz or limits.full_rate_hz
        assert not limits.rates_hz or rate_hz in limits.rates_hz
        given = Setup(rate_hz, bench.dut.voltage_v, bench.limits.highest_v, bench.limits.highest_a, edges)
        assert monitor.configure(given).rate_hz == pytest.approx(rate_hz, rel=0.05)


@pytest.mark.parametrize("path", VIRTUAL, ids=lambda path: path.stem)
def test_an_unknown_setting_of_a_monitor_is_refused(path):
    bench = read_bench(path)
    installed(bench)
    monitor = bench.monitor.model_copy(update={"settings": {**bench.monitor.settings, "colour": "red"}})
    wrong = bench.model_copy(update={"monitor": monitor})
    with (
        pytest.raises(BenchError, match="colour") as caught,
        open_bench(wrong, "kws01", "energy", Log()),
    ):
        pytest.fail("it was taken")
    assert caught.value.code.endswith(".setting")


def test_each_real_bench_names_a_wiring_sheet_that_exists():
    for path in REAL:
        (sheet,) = re.findall(r"docs/wiring/([a-z0-9-]+\.svg)", path.read_text(encoding="utf-8"))
        assert (ROOT / "docs/wiring" / sheet).is_file()


def documented(title):
    """Driver and name of each setting in the tables of the page about bench files, below a heading."""
    page = (ROOT / "docs/reference/bench-file.md").read_text(encoding="utf-8")
    part = page.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    rows = [line.split(" | ") for line in part.splitlines() if line.startswith("| `")]
    return [[cell.strip("| ") for cell in row] for row in rows]


def known_settings(group, driver):
    """What a driver says that it takes, when it is given a setting that it does not know."""
    load = entry_points(group=group)[driver].load()
    settings = {"no_such_setting": 1, "virtual": True}
    settings |= {"highest_v": 3.3, "highest_a": 0.1, "voltage_v": 1.8} if group == SUPPLIES else {}
    with pytest.raises(BenchError, match="no_such_setting") as caught:
        load("/no/such/port", settings=settings, clock=None, transcript=Log())
    return set(re.findall(r"[a-z_]+", f"{caught.value.message} {caught.value.hint}"))


def test_the_page_about_bench_files_has_the_settings_that_the_monitors_take():
    settings = [row for row in documented("Monitors") if len(row) == 4]
    named = {driver: set() for driver in entry_points(group=MONITORS).names}
    for row in settings:
        named[row[0].strip("`")] |= set(re.findall(r"`([a-z_]+)`", row[1]))
    for driver, names in named.items():
        assert names, driver
        assert names <= known_settings(MONITORS, driver), driver
    for path in REAL:
        monitor = read_bench(path).monitor
        assert set(monitor.settings) <= named[monitor.driver], path.name


def test_the_page_about_bench_files_has_the_settings_that_a_scpi_supply_takes():
    rows = [row for row in documented("Supplies") if row[0] not in ("`scpi`", "`hook`", "`manual`")]
    names = {name for row in rows for name in re.findall(r"`([a-z_]+)`", row[0])}
    words = {"there", "is", "no", "setting", "are", "here", "no_such_setting"}
    of_the_bench = {"highest_v", "highest_a", "voltage_v"}
    assert names == known_settings(SUPPLIES, "scpi") - words - of_the_bench


def test_each_shipped_bench_states_a_scope():
    for path in sorted(FOLDER.glob("*.toml")):
        scope = read_bench(path).scope
        assert scope is not None, path.name
        assert "core" in scope.feeds, path.name


def test_a_real_bench_and_its_twin_state_the_same_scope():
    for path in REAL:
        assert read_bench(path).scope == read_bench(path.with_stem(f"{path.stem}-virtual")).scope, path.name
