"""Whatever is sent, validation says what is wrong with it: no crash, no hang, no path out, bounded memory."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.validation.hostile import CASES

EXPECTED: dict[str, tuple[int, set[str]]] = {
    "sound": (0, {"timestamps.unused"}),
    "empty_log": (1, {"log.foreign"}),
    "empty_results": (1, {"result.no-median"}),
    "empty_trace": (1, {"file.damaged"}),
    "trace_cut_inside_a_sample": (1, {"trace.truncated"}),
    "trace_with_an_impossible_rate": (1, {"file.damaged"}),
    "trace_of_noise": (1, {"samples.not-finite"}),
    "timestamps_cut": (1, {"file.damaged"}),
    "timestamps_nested": (1, {"file.damaged"}),
    "timestamps_out_of_this_world": (1, {"file.damaged"}),
    "log_of_noise": (1, {"tree.not-utf8", "log.foreign"}),
    "results_of_noise": (1, {"tree.not-utf8", "result.no-median"}),
    "log_in_utf_16": (0, {"tree.utf-16"}),
    "results_in_latin_1": (0, {"tree.not-utf8", "results.unknown-line"}),
    "log_of_one_long_line": (1, {"session.mixed"}),
    "log_of_brackets": (1, {"session.mixed"}),
    "results_with_numbers_of_5000_digits": (1, {"results.unknown-line"}),
    "results_with_thousands_of_windows": (1, {"file.too-large"}),
    "json_nested": (1, {"file.damaged"}),
    "json_with_numbers_of_5000_digits": (1, {"file.damaged"}),
    "json_of_other_kinds": (1, {"results.bad-value"}),
    "json_with_infinities": (1, {"results.bad-value"}),
    "system_nested": (1, {"system.unreadable"}),
    "system_of_noise": (1, {"system.unreadable"}),
    "huge_log": (1, {"tree.large-file", "file.too-large"}),
    "huge_json": (1, {"tree.large-file", "file.too-large"}),
    "huge_trace": (1, {"tree.large-file"}),
    "huge_system_file": (1, {"tree.large-file", "system.unreadable"}),
    "folders_inside_folders": (1, {"tree.too-large"}),
    "three_thousand_files": (0, {"timestamps.unused"}),
    "links_out_and_in_circles": (1, {"tree.link"}),
    "a_pipe_for_a_log": (1, {"tree.special-file"}),
    "folders_where_files_belong": (1, {"tree.file-missing"}),
    "names_that_are_no_text": (0, {"tree.unusual-name"}),
    "archive_that_leads_upwards": (1, {"archive.unsafe-path"}),
    "archive_with_an_absolute_path": (1, {"archive.unsafe-path"}),
    "archive_with_a_link": (1, {"archive.link"}),
    "archive_with_a_device": (1, {"archive.special-file"}),
    "archive_that_explodes": (1, {"archive.too-large"}),
    "archive_cut_off": (1, {"archive.damaged"}),
    "archive_of_noise": (1, {"archive.damaged"}),
    "no_archive_at_all": (1, {"archive.foreign"}),
    "session_of_noise": (1, {"file.damaged"}),
    "session_of_other_kinds": (1, {"file.damaged", "session.altered"}),
    "session_with_results_of_other_kinds": (1, {"result.differs"}),
    "session_whose_manifest_points_outside": (1, {"session.altered"}),
}
"""Exit status, and codes that must be among those that were found."""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What one process, its memory limited, said of every case."""
    command = [sys.executable, "-m", "tests.validation.hostile", str(tmp_path_factory.mktemp("hostile"))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=570, check=False)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    answers = {line["case"]: line for line in lines}
    assert done.returncode == 0, done.stderr[-2000:]
    return answers


def test_every_case_has_an_expectation():
    assert set(EXPECTED) == set(CASES)


@pytest.mark.parametrize("name", list(CASES))
def test_what_is_wrong_is_said_and_nothing_else_happens(said, name):
    answer = said[name]
    status, codes = EXPECTED[name]
    assert answer["status"] == status, answer
    assert codes <= {*answer["codes"], *answer["failed"]}
    assert answer["stderr"] == ""
    assert answer["page"]


def test_no_archive_writes_outside(said):
    assert not [path for name in CASES for path in said[name]["escaped"]]
