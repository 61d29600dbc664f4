"""A project is made of any CSV that could be learnt from, and the sentence says why of one that could not."""

from __future__ import annotations

import ast
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from flyball.core.errors import DurationError, FlyballError
from flyball.data.csvplan import Lengths, plan_lengths, row_keys
from flyball.data.errors import ScaffoldError, SourceEncodingError, SourceUnreadableError, UnknownColumnError
from flyball.data.scaffold import Scaffolded, scaffold

START = datetime(2020, 1, 1, tzinfo=UTC)


def table(rows: int = 1000) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "order": [f"o{n}" for n in range(rows)],
            "when": [f"{START + timedelta(hours=n):%Y-%m-%d %H:%M:%S}" for n in range(rows)],
            "amount": [n * 37 % 101 / 4 for n in range(rows)],
            "shop": ["abc"[n % 3] for n in range(rows)],
            "note": [f"note {n}" for n in range(rows)],
            "constant": [1] * rows,
            "paid": ["yes" if n % 3 else "no" for n in range(rows)],
        }
    )


def written(frame: pl.DataFrame, place: Path) -> Path:
    path = place / "orders 2020.csv"
    frame.write_csv(path)
    return path


def made(frame: pl.DataFrame, place: Path, *, label: str = "paid", time: str = "when", key: str | None = None) -> Scaffolded:
    return scaffold(place / "project", csv=written(frame, place), label=label, time=time, key=key)


def text_of(found: Scaffolded) -> str:
    text = found.project.read_text()
    ast.parse(text)
    return text


def test_the_project_has_rows_without_the_label_and_labels_of_their_own(tmp_path: Path) -> None:
    found = made(table(), tmp_path, key="order")
    assert (found.rows, found.labels) == (1000, 1000)
    rows = pl.read_parquet(tmp_path / "project" / "data" / "rows" / "rows.parquet")
    assert rows.columns == ["order", "when", "amount", "shop", "note", "constant"]
    assert rows["when"].dtype == pl.Datetime("us", "UTC")
    labels = pl.read_parquet(tmp_path / "project" / "data" / "labels" / "labels.parquet")
    assert labels.columns == ["order", "when", "paid"]
    assert labels["paid"].dtype == pl.Boolean
    assert sorted(path.name for path in (tmp_path / "project").iterdir()) == ["data", "project.py"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["orders 2020.csv", "project"]


def test_the_label_is_never_a_feature(tmp_path: Path) -> None:
    found = made(table(), tmp_path, key="order")
    assert found.plan.features == ("amount", "shop")
    assert found.plan.skipped == {"note": "1,000 different texts", "constant": "the same in all rows"}
    text = text_of(found)
    assert 'rows["amount", "shop"],' in text
    assert 'pl.col("paid"), timeout="1d"' in text
    assert 'fb.Project("orders-2020"' in text


@pytest.mark.parametrize(
    ("values", "expression", "metric"),
    [
        (lambda n: n % 2, 'pl.col("y") == 1', "roc_auc"),
        (lambda n: 1 + n % 2, 'pl.col("y") == 2', "roc_auc"),
        (lambda n: n % 7 / 2, 'pl.col("y")', "rmse"),
        (lambda n: ["churn", "stay", "stay"][n % 3], 'pl.col("y") == "churn"', "roc_auc"),
        (lambda n: ["true", "false"][n % 2], 'pl.col("y")', "roc_auc"),
    ],
)
def test_the_label_s_kind_is_seen(values: Callable[[int], object], expression: str, metric: str, tmp_path: Path) -> None:
    found = made(table().with_columns(pl.Series("y", [values(n) for n in range(1000)])), tmp_path, label="y")
    text = text_of(found)
    assert f"label=fb.label(labels, {expression}, timeout=" in text
    assert f'metric="{metric}"' in text
    assert ("fb.at_most" in text) == (metric == "rmse")


def test_rows_without_a_label_stay_rows(tmp_path: Path) -> None:
    frame = table().with_columns(pl.when(pl.int_range(1000) % 5 == 0).then(None).otherwise(pl.col("paid")).alias("paid"))
    found = made(frame, tmp_path)
    assert (found.rows, found.labels) == (1000, 800)


def test_a_key_is_made_of_the_cells_without_the_label(tmp_path: Path) -> None:
    frame = pl.concat([table(500), table(500)]).drop("order")
    found = made(frame, tmp_path)
    assert found.plan.key == "row_id"
    keys = pl.read_parquet(tmp_path / "project" / "data" / "rows" / "rows.parquet")["row_id"]
    assert keys.n_unique() == 1000
    assert keys.to_list() == row_keys(frame.with_columns(pl.col("amount", "constant").cast(pl.String)).drop("paid")).to_list()
    assert row_keys(frame[::-1].drop("paid")).sort().to_list() == row_keys(frame.drop("paid")).sort().to_list()


def test_cells_that_do_not_fit_are_left_for_the_contract(tmp_path: Path) -> None:
    amounts = ["lots" if n == 7 else f"{n}.5" for n in range(1000)]
    made(table().with_columns(pl.Series("amount", amounts)), tmp_path)
    rows = pl.read_parquet(tmp_path / "project" / "data" / "rows" / "rows.parquet")
    assert rows["amount"][7] == "lots"


def test_odd_names_make_valid_python(tmp_path: Path) -> None:
    frame = table().rename({"when": 'the "time"', "amount": "amount\\€", "paid": "was it paid?"})
    found = made(frame, tmp_path, label="was it paid?", time='the "time"')
    text = text_of(found)
    assert not found.plan.calendar
    assert '"amount\\\\€"' in text


def test_the_label_may_come_later(tmp_path: Path) -> None:
    found = scaffold(tmp_path / "p", csv=written(table(), tmp_path), label="paid", time="when", label_after="3d")
    text = text_of(found)
    assert 'known_after="3d"' in text
    assert 'timeout="4d"' in text
    with pytest.raises(DurationError):
        scaffold(tmp_path / "q", csv=tmp_path / "none.csv", label="paid", time="when", label_after="later")


def test_an_empty_directory_is_filled_and_another_is_not(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    made(table(), tmp_path)
    with pytest.raises(ScaffoldError, match="not empty"):
        made(table(), tmp_path)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda frame: frame.with_columns(paid=pl.lit("yes")), "the one value"),
        (lambda frame: frame.with_columns(paid=pl.lit(None)), "no value"),
        (lambda frame: frame.with_columns(paid=pl.col("note")), "1,000 different texts"),
        (lambda frame: frame.with_columns(paid=pl.col("when")), "of type Datetime"),
        (lambda frame: frame.with_columns(when=pl.col("note")), "for example 'note 0'"),
        (lambda frame: frame.with_columns(when=pl.lit("2020-01-01")), "span"),
        (lambda frame: frame.head(200), "200 rows"),
        (lambda frame: frame.with_columns(paid=pl.int_range(1000) > 980), "only one outcome"),
    ],
)
def test_what_cannot_be_learnt_is_said(change: Callable[[pl.DataFrame], pl.DataFrame], why: str, tmp_path: Path) -> None:
    with pytest.raises(ScaffoldError, match=why):
        made(change(table()), tmp_path)
    assert not (tmp_path / "project").exists()


def test_misspelt_columns_are_named(tmp_path: Path) -> None:
    for given in ({"label": "payed"}, {"time": "wen"}, {"key": "ordr"}):
        with pytest.raises(UnknownColumnError, match="Did you mean"):
            made(table(), tmp_path, **given)


@pytest.mark.parametrize("key", ["shop", "paid", "when"])
def test_a_key_names_one_row(key: str, tmp_path: Path) -> None:
    with pytest.raises(ScaffoldError):
        made(table(), tmp_path, key=key)


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    for content, error in ((b"", FlyballError), (b"\xff\xfea", SourceEncodingError), (b"a,b\n1,2,3\n", SourceUnreadableError)):
        path.write_bytes(content)
        with pytest.raises(error):
            scaffold(tmp_path / "p", csv=path, label="a", time="b")
    with pytest.raises(ScaffoldError, match="does not exist"):
        scaffold(tmp_path / "p", csv=tmp_path / "none.csv", label="a", time="b")


@pytest.mark.parametrize(
    ("days", "delay", "expected"),
    [
        (365, 0, Lengths("146d", "14d", "7d", "14d", "1d", "1 per 91d", "73d")),
        (365, 30, Lengths("146d", "44d", "7d", "14d", "1d", "1 per 91d", "73d")),
        (30, 0, Lengths("12d", "2d9h", "1d12h", "3d", "5h", "1 per 19d", "6d")),
    ],
)
def test_lengths_follow_the_span(days: int, delay: int, expected: Lengths) -> None:
    times = pl.Series([START + timedelta(days=days) * (n / 999) for n in range(1000)])
    found = plan_lengths(times, pl.Series([n % 2 for n in range(1000)]), delay=timedelta(days=delay))
    assert found == expected


def test_a_time_column_named_like_the_module_does_not_hide_it(tmp_path: Path) -> None:
    found = made(table().rename({"when": "pl"}), tmp_path, time="pl")
    assert found.plan.calendar == ()
    assert "on_demand" not in text_of(found)


def test_a_decimal_comma_is_read_where_semicolons_part_the_cells(tmp_path: Path) -> None:
    frame = table().with_columns(pl.col("amount").cast(pl.String).str.replace(".", ",", literal=True))
    path = tmp_path / "semicolons.csv"
    frame.write_csv(path, separator=";")
    found = scaffold(tmp_path / "project", csv=path, label="paid", time="when")
    assert "amount" in found.plan.features
    rows = pl.read_parquet(tmp_path / "project" / "data" / "rows" / "rows.parquet")
    assert rows["amount"].to_list() == table()["amount"].to_list()
