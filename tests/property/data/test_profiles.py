"""Profiles of rows: the same however the rows were cut, and merged parts are the whole within the stated bounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyball.core.canonical import canonical
from flyball.data.profiles import Sketcher, compare

SCHEMA: dict[str, pl.DataType] = {
    "number": pl.Float64(), "whole": pl.Int64(), "text": pl.String(), "flag": pl.Boolean(),
    "time": pl.Datetime("us", "UTC"), "day": pl.Date(),
}  # fmt: skip
rows = st.lists(
    st.tuples(
        st.none() | st.floats(width=64),
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
        st.none() | st.booleans(),
        st.none() | st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  the zone is beside it
        st.none() | st.dates(date(1900, 1, 1), date(2200, 1, 1)),
    ),
    max_size=40,
)


def frame(cells: Sequence[Sequence[Any]]) -> pl.DataFrame:
    return pl.DataFrame(list(cells), schema=SCHEMA, orient="row")


def sketched(*frames: pl.DataFrame) -> Sketcher:
    sketcher = Sketcher(frames[0].schema)
    for one in frames:
        sketcher.add(one)
    return sketcher


def means(facts: Mapping[str, Any]) -> list[float]:
    """What merging rounds another way."""
    inner = means(facts["lengths"]) if "lengths" in facts else []
    return [*inner, facts["mean"]] if isinstance(facts.get("mean"), float) else inner


def rounded(facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """All that merging keeps to the bit; examples are of the first rows of a part."""
    return {
        name: rounded(value) if name == "lengths" else value
        for name, value in facts.items()
        if name not in {"mean", "deviation", "examples"}
    }


@settings(deadline=None)
@given(rows, rows, rows)
def test_few_rows_have_the_exact_profile_however_they_are_cut_and_merged(a: list[Any], b: list[Any], c: list[Any]) -> None:
    whole = sketched(frame([*a, *b, *c]))
    cut = sketched(frame(a), frame(b), frame(c))
    assert cut.encode() == whole.encode()
    merged = Sketcher.decode(sketched(frame(a)).encode())
    merged.merge(Sketcher.decode(sketched(frame(b)).encode()))
    merged.merge(sketched(frame(c)))
    found, exact = merged.summary(), whole.summary()
    for name in SCHEMA:
        assert means(found["columns"][name]) == pytest.approx(means(exact["columns"][name]), rel=1e-6, abs=1e-6)
        assert rounded(found["columns"][name]) == rounded(exact["columns"][name])
    canonical(found)


@settings(deadline=None)
@given(rows)
def test_facts_are_those_that_polars_counts(cells: list[Any]) -> None:
    table = frame(cells)
    found = sketched(table).summary()
    assert found["rows"] == len(cells)
    for name, facts in found["columns"].items():
        present = table[name].drop_nulls()
        assert facts["nulls"] == table[name].null_count()
        if name == "number":
            assert facts.get("nan", 0) == int(present.is_nan().sum())
            assert facts.get("infinite", [0, 0]) == [int((present == -np.inf).sum()), int((present == np.inf).sum())]
            present = present.filter(present.is_finite())
        assert facts["distinct"] == present.n_unique()
        assert sum(count for _, count in facts.get("top", ())) <= len(present)
        if len(present) and name in {"number", "whole", "time", "day"}:
            assert (facts["minimum"], facts["maximum"]) == (present.min(), present.max())
            assert sum(facts["histogram"]["rows"]) == len(present)
        assert facts["approximate"] == []


@settings(deadline=None)
@given(rows)
def test_equal_rows_differ_in_nothing(cells: list[Any]) -> None:
    found = compare(sketched(frame(cells)), sketched(frame(cells)))
    assert [column.change for column in found.columns] == ["same"] * len(SCHEMA)
    assert not any(column.notable or column.psi or column.wasserstein for column in found.columns)
    canonical(found.as_json())


def large(seed: int, height: int) -> pl.DataFrame:
    draw = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "number": np.where(draw.random(height) < 0.01, np.nan, draw.normal(size=height)),
            "whole": draw.integers(0, 10**6, height),
            "text": pl.Series(draw.zipf(1.3, height) % 100_000).cast(pl.String),
            "flag": draw.random(height) < 0.25,
            "time": pl.Series(draw.integers(0, 10**6, height)).cast(pl.Datetime("ms")).cast(pl.Datetime("us", "UTC")),
            "day": pl.Series(draw.integers(0, 10_000, height)).cast(pl.Int32).cast(pl.Date),
        }
    )


@pytest.mark.parametrize("size", [1_000, 65_536, 99_991])
def test_the_bytes_do_not_depend_on_the_chunks(size: int) -> None:
    table = large(0, 200_000)
    whole = sketched(table).encode()
    assert sketched(*[table.slice(start, size) for start in range(0, table.height, size)]).encode() == whole
    assert Sketcher.decode(whole).encode() == whole


def test_merged_versions_are_the_whole_within_the_bounds_that_are_stated() -> None:
    parts = [large(seed, 60_000 + seed) for seed in range(5)]
    table, merged = pl.concat(parts), Sketcher(parts[0].schema)
    for part in parts:
        merged.merge(Sketcher.decode(sketched(part).encode()))
    found = merged.summary()["columns"]
    for name in ("number", "whole", "time"):
        ordered = table[name].drop_nulls() if name != "number" else table[name].drop_nans()
        for share, value in found[name]["quantiles"].items():
            below, upto = (ordered < value).sum() / len(ordered), (ordered <= value).sum() / len(ordered)
            assert below - found[name]["rank_error"] - 1e-4 <= float(share) <= upto + found[name]["rank_error"] + 1e-4
        assert found[name]["rank_error"] < 0.01
    for name in ("whole", "text", "time"):
        assert found[name]["distinct"] == pytest.approx(table[name].n_unique(), rel=0.1)
    counts = dict(table["text"].value_counts().rows())
    assert found["text"]["top"][0][0] == max(counts, key=lambda text: counts[text])
    assert all(count <= counts[text] <= count + found["text"]["top_error"] for text, count in found["text"]["top"])
    assert found["flag"]["top"] == [[False, int((~table["flag"]).sum())], [True, int(table["flag"].sum())]]
    assert found["number"]["nan"] == int(table["number"].is_nan().sum())
    assert found["number"]["mean"] == pytest.approx(table["number"].drop_nans().mean())
    assert found["number"]["deviation"] == pytest.approx(table["number"].drop_nans().std())
    mean = table["time"].mean()
    assert isinstance(mean, datetime)
    assert abs(found["time"]["mean"] - mean) < timedelta(milliseconds=1)
