"""Which store of blobs a URL means: the choice between backends stands here alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from flyball.storage._localblobs import LocalBlobs
from flyball.storage.blobs import BlobStore
from flyball.storage.blobsurl import parse_blobs_url

BLOBS_URL = "FLYBALL_BLOBS_URL"


def home_blobs(home: Path, environment: Mapping[str, str]) -> BlobStore:
    """The blobs of the home for who only reads them, by what the environment says; needs no database.

    Raises:
        BlobsUrlError: the variable names no place for blobs.
    """
    url = environment.get(BLOBS_URL)
    return open_blobs(url, cache=home / "blobs") if url else LocalBlobs(home / "blobs")


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
