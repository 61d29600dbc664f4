"""The control plane as the console sees it: its questions over HTTP, with answers as typed values.

The console looks with its own token. What a person does here is asked in the name of their session, so that the control plane judges by
their role; what an owner does is recorded as done from the console, what others do by their names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from flyball.client import Client, NotAllowedError, TokenRefusedError
from flyball.client.endpoints import EndpointsClient
from flyball.console.answers import Happening, ModelFigures, Status, WindowFigures, decoded, decoded_list, item
from flyball.core.trust import SYSTEM, Trust

ACTOR = "console"
TIMEOUT_SECONDS = 10.0
PAGE = 1000


class Visitor(Protocol):
    """What one visitor may do, and does; raises and is used as a `ControlPlane`."""

    def list_permissions(self) -> frozenset[str]: ...
    def promote(self, endpoint: str, *, version: int | None, why: str) -> Mapping[str, Any]: ...
    def rollback(self, endpoint: str, *, why: str) -> Mapping[str, Any]: ...
    def close(self) -> None: ...


class ControlPlane(Protocol):
    """Every question may raise a `FlyballError` whose sentence can stand on the page. Thread-safe."""

    def get_status(self) -> Status: ...
    def list_models(self) -> tuple[ModelFigures, ...]: ...
    def list_windows(self, model: str) -> tuple[WindowFigures, ...]: ...
    def list_events(self, after: int, *, wait_seconds: float) -> tuple[tuple[Happening, ...], int]: ...
    def list_causes(self, event: str) -> tuple[Happening, ...]: ...
    def create_visitor(self, token: str | None) -> Visitor:
        """Who has that session; None is everybody, where nobody logs in."""
        ...

    def create_session(self, code: str) -> tuple[str, float]: ...
    def is_session(self, token: str) -> bool: ...
    def delete_session(self, token: str) -> None: ...


class HttpVisitor:
    """A `Visitor` over a client with their session's token."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def list_permissions(self) -> frozenset[str]:
        return frozenset(decoded(item(self._client.get_session(), "permissions"), list[str]))

    def promote(self, endpoint: str, *, version: int | None, why: str) -> Mapping[str, Any]:
        return EndpointsClient(self._client).promote(endpoint, version=version, why=why)

    def rollback(self, endpoint: str, *, why: str) -> Mapping[str, Any]:
        return EndpointsClient(self._client).rollback(endpoint, why=why)

    def close(self) -> None:
        self._client.close()


class HttpControlPlane:
    """A `ControlPlane` over `client.Client`. Questions about a session are asked in that session's name."""

    def __init__(self, url: str, token: str | None, *, trust: Trust = SYSTEM) -> None:
        self._url, self._token, self._trust = url, token, trust
        self._client = self._open(token)

    def get_status(self) -> Status:
        return decoded(self._client.get_status(), Status)

    def list_models(self) -> tuple[ModelFigures, ...]:
        return decoded_list(self._client.list_models(), ModelFigures)

    def list_windows(self, model: str) -> tuple[WindowFigures, ...]:
        return decoded_list(self._client.list_windows(model), WindowFigures)

    def list_events(self, after: int, *, wait_seconds: float) -> tuple[tuple[Happening, ...], int]:
        page = self._client.list_events(after, limit=PAGE, wait_seconds=wait_seconds)
        return decoded_list(page.events, Happening), page.position

    def list_causes(self, event: str) -> tuple[Happening, ...]:
        return decoded_list(self._client.list_causes(event), Happening)

    def create_visitor(self, token: str | None) -> Visitor:
        return HttpVisitor(self._open(self._token if token is None else token))

    def create_session(self, code: str) -> tuple[str, float]:
        found = self._client.create_session(code)
        return decoded(item(found, "token"), str), decoded(item(found, "expires_seconds"), float)

    def is_session(self, token: str) -> bool:
        with self._open(token) as visitor:
            try:
                # The owner's own token is none: it must never be what a browser keeps.
                return decoded(item(visitor.get_session(), "session"), bool)
            except (TokenRefusedError, NotAllowedError):
                return False

    def delete_session(self, token: str) -> None:
        with self._open(token) as visitor:
            visitor.delete_session()

    def _open(self, token: str | None) -> Client:
        return Client(self._url, token, actor=ACTOR, timeout_seconds=TIMEOUT_SECONDS, trust=self._trust)
