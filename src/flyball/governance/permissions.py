"""Permissions are named by what is done, roles by who asks; one table says who may do what, and nothing else does."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum


class Role(Enum):
    """Who asks, as far as it was proved."""

    ANONYMOUS = "anonymous"
    VIEWER = "viewer"  # looks
    EDITOR = "editor"  # a person or job that trains: logs runs, registers models, brings rows, asks models
    APPROVER = "approver"  # says what is released
    ADMIN = "admin"  # gives and takes tokens, and starts work that costs
    OWNER = "owner"  # whoever holds the home's own token


class Permission(Enum):
    """What a route does; a required argument of every route of every door."""

    LIVENESS = "liveness"  # say that the process lives, and nothing else
    LOGIN = "login"  # open and end sessions
    READ = "read"  # see what the home holds
    PREDICT = "predict"  # be answered by a model
    INGEST = "ingest"  # bring rows and labels
    TRACK = "track"  # log runs: parameters, metrics, tags, artifacts
    REGISTER = "register"  # models, their versions, and aliases that no release owns
    RELEASE = "release"  # say which version answers
    ADMIN = "admin"  # start work that costs, and what the parts of one home tell each other


_ALL = frozenset(Permission)
_VIEWER = frozenset({Permission.LIVENESS, Permission.LOGIN, Permission.READ})
_EDITOR = _VIEWER | {Permission.PREDICT, Permission.INGEST, Permission.TRACK, Permission.REGISTER}

MAY: Mapping[Role, frozenset[Permission]] = {
    Role.ANONYMOUS: frozenset({Permission.LIVENESS}),
    Role.VIEWER: _VIEWER,
    Role.EDITOR: _EDITOR,
    Role.APPROVER: _EDITOR | {Permission.RELEASE},
    Role.ADMIN: _ALL,
    Role.OWNER: _ALL,
}
"""Who may do what; what is not here is refused."""


def may(role: Role, permission: Permission) -> bool:
    """Whether the table allows it.

    >>> may(Role.ANONYMOUS, Permission.READ), may(Role.OWNER, Permission.READ)
    (False, True)
    """
    return permission in MAY[role]
