"""A bucket as the folder of tables. No lock is needed there: a commit is an object that is created by one writer alone."""

from __future__ import annotations

import builtins
import io
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress

import polars as pl

from flyball.core.errors import UnavailableError
from flyball.core.ids import RandomIds
from flyball.core.optional import extra
from flyball.storage._deltafolder import Stored
from flyball.storage.blobsurl import Bucket
from flyball.storage.buckets import BucketPatience, open_bucket
from flyball.storage.tableerrors import TablesRefusedError, TablesUnguardedError, TablesUnreachableError

with extra("s3"):
    import obstore
    from obstore.exceptions import AlreadyExistsError, BaseError, PermissionDeniedError, UnauthenticatedError

_PART_BYTES = 16 << 20
_FIRSTS = (f"{0:020}.json", "_last_checkpoint")  # by these a table is known for one


class S3Folder:
    """The objects under ``tables/`` of the bucket's prefix. Credentials come from the environment.

    Before its first commit each process sees that the server does create an object once: some overwrite it whatever they are told.
    """

    alone = False

    def __init__(self, bucket: Bucket, *, patience: BucketPatience | None = None) -> None:
        inner = Bucket(name=bucket.name, prefix=f"{bucket.prefix}/tables", endpoint=bucket.endpoint, region=bucket.region)
        self._bucket, self._place = inner, str(inner)
        self._store = open_bucket(inner, patience or BucketPatience())
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._guarded = False

    @property
    def place(self) -> str:
        return self._place

    @property
    def options(self) -> Mapping[str, str] | None:
        bucket = self._bucket
        given = {"aws_endpoint_url": bucket.endpoint, "aws_region": bucket.region}
        found = {name: value for name, value in given.items() if value is not None}
        return found | ({"aws_allow_http": "true"} if (bucket.endpoint or "").startswith("http://") else {})

    def address(self, name: str) -> str:
        return f"{self._place}/{name}"

    def create(self, name: str, data: bytes) -> bool:
        if not self._guarded:
            self._check_guard()
        return self._create(name, data)

    def _check_guard(self) -> None:
        name = f".flyball/{RandomIds().create('guard')}"
        try:
            twice = self._create(name, b"") and self._create(name, b"")
        finally:
            self.delete([name])
        if twice:
            raise TablesUnguardedError(self._place)
        self._guarded = True

    def _create(self, name: str, data: bytes) -> bool:
        with self._errors():
            try:
                obstore.put(self._store, name, data, mode="create", use_multipart=False)
            except AlreadyExistsError:
                return False
        return True

    def replace(self, name: str, data: bytes) -> None:
        with self._errors():
            obstore.put(self._store, name, data, use_multipart=False)

    def write_rows(self, name: str, rows: pl.DataFrame) -> int:
        content = io.BytesIO()
        rows.write_parquet(content)
        size = content.tell()
        content.seek(0)
        with self._errors():
            obstore.put(self._store, name, content, chunk_size=_PART_BYTES, max_concurrency=4)
        return size

    def read(self, name: str) -> bytes | None:
        with self._errors():
            try:
                return bytes(obstore.get(self._store, name).bytes())
            except FileNotFoundError:
                return None

    def exists(self, name: str) -> bool:
        with self._errors():
            try:
                obstore.head(self._store, name)
            except FileNotFoundError:
                return False
        return True

    def list(self, folder: str) -> builtins.list[Stored]:
        with self._errors():
            found = obstore.list_with_delimiter(self._store, folder)["objects"]
        files = [Stored(meta["path"].rpartition("/")[2], meta["size"], meta["last_modified"]) for meta in found]
        return sorted(files, key=lambda file: file.name)

    def list_folders(self) -> builtins.list[str]:
        with self._errors():
            found = obstore.list_with_delimiter(self._store)["common_prefixes"]
        names = (prefix.strip("/").rpartition("/")[2] for prefix in found)
        return sorted(name for name in names if not name.startswith("."))

    def delete(self, names: Iterable[str]) -> None:
        paths = list(names)
        with self._errors():
            for at in range(0, len(paths), 1000):
                with suppress(FileNotFoundError):
                    obstore.delete(self._store, paths[at : at + 1000])

    def drop(self, folder: str) -> None:
        with self._errors():
            found = [meta["path"] for batch in obstore.list(self._store, folder) for meta in batch]
        self.delete(sorted(found, key=lambda path: (path.endswith(_FIRSTS), path)))

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:
        with self._locks[name]:
            yield

    def failure(self, error: Exception) -> UnavailableError:
        return TablesUnreachableError(self._place, error)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """The server's errors become ours, once."""
        try:
            yield
        except (PermissionDeniedError, UnauthenticatedError) as error:
            raise TablesRefusedError(self._place, error) from error
        except (BaseError, OSError) as error:
            if "403 Forbidden" in str(error):  # an answer to a list is not told apart by its class
                raise TablesRefusedError(self._place, error) from error
            raise TablesUnreachableError(self._place, error) from error
