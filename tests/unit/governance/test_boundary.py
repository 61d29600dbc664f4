"""The boundary: names first, then who it is, then whether they may; and a stranger learns nothing from a refusal."""

from __future__ import annotations

import pytest

from flyball.core.clock import ManualTimer
from flyball.core.errors import InvalidError
from flyball.governance import Authority, Boundary, HostGuard, OwnerToken, Permission, Role, Sessions, check_bind, is_loopback, may
from flyball.governance.errors import ForbiddenError, ForeignHostError, ForeignOriginError, OpenBindError, UnauthenticatedError

TOKEN = OwnerToken("t" * 43)
HOST = (b"host", b"127.0.0.1:8500")
OWNER = (b"authorization", b"Bearer " + TOKEN.value.encode())


def boundary(token: OwnerToken | None = TOKEN, sessions: Sessions | None = None) -> Boundary:
    return Boundary(HostGuard.of("127.0.0.1", 8500), Authority(token, sessions))


@pytest.mark.parametrize("permission", Permission)
def test_a_stranger_may_ask_whether_it_lives_and_nothing_else(permission: Permission) -> None:
    assert may(Role.ANONYMOUS, permission) is (permission is Permission.LIVENESS)
    assert may(Role.OWNER, permission)
    if permission is Permission.LIVENESS:
        assert boundary().admit(permission, [HOST]).role is Role.ANONYMOUS
    else:
        with pytest.raises(UnauthenticatedError):
            boundary().admit(permission, [HOST])
    assert boundary().admit(permission, [HOST, OWNER]).role is Role.OWNER


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic " + "t" * 43,
        "Bearer " + "t" * 42,
        "Bearer " + "t" * 44,
        "Bearer x" + "t" * 43,
        "t" * 43,
        "Bearer é",
    ],
)
def test_what_is_not_the_token_opens_nothing(authorization: str) -> None:
    with pytest.raises(UnauthenticatedError):
        boundary().admit(Permission.READ, [HOST, (b"authorization", authorization.encode("utf-8"))])


def test_who_sends_a_token_that_opens_nothing_is_not_asked_to_send_one() -> None:
    with pytest.raises(UnauthenticatedError, match="This needs a token"):
        boundary().admit(Permission.READ, [HOST])
    for authorization in (b"Bearer " + b"w" * 43, b"Basic YTpi"):
        with pytest.raises(UnauthenticatedError, match="The token that was sent opens nothing here"):
            boundary().admit(Permission.READ, [HOST, (b"authorization", authorization)])


def test_two_tokens_are_none() -> None:
    with pytest.raises(UnauthenticatedError):
        boundary().admit(Permission.READ, [HOST, OWNER, OWNER])


@pytest.mark.parametrize("host", ["127.0.0.1:8500", "localhost:8500", "LocalHost:8500", "[::1]:8500"])
def test_our_own_names_pass(host: str) -> None:
    assert boundary().admit(Permission.LIVENESS, [(b"host", host.encode())]).role is Role.ANONYMOUS


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"host", b"")],
        [(b"host", b"evil.example")],
        [(b"host", b"evil.example:8500")],
        [(b"host", b"127.0.0.1")],
        [(b"host", b"127.0.0.1:8501")],
        [(b"host", b"127.0.0.1:8500.evil.example")],
        [HOST, HOST],
        [HOST, (b"host", b"evil.example")],
    ],
)
def test_a_foreign_host_is_refused_even_from_the_owner_and_for_liveness(headers: list[tuple[bytes, bytes]]) -> None:
    for permission in (Permission.LIVENESS, Permission.READ):
        with pytest.raises(ForeignHostError):
            boundary().admit(permission, [*headers, OWNER])


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8500", "https://localhost:8500", "http://LOCALHOST:8500"])
def test_our_own_pages_pass(origin: str) -> None:
    assert boundary().admit(Permission.READ, [HOST, OWNER, (b"origin", origin.encode())]).role is Role.OWNER


@pytest.mark.parametrize(
    "origin", ["null", "", "http://evil.example", "http://127.0.0.1:8501", "http://127.0.0.1", "127.0.0.1:8500", "http://127.0.0.1:8500/x"]
)
def test_pages_of_other_sites_are_refused(origin: str) -> None:
    with pytest.raises(ForeignOriginError):
        boundary().admit(Permission.READ, [HOST, OWNER, (b"origin", origin.encode())])


def test_further_names_are_those_that_were_set() -> None:
    guard = HostGuard.of("0.0.0.0", 443, names=["flyball.example", "other.example:8443"])  # noqa: S104  nothing is bound here
    for host in ("flyball.example", "flyball.example:443", "other.example:8443"):
        guard.check(host, f"https://{host.removesuffix(':443')}")  # as a browser writes it
    with pytest.raises(ForeignHostError):
        guard.check("other.example", None)


def test_without_authentication_everybody_is_the_owner_but_only_at_home() -> None:
    assert boundary(None).admit(Permission.ADMIN, [HOST]).role is Role.OWNER
    with pytest.raises(ForeignHostError):
        boundary(None).admit(Permission.READ, [(b"host", b"evil.example")])
    for host in ("127.0.0.1", "127.8.8.8", "::1", "localhost"):
        assert is_loopback(host)
        check_bind(host, authenticated=False)
    for host in ("0.0.0.0", "::", "192.168.1.5", "example.com", ""):  # noqa: S104  nothing is bound here
        assert not is_loopback(host)
        check_bind(host, authenticated=True)
        with pytest.raises(OpenBindError, match="--no-auth"):
            check_bind(host, authenticated=False)
    assert issubclass(OpenBindError, InvalidError)


def test_a_session_is_as_good_as_the_token_until_it_ends() -> None:
    timer = ManualTimer()
    sessions = Sessions(timer, session_seconds=60)
    session = sessions.exchange(sessions.create_code())
    headers = [HOST, (b"authorization", f"bearer {session.token}".encode())]
    caller = boundary(sessions=sessions).admit(Permission.RELEASE, headers)
    assert (caller.role, caller.session) == (Role.OWNER, session.token)
    assert session.token not in repr(caller) + repr(session)
    timer.sleep(60)
    with pytest.raises(UnauthenticatedError):
        boundary(sessions=sessions).admit(Permission.READ, headers)


@pytest.mark.parametrize(
    ("named", "actor"), [("user:ada", "user:ada"), ("console", "console"), ("", "owner"), ("a b", "owner"), ("x" * 65, "owner")]
)
def test_the_owner_names_who_acts_and_a_stranger_does_not(named: str, actor: str) -> None:
    header = (b"flyball-actor", named.encode())
    assert boundary().admit(Permission.READ, [HOST, OWNER, header]).actor == actor
    assert boundary().identify([HOST, header]).actor == "anonymous"


def test_refusals_are_of_two_kinds() -> None:
    assert issubclass(ForeignHostError, ForbiddenError)
    assert issubclass(ForeignOriginError, ForbiddenError)
    assert not issubclass(UnauthenticatedError, ForbiddenError)
    assert issubclass(UnauthenticatedError, PermissionError)
