"""Real model servers under load while a person steers them over HTTP: nothing fails, and every answer's version is legal at its time."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from io import BytesIO
from pathlib import Path

import msgspec
import polars as pl
import pytest

from flyball.client import ConflictingError, RefusedError
from flyball.core.ids import Digest
from flyball.runtimes import load
from flyball.testing.serving_home import ServingHome, trip
from flyball.testing.steered import Callers, Steered, Timeline, steered
from tests.live import wait_for


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("steered")


@pytest.fixture(scope="module")
def found(place: Path) -> Iterator[Steered]:
    serving = ServingHome.trips(place)
    for number, intercept in ((1, -2.0), (2, 0.5), (3, 2.0), (4, 1.0)):
        serving.add_linear(number, intercept=intercept)
    wrong = serving.add_linear(5)
    serving.versions[5] = msgspec.structs.replace(wrong, features=wrong.model_digest)
    for number, shift in ((6, 0.0), (7, 1e-3)):
        plan = serving.add_linear(number, intercept=0.25)
        serving.versions[number] = msgspec.structs.replace(plan, samples=samples_of(serving, plan.model_digest, shift=shift))
    with steered(place / "control", serving) as made:
        yield made


def samples_of(serving: ServingHome, model: Digest, *, shift: float) -> Digest:
    """Rows with the scores that the model gives them, or with others by `shift`."""
    frame = pl.DataFrame(schema=dict(serving.features().dtypes)).clear(5)
    scores = load(serving.blobs.open_path(model)).predict(frame) + shift
    buffer = BytesIO()
    frame.with_columns(pl.Series("score", scores)).write_ipc(buffer, compression="uncompressed")
    return serving.blobs.put(buffer.getvalue())


def test_swaps_rollbacks_and_weights_under_load_fail_nothing_and_every_version_is_legal_at_its_time(found: Steered) -> None:
    endpoints, timeline = found.endpoints, Timeline(frozenset({1}))
    with Callers(found.server, found.plane.serving.requests(500), threads=4, pause=0.004) as callers:
        for _ in range(12):
            timeline.change(lambda: endpoints.promote("late", version=2), to={2})
            timeline.change(lambda: endpoints.rollback("late"), to={1})
        for step in range(1, 11):
            share = step / 20
            weights = {1: 1 - share, 2: share}
            timeline.change(partial(endpoints.set_weights, "late", weights), to={1, 2})
        timeline.change(lambda: endpoints.delete_policy("late"), to={1})
        enough = len(callers.seen) + 50
        wait_for(lambda: len(callers.seen) >= enough, 60, told="answers after the last change")
    assert {one.status for one in callers.seen} == {200}
    assert timeline.illegal(callers.seen) == []
    assert {one.version for one in callers.seen} == {1, 2}


def test_what_a_server_refuses_changes_nothing_and_its_reason_is_told(found: Steered) -> None:
    with pytest.raises(ConflictingError, match="its features, compiled here, are not its own"):
        found.endpoints.promote("late", version=5)
    here = found.endpoints.get_endpoint("late")
    assert here["champion"] == 1
    assert 5 not in here["resident"]
    assert found.server.predict(trip(1)).json["version"] == 1


def test_a_version_that_scores_otherwise_than_when_it_was_made_gets_no_row(found: Steered) -> None:
    with pytest.raises(ConflictingError, match="scores 5 of the 5 rows that were kept with it otherwise"):
        found.endpoints.set_weights("late", {1: 0.5, 7: 0.5})
    assert found.endpoints.get_endpoint("late")["policy"] is None
    found.endpoints.promote("late", version=6)
    found.endpoints.rollback("late")


def compared_at(found: Steered) -> int:
    """Of how many rows one knows what the first shadow said beside the answer."""
    told = found.endpoints.get_endpoint("late")["shadow_comparison"]
    return int(told[0]["compared"]) if told else 0


def test_an_endpoint_tells_its_versions_shares_traffic_and_what_shadows_said(found: Steered) -> None:
    told = found.endpoints.set_shadows("late", [3], why="to look")
    assert told["servers"]["acknowledged"]
    found.endpoints.set_weights("late", {1: 0.5, 2: 0.5})
    rows = found.server.predict(*(trip(number) for number in range(60))).json["predictions"]
    wait_for(lambda: compared_at(found) >= 60, 60, told="the shadow was asked about all rows")
    compared = found.endpoints.get_endpoint("late")["shadow_comparison"]
    (here,) = found.endpoints.list_endpoints()
    versions = {row["version"]: row for row in here["versions"]}
    assert {number: row["role"] for number, row in versions.items() if row["role"]} == {1: "champion", 2: "challenger", 3: "shadow"}
    assert (versions[1]["share"], versions[2]["share"], versions[3]["share"]) == (0.5, 0.5, 0.0)
    assert versions[2]["traffic"]["rows"] >= sum(row["version"] == 2 for row in rows) > 0
    assert compared[0]["version"] == 3
    assert 0 <= compared[0]["agreement"] < 1
    assert compared[0]["mean_difference"] > 0
    assert [server["refusal"] for server in here["servers"]] == [None]
    found.endpoints.set_shadows("late", [])
    found.endpoints.delete_policy("late")


def test_segments_send_rows_by_their_values(found: Steered) -> None:
    found.endpoints.set_segments("late", "line", versions={"L1": 2, "L2": 3})
    rows = found.server.predict(*(trip(number) for number in range(10))).json["predictions"]
    assert [row["version"] for row in rows] == [1, 2, 3, 1, 1] * 2
    assert {row["route"] for row in rows} == {"champion", "challenger"}
    found.endpoints.rollback("late")
    with pytest.raises(RefusedError, match="no column 'lnie' in the rows of endpoint 'late'"):
        found.endpoints.set_segments("late", "lnie", versions={"L1": 4})


def second_of(found: Steered) -> int:
    """How many of a hundred rows the second version answers."""
    rows = found.server.predict(*(trip(number) for number in range(100))).json["predictions"]
    return sum(row["version"] == 2 for row in rows)


def test_a_bandit_gives_rows_to_what_earns_rewards(found: Steered) -> None:
    found.endpoints.set_bandit("late", [1, 2])
    rows = found.server.predict(*(trip(number) for number in range(400))).json["predictions"]
    rewards = {row["id"]: 0.9 if row["version"] == 2 else 0.1 for row in rows}
    assert found.endpoints.add_rewards("late", {**rewards, "prd-none": 1.0}) == {
        "accepted": 400, "duplicates": 0, "unknown": ["prd-none"],
    }  # fmt: skip
    assert found.endpoints.add_rewards("late", rewards)["duplicates"] == 400
    assert found.endpoints.get_endpoint("late")["policy"]["shares"]["2"] > 0.98
    wait_for(lambda: second_of(found) >= 90, 60, told="the second version has nearly all rows")
    found.endpoints.delete_policy("late")
    with pytest.raises(ConflictingError, match="learns from no rewards"):
        found.endpoints.add_rewards("late", rewards)
