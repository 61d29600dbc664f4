"""Whom a request speaks for, by what it presents."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field

from flyball.core.errors import FlyballError
from flyball.governance.errors import ForbiddenError, UnauthenticatedError, UnknownTokenError
from flyball.governance.permissions import Permission, Role, may
from flyball.governance.sessions import OWNERS, Holder, Sessions
from flyball.governance.token import OwnerToken
from flyball.governance.tokenfile import TokenBook
from flyball.governance.tokens import PREFIX, Token

ANONYMOUS, OWNER = "anonymous", "owner"
_ACTOR = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@:+-]{0,63}")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the proved role, and `actor` for the events; `session` is the session token that was presented, if one was.

    `principal` is the stable name that records keep: "owner", or the name of the token; nobody chooses it for themselves.
    `may_run_code` is what the server's own configuration says of them; it is asked when they upload, never when something is loaded.
    `holder` is whose sessions they open, and `refusal` why what an anonymous caller presented opens nothing.
    """

    role: Role
    actor: str
    session: str | None = None
    principal: str = ANONYMOUS
    may_run_code: bool = False
    holder: Holder = OWNERS
    refusal: FlyballError | None = field(default=None, compare=False)

    def __repr__(self) -> str:
        return f"Caller({self.role.value}, {self.actor})"


class Authority:
    """Knows callers by the owner's token, by a session or by a token of `tokens`. Thread-safe.

    Without the owner's token (`--no-auth`) everybody is the owner. `owner_runs_code` is for a home of one user that only this machine
    reaches: there what the owner uploads may be loaded.
    """

    def __init__(
        self,
        token: OwnerToken | None,
        sessions: Sessions | None = None,
        *,
        tokens: TokenBook | None = None,
        owner_runs_code: bool = False,
    ) -> None:
        self._token, self._sessions, self._tokens = token, sessions, tokens
        self._owner_runs_code = owner_runs_code

    @property
    def asks(self) -> bool:
        """Whether anything must be proved at all."""
        return self._token is not None

    def caller(self, authorization: str | None, actor: str | None = None) -> Caller:
        """Whom the Authorization header proves, Bearer or Basic; anonymous where it proves nobody.

        `actor` is how the caller names itself in events; it is believed of the owner, and ignored where it is no plain name.
        """
        if self._token is None:
            return self._owner(actor)
        name, secret = _presented(authorization)
        if not secret:
            return Caller(Role.ANONYMOUS, ANONYMOUS)
        if name in {None, OWNER} and self._token.matches(secret):
            return self._owner(actor)
        try:
            found = self._bearer(secret, name) if secret.startswith(PREFIX) else self._session(secret, actor)
            return found or Caller(Role.ANONYMOUS, ANONYMOUS, refusal=UnknownTokenError())
        except FlyballError as error:
            return Caller(Role.ANONYMOUS, ANONYMOUS, refusal=error)

    def check(self, caller: Caller, permission: Permission) -> None:
        """Let the caller pass, or refuse.

        Raises:
            UnauthenticatedError: an anonymous caller may not; a known one might.
            ForbiddenError: the caller is known, and may not.
        """
        if may(caller.role, permission):
            return
        if caller.refusal is not None:
            raise caller.refusal
        if caller.role is Role.ANONYMOUS:
            raise UnauthenticatedError
        raise ForbiddenError(
            f"{caller.principal} is {caller.role.value} and may not do this; it needs the permission '{permission.value}', "
            f"which these roles have: {', '.join(role.value for role in Role if may(role, permission))}."
        )

    def _owner(self, actor: str | None, session: str | None = None) -> Caller:
        named = actor if actor and _ACTOR.fullmatch(actor) else OWNER
        return Caller(Role.OWNER, named, session, principal=OWNER, may_run_code=self._owner_runs_code)

    def _session(self, secret: str, actor: str | None) -> Caller | None:
        holder = None if self._sessions is None else self._sessions.find(secret)
        if holder is None:
            return None
        if holder.token is None:
            return self._owner(actor, secret)
        found = None if self._tokens is None else self._tokens.find_id(holder.token)
        return None if found is None else _of(found, secret)

    def _bearer(self, secret: str, name: str | None) -> Caller | None:
        found = None if self._tokens is None else self._tokens.find(secret, name)
        return None if found is None else _of(found)


def _of(token: Token, session: str | None = None) -> Caller:
    return Caller(
        token.role, token.name, session, principal=token.name, may_run_code=token.may_run_code, holder=Holder(token.id)
    )  # fmt: skip


def _presented(authorization: str | None) -> tuple[str | None, str]:
    """The name, where the scheme has one, and the secret."""
    scheme, _, rest = (authorization or "").partition(" ")
    match scheme.lower():
        case "bearer":
            return None, rest.strip()
        case "basic":
            try:
                name, colon, secret = base64.b64decode(rest.strip(), validate=True).decode().partition(":")
            except ValueError:
                return None, ""
            return name, secret if colon else ""
        case _:
            return None, ""
