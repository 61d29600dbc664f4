"""Looked-up features in answers: how old they are, what is said where none is fresh, and who is refused for it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flyball.features._redis import RedisOnlineStore
from flyball.features.materialise import Materialiser
from flyball.testing.model_server import Answer, ServerProcess
from flyball.testing.serving_home import PROJECT, ServingHome, trip
from tests.redis import serving_redis

NOW = datetime.now(UTC)  # noqa: TID251 - a server without a clock of its own lives now
SKY = 'entity="station", ttl="6h"'


@contextmanager
def serving(place: Path, *, sky: str = SKY, behind: timedelta = timedelta(), published: bool = True) -> Iterator[ServerProcess]:
    """A server whose features were published so long ago, if they were, by a project that declares `sky` like this."""
    home = ServingHome.trips(place, now=NOW - behind)
    home.project.write_text(PROJECT.replace(SKY, sky))
    home.publish(NOW - behind)
    if not published:
        for suffix in ("", "-wal", "-shm"):
            (home.path / f"online.db{suffix}").unlink(missing_ok=True)
    home.add_linear(1)
    home.keep(home.plan(1))
    with ServerProcess(home.path) as running:
        for _ in range(600):
            said = ask(running, trip(1))
            if said.status != 503 or said.code == "feature-missing":
                break
            time.sleep(0.1)  # it waits a while for what is not published
        yield running


def ask(server: ServerProcess, *rows: dict[str, Any], query: str = "") -> Answer:
    body = json.dumps({"rows": rows}).encode()
    return server.request("POST", f"/predict/late{query}", body=body, headers={"content-type": "application/json"})


def test_an_answer_tells_how_old_its_values_are_when_it_is_asked_to(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        found = ask(server, trip(1), trip(2, station="nowhere"), query="?ages=true").json["predictions"]
        assert set(found[0]["ages"]) == {"sky", "punctuality"}
        assert 0 <= found[0]["ages"]["sky"] < 6 * 3600
        assert 0 <= found[0]["ages"]["punctuality"] < 2 * 3600
        assert found[1]["ages"]["sky"] is None
        assert "ages" not in ask(server, trip(1)).json["predictions"][0]
        record = server.journal()[1]
        assert found[0]["ages"]["sky"] == (record.time - (record.value_times["sky"][0] or 0)) / 1e6
        metrics = server.request("GET", "/metrics").body.decode()
        assert "flyball_online_store_up 1" in metrics
        assert 'flyball_feature_age_seconds{endpoint="late",view="sky"}' in metrics
        assert 'flyball_feature_lacks_total{endpoint="late",view="sky",why="unknown"} 1' in metrics


def test_values_that_are_older_than_they_may_be_are_told(tmp_path: Path) -> None:
    with serving(tmp_path, behind=timedelta(hours=7)) as server:
        found = ask(server, trip(1)).json["predictions"][0]
        assert found["warnings"] == [
            "what is known for 'sky' of station 'S1' is older than 6h",
            "'punctuality' answers with a boundary that is older than twice 1h",
        ]
        metrics = server.request("GET", "/metrics").body.decode()
        assert 'flyball_prediction_warnings_total{endpoint="late",kind="stale"} 2' in metrics
        assert 'flyball_prediction_warnings_total{endpoint="late",kind="late"} 2' in metrics


def test_without_a_store_the_defaults_answer(tmp_path: Path) -> None:
    with serving(tmp_path, sky=f'{SKY}, missing={{"temperature": 15.5}}', published=False) as server:
        answer = ask(server, trip(1))
        assert answer.status == 200, (answer.body, server.log)
        found = answer.json["predictions"][0]
        assert found["warnings"] == ["nothing is published of 'sky' yet", "nothing is published of 'punctuality' yet"]
        record = server.journal()[-1]
        assert (record.features["sky.temperature"], record.features["sky.wind"]) == ([15.5], [None])
        assert record.value_times["sky"] == [None]


def test_a_request_is_refused_without_the_value_that_its_view_must_have(tmp_path: Path) -> None:
    with serving(tmp_path, sky=f'{SKY}, missing="error"') as server:
        assert ask(server, trip(1)).status == 200
        unknown = ask(server, trip(1), trip(2, station="nowhere"))
        assert (unknown.status, unknown.code) == (422, "entity-unknown")
        assert "nothing is known for 'sky' of station 'nowhere'" in unknown.message
        unnamed = ask(server, trip(1, station=None))
        assert (unnamed.status, unnamed.code) == (422, "entity-unknown")
        assert 'flyball_turned_away_total{endpoint="late",code="entity-unknown"} 2' in server.request("GET", "/metrics").body.decode()
        assert sum(len(record.ids) for record in server.journal()) == 2  # nothing was predicted that could be logged, and no version failed


@pytest.mark.parametrize("how", [{"behind": timedelta(hours=7)}, {"published": False}], ids=["stale", "unpublished"])
def test_a_request_waits_for_the_control_plane_where_its_view_must_have_a_value(tmp_path: Path, how: dict[str, Any]) -> None:
    with serving(tmp_path, sky=f'{SKY}, missing="error"', **how) as server:
        found = ask(server, trip(1))
        assert (found.status, found.code) == (503, "feature-missing")
        assert found.headers["retry-after"]


def test_one_refused_request_costs_nobody_else_an_answer(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with serving(tmp_path, sky=f'{SKY}, missing="error"') as server, ThreadPoolExecutor(8) as pool:
        stations = ["nowhere" if number % 3 == 0 else f"S{number % 3}" for number in range(60)]
        answers = list(pool.map(lambda pair: ask(server, trip(pair[0], station=pair[1])), enumerate(stations)))
        assert [found.status for found in answers] == [422 if station == "nowhere" else 200 for station in stations]
        assert all(found.json["predictions"][0]["key"] == f"t{number}" for number, found in enumerate(answers) if found.status == 200)


def test_what_is_published_while_it_answers_is_seen(tmp_path: Path) -> None:
    home = ServingHome.trips(tmp_path, now=NOW - timedelta(hours=7))
    home.add_linear(1)
    home.keep(home.plan(1))
    with ServerProcess(home.path) as server:
        assert "warnings" in ask(server, trip(1)).json["predictions"][0]
        again = ServingHome.trips(tmp_path / "other", now=NOW)
        home.histories = again.histories
        home.publish(NOW)
        for _ in range(600):
            if "warnings" not in ask(server, trip(1)).json["predictions"][0]:
                return
            time.sleep(0.1)
        raise AssertionError("what was published is never seen")


def test_a_store_that_goes_and_comes_back_costs_no_answer(tmp_path: Path) -> None:
    with serving_redis(tmp_path / "redis") as redis, pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLYBALL_ONLINE_URL", f"{redis.url}?prefix=trips")
        home = ServingHome.trips(tmp_path / "serving", now=NOW)
        store = RedisOnlineStore(f"{redis.url}?prefix=trips")
        Materialiser(home.features(), store).open(home.histories, NOW)
        home.add_linear(1)
        home.keep(home.plan(1))
        with ServerProcess(home.path) as server:
            first = ask(server, trip(1)).json["predictions"][0]
            assert "warnings" not in first
            with redis.asleep():
                assert ask(server, trip(1)).json["predictions"][0]["score"] == first["score"]
            redis.kill()
            until(server, "flyball_online_store_up 0")
            assert ask(server, trip(1)).json["predictions"][0]["score"] == first["score"]
            assert server.log.count("requests are answered by what was read before") == 1
            redis.start()
            until(server, "flyball_online_store_up 1")
            Materialiser(home.features(), store).open({name: frame.clear() for name, frame in home.histories.items()}, NOW)
            for _ in range(600):
                if "warnings" in ask(server, trip(1)).json["predictions"][0]:
                    break
                time.sleep(0.1)
            else:
                raise AssertionError("what was published after the store came back is never seen")
        store.close()


def until(server: ServerProcess, line: str) -> None:
    """Wait until the metrics say so."""
    for _ in range(600):
        if line in server.request("GET", "/metrics").body.decode():
            return
        time.sleep(0.1)
    raise AssertionError(f"{line} is never said")
