"""Which store of tables a URL means: the choice between backends stands here alone."""

from __future__ import annotations

from pathlib import Path

from flyball.storage._delta import DeltaTables
from flyball.storage.blobsurl import parse_blobs_url
from flyball.storage.bucketerrors import BlobsUrlError
from flyball.storage.tableerrors import TablesUrlError
from flyball.storage.tables import TableStore


def open_tables(url: str) -> TableStore:
    """The tables at the URL. Nothing is asked of a server yet.

    Raises:
        TablesUrlError: the URL names no place for tables.
        MissingExtraError: it names a bucket, and what speaks with buckets is not installed.
    """
    try:
        place = parse_blobs_url(url)
    except BlobsUrlError as error:
        raise TablesUrlError(error.reason) from error
    if isinstance(place, Path):
        return DeltaTables(place)
    from flyball.storage._s3folder import S3Folder

    return DeltaTables(S3Folder(place))
