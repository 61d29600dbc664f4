"""Values and errors as JSON responses."""

from __future__ import annotations

from typing import Any

import msgspec

from flyball.api.errors import retry_seconds_of, status_of
from flyball.core.errors import FlyballError
from flyball.core.optional import extra

with extra("control"):
    from starlette.responses import Response

JSON = "application/json"
_PRIVATE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def answer(value: Any, status: int = 200) -> Response:
    """The value as JSON; a number that is none (NaN, infinity) is null, for JSON has no other word."""
    return Response(msgspec.json.encode(value), status, _PRIVATE, media_type=JSON)


def refusal(error: FlyballError) -> Response:
    """The error in the one form that all errors have."""
    status = status_of(error)
    headers = dict(_PRIVATE)
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if status in {429, 503}:
        headers["Retry-After"] = str(retry_seconds_of(error))
    return Response(_form(error.code, str(error)), status, headers, media_type=JSON)


def failure(error_id: str) -> Response:
    """What a defect of ours says to the outside: where to look, and nothing of the inside."""
    message = f"This failed inside of Flyball. The control plane's log says more under {error_id}."
    return Response(_form("internal", message), 500, _PRIVATE, media_type=JSON)


def _form(code: str, message: str) -> bytes:
    return msgspec.json.encode({"error": {"code": code, "message": message}})
