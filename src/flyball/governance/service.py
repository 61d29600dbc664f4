"""Giving tokens and taking them back: the store, the event and what all processes of the home know, kept in step."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from flyball.core.clock import Clock
from flyball.core.ids import Ids
from flyball.governance.authority import Caller
from flyball.governance.errors import BeyondOwnError, TokenNotFoundError
from flyball.governance.permissions import Role
from flyball.governance.store import TokenStore
from flyball.governance.tokenfile import TokenBook, publish
from flyball.governance.tokens import Token, TokenWish, create_token_secret, digest_of
from flyball.storage.events import EventLog
from flyball.storage.recorder import Recorder
from flyball.storage.transactions import Transactions


@dataclass(frozen=True)
class Records:
    """Where events go; `clock` is business time."""

    log: EventLog
    transactions: Transactions
    clock: Clock
    ids: Ids


@dataclass(frozen=True)
class Given:
    """A token that was just made, and its secret, which nobody can be told again."""

    token: Token
    secret: str

    def __repr__(self) -> str:
        return f"Given({self.token})"


class TokenService:
    """Tokens of one project of one home. `wall` is the time of the wall. Thread-safe."""

    def __init__(self, store: TokenStore, records: Records, *, home: Path, project: str, wall: Clock) -> None:
        self._store, self._records = store, records
        self.home, self.project, self._wall = home, project, wall

    def create(self, wish: TokenWish, *, by: Caller) -> Given:
        """A token as wished; its secret is told this once.

        Raises:
            TokenNameTakenError: a live token has the name.
            BeyondOwnError: it is to run code, and who asks for it may not.
        """
        if wish.run_code and by.role is not Role.OWNER and not by.may_run_code:
            raise BeyondOwnError(by.principal)
        secret, now = create_token_secret(), self._wall.now()
        token = Token(
            id=self._records.ids.create("tok", wish.name), name=wish.name, role=wish.role, project=self.project, digest=digest_of(secret),
            created=now, expires=now + wish.life, may_run_code=wish.run_code,
        )  # fmt: skip
        with self._records.transactions.write():
            self._store.create(token)
            self._record("token.created", token, by=by)
        self.refresh()
        return Given(token, secret)

    def list(self) -> list[Token]:
        """The project's tokens, those that have ended too, by creation."""
        return [token for token in self._store.list() if token.project == self.project]

    def revoke(self, name: str, *, by: Caller) -> Token:
        """The token of that name or id, which is good no more from now on.

        Raises:
            TokenNotFoundError: no live token has it.
        """
        now = self._wall.now()
        with self._records.transactions.write():
            live = [token for token in self.list() if token.is_live(now)]
            found = next((token for token in live if name in {token.name, token.id}), None)
            if found is None:
                raise TokenNotFoundError(name, known=[token.name for token in live])
            self._store.revoke(found.id, now)
            self._record("token.revoked", found, by=by)
        self.refresh()
        return replace(found, revoked=now)

    def describe(self, token: Token) -> dict[str, Any]:
        """The token in JSON; never its secret or digest."""
        state = "revoked" if token.revoked else "live" if token.is_live(self._wall.now()) else "expired"
        times = {"created": token.created, "expires": token.expires, "revoked": token.revoked, "used": token.used}
        return {
            "id": token.id, "name": token.name, "role": token.role.value, "project": token.project, "state": state,
            "may_run_code": token.may_run_code, **{key: None if time is None else time.isoformat() for key, time in times.items()},
        }  # fmt: skip

    def refresh(self) -> None:
        """The home's file says what the store says.

        Raises:
            UnavailableError: the store cannot be read, or the file not written.
        """
        publish(self.home, self._store.list(), project=self.project)

    def set_used(self, book: TokenBook) -> None:
        """Keep when the tokens that `book` saw were last used."""
        used = book.take_used()
        if used:
            self._store.set_used(used)

    def _record(self, kind: str, token: Token, *, by: Caller) -> None:
        records = self._records
        recorder = Recorder(records.log, clock=records.clock, ids=records.ids, actor=by.actor)
        facts = {
            "id": token.id, "name": token.name, "role": token.role.value, "project": token.project, "may_run_code": token.may_run_code,
            "expires": token.expires.isoformat(),
        }  # fmt: skip
        recorder.record(kind, f"token/{token.name}", data=facts)
