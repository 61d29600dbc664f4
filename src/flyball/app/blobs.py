"""Which store of blobs a URL means: the choice between backends stands here alone."""

from __future__ import annotations

from pathlib import Path

from flyball.storage._localblobs import LocalBlobs
from flyball.storage.blobs import BlobStore
from flyball.storage.blobsurl import parse_blobs_url


def open_blobs(url: str, *, cache: Path) -> BlobStore:
    """The blobs at the URL; copies of a bucket's blobs lie in the directory `cache`.

    Nothing is asked of a server yet.

    Raises:
        BlobsUrlError: the URL names no place for blobs.
        MissingExtraError: it names a bucket, and what speaks with buckets is not installed.
    """
    place = parse_blobs_url(url)
    if isinstance(place, Path):
        return LocalBlobs(place)
    from flyball.storage._s3blobs import S3Blobs

    return S3Blobs(place, LocalBlobs(cache))
