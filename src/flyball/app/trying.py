"""A request that a person makes from the console: which columns it has, and what the home's model server answers to it.

The control plane asks in the owner's name, with the home's own token, whoever was allowed to ask for it; the answer is logged as any other.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from flyball.app.deed import Json
from flyball.core.errors import InvalidError, UnavailableError
from flyball.core.trust import Trust
from flyball.governance import OwnerToken
from flyball.storage.clockfile import RUN

_SECONDS = 15.0
_LONGEST_BYTES = 16 << 20
MOST_ROWS = 100


class NoModelServerError(UnavailableError):
    """No model server of this home that could be asked."""

    code = "no-model-server"

    def __init__(self, reason: str) -> None:
        super().__init__(f"The model server of this home did not answer: {reason}. Start it with `flyball up`, or ask the server itself.")


class RefusedError(InvalidError):
    """What the model server said of a request that it does not answer."""

    code = "try-refused"

    def __init__(self, message: str) -> None:
        super().__init__(message)


class _Place(msgspec.Struct):
    port: int
    host: str = "127.0.0.1"
    certificate: str | None = None


@dataclass(frozen=True)
class Trials:
    """Asks the model server that runs in `home`. Thread-safe."""

    home: Path

    def get_inputs(self, endpoint: str) -> Json:
        """{"inputs": [{"name", "type", "format", "required", "example"}]}: the columns of a row, as JSON Schema has their types.

        Raises:
            NoModelServerError: none answers.
            RefusedError: the endpoint is not there, or nothing answers at it yet.
        """
        page = self._ask("GET", "/openapi.json")
        operation = page.get("paths", {}).get(f"/predict/{endpoint}", {}).get("post")
        if operation is None:
            raise RefusedError(f"No version answers at endpoint {endpoint!r} yet.")
        content = operation["requestBody"]["content"]["application/json"]
        row, example = row_schema(page, content["schema"]), content.get("example", {}).get("rows", [{}])[0]
        needed = set(row.get("required", ()))
        columns = row.get("properties", {}).items()
        return {"inputs": [_input(name, facts, needed=name in needed, example=example.get(name)) for name, facts in columns]}

    def try_rows(self, endpoint: str, rows: Sequence[Mapping[str, Any]]) -> Json:
        """The model server's answer to a request of these rows.

        Raises:
            NoModelServerError: none answers.
            RefusedError: it refuses the rows; the sentence is its own.
        """
        return self._ask("POST", f"/predict/{quote(endpoint, safe='')}", body={"rows": list(rows)})

    def _ask(self, method: str, path: str, *, body: Any = None) -> Json:
        place = self._place()
        trust = Trust.pinning(None if place.certificate is None else Path(place.certificate))
        connection = trust.connect(f"http{'s' if place.certificate else ''}://{place.host}:{place.port}", _SECONDS)
        token = OwnerToken.find(self.home)
        headers = {} if token is None else {"Authorization": f"Bearer {token.value}"}
        try:
            data = None if body is None else json.dumps(body).encode()
            connection.request(method, path, body=data, headers={**headers, "Content-Type": "application/json"})
            answer = connection.getresponse()
            found = json.loads(answer.read(_LONGEST_BYTES))
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise NoModelServerError(str(error) or type(error).__name__) from error
        finally:
            connection.close()
        if answer.status != http.client.OK:
            raise _refusal(answer.status, found)
        return dict(found)

    def _place(self) -> _Place:
        try:
            return msgspec.json.decode((self.home / RUN / "predict.json").read_bytes(), type=_Place)
        except (OSError, msgspec.DecodeError) as error:
            raise NoModelServerError("none has said where it listens") from error


def row_schema(page: Json, request: Json) -> Json:
    """The schema of one row of a request of that schema, on an OpenAPI page; references are followed."""
    body = _followed(page, request)
    return _followed(page, _followed(page, body["properties"]["rows"])["items"])


def _followed(page: Json, schema: Json) -> Json:
    while "$ref" in schema:
        found: Any = page
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part.replace("~1", "/").replace("~0", "~")]
        schema = found
    return schema


def _input(name: str, facts: Json, *, needed: bool, example: Any) -> Json:
    kinds = facts.get("type", "string")
    kind = next((kind for kind in kinds if kind != "null"), "string") if isinstance(kinds, list) else kinds
    return {"name": name, "type": kind, "format": facts.get("format"), "required": needed, "example": example}


def _refusal(status: int, found: Any) -> InvalidError | UnavailableError:
    said = found.get("error") if isinstance(found, dict) else None
    said = said.get("message") if isinstance(said, dict) else said
    sentence = said if isinstance(said, str) else f"it answered {status}"
    return NoModelServerError(sentence) if status >= http.client.INTERNAL_SERVER_ERROR else RefusedError(sentence)
