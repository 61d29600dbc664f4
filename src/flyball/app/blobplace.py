"""Where a home's blobs are: beside its database, or where FLYBALL_BLOBS_URL says."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from flyball.storage._localblobs import LocalBlobs
from flyball.storage.blobs import BlobStore
from flyball.storage.blobsurl import Bucket, parse_blobs_url

VARIABLE = "FLYBALL_BLOBS_URL"
BLOBS, BLOB_CACHE = Path("blobs"), Path("cache", "blobs")


def open_blobs(home: Path, url: str | None) -> BlobStore:
    """The blobs of the home: those at `url`, or of its own directory where there is none.

    Nothing is asked of a server yet. Copies of a bucket's blobs lie in the home.

    Raises:
        BlobsUrlError: the URL names no place for blobs.
        MissingExtraError: it names a bucket, and what speaks with buckets is not installed.
    """
    place = parse_blobs_url(url) if url else home / BLOBS
    if isinstance(place, Bucket):
        from flyball.storage._s3blobs import S3Blobs

        return S3Blobs(place, LocalBlobs(home / BLOB_CACHE))
    return LocalBlobs(place)


def blobs_url(environ: Mapping[str, str] | None = None) -> str | None:
    """What the environment says of the place; None where it says nothing."""
    return (os.environ if environ is None else environ).get(VARIABLE) or None
