"""Who may do what: permissions and roles, the owner's token, sessions, and the boundary that every request crosses.

Light on purpose: the standard library, `core` and the errors of `storage`, so that a model server may stand on it.
"""

from flyball.governance.authority import Authority, Caller
from flyball.governance.boundary import Boundary
from flyball.governance.hosts import HostGuard, check_bind, is_loopback
from flyball.governance.permissions import MAY, Permission, Role, may
from flyball.governance.sessions import Session, Sessions
from flyball.governance.token import OwnerToken

__all__ = [
    "MAY",
    "Authority",
    "Boundary",
    "Caller",
    "HostGuard",
    "OwnerToken",
    "Permission",
    "Role",
    "Session",
    "Sessions",
    "check_bind",
    "is_loopback",
    "may",
]
