"""``joulebench plot latency`` and ``plot choice``: tables, JSON, figures, errors; the same from Python."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import joulebench as jb
from energy.cli.main import main
from energy.report.point_sources import points_of
from tests.report.test_latency import drawn_points


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plot") / "sessions"
    jb.measure_all("virtual", ["kws01", "ad01"], out=folder, progress=False)
    jb.measure("virtual", "kws01", mode="accuracy", limit=4, out=folder, progress=False)
    return folder


def run(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    status = main(["plot", *map(str, words)])
    answer = capsys.readouterr()
    return status, answer.out, answer.err


def test_json_has_the_points_and_draws_only_into_a_named_file(sessions, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, out, _ = run(capsys, "latency", sessions, "--json", "--where", "benchmark=kws")
    document = json.loads(out)
    assert (status, document["schema"], document["figure"]) == (0, "joulebench.plot-latency/1", None)
    assert not list(tmp_path.iterdir())
    assert len(document["points"]) == 43
    (own,) = [point for point in document["points"] if point["source"] == "session"]
    (point,) = [point for point in points_of([sessions]) if point.benchmark == "kws"]
    assert own["joule_per_inference"] == own["y"] == point.joule_per_inference
    assert own["latency_s"] == own["x"] == point.latency_s
    assert own["virtual"] is True


def test_the_table_lists_own_points_and_fronts_and_the_figure_is_written(sessions, tmp_path, capsys):
    status, out, _ = run(capsys, "latency", sessions, "--out", tmp_path / "a.svg", "--width", "3.3in")
    assert status == 0
    assert "VIRTUAL" in out
    assert out.count("kws01-energy") == out.count("ad01-energy") == 1
    assert "published results left out: no energy was published" in out
    assert f"picture: {tmp_path / 'a.svg'}" in out
    assert "gap9_650_240" in out
    assert "ic " not in out  # no own point of that workload
    picture = (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert "scope: core, memories, flash" in picture
    assert "VIRTUAL" in picture


def test_a_region_lists_what_remains_and_says_when_nothing_does(sessions, tmp_path, capsys):
    words = ("latency", sessions, "--out", tmp_path / "a.png", "--where", "benchmark=kws")
    _, out, _ = run(capsys, *words, "--max-latency", "50ms", "--max-energy", "2mJ", "--min-accuracy", "91%")
    assert "latency ≤ 50 ms, energy ≤ 2 mJ, accuracy ≥ 0.91:" in out
    assert "syntiant_9120_0v9_30mhz" in out
    assert "gap9" not in out
    status, out, _ = run(capsys, *words, "--max-energy", "1nJ")
    assert "no point lies within energy ≤ 1 nJ" in out
    assert status == 0


def test_choice_has_a_table_and_json(sessions, tmp_path, capsys):
    status, out, _ = run(capsys, "choice", sessions, "--out", tmp_path / "c.png")
    assert status == 0
    assert "kws01-energy" in out
    assert "1 left out: its accuracy is not known" in out
    assert "memory of 1 of 1 model is not known" in out
    _, out, _ = run(capsys, "choice", sessions, "--json", "--no-atlas")
    document = json.loads(out)
    assert document["schema"] == "joulebench.plot-choice/1"
    (model,) = document["models"]
    (accuracy,) = [path for path in sessions.iterdir() if path.name.endswith("accuracy")]
    result = json.loads((accuracy / "result.json").read_text(encoding="utf-8"))
    assert model["accuracy"] == result["session"]["value"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["latency", "--no-atlas"], "usage.points"),
        (["latency", "no/such"], "path.missing"),
        (["latency", "--where", "energy<1nJ"], "usage.points"),
        (["latency", "--where", "colour=red"], "catalogue.condition"),
        (["latency", "--max-latency", "fast"], "usage.limit"),
        (["latency", "--width", "1in"], "usage.width"),
        (["latency", "--out", "a.gif"], "usage.picture"),
        (["latency", "--relative-to", "nobody"], "catalogue.unknown"),
        (["latency", "--per", "mac", "--y", "power"], "usage.view"),
        (["latency", "--catalogue", "none.csv"], "path.missing"),
        (["choice", "--elf", "x"], "usage.memory"),
        (["choice", "--elf", "x=no.elf"], "file.unreadable"),
    ],
)
def test_what_is_wrong_is_an_error_with_a_code(words, code, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, _, error = run(capsys, *words)
    assert status == 2 or code == "file.unreadable"
    assert f"[{code}]" in error
    assert "hint: " in error
    assert not list(tmp_path.iterdir())


def test_a_session_that_is_not_valid_is_an_exit_status(sessions, tmp_path, capsys):
    (energy,) = [path for path in sessions.iterdir() if path.name.endswith("kws01-energy")]
    result = json.loads((energy / "result.json").read_text(encoding="utf-8"))
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "session.json").write_bytes((energy / "session.json").read_bytes())
    (copy / "result.json").write_text(json.dumps({**result, "valid": False}), encoding="utf-8")
    status, out, _ = run(capsys, "latency", copy, "--no-atlas", "--out", tmp_path / "a.png")
    assert status == 1
    assert "not valid: session.not-valid" in out


def test_python_draws_the_same_and_gives_a_frame(sessions, tmp_path):
    figure = jb.plot_latency(sessions, out=tmp_path / "a.png", where="benchmark=ad", progress=False)
    frame = jb.operating_points(sessions, where="benchmark=ad", progress=False)
    drawn = drawn_points(figure)
    assert len(drawn) == len(frame) == 32
    for _, row in frame.iterrows():
        assert drawn[row["name"]][:2] == (row["latency_s"], row["joule_per_inference"])
    assert (tmp_path / "a.png").stat().st_size > 10_000
    assert frame.attrs["left_out"][0]["reason"] == "no energy was published"
    energy = next(path for path in sessions.iterdir() if path.name.endswith("kws01-energy"))
    choice = jb.plot_choice(sessions, memory={energy.name: jb.Memory(1000, 500)}, atlas=False, progress=False)
    assert "flash + RAM 1.5 kB" in [text.get_text() for text in choice.legends[0].get_texts()]


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_table_fits_every_width(sessions, width):
    from energy.catalogue.row import read_rows
    from energy.cli.layout import drawn
    from energy.report.chart import chart_of
    from energy.report.point_table import listed, point_table
    from energy.report.points import catalogue_points

    chart = chart_of(points_of([sessions]) + catalogue_points(read_rows()))
    lines = drawn(point_table(chart, listed(chart)), width)
    assert max(len(line.text) for line in lines) <= width
    text = " ".join(line.text for line in lines)
    assert "front" in text
