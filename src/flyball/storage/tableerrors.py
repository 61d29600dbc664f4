"""What goes wrong with tables whose files are no longer all there, or that others have changed.

::

    NotFoundError ── TableVersionGoneError ── TableErasedError
    InvalidError ── TableKeepError, TablesUrlError
    IntegrityError ── TableForeignError, TableLogError
"""

from __future__ import annotations

from datetime import timedelta

from flyball.core.errors import IntegrityError, InvalidError, NotFoundError


class TableVersionGoneError(NotFoundError):
    """The version is older than the table keeps what was replaced."""

    code = "table-version-gone"

    def __init__(self, table: str, version: int, *, latest: int) -> None:
        super().__init__(
            f"Version {version} of table {table!r} cannot be read any more: what it consisted of was merged since, and the old files are "
            f"past what is kept. Read version {latest}; all its rows are in there."
        )
        self.table, self.version, self.latest = table, version, latest


class TableErasedError(TableVersionGoneError):
    """Rows were erased since; a version that held them is gone for good."""

    code = "table-erased"

    def __init__(self, table: str, version: int, *, latest: int, erased_at: int) -> None:
        NotFoundError.__init__(
            self,
            f"Version {version} of table {table!r} held rows that were erased (by version {erased_at}); it is gone for good. "
            f"Read version {latest}: it holds all the others.",
        )
        self.table, self.version, self.latest, self.erased_at = table, version, latest, erased_at


class TableKeepError(InvalidError):
    """Replaced files cannot be kept for so short or so long."""

    code = "table-keep"

    def __init__(self, keep: timedelta, *, least: timedelta, most: timedelta) -> None:
        super().__init__(
            f"Replaced files of tables cannot be kept for {keep}; say {least} to {most}. "
            "What is being written must not be taken for garbage."
        )
        self.keep = keep


class TableForeignError(IntegrityError):
    """Another program has given the table a feature that we do not know."""

    code = "table-foreign"

    def __init__(self, table: str, what: str) -> None:
        super().__init__(
            f"Another program has changed the table {table!r} so that it cannot be used here: {what}. "
            "Copy its rows into a new dataset, or take the feature off again. Nothing was changed."
        )
        self.table = table


class TableLogError(IntegrityError):
    """The table's log is damaged."""

    code = "table-log"

    def __init__(self, table: str, name: str, *, reason: str) -> None:
        super().__init__(f"The log of table {table!r} is damaged at {name}: {reason}. Restore that file from a backup.")
        self.table, self.name = table, name
