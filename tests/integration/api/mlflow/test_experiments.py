"""Experiments by raw HTTP."""

from __future__ import annotations

import pytest

from tests.asking import Door


def test_an_experiment_lives(door: Door) -> None:
    name = door.fresh("named")
    made = door.say("POST experiments/create", {"name": name, "tags": [{"key": "x", "value": "y"}], "whatever": 3})["experiment_id"]
    found = door.say("GET experiments/get", experiment_id=made)["experiment"]
    assert found == door.say("GET experiments/get-by-name", experiment_name=name)["experiment"]
    assert (found["experiment_id"], found["name"], found["lifecycle_stage"]) == (made, name, "active")
    assert found["tags"] == [{"key": "x", "value": "y"}]
    assert found["artifact_location"] == f"mlflow-artifacts:/{made}"
    assert isinstance(found["creation_time"], int)
    assert door.say("POST experiments/set-experiment-tag", {"experiment_id": made, "key": "k"}) == {}
    assert door.say("POST experiments/delete-experiment-tag", {"experiment_id": made, "key": "x"}) == {}
    assert door.say("POST experiments/update", {"experiment_id": made, "new_name": name + "!"}) == {}
    found = door.say("GET experiments/get", experiment_id=made)["experiment"]
    assert (found["name"], found["tags"]) == (name + "!", [{"key": "k", "value": ""}])
    assert door.say("POST experiments/delete", {"experiment_id": made}) == {}
    assert door.say("GET experiments/get", experiment_id=made)["experiment"]["lifecycle_stage"] == "deleted"
    door.refuse("POST experiments/delete", {"experiment_id": made}, status=404, code="RESOURCE_DOES_NOT_EXIST")
    assert door.say("POST experiments/restore", {"experiment_id": made}) == {}
    door.refuse("POST experiments/restore", {"experiment_id": made}, status=404, code="RESOURCE_DOES_NOT_EXIST")


def test_what_an_experiment_must_be(door: Door) -> None:
    name = door.fresh("taken")
    one = door.say("POST experiments/create", {"name": name})["experiment_id"]
    assert "already exists" in door.refuse("POST experiments/create", {"name": name}, code="RESOURCE_ALREADY_EXISTS")
    assert "already exists" in door.refuse(
        "POST experiments/update", {"experiment_id": one, "new_name": "Default"}, code="RESOURCE_ALREADY_EXISTS"
    )
    for given, said in (
        ({}, "'name'"), ({"name": ""}, "'name'"), ({"name": 3}, "'name'"), ({"name": "c", "tags": 3}, "'tags'"),
        ({"name": "c", "tags": [{"value": "1"}]}, "'tags[0].key'"), ({"name": "x" * 501}, "500"),
        ({"name": "c", "artifact_location": "mlflow-artifacts:/elsewhere"}, "'artifact_location'"),
    ):  # fmt: skip
        assert said in door.refuse("POST experiments/create", given)
    assert "'new_name'" in door.refuse("POST experiments/update", {"experiment_id": one, "new_name": ""})
    assert "abc" in door.refuse("GET experiments/get", experiment_id="abc")
    assert "'experiment_id'" in door.refuse("GET experiments/get")
    door.refuse("GET experiments/get", experiment_id="999999", status=404, code="RESOURCE_DOES_NOT_EXIST")
    door.refuse("GET experiments/get-by-name", experiment_name="nobody's", status=404, code="RESOURCE_DOES_NOT_EXIST")


def test_experiments_are_found(door: Door) -> None:
    stem = door.fresh("found")
    made = [door.say("POST experiments/create", {"name": f"{stem}-{number}"})["experiment_id"] for number in range(5)]
    door.say("POST experiments/delete", {"experiment_id": made[4]})
    asked = {"filter": f"name LIKE '{stem}-%'", "order_by": ["name ASC"], "max_results": "2"}
    found, token = [], ""
    while True:
        page = door.say("POST experiments/search", {**asked, "page_token": token})
        found += [each["experiment_id"] for each in page["experiments"]]
        token = page.get("next_page_token")
        if token is None:
            break
    assert found == made[:4]
    for view, wanted in (("DELETED_ONLY", made[4:]), (2, made[4:]), ("ALL", made), ("3", made), ("ACTIVE_ONLY", made[:4])):
        page = door.say("POST experiments/search", {**asked, "max_results": 100, "view_type": view})
        assert [each["experiment_id"] for each in page["experiments"]] == wanted
    page = door.say("GET experiments/search", **{**asked, "view_type": "ALL", "max_results": 100})
    assert [each["experiment_id"] for each in page["experiments"]] == made


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"max_results": 0}, "'max_results'"), ({"max_results": -1}, "'max_results'"), ({"max_results": 50_001}, "'max_results'"),
        ({"max_results": "x"}, "'max_results'"), ({"view_type": 7}, "'view_type'"), ({"view_type": "X"}, "'view_type'"),
        ({"order_by": "name"}, "'order_by'"), ({"order_by": ["nonsense"]}, "nonsense"), ({"filter": "nonsense"}, "nonsense"),
        ({"filter": 5}, "'filter'"), ({"page_token": "zzz"}, "token"),
    ],
    ids=range(11),
)  # fmt: skip
def test_a_search_that_cannot_be_read_is_refused(door: Door, given: dict[str, object], said: str) -> None:
    assert said in door.refuse("POST experiments/search", given)
