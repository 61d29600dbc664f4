"""Finished features are asked for under an endpoint's name with ``.vector``, and answered as looked-up ones are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from flyball.testing.model_server import ServerProcess
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
