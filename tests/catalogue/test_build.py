"""A catalogue is refreshed from checkouts: what is new, what differs, what is recomputed."""

from __future__ import annotations

import re
import shutil
import statistics
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

import joulebench as jb
from energy.catalogue.build import Built, build
from energy.catalogue.row import Row, read_rows, rows_text
from energy.errors import JoulebenchError
from tests.conftest import shared_folder

SHIPPED = read_rows()
REFERENCE = "v0.5/closed/reference"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A part of a checkout as its repository is called, with the reference's four results."""
    root = tmp_path_factory.mktemp("checkout") / "tiny_results_v0.5"
    shutil.copytree(shared_folder("published") / REFERENCE, root / "closed/reference")
    return root


@pytest.fixture(scope="module")
def everything() -> Built:
    published = shared_folder("published")
    paths = [published / name for name in ("v0.5", "v1.2", "v1.3")]
    return build(paths, SHIPPED, partial_copy=True, workers=1)


def test_the_shipped_rows_are_what_a_build_from_the_published_files_gives(everything):
    assert rows_text(everything.rows) == rows_text(SHIPPED), (
        "run: joulebench catalogue build published/v0.5 published/v1.2 published/v1.3 --partial-copy "
        "--out energy/catalogue/published.csv"
    )
    assert not everything.added
    assert not everything.changed
    assert len(everything.refreshed) == 135


def test_every_recomputed_energy_is_the_printed_one(everything):
    recomputed = [row for row in everything.refreshed if row.recomputed_joule_per_inference is not None]
    assert len(recomputed) == 37
    for row in recomputed:
        assert row.recomputed_joule_per_inference == pytest.approx(row.joule_per_inference, rel=1e-12), row.id


def test_the_scatter_is_that_of_the_windows_in_results_txt(everything):
    """The runner prints the energy per inference of each window."""
    (row,) = [row for row in everything.refreshed if row.id == f"{REFERENCE}/Nucleo-L4R5ZI/kws"]
    text = (shared_folder("published") / row.path / "energy/results.txt").read_text(encoding="utf-8")
    printed = [float(cost) for cost in re.findall(r"Energy/Inf\.\s*:\s*([0-9.]+) uJ/inf", text)]
    assert len(printed) == 5
    spread = statistics.stdev(printed) / statistics.fmean(printed)
    assert row.scatter_rsd == pytest.approx(spread, rel=0.01)


def without(rows: list[Row], part: str) -> list[Row]:
    return [row for row in rows if part not in row.path]


def test_a_row_that_was_not_known_is_added_with_what_its_files_state(checkout):
    built = build([checkout], without(SHIPPED, REFERENCE), partial_copy=True, workers=1)
    assert sorted(built.added) == sorted(row.id for row in SHIPPED if REFERENCE in row.path)
    added = {row.id: row for row in built.refreshed}
    for known in SHIPPED:
        if REFERENCE not in known.path:
            continue
        row = added[known.id]
        for name in (
            "round",
            "division",
            "organization",
            "system",
            "benchmark",
            "path",
            "inferences_per_second",
            "joule_per_inference",
            "energy_mode_inferences_per_second",
            "voltage_v",
            "monitor",
            "windows",
            "scatter_rsd",
            "verdict",
        ):
            assert getattr(row, name) == pytest.approx(getattr(known, name)), (known.id, name)
        assert row.processor
        assert row.runner == "EEMBC"


def test_a_printed_figure_that_is_not_the_catalogues_is_named_and_taken(checkout):
    index = next(n for n, row in enumerate(SHIPPED) if row.id == f"{REFERENCE}/Nucleo-L4R5ZI/ad")
    altered = replace(SHIPPED[index], printed={**SHIPPED[index].printed, "energy_uj_per_inf": "416.837"})
    rows = [*SHIPPED[:index], altered, *SHIPPED[index + 1 :]]
    built = build([checkout], rows, partial_copy=True, workers=1)
    assert [(c.id, c.column, c.was, c.now) for c in built.changed] == [
        (altered.id, "energy_uj_per_inf", "416.837", "416.312")
    ]
    assert built.rows[index].joule_per_inference == pytest.approx(416.312e-6)


def test_the_door_builds_a_catalogue_and_reads_it_back(checkout, tmp_path):
    out = tmp_path / "mine.csv"
    built = jb.build_catalogue(checkout, out=out, partial_copy=True)
    assert sorted(built["benchmark"]) == ["ad", "ic", "kws", "vww"]
    again = jb.catalogue(file=out)
    shipped = jb.catalogue()
    assert again.equals(shipped)
    assert list(tmp_path.iterdir()) == [out]


def test_an_archive_that_is_refused_is_an_error_with_its_code(tmp_path):
    path = tmp_path / "round.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../closed/x.txt", "x")
    with pytest.raises(JoulebenchError) as refused:
        jb.build_catalogue(path, out=tmp_path / "mine.csv")
    assert refused.value.code.startswith("archive.")
    assert not (tmp_path / "mine.csv").exists()
    with pytest.raises(JoulebenchError, match="holds neither"):
        jb.build_catalogue(tmp_path, out=tmp_path / "mine.csv")
