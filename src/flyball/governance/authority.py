"""Whom a request speaks for, by what it presents."""

from __future__ import annotations

import re
from dataclasses import dataclass

from flyball.governance.errors import ForbiddenError, UnauthenticatedError
from flyball.governance.permissions import Permission, Role, may
from flyball.governance.sessions import Sessions
from flyball.governance.token import OwnerToken

OWNER = "owner"
_ACTOR = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@:+-]{0,63}")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the proved role, and `actor` for the events; `session` is the session token that was presented, if one was.

    `principal` is the stable name that records keep: "owner", or the name of the token; nobody chooses it for themselves.
    `may_run_code` is what the server's own configuration says of them; it is asked when they upload, never when something is loaded.
    """

    role: Role
    actor: str
    session: str | None = None
    principal: str = "anonymous"
    may_run_code: bool = False

    def __repr__(self) -> str:
        return f"Caller({self.role.value}, {self.actor})"


class Authority:
    """Knows the owner by token or session. Without a token (`--no-auth`) everybody is the owner. Thread-safe.

    `owner_runs_code` is for a home of one user that only this machine reaches: there what the owner uploads may be loaded.
    """

    def __init__(self, token: OwnerToken | None, sessions: Sessions | None = None, *, owner_runs_code: bool = False) -> None:
        self._token, self._sessions, self._owner_runs_code = token, sessions, owner_runs_code

    @property
    def asks(self) -> bool:
        """Whether anything must be proved at all."""
        return self._token is not None

    def caller(self, authorization: str | None, actor: str | None = None) -> Caller:
        """Whom the Authorization header proves; anonymous where it proves nobody.

        `actor` is how the caller names itself in events; it is believed of the owner, and ignored where it is no plain name.
        """
        scheme, _, secret = (authorization or "").partition(" ")
        secret = secret.strip()
        bearer = scheme.lower() == "bearer" and bool(secret)
        session = secret if bearer and self._sessions is not None and self._sessions.verify(secret) else None
        if self._token is None or session or (bearer and self._token.matches(secret)):
            named = actor if actor and _ACTOR.fullmatch(actor) else OWNER
            return Caller(Role.OWNER, named, session, principal=OWNER, may_run_code=self._owner_runs_code)
        return Caller(Role.ANONYMOUS, "anonymous")

    def check(self, caller: Caller, permission: Permission) -> None:
        """Let the caller pass, or refuse.

        Raises:
            UnauthenticatedError: an anonymous caller may not; a known one might.
            ForbiddenError: the caller is known, and may not.
        """
        if may(caller.role, permission):
            return
        if caller.role is Role.ANONYMOUS:
            raise UnauthenticatedError
        raise ForbiddenError(f"{caller.actor} may not do this; it needs the permission '{permission.value}'.")
