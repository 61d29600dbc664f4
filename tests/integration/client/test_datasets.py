"""The client of datasets against the real door: what a method says is what the route said, and who decides stands in the deed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from flyball.app.dataplane import Readmit
from flyball.client import Client, ConflictingError, NotThereError, RefusedError
from flyball.client.datasets import AsideQuery, DatasetsClient
from flyball.testing.controlplane import StillPlane
from flyball.testing.doors import open_door

TOKEN = "t" * 43


@pytest.fixture
def plane() -> StillPlane:
    return StillPlane()


@pytest.fixture
def client(plane: StillPlane) -> Iterator[DatasetsClient]:
    with open_door(plane, token=TOKEN) as url, Client(url, TOKEN, actor="user:ada") as wire:
        yield DatasetsClient(wire)


def test_each_method_says_what_its_route_said(client: DatasetsClient) -> None:
    assert client.list_datasets()[0]["health"] == "held"
    assert [version["number"] for version in client.get_dataset("flights")["versions"]] == [2, 1]
    assert client.get_dataset("flights", limit=1)["next"] == 2
    assert [version["number"] for version in client.get_dataset("flights", before=2)["versions"]] == [1]
    assert client.get_version("flights", 2)["parent"] == 1
    assert client.get_difference("flights", 1, after=2)["rows"] == [100, 120]
    assert client.get_contract("flights")["path"] == "flights.yaml"
    assert client.list_results("flights")[0]["results"][0]["version"] == 2
    assert client.list_erasures("flights")[0]["keys"] == 2
    assert client.list_quarantine("flights", AsideQuery(version=2, state="waiting", limit=1))["next"] == "more"
    assert [row["row"] for row in client.quarantined("flights")] == [7]


def test_a_decision_says_who_and_why(client: DatasetsClient, plane: StillPlane) -> None:
    assert client.repair("flights", {"2-7-x": {"distance": 3}}, why="typo") == [{"id": "2-7-x", "reasons": []}]
    assert client.readmit("flights", ["2-7-x"], as_declared=True, why="typo")["readmitted"] == 1
    assert client.readmit("flights", version=2)["readmitted"] == 1
    assert client.release("flights", 2, why="fine")["state"] == "accepted"
    with pytest.raises(ConflictingError, match="cannot become rejected"):
        client.reject("flights", 2)
    repair, readmit, every, release = plane.data.deeds
    assert repair[1] == {"2-7-x": {"distance": 3}}
    assert (readmit[1], every[1]) == (Readmit(["2-7-x"], None, True), Readmit(None, 2))
    assert {(deed[-1].actor) for deed in plane.data.deeds} == {"user:ada"}
    assert (repair[-1].why, release[-1].why) == ("typo", "fine")


@pytest.mark.parametrize("name", ["", "..", "../status", "a b", "x" * 300, "flights/versions", "%2e%2e", "';--"])
def test_a_strange_name_is_no_dataset(client: DatasetsClient, name: str) -> None:
    with pytest.raises((NotThereError, RefusedError)):
        client.get_dataset(name)


def test_bad_questions_are_refused(client: DatasetsClient) -> None:
    for number in (0, -1, 2**31):
        with pytest.raises(RefusedError):
            client.get_version("flights", number)
    for query in (AsideQuery(limit=0), AsideQuery(limit=1001), AsideQuery(token="x" * 5000), AsideQuery(state="y" * 50)):
        with pytest.raises(RefusedError):
            client.list_quarantine("flights", query)
    with pytest.raises(RefusedError):
        client.repair("flights", {str(number): {} for number in range(10_001)})
    with pytest.raises(RefusedError):
        client.release("flights", 2, why="y" * 1001)
    with pytest.raises(NotThereError):
        client.release("flights", 9)
