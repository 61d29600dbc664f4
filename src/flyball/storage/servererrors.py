"""What goes wrong between us and a database server, and what a server cannot keep.

::

    InvalidError ── DatabaseUrlError, TextNotStorableError, NumberNotStorableError
    UnavailableError ── ServerUnreachableError, ServerRefusedError, ServerGoneError, CommitUnknownError, ServerFailedError,
                        StatementTimeoutError
        ├── BusyError ── ServerBusyError
        ├── DiskFullError ── ServerFullError
        └── ReadOnlyError ── ServerReadOnlyError

All but `CommitUnknownError` have left everything as it was before. No sentence holds a password.
"""

from __future__ import annotations

from flyball.core.errors import InvalidError, UnavailableError
from flyball.storage.errors import BusyError, DiskFullError, ReadOnlyError


class DatabaseUrlError(InvalidError):
    """Not the URL of a database that we know."""

    code = "database-url"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"That is no URL of a database: {reason}. Write postgresql://USER:PASSWORD@HOST:PORT/DATABASE or sqlite:////PATH, "
            "for example in FLYBALL_DATABASE_URL."
        )


class TextNotStorableError(InvalidError):
    """The database cannot keep this text; on another engine it might."""

    code = "text-not-storable"

    def __init__(self, reason: str) -> None:
        super().__init__(f"The database cannot keep a text that was given: {reason}. Leave out NUL and half characters, or shorten it.")


class NumberNotStorableError(InvalidError):
    """A number has more digits than its column."""

    code = "number-not-storable"

    def __init__(self, reason: str) -> None:
        super().__init__(f"The database cannot keep a number that was given: {reason}. Whole numbers may have 63 bits at most.")


class ServerUnreachableError(UnavailableError):
    """Nobody answers at the place of the server, or it does not let us in."""

    code = "server-unreachable"

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"No connection to the database {place}: {reason}. Start the server, or check FLYBALL_DATABASE_URL.")
        self.place = place


class ServerRefusedError(UnavailableError):
    """We are connected, and may not do what we have to."""

    code = "server-refused"

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"The database {place} refused it: {reason}. Our role must own the schema that it uses. Nothing was changed.")
        self.place = place


class ServerGoneError(UnavailableError):
    """The connection broke in the middle; nothing of the transaction was kept."""

    code = "server-gone"

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"The connection to the database {place} broke: {reason}. Nothing was half-written; try again.")
        self.place = place


class CommitUnknownError(UnavailableError):
    """The connection broke while a transaction was being committed, and the server did not come back to tell how it ended."""

    code = "commit-unknown"

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(
            f"The connection to the database {place} broke at a commit: {reason}. It was kept as a whole or not at all; "
            "look which, before you do it again."
        )
        self.place = place


class ServerFailedError(UnavailableError):
    """The server could not do it, by no fault of the statement."""

    code = "server-failed"

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"The database {place} failed: {reason}. Nothing was half-written; its log says more.")
        self.place = place


class StatementTimeoutError(UnavailableError):
    """The server broke a statement off, at its own limit or because somebody asked it to."""

    code = "statement-timeout"

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"The database {place} broke a statement off: {reason}. Nothing was half-written.")
        self.place = place


class ServerBusyError(BusyError):
    """Others kept what we needed for longer than we wait: our turn, a row, a connection."""

    def __init__(self, place: str, reason: str) -> None:
        UnavailableError.__init__(
            self, f"The database {place} was kept busy by others: {reason}. See who in pg_stat_activity, and try again."
        )
        self.place = place


class ServerFullError(DiskFullError):
    """The server has no space left; what was there is as before."""

    def __init__(self, place: str, reason: str) -> None:
        UnavailableError.__init__(self, f"The disk of the database {place} is full: {reason}. Nothing was half-written; make room there.")
        self.place = place
        self.free_bytes = None


class ServerReadOnlyError(ReadOnlyError):
    """The server takes no writes; what was there is as before."""

    def __init__(self, place: str, reason: str) -> None:
        UnavailableError.__init__(self, f"The database {place} takes no writes: {reason}. Use its primary server.")
        self.place = place
