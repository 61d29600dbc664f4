"""The fast way and the slow way to read a request say the same."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from flyball.api.mlflow.forms import LogBatch, SearchLoggedModels, SearchRuns
from flyball.api.mlflow.reading import Reader
from flyball.core.errors import InvalidError

PASSED_OVER = {"passed over": "\U0001f600"}  # as JSON in ASCII it sends the reader the slow way

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5)
anything: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.floats() | texts | st.lists(st.integers() | texts, max_size=2) | st.just({})
)
numbers = st.integers() | st.floats() | st.sampled_from(["1", "NaN", "-Infinity", "x", "1.5", ""])
keys = texts | anything
metrics = st.fixed_dictionaries(
    {},
    optional={
        "key": texts | anything,
        "value": numbers | anything,
        "timestamp": numbers,
        "step": numbers,
        "model_id": texts,
        "x": anything,
    },
)
pairs = st.fixed_dictionaries({}, optional={"key": keys, "value": texts | anything})
batches = st.fixed_dictionaries(
    {}, optional={"run_id": texts | anything, "metrics": st.lists(metrics, max_size=3) | anything, "params": st.lists(pairs) | anything}
)
orders = st.lists(texts | anything)
searches = st.fixed_dictionaries(
    {},
    optional={
        "experiment_ids": st.lists(texts) | anything, "max_results": numbers, "run_view_type": anything, "order_by": orders,
        "filter": texts, "datasets": st.lists(anything), "page_token": anything,
    },
)  # fmt: skip


def outcome(reader: Reader[Any], body: dict[str, Any]) -> str:
    """What came of it, NaN being equal to NaN."""
    try:
        return repr(reader.body(json.dumps(body).encode()))
    except InvalidError as error:
        return f"{type(error).__name__}: {error}"


@given(batches)
def test_batches_are_read_alike(body: dict[str, Any]) -> None:
    reader = Reader(LogBatch)
    assert outcome(reader, body) == outcome(reader, {**body, **PASSED_OVER})


@given(searches)
def test_searches_are_read_alike(body: dict[str, Any]) -> None:
    for reader in (Reader(SearchRuns), Reader(SearchLoggedModels)):
        assert outcome(reader, body) == outcome(reader, {**body, **PASSED_OVER})
