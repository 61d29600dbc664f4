"""A table of runs as its address has it, and its rows, curves and axes: pure functions."""

from __future__ import annotations

import math
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyball.console.curves import MOST_AXES, Line, axes_of, curve_options, parallel_options
from flyball.console.palette import DARK, LIGHT
from flyball.console.records import Head, Latest, Logged, Pair, Run, plain, time_of
from flyball.console.runsview import Keys, RunsView, order_clause, row
from flyball.tracking.search import Kind, parse_order

TEXTS = st.text(max_size=20)
COLUMNS = st.one_of(st.sampled_from(["name", "status"]), TEXTS.map("metrics.{}".format), TEXTS.map("params.{}".format))


def run(name: str, *, params: dict[str, str] | None = None, metrics: dict[str, float | str] | None = None) -> Run:
    logged = Logged(
        metrics=tuple(Latest(key, value) for key, value in (metrics or {}).items()),
        params=tuple(Pair(key, value) for key, value in (params or {}).items()),
        tags=(Pair("mlflow.source", "x"), Pair("team", "ads")),
    )
    return Run(Head(name, "1", run_name=name, status="FINISHED", start_time=0, end_time=61_000), logged)


@given(
    st.builds(
        RunsView,
        experiments=st.lists(st.text("0123456789", min_size=1, max_size=4), unique=True).map(tuple),
        filter=TEXTS,
        order=st.lists(st.tuples(COLUMNS, st.sampled_from(["asc", "desc"])), max_size=3).map(tuple),
        columns=st.none() | st.lists(COLUMNS, unique=True, max_size=3).map(tuple),
        deleted=st.booleans(),
        chosen=st.lists(st.text("abcdef", min_size=1), unique=True, max_size=3).map(tuple),
    )
)
def test_an_address_leads_back_to_the_same_table(view: RunsView) -> None:
    assert RunsView.of(parse_qsl(view.address().partition("?")[2], keep_blank_values=True)) == view


def test_an_address_that_means_nothing_is_the_plain_table() -> None:
    assert RunsView.of([("order", "x:y"), ("column", "what"), ("experiment", ""), ("page", "2")]) == RunsView(columns=())
    assert RunsView().address() == "/runs"


@pytest.mark.parametrize("key", ["auc", "a b", "a.b", "a`b", 'a"b', "a/b-c"])
def test_any_name_of_a_metric_can_be_ordered_by(key: str) -> None:
    clause = order_clause(f"metrics.{key}", "desc")
    assert clause is not None
    assert parse_order([clause], of=Kind.RUN)


def test_a_row_has_a_text_for_each_column() -> None:
    made = row(
        run("a", params={"lr": "0.1"}, metrics={"auc": "NaN"}), ["metrics.auc", "params.lr", "params.none"], experiments={"1": "late"}
    )
    assert made["v"] == {
        "name": "a", "status": "Finished", "started": "1 Jan 1970, 00:00", "duration": "1 min 1 s", "experiment": "late", "user": "",
        "metrics.auc": "NaN", "params.lr": "0.1", "params.none": "",
    }  # fmt: skip


def test_keys_are_those_of_all_runs_without_mlflows_own_tags() -> None:
    keys = Keys.of([run("a", params={"lr": "1"}), run("b", metrics={"auc": 1.0})])
    assert keys.columns == {"metrics": ("metrics.auc",), "params": ("params.lr",), "tags": ("tags.team",)}
    assert keys.first() == ("metrics.auc", "params.lr")


def test_curves_leave_gaps_where_there_is_no_number_and_escape_names() -> None:
    options = curve_options([Line("<b>", 9, [(0, 0, 1.0), (1, 0, math.nan), (2, 0, math.inf)])], LIGHT, dark=False)
    assert options["series"][0]["data"] == [[0, 1.0], [1, None], [2, None]]
    assert options["series"][0]["name"] == "&lt;b&gt;"


def test_axes_are_what_differs_numbers_as_numbers() -> None:
    runs = [
        run("a", params={"lr": "0.1", "m": "x", "same": "1"}, metrics={"auc": 0.7}),
        run("b", params={"lr": "1e-3", "m": "2", "same": "1"}),
    ]
    axes = axes_of(runs)
    assert [(axis.name, axis.values) for axis in axes] == [("lr", (0.1, 0.001)), ("m", ("x", "2")), ("auc", (0.7, None))]
    options = parallel_options(runs, axes, colours=DARK, dark=True)
    assert [axis["type"] for axis in options["parallelAxis"]] == ["value", "category", "value"]
    assert options["series"][1]["data"] == [[0.001, "2", "-"]]
    many = [run(name, params={f"p{place}": name for place in range(30)}) for name in "ab"]
    assert len(parallel_options(many, axes_of(many), colours=LIGHT, dark=False)["parallelAxis"]) == MOST_AXES


def test_figures_that_json_has_no_word_for_are_told() -> None:
    assert [plain(Latest("a", value).number) for value in ("NaN", "Infinity", "-Infinity", 0.5)] == ["NaN", "∞", "\N{MINUS SIGN}∞", "0.5"]
    assert time_of(10**18).year == 1970
