"""What a project declares of datasets: those of its models and those beside them, each once."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest

from flyball.data import Dataset, files, label
from flyball.loop.definition import declared_in
from flyball.loop.errors import DeclarationError
from flyball.loop.model import Model, Project

ROWS = Dataset("rows", files("rows.csv"), key="id", event_time="at")
ENDS = Dataset("ends", files("ends.csv"), key="id", event_time="at")
BESIDE = Dataset("beside", files("beside.csv"), key="id", event_time="at")


def model(name: str, history: str) -> Model:
    return Model(name, rows=ROWS, label=label(ENDS, pl.col("x") > 1), features=[ROWS["size"]], train=print, history=history)


def test_datasets_beside_the_models_come_last_and_of_histories_the_longest_counts() -> None:
    found = declared_in(Project("demo", models=[model("a", "10d"), model("b", "20d")], datasets=[BESIDE, ROWS]))
    assert list(found) == ["rows", "ends", "beside"]
    assert (found["rows"].history, found["beside"].history) == (timedelta(days=20), None)


def test_a_project_may_have_nothing_but_datasets() -> None:
    project = Project("demo", datasets=[BESIDE])
    assert (project.models, list(declared_in(project))) == ((), ["beside"])


@pytest.mark.parametrize("models", [[], [model("a", "10d")]], ids=["no models", "a model's"])
def test_two_that_differ_do_not_share_a_name(models: list[Model]) -> None:
    other = Dataset("rows", files("others.csv"), key="id", event_time="at")
    with pytest.raises(DeclarationError, match=r"'rows'.*two different datasets|two different datasets are named 'rows'"):
        declared_in(Project("demo", models=models, datasets=[ROWS, other]))


def test_what_is_no_dataset_is_refused() -> None:
    with pytest.raises(DeclarationError, match="'data/rows' among its datasets is none"):
        Project("demo", datasets=["data/rows"])  # type: ignore[list-item]  # what somebody types
