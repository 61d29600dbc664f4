"""What the door refuses by a request's head or body, before any row is looked at.

::

    InvalidError ── BodyTooLargeError, ContentTypeError, SlowBodyError, MethodError
    NotFoundError ── RouteNotFoundError
"""

from __future__ import annotations

from collections.abc import Iterable

from flyball.core.errors import InvalidError, NotFoundError


class BodyTooLargeError(InvalidError):
    """A body larger than a request may be."""

    code = "body-too-large"

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"The body is larger than {limit_bytes >> 20} MB. Send the rows in several requests.")


class ContentTypeError(InvalidError):
    """A body that is not said to be JSON."""

    code = "content-type"

    def __init__(self, found: str) -> None:
        what = f"The content type is {found[:60]!r}" if found else "The request has no content type"
        super().__init__(f"{what}. Send JSON with the header 'Content-Type: application/json', not compressed.")


class SlowBodyError(InvalidError):
    """A body that did not come in time."""

    code = "slow-body"

    def __init__(self, seconds: float) -> None:
        super().__init__(f"The body did not arrive within {seconds:g} s. Send the request again.")


class MethodError(InvalidError):
    """A route asked with another method than it has."""

    code = "method"

    def __init__(self, method: str, allowed: str) -> None:
        super().__init__(f"This route is asked with {allowed}, not {method[:20]}.")
        self.allowed = allowed


class RouteNotFoundError(NotFoundError):
    """No route of that path."""

    code = "route-not-found"

    def __init__(self, path: str, known: Iterable[str]) -> None:
        super().__init__(f"There is nothing at {path[:80]!r}. Routes: {', '.join(known)}.")
