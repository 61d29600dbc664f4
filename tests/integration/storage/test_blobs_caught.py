"""The suite of blobs catches stores that would lose what somebody needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path

import pytest

from flyball.core.ids import Digest
from flyball.storage._localblobs import LocalBlobs
from flyball.storage.blobs import BlobStore
from flyball.testing.blobs import BlobStoreSuite
from flyball.testing.suite import failing_tests


class _Ageing(LocalBlobs):
    """Leaves what is there as old as it is."""

    def _renew(self, digest: Digest) -> bool:
        return self._is_whole(digest)


class _Merciless(LocalBlobs):
    """Deletes what is unused, however young."""

    def delete_unused(self, digest: Digest, *, before: datetime) -> bool:
        del before
        there = self.exists(digest)
        self.delete(digest)
        return there


class _Boundless(LocalBlobs):
    """Takes whatever comes."""

    def put_chunks(self, chunks: Iterable[bytes], *, limit_bytes: int | None = None) -> Digest:
        content = b"".join(chunk for chunk, _ in zip(chunks, range(1000), strict=False))
        del limit_bytes
        return self.put(content)


class _Unchecked(LocalBlobs):
    """Gives parts without looking at the whole."""

    def read(self, digest: Digest, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        return self._read_part(self._path(digest), start=start, end=end)


@pytest.mark.parametrize(
    ("backend", "law"),
    [
        (_Ageing, "test_what_is_put_again_is_young_again"),
        (_Merciless, "test_only_what_is_old_is_deleted_as_unused"),
        (_Boundless, "test_too_much_is_refused_before_it_is_taken"),
        (_Unchecked, "test_read_finds_damage_before_the_end"),
    ],
    ids=["ageing", "merciless", "boundless", "unchecked"],
)
def test_the_suite_catches(backend: Callable[[Path], BlobStore], law: str) -> None:
    class Suite(BlobStoreSuite):
        def open(self, place: Path) -> AbstractContextManager[BlobStore]:
            @contextmanager
            def opened() -> Iterator[BlobStore]:
                yield backend(place)

            return opened()

    assert law in failing_tests(Suite)
