"""The blob store's port: content has one address, its digest."""

from __future__ import annotations

import re
from collections.abc import Iterator
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


class BlobStore(Protocol):
    """What was put under a digest comes back with that digest, or not at all.

    Every method that takes a digest raises DigestFormatError for what is not 64 lower-case hex digits. A blob appears whole
    or not at all, also when the process is killed; a `put` that raised left nothing behind. Thread- and process-safe.
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

    def get(self, digest: Digest) -> bytes:
        """The content, verified.

        Raises:
            BlobNotFoundError: nothing is stored under `digest`.
            BlobCorruptError: what is stored has another digest.
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

    def delete(self, digest: Digest) -> None:
        """Nothing is stored under `digest`; idempotent."""
        ...
