"""A sketcher takes whatever columns there are: empty, wide, huge, odd; and refuses what it cannot read."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from flyball.core.canonical import canonical
from flyball.data.model import ARRIVAL, EVENT_TIME, KNOWN_TIME
from flyball.data.profiles import KindsDifferError, ProfileDamagedError, Sketcher


def sketched(frame: pl.DataFrame) -> Sketcher:
    sketcher = Sketcher(frame.schema)
    sketcher.add(frame)
    return sketcher


def test_no_rows_have_a_profile_too() -> None:
    found = Sketcher({"a": pl.Float64(), "b": pl.String()}).summary()
    assert found["rows"] == 0
    assert found["columns"]["a"] == {
        "type": "Float64", "kind": "number", "rows": 0, "nulls": 0, "approximate": [], "distinct": 0, "examples": [],
    }  # fmt: skip
    assert Sketcher({}).summary() == {"rows": 0, "times": {}, "columns": {}}
    empty = sketched(pl.DataFrame(schema={"a": pl.Int64, "t": pl.Datetime("us", "UTC")}))
    assert Sketcher.decode(empty.encode()).summary() == empty.summary()


def test_one_row_is_exact() -> None:
    facts = sketched(pl.DataFrame({"a": [2.5]})).summary()["columns"]["a"]
    assert (facts["minimum"], facts["maximum"], facts["mean"], facts["deviation"]) == (2.5, 2.5, 2.5, None)
    assert set(facts["quantiles"].values()) == {2.5}
    assert facts["histogram"] == {"edges": [2.5], "rows": [1]}
    assert facts["top"] == [[2.5, 1]]


def test_what_is_no_number_is_counted_apart() -> None:
    facts = sketched(pl.DataFrame({"a": [1.0, math.nan, math.inf, -math.inf, None, 3.0]})).summary()["columns"]["a"]
    assert (facts["rows"], facts["nulls"], facts["nan"], facts["infinite"], facts["distinct"]) == (6, 1, 1, [1, 1], 2)
    assert (facts["minimum"], facts["maximum"], facts["mean"]) == (1.0, 3.0, 2.0)
    alone = sketched(pl.DataFrame({"a": [math.nan, math.inf]})).summary()
    assert alone["columns"]["a"]["nan"] == 1
    assert "mean" not in alone["columns"]["a"]
    canonical(alone)


def test_system_columns_are_passed_over_but_the_two_times() -> None:
    time = datetime(2020, 1, 1, tzinfo=UTC)
    frame = pl.DataFrame({"a": [1, 2], EVENT_TIME: [time, time + timedelta(days=1)], KNOWN_TIME: [time, time], ARRIVAL: [0, 1]})
    found = sketched(frame).summary()
    assert list(found["columns"]) == ["a"]
    assert found["times"] == {
        EVENT_TIME: {"minimum": time, "maximum": time + timedelta(days=1)},
        KNOWN_TIME: {"minimum": time, "maximum": time},
    }


def test_integers_that_no_double_holds_are_exact_where_they_are_told() -> None:
    facts = sketched(pl.DataFrame({"a": [2**63 - 1, 2**63 - 2, -(2**63)]})).summary()["columns"]["a"]
    assert (facts["minimum"], facts["maximum"], facts["distinct"]) == (-(2**63), 2**63 - 1, 3)


def test_huge_texts_are_cut_and_told_apart_by_their_length() -> None:
    texts = ["x" * 5_000_000, "x" * 5_000_001, "short", None]
    sketcher = sketched(pl.DataFrame({"a": texts}))
    facts = sketcher.summary()["columns"]["a"]
    assert (facts["distinct"], facts["nulls"]) == (3, 1)
    assert (facts["lengths"]["minimum"], facts["lengths"]["maximum"]) == (5, 5_000_001)
    assert facts["examples"][0] == "x" * 200 + "… (5000000 characters)"
    assert len(sketcher.encode()) < 10_000


@pytest.mark.parametrize(
    ("values", "kind", "distinct"),
    [
        (pl.Series(["a", "b", "a"], dtype=pl.Categorical), "text", 2),
        (pl.Series(["a", "b", "a"], dtype=pl.Enum(["a", "b"])), "text", 2),
        (pl.Series([1, 2, 2], dtype=pl.UInt64), "number", 2),
        (pl.Series([1, 2, 2], dtype=pl.Int8), "number", 2),
        (pl.Series([1.5, 2.5, 2.5], dtype=pl.Float32), "number", 2),
        (pl.Series(["1.50", "2.5", "2.5"]).cast(pl.Decimal(10, 2)), "number", 2),
        (pl.Series([timedelta(seconds=1), timedelta(seconds=2), timedelta(seconds=2)]), "number", 2),
        (pl.Series([datetime(2020, 1, 1), datetime(2021, 1, 1)]).cast(pl.Datetime("ns")), "time", 2),  # noqa: DTZ001  a naive column
        (pl.Series([None, None]), "other", None),
        (pl.Series([[1], [2, 3]]), "other", None),
        (pl.Series([{"a": 1}]), "other", None),
        (pl.Series([b"1"]), "other", None),
    ],
    ids=["categorical", "enum", "uint64", "int8", "float32", "decimal", "duration", "nanoseconds", "null", "list", "struct", "binary"],
)
def test_every_type_has_a_profile(values: pl.Series, kind: str, distinct: int | None) -> None:
    sketcher = sketched(values.alias("a").to_frame())
    facts = sketcher.summary()["columns"]["a"]
    assert (facts["kind"], facts.get("distinct"), facts["rows"]) == (kind, distinct, len(values))
    canonical(sketcher.summary())
    assert Sketcher.decode(sketcher.encode()).summary() == sketcher.summary()


def test_ten_thousand_columns_take_little_room() -> None:
    frame = pl.DataFrame({f"c{place}": [float(place), 1.0, 2.0] for place in range(10_000)})
    sketcher = sketched(frame)
    assert len(sketcher.summary()["columns"]) == 10_000
    assert len(sketcher.encode()) < 5_000_000
    assert Sketcher.decode(sketcher.encode()).encode() == sketcher.encode()


def test_a_column_that_comes_or_goes_is_missing_elsewhere() -> None:
    sketcher = Sketcher({"a": pl.Int64(), "b": pl.Int64()})
    sketcher.add(pl.DataFrame({"a": [1, 2]}))
    sketcher.add(pl.DataFrame({"b": [3], "c": [4]}))
    sketcher.add(pl.DataFrame({"c": [4, 5, 6]}))
    columns = sketcher.summary()["columns"]
    assert {name: (facts["rows"], facts["nulls"]) for name, facts in columns.items()} == {"a": (6, 4), "b": (6, 5)}
    other = sketched(pl.DataFrame({"a": [7], "d": ["x"]}))
    sketcher.merge(other)
    columns = sketcher.summary()["columns"]
    assert {name: (facts["rows"], facts["nulls"]) for name, facts in columns.items()} == {"a": (7, 4), "b": (7, 6), "d": (7, 6)}


def test_kinds_that_differ_are_refused_by_name() -> None:
    with pytest.raises(KindsDifferError, match="column 'a' are of Int64 and of String"):
        sketched(pl.DataFrame({"a": [1]})).merge(sketched(pl.DataFrame({"a": ["1"]})))


@pytest.mark.parametrize("cut", [0, 1, 40, -1], ids=["none", "one", "some", "most"])
def test_damaged_bytes_are_told(cut: int) -> None:
    data = sketched(pl.DataFrame({"a": [1, 2], "b": ["x", "y"]})).encode()
    with pytest.raises(ProfileDamagedError, match="flyball verify"):
        Sketcher.decode(data[:cut])
    with pytest.raises(ProfileDamagedError):
        Sketcher.decode(b"\x00" + data)


def test_bytes_of_another_form_or_that_lie_are_told() -> None:
    import msgspec

    data = msgspec.msgpack.decode(sketched(pl.DataFrame({"a": [1, 2]})).encode())
    for change in ({"form": 2}, {"rows": -1}):
        with pytest.raises(ProfileDamagedError):
            Sketcher.decode(msgspec.msgpack.encode({**data, **change}))
    lies: list[dict[str, object]] = [
        {"keys": b"12345678"},
        {"distinct": b"123"},
        {"levels": [], "turns": [1]},
        {"sizes": [0, 1, 1]},
        {"rows": 1, "nulls": 2},
    ]
    for lie in lies:
        with pytest.raises(ProfileDamagedError):
            Sketcher.decode(msgspec.msgpack.encode({**data, "columns": {"a": {**data["columns"]["a"], **lie}}}))


def test_a_profile_counts_and_orders_whatever_the_order_of_rows() -> None:
    frame = pl.DataFrame(
        {"n": [3, 1, None, 2], "t": ["b", "a", "b", None], "f": [True, False, True, True], "e": [None] * 4, "__known_time": [1] * 4}
    )
    found, other = (sketched(one).summary()["columns"] for one in (frame, frame[::-1]))
    for facts in (*found.values(), *other.values()):
        facts.pop("examples", None)  # of the first rows
    assert found == other
    told = {name: found["n"][name] for name in ("type", "nulls", "distinct", "minimum", "maximum", "mean")}
    assert told == {"type": "Int64", "nulls": 1, "distinct": 3, "minimum": 1, "maximum": 3, "mean": 2.0}
    assert found["t"]["top"] == [["b", 2], ["a", 1]]
    assert found["f"]["top"] == [[True, 3], [False, 1]]
    assert found["e"] == {"type": "Null", "kind": "other", "rows": 4, "nulls": 4}
