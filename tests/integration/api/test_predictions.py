"""The doors by which predictions come in that were made elsewhere."""

from __future__ import annotations

import gzip
from contextlib import closing
from typing import Any

import pytest

from flyball.client import Client
from flyball.data.bodies import Form

PATH = "/api/v1/predictions"


@pytest.mark.parametrize(
    ("kind", "form"),
    [("application/json", Form.JSON), ("application/x-ndjson", Form.NDJSON), ("application/vnd.apache.arrow.stream", Form.ARROW)],
    ids=["json", "ndjson", "arrow"],
)
def test_records_come_in_as_they_were_sent(served: Any, kind: str, form: Form) -> None:
    content = b'{"predictions": []}'
    assert served.owner.post(PATH, content=content, headers={"Content-Type": kind}).json()["accepted"] == 1
    packed = {"Content-Type": kind, "Content-Encoding": "gzip"}
    assert served.owner.post(PATH, content=gzip.compress(content), headers=packed).status_code == 200
    assert [(body.form, body.content) for body in served.plane.inbox.taken] == [(form, content)] * 2


def test_what_is_no_body_of_records_is_refused_at_the_door(served: Any) -> None:
    assert served.owner.post(PATH, content=b"a,b", headers={"Content-Type": "text/html"}).status_code == 415
    assert served.owner.post(PATH, content=b"x" * 200_000, headers={"Content-Type": "application/json"}).status_code == 413
    assert served.stranger.post(PATH, json={"predictions": []}).status_code == 401
    assert served.plane.inbox.taken == []


def test_a_journal_s_entries_come_in_and_its_position_is_told(served: Any) -> None:
    where = f"{PATH}/journals/east"
    assert served.owner.get(where).json() == {"position": 0}
    assert served.owner.post(where, content=b"\x92\x01\x90", headers={"Content-Type": "application/msgpack"}).json() == {"position": 1}
    assert served.owner.post(where, json={}).status_code == 415
    assert served.plane.inbox.journals == {"east": [b"\x92\x01\x90"]}


def test_the_client_sends_records(served: Any) -> None:
    with closing(Client(f"http://127.0.0.1:{served.port}", "t" * 43)) as client:
        assert client.push_predictions([{"id": "a"}])["accepted"] == 1
    assert served.plane.inbox.taken[0].form is Form.JSON
