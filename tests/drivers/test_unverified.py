"""What is marked [U] in the drivers' source is collected, word for word, and is on its page."""

from __future__ import annotations

import re

import pytest

from drivers import unverified as collector
from drivers.unverified import all_facts, facts_of, reference_page, unverified
from drivers.unverified_ways import WAYS
from tests.conftest import ROOT

SOURCE = '''"""A driver.

What is marked [U] below was never seen. Another sentence. The port may vanish
for a while [U]; then it is back.

Args:
    wait_s: How long it is away [U].
    port: Where it is.
"""

LIMIT_A = 0.05
"""[U] The most that it stands."""

# A run of comments, of which the second sentence
# counts. How it begins is not known [U]: it is guessed.
value = 1  # in steps of a tick [U]


class Thing:
    """A thing. Its voltage rises slowly [U]. It is red."""

    def act(self):
        """Acts. [U]

        - it clicks [U]
        - it does not
        """
        return f"{value} [U] of it"
'''


@pytest.fixture
def made_up(tmp_path, monkeypatch):
    path = tmp_path / "thing.py"
    path.write_text(SOURCE, encoding="utf-8")
    monkeypatch.setattr(collector, "_modules", lambda: {"drivers.lpm01a.thing": path})
    return collector.facts_of.__wrapped__("drivers.lpm01a.thing")


def test_each_marked_sentence_is_found_with_its_subject_and_line(made_up):
    assert [(fact.line, fact.subject, fact.fact) for fact in made_up] == [
        (4, "", "The port may vanish for a while [U]; then it is back."),
        (7, "", "wait_s: How long it is away [U]."),
        (12, "LIMIT_A", "[U] The most that it stands."),
        (15, "", "How it begins is not known [U]: it is guessed."),
        (16, "`value = 1`", "in steps of a tick [U]"),
        (20, "Thing", "A thing. Its voltage rises slowly [U]."),
        (23, "Thing.act", "Acts. [U]"),
        (25, "Thing.act", "- it clicks [U]"),
        (28, "", "... [U] of it"),
    ]


def test_no_mark_in_the_drivers_is_lost():
    for path in sorted((ROOT / "drivers").rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        source = path.read_text(encoding="utf-8")
        if module.startswith("drivers.unverified") or "[U]" not in source:
            continue
        lines = {number for number, line in enumerate(source.splitlines(), 1) if "[U]" in line}
        legends = {
            number
            for number, line in enumerate(source.splitlines(), 1)
            if re.search(r"(?i)(marked|tagged) \[U\]", line)
        }
        told = " ".join(fact.fact for fact in facts_of(module))
        assert told.count("[U]") >= len(lines - legends), path.name


def test_the_page_of_what_is_not_verified_is_what_the_code_says():
    page = (ROOT / "docs/reference/unverified.md").read_text(encoding="utf-8")
    assert page == reference_page(), "run: python -m drivers.unverified > docs/reference/unverified.md"


def test_a_bench_is_told_of_its_own_drivers_and_of_what_they_import_but_of_no_twin():
    facts = unverified(["drivers.lpm01a.driver", "drivers.io_managers.uno", "somebody.elses"])
    modules = {fact.module for fact in facts}
    assert {"drivers.lpm01a.ascii", "drivers.io_managers.uno"} <= modules
    assert not [
        name
        for name in modules
        if "twin" in name or "virtual" in name or "keysight" in name or "ppk2" in name
    ]
    assert unverified(["somebody.elses"]) == []
    assert "drivers.io_managers.twin.uno" in {
        fact.module for fact in unverified(["drivers.io_managers.twin.uno"])
    }


def test_every_fact_says_what_depends_on_it_and_how_to_verify_it():
    for fact in all_facts():
        assert len(fact.depends) > 10
        assert len(fact.verify) > 10
        assert "[U]" in fact.fact
    assert (WAYS[-1].module, WAYS[-1].words) == ("", "")
