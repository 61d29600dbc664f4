"""The client against the real door, in this process: what a method says is what the route said, and refusals have their type."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from itertools import islice

import httpx
import pytest

from flyball.client import (
    Client,
    ClientError,
    ConflictingError,
    InUseError,
    NotAllowedError,
    NotThereError,
    OverloadedError,
    RefusedError,
    ServerFailedError,
    TokenRefusedError,
    UnreachableError,
)
from flyball.client.client import MissingUrlError
from flyball.client.datasets import DatasetsClient
from flyball.client.endpoints import EndpointsClient
from flyball.client.wire import BadUrlError
from flyball.core.errors import ConflictError, HeldError, IntegrityError, NotFoundError, UnavailableError
from flyball.testing.controlplane import StillPlane
from flyball.testing.doors import open_door

TOKEN = "t" * 43


@pytest.fixture
def plane() -> StillPlane:
    return StillPlane()


@pytest.fixture
def url(plane: StillPlane) -> Iterator[str]:
    with open_door(plane, token=TOKEN) as found:
        yield found


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    with Client(url, TOKEN, actor="user:ada") as found:
        yield found


def test_each_method_says_what_its_route_said(client: Client, plane: StillPlane) -> None:
    plane.happen("loop.started")
    assert client.is_alive()
    assert client.get_status()["project"] == "still"
    assert [model["name"] for model in client.list_models()] == ["late"]
    assert client.get_model("late")["endpoint"] == "late"
    assert client.list_windows("late") == []
    assert client.list_versions("late") == []
    assert client.list_causes("evt-1")[0]["type"] == "loop.started"
    assert client.list_datasets()[0]["name"] == "flights"
    assert client.get_prediction("prd-1") == {"prediction": {"id": "prd-1"}}
    assert client.find_parity() is None
    assert client.run_parity() == {"rows": 0}
    assert client.push_rows("flights", [{"a": 1}], key="k") == {"accepted": 1, "quarantined": [], "duplicate": False}
    assert client.push_rows("flights", [{"a": 1}], key="k", visible=True)["duplicate"]
    lines = DatasetsClient(client).push("flights", b'{"a": 1}\n{"a": 2}\n', content_type="application/x-ndjson", key="l", visible=True)
    assert (lines["accepted"], lines["duplicate"]) == (2, False)
    assert EndpointsClient(client).promote("late", version=3, why="best")["deployment"]["champion"] == 3
    assert EndpointsClient(client).rollback("late", why="worse")["deployment"]["endpoint"] == "late"
    assert [(deed[0], deed[-1].actor, deed[-1].why) for deed in plane.deeds[1:]] == [
        ("promote", "user:ada", "best"),
        ("rollback", "user:ada", "worse"),
    ]


def test_a_plan_is_given_once(client: Client) -> None:
    plan = client.find_plan(0, server="m1")
    assert plan is not None
    assert b'"revision":1' in plan
    assert client.find_plan(1, server="m1", wait_seconds=0.1) is None


def test_events_come_page_by_page_and_then_as_they_happen(client: Client, plane: StillPlane) -> None:
    for number in range(5):
        plane.happen(f"x{number}")
    page = client.list_events(limit=2)
    assert ([event["type"] for event in page.events], page.position) == (["x0", "x1"], 2)
    assert [event["type"] for event in islice(client.events(page.position), 3)] == ["x2", "x3", "x4"]
    following = client.events(5)
    plane.happen("later")
    assert next(following)["type"] == "later"
    assert client.list_events(6, wait_seconds=0.1).events == []


def test_a_session_is_a_client_s_token_too(client: Client, url: str) -> None:
    session = client.create_session(client.create_login_code())
    with Client(url, session["token"]) as other:
        found = other.get_session()
        assert (found["role"], found["actor"], found["principal"], found["session"]) == ("owner", "owner", "owner", True)
        assert {"read", "admin", "track"} <= set(found["permissions"])
        other.delete_session()
        with pytest.raises(TokenRefusedError):
            other.get_session()
    assert (client.get_session()["actor"], client.get_session()["session"]) == ("user:ada", False)


def test_names_never_become_paths(client: Client) -> None:
    for name in ("../status", "a/b", "", "late?x=1", "late#"):
        with pytest.raises(NotThereError):
            client.get_model(name)


def test_a_refusal_is_the_error_that_it_is_at_home(client: Client, plane: StillPlane, url: str) -> None:
    with pytest.raises(NotFoundError, match="There is no model 'lat' here") as caught:
        client.get_model("lat")
    assert isinstance(caught.value, NotThereError)
    assert (caught.value.status, caught.value.server_code) == (404, "not-found")
    with pytest.raises(RefusedError) as refused:
        client.list_events(limit=0)
    assert refused.value.server_code == "request-form"
    for token in (None, "wrong"):
        with Client(url, token) as stranger, pytest.raises(TokenRefusedError, match="flyball env"):
            stranger.get_status()
    expected: list[tuple[Exception, type[ClientError]]] = [
        (HeldError("it", "him"), InUseError),
        (ConflictError("so"), ConflictingError),
        (UnavailableError("so"), OverloadedError),
        (IntegrityError("so"), ServerFailedError),
    ]
    for error, kind in expected:
        plane.fails = _raising(error)
        with pytest.raises(kind, match=str(error)):
            client.get_status()
    with Client(url.replace("127.0.0.1", "127.1.2.3"), TOKEN) as other, pytest.raises((NotAllowedError, UnreachableError)):
        other.get_status()


def _raising(error: Exception) -> Callable[[], None]:
    def fails() -> None:
        raise error

    return fails


def test_where_nobody_answers_the_setting_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        with Client(f"http://127.0.0.1:{taken.getsockname()[1]}", TOKEN) as client:
            assert not client.is_alive()
            with pytest.raises(UnreachableError, match=r"flyball up .* FLYBALL_URL"):
                client.get_status()


def test_what_is_no_control_plane_is_said_to_be_none() -> None:
    def other(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200 if request.url.path.endswith("status") else 404, text="<html>")

    with Client("http://127.0.0.1:1", transport=httpx.MockTransport(other)) as client:
        assert not client.is_alive()
        with pytest.raises(ServerFailedError, match="no control plane"):
            client.get_status()
        with pytest.raises(NotThereError, match="no control plane"):
            client.list_models()


def test_the_environment_names_it() -> None:
    with pytest.raises(MissingUrlError, match="flyball env"):
        Client.from_environment({})
    with Client.from_environment({"FLYBALL_URL": "http://127.0.0.1:8500/", "FLYBALL_TOKEN": "x"}) as client:
        assert client.url == "http://127.0.0.1:8500"
    for url in ("8500", "127.0.0.1:8500", "ftp://x", "http://", "http://[::1"):
        with pytest.raises(BadUrlError, match="FLYBALL_URL"):
            Client(url)
