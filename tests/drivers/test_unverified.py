"""Unverified facts are records beside the code that relies on them, and all of them are on their page."""

from __future__ import annotations

import re
from functools import reduce
from importlib import import_module

import pytest

from drivers.unverified import OF_A_TWIN, TWINS, all_records, records_of, reference_page, unverified
from tests.conftest import ROOT

RECORDS = all_records()


def test_every_record_of_the_source_is_collected():
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "drivers").rglob("*.py")]
    counted = sum(len(re.findall(r'\bUnverified\(\s*"', source)) for source in sources)
    assert len(RECORDS) == counted
    assert counted > 60


@pytest.mark.parametrize("found", RECORDS, ids=lambda found: f"{found.module}-{found.record.about}")
def test_a_record_names_something_in_its_module(found):
    names = found.record.about.split(".") if found.record.about else []
    reduce(getattr, names, import_module(found.module))


@pytest.mark.parametrize("found", RECORDS, ids=lambda found: f"{found.module}-{found.record.about}")
def test_a_record_of_a_driver_states_its_consequence_and_how_to_verify_it(found):
    record = found.record
    assert record.fact.endswith(".")
    assert (record.depends == OF_A_TWIN.depends) == bool(TWINS.search(found.module))
    assert (record.verify == OF_A_TWIN.verify) == bool(TWINS.search(found.module))


def test_no_fact_of_a_driver_is_marked_in_prose():
    marked = [path.name for path in (ROOT / "drivers").rglob("*.py") if "[U]" in path.read_text("utf-8")]
    assert marked == []


def test_the_page_lists_the_records():
    page = (ROOT / "docs/reference/unverified.md").read_text(encoding="utf-8")
    assert page == reference_page(), "run: python -m drivers.unverified > docs/reference/unverified.md"


def test_a_bench_gets_the_facts_of_its_drivers_and_their_imports_but_of_no_twin():
    facts = unverified(["drivers.lpm01a.driver", "drivers.io_managers.uno", "somebody.elses"])
    modules = {fact.module for fact in facts}
    assert {"drivers.lpm01a.ascii", "drivers.io_managers.uno"} <= modules
    assert not [
        name
        for name in modules
        if "twin" in name or "virtual" in name or "keysight" in name or "ppk2" in name
    ]
    assert unverified(["somebody.elses"]) == []
    assert unverified(["drivers.io_managers.twin.uno"]) == records_of("drivers.io_managers.twin.uno")
