"""One fused pass finds what a person finds who looks at one row at a time; parts come to the same as the whole; memory changes nothing."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from flyball.core.errors import FlyballError
from flyball.data import Dataset, files
from flyball.data.contracts import Column, Context, Contract, Outcome, check_scan, compile_contract
from flyball.data.contracts.errors import ExpressionError
from flyball.data.contracts.expression import parse_aggregate, parse_row
from flyball.data.contracts.hashes import find_repeats
from flyball.data.contracts.keys import find_orphans, find_repeated
from flyball.data.contracts.model import AggregateCheck, KeyCheck, RowCheck, UniqueCheck
from flyball.data.declared.check import check
from flyball.data.values import ColumnType

DATASET = Dataset("sales", files("x"), key="id", event_time="at", checks=[check("small", pl.col("x") + pl.col("n") < 6, severity="warn")])
CONTEXT = Context(now=datetime(2026, 1, 1, tzinfo=UTC))
CONTRACT = Contract(
    dataset="sales",
    columns={
        "id": Column(type=ColumnType.TEXT, nullable=False),
        "at": Column(type=ColumnType.TIME, nullable=False),
        "x": Column(type=ColumnType.NUMBER, nullable=False, minimum=0, maximum=3, severities={"nullable": "warn", "maximum": "quarantine"}),
        "n": Column(type=ColumnType.INTEGER, nullable=True, maximum=3, values="hold"),
        "c": Column(type=ColumnType.TEXT, nullable=True, categories=("a", "b"), pattern="^[a-c]$", severities={"pattern": "quarantine"}),
    },
    checks=(
        RowCheck(name="sum", expression="x + n <= 5 or c is null"),
        RowCheck(name="few", expression="n <> 1", severity="hold", tolerance=0.3),
        AggregateCheck(name="mean", expression="mean(x) - min(n)", maximum=1.5, severity="warn"),
        AggregateCheck(name="spread", expression="std(x)", maximum=1.0),
        UniqueCheck(name="pairs", columns=("x", "n")),
        KeyCheck(name="known", columns=("c",), dataset="letters", to=("letter",)),
    ),
)
CELLS: dict[str, list[Any]] = {"x": [0.5, 3.0, 3.5, -1.0, None], "n": [1, 2, 4, None], "c": ["a", "b", "c", "dd", None]}
rows = st.lists(st.tuples(*(st.sampled_from(values) for values in CELLS.values())), min_size=1, max_size=24)
Row = tuple[float | None, int | None, str | None]


def frame_of(found: list[Row]) -> pl.DataFrame:
    start = datetime(2025, 1, 1, tzinfo=UTC)
    return pl.DataFrame(
        {
            "id": [f"k{number}" for number in range(len(found))],
            "at": [start + timedelta(hours=number) for number in range(len(found))],
            **{name: [row[place] for row in found] for place, name in enumerate(CELLS)},
        },
        schema={name: column.type.dtype for name, column in CONTRACT.columns.items()},
    )


def naive(found: list[Row]) -> dict[str, int]:
    """How many rows break each promise, one row and one promise at a time, null being no break."""
    count: Counter[str] = Counter()
    for x, n, c in found:
        count["x.nullable"] += x is None
        count["x.minimum"] += x is not None and x < 0
        count["x.maximum"] += x is not None and x > 3
        count["n.maximum"] += n is not None and n > 3
        count["c.categories"] += c is not None and c not in {"a", "b"}
        count["c.pattern"] += c is not None and c not in {"a", "b", "c"}
        count["sum"] += c is not None and x is not None and n is not None and x + n > 5
        count["few"] += n == 1
        count["small"] += x is not None and n is not None and x + n >= 6
        count["known"] += c is not None and c not in {"a", "b", "c"}
    pairs = [(x, n) for x, n, _ in found if x is not None and n is not None]
    count["pairs"] = len(pairs) - len(set(pairs))
    return dict(count)


@settings(deadline=None, max_examples=60)
@given(rows)
def test_the_fused_pass_finds_what_looking_at_each_row_finds(found: list[Row]) -> None:
    context = replace(CONTEXT, others={"letters": pl.LazyFrame({"letter": ["a", "b", "c"]})})
    report = check_scan(DATASET, CONTRACT, scan=frame_of(found).lazy(), context=context)
    outcomes = {outcome.check: outcome for outcome in report.outcomes}
    for name, broken in naive(found).items():
        assert outcomes[name].broken == broken, name
        assert outcomes[name].passed == (broken <= (0.3 * len(found) if name == "few" else 0)), name
        assert bool(outcomes[name].examples) == (broken > 0), name
    xs, ns = [row[0] for row in found if row[0] is not None], [row[1] for row in found if row[1] is not None]
    if xs and ns:
        assert outcomes["mean"].observed == _near(sum(xs) / len(xs) - min(ns))
    if len(xs) > 1:
        assert outcomes["spread"].observed == _near(float(np.std(xs, ddof=1)))


@settings(deadline=None, max_examples=60)
@given(rows)
def test_rows_are_set_aside_by_strict_promises_only_with_all_their_reasons(found: list[Row]) -> None:
    checked = compile_contract(DATASET, CONTRACT).judge(frame_of(found), place="f.csv", first_row=7)
    strict = {"x.maximum": "x is above 3: 3.5", "c.pattern": "c does not match its pattern: dd", "sum": "breaks 'sum'"}
    reasons = {}
    for number, row in enumerate(found, start=7):
        broken = [why for name, why in strict.items() if naive([row])[name]]
        if broken:
            reasons[number] = "; ".join(broken)
    assert dict(checked.broken.select("row", "reason").iter_rows()) == reasons
    assert checked.good.height + checked.broken.height == len(found)
    assert sum(checked.breaks.values()) == sum(reason.count("; ") + 1 for reason in reasons.values())


@settings(deadline=None, max_examples=40)
@given(rows, st.lists(st.integers(0, 24), max_size=4))
def test_tallies_of_parts_merge_to_the_tally_of_the_whole(found: list[Row], cuts: list[int]) -> None:
    compiled, frame = compile_contract(DATASET, CONTRACT), frame_of(found)

    def outcomes(edges: list[int]) -> tuple[Outcome, ...]:
        total = compiled.tally(CONTEXT)
        for first, end in zip([0, *edges], [*edges, frame.height], strict=True):
            part = compiled.tally(CONTEXT)
            checked = compiled.judge(frame[first:end], place="f", first_row=first + 1)
            part.add_checked(checked)
            part.add(checked.good)
            total.merge(part)
        return compiled.finish(total, context=CONTEXT)

    whole, parts = outcomes([]), outcomes(sorted(min(cut, frame.height) for cut in cuts))
    for one, other in zip(whole, parts, strict=True):
        assert (other.check, other.passed, other.checked, other.broken) == (one.check, one.passed, one.checked, one.broken)
        assert other.observed == _near(one.observed) or str(other.observed) == str(one.observed)


numbers = st.lists(st.integers(0, 40), max_size=300)


@settings(deadline=None, max_examples=25)
@given(numbers, numbers, st.sampled_from([64, 1024, 2**27]))
def test_what_spills_comes_to_the_same(left: list[int], right: list[int], memory: int) -> None:
    rows, other = pl.LazyFrame({"id": left}, schema={"id": pl.Int64}), pl.LazyFrame({"theirs": right}, schema={"theirs": pl.Int32})
    with TemporaryDirectory() as place:
        context = replace(CONTEXT, memory_bytes=memory, scratch=Path(place))
        repeated = find_repeated(DATASET, UniqueCheck(name="u", columns=("id",)), rows=rows, context=context)
        orphans = find_orphans(KeyCheck(name="k", columns=("id",), dataset="o", to=("theirs",)), rows=rows, other=other, context=context)
        hashes = find_repeats([np.array(left, dtype=np.uint64) << np.uint64(50)] * 2, memory_bytes=memory, scratch=Path(place))
        assert list(Path(place).iterdir()) == []
    assert (repeated.checked, repeated.broken) == (len(left), len(left) - len(set(left)))
    assert (orphans.checked, orphans.broken) == (len(left), sum(number not in right for number in left))
    assert hashes.hashes.tolist() == [number << 50 for number in sorted(set(left))]
    counts = Counter(left)
    assert all(counts[int(text.split("=")[1].split(" ")[0])] > 1 for text in repeated.examples)


WORDS = (
    "x n c at \"id\" 'a' 1 2.5 ( ) , and or not in is null between like matches case when then else end = < >= + - * / % length abs "
    "round coalesce mean sum count min true date time interval '^a+$' '2013-01-01' '3h' year starts_with ; \x00 __x"
)
words = st.lists(st.sampled_from(WORDS.split(" ")), max_size=14)


@settings(deadline=None, max_examples=300)
@given(words)
def test_any_text_is_an_expression_or_a_typed_error(found: list[str]) -> None:
    text = " ".join(found)
    for parse in (parse_row, parse_aggregate):
        try:
            parse(text)
        except ExpressionError as error:
            assert error.text == text  # noqa: PT017  # most texts are refused, and some are not
    contract = Contract(dataset="sales", columns=CONTRACT.columns, checks=(RowCheck(name="r", expression=text),))
    try:
        compiled = compile_contract(DATASET, contract)
    except FlyballError:
        return
    compiled.judge(frame_of([(1.0, 2, "a")]), place="f")


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=60))
def test_any_pattern_is_taken_or_refused(pattern: str) -> None:
    quoted = pattern.replace("'", "''")
    try:
        parse_row(f"c matches '{quoted}' or c like '{quoted}'")
    except ExpressionError:
        return
    assert frame_of([(1.0, 2, pattern[:1])]).select(parse_row(f"c like '{quoted}'").value).height == 1


def _near(value: Any) -> Any:
    return _Near(value) if isinstance(value, float) else value


class _Near(float):
    def __eq__(self, other: object) -> bool:
        return isinstance(other, float) and (math.isclose(self, other, rel_tol=1e-9, abs_tol=1e-9))

    def __hash__(self) -> int:
        return hash(float(self))
