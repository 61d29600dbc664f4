"""The URL of a place for blobs, as a setting has it. It holds no credentials, and what it holds is checked here once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from flyball.storage.bucketerrors import BlobsUrlError

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"(?:[A-Za-z0-9_.=-]+/)*[A-Za-z0-9_.=-]+")
_OPTIONS = frozenset({"endpoint", "region"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A prefix of a bucket; `endpoint` is None for Amazon's own."""

    name: str
    prefix: str
    endpoint: str | None = None
    region: str | None = None

    def __str__(self) -> str:
        return f"s3://{self.name}/{self.prefix}"


def parse_blobs_url(text: str) -> Path | Bucket:
    """The directory of a ``file:`` URL, or the bucket of an ``s3:`` one.

    >>> str(parse_blobs_url("s3://models/team-a?endpoint=http://127.0.0.1:9000&region=local"))
    's3://models/team-a'

    Raises:
        BlobsUrlError: it is neither, or holds what it should not; the sentence does not repeat it.
    """
    try:
        url = urlsplit(text)
        options = dict(parse_qsl(url.query, strict_parsing=True)) if url.query else {}
    except ValueError as error:
        raise BlobsUrlError("it cannot be read") from error
    if url.scheme == "file" and not url.netloc and url.path.startswith("/") and not url.query:
        return Path(unquote(url.path))
    if url.scheme != "s3":
        raise BlobsUrlError("it begins neither with s3:// nor with file:/")
    if "@" in url.netloc:
        raise BlobsUrlError("credentials do not belong into it")
    prefix = url.path.strip("/")
    if not _BUCKET.fullmatch(url.netloc) or url.fragment:
        raise BlobsUrlError("it names no bucket")
    if not _PREFIX.fullmatch(prefix) or {".", ".."} & set(prefix.split("/")):
        raise BlobsUrlError("it names no prefix in the bucket; each home needs one of its own")
    if unknown := set(options) - _OPTIONS:
        raise BlobsUrlError(f"the option {min(unknown)!r} is not known")
    if "endpoint" in options and urlsplit(options["endpoint"]).scheme not in {"http", "https"}:
        raise BlobsUrlError("the endpoint is no http or https URL")
    return Bucket(name=url.netloc, prefix=prefix, endpoint=options.get("endpoint"), region=options.get("region"))
