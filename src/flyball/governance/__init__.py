"""Who may do what: permissions and roles, the owner's token, sessions, and the boundary that every request crosses.

Light on purpose: the standard library, `core` and the errors of `storage`, so that a model server may stand on it.
"""

from flyball.governance.authority import Authority, Caller
from flyball.governance.boundary import Boundary
from flyball.governance.hosts import HostGuard, check_bind, is_loopback
from flyball.governance.permissions import MAY, Permission, Role, may
from flyball.governance.sessions import Holder, Session, Sessions
from flyball.governance.store import TokenStore
from flyball.governance.token import OwnerToken
from flyball.governance.tokenfile import TokenBook
from flyball.governance.tokens import DEFAULT_PROJECT, Token, TokenWish, parse_role

__all__ = [
    "DEFAULT_PROJECT",
    "MAY",
    "Authority",
    "Boundary",
    "Caller",
    "Holder",
    "HostGuard",
    "OwnerToken",
    "Permission",
    "Role",
    "Session",
    "Sessions",
    "Token",
    "TokenBook",
    "TokenStore",
    "TokenWish",
    "check_bind",
    "is_loopback",
    "may",
    "parse_role",
]
