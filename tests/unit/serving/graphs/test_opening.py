"""Models of a graph are unpacked whole, however many workers do it at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from flyball.core.canonical import digest_bytes
from flyball.core.ids import Digest
from flyball.serving.graphs.errors import GraphError
from flyball.serving.graphs.opening import _unpacked


def test_what_another_worker_writes_at_the_same_moment_spoils_nothing(tmp_path: Path) -> None:
    data = b"a model"
    digest = Digest(digest_bytes(data))
    with (tmp_path / f"{digest}.part").open("wb") as other:
        place = _unpacked("near", data, digest=digest, into=tmp_path)
        other.truncate(0)
    assert place.read_bytes() == data
    assert _unpacked("near", data, digest=digest, into=tmp_path) == place


def test_a_model_that_is_another_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GraphError, match="digest"):
        _unpacked("near", b"a model", digest=Digest(digest_bytes(b"another")), into=tmp_path)
