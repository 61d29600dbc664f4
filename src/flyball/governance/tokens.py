"""Tokens: what a principal shows to be let in; each has a name, a role in one project, and an end.

Of the secret only the digest is ever kept: 256 random bits cannot be guessed from it, so that a slow hash would protect nothing more.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from flyball.governance.errors import TokenLifeError, TokenNameError, TokenRoleError
from flyball.governance.permissions import Role
from flyball.governance.token import create_secret

DEFAULT_PROJECT = "default"
"""The project of a home that runs none: of a tracking server alone."""
DEFAULT_LIFE, LONGEST_LIFE = timedelta(days=90), timedelta(days=365)
GIVEN = (Role.VIEWER, Role.EDITOR, Role.APPROVER, Role.ADMIN)
PREFIX = "flyball_"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")
_RESERVED = frozenset({"owner", "anonymous", "system", "console"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One token; `name` is the principal that records keep. Times are of the wall: business time may run faster, a token's life not.

    `used` is coarse: when it was last seen at a control plane, give or take a minute.
    """

    id: str
    name: str
    role: Role
    project: str
    digest: str = field(repr=False)
    created: datetime
    expires: datetime
    revoked: datetime | None = None
    used: datetime | None = None
    may_run_code: bool = False

    def is_live(self, now: datetime) -> bool:
        """Whether it opens anything at `now`."""
        return self.revoked is None and now < self.expires


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenWish:
    """What somebody wants a token for; a wish that exists can be granted.

    Raises:
        TokenNameError: the name is reserved, or no name.
        TokenRoleError: a role that tokens cannot have.
        TokenLifeError: it would be born dead, or live for more than a year.
    """

    name: str
    role: Role
    life: timedelta = DEFAULT_LIFE
    run_code: bool = False

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or self.name.lower() in _RESERVED:
            raise TokenNameError(self.name)
        if self.role not in GIVEN:
            raise TokenRoleError(self.role.value, known=[role.value for role in GIVEN])
        if not timedelta() < self.life <= LONGEST_LIFE:
            raise TokenLifeError(self.life, longest=LONGEST_LIFE)


def parse_role(text: str) -> Role:
    """The role of that name, if tokens can have it.

    Raises:
        TokenRoleError: they cannot.
    """
    found = next((role for role in GIVEN if role.value == text), None)
    if found is None:
        raise TokenRoleError(text, known=[role.value for role in GIVEN])
    return found


def create_token_secret() -> str:
    """A new secret; its beginning tells those who search for leaked secrets what it is."""
    return PREFIX + create_secret()


def digest_of(secret: str) -> str:
    """What is kept of a secret, 64 hexadecimal digits."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
