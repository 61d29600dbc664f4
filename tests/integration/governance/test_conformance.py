"""The backend of tokens keeps its port's laws, and the suite that says so catches a broken one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flyball.governance import Token, TokenStore
from flyball.governance._sqlstore import SqlTokens
from flyball.testing.governance import TokenStoreSuite
from flyball.testing.suite import failing_tests
from tests.databases import OnEveryEngine


class TestSqlTokens(OnEveryEngine, TokenStoreSuite):
    @contextmanager
    def open(self, place: Path) -> Iterator[TokenStore]:
        with self.opened(place) as database:
            yield SqlTokens(database)


class ForgivingTokens(SqlTokens):
    """Forgets revoked ones."""

    def list(self) -> list[Token]:
        return [token for token in super().list() if token.revoked is None]


class ForgivingSuite(OnEveryEngine, TokenStoreSuite):
    @contextmanager
    def open(self, place: Path) -> Iterator[TokenStore]:
        with self.opened(place) as database:
            yield ForgivingTokens(database)


def test_the_suite_catches_a_store_that_forgets_revocations() -> None:
    assert "test_the_first_revocation_counts" in failing_tests(ForgivingSuite)
