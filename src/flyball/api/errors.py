"""What is wrong with a request before it means anything, and which status each kind of error has.

::

    InvalidError
    ├── BrokenJsonError         400, and BrokenBodyError of data
    ├── BodyFormError           422   JSON, but not of the form that the route takes
    ├── JsonShapeError          422   nests too deep, or has too many values
    ├── SlowBodyError           408
    ├── BodyTooLargeError       413
    └── ContentTypeError        415
    NotFoundError ── NoSuchRouteError                 404
    ConflictError ── MethodError                      405
    UnavailableError ── OverloadedError               503, and RateLimitedError of governance 429
"""

from __future__ import annotations

from collections.abc import Sequence

from flyball.core.errors import ConflictError, FlyballError, HeldError, InvalidError, NotFoundError, UnavailableError
from flyball.data.pusherrors import BrokenBodyError
from flyball.governance.errors import ForbiddenError, RateLimitedError, UnauthenticatedError

RETRY_SECONDS = 1
INTERNAL = 500


class BrokenJsonError(InvalidError):
    """Not JSON."""

    code = "broken-json"

    def __init__(self, why: str = "") -> None:
        super().__init__(f"The body is not JSON{f': {why}' if why else ''}. Send one JSON object.")


class BodyFormError(InvalidError):
    """JSON of another form."""

    code = "request-form"

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(f"The request has not the form that this route takes: {'; '.join(problems)}.")


class JsonShapeError(InvalidError):
    """More of a structure than is ever decoded."""

    code = "json-shape"

    def __init__(self, what: str, *, hint: str) -> None:
        super().__init__(f"The body {what}. {hint}.")


class SlowBodyError(InvalidError):
    """The body did not come in time."""

    code = "slow-body"

    def __init__(self, seconds: float) -> None:
        super().__init__(f"The body did not arrive within {seconds:g} s. Send it at once, or in smaller parts.")


class BodyTooLargeError(InvalidError):
    """More than is ever read."""

    code = "body-too-large"

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"The body has more than {limit_bytes:,} bytes. Send it in smaller parts.")


class ContentTypeError(InvalidError):
    """Something else than JSON."""

    code = "content-type"

    def __init__(self, found: str, *, wanted: str = "JSON with 'Content-Type: application/json'") -> None:
        super().__init__(f"The body is {found[:80] or 'of no type'!r}; send {wanted}.")


class NoSuchRouteError(NotFoundError):
    """No route of that path."""

    code = "no-such-route"

    def __init__(self, path: str) -> None:
        super().__init__(f"There is nothing at {path[:200]!r}. The routes are listed at /openapi.json.")


class MethodError(ConflictError):
    """The route takes another method."""

    code = "method"

    def __init__(self, method: str, path: str) -> None:
        super().__init__(f"{path[:200]!r} does not take {method[:20]}. The routes are listed at /openapi.json.")


class OverloadedError(UnavailableError):
    """More is asked at once than is worked on."""

    code = "overloaded"

    def __init__(self, what: str) -> None:
        super().__init__(f"Too many {what} at once. Try again in {RETRY_SECONDS} s.")


_STATUS: tuple[tuple[type[FlyballError], int], ...] = (
    (BrokenJsonError, 400),
    (BrokenBodyError, 400),
    (SlowBodyError, 408),
    (BodyTooLargeError, 413),
    (ContentTypeError, 415),
    (MethodError, 405),
    (UnauthenticatedError, 401),
    (ForbiddenError, 403),
    (InvalidError, 422),
    (NotFoundError, 404),
    (HeldError, 423),
    (ConflictError, 409),
    (RateLimitedError, 429),
    (UnavailableError, 503),
)


def retry_seconds_of(error: FlyballError) -> int:
    """After how many seconds what was refused as too much may be asked again."""
    return error.retry_seconds if isinstance(error, RateLimitedError) else RETRY_SECONDS


def status_of(error: FlyballError) -> int:
    """The HTTP status of an error of this class.

    >>> status_of(NoSuchRouteError("/x")), status_of(OverloadedError("requests"))
    (404, 503)
    """
    return next((status for kind, status in _STATUS if isinstance(error, kind)), INTERNAL)
