"""``joulebench catalogue`` and ``jb.catalogue``: tables, exports, errors."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pandas as pd
import pytest
from rich.cells import cell_len

import joulebench as jb
from energy.catalogue.assumed import budget_of_row
from energy.catalogue.choose import chosen
from energy.catalogue.row import read_rows
from energy.cli.layout import drawn
from energy.cli.main import main
from energy.errors import EXIT_FINDINGS, EXIT_USAGE, JoulebenchError
from energy.report.catalogue import list_table, row_table
from tests.conftest import ROOT

PAGE = ROOT / "docs/how-to/catalogue.md"
ACTIONS = re.findall(r"^\$ joulebench catalogue (\w+)", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
ROWS = read_rows()


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_wider_than_the_terminal_and_no_figure_is_cut(width):
    rows = chosen(ROWS, ["v0.7"]) + chosen(ROWS, ["greenwaves"])
    for table in (list_table(rows), *(row_table(row) for row in rows[:4])):
        lines = drawn(table, width)
        assert max(cell_len(line.text) for line in lines) <= width
        text = " ".join(line.text for line in lines)
        for row in table.rows:
            for number in re.findall(r"\d+\.\d+", " ".join(row[2:])):
                assert number in text, number


def test_table_csv_json_frame_and_budget_hold_the_same_numbers(capsys):
    words = ["catalogue", "list", "--where", "round=v0.7", "--where", "energy"]
    assert main([*words, "--csv"]) == 0
    by_csv = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert main([*words, "--json"]) == 0
    by_json = json.loads(capsys.readouterr().out)["rows"]
    frame = jb.catalogue(where=["round=v0.7", "energy"])
    rows = chosen(ROWS, [], ["round=v0.7", "energy"])
    assert len(by_csv) == len(by_json) == len(frame) == len(rows) == 34
    for row, text, document, (_, record) in zip(rows, by_csv, by_json, frame.iterrows(), strict=True):
        budget = budget_of_row(row)
        for value in (float(text["joule_per_inference"]), document["joule_per_inference"]):
            assert value == row.joule_per_inference == record["joule_per_inference"] == budget.value
        for value in (float(text["expanded_uncertainty_j"]), document["expanded_uncertainty_j"]):
            assert value == budget.expanded == record["expanded_uncertainty_j"]
        assert text["id"] == document["id"] == record["id"] == row.id


def test_show_as_json_has_the_whole_budget(capsys):
    assert main(["catalogue", "show", "v0.5", "harvard", "ic", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["joule_per_inference"] == pytest.approx(29207.01e-6)
    assert document["budget"]["expanded_uncertainty"] == document["expanded_uncertainty_j"]
    assert {term["status"] for term in document["budget"]["terms"]} == {"typical", "assumed", "measured"}
    assert main(["catalogue", "show", "scepu02", "ic", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["budget"] is None


@pytest.mark.parametrize("ending", ["csv", "json", "parquet"])
def test_an_export_holds_every_row(ending, tmp_path, capsys):
    path = tmp_path / f"published.{ending}"
    assert main(["catalogue", "export", str(path), "syntiant"]) == 0
    read = {
        "csv": lambda: pd.read_csv(path),
        "json": lambda: pd.DataFrame(json.loads(path.read_text())["rows"]),
        "parquet": lambda: pd.read_parquet(path),
    }[ending]()
    assert list(read["id"]) == [row.id for row in chosen(ROWS, ["syntiant"])]
    assert read["joule_per_inference"].sum() == pytest.approx(
        sum(row.joule_per_inference or 0.0 for row in chosen(ROWS, ["syntiant"]))
    )
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["list", "--where", "enrgy<1mJ"], "catalogue.condition"),
        (["show", "nobody"], "catalogue.unknown"),
        (["show", "harvard"], "catalogue.several"),
        (["list", "--catalogue", "none.csv"], "path.missing"),
        (["export", "x.xlsx"], "usage.format"),
        (["build", "none", "--out", "x.csv"], "path.missing"),
    ],
)
def test_a_mistake_is_named_with_its_code(words, code, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["catalogue", *words]) == EXIT_USAGE
    error = capsys.readouterr().err
    assert f"[{code}]" in error
    assert "hint: " in error
    assert not list(Path().iterdir())


def test_no_rows_are_no_error(capsys):
    assert main(["catalogue", "list", "nobody"]) == 0
    assert capsys.readouterr().out == "0 rows\n"
    frame = jb.catalogue("nobody")
    assert list(frame.columns) == list(jb.catalogue("v0.5").columns)
    assert len(frame) == 0


def test_a_damaged_file_is_refused_by_every_face(tmp_path, capsys):
    path = tmp_path / "x.csv"
    path.write_text("round,division\nv0.5,closed\n")
    assert main(["catalogue", "list", "--catalogue", str(path)]) == EXIT_FINDINGS
    assert "[catalogue.damaged]" in capsys.readouterr().err
    with pytest.raises(JoulebenchError, match="no columns"):
        jb.catalogue(file=path)


def test_published_rows_are_compared_by_their_ids(capsys):
    """Ranks 5 and 6 of v0.7, closed, kws: 2.3 % apart, where two LPM01A's leave 3.6 % open."""
    ids = ["v0.7/closed/STMicroelectronics/NUCLEO-H7A3ZI-Q/kws", "v0.7/closed/renesas/EK-RA6M4/kws"]
    assert main(["compare", *ids, "--json"]) == 0
    (compared,) = json.loads(capsys.readouterr().out)["figures"]["energy"]
    assert compared["verdict"] == "cannot be told apart"
    assert compared["difference"]["value"] == pytest.approx((3796.957 - 3713.191) * 1e-6)
    assert main(["compare", ids[0], "v0.7 silicon labs kws", "--across", "voltage", "--json"]) == 0
    (compared,) = json.loads(capsys.readouterr().out)["figures"]["energy"]
    assert compared["verdict"] == "differ"
    assert main(["compare", ids[0], "v0.7 silicon labs ic", "--json"]) == EXIT_FINDINGS
    (compared,) = json.loads(capsys.readouterr().out)["figures"]["energy"]
    assert {reason["code"] for reason in compared["reasons"]} == {"workload", "voltage"}


@pytest.mark.parametrize(
    ("other", "code"),
    [
        ("no-such-folder", "usage.path"),
        ("harvard", "catalogue.several"),
        ("v0.5 peng cheng kws", "catalogue.no-energy"),
        ("v0.5 harvard kws", "usage.compare"),
    ],
)
def test_a_name_that_is_no_other_result_is_refused_by_compare(other, code, capsys):
    assert main(["compare", "v0.5 harvard kws", other]) == EXIT_USAGE
    assert f"[{code}]" in capsys.readouterr().err


def test_a_published_row_is_compared_with_a_session(tmp_path, capsys):
    """Virtual against hardware is never comparable, and neither are two rules of integration."""
    result = jb.measure("virtual", "kws01", "energy", out=tmp_path)
    assert main(["compare", str(result.folder), "v0.5 harvard kws", "--json"]) == EXIT_FINDINGS
    (compared,) = json.loads(capsys.readouterr().out)["figures"]["energy"]
    assert {"virtual", "rule"} <= {reason["code"] for reason in compared["reasons"]}
