"""Descriptions of systems, valid and not."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.submission.system_file import STATUSES, parse_system_file, read_system_file


def codes(description) -> list[str]:
    return [finding.code for finding in description.findings]


@pytest.mark.parametrize("status", ["Available", "available", " rdi ", "Preview"])
def test_a_status_is_read_whatever_its_case(status):
    description = parse_system_file(json.dumps({"Status": status, "Board Name": "X"}))
    assert description.status == status.strip().lower()
    assert (description.get("board name"), description.error, codes(description)) == ("X", None, [])


@pytest.mark.parametrize("document", [{"Status": ""}, {"Status": "soon"}, {}])
def test_a_status_that_is_none_is_a_finding(document):
    description = parse_system_file(json.dumps(document))
    assert (description.status, codes(description)) == (None, ["system.status"])


def test_a_control_character_in_a_text_is_an_error_but_the_fields_are_there():
    description = parse_system_file('{"Status": "Available",\n "Notes": "one\ttwo"}')
    assert description.error == "not valid JSON: Invalid control character at: line 2 column 15 (char 38)"
    assert (description.get("Notes"), description.status) == ("one\ttwo", "available")
    assert codes(description) == ["system.unreadable"]


@pytest.mark.parametrize("data", [b"", b"[1]", b'"x"', b'{"Status": "rdi",}', b"[" * 100000, b"\xff\xfe{}"])
def test_what_is_no_object_is_an_error_that_says_why(data):
    description = parse_system_file(data)
    assert description.error
    assert description.fields == {}
    assert codes(description) == ["system.unreadable"]


def test_spaces_around_names_are_left_out_and_said_but_for_the_templates_own():
    description = parse_system_file('{"Status": "rdi", "Operating System ": "none", " SoC": "y"}')
    assert (description.get("Operating System"), description.get("SoC")) == ("none", "y")
    assert [finding.evidence for finding in description.findings] == ["spaces around ' SoC'"]


def test_a_file_that_is_not_there_is_a_finding(tmp_path):
    assert codes(read_system_file(tmp_path / "none.json")) == ["system.unreadable"]


@given(
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from(["Status", " a "]) | st.text(), inner)
        ),
        max_leaves=8,
    ).map(json.dumps)
)
def test_any_bytes_give_a_description(data):
    description = parse_system_file(data)
    assert (description.status is None) or description.status in STATUSES
    assert all(isinstance(text, str) for text in description.fields.values())
