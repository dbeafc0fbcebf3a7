"""``session.json`` of a recording, read without the models: what the models make of it, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from energy.evidence import reader
from energy.evidence.plain_recording import MOST_COUNTED, PlainRecording, plain_recording
from energy.evidence.read_documents import SessionDocument
from energy.evidence.reader import SessionEvidence
from energy.recording.jsonvalues import json_text

VALUES = st.none() | st.booleans() | st.sampled_from([0, 1, -1, 3, MOST_COUNTED, MOST_COUNTED + 1, 1.0, ""])
WORDS = VALUES | st.sampled_from(["kws01", "240"]) | st.lists(VALUES, max_size=3)
NAMES = ["schema", "virtual", "workload", "leading_edges", "iterations", "iterations_each", "trials", "bench"]


@given(st.dictionaries(st.sampled_from(NAMES), WORDS))
@example({"virtual": True, "workload": "kws01", "leading_edges": 2, "iterations": [240, 240]})
@example({"iterations": [True]})
@example({"leading_edges": False})
@example({"leading_edges": 1.0})
@example({"iterations_each": 0})
def test_what_is_read_is_what_the_models_read_and_what_they_refuse_is_left_to_them(document):
    try:
        model = SessionDocument.model_validate(document)
    except ValidationError:
        assert plain_recording(document) is None
        return
    counted = {"workload", "leading_edges", "iterations", "iterations_each"}
    known = set(document) <= {*counted, "schema", "virtual"}
    plain = PlainRecording(**{name: getattr(model, name) for name in counted})
    assert plain_recording(document) == (plain if known else None)


@pytest.mark.parametrize("document", [None, [], "kws01", 7, {"note": "x"}, {"dut": {}}, {"rejected": []}])
def test_a_document_of_another_kind_is_left_to_the_models(document):
    assert plain_recording(document) is None


def test_the_windows_of_a_recording_are_the_same_without_and_with_the_models(tmp_path, monkeypatch):
    document = {"virtual": True, "workload": "kws01", "leading_edges": 2, "iterations": [3, 4]}
    (tmp_path / "session.json").write_text(json_text({**document, "iterations_each": 9}), encoding="utf-8")
    plain = SessionEvidence(tmp_path).windows()
    assert (plain.workload, plain.leading_edges, plain.iterations) == ("kws01", 2, [3, 4])
    assert plain.iterations_each == 9
    monkeypatch.setattr(reader, "plain_recording", lambda document: None)
    assert SessionEvidence(tmp_path).windows() == plain
