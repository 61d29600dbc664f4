"""Routes of tokens: given, listed, taken back."""

from __future__ import annotations

from typing import Annotated

from flyball.api.bodies import Name, StrictBody
from flyball.api.desk import Desk, caller_of
from flyball.api.doors import Doors
from flyball.api.rendering import answer
from flyball.core.duration import parse_duration
from flyball.core.optional import extra
from flyball.governance import Permission, TokenWish, parse_role
from flyball.governance.service import TokenService
from flyball.governance.tokens import DEFAULT_LIFE

with extra("control"):
    from pydantic import Field
    from starlette.requests import Request
    from starlette.responses import Response


class Wish(StrictBody):
    """What the token is for."""

    name: Annotated[str, Field(max_length=64, description="The principal that records keep.")]
    role: Annotated[str, Field(max_length=20, description="viewer, editor, approver or admin.")]
    expires: Annotated[str, Field(max_length=40, description="How long it is good, as 30d.")] = f"{DEFAULT_LIFE.days}d"
    run_code: Annotated[bool, Field(description="Whether what it uploads may be loaded, though it carries code.")] = False


def add_tokens(doors: Doors, desk: Desk, *, service: TokenService) -> None:
    """What an admin does with tokens."""

    @doors.route("POST /api/v1/tokens", Permission.ADMIN, status=201)
    async def create_token(request: Request, *, body: Wish) -> Response:
        """A token; its secret stands in this answer and nowhere else."""
        wish = TokenWish(name=body.name, role=parse_role(body.role), life=parse_duration(body.expires), run_code=body.run_code)
        given = await desk.quick.run(lambda: service.create(wish, by=caller_of(request)))
        return answer({"token": service.describe(given.token), "secret": given.secret}, 201)

    @doors.route("GET /api/v1/tokens", Permission.ADMIN)
    async def list_tokens() -> Response:
        """The project's tokens, those that have ended too, by creation."""
        return await desk.tell(lambda: {"tokens": [service.describe(token) for token in service.list()]})

    @doors.route("DELETE /api/v1/tokens/{name}", Permission.ADMIN)
    async def revoke_token(request: Request, *, name: Name) -> Response:
        """Take back the token of that name or id."""
        return await desk.tell(lambda: {"token": service.describe(service.revoke(name, by=caller_of(request)))})
