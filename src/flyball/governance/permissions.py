"""Permissions are named by what is done, roles by who asks; one table says who may do what, and nothing else does."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum


class Role(Enum):
    """Who asks, as far as it was proved."""

    ANONYMOUS = "anonymous"
    OWNER = "owner"


class Permission(Enum):
    """What a route does; a required argument of every route of every door."""

    LIVENESS = "liveness"  # say that the process lives, and nothing else
    LOGIN = "login"  # open and end sessions
    READ = "read"  # see what the home holds
    PREDICT = "predict"  # be answered by a model
    INGEST = "ingest"  # bring rows and labels
    RELEASE = "release"  # say which version answers
    ADMIN = "admin"  # start work that costs, and what the parts of one home tell each other


_ALL = frozenset(Permission)

MAY: Mapping[Role, frozenset[Permission]] = {
    Role.ANONYMOUS: frozenset({Permission.LIVENESS}),
    Role.OWNER: _ALL,
}
"""Who may do what; what is not here is refused."""


def may(role: Role, permission: Permission) -> bool:
    """Whether the table allows it.

    >>> may(Role.ANONYMOUS, Permission.READ), may(Role.OWNER, Permission.READ)
    (False, True)
    """
    return permission in MAY[role]
