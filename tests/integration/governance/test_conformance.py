"""The backend of tokens keeps its port's laws, and the suite that says so catches a broken one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flyball.governance import Token, TokenStore
from flyball.governance._sqlstore import SqlTokens
from flyball.storage.database import Database
from flyball.testing.governance import TokenStoreSuite
from flyball.testing.suite import failing_tests


class TestSqlTokens(TokenStoreSuite):
    @contextmanager
    def open(self, place: Path) -> Iterator[TokenStore]:
        database = Database.open(place / "home.db")
        try:
            yield SqlTokens(database)
        finally:
            database.close()


class ForgivingTokens(SqlTokens):
    """Forgets revoked ones."""

    def list(self) -> list[Token]:
        return [token for token in super().list() if token.revoked is None]


class ForgivingSuite(TokenStoreSuite):
    @contextmanager
    def open(self, place: Path) -> Iterator[TokenStore]:
        database = Database.open(place / "home.db")
        try:
            yield ForgivingTokens(database)
        finally:
            database.close()


def test_the_suite_catches_a_store_that_forgets_revocations() -> None:
    assert "test_the_first_revocation_counts" in failing_tests(ForgivingSuite)
