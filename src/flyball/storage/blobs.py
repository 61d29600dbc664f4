"""The blob store's port: content has one address, its digest."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from flyball.core.ids import Digest
from flyball.storage.errors import DigestFormatError

_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)


def checked_digest(text: object) -> Digest:
    """`text`, if it is 64 lower-case hex digits: what passes cannot be a path, an option or a pattern.

    Raises:
        DigestFormatError: it is anything else.
    """
    if not isinstance(text, str) or not _DIGEST.fullmatch(text):
        raise DigestFormatError(text)
    return Digest(text)


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """A blob as the store lists it: `stored` is when it was last put (UTC), by the store's own clock."""

    digest: Digest
    size_bytes: int
    stored: datetime


class BlobStore(Protocol):
    """What was put under a digest comes back with that digest, or not at all.

    Every method that takes a digest raises DigestFormatError for what is not 64 lower-case hex digits. A blob appears whole
    or not at all, also when the process is killed; a `put` that raised left nothing behind. Thread- and process-safe.
    Every method raises UnavailableError where the place cannot be reached, read or written.
    """

    def put(self, data: bytes) -> Digest:
        """Store `data` durably under its SHA-256; idempotent, and heals a blob that was damaged.

        Raises:
            UnavailableError: the disk is full or cannot be written.
        """
        ...

    def put_file(self, path: Path) -> Digest:
        """Store the content of the file, which stays where it is. Bounded memory."""
        ...

    def put_chunks(self, chunks: Iterable[bytes], *, limit_bytes: int | None = None) -> Digest:
        """Store what the chunks make up together; hashed while it is written, in bounded memory.

        Raises:
            BlobTooLargeError: there is more of it than `limit_bytes`; no more was taken than showed that.
            Exception: whatever the chunks raised. Nothing was stored.
        """
        ...

    def get(self, digest: Digest) -> bytes:
        """The content, verified.

        Raises:
            BlobNotFoundError: nothing is stored under `digest`.
            BlobCorruptError: what is stored has another digest.
        """
        ...

    def read(self, digest: Digest, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The bytes [start, end) in chunks of at most a mebibyte; what lies behind the content's end is left out.

        Verified at the first use in each process, and once more while a whole content is read: its last chunk is kept back until
        the digest is right.

        Raises:
            BlobNotFoundError, BlobCorruptError: as `get`; at the call, or while it is read.
        """
        ...

    def open_path(self, digest: Digest) -> Path:
        """A local file with that content, to read and never to change; verified at the first use in each process.

        Raises:
            BlobNotFoundError, BlobCorruptError: as `get`.
        """
        ...

    def exists(self, digest: Digest) -> bool:
        """Whether something is stored under `digest`; not whether it is whole."""
        ...

    def list(self) -> Iterator[Digest]:
        """All digests, ascending."""
        ...

    def list_stored(self) -> Iterator[StoredBlob]:
        """All blobs with size and age, ascending by digest; one that goes meanwhile may be missing."""
        ...

    def delete(self, digest: Digest) -> None:
        """Nothing is stored under `digest`; idempotent."""
        ...

    def delete_unused(self, digest: Digest, *, before: datetime) -> bool:
        """Delete the blob if it was last put before that moment; whether it is gone by this call.

        A `put` of the same content at the same time is never lost: when it has returned, the blob is there, and counts as put
        after every moment that lay before the call.
        """
        ...
