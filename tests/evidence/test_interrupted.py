"""Documents that are written while somebody presses Ctrl-C."""

from __future__ import annotations

import pytest
from pydantic import field_serializer
from pydantic_core import PydanticSerializationError

from energy.evidence.parts import Document


class _Raising(Document):
    number: int = 1
    error: type[BaseException] = KeyboardInterrupt

    @field_serializer("number")
    def _as_text(self, number: int) -> str:
        raise self.error("while it is written")


def test_an_interrupt_while_a_document_is_made_stays_one():
    with pytest.raises(KeyboardInterrupt):
        _Raising().model_dump(by_alias=True)


def test_a_defect_while_a_document_is_made_stays_one():
    with pytest.raises(PydanticSerializationError, match="while it is written"):
        _Raising(error=ZeroDivisionError).model_dump()
