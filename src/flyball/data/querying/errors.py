"""What can be wrong with a query."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from flyball.core.duration import format_duration
from flyball.core.errors import InvalidError, UnavailableError, UnknownNameError


class QueryError(InvalidError):
    """The query cannot be answered as it is written."""

    code = "query"

    def __init__(self, why: str) -> None:
        super().__init__(f"The query cannot be answered: {why}")


class QueryKindError(QueryError):
    """The query does something else than read."""

    code = "query-kind"

    def __init__(self, kind: str) -> None:
        super().__init__(f"it is {kind}, and only a single SELECT is (WITH, VALUES, DESCRIBE and SUMMARIZE are fine too).")


class QueryFileError(QueryError):
    """The query reaches for a file or an address."""

    code = "query-file"

    def __init__(self) -> None:
        super().__init__("it reads files or addresses; a query reads the tables of the catalogue alone. Bring other rows in as a dataset.")


class UnknownTableError(UnknownNameError):
    """The catalogue has no such table."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__("table", name, known=known, where="the catalogue")


class QueryTooSlowError(InvalidError):
    """The query took longer than it may."""

    code = "query-time"

    def __init__(self, limit: timedelta) -> None:
        super().__init__(
            f"The query took longer than {format_duration(limit)} and was ended. Ask for less, or give it more with --timeout."
        )


class QueryTooLargeError(InvalidError):
    """The query needs more memory or scratch space than it may have."""

    code = "query-memory"

    def __init__(self, what: str) -> None:
        super().__init__(f"The query needs more {what} than it may have. Ask for less, or give it more with --memory.")


class QueryDiedError(UnavailableError):
    """The process of the query ended without an answer."""

    code = "query-died"

    def __init__(self, status: int | None) -> None:
        super().__init__(f"The query's process ended without an answer (status {status}); nothing was changed. Ask again, or ask for less.")


class QueryAnswerTooLargeError(InvalidError):
    """The answer is more than is sent at once."""

    code = "query-answer-too-large"

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"The answer is larger than the {limit >> 20} MiB that are sent at once. Ask for fewer rows or columns; or run "
            "flyball query --out FILE where the home is."
        )
