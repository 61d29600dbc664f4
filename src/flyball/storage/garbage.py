"""Sweeping: content that nothing refers to, and that nobody put for a while, is deleted. What refers is for the caller to say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from flyball.core.ids import Digest
from flyball.storage.blobs import BlobStore, StoredBlob

_AT_ONCE = 8  # deletions under way: a bucket answers each in some milliseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """What a sweep found: blobs and bytes that it freed (or would have), that are used, and that are unused but young."""

    freed: int
    freed_bytes: int
    used: int
    used_bytes: int
    young: int
    young_bytes: int


class UsedDigests:
    """A set of digests at 32 bytes each: a home may refer to millions."""

    def __init__(self, digests: Iterable[str] = ()) -> None:
        self._known: set[bytes] = set()
        self.add(digests)

    def add(self, digests: Iterable[str]) -> None:
        """They are used."""
        self._known.update(map(bytes.fromhex, digests))

    def update(self, other: UsedDigests) -> None:
        """What the other knows is used, too."""
        self._known |= other._known

    def __contains__(self, digest: Digest) -> bool:
        return bytes.fromhex(digest) in self._known

    def __len__(self) -> int:
        return len(self._known)


def sweep(blobs: BlobStore, used: UsedDigests, *, before: datetime, dry_run: bool = False) -> Sweep:
    """Delete the blobs that are not `used` and were last put before that moment; with `dry_run`, only say which it would.

    `before` lies before the moment at which `used` was found out: who puts content later makes it young, and it stays.

    Raises:
        UnavailableError: the store cannot be reached or written; what was deleted until then is gone.
    """
    found: dict[str, list[StoredBlob]] = {"used": [], "young": [], "old": []}
    for blob in blobs.list_stored():
        kind = "used" if blob.digest in used else "old" if blob.stored < before else "young"
        found[kind].append(blob)
    freed = found["old"] if dry_run else list(_delete(blobs, found["old"], before=before))
    return Sweep(
        freed=len(freed),
        freed_bytes=_bytes(freed),
        used=len(found["used"]),
        used_bytes=_bytes(found["used"]),
        young=len(found["young"]),
        young_bytes=_bytes(found["young"]),
    )


def _delete(blobs: BlobStore, old: list[StoredBlob], *, before: datetime) -> Iterator[StoredBlob]:
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        gone = pool.map(lambda blob: blobs.delete_unused(blob.digest, before=before), old)
        yield from (blob for blob, deleted in zip(old, gone, strict=True) if deleted)


def _bytes(blobs: Iterable[StoredBlob]) -> int:
    return sum(blob.size_bytes for blob in blobs)
