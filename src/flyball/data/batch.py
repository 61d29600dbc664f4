"""The files of one ingest: read at most once each, inferred from when there is no contract yet, and judged file by file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import polars as pl

from flyball.core.duration import MICROSECOND
from flyball.data.checking import Checked, Look, check_file, known_time
from flyball.data.contract import Basis, Contract, declared_columns, infer, times_in
from flyball.data.errors import EventTimeError, NothingKnownError, UnknownColumnError
from flyball.data.model import EVENT_TIME, KNOWN_TIME, TIME, Dataset, SourceFile
from flyball.data.sources.port import OpenSource, Seen


@dataclass
class Batch:
    """What lies in a dataset's source now. Not thread-safe; frames that were read for inference are kept until they are judged.

    `unexpected` collects the columns that files have beside the contract's when they are checked; their cells are not taken.
    A check completes `files` with what was left out of each.
    """

    dataset: Dataset
    source: OpenSource
    files: Sequence[SourceFile]
    unexpected: set[str] = field(default_factory=set)
    _frames: dict[str, pl.DataFrame] = field(default_factory=dict)

    @classmethod
    def find(cls, dataset: Dataset, source: OpenSource, *, seen: Seen | None = None) -> Batch:
        """The source's parts and their digests; nothing is parsed yet.

        Raises:
            SourceMissingError: there is no data file.
            SourceChangedError: a file changed meanwhile.
        """
        return cls(dataset, source, source.find(seen or Seen()))

    def without(self, digests: Iterable[str]) -> Batch:
        """The batch without the files of these digests."""
        known = set(digests)
        return Batch(self.dataset, self.source, [file for file in self.files if file.digest not in known], _frames=self._frames)

    def infer(self, history: timedelta | None, *, known_by: datetime | None = None) -> Contract:
        """The contract that the rows of the first `history` keep, or all: by the column that says when they were known, else event time.

        A row that became known later has no say, however far back its event lies, and none that is known later than `known_by`.

        Raises:
            NothingKnownError: no row is known by then.
            UnknownColumnError: a file lacks a column that the declaration or the first file has.
            EventTimeError: not one row has an event time.
        """
        frames = [self._read(file) for file in self.files]
        columns = frames[0].columns
        for name in declared_columns(self.dataset):
            if name not in columns:
                raise UnknownColumnError(name, columns, where=f"The file {self.files[0].name} of dataset {self.dataset.name!r}")
        parts = [self._select(frame, file, columns=columns) for frame, file in zip(frames, self.files, strict=True)]
        everything = _together(parts if known_by is None else self._known(parts, known_by))
        times = times_in(everything, self.dataset.event_time)
        since = times.min()
        if not isinstance(since, datetime):
            examples = everything[self.dataset.event_time].drop_nulls().head(1).to_list()
            raise EventTimeError(self.dataset.name, self.dataset.event_time, example=str(examples[0]) if examples else "empty")
        if self.dataset.known_time is not None:
            known = times_in(everything, self.dataset.known_time)
            first = known.min()
            if isinstance(first, datetime):
                times, since = known, first
        until = _end(times) if history is None else since + history
        basis = everything.filter(times < until)
        facts = Basis(rows=basis.height, since=since, until=until)
        return infer(self.dataset, basis, everything={name: everything[name] for name in columns}, basis=facts)

    def check(self, contract: Contract, stored: pl.DataFrame, *, looks: Sequence[Look]) -> list[Checked]:
        """Every file's rows, typed and judged by `contract`, in the order of the files' names; one look per file."""
        checked = []
        for file, look in zip(self.files, looks, strict=True):
            cells = self._read(file)
            self._frames.pop(file.digest, None)
            self.unexpected.update(name for name in cells.columns if name not in contract.columns)
            checked.append(check_file(self.dataset, contract, name=file.name, cells=cells, stored=stored, look=look))
        self.files = [_completed(file, part, look=look) for file, part, look in zip(self.files, checked, looks, strict=True)]
        return checked

    def check_unchanged(self) -> None:
        """Every file still is what was read.

        Raises:
            SourceChangedError: a file is gone or has other content.
        """
        self.source.check_unchanged()

    def _known(self, parts: Sequence[pl.DataFrame], known_by: datetime) -> Sequence[pl.DataFrame]:
        """The rows of each part that are known by then; parts without one are left out, for their types are news as well."""
        known = [part.filter(_known_times(self.dataset, part) <= known_by) for part in parts]
        if not any(part.height for part in known):
            firsts = [_known_times(self.dataset, part).min() for part in parts]
            raise NothingKnownError(self.dataset.name, known_by, first=min((x for x in firsts if isinstance(x, datetime)), default=None))
        return [part for part in known if part.height]

    def _read(self, file: SourceFile) -> pl.DataFrame:
        if file.digest not in self._frames:
            self._frames[file.digest] = pl.concat(self.source.read(file))
        return self._frames[file.digest]

    def _select(self, frame: pl.DataFrame, file: SourceFile, *, columns: Sequence[str]) -> pl.DataFrame:
        for name in columns:
            if name not in frame.columns:
                raise UnknownColumnError(name, frame.columns, where=f"The file {file.name} of dataset {self.dataset.name!r}")
        return frame.select(columns)


def _end(times: pl.Series) -> datetime:
    last = times.max()
    assert isinstance(last, datetime)
    return last + MICROSECOND


def _known_times(dataset: Dataset, cells: pl.DataFrame) -> pl.Series:
    """Since when each row is known by the declaration; null where that cannot be read."""
    typed = times_in(cells, dataset.event_time).to_frame(EVENT_TIME)
    if dataset.known_time is not None:
        typed = typed.with_columns(times_in(cells, dataset.known_time).alias(dataset.known_time))
    return typed.select(known_time(dataset, pl.col(EVENT_TIME)).alias(KNOWN_TIME)).to_series()


def _completed(file: SourceFile, checked: Checked, *, look: Look) -> SourceFile:
    if not checked.left_out:
        return replace(file, arrival=look.arrival)
    return replace(file, known_by=look.known_by, left_out=checked.left_out, next_known=checked.next_known, arrival=look.arrival)


def _together(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The frames below each other; a column of which files have different types is a number or a time if all are, else text."""
    if len(frames) == 1:
        return frames[0]
    shared = {name: _common([frame.schema[name] for frame in frames]) for name in frames[0].columns}
    return pl.concat([frame.cast(pl.Schema(shared)) for frame in frames])


def _common(dtypes: Sequence[pl.DataType]) -> pl.DataType:
    found = {dtype for dtype in dtypes if dtype != pl.Null}
    if len(found) <= 1:
        return next(iter(found), pl.Null())
    for types, common in (({pl.Int64(), pl.Float64()}, pl.Float64()), ({pl.Date(), TIME}, TIME)):
        if found == types:
            return common
    return pl.String()
