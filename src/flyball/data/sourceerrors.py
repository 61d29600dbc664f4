"""What can be wrong with databases, generators and tables of others as sources; no sentence holds a URL or a password.

::

    InvalidError ── DatabaseVariableError, DatabaseQueryError, WatermarkColumnError, OverlapError, GeneratedRowsError, TableFeatureError,
                    SourceEmptyError ── NoRowsError
    NotFoundError ── SourceMissingError ── DatabasePlaceError
    ConflictError ── SourceChangedError ── TableFilesGoneError
    UnavailableError ── DatabaseDriverError, DatabaseLostError, GeneratorFailedError, TableLostError,
                         SourceDeniedError ── DatabaseDeniedError
"""

from __future__ import annotations

from flyball.core.errors import ConflictError, InvalidError, NotFoundError, UnavailableError
from flyball.data.errors import SourceChangedError, SourceDeniedError, SourceEmptyError, SourceMissingError


class DatabaseVariableError(InvalidError):
    """An environment variable that should hold the URL of a database, and holds none."""

    code = "database-variable"

    def __init__(self, variable: str, why: str) -> None:
        super().__init__(
            f"The environment variable {variable} {why}. Set it to the database's URL, for example postgresql://USER:PASSWORD@HOST/NAME."
        )
        self.variable = variable


class DatabaseDriverError(UnavailableError):
    """A kind of database for which no driver is installed."""

    code = "database-driver"

    def __init__(self, place: str, kind: str, *, module: str | None) -> None:
        wanted = f"the module {module!r}" if module else "a dialect of SQLAlchemy"
        super().__init__(
            f"The database of {place} is of the kind {kind!r}, which needs {wanted}. Install it in the environment of Flyball."
        )
        self.place, self.kind = place, kind


class DatabasePlaceError(SourceMissingError):
    """A database or a table that is not there."""

    code = "source-missing"

    def __init__(self, place: str, why: str) -> None:
        NotFoundError.__init__(self, f"There is nothing to read at {place}: {why}. Correct the declaration, or have it made.")
        self.path = place


class DatabaseDeniedError(SourceDeniedError):
    """A database that cannot be reached, or does not let us in."""

    code = "source-denied"

    def __init__(self, place: str, why: str) -> None:
        UnavailableError.__init__(self, f"The database of {place} does not let us read: {why}.")
        self.path = place


class DatabaseLostError(UnavailableError):
    """A database that went away, or took too long, while it was read; nothing was recorded."""

    code = "database-lost"

    def __init__(self, place: str, why: str) -> None:
        super().__init__(f"The database of {place} stopped answering while it was read: {why}. Nothing was recorded; it is read anew.")
        self.place, self.why = place, why


class DatabaseSlowError(DatabaseLostError):
    """A pull that took longer than its source allows."""

    code = "database-slow"

    def __init__(self, place: str, *, limit: str) -> None:
        UnavailableError.__init__(
            self,
            f"Reading {place} took longer than its timeout of {limit}; nothing was recorded. Declare a longer timeout.",
        )
        self.place, self.why = place, f"longer than {limit}"


class DatabaseQueryError(InvalidError):
    """A query that the database refuses or cannot finish."""

    code = "database-query"

    def __init__(self, place: str, why: str) -> None:
        super().__init__(f"The database refuses the query of {place}: {why}. Try the query by hand, and correct the declaration.")
        self.place, self.why = place, why


class WatermarkColumnError(InvalidError):
    """A watermark by which nobody can tell what is new."""

    code = "watermark"

    def __init__(self, place: str, column: str, *, dtype: str | None) -> None:
        found = "is not there" if dtype is None else f"is of type {dtype}"
        super().__init__(f"The watermark {column!r} of {place} {found}; it must be a column of times, dates or numbers that grow.")
        self.place, self.column = place, column


class OverlapError(InvalidError):
    """An overlap of another kind than its watermark."""

    code = "watermark-overlap"

    def __init__(self, place: str, column: str, *, wanted: str) -> None:
        super().__init__(f"The overlap of {place} must be {wanted}, as its watermark {column!r} is counted.")
        self.place, self.column = place, column


class NoRowsError(SourceEmptyError):
    """A source whose very first answer has no row, so that nothing says what its rows look like."""

    code = "source-empty"

    def __init__(self, place: str) -> None:
        InvalidError.__init__(self, f"{place} has no rows yet, so that nothing says what they look like. Ingest again when it has some.")
        self.path = place


class GeneratedRowsError(InvalidError):
    """Something that a function yields in a row's place."""

    code = "generated-rows"

    def __init__(self, place: str, why: str) -> None:
        super().__init__(f"The rows of {place} cannot be used: {why}. Let it yield mappings of column to value, or Polars frames.")
        self.place = place


class GeneratorFailedError(UnavailableError):
    """A function of the project that failed while it yielded rows; nothing was recorded."""

    code = "generator-failed"

    def __init__(self, place: str, why: str) -> None:
        super().__init__(f"The function behind {place} failed: {why}. Nothing was recorded.")
        self.place = place


class TableFilesGoneError(SourceChangedError):
    """A version of a table that lost a data file before it was read; nothing was recorded."""

    code = "table-files-gone"

    def __init__(self, place: str, file: str, *, version: str) -> None:
        ConflictError.__init__(
            self, f"Version {version} of the table {place} has lost its file {file}; it was vacuumed, or deleted. Ingest again."
        )
        self.path = place


class TableFeatureError(InvalidError):
    """A table that says it must not be read file by file."""

    code = "table-feature"

    def __init__(self, place: str, feature: str) -> None:
        super().__init__(f"The table {place} has {feature}, which Flyball does not read. Have a copy written without, or a Parquet export.")
        self.place = place


class TableLostError(UnavailableError):
    """A table that could not be read to its end; nothing was recorded."""

    code = "table-lost"

    def __init__(self, place: str, why: str) -> None:
        super().__init__(f"The table {place} could not be read to its end: {why[:300]}. Nothing was recorded; it is read anew.")
        self.place, self.why = place, why
