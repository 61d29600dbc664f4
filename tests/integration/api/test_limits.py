"""What is too much is refused at every door in that door's own form, with when to come again, and before its body is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from flyball.api.app import Limits
from flyball.core.clock import MonotonicTimer, WallClock
from flyball.governance import Caller, Permission, Role, TokenBook, TokenWish
from flyball.governance.buckets import Rate
from flyball.governance.limits import Rates
from flyball.governance.service import TokenService
from flyball.testing.controlplane import StillPlane
from flyball.testing.doors import open_door
from flyball.testing.governance import open_token_service
from flyball.testing.mlflow import open_mlflow_door, open_services

OWNER = "t" * 43
SLOW = Rate(0.001, 3)
LIMITS = Limits(rates=Rates({Permission.READ: SLOW, Permission.INGEST: SLOW, Permission.TRACK: SLOW}, SLOW))
ROWS = "/api/v1/datasets/flights/rows"


@pytest.fixture
def tokens(tmp_path: Path) -> TokenService:
    return open_token_service(tmp_path)


def bearer(tokens: TokenService, name: str, *, role: Role = Role.EDITOR) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens.create(TokenWish(name=name, role=role), by=Caller(Role.OWNER, 'owner')).secret}"}


def test_one_token_s_flood_is_refused_and_another_s_request_is_not(tokens: TokenService) -> None:
    flood, good = bearer(tokens, "flood"), bearer(tokens, "good")
    with open_door(StillPlane(), token=OWNER, limits=LIMITS, tokens=tokens) as url, httpx.Client(base_url=url) as client:
        answers = [client.get("/api/v1/status", headers=flood) for _ in range(5)]
        assert [found.status_code for found in answers] == [200, 200, 200, 429, 429]
        refused = answers[-1]
        assert int(refused.headers["retry-after"]) > 900
        assert refused.json()["error"]["code"] == "rate-limited"
        assert "'flood'" in refused.json()["error"]["message"]
        assert client.get("/api/v1/status", headers=good).status_code == 200
        assert client.post(ROWS, json={"rows": [{}]}, headers=flood).status_code == 200  # another bucket
        assert client.get("/healthz", headers=flood).status_code == 200


def test_wrong_secrets_are_counted_by_address_and_harm_nobody_else(tokens: TokenService) -> None:
    good = bearer(tokens, "good")
    with open_door(StillPlane(), token=OWNER, limits=LIMITS, tokens=tokens) as url, httpx.Client(base_url=url) as client:
        wrong = [client.get("/api/v1/status", headers={"Authorization": "Bearer no"}).status_code for _ in range(5)]
        assert wrong == [401, 401, 401, 429, 429]
        assert client.get("/api/v1/status", headers=good).status_code == 200
        assert client.get("/healthz").status_code == 200


def test_the_body_of_what_is_too_much_is_not_read(tokens: TokenService) -> None:
    flood = bearer(tokens, "flood")
    read: list[int] = []

    def body() -> Any:
        for number in range(1000):
            read.append(number)
            yield b" " * 100_000

    with open_door(StillPlane(), token=OWNER, limits=LIMITS, tokens=tokens) as url, httpx.Client(base_url=url) as client:
        for _ in range(3):
            client.post(ROWS, json={"rows": [{}]}, headers=flood)
        try:
            refused = client.post(ROWS, content=body(), headers={**flood, "Content-Type": "application/json"})
            assert refused.status_code == 429
        except httpx.TransportError:
            pass  # the server has answered and hung up while we still wrote
    assert len(read) < 1000


def test_mlflow_s_clients_are_told_in_their_form(tmp_path: Path, tokens: TokenService) -> None:
    flood = bearer(tokens, "flood")
    book = TokenBook(tokens.home, clock=WallClock(), timer=MonotonicTimer())
    with (
        open_services(tmp_path / "mlflow") as services,
        open_mlflow_door(services, token=OWNER, limits=LIMITS, book=book) as url,
        httpx.Client(base_url=url, headers=flood) as client,
    ):
        answers = [client.get("/api/2.0/mlflow/experiments/get", params={"experiment_id": "0"}) for _ in range(4)]
        assert [found.status_code for found in answers] == [200, 200, 200, 429]
        assert answers[-1].json()["error_code"] == "REQUEST_LIMIT_EXCEEDED"
        assert int(answers[-1].headers["retry-after"]) > 900
        deep = client.post("/api/2.0/mlflow/runs/create", content=b"[" * 70 + b"]" * 70, headers={"Content-Type": "application/json"})
        assert (deep.status_code, deep.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_small_bodies_are_all_that_some_routes_take(tokens: TokenService) -> None:
    headers = {"Authorization": f"Bearer {OWNER}"}
    with open_door(StillPlane(), token=OWNER, tokens=tokens) as url, httpx.Client(base_url=url, headers=headers) as client:
        refused = client.post("/api/v1/endpoints/late/promote", json={"version": 2, "why": "x" * 70_000})
        assert (refused.status_code, refused.json()["error"]["code"]) == (413, "body-too-large")
        wide = client.post(ROWS, content=b'{"rows": [' + b"1," * 1_000_000 + b"1]}", headers={"Content-Type": "application/json"})
        assert (wide.status_code, wide.json()["error"]["code"]) == (422, "json-shape")
