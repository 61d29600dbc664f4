"""Searches through the services: pages, foreign tokens, hostile texts, experiments and logged models, and a search that is stopped."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from flyball.storage.database import Database
from flyball.testing.trackingservices import tracking_in
from flyball.tracking.experiment import ViewType
from flyball.tracking.loggedmodel import LoggedModelStatus
from flyball.tracking.search import Kind, parse_filter, parse_order
from flyball.tracking.search.asking import asking
from flyball.tracking.search.errors import PageTokenForeignError, SearchStoppedError
from flyball.tracking.search.runs import RunQuery, search_runs
from flyball.tracking.search.sql import Sql
from flyball.tracking.trackedrun import Metric
from flyball.tracking.tracking import Tracking
from tests.databases import Databases, opened


@pytest.fixture
def database(databases: Databases, tmp_path: Path) -> Iterator[Database]:
    with opened(databases, tmp_path) as own:
        yield own


@pytest.fixture
def tracking(database: Database) -> Tracking:
    return tracking_in(database)


def _names(tracking: Tracking, asked: str = "", *, order: Sequence[str] = ()) -> list[str]:
    page = tracking.runs.search(["0"], filter=asked, order_by=order)
    return [run.head.name for run in page.items]


@pytest.fixture
def three(tracking: Tracking) -> Tracking:
    for number, (name, loss) in enumerate([("one", 0.5), ("two", math.nan), ("three", 0.1)]):
        run = tracking.runs.create("0", name=name, start_ms=number)
        tracking.runs.log_batch(
            run.head.id, metrics=[Metric(key="loss", value=loss, time_ms=0)], params={"note": f'{name}\'s "x"'}, tags={"t": "v"}
        )
    tracking.runs.create("0", name="none", start_ms=9)
    return tracking


def test_runs_are_found_by_what_was_logged(three: Tracking) -> None:
    assert _names(three, "metrics.loss < 0.3") == ["three"]
    assert _names(three, "metrics.loss != 0.1") == ["two", "one"]
    assert _names(three, "params.note = 'one''s \"x\"'") == ["one"]
    assert _names(three, "params.note LIKE '%''s%' AND attributes.status = 'RUNNING'") == ["three", "two", "one"]
    assert _names(three, "tags.t IS NULL") == ["none"]
    assert _names(three, "tags.mlflow.runName ILIKE 'T%'") == ["three", "two"]
    assert _names(three, "", order=["metrics.loss"]) == ["three", "one", "two", "none"]
    assert _names(three, "", order=["metrics.loss DESC"]) == ["one", "three", "two", "none"]


def test_a_token_continues_its_own_search_only(three: Tracking) -> None:
    first = three.runs.search(["0"], order_by=["metrics.loss"], max_results=3)
    second = three.runs.search(["0"], order_by=["metrics.loss"], max_results=3, token=first.token)
    assert [run.head.name for run in (*first.items, *second.items)] == ["three", "one", "two", "none"]
    assert second.token is None
    with pytest.raises(PageTokenForeignError):
        three.runs.search(["0"], order_by=["metrics.loss DESC"], max_results=3, token=first.token)
    with pytest.raises(PageTokenForeignError):
        three.runs.search(["0", "1"], order_by=["metrics.loss"], max_results=3, token=first.token)


@pytest.mark.parametrize("text", ["'; DROP TABLE tracked_runs; --", "%' OR '1'='1", "*[a", "\\", "?", "%s", "' || (SELECT 1) || '"])
def test_a_hostile_text_is_a_text(three: Tracking, text: str) -> None:
    quoted = "'" + text.replace("'", "''") + "'"
    for clause in ("tags.t = {}", "params.note LIKE {}", "attributes.run_name ILIKE {}", "datasets.name = {}", "run_id IN ({})"):
        assert _names(three, clause.format(quoted)) == []
    run = three.runs.create("0", name="odd", tags={"t": text})
    assert [found.head.id for found in three.runs.search(["0"], filter=f"tags.t = {quoted}").items] == [run.head.id]


def test_experiments_are_listed_a_page_at_a_time(tracking: Tracking) -> None:
    made = [tracking.experiments.create(f"e{number}", tags={"n": str(number % 2)} if number else {}) for number in range(5)]
    tracking.experiments.delete(made[4].id)
    search = tracking.experiments.search
    assert [each.name for each in search(filter="name LIKE 'e%' AND tags.n = '1'", order_by=["name DESC"]).items] == ["e3", "e1"]
    assert [each.name for each in search(filter="tags.n IS NULL").items] == ["e0", "Default"]
    assert [each.name for each in search(view=ViewType.DELETED_ONLY).items] == ["e4"]
    assert [each.name for each in search(filter=f"experiment_id IN ('0', '{made[1].id}')", order_by=["experiment_id"]).items] == [
        "Default",
        "e1",
    ]
    first = search(max_results=3, view=ViewType.ALL, order_by=["name"])
    second = search(max_results=3, view=ViewType.ALL, order_by=["name"], token=first.token)
    assert [each.name for each in (*first.items, *second.items)] == ["Default", "e0", "e1", "e2", "e3", "e4"]
    assert second.token is None


def test_logged_models_are_found_by_their_measurements(tracking: Tracking) -> None:
    run = tracking.runs.create("0").head.id
    models = [
        tracking.models.create("0", name=f"m{number}", params={"p": str(number)}, tags={"odd": str(number % 2)}) for number in range(4)
    ]
    tracking.models.finalize(models[2].id, LoggedModelStatus.READY)
    measured = ((0, 0.5, "d1"), (1, 0.9, "d1"), (2, math.nan, "d2"), (0, 0.7, "d2"))
    for time_ms, (model, value, dataset) in enumerate(measured):
        tracking.runs.log_metric(
            run, Metric(key="auc", value=value, time_ms=time_ms, model=models[model].id, dataset_name=dataset, dataset_digest="1")
        )

    def found(asked: str = "", order: Sequence[Mapping[str, Any]] = (), *, datasets: Sequence[tuple[str, str | None]] = ()) -> list[str]:
        return [each.name for each in tracking.models.search(["0"], filter=asked, order_by=order, datasets=datasets).items]

    by_name: list[dict[str, Any]] = [{"field_name": "name"}]
    assert found("metrics.auc >= 0.6", by_name) == ["m0", "m1"]
    assert found("metrics.auc >= 0.6", by_name, datasets=[("d1", None)]) == ["m1"]
    assert found("", by_name, datasets=[("d2", "1")]) == ["m0", "m2"]
    assert found("params.p IN ('1', '3') AND tags.odd = '1'", by_name) == ["m1", "m3"]
    assert found("status = 'READY'") == ["m2"]
    on_first: list[dict[str, Any]] = [{"field_name": "metrics.auc", "ascending": False, "dataset_name": "d1"}, {"field_name": "name"}]
    assert found("", on_first) == ["m1", "m0", "m2", "m3"]
    assert found("", [{"field_name": "metrics.auc"}, {"field_name": "name"}])[1:] == ["m1", "m2", "m3"]
    first = tracking.models.search(["0"], order_by=on_first, max_results=2)
    second = tracking.models.search(["0"], order_by=on_first, max_results=2, token=first.token)
    assert [each.name for each in (*first.items, *second.items)] == ["m1", "m0", "m2", "m3"]


def test_a_search_is_stopped_between_two_statements(three: Tracking) -> None:
    with pytest.raises(SearchStoppedError):
        three.runs.until(lambda: True).search(["0"])


def test_a_statement_that_runs_for_long_is_stopped(database: Database) -> None:
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > 2

    endless = Sql("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n")
    with pytest.raises(SearchStoppedError), database.read() as connection, asking(connection, stop) as own:
        own.rows(endless)
    with database.read() as connection, asking(connection) as own:
        query = RunQuery(experiments=(0,), clauses=parse_filter("", of=Kind.RUN), order=parse_order((), of=Kind.RUN))
        assert search_runs(own, query) == ((), None)
