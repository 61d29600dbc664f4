"""What the client asks for when it looks at runs, files and models: the routes of MLflow, in the name of a session where there is one."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx
import pytest

from flyball.client.errors import NotThereError, UnreachableError
from flyball.client.tracking import Query, TrackingClient
from flyball.client.wire import Wire

Answer = Callable[[httpx.Request], httpx.Response]


def asking(answer: Answer, *, session: str | None = None) -> TrackingClient:
    return TrackingClient(Wire("http://plane", "owner", transport=httpx.MockTransport(answer)), session=session)


def test_a_search_sends_what_is_asked_and_leaves_out_what_is_not() -> None:
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, json={"runs": [{"info": {}}], "next_page_token": "t2"})

    client = asking(answer)
    query = Query("metrics.a > 1", order_by=("metrics.a DESC",), max_results=7, token="t1")  # noqa: S106  a page
    page = client.search_runs(["1", "2"], query, view="DELETED_ONLY")
    assert (page.items, page.token) == ([{"info": {}}], "t2")
    client.search_runs(["1"], Query())
    bodies = [json.loads(request.content) for request in sent]
    assert bodies == [
        {
            "experiment_ids": ["1", "2"], "filter": "metrics.a > 1", "order_by": ["metrics.a DESC"], "max_results": 7, "page_token": "t1",
            "run_view_type": "DELETED_ONLY",
        },
        {"experiment_ids": ["1"], "max_results": 100, "run_view_type": "ACTIVE_ONLY"},
    ]  # fmt: skip
    assert sent[0].url.path == "/api/2.0/mlflow/runs/search"


@pytest.mark.parametrize(("session", "bearer"), [(None, "Bearer owner"), ("visitor", "Bearer visitor")], ids=["own", "session"])
def test_a_session_stands_for_its_visitor(session: str | None, bearer: str) -> None:
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, json={"metrics": []}) if "metrics" in request.url.path else httpx.Response(200, content=b"x")

    client = asking(answer, session=session)
    client.list_interval(["r1", "r2"], "a/b c", max_results=9)
    with client.open_artifact("r1", "../a #?.txt", headers={"Range": "bytes=0-1", "Cookie": "secret"}) as file:
        assert file.read() == b"x"
    assert [request.headers["authorization"] for request in sent] == [bearer, bearer]
    assert sent[0].url.params.get_list("run_ids") == ["r1", "r2"]
    assert sent[1].url.path == "/get-artifact"
    assert sent[1].url.params["path"] == "../a #?.txt"
    assert sent[1].headers["range"] == "bytes=0-1"
    assert "cookie" not in sent[1].headers


def test_a_refused_file_has_the_servers_sentence() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.params["path"] == "away":
            raise httpx.ConnectError("nobody", request=request)
        return httpx.Response(404, json={"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "There is no such file."})

    client = asking(answer)
    with pytest.raises(NotThereError, match=r"There is no such file\."), client.open_artifact("r1", "no"):
        pass
    with pytest.raises(UnreachableError), client.open_artifact("r1", "away"):
        pass
