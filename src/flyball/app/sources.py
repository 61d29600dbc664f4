"""What opens each kind of source: the one place that knows them all."""

from __future__ import annotations

from functools import singledispatch

from flyball.core.errors import InvalidError
from flyball.data.declared.files import FileSource
from flyball.data.declared.generated import RowsSource
from flyball.data.declared.source import Source
from flyball.data.declared.sql import SqlSource
from flyball.data.declared.tables import DeltaSource, ParquetSource
from flyball.data.derivation.source import DerivedSource
from flyball.data.sources.port import OpenSource, Surroundings


class SourceKindError(InvalidError):
    """A source that nothing here can open."""

    code = "source-kind"

    def __init__(self, source: Source) -> None:
        kind = type(source).__name__
        super().__init__(
            f"Nothing can read a source of the kind {kind!r}. Declare it with a function of flyball, for example fb.files(...)."
        )


@singledispatch
def open_source(source: Source, surroundings: Surroundings) -> OpenSource:
    """The source, opened in its surroundings; nothing is read yet, and what it needs is imported here.

    Raises:
        SourceKindError: no kind of source that is known.
        FlyballError: it cannot be opened.
    """
    del surroundings
    raise SourceKindError(source)


@open_source.register
def _(source: FileSource, surroundings: Surroundings) -> OpenSource:
    from flyball.data.sources.files import FileParts

    if source.is_remote:
        from flyball.data.sources.files._s3place import S3Place

        return FileParts(source, surroundings, place=S3Place(source, surroundings))
    return FileParts(source, surroundings)


@open_source.register
def _(source: SqlSource, surroundings: Surroundings) -> OpenSource:
    from flyball.data.sources._sqlsource import SqlRows

    return SqlRows(source, surroundings)


@open_source.register
def _(source: RowsSource, surroundings: Surroundings) -> OpenSource:
    from flyball.data.sources.generated import GeneratedRows

    return GeneratedRows(source, surroundings)


@open_source.register
def _(source: DeltaSource, surroundings: Surroundings) -> OpenSource:
    from flyball.data.sources._deltasource import DeltaParts

    return DeltaParts(source, surroundings)


@open_source.register
def _(source: ParquetSource, surroundings: Surroundings) -> OpenSource:
    from flyball.data.sources.files import FileParts

    return FileParts(FileSource(source.path, every=source.every, format="parquet"), surroundings)


@open_source.register
def _(source: DerivedSource, surroundings: Surroundings) -> OpenSource:
    from flyball.data.sources.derived import DerivedRows

    return DerivedRows(source, surroundings)
