"""The description of `/predict`, made from what each endpoint takes and gives, with an example of each.

It is made when it is asked for: what it says is what is served now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version as version_of
from typing import Any

from flyball.governance import Permission
from flyball.predict.arrow import KIND
from flyball.predict.dataplane import DataPlane
from flyball.predict.replies import Reply, of_json
from flyball.predict.request import Request, Route
from flyball.predict.target import Target
from flyball.serving.openform import OpenForm
from flyball.serving.rowform import MAX_BYTES, MAX_ROWS, MAX_TEXT
from flyball.serving.version import VECTOR_SUFFIX

Schema = dict[str, Any]
_JSON, _ARROW = "application/json", KIND.decode()
_NUMBER: Schema = {"type": "number"}
_MOMENT: Schema = {"type": "string", "format": "date-time"}
_KINDS: Mapping[str, tuple[Schema, Any]] = {
    **{
        f"Int{bits}": ({"type": "integer", "minimum": -(1 << bits - 1), "maximum": (1 << bits - 1) - 1}, 1) for bits in (8, 16, 32, 64)
    },
    **{f"UInt{bits}": ({"type": "integer", "minimum": 0, "maximum": (1 << bits) - 1}, 1) for bits in (8, 16, 32)},
    "Float32": (_NUMBER, 1.5), "Float64": (_NUMBER, 1.5), "Boolean": ({"type": "boolean"}, True),
    "String": ({"type": "string", "maxLength": MAX_TEXT}, "text"), "Categorical": ({"type": "string", "maxLength": MAX_TEXT}, "text"),
    "Binary": ({"type": "string", "contentEncoding": "base64", "maxLength": MAX_BYTES * 4 // 3}, "AAEC"),
    "Date": ({"type": "string", "format": "date"}, "2013-12-01"), "Null": ({"type": "null"}, None),
    "Datetime(time_unit='us', time_zone=None)": (_MOMENT, "2013-12-01T06:00:00Z"),
    "Datetime(time_unit='us', time_zone='UTC')": (_MOMENT, "2013-12-01T06:00:00Z"),
}  # fmt: skip
_ERRORS = {
    "400": "The body is no JSON, or is damaged.", "401": "No token, or a wrong one.", "403": "The caller may not ask.",
    "408": "The body did not arrive in time.", "413": "More bytes or rows than a request may have.", "415": "The body is of another kind.",
    "422": "A field is missing, unknown or of another type; `row` and `field` say which.", "429": "The caller's turn is over for now.",
    "503": "Nothing answers now; `Retry-After` says when to ask again.",
}  # fmt: skip


async def describe(plane: DataPlane, request: Request) -> Reply:
    """The description of what is served now."""
    del request
    return of_json(description(plane))


def description(plane: DataPlane) -> Schema:
    """OpenAPI 3.1 of the endpoints that answer, by name, and of those for finished features."""
    names = sorted(plane.names())
    vectors = [f"{name}{VECTOR_SUFFIX}" for name in names if plane.find(name).endpoint.vector_form is not None]
    return {
        "openapi": "3.1.0",
        "info": {"title": "Flyball model server", "version": version_of("flyball"), "description": "Predictions, by endpoint."},
        "paths": {f"/predict/{name}": {"post": _operation(plane.find(name))} for name in (*names, *vectors)},
        "components": {
            "schemas": {"Error": _ERROR},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "The token of the home."}},
        },
        "security": [{"token": []}],
    }


def _operation(target: Target) -> Schema:
    row, example = _row(target)
    rows = {"type": "array", "items": row, "minItems": 1, "maxItems": MAX_ROWS}
    asked = _object({"rows": rows}, required=["rows"])
    answers = {"200": {"description": "A prediction for each row.", "content": {_JSON: {"schema": _answer(target)}, _ARROW: {}}}}
    failures = {status: {"description": words, "content": {_JSON: {"schema": _REFERENCE}}} for status, words in _ERRORS.items()}
    return {
        "operationId": f"predict_{target.name}",
        "summary": f"Predictions of {target.endpoint.plan.model}",
        "requestBody": {"required": True, "content": {_JSON: {"schema": asked, "example": {"rows": [example]}}, _ARROW: {}}},
        "responses": {**answers, **failures},
    }


def _row(target: Target) -> tuple[Schema, dict[str, Any]]:
    """The schema of a row, and one that is answered."""
    form = target.form
    if isinstance(form, OpenForm):
        value = {"type": ["number", "string", "boolean", "null"]}
        if not form.names:
            return {"type": "object", "additionalProperties": value, "minProperties": 1}, {"0": 1.5}
        return _object(dict.fromkeys(form.names, value), required=form.names), dict.fromkeys(form.names, 1.5)
    fields = {name: _nullable(_KINDS[kind][0], known=name in form.key) for name, kind in form.accepted.items()}
    seen = {name: sorted(known) for name, known in target.version.levels.items() if known}
    levels = {**{name.rpartition(".")[2]: known for name, known in seen.items()}, **seen}  # a column of the rows has no view's name
    own = {name: levels.get(name, [_KINDS[kind][1]])[0] for name, kind in form.columns.items()}
    return _object(fields, required=[name for name in form.columns if name in form.required]), own


def _nullable(schema: Schema, *, known: bool) -> Schema:
    return schema if known or schema["type"] == "null" else {**schema, "type": [schema["type"], "null"]}


def _answer(target: Target) -> Schema:
    said: Schema = (
        {} if target.version.description is not None else {"type": "boolean" if target.version.plan.task == "binary" else "number"}
    )
    fields: Schema = {
        "id": {"type": "string"}, "prediction": said, "score": {"type": ["number", "null"]}, "version": {"type": "integer"},
        "route": {"type": "string"}, "warnings": {"type": "array", "items": {"type": "string"}},
        "probabilities": {"type": "object", "additionalProperties": {"type": ["number", "null"]}},
    }  # fmt: skip
    prediction = _object({"key": {}, **fields}, required=["id", "prediction", "score", "version", "route"])
    whole: Schema = {
        "predictions": {"type": "array", "items": prediction}, "model": {"type": "string"}, "version": {"type": ["integer", "null"]},
        "route": {"type": "string"},
    }  # fmt: skip
    return _object(whole, required=list(whole))


def _object(properties: Schema, *, required: Sequence[str]) -> Schema:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


_REFERENCE: Schema = {"$ref": "#/components/schemas/Error"}
_FACTS: Schema = {"code": {"type": "string"}, "message": {"type": "string"}, "row": {"type": "integer"}, "field": {"type": "string"}}
_ERROR = _object({"error": _object(_FACTS, required=["code", "message"])}, required=["error"])
ROUTES = (Route("GET", "/openapi.json", Permission.READ, describe),)
