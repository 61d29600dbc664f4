"""Files in a bucket. What is new there is brought to scratch once and whole, so that nothing changes while it is read."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from flyball.core.ids import Digest
from flyball.core.optional import extra
from flyball.data.declared.files import FileSource
from flyball.data.errors import SourceChangedError, SourceMissingError
from flyball.data.fileerrors import FileFormatError, FilesRefusedError, FilesUnreachableError
from flyball.data.sources.files.digesting import ReadableFile
from flyball.data.sources.files.names import ENDINGS, compile_pattern, is_hidden, kind_of, split_pattern
from flyball.data.sources.files.places import Found
from flyball.data.sources.port import Surroundings
from flyball.storage.bucketerrors import reason_of
from flyball.storage.errors import os_errors

with extra("s3"):
    import obstore
    from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
    from obstore.store import S3Store

_BLOCK_BYTES = 1 << 20
_KNOWN: dict[tuple[object, ...], Digest] = {}
_KNOWN_AT_MOST = 100_000
"""Digests by what the bucket says of an object: a bucket that is asked every minute sends its files once per process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketPatience:
    """How long is waited for one answer, and how often it is asked again, with growing pauses."""

    answer_seconds: float = 120.0
    retries: int = 5
    total_seconds: float = 90.0


class S3Place:
    """A `Place` in a bucket. Folders are prefixes that end with a slash; credentials are read from the environment given."""

    def __init__(self, source: FileSource, surroundings: Surroundings, *, patience: BucketPatience | None = None) -> None:
        self._source, self._surroundings = source, surroundings
        self._bucket, _, self._path = source.path.removeprefix("s3://").partition("/")
        self._path = self._path.rstrip("/")
        settings = _settings(surroundings.environment, source.credentials)
        self._endpoint = settings.get("endpoint")
        self._store = _opened(self._bucket, settings, patience=patience or BucketPatience())
        self._scratch: Path | None = None
        self._kept: dict[str, Path] = {}

    def list(self) -> Sequence[Found]:
        base, pattern = split_pattern(self._path) if self._path else ("", None)
        base = "" if base == "." else base
        with self._errors():
            metas = self._object() if pattern is None else []
            if not metas:
                metas = self._below(base, deep=pattern is not None and "/" in pattern)
        matches, start = compile_pattern(pattern or "*"), f"{base}/" if base else ""
        single = [meta for meta in metas if meta["path"] == self._path]
        found = [self._found(meta, meta["path"].rsplit("/", 1)[-1]) for meta in single]
        for meta in metas if not single else []:
            name = meta["path"].removeprefix(start)
            if not is_hidden(name) and matches.match(name) and kind_of(name, declared=self._source.format) is not None:
                found.append(self._found(meta, name))
        if not found:
            raise SourceMissingError(self._surroundings.dataset or self._source.describe(), self._source.describe())
        return sorted(found, key=lambda file: file.name)

    def _object(self) -> Sequence[Mapping[str, Any]]:
        try:
            return [obstore.head(self._store, self._path)] if self._path else []
        except FileNotFoundError:
            return []

    def _below(self, base: str, *, deep: bool) -> Sequence[Mapping[str, Any]]:
        if deep:
            return [meta for batch in obstore.list(self._store, base or None) for meta in batch]
        return obstore.list_with_delimiter(self._store, base or None)["objects"]

    def _found(self, meta: Mapping[str, Any], name: str) -> Found:
        where = f"s3://{self._bucket}/{meta['path']}"
        kind = kind_of(name, declared=self._source.format)
        if kind is None:
            raise FileFormatError(where, ENDINGS)
        stamp = (meta["path"], _tag(meta), str(meta["last_modified"]))
        return Found(name=name, where=where, size_bytes=meta["size"], stamp=stamp, kind=kind)

    def digest(self, found: Found, *, wanted: Callable[[Digest], bool]) -> Digest:
        key = self._endpoint, self._bucket, found.stamp, found.size_bytes
        if key in _KNOWN:
            return _KNOWN[key]
        path, content = self._brought(found)
        if wanted(content):
            self._kept[found.where] = path
        else:
            path.unlink()
        if len(_KNOWN) >= _KNOWN_AT_MOST:
            _KNOWN.clear()
        _KNOWN[key] = content
        return content

    def open(self, found: Found) -> ReadableFile:
        if found.where not in self._kept:
            self._kept[found.where], _ = self._brought(found)
        return self._kept[found.where].open("rb", buffering=0)

    def _brought(self, found: Found) -> tuple[Path, Digest]:
        """A copy of the object in scratch, and the digest of its bytes."""
        hasher, size = hashlib.sha256(), 0
        with os_errors(self._surroundings.scratch), self._new_file() as file:
            for block in self._blocks(found):
                hasher.update(block)
                size += len(block)
                file.write(block)
        if size != found.size_bytes:
            raise SourceChangedError(found.where)
        return Path(file.name), Digest(hasher.hexdigest())

    def _blocks(self, found: Found) -> Iterator[bytes]:
        with self._errors(found):
            answer = obstore.get(self._store, str(found.stamp[0]))
            if _tag(answer.meta) != found.stamp[1]:
                raise SourceChangedError(found.where)
            for block in answer.stream(min_chunk_size=_BLOCK_BYTES):
                yield bytes(block)

    def _new_file(self) -> Any:
        if self._scratch is None:
            self._surroundings.scratch.mkdir(parents=True, exist_ok=True)
            self._scratch = Path(tempfile.mkdtemp(prefix="bucket-", dir=self._surroundings.scratch))
        return tempfile.NamedTemporaryFile(dir=self._scratch, delete=False)

    def is_unchanged(self, found: Found) -> bool:
        """True: what is read is the copy of what was found."""
        del found
        return True

    def close(self) -> None:
        self._kept = {}
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch = None

    @contextmanager
    def _errors(self, found: Found | None = None) -> Iterator[None]:
        """The server's errors become ours, once."""
        where = found.where if found else self._source.describe()
        try:
            yield
        except FileNotFoundError as error:
            if found is None:
                raise SourceMissingError(self._surroundings.dataset or where, where) from error
            raise SourceChangedError(where) from error
        except (PermissionDeniedError, UnauthenticatedError) as error:
            raise FilesRefusedError(where, reason_of(error), prefix=self._source.credentials) from error
        except BaseError as error:
            if "NoSuchBucket" in str(error):
                raise SourceMissingError(self._surroundings.dataset or where, where) from error
            raise FilesUnreachableError(where, reason_of(error)) from error


def _tag(meta: Mapping[str, Any]) -> str:
    """The object's tag; servers put it between quotation marks here and not there."""
    return str(meta["e_tag"]).strip('"')


def _settings(environment: Mapping[str, str], prefix: str) -> dict[str, str]:
    """What the usual variables say, each with `prefix` before its name."""
    names = {
        "access_key_id": ("AWS_ACCESS_KEY_ID",),
        "secret_access_key": ("AWS_SECRET_ACCESS_KEY",),
        "session_token": ("AWS_SESSION_TOKEN",),
        "region": ("AWS_REGION", "AWS_DEFAULT_REGION"),
        "endpoint": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
    }
    found = {
        setting: next((environment[prefix + name] for name in variables if environment.get(prefix + name)), None)
        for setting, variables in names.items()
    }
    return {setting: value for setting, value in found.items() if value is not None}


def _opened(bucket: str, settings: Mapping[str, str], *, patience: BucketPatience) -> S3Store:
    given: dict[str, Any] = dict(settings)
    return S3Store(
        bucket,
        **given,
        client_options={
            "timeout": timedelta(seconds=patience.answer_seconds),
            "connect_timeout": timedelta(seconds=min(10.0, patience.answer_seconds)),
            "allow_http": settings.get("endpoint", "").startswith("http://"),
        },
        retry_config={
            "max_retries": patience.retries,
            "retry_timeout": timedelta(seconds=patience.total_seconds),
            "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=15), "base": 2},
        },
    )
