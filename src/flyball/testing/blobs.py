"""The laws of `BlobStore`."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from flyball.core.ids import Digest
from flyball.storage.blobs import BlobStore
from flyball.storage.errors import BlobCorruptError, BlobNotFoundError, DigestFormatError
from flyball.testing.suite import Suite

_CONTENTS = (b"", b"a", b"\x00\r\n\xff", b"flyball" * 500_000)
_ABSENT = Digest("0" * 64)
_NO_DIGESTS: tuple[Any, ...] = (
    "", "../../etc/passwd", "a" * 63, "a" * 65, "A" * 64, "a" * 64 + "\n", "g" * 64, "/" + "a" * 63, "\u0661" * 64, None, Path("a" * 64),
)  # fmt: skip


class BlobStoreSuite(Suite):
    """What was put under a digest comes back with that digest, or not at all."""

    @abstractmethod
    def open(self, place: Path) -> AbstractContextManager[BlobStore]:
        """A handle on the store at `place`, as another process would have it."""

    def damage(self, place: Path, digest: Digest) -> None:
        """Change the stored content behind the store's back."""
        with self.open(place) as store:
            path = store.open_path(digest)
        path.chmod(0o644)
        path.write_bytes(b"something else")

    def test_what_was_put_is_what_is_got(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            for content in _CONTENTS:
                assert store.get(store.put(content)) == content

    def test_the_digest_is_sha256(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            for content in _CONTENTS:
                assert store.put(content) == hashlib.sha256(content).hexdigest()

    def test_another_handle_finds_it(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as one, self.open(tmp_path) as other:
            digest = one.put(b"here")
            assert other.get(digest) == b"here"
            assert other.exists(digest)
            assert list(other.list()) == [digest]

    def test_put_twice_is_put_once(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            assert store.put(b"same") == store.put(b"same")
            assert len(list(store.list())) == 1

    def test_a_file_is_stored_as_its_content_and_stays(self, tmp_path: Path) -> None:
        source = tmp_path / "source"
        for content in _CONTENTS:
            source.write_bytes(content)
            with self.open(tmp_path / "store") as store:
                assert store.put_file(source) == hashlib.sha256(content).hexdigest()
                assert store.get(store.put_file(source)) == content
            assert source.read_bytes() == content

    def test_open_path_has_the_content(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            digest = store.put(b"on disk")
            assert store.open_path(digest).read_bytes() == b"on disk"

    def test_what_was_not_put_is_not_found(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            assert not store.exists(_ABSENT)
            for ask in (store.get, store.open_path):
                with pytest.raises(BlobNotFoundError, match=_ABSENT):
                    ask(_ABSENT)

    def test_an_empty_store_lists_nothing(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            assert list(store.list()) == []

    def test_list_is_complete_and_ascending(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            digests = [store.put(str(number).encode()) for number in range(30)]
            assert list(store.list()) == sorted(digests)

    def test_deleted_is_gone_for_good(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            digest, other = store.put(b"going"), store.put(b"staying")
            store.open_path(digest)
            store.delete(digest)
            store.delete(digest)
            assert not store.exists(digest)
            with pytest.raises(BlobNotFoundError):
                store.get(digest)
            with pytest.raises(BlobNotFoundError):
                store.open_path(digest)
            assert list(store.list()) == [other]

    def test_deleted_can_be_put_again(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            digest = store.put(b"back")
            store.delete(digest)
            assert store.get(store.put(b"back")) == b"back"

    def test_damage_is_found_when_it_is_loaded(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            digest = store.put(b"precious")
        self.damage(tmp_path, digest)
        with self.open(tmp_path) as store:
            with pytest.raises(BlobCorruptError, match=digest):
                store.get(digest)
            with pytest.raises(BlobCorruptError, match=digest):
                store.open_path(digest)

    def test_put_heals_damage(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            digest = store.put(b"precious")
        self.damage(tmp_path, digest)
        with self.open(tmp_path) as store:
            store.put(b"precious")
            assert store.get(digest) == b"precious"

    def test_what_is_no_digest_never_becomes_a_path(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            for text in _NO_DIGESTS:
                for ask in (store.get, store.open_path, store.exists, store.delete):
                    with pytest.raises(DigestFormatError):
                        ask(text)

    def test_threads_may_put_the_same_at_once(self, tmp_path: Path) -> None:
        contents = [b"same"] * 8 + [str(number).encode() for number in range(8)]
        with self.open(tmp_path) as store, ThreadPoolExecutor(8) as pool:
            digests = list(pool.map(store.put, contents))
            assert [store.get(digest) for digest in digests] == contents
