"""A derived dataset as a source: one part, which is what its code makes of the inputs' versions that stand.

Where each row follows from one row of an input, only what is new of the inputs is read; all else is built whole, and only what
differs from what stands is given. Nothing is computed until the part is read, so that a build without news costs a look at versions.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from types import TracebackType
from typing import Any, Self

import polars as pl

from flyball.core.canonical import canonical, digest
from flyball.core.errors import FlyballError
from flyball.data.derivation.changes import changed, check_key, moment
from flyball.data.derivation.errors import DerivationError, DerivedRowsError
from flyball.data.derivation.inputs import Input, Inputs
from flyball.data.derivation.plan import Plan, caller, find_plan
from flyball.data.derivation.source import KNOWN, DerivedSource
from flyball.data.derivation.timed import TIMES, Replay, Timed, UnknownPlanError
from flyball.data.errors import SourceChangedError
from flyball.data.model import ARRIVAL, KNOWN_TIME, KNOWN_UNTIL, SYSTEM_COLUMNS, TIME, Dataset, SourceFile
from flyball.data.sourceerrors import NoRowsError
from flyball.data.sources.port import Seen, Surroundings
from flyball.data.sources.spool import Spool


class DerivedRows:
    """An `OpenSource`; its surroundings say where the inputs are read."""

    def __init__(self, source: DerivedSource, surroundings: Surroundings) -> None:
        if surroundings.inputs is None:
            raise DerivationError(source.name, "nothing says here where its inputs are read")
        self._source, self._scratch = source, surroundings.scratch
        self._inputs: Inputs = surroundings.inputs
        self._place = source.describe()
        self._found: dict[str, Input] = {}
        self._before: Mapping[str, Any] = {}
        self._part: SourceFile | None = None
        self._first = True
        self._spool: Spool | None = None

    def find(self, seen: Seen) -> Sequence[SourceFile]:
        """See `OpenSource`.

        Raises:
            InputMissingError: an input was never ingested.
            InputHeldError: the newest version of an input waits for a person.
        """
        source = self._source
        self._found = {found.name: self._inputs.latest(found, source=self._place) for found in source.inputs}
        inputs = {name: {"number": found.number, "digest": found.digest, "table": found.table} for name, found in self._found.items()}
        before = json.loads(seen.position) if seen.position else {}
        self._first = not seen.digests
        self._before = before["inputs"] if before.get("code") == source.code else {}
        built = digest({"code": source.code, "inputs": {name: found.digest for name, found in self._found.items()}})
        position = canonical({"code": source.code, "inputs": inputs})
        versions = ", ".join(f"{name}@{found.number}" for name, found in self._found.items())
        news = built not in seen.digests
        how = "new rows" if news and self._goes_on else "whole"
        self._part = SourceFile(name=f"{source.name} of {versions}, {how}", size_bytes=0, digest=built, position=position)
        return [self._part]

    def read(self, part: SourceFile) -> Iterator[pl.DataFrame]:
        """See `OpenSource`.

        Raises:
            DerivationError: its code fails, or gives no frame.
            DerivedRowsError: the rows lack the key or the event time.
            DerivedKeyError: rows share a key.
            NoRowsError: there is no row, and never was one.
        """
        if part != self._part:
            raise SourceChangedError(self._place)
        self._spool = Spool(self._scratch, self._place)
        try:
            self._spool.add_all(self._build().collect_batches(chunk_size=1 << 16))
        except FlyballError:
            raise
        except Exception as error:
            raise DerivationError(self._source.name, _why(error)) from error
        if not self._spool.rows and self._first:
            raise NoRowsError(self._place)
        return self._spool.read()

    @cached_property
    def _plan(self) -> Plan | None:
        schemas = [
            pl.Schema({name: dtype for name, dtype in self._scan(found).collect_schema().items() if name not in SYSTEM_COLUMNS})
            for found in self._source.inputs
        ]
        return find_plan(caller(self._source), schemas)

    @cached_property
    def _goes_on(self) -> bool:
        """Whether only what is new has to be read: the code is what it was, and gives a row for a row."""
        before = self._before
        if set(before) != set(self._found) or any(before[name]["table"] != found.table for name, found in self._found.items()):
            return False
        plan = self._plan
        if plan is None:
            return False
        try:
            return Replay(plan, [self._timed(found, after=None).limit(0) for found in self._source.inputs]).run().rowwise
        except UnknownPlanError:
            return False

    def _build(self) -> pl.LazyFrame:
        source = self._source
        if self._goes_on:
            plan = self._plan
            assert plan is not None
            frames = [self._timed(found, after=self._before[found.name]["number"]) for found in source.inputs]
            return self._named(Replay(plan, frames).run().rows)
        found = self._whole()
        rows = self._named(found.rows, keep=True)
        if not found.rowwise:
            check_key(rows, source)
        stored = self._inputs.stored(source.name, source=self._place)
        made = rows if stored is None or found.rowwise else changed(rows, stored, source=source)
        return made.drop(KNOWN_UNTIL)

    def _whole(self) -> Timed:
        source, plan = self._source, self._plan
        if plan is not None:
            try:
                return Replay(plan, [self._timed(found, after=None) for found in source.inputs]).run()
            except UnknownPlanError:
                pass
        return self._opaque()

    def _opaque(self) -> Timed:
        """Code that nobody can see through: it gets the rows that are known now, and its rows are known when the last of these was."""
        frames = [self._timed(found, after=None).filter(pl.col(KNOWN_UNTIL).is_null()) for found in self._source.inputs]
        made = caller(self._source)([frame.drop(TIMES) for frame in frames])
        if isinstance(made, pl.DataFrame):
            made = made.lazy()
        if not isinstance(made, pl.LazyFrame):
            raise DerivedRowsError(self._source.name, f"its function returns {type(made).__name__}; return a Polars LazyFrame")
        last = pl.concat([frame.select(pl.col(KNOWN_TIME).max()) for frame in frames]).max().collect(engine="streaming").item()
        return Timed(made.with_columns(moment(last).alias(KNOWN_TIME), moment(None).alias(KNOWN_UNTIL)), rowwise=False)

    def _named(self, rows: pl.LazyFrame, *, keep: bool = False) -> pl.LazyFrame:
        """The rows as they are stored: since when they are known stands in a column of theirs; with `keep`, until when as well."""
        source, schema = self._source, rows.collect_schema()
        for name in (*source.key, source.event_time):
            if name not in schema:
                raise DerivedRowsError(source.name, f"they have no column {name!r}; they have {', '.join(set(schema) - set(TIMES))}")
        terms = [pl.col(KNOWN_TIME)]
        if source.known in schema and schema[source.known].is_temporal():
            terms.append(_utc(source.known, schema[source.known]))
        if source.shift is not None and schema[source.event_time].is_temporal():
            terms.append(_utc(source.event_time, schema[source.event_time]) + source.shift)
        if source.known not in {*schema, KNOWN}:
            raise DerivedRowsError(source.name, f"they have no column {source.known!r}, which is to say when they are known")
        rows = rows.with_columns(pl.max_horizontal(terms).alias(source.known))
        return rows.drop(KNOWN_TIME) if keep else rows.drop(TIMES)

    def _timed(self, dataset: Dataset, *, after: int | None) -> pl.LazyFrame:
        """The input's rows with both times; those after version `after` alone, of which nobody asks until when they are known."""
        found = self._found[dataset.name]
        rows = self._scan(dataset, after=after or 0)
        if after is not None or not found.corrected:
            until = moment(None)
        else:
            until = pl.col(KNOWN_TIME).shift(-1).over(dataset.key, order_by=[KNOWN_TIME, ARRIVAL])
        users = [name for name in rows.collect_schema().names() if name not in SYSTEM_COLUMNS]
        return rows.with_columns(until.alias(KNOWN_UNTIL)).select(*users, *TIMES)

    def _scan(self, dataset: Dataset, *, after: int = 0) -> pl.LazyFrame:
        return self._inputs.scan(dataset, self._found[dataset.name], after=after)

    def check_unchanged(self) -> None:
        """Nothing to prove: versions do not change."""

    def acknowledge(self) -> None:
        """Nothing to say: the inputs' versions stand in this one's position."""

    def close(self) -> None:
        """Remove what lies in scratch; idempotent."""
        if self._spool is not None:
            self._spool.close()
        self._spool = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _utc(name: str, dtype: pl.DataType) -> pl.Expr:
    if isinstance(dtype, pl.Datetime):
        return (
            pl.col(name).dt.convert_time_zone("UTC").cast(TIME)
            if dtype.time_zone
            else pl.col(name).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
        )
    return pl.col(name).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")


def _why(error: Exception) -> str:
    """The error, and the last line that is not of a library's."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "site-packages" not in frame.filename and "/flyball/data/" not in frame.filename]
    said = f"{type(error).__name__}: {error}".splitlines()[0]
    return f"{said} (line {own[-1].lineno} of {own[-1].filename})" if own else said
