"""The description of `/predict`: it is that of the endpoints, its examples are answered, and so is every request made from it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from flyball.testing.model_server import ServerProcess
from flyball.testing.serving_home import ServingHome

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    home = ServingHome.trips(tmp_path_factory.mktemp("serving"))
    home.add_linear(1)
    home.keep(home.plan(1))
    with ServerProcess(home.path) as running:
        yield running


@pytest.fixture(scope="module")
def described(server: ServerProcess) -> dict[str, Any]:
    answer = server.request("GET", "/openapi.json")
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.json
    return found


def test_each_endpoint_is_described_by_its_columns(described: dict[str, Any]) -> None:
    assert list(described["paths"]) == ["/predict/late", "/predict/late.vector"]
    row = described["paths"]["/predict/late"]["post"]["requestBody"]["content"]["application/json"]["schema"]["properties"]["rows"]["items"]
    assert sorted(row["required"]) == ["distance", "leaves_at", "line", "station", "trip_id"]
    assert row["properties"]["trip_id"] == {"type": "string", "maxLength": 10_000}
    assert row["properties"]["distance"] == {"type": ["number", "null"]}
    assert row["properties"]["leaves_at"] == {"type": ["string", "null"], "format": "date-time"}
    assert row["additionalProperties"] is False


@pytest.mark.parametrize("path", ["/predict/late", "/predict/late.vector"])
def test_its_examples_are_answered_without_a_warning(server: ServerProcess, described: dict[str, Any], path: str) -> None:
    example = described["paths"][path]["post"]["requestBody"]["content"]["application/json"]["example"]
    answer = server.request("POST", path, body=json.dumps(example).encode())
    assert answer.status == 200, answer.body
    assert not [words for one in answer.json["predictions"] for words in one.get("warnings", []) if "never seen" in words]


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("path", ["/predict/late", "/predict/late.vector"])
def test_whatever_is_asked_is_answered_as_it_is_described(
    server: ServerProcess, described: dict[str, Any], path: str, mode: schemathesis.GenerationMode
) -> None:
    operation = schemathesis.openapi.from_dict(described)[path]["POST"]
    headers = {"Authorization": f"Bearer {server.token}"}

    @settings(max_examples=40, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(mode, media_type="application/json"))
    def ask(case: Any) -> None:
        case.call_and_validate(f"http://127.0.0.1:{server.port}", headers=headers, checks=CHECKS, timeout=60)

    ask()
    assert "Traceback" not in server.log
