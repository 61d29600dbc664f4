"""A row that a person tries: asked of a real model server of the home, in the types of its columns, and logged as any other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from flyball.app.trying import NoModelServerError, RefusedError, Trials
from flyball.testing.model_server import ServerProcess
from flyball.testing.serving_home import ServingHome, trip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    home = ServingHome.trips(tmp_path_factory.mktemp("serving"))
    home.add_linear(1)
    home.keep(home.plan(1))
    with ServerProcess(home.path) as running:
        yield running


def test_the_columns_of_a_request_have_types_and_an_example_that_is_answered(server: ServerProcess) -> None:
    inputs = Trials(server.home).get_inputs("late")["inputs"]
    assert {column["name"] for column in inputs} == trip(1).keys()
    kinds = {column["name"]: (column["type"], column["format"]) for column in inputs}
    assert ("string", "date-time") in kinds.values()
    answer = Trials(server.home).try_rows("late", [{column["name"]: column["example"] for column in inputs}])
    assert answer["predictions"][0]["version"] == 1


def test_what_is_tried_is_logged(server: ServerProcess) -> None:
    (said,) = Trials(server.home).try_rows("late", [trip(7)])["predictions"]
    assert said["id"] in {name for record in server.journal() for name in record.ids}


def test_a_wrong_row_is_refused_in_the_server_s_words(server: ServerProcess) -> None:
    with pytest.raises(RefusedError, match="it is missing"):
        Trials(server.home).try_rows("late", [{}])
    with pytest.raises(RefusedError, match="latte"):
        Trials(server.home).get_inputs("latte")


def test_a_home_without_a_model_server_says_so(tmp_path: Path) -> None:
    with pytest.raises(NoModelServerError, match="flyball up"):
        Trials(tmp_path).get_inputs("late")
