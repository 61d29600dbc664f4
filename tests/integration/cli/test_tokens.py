"""`flyball token`: in a home that nobody runs, and through the server that runs one; what it gives opens doors until it is taken back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from flyball.app.location import DATABASE
from flyball.cli.main import app
from flyball.client import Client, NotAllowedError, TokenRefusedError
from flyball.client.endpoints import EndpointsClient
from flyball.storage.database import Database
from flyball.testing.controlplane import StillPlane
from flyball.testing.doors import open_door
from flyball.testing.governance import open_token_service

OWNER = "t" * 43
Call = Callable[..., Result]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    place = tmp_path / ".flyball"
    Database.open(place / DATABASE).close()
    return place


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Call:
    for name in ("FLYBALL_HOME", "FLYBALL_URL", "FLYBALL_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("USER", "ada")
    return lambda *words: CliRunner().invoke(app, ["token", *map(str, words)])


@pytest.fixture
def url(home: Path, monkeypatch: pytest.MonkeyPatch, call: Call) -> Iterator[str]:
    """A server of the home, to which the commands go as its owner."""
    del call
    with open_door(StillPlane(), token=OWNER, tokens=open_token_service(home, project="flights")) as found:
        monkeypatch.setenv("FLYBALL_URL", found)
        monkeypatch.setenv("FLYBALL_TOKEN", OWNER)
        yield found


def listed(call: Call, *words: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(call("list", "--json", *words).stdout)["tokens"]
    return found


def ask_until_refused(client: Client) -> None:
    for _ in range(10_000):  # a quarter of a second would do
        client.get_status()


def test_in_a_home_that_nobody_runs_tokens_come_and_go(home: Path, call: Call) -> None:
    made = call("create", "--name", "ci", "--role", "editor", "--expires", "30d", "--run-code", "--home", home)
    assert made.exit_code == 0, made.output
    assert re.fullmatch(r"flyball_[\w-]{43}\n", made.stdout)
    assert re.fullmatch(
        r"Token 'ci' \(tok-\w+\): editor of project 'default' until \S+ \S+ UTC\. Its secret is shown this once\.\n", made.stderr
    )
    (token,) = listed(call, "--home", home)
    assert (token["name"], token["role"], token["state"], token["may_run_code"]) == ("ci", "editor", "live", True)
    table = call("list", "--home", home).stdout
    assert re.search(r"^ci +editor, runs code +live +\S+ \S+ +never +tok-\w+$", table, re.MULTILINE)
    assert made.stdout.strip() not in table + json.dumps(token)
    assert call("revoke", token["id"], "--home", home).stdout == f"Token 'ci' ({token['id']}) is revoked.\n"
    assert [one["state"] for one in listed(call, "--home", home)] == ["revoked"]


def test_through_a_server_a_token_opens_what_its_role_may_until_it_is_revoked(url: str, call: Call) -> None:
    secret = call("create", "--name", "ci", "--role", "editor").stdout.strip()
    with Client(url, secret, actor="user:eve") as client:
        assert client.get_session()["principal"] == "ci"
        assert client.push_rows("flights", [{"a": 1}])
        with pytest.raises(NotAllowedError, match="ci is editor and may not do this"):
            EndpointsClient(client).promote("late")
        with pytest.raises(NotAllowedError):
            client.create_token("mine", role="admin")
        assert call("revoke", "ci").exit_code == 0
        with pytest.raises(TokenRefusedError, match="was revoked"):
            ask_until_refused(client)
    assert [one["state"] for one in listed(call)] == ["revoked"]


def test_a_session_of_an_approver_promotes_and_gives_no_tokens(url: str, call: Call) -> None:
    secret = call("create", "--name", "grace", "--role", "approver").stdout.strip()
    with Client(url, secret) as client:
        session = client.create_session(client.create_login_code())
    with Client(url, session["token"], actor="console") as visitor:
        assert visitor.get_session() | {"permissions": []} == {
            "role": "approver", "actor": "grace", "principal": "grace", "permissions": [], "session": True,
        }  # fmt: skip
        EndpointsClient(visitor).promote("late")
        with pytest.raises(NotAllowedError):
            visitor.list_tokens()


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["create", "--name", "owner", "--role", "editor"], 2, "cannot be a token's name"),
        (["create", "--name", "ci", "--role", "owner"], 2, "viewer, editor, approver, admin"),
        (["create", "--name", "ci", "--role", "editor", "--expires", "366d"], 2, "at most 365d"),
        (["create", "--name", "ci", "--role", "editor", "--expires", "soon"], 2, "soon"),
        (["revoke", "ci"], 4, "There is no token 'ci'"),
    ],
    ids=["name", "role", "life", "duration", "missing"],
)
def test_what_is_refused_is_refused_the_same_in_both_ways(
    home: Path, url: str, call: Call, *, words: list[str], code: int, told: str
) -> None:
    assert url
    here, there = call(*words, "--home", home), call(*words)
    assert here.exit_code == there.exit_code == code
    assert told in here.stderr
    assert told in there.stderr


def test_a_name_is_taken_while_its_token_is_good(home: Path, call: Call) -> None:
    words = ["create", "--name", "ci", "--role", "viewer", "--home", home]
    assert call(*words).exit_code == 0
    again = call(*words)
    assert (again.exit_code, "flyball token revoke ci" in again.stderr) == (7, True)
