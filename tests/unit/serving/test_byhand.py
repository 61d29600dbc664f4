"""Versions by hand: how they are named, and what a request without a signature must be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flyball.core.ids import Digest
from flyball.runtimes import Description
from flyball.serving.byhand import (
    EndpointTakenError,
    FoundVersion,
    ModelReference,
    ModelReferenceError,
    ProjectVersionError,
    endpoint_of,
    packed_of,
    serving_plan,
)
from flyball.serving.errors import FieldError, ModelFailedError, RequestShapeError
from flyball.serving.openform import OpenForm
from flyball.serving.outcome import outcome_of
from flyball.serving.plan import InputColumn, ServingPlan, VersionPlan
from flyball.storage._localblobs import LocalBlobs


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("models:/churn/3", ModelReference("churn", 3)),
        ("models:/churn (north)/12", ModelReference("churn (north)", 12)),
        ("models:/churn@best", ModelReference("churn", alias="best")),
        ("models:/churn/latest", ModelReference("churn")),
        ("models:/churn/Latest", ModelReference("churn")),
    ],
)
def test_a_reference_names_a_version(text: str, reference: ModelReference) -> None:
    assert ModelReference.parse(text) == reference
    assert str(reference).lower() == text.lower()


@pytest.mark.parametrize(
    "text",
    [
        "churn/1",
        "models:/churn",
        "models:/churn/",
        "models:/churn/1/2",
        "models:/churn/one",
        "models:/churn/-1",
        "models://churn/1",
        "models:/a@b@c",
    ],
)
def test_what_names_no_version_is_refused(text: str) -> None:
    with pytest.raises(ModelReferenceError, match="Write models:/NAME/VERSION"):
        ModelReference.parse(text)


def test_a_version_that_a_project_trained_is_served_by_its_project(tmp_path: Path) -> None:
    found = FoundVersion(name="late", number=3, files=[])
    with pytest.raises(ProjectVersionError, match=r"Version 3 of 'late' was trained by a project .* `flyball up PROJECT.py` serves it"):
        packed_of(found, LocalBlobs(tmp_path))


def test_two_models_at_one_endpoint_are_refused() -> None:
    version = VersionPlan(number=1, model_digest=Digest("0" * 64), task="values")
    assert [found.endpoint for found in serving_plan({"a b": version, "c": version}).endpoints] == ["a-b", "c"]
    with pytest.raises(EndpointTakenError):
        serving_plan({"a b": version, "a-b": version})
    assert endpoint_of("../..") == "model"


def test_a_plan_without_a_project_survives_its_file() -> None:
    version = VersionPlan(number=1, model_digest=Digest("0" * 64), task="values", inputs=(InputColumn("x", "Float64", False),))
    plan = serving_plan({"a": version})
    assert ServingPlan.decode(plan.encode()) == plan
    assert not version.trusted


def body(*rows: Any) -> bytes:
    return json.dumps({"rows": rows}).encode()


def test_the_form_of_a_request_is_what_its_rows_have() -> None:
    form = OpenForm()
    found = form.find(body({"n": 1, "t": "a", "b": True, "z": None}, {"n": 2.5, "t": None, "b": False, "z": None}))
    assert found.columns == {"n": "Float64", "t": "String", "b": "Boolean", "z": "Float64"}
    assert form.find(body({"n": 3, "t": "b", "b": True, "z": 1})) is found


def test_a_model_s_own_names_are_asked_for() -> None:
    form = OpenForm(["x", "y"])
    with pytest.raises(FieldError, match="Did you mean 'y'"):
        form.find(body({"x": 1, "yy": 2})).decode(body({"x": 1, "yy": 2}))


@pytest.mark.parametrize("data", [b"[]", b'{"rows": 1}', b'{"rows": []}', b'{"rows": [1]}'])
def test_what_is_no_request_is_said_by_the_form_that_is_found(data: bytes) -> None:
    with pytest.raises(RequestShapeError):
        OpenForm().find(data).decode(data)


CLASSES = Description(task="classes", classes=("no", "yes"))


def test_two_classes_are_scored_by_the_second() -> None:
    found = outcome_of(np.array([[1.0, 0.2, 0.8], [0.0, 0.9, 0.1]]), 2, task="values", description=CLASSES)
    assert (found.task, found.scores, found.predictions) == ("binary", [0.8, 0.1], ["yes", "no"])
    assert not found.probabilities


def test_classes_without_probabilities_have_no_score() -> None:
    found = outcome_of(np.array([[1.0, np.nan, np.nan]]), 1, task="values", description=CLASSES)
    assert (found.task, found.scores, found.predictions) == ("classes", [None], ["yes"])


def test_values_are_what_the_function_said() -> None:
    described = Description(task="values")
    numbers = outcome_of(np.array([1, 2.5], dtype=object), 2, task="values", description=described)
    assert (numbers.scores, numbers.predictions) == ([1.0, 2.5], [1, 2.5])
    words = outcome_of(np.array(["a", "b"], dtype=object), 2, task="values", description=described)
    assert (words.scores, words.predictions, words.answers) == ([None, None], ["a", "b"], {"prediction": ["a", "b"]})


@pytest.mark.parametrize(
    "said",
    [
        np.array([[2.0, 0.5, 0.5]]),
        np.array([[0.0, 0.5]]),
        np.array([0.0]),
        np.zeros((2, 3)),
        np.array([[-1.0, 0.5, 0.5]]),
        np.array(["a", "b"], object),
    ],
    ids=["beyond", "narrow", "flat", "rows", "before", "values"],
)
def test_an_answer_of_another_shape_is_none(said: Any) -> None:
    with pytest.raises(ModelFailedError):
        outcome_of(said, 1, task="values", description=CLASSES if said.dtype != object else Description(task="values"))
