"""Endpoints over HTTP: what was meant reaches the plane as it was meant, and what is malformed is refused before it does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from flyball.app.controlplane import Deed
from flyball.client import Client, NotThereError, RefusedError
from flyball.client.endpoints import EndpointsClient
from flyball.client.wire import Ask
from flyball.releases.sharing import segments
from flyball.testing.controlplane import StillPlane
from flyball.testing.doors import open_door

TOKEN = "t" * 43
ADA = Deed("user:ada", "to compare")


@pytest.fixture(scope="module")
def plane() -> StillPlane:
    return StillPlane()


@pytest.fixture(scope="module")
def client(plane: StillPlane) -> Iterator[Client]:
    with open_door(plane, token=TOKEN) as url, Client(url, TOKEN, actor="user:ada") as made:
        yield made


def test_each_word_reaches_the_plane_with_who_and_why(plane: StillPlane, client: Client) -> None:
    endpoints, why = EndpointsClient(client), "to compare"
    told = endpoints.set_weights("late", {1: 0.75, 2: 0.25}, why=why)
    assert (told["event"], told["servers"]["acknowledged"]) == ("evt-1", True)
    endpoints.set_segments("late", "carrier", versions={"UA": 2, "": 1}, why=why)
    endpoints.set_bandit("late", [1, 2], learns="labels", why=why)
    endpoints.set_shadows("late", [], why=why)
    endpoints.delete_policy("late", why=why)
    assert plane.traffic.deeds == [
        ("weights", "late", {1: 0.75, 2: 0.25}, ADA),
        ("segments", "late", segments("carrier", {"UA": 2, "": 1}), ADA),
        ("bandit", "late", [1, 2], "labels", ADA),
        ("shadows", "late", [], ADA),
        ("policy", "late", ADA),
    ]
    assert [found["name"] for found in endpoints.list_endpoints()] == ["late"]
    assert endpoints.add_rewards("late", {"prd-1": 0.5, "x": 1}) == {"accepted": 1, "duplicates": 0, "unknown": ["x"]}


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("weights", {}),
        ("weights", {"weights": {}}),
        ("weights", {"weights": {"one": 1.0}}),
        ("weights", {"weights": {"0": 1.0}}),
        ("weights", {"weights": {"1": "1.0"}}),
        ("weights", {"weights": {"1": -0.5, "2": 1.5}}),
        ("weights", {"weights": {"1": 0.5, "2": 0.4}}),
        ("weights", {"weights": {str(number): 0.01 for number in range(1, 101)}}),
        ("weights", {"weights": {"1": 1.0}, "whom": "all"}),
        ("weights", {"weights": {"1": 1.0}, "why": "x" * 1001}),
        ("weights", [1]),
        ("segments", {"column": "", "versions": {"UA": 1}}),
        ("segments", {"column": "carrier", "versions": {"UA": 2**40}}),
        ("segments", {"column": "carrier", "versions": {"U" * 201: 1}}),
        ("segments", {"column": "carrier", "versions": {}}),
        ("bandit", {"versions": ["1", 2]}),
        ("bandit", {"versions": [1, 2], "learns": "guesses"}),
        ("shadows", {"versions": [0]}),
        ("shadows", {"versions": list(range(1, 18))}),
        ("rewards", {"rewards": [{"id": "prd-1", "reward": 2}]}),
        ("rewards", {"rewards": [{"id": "", "reward": 1}]}),
        ("rewards", {"rewards": [{"id": "prd-1", "reward": 1}, {"id": "prd-1", "reward": 0}]}),
        ("rewards", {"rewards": [{"id": "prd-1", "reward": True}]}),
        ("rewards", {"rewards": [{"id": str(number), "reward": 1} for number in range(10_001)]}),
    ],
)
def test_what_is_malformed_is_refused(plane: StillPlane, client: Client, what: str, body: Any) -> None:
    before = len(plane.traffic.deeds)
    with pytest.raises(RefusedError) as caught:
        client.ask(Ask("POST", f"/api/v1/endpoints/late/{what}", body=body))
    assert caught.value.status == 422
    assert len(plane.traffic.deeds) == before


def test_an_endpoint_that_is_not_there_is_said_so(client: Client) -> None:
    endpoints = EndpointsClient(client)
    for ask in (endpoints.get_endpoint, endpoints.delete_policy, lambda name: endpoints.set_shadows(name, [1])):
        with pytest.raises(NotThereError):
            ask("lat")
