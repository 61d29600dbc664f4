"""References name things in one way, and nothing else is one."""

from __future__ import annotations

import pytest

from flyball.lineage import Edge, reference
from flyball.lineage.model import ReferenceFormatError


def test_a_reference_has_a_kind_a_name_and_perhaps_a_version() -> None:
    assert reference("dataset", "flights", version=3) == "dataset/flights@3"
    assert reference("run", "run-1") == "run/run-1"


@pytest.mark.parametrize("text", ["", "flights", "dataset/", "Dataset/x", "dataset/a b", "dataset/a\n", "/x"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ReferenceFormatError):
        Edge(text, "run/1", "read")
    with pytest.raises(ReferenceFormatError):
        Edge("run/1", text, "read")
