"""What serving refuses.

::

    InvalidError
    ├── ColumnTypeError         values of a type that neither journal nor tables can hold
    ├── UnalignedRecordError    a record whose columns are not of one length
    ├── LogSpecError            a prediction log that can never be as it is declared
    ├── RowsRefusedError        rows that a model made elsewhere raised at
    ├── VectorVersionError      finished features sent to a version that takes others
    ├── NotJsonError, RequestShapeError, TooManyRowsError, FieldError     a request that can never be answered
    ├── NoRowsError, ColumnLengthError      columns that are no rows
    └── VersionRefusedError     a version that is not what the plan says
    NotFoundError ── EndpointNotFoundError, VersionNotServedError
    FlyballError ── InternalError
    UnavailableError
    ├── NotDeployedError        an endpoint without a version
    ├── OverloadedError         more requests than can wait
    ├── ModelFailedError        a version that gave no answer
    │   └── ModelRaisedError    it raised
    └── NotAnsweredError        no version could answer
"""

from __future__ import annotations

from collections.abc import Iterable

from flyball.core.errors import FlyballError, InvalidError, NotFoundError, UnavailableError, UnknownNameError


class ColumnTypeError(InvalidError):
    """Values of a type that cannot be kept."""

    code = "column-type"

    def __init__(self, found: str, *, known: Iterable[str]) -> None:
        super().__init__(f"Columns of type {found} cannot be kept in the prediction log. Cast them to one of: {', '.join(known)}.")


class QuotaSpecError(InvalidError):
    """A quota that can never hold."""

    code = "quota-spec"

    def __init__(self, reason: str) -> None:
        super().__init__(f"This quota cannot hold: {reason}.")


class LogSpecError(InvalidError):
    """A prediction log that can never be as it is declared."""

    code = "prediction-log"

    def __init__(self, reason: str) -> None:
        super().__init__(f"prediction_log: {reason}.")


class NotJsonError(InvalidError):
    """A body that is no JSON."""

    code = "not-json"

    def __init__(self, reason: str) -> None:
        super().__init__(f'The body is not JSON: {reason}. Send an object such as {{"rows": [{{...}}]}} as UTF-8.')


class RequestShapeError(InvalidError):
    """JSON, but no request."""

    code = "request-shape"

    def __init__(self, reason: str) -> None:
        said = reason if reason.endswith(("?", ".")) else f"{reason}."
        super().__init__(f'The body is no request for predictions: {said} Send {{"rows": [{{...}}, ...]}}.')


class TooManyRowsError(InvalidError):
    """More rows than one request may have."""

    code = "too-many-rows"

    def __init__(self, found: int, limit: int) -> None:
        super().__init__(f"The request has {found:,} rows; one may have {limit:,}. Send them in several requests.")


class NoRowsError(InvalidError):
    """A request without a row."""

    code = "no-rows"

    def __init__(self) -> None:
        super().__init__("The request has no row. Send at least one.")


class ColumnLengthError(InvalidError):
    """Columns that are not of one length."""

    code = "column-length"

    def __init__(self, name: str, found: int, *, first: str, rows: int) -> None:
        super().__init__(
            f"Column {name[:60]!r} has {found:,} values, but {first[:60]!r} has {rows:,}. Send one value per row in each column."
        )


class FieldError(InvalidError):
    """A field of a row is not what the endpoint needs; rows count from 0."""

    code = "field"

    def __init__(self, row: int, field: str, *, reason: str) -> None:
        super().__init__(f"Row {row}, field {field[:60]!r}: {reason}{'' if reason.endswith(('.', '?')) else '.'}")
        self.row, self.field, self._reason = row, field, reason

    def later(self, rows: int) -> FieldError:
        """The same of a row that is so many rows further down."""
        return FieldError(self.row + rows, self.field, reason=self._reason)


class VersionRefusedError(InvalidError):
    """A version that is not what the plan says it is; the server keeps what it has."""

    code = "version-refused"

    def __init__(self, endpoint: str, version: int, *, reason: str) -> None:
        super().__init__(f"Version {version} for endpoint {endpoint!r} is refused: {reason.rstrip('.')}. What was served before goes on.")
        self.endpoint, self.version = endpoint, version


class EndpointNotFoundError(NotFoundError):
    """No endpoint of that name."""

    code = "endpoint-not-found"

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(str(UnknownNameError("endpoint", name[:60], known=known)))


class VersionNotServedError(NotFoundError):
    """A version that does not answer at an endpoint."""

    code = "version-not-served"

    def __init__(self, endpoint: str, version: int | str, *, known: Iterable[int]) -> None:
        there = ", ".join(map(str, sorted(known))) or "none"
        super().__init__(f"No version {str(version)[:30]} answers at endpoint {endpoint!r}; these do: {there}.")


class VectorVersionError(InvalidError):
    """A version that takes other features than those that were sent."""

    code = "vector-version"

    def __init__(self, endpoint: str, version: int) -> None:
        super().__init__(
            f"Version {version} at endpoint {endpoint!r} takes other features than the champion. "
            "Send rows without features to it, or name no version."
        )


class NotDeployedError(UnavailableError):
    """An endpoint at which no version answers yet."""

    code = "not-deployed"

    def __init__(self, endpoint: str) -> None:
        super().__init__(
            f"No version answers at endpoint {endpoint[:60]!r} yet, for none has been released. "
            "`flyball ls events` tells how far the first training is. Try again later."
        )


class OverloadedError(UnavailableError):
    """More is waiting than the server takes in."""

    code = "overloaded"

    def __init__(self) -> None:
        super().__init__("More requests are waiting than this server takes. Try again in a moment, or send fewer at once.")


class ModelFailedError(UnavailableError):
    """A version gave no answer, or one that is no prediction."""

    code = "model-failed"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)


class ModelRaisedError(ModelFailedError):
    """A version's own code raised, and said so: its process is well."""

    code = "model-raised"


class RowsRefusedError(InvalidError):
    """Rows that a model which was made elsewhere does not take: its own words say why."""

    code = "rows-refused"

    def __init__(self, endpoint: str, version: int, *, reason: str) -> None:
        super().__init__(f"Version {version} at endpoint {endpoint!r} does not take these rows: {reason.rstrip('.')}.")


class NotAnsweredError(UnavailableError):
    """No version could answer a row of the request."""

    code = "not-answered"

    def __init__(self, endpoint: str, version: int, *, reason: str) -> None:
        super().__init__(f"Version {version} at endpoint {endpoint!r} could not answer: {reason.rstrip('.')}. Try again later.")


class UnalignedRecordError(InvalidError):
    """A record whose columns are not of one length."""

    code = "unaligned-record"

    def __init__(self, column: str, *, rows: int) -> None:
        super().__init__(
            f"The record's column {column!r} has not one value for each of its {rows} rows. Write records with `record.encode`."
        )


class InternalError(FlyballError):
    """Something that should not happen did."""

    code = "internal"

    def __init__(self) -> None:
        super().__init__("The server made a mistake; its log says which. Nothing was answered.")
