"""A part of the door with its own routes, its own form of errors and its own way to read bodies; the boundary in front of it is the same.

It is for protocols that others have fixed. Requests to it pass FastAPI by, which costs more than the work of a short one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from flyball.api.doors import Door
from flyball.api.intake import Receive
from flyball.core.errors import FlyballError
from flyball.core.optional import extra
from flyball.governance import Permission

with extra("control"):
    from starlette.responses import Response
    from starlette.types import Scope, Send


class Annex(Protocol):
    """Routes below prefixes of their own. It is called for what it owns, past the boundary, with the body unread; for one event loop."""

    def owns(self, path: str) -> bool:
        """Whether requests to `path` are its own, also where it has no such route."""
        ...

    def permission(self, method: str, path: str) -> Permission | None:
        """What it takes to use the route, or None where there is none."""
        ...

    def list(self) -> Sequence[Door]:
        """All its routes."""
        ...

    def refusal(self, error: FlyballError) -> Response:
        """The error in its own form."""
        ...

    def failure(self, error_id: str) -> Response:
        """What a defect of ours says to the outside, in its own form."""
        ...

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request.

        Raises:
            FlyballError: it is refused, and nothing was sent.
        """
        ...
