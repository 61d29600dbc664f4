"""Blobs as objects of a bucket, by digest, with a store on this machine as spool and cache.

What is put is spooled first: its digest, and so its key, is known at the end only. What is read by path or in part is brought here whole
and checked. The cache holds copies only; it may be thrown away at any time.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flyball.core.canonical import digest_bytes
from flyball.core.clock import MonotonicTimer, Timer
from flyball.core.ids import Digest
from flyball.core.optional import extra
from flyball.storage.blobs import BlobStore, StoredBlob, checked_digest
from flyball.storage.blobsurl import Bucket
from flyball.storage.bucketerrors import BucketRefusedError, BucketUnreachableError
from flyball.storage.buckets import BucketPatience, open_bucket
from flyball.storage.errors import BlobCorruptError, BlobNotFoundError

with extra("s3"):
    import obstore
    from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

if TYPE_CHECKING:
    from collections.abc import Iterable

_CHUNK_BYTES = 1 << 20
_PART_BYTES = 16 << 20
_ANNOUNCED_SECONDS = 60.0  # a deletion that was announced is over after so long, whatever became of who announced it
_DELETING_SECONDS = 20.0
_RECENT_SECONDS = 3600.0  # what was used so lately stays in the cache: its path may be in somebody's hands
_SECOND = timedelta(seconds=1)


class S3Blobs:
    """A `BlobStore` in the bucket, under the keys ``blobs/DIGEST`` of its prefix. `cache` is on this machine, and nobody else's."""

    def __init__(self, bucket: Bucket, cache: BlobStore, *, cache_bytes: int = 20 << 30, patience: BucketPatience | None = None) -> None:
        patience = patience or BucketPatience()
        self._place, self._cache, self._cache_bytes = str(bucket), cache, cache_bytes
        self._store = open_bucket(bucket, patience)
        self._deleting = open_bucket(bucket, BucketPatience(answer_seconds=min(patience.answer_seconds, _DELETING_SECONDS), retries=0))
        self._timer: Timer = MonotonicTimer()
        self._grown, self._turn = cache_bytes, threading.Lock()  # how much the cache may have grown since it was last looked at

    # -- putting

    def put(self, data: bytes) -> Digest:
        return self._put(digest_bytes(data), data)

    def put_file(self, path: Path) -> Digest:
        return self._put_cached(self._cache.put_file(path))

    def put_chunks(self, chunks: Iterable[bytes], *, limit_bytes: int | None = None) -> Digest:
        return self._put_cached(self._cache.put_chunks(chunks, limit_bytes=limit_bytes))

    def _put_cached(self, digest: Digest) -> Digest:
        path = self._cache.open_path(digest)
        try:
            return self._put(digest, path)
        finally:
            self._trim(path.stat().st_size)

    def _put(self, digest: Digest, source: bytes | Path) -> Digest:
        # Always sent, also where it is there: it heals what is damaged, and makes it young for `delete_unused`.
        while True:
            with self._errors():
                obstore.put(self._store, _key(digest), source, chunk_size=_PART_BYTES, max_concurrency=4)
            self._await_deletion(digest)
            if self.exists(digest):
                return digest

    def _await_deletion(self, digest: Digest) -> None:
        """Return when no deletion is announced that began before now; who announced one and died is not waited for, nor by the next put."""
        until, key = self._timer.seconds() + _ANNOUNCED_SECONDS, _announced(digest)
        seen = found = self._head(key)
        while found is not None and self._timer.seconds() < until:
            time.sleep(0.05)
            found = self._head(key)
        if seen is not None and found is not None and seen["last_modified"] == found["last_modified"]:
            with self._errors():
                obstore.delete(self._store, key)

    # -- reading

    def get(self, digest: Digest) -> bytes:
        return self.open_path(digest).read_bytes() if not self._in_cache(digest) else self._cache.get(digest)

    def read(self, digest: Digest, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        if start <= 0 and end is None and not self._in_cache(digest):
            self._size(digest)
            return self._checked(digest)
        self.open_path(digest)
        return self._cache.read(digest, start=start, end=end)

    def _checked(self, digest: Digest) -> Iterator[bytes]:
        hasher, last = hashlib.sha256(), b""
        for chunk in self._stream(digest):
            hasher.update(chunk)
            if last:
                yield last
            last = chunk
        if hasher.hexdigest() != digest:
            raise BlobCorruptError(digest, self._place, found=hasher.hexdigest())
        if last:
            yield last

    def _stream(self, digest: Digest) -> Iterator[bytes]:
        with self._errors(digest):
            for block in obstore.get(self._store, _key(digest)).stream(min_chunk_size=_CHUNK_BYTES):
                view = memoryview(block)
                for at in range(0, len(view), _CHUNK_BYTES):
                    yield bytes(view[at : at + _CHUNK_BYTES])

    def open_path(self, digest: Digest) -> Path:
        if not self._in_cache(digest):
            self._fetch(digest)
        return self._cache.open_path(digest)

    def _in_cache(self, digest: Digest) -> bool:
        """Whether a whole copy is here; it counts as used now."""
        with suppress(BlobNotFoundError, BlobCorruptError):
            os.utime(self._cache.open_path(digest))
            return True
        return False

    def _fetch(self, digest: Digest) -> None:
        found = self._cache.put_chunks(self._stream(digest))
        if found != digest:
            self._cache.delete(found)
            raise BlobCorruptError(digest, self._place, found=found)
        self._trim(self._cache.open_path(digest).stat().st_size)

    def _trim(self, added_bytes: int) -> None:
        """Make room in the cache, the longest unused first, when it may have come over its size."""
        with self._turn:
            self._grown += added_bytes
            if self._grown < self._cache_bytes // 8:
                return
            self._grown = 0
            copies = sorted(self._cache.list_stored(), key=lambda blob: blob.stored)
            over = sum(blob.size_bytes for blob in copies) - self._cache_bytes
            before = datetime.fromtimestamp(time.time() - _RECENT_SECONDS, UTC)  # noqa: TID251 - compared with times of files
            for blob in copies:
                if over > 0 and self._cache.delete_unused(blob.digest, before=before):
                    over -= blob.size_bytes

    # -- what there is

    def exists(self, digest: Digest) -> bool:
        return self._head(_key(digest)) is not None

    def list(self) -> Iterator[Digest]:
        return (blob.digest for blob in self.list_stored())

    def list_stored(self) -> Iterator[StoredBlob]:
        with self._errors():
            metas = [meta for batch in obstore.list(self._store, "blobs") for meta in batch]
        for meta in sorted(metas, key=lambda meta: meta["path"]):
            yield StoredBlob(Digest(meta["path"].removeprefix("blobs/")), meta["size"], meta["last_modified"])

    def _head(self, key: str) -> Any:
        with self._errors():
            try:
                return obstore.head(self._store, key)
            except FileNotFoundError:
                return None

    def _size(self, digest: Digest) -> int:
        found = self._head(_key(digest))
        if found is None:
            raise BlobNotFoundError(digest, self._place)
        return int(found["size"])

    # -- deleting

    def delete(self, digest: Digest) -> None:
        with self._errors(), suppress(FileNotFoundError):
            obstore.delete(self._store, _key(digest))
        self._cache.delete(digest)

    def delete_unused(self, digest: Digest, *, before: datetime) -> bool:
        """Announced, looked at again, deleted, and no longer announced.

        A put that is done with its object looks for the announcement. It sees none: then this began later, and finds the object young; or
        it is over, and the put, which looks for its object once more, sees that it must send it again. It sees one: it waits, then looks.
        """
        key, announced = _key(digest), _announced(digest)
        began = self._timer.seconds()
        with self._errors():
            obstore.put(self._store, announced, b"", use_multipart=False)
            try:
                found = self._head(key)
                # Answers tell whole seconds, cut: what was put in the second of `before` may have been put after it.
                if found is None or found["last_modified"] + _SECOND > before or self._timer.seconds() - began > _DELETING_SECONDS:
                    return False
                obstore.delete(self._deleting, key)
            finally:
                obstore.delete(self._store, announced)
        self._cache.delete(digest)
        return True

    @contextmanager
    def _errors(self, digest: Digest | None = None) -> Iterator[None]:
        """The server's errors become ours, once."""
        try:
            yield
        except FileNotFoundError as error:
            if digest is None:
                raise BucketUnreachableError(self._place, error) from error
            raise BlobNotFoundError(digest, self._place) from error
        except (PermissionDeniedError, UnauthenticatedError) as error:
            raise BucketRefusedError(self._place, error) from error
        except BaseError as error:
            raise BucketUnreachableError(self._place, error) from error


def _key(digest: Digest) -> str:
    return f"blobs/{checked_digest(digest)}"


def _announced(digest: Digest) -> str:
    return f"condemned/{checked_digest(digest)}"
