"""A graph of models behind a model server: each model as it is by itself, the rows of each branch, and what stands in for the dead."""

from __future__ import annotations

import base64
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cloudpickle  # type: ignore[import-untyped]  # it ships no types
import lightgbm
import polars as pl
import psutil
import pytest
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]  # it ships no types

from flyball.runtimes import CodeNotAllowedError
from flyball.runtimes.packing import pack
from flyball.serving.byhand import serving_plan, version_plan
from flyball.serving.graphs import Graph
from flyball.serving.graphs import graph as g
from flyball.serving.graphs.model import Node
from flyball.serving.graphs.opening import files_of
from flyball.storage._localblobs import LocalBlobs
from flyball.testing.model_server import ServerProcess
from tests.live import wait_for
from tests.loggedmodels import columns_signature, leaves, logged_booster, logged_pickle, pipeline, stored, visits

FRAME = visits().drop("vip")
CHURN = pipeline(LogisticRegression()).fit(FRAME, leaves(FRAME))
ROWS = g.inputs(age=float, visits=int, plan=str)


class Moody:
    """It raises where somebody is nine."""

    feature_names_in_ = ("visits",)

    def predict(self, frame: Any) -> list[float]:
        if 9 in list(frame["visits"]):
            raise ValueError("nobody is nine")
        return [0.5] * len(frame)


class Brightness:
    """The mean of an image's bytes, beside the number of its caption's words."""

    feature_names_in_ = ("image", "caption")

    def predict(self, frame: Any) -> list[float]:
        pairs = zip(frame["image"], frame["caption"], strict=True)
        return [sum(image) / len(image) + len(caption.split()) for image, caption in pairs]


cloudpickle.register_pickle_by_value(sys.modules[__name__])  # as a class of a notebook is


def booster() -> lightgbm.Booster:
    matrix = FRAME.select("age", "visits").to_numpy().astype(float)
    data = lightgbm.Dataset(matrix, leaves(FRAME), feature_name=["age", "visits"])
    return lightgbm.train({"objective": "binary", "verbose": -1, "num_threads": 1}, data, 3)


BOOSTER = booster()
MODELS = {
    "models:/churn/1": logged_pickle(CHURN, columns_signature(FRAME)),
    "models:/boosted/1": logged_booster(BOOSTER.model_to_string()),
    "models:/moody/1": logged_pickle(Moody(), columns_signature(pl.DataFrame({"visits": [1]}))),
    "models:/brightness/1": logged_pickle(Brightness()),
}


def graph_files(name: str, output: Node) -> dict[str, bytes]:
    """The files of a graph over `MODELS`."""
    graph = Graph(name, output)
    models = {step.name: (step.model, pack(MODELS[step.model], may_run_code=True).archived()) for step in graph.spec().calls}
    return dict(files_of(graph, models))


def churn() -> Node:
    return g.call("models:/churn/1", ROWS)


def boosted() -> Node:
    return g.call("models:/boosted/1", ROWS)


GRAPHS: dict[str, Callable[[], Node]] = {
    "blend": lambda: g.score("mean", g.mean([churn(), boosted()], weights=[1, 3]), task="binary"),
    "split": lambda: g.switch(ROWS, {"plan = 'full'": churn()}, otherwise=boosted()),
    "careful": lambda: g.call("models:/moody/1", ROWS, fallback=0.125),
    "skipping": lambda: g.mean([g.call("models:/moody/1", ROWS), boosted()], missing="skip"),
    "seen": lambda: g.call("models:/brightness/1", g.compute(g.inputs(image=bytes, words=str), caption="lower(words)")),
    "native": boosted,
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    home = tmp_path_factory.mktemp("home")
    content, into = LocalBlobs(home / "blobs"), LocalBlobs(home / "plan" / "blobs")
    files = {name: graph_files(name, make()) for name, make in GRAPHS.items()}
    plan = serving_plan({name: version_plan(stored(name, found, blobs=content), content, into=into) for name, found in files.items()})
    path = home / "plan" / "plan.json"
    path.write_bytes(plan.encode())
    with ServerProcess(home, "--plan", str(path)) as started:
        yield started


def rows(count: int) -> list[dict[str, Any]]:
    return FRAME.head(count).to_dicts()


def boosted_scores(count: int) -> list[float]:
    found: list[float] = BOOSTER.predict(FRAME.head(count).select("age", "visits").to_numpy().astype(float), num_threads=1).tolist()  # type: ignore[union-attr]  # it is an array
    return found


def test_a_mean_is_that_of_its_models(server: ServerProcess) -> None:
    answer = server.predict(*rows(20), endpoint="blend")
    assert answer.status == 200, answer.body
    own = CHURN.predict_proba(FRAME.head(20))[:, 1].tolist()
    wanted = [(first + 3 * second) / 4 for first, second in zip(own, boosted_scores(20), strict=True)]
    assert [one["score"] for one in answer.json["predictions"]] == pytest.approx(wanted, abs=1e-9)
    assert all(one["prediction"] is (one["score"] >= 0.5) for one in answer.json["predictions"])


def test_a_branch_answers_its_own_rows(server: ServerProcess) -> None:
    found = server.predict(*rows(30), endpoint="split").json["predictions"]
    own, other = CHURN.predict_proba(FRAME.head(30))[:, 1].tolist(), boosted_scores(30)
    wanted = [own[place] if row["plan"] == "full" else other[place] for place, row in enumerate(rows(30))]
    assert [one["score"] for one in found] == pytest.approx(wanted, abs=1e-9)


def test_a_graph_without_processes_answers_as_its_model(server: ServerProcess) -> None:
    found = server.predict(*rows(5), endpoint="native").json["predictions"]
    assert [one["score"] for one in found] == boosted_scores(5)


def test_what_stands_in_is_said_with_the_answer(server: ServerProcess) -> None:
    good, bad = rows(1)[0], {**rows(1)[0], "visits": 9}
    fine = server.predict(good, endpoint="careful").json["predictions"][0]
    assert (fine["score"], fine.get("warnings")) == (0.5, None)
    stood_in = server.predict(bad, endpoint="careful").json["predictions"][0]
    assert stood_in["score"] == 0.125
    assert "nobody is nine" in stood_in["warnings"][0]


def test_a_mean_goes_without_a_bad_branch(server: ServerProcess) -> None:
    bad = {**rows(1)[0], "visits": 9}
    found = server.predict(bad, endpoint="skipping").json["predictions"][0]
    matrix = pl.DataFrame([bad]).select("age", "visits").to_numpy().astype(float)
    assert found["score"] == BOOSTER.predict(matrix, num_threads=1)[0]
    assert "went without" in found["warnings"][0]


def test_images_and_texts_pass_through(server: ServerProcess) -> None:
    image = base64.b64encode(bytes([10, 20, 30])).decode()
    answer = server.predict({"image": image, "words": "A Bright Day"}, {"image": image, "words": "Dim"}, endpoint="seen")
    assert answer.status == 200, answer.body
    assert [one["score"] for one in answer.json["predictions"]] == [23.0, 21.0]


def test_images_come_as_bytes_of_the_open_protocol(server: ServerProcess) -> None:
    image = base64.b64encode(b"\x02\x04").decode()
    inputs = [
        {"name": "image", "shape": [1], "datatype": "BYTES", "data": [image], "parameters": {"content_type": "base64"}},
        {"name": "words", "shape": [1], "datatype": "BYTES", "data": ["one two"]},
    ]  # fmt: skip
    answer = server.request(
        "POST", "/v2/models/seen/infer", body=json.dumps({"inputs": inputs}).encode(), headers={"content-type": "application/json"}
    )
    assert answer.status == 200, answer.body
    outputs = {output["name"]: output["data"] for output in answer.json["outputs"]}
    assert outputs["score"] == [5.0]


def test_a_wrong_row_is_refused_by_the_graph_s_own_inputs(server: ServerProcess) -> None:
    answer = server.predict({"age": 1.0, "visits": 1, "pln": "full"}, endpoint="blend")
    assert answer.status == 422
    assert "Did you mean 'plan'?" in answer.json["error"]["message"]


def test_a_model_that_is_killed_is_stood_in_for_until_it_is_back(server: ServerProcess) -> None:
    row = rows(1)[0]
    assert server.predict(row, endpoint="careful").json["predictions"][0]["score"] == 0.5
    for process in psutil.Process(server.pid).children(recursive=True):
        if "flyball.serving.worker" in " ".join(process.cmdline()):
            os.kill(process.pid, signal.SIGKILL)
    scores = set()

    def back() -> bool:
        answer = server.predict(row, endpoint="careful")
        assert answer.status == 200, answer.body
        score: float = answer.json["predictions"][0]["score"]
        scores.add(score)
        return score == 0.5

    wait_for(back, 60, told="the killed model answers again")
    assert scores <= {0.5, 0.125}


def test_a_graph_with_code_is_served_for_those_who_may_run_it_only(tmp_path: Path) -> None:
    content = LocalBlobs(tmp_path / "blobs")
    found = stored("blend", graph_files("blend", GRAPHS["blend"]()), blobs=content, may_run_code=False)
    with pytest.raises(CodeNotAllowedError):
        version_plan(found, content, into=content)
    plain = stored("native", graph_files("native", GRAPHS["native"]()), blobs=content, may_run_code=False)
    assert version_plan(plain, content, into=content).task in ("binary", "regression")
