"""Keys that are erased: as a person gives them, as tables hold them, and as keyed digests, which alone are remembered."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from flyball.core.canonical import digest
from flyball.core.ids import Digest
from flyball.data.erasure.errors import ErasureKeysError, ErasureSecretError
from flyball.data.values import ColumnType, as_type
from flyball.storage.errors import os_errors

SEPARATOR = "\x1f"
SECRET_BYTES = 32
_AT_ONCE = 5_000  # alternatives of one expression


@dataclass(frozen=True)
class Keys:
    """Distinct keys as texts, one for each of `columns`, ascending."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, dataset: str, columns: Sequence[str], *, rows: Iterable[Sequence[str]]) -> Keys:
        """The keys of `rows`.

        Raises:
            ErasureKeysError: there are none, or one has more or fewer values than the key has columns, or an empty one.
        """
        found = sorted({tuple(value.strip() for value in row) for row in rows})
        if not found:
            raise ErasureKeysError(dataset, "no key is given", key=columns)
        for row in found:
            if len(row) != len(columns) or not all(row):
                raise ErasureKeysError(
                    dataset, f"a key has {len(columns)} values, none of them empty, and one was given {len(row)}", key=columns
                )
        return cls(tuple(columns), tuple(found))

    @classmethod
    def read(cls, dataset: str, columns: Sequence[str], *, text: str) -> Keys:
        """The keys in a CSV text with a head; columns that are not the key's are passed over.

        Raises:
            ErasureKeysError: as `of`, or a column is missing.
        """
        try:
            reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), strict=True)
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            if missing:
                raise ErasureKeysError(dataset, f"the file of keys has no column {missing[0]!r}", key=columns)
            rows = [[row[name] or "" for name in columns] for row in reader]
        except csv.Error as error:
            raise ErasureKeysError(dataset, f"the file of keys is no CSV: {error}", key=columns) from error
        return cls.of(dataset, columns, rows=rows)

    def typed(self, schema: Mapping[str, pl.DataType], names: Mapping[str, str] | None = None) -> pl.DataFrame:
        """The keys as a table of that schema holds them, under its `names` of the columns; those that it cannot hold are left out."""
        return self.as_typed(schema, names).drop_nulls().unique(maintain_order=True)

    def as_typed(self, schema: Mapping[str, pl.DataType], names: Mapping[str, str] | None = None) -> pl.DataFrame:
        """As `typed`, one row for each key in their order; what the table cannot hold is null."""
        frame = pl.DataFrame(list(self.rows), schema=dict.fromkeys(self.columns, pl.String), orient="row")
        called = {column: (names or {}).get(column, column) for column in self.columns}
        kinds = {column: schema[called[column]] for column in self.columns}
        typed = {column: as_type(pl.col(column), pl.String(), wanted=_kind(dtype)) for column, dtype in kinds.items()}
        return frame.select(typed[column].cast(kinds[column], strict=False).alias(called[column]) for column in self.columns)

    def texts(self, schemas: Iterable[Mapping[str, pl.DataType]]) -> frozenset[str]:
        """The keys as given, and as tables of these schemas write them; the parts joined by SEPARATOR."""
        found = {SEPARATOR.join(row) for row in self.rows}
        for schema in schemas:
            if set(self.columns) <= set(schema):
                found.update(key_texts(self.typed(schema), self.columns))
        return frozenset(found)


def key_texts(rows: pl.DataFrame, columns: Sequence[str]) -> list[str]:
    """Each row's key as text; a null is empty."""
    parts = [pl.col(name).cast(pl.String, strict=False).fill_null("") for name in columns]
    return rows.select(pl.concat_str(parts, separator=SEPARATOR).alias("key"))["key"].to_list() if rows.height else []


def cells_text(cells: Mapping[str, Any], columns: Sequence[str]) -> str:
    """The key of a row that is not typed, as text."""
    values = (cells.get(name) for name in columns)
    return SEPARATOR.join("" if value is None else value.strip() if isinstance(value, str) else json.dumps(value) for value in values)


def raw_text(raw: str, columns: Sequence[str]) -> str | None:
    """The key in the JSON text of a row's cells, None where it is no such text."""
    with suppress(ValueError, RecursionError):
        cells = json.loads(raw)
        if isinstance(cells, dict):
            return cells_text(cells, columns)
    return None


class Words:
    """Tells whether a text holds a key: each of its parts, as words of their own."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._keys = [tuple(text.split(SEPARATOR)) for text in sorted(texts)]
        self._parts = frozenset(part for key in self._keys for part in key)
        firsts = [re.escape(key[0]) for key in self._keys]
        self._firsts = [
            re.compile(r"(?<!\w)(?:" + "|".join(firsts[at : at + _AT_ONCE]) + r")(?!\w)") for at in range(0, len(firsts), _AT_ONCE)
        ]
        self._by_first: dict[str, list[tuple[str, ...]]] = {}
        for key in self._keys:
            self._by_first.setdefault(key[0], []).append(key)

    def within(self, content: bytes | str) -> bool:
        """Whether one of the keys is there."""
        text = content if isinstance(content, str) else content.decode("utf-8", "replace")
        for pattern in self._firsts:
            for found in {match.group() for match in pattern.finditer(text)}:
                if any(all(_is_word(part, text) for part in key[1:]) for key in self._by_first[found]):
                    return True
        return False


def _is_word(part: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(part)}(?!\w)", text) is not None


@dataclass(frozen=True)
class Marker:
    """Makes the digests by which erased keys are remembered: without the secret they say nothing of a key, not even by trying."""

    secret: bytes

    @classmethod
    def at(cls, path: Path) -> Marker:
        """The home's own, whose secret is the file `path`; made at first need.

        Raises:
            ErasureSecretError: the file is damaged.
            UnavailableError: it cannot be read or written.
        """
        with os_errors(path):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not path.exists():
                aside = path.with_name(f"{path.name}.{os.getpid()}")
                aside.unlink(missing_ok=True)
                descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(descriptor, "wb") as file:
                    file.write(os.urandom(SECRET_BYTES))
                    file.flush()
                    os.fsync(file.fileno())
                with suppress(FileExistsError):
                    os.link(aside, path)  # of two that make it at once, one is first
                aside.unlink()
            secret = path.read_bytes()
        if len(secret) != SECRET_BYTES:
            raise ErasureSecretError(path)
        return cls(secret)

    def mark(self, dataset: str, text: str) -> str:
        """The digest that stands for a key of the dataset."""
        # Keyed BLAKE2 (RFC 7693) costs a third of HMAC, and every row that comes in pays for it.
        return hashlib.blake2b(f"{dataset}{SEPARATOR}{text}".encode(), key=self.secret, digest_size=32).hexdigest()

    def job(self, dataset: str, marks: Iterable[str]) -> Digest:
        """The same for the same keys of a dataset."""
        return digest([dataset, sorted(marks)])


def _kind(dtype: pl.DataType) -> ColumnType:
    if dtype == pl.Boolean:
        return ColumnType.BOOLEAN
    if dtype.is_integer():
        return ColumnType.INTEGER
    if dtype.is_numeric():
        return ColumnType.NUMBER
    if dtype == pl.Date:
        return ColumnType.DATE
    return ColumnType.TIME if dtype.is_temporal() else ColumnType.TEXT
