"""Bodies of rows: what a request's head says of them, made sure of before anything reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flyball.api.errors import BodyTooLargeError, ContentTypeError
from flyball.api.jsonshape import check_shape
from flyball.data.bodies import FORMS, Body, Form, inflate

INFLATED_BYTES = 64 << 20
"""So much a gzipped body may become."""
_TEXT: Mapping[str, Any] = {"schema": {"type": "string"}}
_ROWS: Mapping[str, Any] = {"type": "array", "items": {"type": "object"}, "minItems": 1, "maxItems": 10_000}
TYPES: Mapping[str, Any] = {
    "application/json": {"schema": {"type": "object", "properties": {"rows": _ROWS}, "required": ["rows"]}},
    "application/x-ndjson": _TEXT,
    "application/vnd.apache.arrow.stream": {"schema": {"type": "string", "format": "binary"}},
    "text/csv": _TEXT,
}
_WANTED = f"rows as one of {', '.join(TYPES)}, plain or with 'Content-Encoding: gzip'"


def sent(headers: Mapping[str, str], content: bytes) -> Body:
    """The rows that a request carries.

    Raises:
        ContentTypeError: they are of no form that is taken.
        BodyTooLargeError: unpacked they are more than 64 MiB.
        BrokenBodyError: they are not gzip, though their head says so.
        JsonShapeError: they nest too deep, or have too many values.
    """
    said = headers.get("content-type", "")
    kind, _, parameters = said.partition(";")
    form = FORMS.get(kind.strip().lower())
    charset = parameters.strip().lower().replace('"', "")
    if form is None or (charset not in {"", "charset=utf-8", "header=present"}):
        raise ContentTypeError(said, wanted=_WANTED)
    match headers.get("content-encoding", "identity").strip().lower():
        case "identity":
            found: bytes | None = content
        case "gzip":
            found = inflate(content, limit_bytes=INFLATED_BYTES)
        case other:
            raise ContentTypeError(f"{kind.strip()} in {other}", wanted=_WANTED)
    if found is None:
        raise BodyTooLargeError(INFLATED_BYTES)
    if form in {Form.JSON, Form.NDJSON}:
        check_shape(found)
    return Body(form, found)
