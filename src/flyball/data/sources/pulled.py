"""A source that is asked once and whose answer is spooled: one part, and where it ended by a watermark."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import polars as pl

from flyball.core.ids import Digest
from flyball.data.declared.watermark import Watermark
from flyball.data.errors import SourceChangedError
from flyball.data.model import SourceFile
from flyball.data.sourceerrors import NoRowsError, WatermarkColumnError
from flyball.data.sources.port import Seen
from flyball.data.sources.position import Height, HeightKind, Position, decode, edge_of, kind_of, lower_bound, to_text
from flyball.data.sources.spool import Spool


class AskAgainError(Exception):
    """A quick way to read found out half-way that it is none; nothing that it gave counts."""


class PulledSource(ABC):
    """An `OpenSource` of one part: the answer to a question, asked when parts are found, as it is kept in scratch.

    With a watermark only what is new is asked for, and an answer that is nothing but the overlap has no part.
    """

    text_grows = True
    """Whether text may be a watermark: whether the place compares text as bytes."""

    def __init__(self, place: str, scratch: Path, *, watermark: Watermark | None) -> None:
        self._place, self._scratch, self._watermark = place, scratch, watermark
        self._spool: Spool | None = None
        self._part: SourceFile | None = None

    @property
    @abstractmethod
    def _asked(self) -> Digest:
        """The digest of the question: under another one, nothing was read yet."""

    @abstractmethod
    def _answer(self, since: Height | None, *, quickly: bool) -> Iterable[pl.DataFrame]:
        """The rows from `since` on, and those without a watermark; all where it is None.

        Raises:
            AskAgainError: it was asked `quickly`, and must not be.
        """

    def find(self, seen: Seen) -> Sequence[SourceFile]:
        """See `OpenSource`; the question is asked here.

        Raises:
            NoRowsError: there is no row, and never was one.
            WatermarkColumnError: the watermark is no column of the answer, or none that grows.
        """
        self._forget()
        before = decode(seen.position, asked=self._asked) if self._watermark else None
        since = lower_bound(before.value, self._watermark, place=self._place) if before and self._watermark else None
        spool = self._ask(since)
        if not spool.rows:
            if not seen.digests and before is None:
                raise NoRowsError(self._place)
            return []
        position = self._position(spool, before) if self._watermark else None
        if before is not None and since is not None and self._edge(spool, since) == before.edge:
            return []
        self._part = SourceFile(
            name=self._place, size_bytes=spool.size_bytes, digest=spool.digest, position=position.encode() if position else None
        )
        return [self._part]

    def _ask(self, since: Height | None) -> Spool:
        self._spool = Spool(self._scratch, self._place)
        try:
            self._spool.add_all(self._answer(since, quickly=True))
        except AskAgainError:
            self._forget()
            self._spool = Spool(self._scratch, self._place)
            self._spool.add_all(self._answer(since, quickly=False))
        return self._spool

    def read(self, part: SourceFile) -> Iterator[pl.DataFrame]:
        """See `OpenSource`."""
        if self._spool is None or part != self._part:
            raise SourceChangedError(self._place)
        return self._spool.read()

    def check_unchanged(self) -> None:  # noqa: B027  not abstract: there is nothing to do
        """Nothing to prove: what was answered lies in scratch, and its digest is proved as it is read."""

    def acknowledge(self) -> None:  # noqa: B027  as above
        """Nothing to say to the place: the position stands in the version."""

    def close(self) -> None:
        """Remove what lies in scratch; idempotent."""
        self._forget()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _forget(self) -> None:
        if self._spool is not None:
            self._spool.close()
        self._spool = self._part = None

    def _position(self, spool: Spool, before: Position | None) -> Position | None:
        """How high the pulls have come with this one; as before where no row has a watermark."""
        assert self._watermark is not None
        column = self._watermark.column
        dtype = spool.schema.get(column)
        if dtype is None:
            raise WatermarkColumnError(self._place, column, dtype=None)
        if dtype == pl.Null:
            return before
        kind = kind_of(dtype, column, place=self._place)
        if kind is HeightKind.TEXT and not self.text_grows:
            raise WatermarkColumnError(self._place, column, dtype="text")
        height: Height | None = spool.scan().select(pl.col(column).max()).collect(engine="streaming").item()
        if height is None:
            return before
        if before is not None and before.kind == kind and before.value > height:  # type: ignore[operator]  # of one kind
            height = before.value
        bound = lower_bound(height, self._watermark, place=self._place)
        return Position(asked=self._asked, kind=kind, height=to_text(height), edge=edge_of(spool.scan(), column, bound=bound))

    def _edge(self, spool: Spool, since: Height) -> Digest | None:
        assert self._watermark is not None
        found = spool.schema[self._watermark.column]
        return None if found == pl.Null else edge_of(spool.scan(), self._watermark.column, bound=since)
