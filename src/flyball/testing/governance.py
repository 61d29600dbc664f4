"""The laws of `TokenStore`; and the tokens of a home that nothing else is in."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flyball.core.clock import Clock, WallClock
from flyball.core.ids import RandomIds
from flyball.governance._sqlstore import SqlTokens
from flyball.governance.errors import TokenNameTakenError
from flyball.governance.permissions import Role
from flyball.governance.service import Records, TokenService
from flyball.governance.store import TokenStore
from flyball.governance.tokens import Token
from flyball.storage._sqlstore import SqlEventLog
from flyball.storage.database import Database
from flyball.testing.suite import Suite

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def sample_token(number: int, *, name: str | None = None, project: str = "flights") -> Token:
    """A token, live for thirty days, with every fact set."""
    return Token(
        id=f"tok-{number}", name=name or f"ci-{number}", role=Role.EDITOR, project=project, digest=f"{number:064x}",
        created=NOON + timedelta(seconds=number), expires=NOON + timedelta(days=30), may_run_code=bool(number % 2),
    )  # fmt: skip


def open_token_service(home: Path, *, project: str = "flights", wall: Clock | None = None) -> TokenService:
    """The tokens of `project` in the home, on wall time or on `wall`."""
    database, clock = Database.open(home / "flyball.db"), wall or WallClock()
    records = Records(SqlEventLog(database), database, clock, RandomIds())
    return TokenService(SqlTokens(database), records, home=home, project=project, wall=clock)


class TokenStoreSuite(Suite):
    """A token that was made is found as it was; what is live has its name alone; the first revocation counts."""

    @abstractmethod
    def open(self, place: Path) -> AbstractContextManager[TokenStore]:
        """A handle on the store at `place`, as another process would have it."""

    def test_what_was_created_is_found_as_it_was_by_others_too(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store, self.open(tmp_path) as other:
            assert store.list() == []
            store.create(sample_token(2))
            store.create(sample_token(1))
            assert other.list() == [sample_token(1), sample_token(2)]

    def test_a_name_is_taken_while_its_token_is_live(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            store.create(sample_token(1, name="ci"))
            with pytest.raises(TokenNameTakenError):
                store.create(sample_token(2, name="ci"))
            store.create(sample_token(3, name="ci", project="weather"))
            assert [token.id for token in store.list()] == ["tok-1", "tok-3"]

    def test_a_name_is_free_again_when_its_token_has_expired_or_was_revoked(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            store.create(sample_token(1, name="ci"))
            later = NOON + timedelta(days=30)
            store.create(replace(sample_token(2, name="ci"), created=later, expires=later + timedelta(days=1)))
            store.revoke("tok-2", later)
            store.create(replace(sample_token(3, name="ci"), created=later, expires=later + timedelta(days=1)))
            assert len(store.list()) == 3

    def test_the_first_revocation_counts(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            store.create(sample_token(1))
            for minutes in (1, 2):
                store.revoke("tok-1", NOON + timedelta(minutes=minutes))
            store.revoke("tok-9", NOON)
            assert [token.revoked for token in store.list()] == [NOON + timedelta(minutes=1)]

    def test_when_it_was_used_never_goes_back(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            store.create(sample_token(1))
            for minutes in (5, 3):
                store.set_used({"tok-1": NOON + timedelta(minutes=minutes), "tok-9": NOON})
            assert [token.used for token in store.list()] == [NOON + timedelta(minutes=5)]
