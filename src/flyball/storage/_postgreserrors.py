"""What PostgreSQL's errors of the outside world mean, by their SQLSTATE; those of our own statements mean nothing here."""

from __future__ import annotations

from collections.abc import Callable

from flyball.core.errors import FlyballError
from flyball.core.optional import extra
from flyball.storage.servererrors import (
    NumberNotStorableError,
    ServerBusyError,
    ServerFailedError,
    ServerFullError,
    ServerGoneError,
    ServerReadOnlyError,
    ServerRefusedError,
    ServerUnreachableError,
    StatementTimeoutError,
    TextNotStorableError,
)

with extra("store"):
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError
    from sqlalchemy.exc import TimeoutError as NoConnectionError

with extra("postgres"):
    import psycopg

ERRORS: tuple[type[Exception], ...] = (SQLAlchemyError, psycopg.Error, UnicodeEncodeError)

_Meaning = Callable[[str, str], FlyballError]

# https://www.postgresql.org/docs/current/errcodes-appendix.html; a class of two characters stands for all of it.
_BY_STATE: dict[str, _Meaning] = {
    "08": ServerGoneError,
    "25P03": ServerGoneError,  # idle in transaction for too long
    "57P01": ServerGoneError,
    "57P02": ServerGoneError,
    "57P04": ServerGoneError,
    "57P05": ServerGoneError,
    "57P03": ServerUnreachableError,  # it is starting or stopping
    "28": ServerUnreachableError,
    "3D": ServerUnreachableError,
    "42501": ServerRefusedError,
    "25006": ServerReadOnlyError,
    "53100": ServerFullError,
    "53": ServerBusyError,  # memory, connections, other limits
    "40001": ServerBusyError,
    "40P01": ServerBusyError,
    "55P03": ServerBusyError,
    "57014": StatementTimeoutError,
    "58": ServerFailedError,
    "XX": ServerFailedError,
    "22001": lambda _, reason: TextNotStorableError(reason),
    "22021": lambda _, reason: TextNotStorableError(reason),
    "22P05": lambda _, reason: TextNotStorableError(reason),
    "54": lambda _, reason: TextNotStorableError(reason),  # longer than an index holds
    "22003": lambda _, reason: NumberNotStorableError(reason),
}


def translate(error: Exception, place: str) -> FlyballError | None:
    """Our error for `error`, or None where a statement of ours is at fault."""
    if isinstance(error, NoConnectionError):
        return ServerBusyError(place, "all our connections to it were in use")
    if isinstance(error, UnicodeEncodeError):
        return TextNotStorableError("half a character")
    orig = error.orig if isinstance(error, DBAPIError) else error
    if not isinstance(orig, psycopg.Error):
        return None
    state, reason = orig.sqlstate, _reason(orig)
    if state is not None:
        meaning = _BY_STATE.get(state) or _BY_STATE.get(state[:2])
        return None if meaning is None else meaning(place, reason)
    if isinstance(orig, psycopg.DataError):
        return TextNotStorableError("it holds NUL") if "NUL" in reason else NumberNotStorableError(reason)
    if not isinstance(orig, psycopg.OperationalError):
        return None
    broke = not isinstance(error, DBAPIError) or error.connection_invalidated
    return (ServerGoneError if broke else ServerUnreachableError)(place, reason)


def _reason(error: psycopg.Error) -> str:
    said = error.diag.message_primary or str(error).partition("Multiple connection attempts")[0]
    return " ".join(said.split()).rstrip(".") or type(error).__name__
