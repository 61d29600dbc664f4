"""The laws of `BlobStore`."""

from __future__ import annotations

import hashlib
import threading
import time
from abc import abstractmethod
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flyball.core.clock import WallClock
from flyball.core.ids import Digest
from flyball.storage.blobs import BlobStore
from flyball.storage.errors import BlobCorruptError, BlobNotFoundError, BlobTooLargeError, DigestFormatError
from flyball.testing.suite import Suite

_CONTENTS = (b"", b"a", b"\x00\r\n\xff", b"flyball" * 500_000)
_ABSENT = Digest("0" * 64)
_NO_DIGESTS: tuple[Any, ...] = (
    "", "../../etc/passwd", "a" * 63, "a" * 65, "A" * 64, "a" * 64 + "\n", "g" * 64, "/" + "a" * 63, "\u0661" * 64, None, Path("a" * 64),
)  # fmt: skip


def delete_old(store: BlobStore) -> Callable[[Digest], object]:
    """The deletion of what nobody uses, as a question of one argument."""
    return lambda digest: store.delete_unused(digest, before=WallClock().now())


class BlobAgeSuite(Suite):
    """What nobody put for long is deleted, and what somebody puts meanwhile never."""

    @abstractmethod
    def open(self, place: Path) -> AbstractContextManager[BlobStore]:
        """A handle on the store at `place`, as another process would have it."""

    def test_what_is_stored_has_size_and_age(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            assert list(store.list_stored()) == []
            digests = [store.put(content) for content in _CONTENTS]
            found = list(store.list_stored())
            assert [(blob.digest, blob.size_bytes) for blob in found] == sorted(zip(digests, map(len, _CONTENTS), strict=True))
            assert all(abs(blob.stored - WallClock().now()) < timedelta(minutes=10) for blob in found)

    def test_only_what_is_old_is_deleted_as_unused(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            digest = store.put(b"maybe")
            stored = next(iter(store.list_stored())).stored
            assert not store.delete_unused(digest, before=stored)
            assert store.get(digest) == b"maybe"
            assert store.delete_unused(digest, before=stored + timedelta(hours=1))
            assert not store.exists(digest)
            assert not store.delete_unused(digest, before=stored + timedelta(hours=1))

    def test_what_is_put_again_is_young_again(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            digest = store.put(b"again")
            old = next(iter(store.list_stored())).stored
            time.sleep(1.1)  # S3 tells seconds
            puts: tuple[Callable[[], Digest], ...] = (lambda: store.put(b"again"), lambda: store.put_chunks([b"aga", b"in"]))
            for put in puts:
                assert put() == digest
                assert not store.delete_unused(digest, before=old + timedelta(seconds=1))
                assert store.exists(digest)

    def test_a_put_beside_a_deletion_is_never_lost(self, tmp_path: Path) -> None:
        content = b"wanted by one, unused for another"
        with self.open(tmp_path) as one, self.open(tmp_path) as other:
            digest = one.put(content)
            moment = next(iter(one.list_stored())).stored + timedelta(seconds=1)
            time.sleep(1.1)
            start = threading.Barrier(2)

            def delete() -> None:
                start.wait(60)
                for _ in range(20):
                    other.delete_unused(digest, before=moment)

            thread = threading.Thread(target=delete)
            thread.start()
            start.wait(60)
            for _ in range(20):
                assert one.put(content) == digest
                assert one.exists(digest)
            thread.join(60)
            assert one.get(digest) == content


class BlobStoreSuite(BlobAgeSuite):
    """What was put under a digest comes back with that digest, or not at all."""

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
                for ask in (store.get, store.read, store.open_path, store.exists, store.delete, delete_old(store)):
                    with pytest.raises(DigestFormatError):
                        ask(text)

    def test_chunks_are_stored_as_one_content(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            for content in _CONTENTS:
                chunks = [content[at : at + 70_001] for at in range(0, len(content), 70_001)]
                assert store.put_chunks(iter(chunks)) == hashlib.sha256(content).hexdigest()
                assert store.get(store.put_chunks(chunks, limit_bytes=len(content))) == content

    def test_too_much_is_refused_before_it_is_taken(self, tmp_path: Path) -> None:
        taken = []

        def endless() -> Iterator[bytes]:
            while True:
                taken.append(1)
                yield b"x" * 1000

        with self.open(tmp_path) as store:
            with pytest.raises(BlobTooLargeError, match="4,999 bytes"):
                store.put_chunks(endless(), limit_bytes=4999)
            assert len(taken) == 5
            assert list(store.list()) == []

    def test_an_interrupted_writer_leaves_nothing(self, tmp_path: Path) -> None:
        def broken() -> Iterator[bytes]:
            yield b"x" * 3_000_000
            raise ConnectionResetError("the client is gone")

        with self.open(tmp_path) as store:
            before = sum(path.is_file() for path in tmp_path.rglob("*"))
            with pytest.raises(ConnectionResetError, match="the client is gone"):
                store.put_chunks(broken())
            assert list(store.list()) == []
            assert sum(path.is_file() and path.stat().st_size > 0 for path in tmp_path.rglob("*")) <= before

    def test_read_gives_any_range(self, tmp_path: Path) -> None:
        content = _CONTENTS[-1]
        size = len(content)
        with self.open(tmp_path) as store:
            digest = store.put(content)
            ends = ((0, size), (0, 1), (1_048_575, 1_048_578), (size - 1, size + 9), (7, 7))
            for start, end in (*ends, (0, None), (5, None), (size, None), (size + 5, None)):
                assert b"".join(store.read(digest, start=start, end=end)) == content[start:end], (start, end)
            assert max(len(chunk) for chunk in store.read(digest)) <= 1 << 20
            assert b"".join(store.read(store.put(b""))) == b""

    def test_read_finds_damage_before_the_end(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            digest = store.put(b"precious" * 300_000)
        self.damage(tmp_path, digest)
        for start in (0, 3):
            with self.open(tmp_path) as store, pytest.raises(BlobCorruptError, match=digest):
                list(store.read(digest, start=start))

    def test_read_of_nothing_is_refused(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store, pytest.raises(BlobNotFoundError):
            list(store.read(_ABSENT))

    def test_threads_may_put_the_same_at_once(self, tmp_path: Path) -> None:
        contents = [b"same"] * 8 + [str(number).encode() for number in range(8)]
        with self.open(tmp_path) as store, ThreadPoolExecutor(8) as pool:
            digests = list(pool.map(store.put, contents))
            assert [store.get(digest) for digest in digests] == contents
