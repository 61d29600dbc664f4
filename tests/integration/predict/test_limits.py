"""A model server under callers who ask for too much: told when to come again, at every door, whatever process they meet."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from flyball.governance import Caller, Role, TokenWish
from flyball.serving.plan import ServingPlan
from flyball.serving.quotas import Quota, quota
from flyball.testing.governance import open_token_service
from flyball.testing.model_server import ServerProcess
from flyball.testing.serving_home import ServingHome, trip
from tests.grpccalls import Refusal, asked, listening
from tests.live import wait_for

OWNER = Caller(Role.OWNER, "owner", principal="owner")


@contextmanager
def serving(place: Path, *options: str, given: Quota | None = None, settings: Mapping[str, str] | None = None) -> Iterator[ServerProcess]:
    home = ServingHome.trips(place)
    home.add_linear(1, intercept=0.0)
    plan = home.plan(1)
    home.keep(ServingPlan(revision=plan.revision, endpoints=tuple(msgspec.structs.replace(one, quota=given) for one in plan.endpoints)))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (settings or {}).items():
            patch.setenv(name, value)
        with ServerProcess(home.path, *options) as server:
            yield server


def ask(server: ServerProcess, secret: str, *rows: Any) -> Any:
    body = json.dumps({"rows": rows or [trip(1)]}).encode()
    return server.request("POST", "/predict/late", body=body, headers={"Authorization": f"Bearer {secret}"})


def tokens(server: ServerProcess, *names: str) -> list[str]:
    service = open_token_service(server.home)
    secrets = [service.create(TokenWish(name=name, role=Role.EDITOR), by=OWNER).secret for name in names]
    wait_for(lambda: ask(server, secrets[-1]).status != 401, 60, told="tokens that were just made")
    return secrets


def test_who_asks_too_often_is_told_when_to_come_again_and_nobody_else_is(tmp_path: Path) -> None:
    with serving(tmp_path, "--grpc-port", "0", settings={"FLYBALL_RATE_LIMIT_PREDICT": "0.2/20"}) as server:
        often, seldom = tokens(server, "often", "seldom")
        answers = [ask(server, often) for _ in range(40)]
        refused = [answer for answer in answers if answer.status == 429]
        assert 10 < len(refused) < 40
        assert {answer.code for answer in refused} == {"rate-limited"}
        assert {int(answer.headers["retry-after"]) for answer in refused} <= {1, 2, 3, 4, 5}
        assert ask(server, seldom).status == 200
        over_v2 = server.request("POST", "/v2/models/late/infer", body=b"{}", headers={"Authorization": f"Bearer {often}"})
        assert (over_v2.status, list(over_v2.json)) == (429, ["error"])
        with listening(server, often) as caller:
            over_grpc = caller.call("ModelInfer", asked([trip(1)]))
        assert isinstance(over_grpc, Refusal)
        assert (over_grpc.status, over_grpc.code) == ("RESOURCE_EXHAUSTED", "rate-limited")
        assert int(over_grpc.trailers["grpc-retry-pushback-ms"]) in range(1000, 5001)
        wait_for(lambda: ask(server, often).status == 200, 60, told="room for one more")


def test_strangers_are_limited_by_their_address(tmp_path: Path) -> None:
    with serving(tmp_path, settings={"FLYBALL_RATE_LIMIT_STRANGERS": "1/5"}) as server:
        found = [ask(server, "flyball_nobody").status for _ in range(15)]
        assert set(found) == {401, 429}
        assert ask(server, server.token).status == 200
        assert server.request("GET", "/healthz", headers={"Authorization": ""}).status == 200


def test_nobody_says_by_a_header_that_they_are_somewhere_else(tmp_path: Path) -> None:
    with serving(tmp_path, settings={"FLYBALL_RATE_LIMIT_STRANGERS": "1/5"}) as server:
        body = json.dumps({"rows": [trip(1)]}).encode()
        said = [{"Authorization": "Bearer no", "X-Forwarded-For": f"10.0.0.{number}"} for number in range(40)]
        answers = [server.request("POST", "/predict/late", body=body, headers=headers) for headers in said]
        assert {answer.status for answer in answers} == {401, 429}


def test_an_endpoint_gives_a_caller_its_rows_a_second_at_every_door(tmp_path: Path) -> None:
    with serving(tmp_path, "--grpc-port", "0", given=quota(caller_rows_per_second=50)) as server:
        many, few = tokens(server, "many", "few")
        assert ask(server, many, *(trip(number) for number in range(500))).status == 200
        refused = ask(server, many)
        assert (refused.status, refused.code) == (429, "quota")
        assert 5 <= int(refused.headers["retry-after"]) <= 10
        with listening(server, many) as caller:
            assert caller.call("ModelInfer", asked([trip(1)])).code == "quota"
        assert ask(server, few).status == 200


def test_a_wrong_limit_is_said_at_the_start(tmp_path: Path) -> None:
    with (
        pytest.raises(RuntimeError, match="FLYBALL_RATE_LIMIT_PREDICT"),
        serving(tmp_path, settings={"FLYBALL_RATE_LIMIT_PREDICT": "many"}),
    ):
        raise AssertionError("it serves")


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="several processes need several processors")
def test_processes_at_one_port_give_together_what_one_would(tmp_path: Path) -> None:
    with serving(tmp_path, "--workers", "2", settings={"FLYBALL_RATE_LIMIT_PREDICT": "5/50"}) as server:
        (secret,) = tokens(server, "many")
        begun = time.perf_counter()
        with ThreadPoolExecutor(8) as pool:  # a connection each time, so that both processes are met
            statuses = list(pool.map(lambda _: ask(server, secret).status, range(200)))
        given = statuses.count(200)
        assert set(statuses) == {200, 429}
        assert 30 <= given <= 50 + 5 * (time.perf_counter() - begun) + 10
        taken = sorted(path.name for path in (server.home / "run" / "taken").iterdir())
        assert taken == ["0.taken", "1.taken"]
