"""Every error can be told, whatever it repeats of what was sent."""

from __future__ import annotations

import json

import pytest

from flyball.predict.errors import ContentTypeError, TensorError
from flyball.predict.replies import Dialect, of_error
from flyball.serving.errors import FieldError


@pytest.mark.parametrize("dialect", list(Dialect), ids=lambda dialect: dialect.value)
def test_half_a_character_is_told_as_none(dialect: Dialect) -> None:
    for error in (FieldError(3, "a\ud800b", reason="it is \udfff"), TensorError("\ud800", "\ud83d"), ContentTypeError("\ud800")):
        reply = of_error(error, dialect)
        assert 400 <= reply.status < 500
        assert "\ud800" not in str(json.loads(reply.body))
    own = json.loads(of_error(FieldError(3, "a\ud800b", reason="none")).body)["error"]
    assert (own["row"], own["field"]) == (3, "a?b")
