"""What a function of the project yields, as rows: it is asked once a pull, and what it gave lies in scratch."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import polars as pl

from flyball.core.canonical import digest
from flyball.core.errors import FlyballError
from flyball.core.ids import Digest
from flyball.data.declared.generated import RowsSource
from flyball.data.sourceerrors import GeneratedRowsError, GeneratorFailedError
from flyball.data.sources.port import Surroundings
from flyball.data.sources.position import Height
from flyball.data.sources.pulled import PulledSource
from flyball.data.sources.pycells import frame_of

_ROWS = 1 << 13


class GeneratedRows(PulledSource):
    """Mappings are gathered to frames; frames are taken as they are. What a row does not say of a column that others have is null.

    The function runs in the process that pulls.
    """

    def __init__(self, source: RowsSource, surroundings: Surroundings) -> None:
        super().__init__(source.describe(), surroundings.scratch, watermark=source.watermark)
        self._source = source

    @property
    def _asked(self) -> Digest:
        mark = self._source.watermark
        return digest({"function": self._place, "watermark": mark.column if mark else None})

    def _answer(self, since: Height | None, *, quickly: bool) -> Iterable[pl.DataFrame]:
        del quickly
        waiting: list[Mapping[Any, Any]] = []
        for given in self._yielded(since):
            if isinstance(given, Mapping):
                waiting.append(given)
                if len(waiting) < _ROWS:
                    continue
            yield from self._gathered(waiting)
            waiting.clear()
            if not isinstance(given, Mapping):
                yield from self._frames(given)
        yield from self._gathered(waiting)

    def _yielded(self, since: Height | None) -> Iterator[Any]:
        """What the function gives, its failures as ours."""
        try:
            yield from self._source.function(*([since] if self._source.watermark else []))
        except FlyballError:
            raise
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            why = f"{type(error).__name__}: {error}".splitlines()[0]
            raise GeneratorFailedError(self._place, f"{why} (line {where.lineno} of {where.name})") from error

    def _gathered(self, rows: list[Mapping[Any, Any]]) -> Iterable[pl.DataFrame]:
        if not rows:
            return
        names = list(dict.fromkeys(name for row in rows for name in row))
        if wrong := [name for name in names if not isinstance(name, str)]:
            raise GeneratedRowsError(self._place, f"{wrong[0]!r} is no name of a column")
        yield frame_of(names, [[row.get(name) for name in names] for row in rows], place=self._place)

    def _frames(self, given: object) -> Iterable[pl.DataFrame]:
        match given:
            case pl.DataFrame():
                yield given
            case pl.LazyFrame():
                yield from given.collect_batches(chunk_size=_ROWS)
            case _:
                raise GeneratedRowsError(self._place, f"it yields {type(given).__name__}, which is no row")
