"""What goes back over HTTP: bodies as JSON, and of every error its status by its class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from flyball.core.errors import ConflictError, FlyballError, InvalidError, NotFoundError, UnavailableError
from flyball.governance.errors import ForbiddenError, UnauthenticatedError
from flyball.predict.errors import BodyTooLargeError, ContentTypeError, MethodError, SlowBodyError
from flyball.serving.errors import FieldError, NotDeployedError, NotJsonError, TooManyRowsError

Headers = list[tuple[bytes, bytes]]
JSON = (b"content-type", b"application/json")
_ENCODER = msgspec.json.Encoder()

_STATUSES: Mapping[type[FlyballError], int] = {  # the most special class counts
    NotJsonError: 400, UnauthenticatedError: 401, ForbiddenError: 403, NotFoundError: 404, MethodError: 405, SlowBodyError: 408,
    ConflictError: 409, BodyTooLargeError: 413, TooManyRowsError: 413, ContentTypeError: 415, InvalidError: 422, UnavailableError: 503,
}  # fmt: skip
_RETRY_AFTER, _RETRY_AFTER_RELEASE = b"1", b"5"


class Reply(msgspec.Struct, gc=False):
    """A whole answer: status, headers and body."""

    status: int
    headers: Headers
    body: bytes


def of_json(value: Any) -> Reply:
    """200 with `value` as JSON."""
    body = _ENCODER.encode(value)
    return Reply(200, [JSON, (b"content-length", b"%d" % len(body))], body)


def of_text(text: str, content_type: bytes) -> Reply:
    """200 with a text."""
    body = text.encode()
    return Reply(200, [(b"content-type", content_type), (b"content-length", b"%d" % len(body))], body)


def status_of(error: FlyballError) -> int:
    """The status of the nearest class that has one; 500 where none has."""
    return next((_STATUSES[kind] for kind in type(error).__mro__ if kind in _STATUSES), 500)


def of_error(error: FlyballError) -> Reply:
    """The error's status, and its code and sentence as JSON."""
    facts: dict[str, Any] = {"code": error.code, "message": str(error)}
    if isinstance(error, FieldError):
        facts |= {"row": error.row, "field": error.field}
    reply = of_json({"error": facts})
    reply.status = status_of(error)
    match error:
        case NotDeployedError():
            reply.headers.append((b"retry-after", _RETRY_AFTER_RELEASE))
        case UnavailableError():
            reply.headers.append((b"retry-after", _RETRY_AFTER))
        case UnauthenticatedError():
            reply.headers.append((b"www-authenticate", b"Bearer"))
        case MethodError():
            reply.headers.append((b"allow", error.allowed.encode()))
        case SlowBodyError():
            reply.headers.append((b"connection", b"close"))
    return reply
