"""The routes of datasets on a real socket: bad questions and bodies are named, and change nothing."""

from __future__ import annotations

from typing import Any

import pytest

Served = Any
PATH = "/api/v1/datasets/flights"
DEEP: Any = []
for _ in range(100):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    "query",
    [
        "?limit=0", "?limit=x", "?limit=1001", "?before=0", "?before=99999999999", "/versions/0", "/versions/x", "/versions/99999999999",
        "/versions/1/difference/0", "/results?limit=0", "/quarantine?version=0", "/quarantine?limit=-1", f"/quarantine?token={'x' * 4001}",
        f"/quarantine?state={'x' * 41}",
    ],
)  # fmt: skip
def test_a_bad_question_is_named(served: Served, query: str) -> None:
    response = served.owner.get(f"{PATH}{query}")
    assert (response.status_code, response.json()["error"]["code"]) == (422, "request-form")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("quarantine/repair", {}),
        ("quarantine/repair", {"rows": [{"id": "1"}]}),
        ("quarantine/repair", {"rows": [{"id": "1", "cells": [1]}]}),
        ("quarantine/repair", {"rows": [{"id": 1, "cells": {}}]}),
        ("quarantine/repair", {"rows": [{"id": "x" * 101, "cells": {}}]}),
        ("quarantine/repair", {"rows": [{"id": "1", "cells": {}, "more": 1}]}),
        ("quarantine/repair", {"rows": [{"id": "1", "cells": {"a": DEEP}}]}),
        ("quarantine/readmit", {"ids": "all"}),
        ("quarantine/readmit", {"ids": [1]}),
        ("quarantine/readmit", {"version": 0}),
        ("quarantine/readmit", {"version": "1"}),
        ("quarantine/readmit", {"as_declared": "yes"}),
        ("quarantine/readmit", {"why": None}),
        ("versions/2/release", {"why": "x" * 1001}),
        ("versions/2/release", {"force": True}),
        ("versions/2/reject", []),
    ],
    ids=str,
)
def test_a_bad_body_is_named(served: Served, path: str, body: Any) -> None:
    response = served.owner.post(f"{PATH}/{path}", json=body)
    assert (response.status_code, response.json()["error"]["code"]) in {(422, "request-form"), (422, "json-shape")}
    assert served.plane.data.deeds == []


def test_what_is_not_there_is_named(served: Served) -> None:
    for path in ("/api/v1/datasets/flight", f"{PATH}/versions/9", f"{PATH}/versions/1/difference/9", "/api/v1/datasets/x/quarantine"):
        assert served.owner.get(path).status_code == 404
    assert served.owner.post(f"{PATH}/versions/1/release", json={}).status_code == 409
    assert served.owner.post(f"{PATH}/versions/9/reject", json={}).status_code == 404
    assert served.stranger.post(f"{PATH}/versions/2/release", json={}).status_code == 401
    assert served.plane.data.deeds == []
