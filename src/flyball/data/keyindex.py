"""What stands in a dataset's table, as far as a new row must be compared with it: 24 bytes a row, and no second look at the table."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from flyball.data.model import ARRIVAL, KNOWN_TIME

KEY, CONTENT = "__key", "__content"
_KEY_SEED, _CONTENT_SEED = 1, 2


class KeyIndex:
    """Tells of rows whether their key stands already, with which content, and since when that is known. Not thread-safe.

    Keys and contents are 64-bit hashes of their own seeds, so that a new row passes for a stored one only where 128 bits agree by chance.
    """

    def __init__(self, key: Sequence[str], columns: Sequence[str]) -> None:
        self._key, self._columns = list(key), list(columns)
        self._standing = pl.DataFrame(schema={KEY: pl.UInt64(), CONTENT: pl.UInt64(), KNOWN_TIME: pl.Datetime("us", "UTC")})

    def __len__(self) -> int:
        return self._standing.height

    @property
    def size_bytes(self) -> int:
        """What it takes in memory."""
        return int(self._standing.estimated_size())

    def hashed(self, rows: pl.DataFrame) -> pl.DataFrame:
        """KEY, CONTENT and KNOWN_TIME of each row, in their order."""
        keys, contents = rows.select(self._key).hash_rows(seed=_KEY_SEED), rows.select(self._columns).hash_rows(seed=_CONTENT_SEED)
        return pl.DataFrame({KEY: keys, CONTENT: contents, KNOWN_TIME: rows[KNOWN_TIME]})

    def load(self, scan: pl.LazyFrame) -> None:
        """Know all rows of `scan`, whatever was known before."""
        rows = scan.select(*dict.fromkeys([*self._key, *self._columns, KNOWN_TIME, ARRIVAL])).collect().sort(KNOWN_TIME, ARRIVAL)
        self._standing = self.hashed(rows)

    def add(self, rows: pl.DataFrame) -> None:
        """Know `rows` too; none is known before one of its key that stands."""
        grown = self._standing.vstack(self.hashed(rows))
        self._standing = grown.rechunk() if grown.n_chunks() > 64 else grown

    def find(self, hashed: pl.DataFrame) -> pl.DataFrame:
        """The standing rows of the keys in `hashed`, of each key the one that is known last at the end."""
        return self._standing.join(hashed.select(KEY), on=KEY, how="semi", maintain_order="left")
