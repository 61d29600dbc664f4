"""What can be wrong with tables that are read in place.

::

    ConflictError ── TableChangedError, TableGoneError, InPlaceOnlyError
    InvalidError ── InPlaceFileError
"""

from __future__ import annotations

from flyball.core.errors import ConflictError, InvalidError


class TableChangedError(ConflictError):
    """A file that a version reads in place has other bytes than it had."""

    code = "table-changed"

    def __init__(self, name: str, where: str) -> None:
        super().__init__(
            f"The dataset {name!r} reads {where} in place, and somebody has changed that file since. Put the file back as it was, and"
            f" write what is new to a file of its own; or declare the source with copy=True, which takes the rows as they are now."
        )
        self.name, self.where = name, where


class TableGoneError(ConflictError):
    """A file that a version reads in place is not there."""

    code = "table-gone"

    def __init__(self, name: str, where: str) -> None:
        super().__init__(
            f"The dataset {name!r} reads {where} in place, and that file is not there: it was deleted, moved or vacuumed. Bring it back;"
            f" or declare the source with copy=True, which takes the rows that are there now."
        )
        self.name, self.where = name, where


class InPlaceOnlyError(ConflictError):
    """Rows that should be added to a dataset whose rows lie in a table of others."""

    code = "in-place"

    def __init__(self, name: str, place: str) -> None:
        super().__init__(
            f"The rows of the dataset {name!r} lie in {place} and are read there, so none can be added here. Write the rows to that"
            f" table and run flyball ingest {name}; or declare the source with copy=True."
        )
        self.name, self.place = name, place


class InPlaceFileError(InvalidError):
    """A file that cannot be read in place."""

    code = "in-place-file"

    def __init__(self, where: str) -> None:
        super().__init__(
            f"{where} is no plain Parquet file, so it cannot be read in place. Unpack it, or declare the source with copy=True."
        )
        self.where = where
