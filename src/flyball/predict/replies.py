"""What goes back over HTTP: bodies as JSON, and of every error its status by its class."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

import msgspec

from flyball.core.errors import ConflictError, FlyballError, InvalidError, NotFoundError, UnavailableError
from flyball.governance.errors import ForbiddenError, RateLimitedError, UnauthenticatedError
from flyball.predict.errors import (
    BodyTooLargeError,
    ContentTypeError,
    DamagedBodyError,
    EncodingError,
    HeaderLengthError,
    MethodError,
    QuotaError,
    SlowBodyError,
    TooManyInsideError,
)
from flyball.predict.patience import retry_seconds
from flyball.serving.errors import FieldError, NotJsonError, TooManyRowsError

Headers = list[tuple[bytes, bytes]]
JSON = (b"content-type", b"application/json")
_ENCODER = msgspec.json.Encoder()

_STATUSES: Mapping[type[FlyballError], int] = {  # the most special class counts
    NotJsonError: 400, UnauthenticatedError: 401, ForbiddenError: 403, NotFoundError: 404, MethodError: 405, SlowBodyError: 408,
    ConflictError: 409, RateLimitedError: 429, QuotaError: 429, TooManyInsideError: 429, BodyTooLargeError: 413,
    TooManyRowsError: 413, ContentTypeError: 415, EncodingError: 415, DamagedBodyError: 400,
    HeaderLengthError: 400, InvalidError: 422, UnavailableError: 503,
}  # fmt: skip


class Dialect(Enum):
    """How a door tells of an error."""

    OWN = "own"  # {"error": {"code", "message"}}
    INFERENCE = "inference"  # {"error": "…"}, as the Open Inference Protocol and KServe have it
    MLFLOW = "mlflow"  # {"error_code", "message"}


class Reply(msgspec.Struct, gc=False):
    """A whole answer: status, headers and body."""

    status: int
    headers: Headers
    body: bytes


def of_json(value: Any) -> Reply:
    """200 with `value` as JSON."""
    body = _ENCODER.encode(value)
    return Reply(200, [JSON, (b"content-length", b"%d" % len(body))], body)


def of_bytes(body: bytes, content_type: bytes) -> Reply:
    """200 with these bytes."""
    return Reply(200, [(b"content-type", content_type), (b"content-length", b"%d" % len(body))], body)


def of_text(text: str, content_type: bytes) -> Reply:
    """200 with a text."""
    body = text.encode()
    return Reply(200, [(b"content-type", content_type), (b"content-length", b"%d" % len(body))], body)


def status_of(error: FlyballError) -> int:
    """The status of the nearest class that has one; 500 where none has."""
    return next((_STATUSES[kind] for kind in type(error).__mro__ if kind in _STATUSES), 500)


def of_error(error: FlyballError, dialect: Dialect = Dialect.OWN, *, beside: Mapping[str, Any] | None = None) -> Reply:
    """The error's status, and its code and sentence as JSON, with what stands beside them."""
    reply = of_json({**_told(error, dialect), **(beside or {})})
    reply.status = status_of(error)
    seconds = retry_seconds(error)
    if seconds is not None:
        reply.headers.append((b"retry-after", b"%d" % seconds))
    match error:
        case UnauthenticatedError():
            reply.headers.append((b"www-authenticate", b"Bearer"))
        case MethodError():
            reply.headers.append((b"allow", error.allowed.encode()))
        case SlowBodyError():
            reply.headers.append((b"connection", b"close"))
    return reply


def _told(error: FlyballError, dialect: Dialect) -> dict[str, Any]:
    message = _plain(str(error))
    match dialect:
        case Dialect.INFERENCE:
            return {"error": message}
        case Dialect.MLFLOW:
            return {"error_code": _MLFLOW_CODES.get(status_of(error), "BAD_REQUEST"), "message": message}
    facts: dict[str, Any] = {"code": error.code, "message": message}
    if isinstance(error, FieldError):
        facts |= {"row": error.row, "field": _plain(error.field)}
    return {"error": facts}


def _plain(text: str) -> str:
    """The text without halves of characters: JSON has an escape for them, but no text that is sent may hold one."""
    return text.encode("utf-8", "replace").decode()


_MLFLOW_CODES = {
    401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "RESOURCE_DOES_NOT_EXIST", 500: "INTERNAL_ERROR", 503: "TEMPORARILY_UNAVAILABLE",
}  # fmt: skip
