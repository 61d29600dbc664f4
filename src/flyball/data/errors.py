"""What can be wrong with a dataset's declaration, its files, its contract or its rows; each error names what to do next."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from datetime import datetime

from flyball.core.errors import ConflictError, InvalidError, NotFoundError, UnavailableError


class DatasetError(InvalidError):
    """A declaration of a dataset, a join or a label that can never be right."""

    code = "dataset"

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"{what}: {why}.")
        self.what, self.why = what, why


class UnknownColumnError(InvalidError):
    """A column that the data do not have; the near one is named."""

    code = "unknown-column"

    def __init__(self, column: str, known: Iterable[str], *, where: str) -> None:
        names = list(known)
        near = difflib.get_close_matches(column, names, n=1, cutoff=0.5)
        hint = f"Did you mean {near[0]!r}?" if near else f"It has: {', '.join(names[:20]) or 'none'}{', …' if len(names) > 20 else ''}."
        super().__init__(f"{where} has no column {column!r}. {hint}")
        self.column, self.near, self.where = column, near[0] if near else None, where


class LabelTypeError(InvalidError):
    """A label that is neither true or false nor a number."""

    code = "label-type"

    def __init__(self, dataset: str, dtype: str) -> None:
        super().__init__(
            f"The label on dataset {dataset!r} is of type {dtype}; a label is boolean or a number. "
            "Compare it with a value, for example pl.col('outcome') == 'late'."
        )


class LabelRowError(InvalidError):
    """A label expression that looks at more than its own row."""

    code = "label-not-row-wise"

    def __init__(self, dataset: str) -> None:
        super().__init__(
            f"The label on dataset {dataset!r} changes with the other rows around it, so it would see the future. "
            "Use only the row's own columns; compute aggregates in a window view."
        )


class SourceMissingError(NotFoundError):
    """No file stands where the source points."""

    code = "source-missing"

    def __init__(self, dataset: str, path: str, *, near: Iterable[str] = ()) -> None:
        close = difflib.get_close_matches(path.rsplit("/", 1)[-1], list(near), n=1, cutoff=0.5)
        hint = f"Did you mean {close[0]!r}?" if close else "A source is a file, a directory of files or a pattern such as logs/*.csv.gz."
        super().__init__(f"Dataset {dataset!r} reads {path}, where there is no data file. {hint}")
        self.path = path


class SourceEmptyError(InvalidError):
    """A file without a single row."""

    code = "source-empty"

    def __init__(self, path: str, what: str = "rows") -> None:
        super().__init__(f"The file {path} has no {what}. Write it again, or take it out of the source.")
        self.path = path


class SourceUnreadableError(InvalidError):
    """A file that is truncated, or not what its name says."""

    code = "source-unreadable"

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"The file {path} cannot be read: {why}. Copy or export it again.")
        self.path, self.why = path, why


class SourceEncodingError(InvalidError):
    """A text file that is not UTF-8."""

    code = "source-encoding"

    def __init__(self, path: str, offset: int, *, likely: str) -> None:
        super().__init__(
            f"The file {path} is not UTF-8: byte {offset} does not fit; it is likely {likely}. "
            f"Convert it, for example: iconv -f {likely} -t UTF-8 {path} > converted.csv"
        )
        self.path, self.offset, self.likely = path, offset, likely


class SourceChangedError(ConflictError):
    """A file that changed while it was read; nothing of it was recorded."""

    code = "source-changed"

    def __init__(self, path: str) -> None:
        super().__init__(f"The file {path} changed while it was read; nothing was recorded. Ingest again when the writer is done.")
        self.path = path


class SourceDeniedError(UnavailableError):
    """A file that the operating system does not let us read."""

    code = "source-denied"

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"The file {path} cannot be opened: {why}.")
        self.path = path


class ColumnTypeError(InvalidError):
    """A column of a type that a dataset cannot hold."""

    code = "column-type"

    def __init__(self, path: str, column: str, *, dtype: str) -> None:
        super().__init__(
            f"Column {column!r} of {path} is of type {dtype}; a dataset holds booleans, numbers, text, dates and times. Flatten or drop it."
        )
        self.column = column


class EventTimeError(InvalidError):
    """A time column in which not one time can be read."""

    code = "event-time"

    def __init__(self, dataset: str, column: str, *, example: str) -> None:
        super().__init__(
            f"Not one value of {column!r} in dataset {dataset!r} is a time; the first is {example!r}. "
            "Times are ISO 8601, for example 2013-01-31T17:05:00Z (without a zone they are UTC)."
        )
        self.column = column


class NothingKnownError(InvalidError):
    """A dataset of which no row is known yet."""

    code = "nothing-known"

    def __init__(self, dataset: str, known_by: datetime, *, first: datetime | None) -> None:
        when = f"the first becomes known at {first.isoformat()}" if first else "none says when it becomes known"
        super().__init__(
            f"No row of dataset {dataset!r} is known by {known_by.isoformat()}; {when}. Begin later, or bring earlier rows into its source."
        )


class RowsError(InvalidError):
    """Pushed rows that are not rows at all; nothing of them was kept."""

    code = "rows"

    def __init__(self, dataset: str, why: str) -> None:
        super().__init__(f"The rows for dataset {dataset!r} cannot be taken: {why}. Nothing was kept.")
        self.dataset, self.why = dataset, why


class PushKeyError(InvalidError):
    """Not an idempotency key."""

    code = "idempotency-key"

    def __init__(self, key: str) -> None:
        super().__init__(f"{key[:40]!r} is no idempotency key. Send 1 to 200 printable ASCII characters, for example a UUID.")


class PushConflictError(ConflictError):
    """An idempotency key that was used for other rows."""

    code = "idempotency-conflict"

    def __init__(self, dataset: str, key: str) -> None:
        super().__init__(
            f"The idempotency key {key!r} came with other rows for dataset {dataset!r} before. "
            "Nothing was kept; give other rows another key, and only the same rows the same one."
        )
        self.dataset, self.key = dataset, key


class NotIngestedError(ConflictError):
    """A dataset of which nothing says yet what its rows look like."""

    code = "dataset-not-ingested"

    def __init__(self, dataset: str, source: str, *, why: str) -> None:
        super().__init__(
            f"Dataset {dataset!r} cannot take rows: {why}, so that no contract says what they look like. "
            f"Put a first file into its source ({source}) and have it ingested, by `flyball up` or `flyball backtest`."
        )
        self.dataset = dataset


class ContractFileError(InvalidError):
    """A contract file that cannot be used."""

    code = "contract-file"

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"The contract {path} cannot be used: {why}. Mend the file, or delete it to have the last good one restored.")
        self.path, self.why = path, why


class VersionNotFoundError(NotFoundError):
    """A dataset version that does not exist."""

    code = "dataset-version-not-found"

    def __init__(self, dataset: str, number: int | None, *, known: Sequence[int]) -> None:
        which = f"version {number}" if number is not None else "accepted version"
        have = f"versions: {', '.join(str(n) for n in known[-10:])}" if known else "it was never ingested"
        super().__init__(f"Dataset {dataset!r} has no {which}; {have}. List them with: flyball ls datasets {dataset}")


class VersionStateError(ConflictError):
    """A move that a dataset version's state forbids."""

    code = "dataset-version-state"

    def __init__(self, dataset: str, number: int, *, state: str, asked: str) -> None:
        super().__init__(
            f"Version {number} of dataset {dataset!r} is {state} and cannot become {asked}. "
            "Those that wait for a decision are listed by: flyball held"
        )


class VersionExistsError(ConflictError):
    """Somebody else recorded this version in the meantime."""

    code = "dataset-version-exists"

    def __init__(self, dataset: str, number: int) -> None:
        super().__init__(f"Version {number} of dataset {dataset!r} was recorded by another process in the meantime. Ingest again.")


class VersionHeldError(ConflictError):
    """A version that nobody may build upon yet."""

    code = "dataset-version-held"

    def __init__(self, dataset: str, number: int, *, state: str, broken: int, read: int) -> None:
        super().__init__(
            f"Version {number} of dataset {dataset!r} is {state}: {broken:,} of {read:,} rows broke its contract. "
            f"Look at them with `flyball held {dataset}@{number}`, then mend the source or the contract and run again, "
            f"or take it as it is with `flyball release {dataset}@{number}`."
        )
        self.dataset, self.number, self.state = dataset, number, state


class VersionSupersededError(ConflictError):
    """A held version that newer ones stand upon."""

    code = "dataset-version-superseded"

    def __init__(self, dataset: str, number: int, *, latest: int) -> None:
        super().__init__(
            f"Version {number} of dataset {dataset!r} cannot be released any more: version {latest} was ingested without it. Reject it."
        )


class ScaffoldError(InvalidError):
    """A CSV file from which no project can be made."""

    code = "scaffold"

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"{what}: {why}.")
