"""Finished features are asked for under an endpoint's name with ``.vector``, and answered as looked-up ones are."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl
import pytest

from flyball.predict.arrow import KIND
from flyball.testing.model_server import Answer, ServerProcess
from flyball.testing.serving_home import ServingHome, trip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    home = ServingHome.trips(tmp_path_factory.mktemp("vectors"))
    home.add_linear(1, intercept=-1.0)
    home.add_linear(2, intercept=1.0)
    home.keep(home.plan(1, 2, share=0.25))
    with ServerProcess(home.path) as running:
        yield running


def looked_up(server: ServerProcess, number: int) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """An answer that was looked up, and the features that stand in its record."""
    answer = server.predict(trip(number)).json["predictions"][0]
    record = next(record for record in server.journal() if answer["id"] in record.ids)
    place = record.ids.index(answer["id"])
    return answer, {name: values[place] for name, values in record.features.items()}


def test_the_features_that_were_looked_up_give_the_same_score_when_they_are_sent(server: ServerProcess) -> None:
    found = [looked_up(server, number) for number in range(20)]
    said = server.predict(*(features for _, features in found), endpoint="late.vector").json["predictions"]
    scores = {one["version"]: set[float]() for one in said}
    for (answer, _), one in zip(found, said, strict=True):
        scores[one["version"]].add(one["score"])
        assert "key" not in one
        assert answer["version"] != one["version"] or answer["score"] == one["score"]


def test_what_was_sent_stands_in_the_record_as_features(server: ServerProcess) -> None:
    _, features = looked_up(server, 3)
    name = server.predict(features, endpoint="late.vector").json["predictions"][0]["id"]
    record = next(record for record in server.journal() if name in record.ids)
    place = record.ids.index(name)
    assert {name: values[place] for name, values in record.features.items()} == features
    assert (record.request, record.request_types, record.value_times, record.keys[place]) == ({}, [], {}, name)
    assert record.feature_types == ["String", "String", "Float64", "Float64", "Float64", "Float64", "Int64", "Int8", "Boolean"]


@pytest.mark.parametrize(("changes", "words"), [
    ({"trips.lin": "L1"}, "Did you mean 'trips.line'?"), ({"trips.distance": "far"}, "send a number"),
    ({"calendar.hour": 1000}, "a whole number"),
])  # fmt: skip
def test_wrong_features_are_named(server: ServerProcess, changes: Mapping[str, Any], words: str) -> None:
    answer = server.predict({**looked_up(server, 1)[1], **changes}, endpoint="late.vector")
    assert (answer.status, answer.code) == (422, "field")
    assert words in answer.message


def test_a_vector_of_no_endpoint_is_not_found(server: ServerProcess) -> None:
    assert server.predict({}, endpoint="lete.vector").code == "endpoint-not-found"


def sent_by(server: ServerProcess, door: str, *, rows: list[dict[str, Any]]) -> Answer:
    """The rows, by one of the doors."""
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    match door:
        case "rows":
            return server.predict(*rows, endpoint="late.vector")
        case "arrow":
            out = io.BytesIO()
            pl.DataFrame(columns).write_ipc_stream(out)
            head = {"Content-Type": KIND.decode(), "Accept": "application/json"}
            return server.request("POST", "/predict/late.vector", body=out.getvalue(), headers=head)
        case "v2":
            kinds = {bool: "BOOL", float: "FP64", int: "INT64", str: "BYTES"}
            inputs = [
                {"name": name, "datatype": kinds[type(values[0])], "shape": [len(values)], "data": values}
                for name, values in columns.items()
            ]
            wanted = [{"name": name} for name in ("id", "version")]
            return server.request("POST", "/v2/models/late.vector/infer", body=json.dumps({"inputs": inputs, "outputs": wanted}).encode())
        case "v1":
            return server.request("POST", "/v1/models/late.vector:predict", body=json.dumps({"instances": rows}).encode())
    text = pl.DataFrame(columns).write_csv().encode()
    return server.request("POST", "/endpoints/late.vector/invocations", body=text, headers={"Content-Type": "text/csv"})


@pytest.mark.parametrize("door", ["rows", "arrow", "v2", "v1", "csv"])
def test_rows_that_say_their_key_are_logged_and_routed_by_it(server: ServerProcess, door: str) -> None:
    found = [looked_up(server, number) for number in range(12)]
    keys = [f"t{number}" for number in range(12)]
    rows = [{**features, "trip_id": key} for (_, features), key in zip(found, keys, strict=True)]
    answer = sent_by(server, door, rows=rows)
    assert answer.status == 200, answer.body
    records = [record for record in server.journal() if not record.request and record.keys[0] in keys]
    versions = {key: record.version for record in records for key in record.keys}
    assert versions == {key: answered["version"] for key, (answered, _) in zip(keys, found, strict=True)}, "who sticks, sticks"
    assert all("trip_id" not in record.features for record in records)
    if door in {"rows", "arrow"}:
        assert [one["key"] for one in answer.json["predictions"]] == keys


def test_half_of_the_rows_with_a_key_are_refused(server: ServerProcess) -> None:
    _, features = looked_up(server, 1)
    answer = server.predict({**features, "trip_id": "t1"}, features, endpoint="late.vector")
    assert (answer.status, answer.code, answer.json["error"]["row"], answer.json["error"]["field"]) == (422, "field", 1, "trip_id")


def test_the_key_stands_in_what_describes_the_endpoint(server: ServerProcess) -> None:
    told = server.request("GET", "/v2/models/late.vector").json
    assert told["parameters"]["optional_inputs"] == [{"name": "trip_id", "datatype": "BYTES", "shape": [-1]}]
    assert "trip_id" not in [found["name"] for found in told["inputs"]]
    configured = server.request("GET", "/v2/models/late.vector/config").json["input"]
    assert [found for found in configured if found.get("optional")] == [
        {"name": "trip_id", "data_type": "TYPE_STRING", "dims": [-1], "optional": True}
    ]
    rows = server.request("GET", "/openapi.json").json["paths"]["/predict/late.vector"]["post"]["requestBody"]
    row = rows["content"]["application/json"]["schema"]["properties"]["rows"]["items"]
    assert "trip_id" in row["properties"]
    assert "trip_id" not in row["required"]
