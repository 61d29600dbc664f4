"""Tokens on the home's database; plain SQLAlchemy Core."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flyball.core.optional import extra
from flyball.governance._sql import tokens
from flyball.governance.errors import TokenNameTakenError
from flyball.governance.permissions import Role
from flyball.governance.tokens import Token
from flyball.storage.database import Database

with extra("store"):
    from sqlalchemy import Row, insert, or_, select, update
    from sqlalchemy.exc import IntegrityError

_C = tokens.c


def _token(row: Row[Any]) -> Token:
    return Token(
        id=row.id, name=row.name, role=Role(row.role), project=row.project, digest=row.digest, created=row.created, expires=row.expires,
        revoked=row.revoked, used=row.used, may_run_code=row.may_run_code,
    )  # fmt: skip


class SqlTokens:
    """A `TokenStore` in the table `tokens`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, token: Token) -> None:
        values = {
            "id": token.id, "name": token.name, "live_name": token.name, "role": token.role.value, "project": token.project,
            "digest": token.digest, "created": token.created, "expires": token.expires, "revoked": token.revoked, "used": token.used,
            "may_run_code": token.may_run_code,
        }  # fmt: skip
        expired = (_C.project == token.project, _C.live_name == token.name, _C.expires <= token.created)
        try:
            with self._database.write() as connection:
                connection.execute(update(tokens).where(*expired).values(live_name=None))
                connection.execute(insert(tokens).values(values))
        except IntegrityError as error:
            raise TokenNameTakenError(token.name) from error

    def list(self) -> list[Token]:
        with self._database.read() as connection:
            return [_token(row) for row in connection.execute(select(tokens).order_by(_C.created, _C.id))]

    def revoke(self, token_id: str, at: datetime) -> None:
        ended = update(tokens).where(_C.id == token_id, _C.revoked.is_(None)).values(revoked=at, live_name=None)
        with self._database.write() as connection:
            connection.execute(ended)

    def set_used(self, token_ids: Mapping[str, datetime]) -> None:
        with self._database.write() as connection:
            for token_id, at in token_ids.items():
                later = or_(_C.used.is_(None), _C.used < at)
                connection.execute(update(tokens).where(_C.id == token_id, later).values(used=at))
