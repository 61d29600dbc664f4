"""A model that carries code runs apart: whatever it does, the champion's rows are answered, and its own by the champion."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from flyball.testing.model_server import ServerProcess
from flyball.testing.serving_home import Answers, ServingHome, trip


class Raises:
    def predict_proba(self, frame: pl.DataFrame) -> np.ndarray:
        raise ValueError(f"cannot answer {frame.height} rows")


class Hangs:
    def predict_proba(self, frame: pl.DataFrame) -> np.ndarray:
        time.sleep(3600)
        return np.zeros(frame.height)


class Dies:
    def predict_proba(self, frame: pl.DataFrame) -> np.ndarray:
        os._exit(frame.height % 1)


class Gives:
    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def predict_proba(self, frame: pl.DataFrame) -> Any:
        del frame
        return self.answer


class Prints(Answers):
    def predict_proba(self, frame: pl.DataFrame) -> np.ndarray:
        print("progress: 100 %")  # noqa: T201 - what a model prints is no answer
        return super().predict_proba(frame)


class Picky:
    """It answers all rows alike, but raises at a distance of 1, says NaN to one of 2, dies at one of 3 and hangs at one of 4."""

    def predict_proba(self, frame: pl.DataFrame) -> np.ndarray:
        distances = set(frame["trips.distance"].to_list())
        if 1.0 in distances:
            raise ValueError("not that far")
        if 3.0 in distances:
            os._exit(1)
        if 4.0 in distances:
            time.sleep(3600)
        time.sleep(0.05)  # so that others wait meanwhile
        return np.where(frame["trips.distance"].to_numpy() == 2, np.nan, 0.75)


class FailsToLoad:
    def __reduce__(self) -> Any:
        return (int, ("no number",))


@pytest.fixture
def home(tmp_path: Path) -> ServingHome:
    made = ServingHome.trips(tmp_path)
    made.add_linear(1, intercept=-1.0)
    return made


BAD: list[tuple[Any, str]] = [
    (Raises(), "ValueError: cannot answer"),
    (Hangs(), "did not answer within 1 s"),
    (Dies(), "died"),
    (Gives(np.array([0.5])), "shape is"),
    (Gives(None), "returned nothing"),
    (Gives(np.full(20, np.nan)), "PredictionError"),
    (Gives(np.full(20, 7.0)), "PredictionError"),
    (Gives("garbage"), "no array of numbers"),
]


@pytest.fixture(params=BAD, ids=lambda found: f"{type(found[0]).__name__}-{found[1][:12]}")
def bad(request: pytest.FixtureRequest, home: ServingHome) -> Iterator[tuple[ServerProcess, str]]:
    fitted, words = request.param
    home.add_pickle(2, fitted)
    home.keep(home.plan(1, 2, share=0.5))
    with ServerProcess(home.path) as server:
        yield server, words


def test_a_bad_canary_s_rows_are_answered_by_the_champion_and_told_in_the_journal(bad: tuple[ServerProcess, str]) -> None:
    server, words = bad
    for _ in range(3):
        answer = server.predict(*(trip(number) for number in range(60)))
        assert answer.status == 200
        assert {(one["version"], one["route"]) for one in answer.json["predictions"]} == {(1, "champion"), (1, "fallback")}
    records = server.journal()
    failed = [record for record in records if record.error is not None]
    assert {record.version for record in failed} == {2}
    assert words in str(failed[0].error)
    assert all(record.answered_by == 1 and set(record.scores) == {None} for record in failed)
    stood_in = [record for record in records if record.route == "fallback"]
    assert [record.ids for record in failed] == [record.ids for record in stood_in]
    assert 'flyball_prediction_errors_total{endpoint="late",version="2"}' in server.request("GET", "/metrics").body.decode()


def test_a_good_model_with_code_answers_from_its_own_process(home: ServingHome) -> None:
    home.add_pickle(2, Prints(0.75))
    home.keep(home.plan(2))
    with ServerProcess(home.path) as server:
        found = server.predict(trip(1), trip(2)).json["predictions"]
        assert [(one["score"], one["version"], one["route"]) for one in found] == [(0.75, 2, "champion")] * 2
        assert "progress" in server.log
        assert children(server.pid)
    assert not any(Path(f"/proc/{pid}").exists() for pid in children(server.pid))


def test_a_champion_that_hangs_is_said_to_be_unavailable_and_nobody_else_waits(home: ServingHome) -> None:
    home.add_pickle(2, Hangs())
    home.keep(home.plan(2))
    with ServerProcess(home.path) as server:
        answer = server.predict(trip(1))
        assert (answer.status, answer.code) == (503, "not-answered")
        assert "did not answer within 1 s" in answer.message
        assert server.request("GET", "/healthz").status == 200
        assert [(record.error is not None, record.answered_by) for record in server.journal()] == [(True, 0)]


def test_a_child_that_is_killed_comes_back(home: ServingHome) -> None:
    home.add_pickle(2, Answers(0.75))
    home.keep(home.plan(1, 2, share=0.5))
    with ServerProcess(home.path) as server:
        assert "canary" in routes(server)
        for pid in children(server.pid):
            os.kill(pid, signal.SIGKILL)
        assert "fallback" in routes(server)
        until = time.perf_counter() + 90
        while "canary" not in routes(server):
            assert time.perf_counter() < until
            time.sleep(0.1)


def test_a_child_dies_with_a_server_that_is_killed(home: ServingHome) -> None:
    home.add_pickle(2, Hangs())
    home.keep(home.plan(1, 2, share=0.5))
    with ServerProcess(home.path) as server:
        theirs = children(server.pid)
        assert theirs
        server.stop(signal.SIGKILL)
        until = time.perf_counter() + 60
        while any(Path(f"/proc/{pid}").exists() for pid in theirs):
            assert time.perf_counter() < until
            time.sleep(0.05)


def test_a_canary_that_cannot_be_loaded_is_answered_for(home: ServingHome) -> None:
    home.add_pickle(2, FailsToLoad())
    home.keep(home.plan(1, 2, share=0.5))
    with ServerProcess(home.path) as server:
        assert routes(server) == {"champion", "fallback"}
        assert "cannot be loaded" in str(next(record.error for record in server.journal() if record.error))


@pytest.mark.parametrize(("distance", "words"), [(1.0, "not that far"), (2.0, "NaN"), (3.0, "died"), (4.0, "did not answer")])
def test_a_bad_row_costs_nobody_else_an_answer(home: ServingHome, distance: float, words: str) -> None:
    home.add_pickle(2, Picky())
    home.keep(home.plan(2))
    rows = [trip(number, distance=distance if number == 7 else 100.0 + number) for number in range(16)]
    with ServerProcess(home.path) as server, ThreadPoolExecutor(len(rows)) as callers:
        assert server.predict(trip(0, distance=100.0)).status == 200
        answers = list(callers.map(server.predict, rows))
        assert (answers[7].status, answers[7].code) == (503, "not-answered")
        assert words in answers[7].message
        del answers[7]
        assert [answer.status for answer in answers] == [200] * len(answers), {answer.message for answer in answers if answer.status != 200}
        assert {answer.json["predictions"][0]["key"] for answer in answers} == {row["trip_id"] for row in rows} - {"t7"}


def routes(server: ServerProcess) -> set[str]:
    return {one["route"] for one in server.predict(*(trip(number) for number in range(40))).json["predictions"]}


def children(pid: int) -> list[int]:
    place = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(found) for found in place.read_text().split()] if place.exists() else []
