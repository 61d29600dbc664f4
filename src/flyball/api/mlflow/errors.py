"""What is wrong with a request of an MLflow client, and how any error of ours is told to one.

::

    InvalidError
    ├── WrongValueError          a parameter of another type, or of no meaning
    ├── MissingValueError        a parameter that the endpoint asks for
    ├── BrokenBodyError          no JSON object
    └── BodyTypeError            another Content-Type than JSON
    NotFoundError ── NoEndpointError          nothing answers at this path: ENDPOINT_NOT_FOUND
    ConflictError ── WrongMethodError         something answers there, but by another method

The client sends a request again, for minutes, where the status is 408, 429, 500, 502, 503 or 504; so what the user can mend has none of
these, and says in its first words which parameter it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from flyball.api.errors import BodyTooLargeError, NoSuchRouteError, OverloadedError, SlowBodyError
from flyball.core.errors import (
    ConflictError,
    FlyballError,
    IntegrityError,
    InvalidError,
    MissingExtraError,
    NotFoundError,
    UnavailableError,
)
from flyball.governance.errors import ForbiddenError, RateLimitedError, UnauthenticatedError
from flyball.registry.refusals import ModelExistsError
from flyball.tracking.artifacterrors import ArtifactOwnerDeletedError, ArtifactPlaceTakenError, ArtifactTooLargeError
from flyball.tracking.errors import AlreadyExistsError, DeletedError, ParameterChangedError, ParamValueChangedError, RunEndedError

INTERNAL = "INTERNAL_ERROR"
_SHOWN = 200


class WrongValueError(InvalidError):
    """A parameter of another type than the endpoint's, or with a value of no meaning there."""

    code = "wrong-value"

    def __init__(self, parameter: str, value: Any, *, hint: str = "") -> None:
        why = hint or f"Hint: Value was of type '{_kind(value)}'."
        super().__init__(f"Invalid value {_text(value)} for parameter '{parameter}' supplied: {why}")


class MissingValueError(InvalidError):
    """A parameter that the endpoint asks for."""

    code = "missing-value"

    def __init__(self, parameter: str) -> None:
        super().__init__(f"Missing value for required parameter '{parameter}'.")


class BrokenBodyError(InvalidError):
    """A body that holds no JSON object."""

    code = "broken-body"

    def __init__(self, why: str) -> None:
        super().__init__(f"The body is no JSON object: {why}. Send one object, in UTF-8.")


class BodyTypeError(InvalidError):
    """A body that does not say that it is JSON."""

    code = "body-type"

    def __init__(self, found: str) -> None:
        super().__init__(f"Bad Request. Content-Type must be one of ['application/json'], and was {found[:80]!r}.")


class NoEndpointError(NotFoundError):
    """Nothing answers at this path."""

    code = "no-endpoint"

    def __init__(self, method: str, path: str) -> None:
        super().__init__(
            f"Flyball has no endpoint {method[:20]} {path[:_SHOWN]}. It answers what MLflow's client asks about experiments, runs, models "
            "and artifacts; traces, prompts, scorers, gateways and webhooks it does not keep."
        )


class WrongMethodError(ConflictError):
    """Something answers at this path, but by another method."""

    code = "wrong-method"

    def __init__(self, method: str, path: str, *, allowed: Sequence[str]) -> None:
        super().__init__(f"{path[:_SHOWN]} takes {', '.join(allowed)}, and not {method[:20]}.")
        self.allowed = allowed


_REFUSED_BY_STATE: tuple[type[FlyballError], ...] = (
    DeletedError,
    RunEndedError,
    ParameterChangedError,
    ParamValueChangedError,
    ArtifactOwnerDeletedError,
    ArtifactPlaceTakenError,
)
"""What MLflow calls an invalid parameter, though the parameter is well and the state is not."""

_TOLD: tuple[tuple[type[FlyballError], int, str], ...] = (
    (NoEndpointError, 404, "ENDPOINT_NOT_FOUND"),
    (NoSuchRouteError, 404, "ENDPOINT_NOT_FOUND"),
    (WrongMethodError, 405, "ENDPOINT_NOT_FOUND"),
    (BodyTooLargeError, 413, "INVALID_PARAMETER_VALUE"),
    (ArtifactTooLargeError, 413, "INVALID_PARAMETER_VALUE"),
    (SlowBodyError, 408, "INVALID_PARAMETER_VALUE"),
    (UnauthenticatedError, 401, "UNAUTHENTICATED"),
    (ForbiddenError, 403, "PERMISSION_DENIED"),
    *((kind, 400, "RESOURCE_ALREADY_EXISTS") for kind in (AlreadyExistsError, ModelExistsError)),
    *((kind, 400, "INVALID_PARAMETER_VALUE") for kind in _REFUSED_BY_STATE),
    (InvalidError, 400, "INVALID_PARAMETER_VALUE"),
    (NotFoundError, 404, "RESOURCE_DOES_NOT_EXIST"),
    (ConflictError, 409, "RESOURCE_CONFLICT"),
    (IntegrityError, 409, "DATA_LOSS"),  # no 5xx: the client would ask for minutes again, and what is damaged stays so
    (MissingExtraError, 501, "NOT_IMPLEMENTED"),
    (RateLimitedError, 429, "REQUEST_LIMIT_EXCEEDED"),
    (OverloadedError, 503, "TEMPORARILY_UNAVAILABLE"),
    (UnavailableError, 503, "TEMPORARILY_UNAVAILABLE"),
)


def told(error: FlyballError) -> tuple[int, str]:
    """The HTTP status and MLflow's error_code of an error of this class.

    >>> told(MissingValueError("run_id")), told(NoEndpointError("GET", "/x"))
    ((400, 'INVALID_PARAMETER_VALUE'), (404, 'ENDPOINT_NOT_FOUND'))
    """
    return next(((status, code) for kind, status, code in _TOLD if isinstance(error, kind)), (500, INTERNAL))


def form(error_code: str, message: str) -> bytes:
    """The one form that errors have for an MLflow client."""
    return msgspec.json.encode({"error_code": error_code, "message": message})


def _text(value: Any) -> str:
    try:
        text = msgspec.json.encode(value).decode()
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError):
        text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _kind(value: Any) -> str:
    return type(value).__name__
