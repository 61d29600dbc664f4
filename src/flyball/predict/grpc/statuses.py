"""Of every error its gRPC status by its class, and what the trailing metadata says beside the sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from flyball.core.errors import ConflictError, FlyballError, InvalidError, NotFoundError, UnavailableError
from flyball.core.optional import extra
from flyball.governance.errors import ForbiddenError, RateLimitedError, UnauthenticatedError
from flyball.predict.errors import BodyTooLargeError, QuotaError, SlowBodyError, SlowReaderError, TooManyInsideError, UnsupportedError
from flyball.predict.patience import retry_seconds
from flyball.serving.errors import FieldError, TooManyRowsError

with extra("grpc"):
    from grpc import StatusCode  # type: ignore[import-untyped]  # it ships no types

Trailers: TypeAlias = "tuple[tuple[str, str | bytes], ...]"
LONGEST_SENTENCE = 2000
"""Sentences travel in trailers, of which a client takes 8 KB."""

_STATUSES: Mapping[type[FlyballError], Any] = {  # the most special class counts
    UnauthenticatedError: StatusCode.UNAUTHENTICATED, ForbiddenError: StatusCode.PERMISSION_DENIED, NotFoundError: StatusCode.NOT_FOUND,
    SlowBodyError: StatusCode.DEADLINE_EXCEEDED, SlowReaderError: StatusCode.DEADLINE_EXCEEDED,
    ConflictError: StatusCode.FAILED_PRECONDITION,
    BodyTooLargeError: StatusCode.RESOURCE_EXHAUSTED, TooManyRowsError: StatusCode.RESOURCE_EXHAUSTED,
    InvalidError: StatusCode.INVALID_ARGUMENT, RateLimitedError: StatusCode.RESOURCE_EXHAUSTED,
    QuotaError: StatusCode.RESOURCE_EXHAUSTED, TooManyInsideError: StatusCode.RESOURCE_EXHAUSTED,
    UnsupportedError: StatusCode.UNIMPLEMENTED, UnavailableError: StatusCode.UNAVAILABLE,
}  # fmt: skip


def status_of(error: FlyballError) -> Any:
    """The status of the nearest class that has one; INTERNAL where none has."""
    return next((_STATUSES[kind] for kind in type(error).__mro__ if kind in _STATUSES), StatusCode.INTERNAL)


def trailers_of(error: FlyballError) -> Trailers:
    """The error's code; the row and the field; and when to come again, which gRPC's own retries obey."""
    found: list[tuple[str, str | bytes]] = [("error-code", error.code)]
    if isinstance(error, FieldError):
        found += [("error-row", str(error.row)), ("error-field-bin", error.field.encode("utf-8", "replace"))]
    seconds = retry_seconds(error)
    if seconds is not None:
        found += [("retry-after", str(seconds)), ("grpc-retry-pushback-ms", str(1000 * seconds))]
    return tuple(found)


def sentence_of(error: FlyballError) -> str:
    """What the error says, no longer than trailers may be."""
    said = str(error)
    return said if len(said) <= LONGEST_SENTENCE else f"{said[:LONGEST_SENTENCE]}…"
