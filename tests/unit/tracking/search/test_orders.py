"""What is an order, and what decides between equals."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from flyball.core.errors import InvalidError
from flyball.tracking.search import Entity, Field, Kind, Order, model_order, parse_order
from flyball.tracking.search.errors import EntityTypeError, FilterTooLargeError, OrderClauseError, OrderFieldError, OrderTwiceError


def _told(clauses: Sequence[str], of: Kind) -> list[str]:
    return [f"{order.field.entity}.{order.field.key} {'asc' if order.ascending else 'desc'}" for order in parse_order(clauses, of=of)]


@pytest.mark.parametrize(
    ("clauses", "of", "told"),
    [
        ([], Kind.RUN, ["attribute.start_time desc", "attribute.run_id asc"]),
        (["metrics.`a b` DESC"], Kind.RUN, ["metric.a b desc", "attribute.start_time desc", "attribute.run_id asc"]),
        (["created", "params.x"], Kind.RUN, ["attribute.start_time asc", "parameter.x asc", "attribute.run_id asc"]),
        (["attribute.run_id Desc"], Kind.RUN, ["attribute.run_id desc", "attribute.start_time desc"]),
        ([], Kind.EXPERIMENT, ["attribute.creation_time desc", "attribute.experiment_id asc"]),
        (["name"], Kind.EXPERIMENT, ["attribute.name asc", "attribute.experiment_id desc"]),
        ([], Kind.LOGGED_MODEL, ["attribute.creation_timestamp desc", "attribute.model_id asc"]),
        (["timestamp DESC"], Kind.REGISTERED_MODEL, ["attribute.last_updated_timestamp desc", "attribute.name asc"]),
        ([], Kind.MODEL_VERSION, ["attribute.last_updated_timestamp desc", "attribute.name asc", "attribute.version_number desc"]),
        (["version_number"], Kind.MODEL_VERSION, ["attribute.version_number asc", "attribute.name asc"]),
    ],
)
def test_every_row_gets_one_place(clauses: list[str], of: Kind, told: list[str]) -> None:
    assert _told(clauses, of) == told


@pytest.mark.parametrize(
    ("clauses", "error", "said"),
    [
        (["metrics.a FOO"], OrderClauseError, "Invalid order_by clause 'metrics.a FOO'. Could not be parsed."),
        (["metrics.a DESC ASC"], OrderClauseError, "Could not be parsed"),
        ([""], OrderClauseError, "Invalid order_by clause"),
        (["metrics.a; DROP TABLE runs"], OrderClauseError, "Could not be parsed"),
        (["foo"], OrderFieldError, "Invalid order by key 'foo' specified"),
        (["datasets.name"], OrderFieldError, "datasets.name"),
        (["foo.bar"], EntityTypeError, "Invalid entity type 'foo'"),
        (["start_time", "created DESC"], OrderTwiceError, "`order_by` contains duplicate fields"),
        (["metrics.a"] * 30, FilterTooLargeError, "30 orders"),
    ],
)
def test_users_are_told_what_is_no_order(clauses: list[str], error: type[InvalidError], said: str) -> None:
    with pytest.raises(error) as raised:
        parse_order(clauses, of=Kind.RUN)
    assert said in str(raised.value)


def test_the_order_of_logged_models_comes_in_parts() -> None:
    found = model_order({"field_name": "metrics.a.b", "ascending": False, "dataset_name": "d", "dataset_digest": "1"})
    assert found == Order(Field(Entity.METRIC, "a.b"), ascending=False, dataset="d", digest="1")
    assert model_order({"field_name": "creation_time"}) == Order(Field(Entity.ATTRIBUTE, "creation_timestamp"))
    with pytest.raises(OrderFieldError, match=r"params\.x"):
        model_order({"field_name": "params.x"})
    with pytest.raises(OrderClauseError):
        model_order({"field_name": "metrics.a", "dataset_digest": "1"})
    with pytest.raises(OrderClauseError):
        model_order({"field_name": 3})
