"""Tokens from their making to their end: what the service gives, the home's file tells every process, and the boundary obeys."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flyball.core.clock import ManualTimer, VirtualClock
from flyball.core.ids import RandomIds
from flyball.governance import Authority, Caller, OwnerToken, Permission, Role, Sessions, TokenBook, TokenWish
from flyball.governance._sqlstore import SqlTokens
from flyball.governance.errors import (
    BeyondOwnError,
    ForbiddenError,
    ForeignTokenError,
    TokenExpiredError,
    TokenLifeError,
    TokenNameError,
    TokenNotFoundError,
    TokenRevokedError,
    TokenRoleError,
    UnauthenticatedError,
)
from flyball.governance.service import Given, Records, TokenService
from flyball.governance.tokenfile import FILE, find_project, publish
from flyball.storage._sqlstore import SqlEventLog
from flyball.storage.database import Database
from flyball.storage.events import EventQuery

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
OWNER = Caller(Role.OWNER, "user:ada", principal="owner")
ADMIN = Caller(Role.ADMIN, "boss", principal="boss")


class House:
    """A home with a token service, and a process that knows of it by the file alone."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.clock, self.timer = VirtualClock(NOON), ManualTimer()
        self.database = Database.open(home / "flyball.db")
        self.log = SqlEventLog(self.database)
        self.service = self.of_project("flights")
        self.book = TokenBook(home, clock=self.clock, timer=self.timer)
        self.sessions = Sessions(self.timer)
        self.authority = Authority(OwnerToken("t" * 43), self.sessions, tokens=self.book)

    def of_project(self, project: str) -> TokenService:
        records = Records(self.log, self.database, self.clock, RandomIds())
        return TokenService(SqlTokens(self.database), records, home=self.home, project=project, wall=self.clock)

    def give(self, name: str = "ci", *, role: Role = Role.EDITOR, run_code: bool = False) -> Given:
        return self.service.create(TokenWish(name=name, role=role, life=timedelta(days=30), run_code=run_code), by=OWNER)

    def caller(self, secret: str, name: str | None = None) -> Caller:
        self.timer.sleep(1)
        if name is None:
            return self.authority.caller(f"Bearer {secret}", "user:eve")
        return self.authority.caller("Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode())


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    found = House(tmp_path)
    yield found
    found.database.close()


@pytest.mark.parametrize("role", [Role.VIEWER, Role.EDITOR, Role.APPROVER, Role.ADMIN], ids=lambda role: role.value)
def test_a_token_speaks_for_its_name_and_role_by_bearer_and_by_basic(house: House, role: Role) -> None:
    secret = house.give(role=role).secret
    for name in (None, "ci"):
        caller = house.caller(secret, name)
        assert (caller.role, caller.principal, caller.actor, caller.may_run_code) == (role, "ci", "ci", False)
    assert house.caller("t" * 43, "owner").role is Role.OWNER


@pytest.mark.parametrize(
    "authorization",
    ["Basic", "Basic !", "Basic " + base64.b64encode(b"ci").decode(), "Basic " + base64.b64encode(b"\xff:x").decode(), "Digest x"],
)
def test_what_is_no_credential_is_nobody(house: House, authorization: str) -> None:
    assert house.authority.caller(authorization).role is Role.ANONYMOUS


def test_the_name_must_be_the_tokens_own(house: House) -> None:
    secret = house.give().secret
    assert house.caller(secret, "other").role is Role.ANONYMOUS
    assert house.caller("t" * 43, "ci").role is Role.ANONYMOUS
    assert house.caller(secret + "x").role is Role.ANONYMOUS


def test_a_token_that_has_ended_is_told_so_and_lives_on_nowhere(house: House) -> None:
    first, second = house.give("ci"), house.give("night")
    session = house.sessions.exchange(house.sessions.create_code(house.caller(first.secret).holder))
    assert house.caller(session.token).principal == "ci"
    house.service.revoke("ci", by=OWNER)
    for secret in (first.secret, session.token):
        with pytest.raises(TokenRevokedError, match=r"'ci' was revoked on 2026-03-01 at 12:00 UTC.*flyball token create"):
            house.authority.check(house.caller(secret), Permission.READ)
    house.authority.check(house.caller(first.secret), Permission.LIVENESS)  # whoever they are
    house.clock.advance_to(NOON + timedelta(days=30))
    with pytest.raises(TokenExpiredError, match="'night' expired on 2026-03-31"):
        house.authority.check(house.caller(second.secret), Permission.READ)


def test_a_revocation_is_seen_within_half_a_second(house: House) -> None:
    secret = house.give().secret
    assert house.caller(secret).role is Role.EDITOR
    house.service.revoke("ci", by=OWNER)
    house.timer.sleep(0.5)
    assert house.authority.caller(f"Bearer {secret}").role is Role.ANONYMOUS


def test_a_token_of_another_project_is_refused(house: House) -> None:
    given = house.of_project("weather").create(TokenWish(name="ci", role=Role.ADMIN), by=OWNER)
    house.service.refresh()
    with pytest.raises(ForeignTokenError, match="'weather'"):
        house.authority.check(house.caller(given.secret), Permission.READ)
    assert house.service.list() == []
    with pytest.raises(TokenNotFoundError):
        house.service.revoke("ci", by=OWNER)


def test_who_may_not_is_told_who_may(house: House) -> None:
    viewer = house.caller(house.give(role=Role.VIEWER).secret)
    with pytest.raises(ForbiddenError, match=r"'release'.*approver, admin, owner"):
        house.authority.check(viewer, Permission.RELEASE)


def test_events_tell_who_gave_and_took_and_never_the_secret(house: House) -> None:
    given = house.give()
    house.service.revoke(given.token.id, by=ADMIN)
    made, ended = house.log.list(EventQuery(subject="token/ci"))
    assert (made.type, made.actor, ended.type, ended.actor) == ("token.created", "user:ada", "token.revoked", "boss")
    everything = json.dumps([dict(made.data), dict(ended.data)]) + (house.home / FILE).read_text() + repr(given)
    assert given.secret not in everything
    assert given.token.digest not in json.dumps([dict(made.data), dict(ended.data)])


def test_nobody_gives_the_permission_to_run_code_who_has_it_not(house: House) -> None:
    wish = TokenWish(name="trainer", role=Role.EDITOR, run_code=True)
    with pytest.raises(BeyondOwnError):
        house.service.create(wish, by=ADMIN)
    assert house.caller(house.service.create(wish, by=OWNER).secret).may_run_code
    assert house.service.list()[0].may_run_code


@pytest.mark.parametrize("name", ["", "owner", "Owner", "console", "a:b", "-a", "a b", "x" * 65, "user:ada", "é"])
def test_names_that_are_others_or_none(name: str) -> None:
    with pytest.raises(TokenNameError):
        TokenWish(name=name, role=Role.VIEWER)


def test_wishes_that_cannot_be_granted() -> None:
    for role in (Role.OWNER, Role.ANONYMOUS):
        with pytest.raises(TokenRoleError):
            TokenWish(name="ci", role=role)
    for life in (timedelta(), timedelta(days=-1), timedelta(days=366)):
        with pytest.raises(TokenLifeError):
            TokenWish(name="ci", role=Role.VIEWER, life=life)


def test_the_file_is_the_users_own_and_one_that_others_may_write_is_not_believed(house: House) -> None:
    secret = house.give().secret
    path = house.home / FILE
    assert path.stat().st_mode & 0o777 == 0o600
    assert find_project(house.home) == "flights"
    path.chmod(0o666)
    assert TokenBook(house.home, clock=house.clock, timer=ManualTimer()).find(secret) is None


def test_a_damaged_file_makes_nobody_forgotten_and_a_missing_one_everybody(house: House) -> None:
    secret = house.give().secret
    assert house.caller(secret).role is Role.EDITOR
    whole = (house.home / FILE).read_bytes()
    (house.home / FILE).write_bytes(whole[:-20])
    assert house.caller(secret).role is Role.EDITOR
    (house.home / FILE).unlink()
    assert house.caller(secret).role is Role.ANONYMOUS
    house.service.refresh()
    assert house.caller(secret).role is Role.EDITOR


def test_what_says_the_same_is_not_written_again(house: House) -> None:
    house.give()
    before = (house.home / FILE).stat().st_ino
    publish(house.home, house.service.list(), project="flights")
    assert (house.home / FILE).stat().st_ino == before


def test_when_a_token_was_used_is_kept(house: House) -> None:
    secret = house.give().secret
    house.clock.advance_to(NOON + timedelta(hours=1))
    house.caller(secret)
    house.service.set_used(house.book)
    house.service.set_used(house.book)
    assert house.service.list()[0].used == NOON + timedelta(hours=1)


def test_a_session_of_a_token_is_ended_by_that_token_alone(house: House) -> None:
    mine, others = (house.caller(house.give(name).secret).holder for name in ("mine", "others"))
    first, second, third = (house.sessions.exchange(code) for code in (
        house.sessions.create_code(mine), house.sessions.create_code(others), house.sessions.create_code(),
    ))  # fmt: skip
    house.sessions.end_all(mine)
    assert [house.sessions.verify(one.token) for one in (first, second, third)] == [False, True, True]


def test_nobody_is_refused_without_a_word() -> None:
    with pytest.raises(UnauthenticatedError, match="flyball token create"):
        Authority(OwnerToken("t" * 43)).check(Caller(Role.ANONYMOUS, "anonymous"), Permission.READ)
