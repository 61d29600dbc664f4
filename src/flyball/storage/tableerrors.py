"""What goes wrong with tables whose files are no longer all there, or that others have changed.

::

    NotFoundError ── TableVersionGoneError ── TableErasedError
    InvalidError ── TableKeepError, TablesUrlError (a BlobsUrlError)
    IntegrityError ── TableForeignError, TableLogError
    UnavailableError ── TablesUnreachableError, TablesRefusedError, TablesUnguardedError, CommitUnknownError
"""

from __future__ import annotations

from datetime import timedelta

from flyball.core.errors import IntegrityError, InvalidError, NotFoundError, UnavailableError
from flyball.storage.bucketerrors import BlobsUrlError, reason_of


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


class CommitUnknownError(UnavailableError):
    """Nobody answered whether the commit was made."""

    code = "commit-unknown"

    def __init__(self, error: UnavailableError) -> None:
        super().__init__(f"{error} Whether the commit of the table was made is not known: repeat it, it is made once.")


class TablesUnreachableError(UnavailableError):
    """The server that keeps the tables did not answer, or not as it should."""

    code = "tables-unreachable"

    def __init__(self, place: str, error: Exception) -> None:
        super().__init__(
            f"The tables at {place} could not be reached: {reason_of(error)}. It was tried several times; nothing was half-written."
        )
        self.place = place


class TablesRefusedError(UnavailableError):
    """The server that keeps the tables does not let us in, or not do that."""

    code = "tables-refused"

    def __init__(self, place: str, error: Exception) -> None:
        super().__init__(
            f"The tables at {place} may not be used with these credentials: {reason_of(error)}. "
            "Look at AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and at what the bucket allows."
        )
        self.place = place


class TablesUnguardedError(UnavailableError):
    """The server overwrites what is to be created once: two writers would lose each other's rows there."""

    code = "tables-unguarded"

    def __init__(self, place: str) -> None:
        super().__init__(
            f"The server of {place} passes over `If-None-Match`, so that two writers at once would lose rows. Nothing was written. "
            "Keep tables on a server that honours it (Amazon S3, Cloudflare R2, Ceph, MinIO), or in the home's directory."
        )
        self.place = place


class TablesUrlError(BlobsUrlError):
    """A URL that names no place for tables."""

    code = "tables-url"
    variable = "FLYBALL_TABLES_URL"
