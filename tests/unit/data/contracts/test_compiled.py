"""A contract is proved before it judges; what came of each promise says enough to act upon."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.io.plugins import register_io_source

from flyball.core.canonical import digest_bytes
from flyball.core.errors import FlyballError, UnavailableError
from flyball.data import Dataset, files
from flyball.data.contracts import (
    Check,
    Column,
    Context,
    Contract,
    Outcome,
    check_scan,
    compile_contract,
    decode,
    decode_outcomes,
    encode_outcomes,
)
from flyball.data.contracts.errors import CheckError, ExpressionError
from flyball.data.contracts.model import (
    AggregateCheck,
    DistributionCheck,
    FreshnessCheck,
    KeyCheck,
    PythonCheck,
    RowCheck,
    SkewCheck,
    UniqueCheck,
    VolumeCheck,
)
from flyball.data.declared.check import Severity, check
from flyball.data.errors import ColumnTypeError, ContractFileError, DatasetError, UnknownColumnError
from flyball.data.model import EVENT_TIME, KNOWN_TIME
from flyball.data.profiles import Sketcher
from flyball.data.values import ColumnType

NOW = datetime(2025, 1, 10, tzinfo=UTC)
CONTEXT = Context(now=NOW)
COLUMNS = {
    "id": Column(type=ColumnType.TEXT, nullable=False),
    "at": Column(type=ColumnType.TIME, nullable=False),
    "x": Column(type=ColumnType.NUMBER, nullable=False),
    "c": Column(type=ColumnType.TEXT, nullable=True),
}
ROWS = pl.DataFrame(
    {
        "id": [f"k{number}" for number in range(200)],
        "at": [datetime(2025, 1, 1, tzinfo=UTC) + timedelta(hours=number) for number in range(200)],
        "x": [float(number % 10) for number in range(200)],
        "c": [["a", "b", None, "b"][number % 4] for number in range(200)],
    }
)


def dataset(*checks: Any, schema: object | None = None) -> Dataset:
    return Dataset("sales", files("x"), key="id", event_time="at", checks=checks, schema=schema)


def contract(*checks: Check, **columns: Column) -> Contract:
    return Contract(dataset="sales", columns={**COLUMNS, **columns}, checks=checks)


def outcome(check: Check, context: Context = CONTEXT, *, rows: pl.DataFrame = ROWS) -> Outcome:
    report = check_scan(dataset(), contract(check), scan=rows.lazy(), context=context)
    return next(found for found in report.outcomes if found.check == check.name)


def test_a_contract_without_checks_has_the_text_and_the_digest_that_it_had_before_there_were_checks() -> None:
    text = (
        '{\n  "dataset": "sales",\n  "columns": {\n    "id": {\n      "type": "text",\n      "nullable": false\n    },\n    "at": {\n'
        '      "type": "time",\n      "nullable": false\n    },\n    "x": {\n      "type": "number",\n      "nullable": true,\n'
        '      "minimum": 0.5,\n      "values": "quarantine"\n    }\n  },\n  "inferred_from": null\n}\n'
    )
    found = decode(text, dataset=dataset(), path="x")
    assert found.encode() == text
    assert found.digest == digest_bytes(text.encode()) == found.bound(dataset()).digest


def test_every_kind_of_check_reads_back_as_it_was_written() -> None:
    written = contract(
        RowCheck(name="r", expression="x > 0", severity="hold", tolerance=0.1, column="x"),
        AggregateCheck(name="a", expression="mean(x)", minimum=0, maximum=10),
        UniqueCheck(name="u", columns=("id", "c")),
        KeyCheck(name="k", columns=("c",), dataset="letters", to=("letter",), severity="warn"),
        DistributionCheck(name="d", column="x", limit=0.1),
        SkewCheck(name="s", columns=("x", "c")),
        FreshnessCheck(name="f", maximum_age="3h", column="at"),
        VolumeCheck(name="v", minimum=1, maximum=1000, relative=0.5),
        y=Column(type=ColumnType.TEXT, nullable=True, pattern="^a", unique=True, severities={"pattern": "hold", "unique": "warn"}),
    )
    assert decode(written.encode(), dataset=dataset(), path="x") == written
    kinds = [json.loads(written.encode())["checks"][number]["kind"] for number in range(8)]
    assert kinds == ["row", "aggregate", "unique", "key", "distribution", "skew", "freshness", "volume"]


def test_the_digest_changes_with_the_checks_of_the_project_file_and_not_otherwise() -> None:
    one, other = dataset(check("small", pl.col("x") < 10)), dataset(check("small", pl.col("x") < 11))
    digests = [compile_contract(found, contract()).contract.digest for found in (dataset(), one, other, dataset(*one.checks))]
    assert len(set(digests[:3])) == 3
    assert digests[3] == digests[1]
    judged = compile_contract(one, contract()).contract
    assert isinstance(judged.checks[0], PythonCheck)
    again = decode(judged.encode(), dataset=other, path="x")
    assert compile_contract(other, again).contract.digest == digests[2]
    assert (one == dataset(*one.checks), one == other, one.definition() == other.definition()) == (True, False, True)


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (RowCheck(name="r", expression="y > 0"), "no column 'y'"),
        (RowCheck(name="r", expression="x + 1"), "not true or false"),
        (RowCheck(name="r", expression="x > c"), "cannot be evaluated"),
        (RowCheck(name="r", expression="1 = 1"), "reads no column"),
        (RowCheck(name="r", expression="x > 0", tolerance=1.0), "share from 0"),
        (RowCheck(name="x.type", expression="x > 0"), "two promises have this name"),
        (RowCheck(name="", expression="x > 0"), "1 to 200 printable"),
        (AggregateCheck(name="a", expression="mean(x)"), "neither minimum nor maximum"),
        (AggregateCheck(name="a", expression="max(c)", maximum=3), "compare in the expression"),
        (AggregateCheck(name="a", expression="mean(x) + max(c)", maximum=3), "cannot be evaluated"),
        (UniqueCheck(name="u", columns=()), "names no column"),
        (UniqueCheck(name="u", columns=("x", "x")), "one twice"),
        (KeyCheck(name="k", columns=("c",), dataset="sales"), "with themselves"),
        (KeyCheck(name="k", columns=("c",), dataset="o", to=("a", "b")), "cannot be those of 2"),
        (DistributionCheck(name="d", column="at"), "moves on by itself"),
        (DistributionCheck(name="d", column="x", limit=0), "number above 0"),
        (FreshnessCheck(name="f", maximum_age="soon"), "no duration"),
        (FreshnessCheck(name="f", maximum_age="1h", column="x"), "neither a time nor a date"),
        (VolumeCheck(name="v"), "nothing breaks it"),
        (VolumeCheck(name="v", relative=-1), "above 0"),
    ],
    ids=range(20),
)
def test_a_check_that_can_never_work_is_told_when_the_contract_is_read(broken: Check, why: str) -> None:
    with pytest.raises(FlyballError, match=why):
        compile_contract(dataset(), contract(broken))
    with pytest.raises(ContractFileError, match=why):
        decode(contract(broken).encode(), dataset=dataset(), path="sales.yaml")


@pytest.mark.parametrize(
    ("column", "why"),
    [
        (Column(type=ColumnType.NUMBER, nullable=True, pattern="a"), "about texts"),
        (Column(type=ColumnType.TEXT, nullable=True, minimum=1), "about numbers"),
        (Column(type=ColumnType.TEXT, nullable=True, pattern="("), "no regular expression"),
        (Column(type=ColumnType.TEXT, nullable=True, unique=True, severities={"unique": "quarantine"}), "hold or warn"),
    ],
    ids=range(4),
)
def test_a_column_s_promises_fit_its_type(column: Column, why: str) -> None:
    with pytest.raises(CheckError, match=why):
        compile_contract(dataset(), contract(y=column))


def test_a_contract_file_may_not_have_what_no_check_has() -> None:
    text = contract(RowCheck(name="r", expression="x > 0")).encode()
    for wrong in (text.replace('"row"', '"shell"'), text.replace('"expression"', '"exec"'), text.replace('"checks"', '"cheks"')):
        with pytest.raises(ContractFileError):
            decode(wrong, dataset=dataset(), path="x")


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (check("r", pl.col("x") > pl.col("x").mean()), "changes with the rows around it"),
        (check("r", pl.col("x").shift() > 1), "changes with the rows around it"),
        (check("r", pl.col("x").head(3) > 1), "gives 3 values for 12 rows"),
        (check("r", pl.col("x")), "not true or false"),
        (check("r", pl.col("y") > 1), "no column 'y'"),
        (check("r", pl.col("x").mean() > 1, severity="quarantine"), "hold or warn"),
        (check("r", pl.col("x") > 1, column="y"), "no column 'y'"),
    ],
    ids=range(7),
)
def test_a_check_in_python_is_proved_as_well(found: Any, why: str) -> None:
    with pytest.raises((CheckError, UnknownColumnError), match=why):
        compile_contract(dataset(found), contract())


@pytest.mark.parametrize(
    ("arguments", "why"),
    [(("", pl.col("x") > 1), "1 to 200"), (("a\nb", pl.col("x") > 1), "1 to 200"), (("a", "x > 1"), "Polars expression")],
    ids=range(3),
)
def test_a_check_is_a_name_and_an_expression(arguments: Any, why: str) -> None:
    with pytest.raises(DatasetError, match=why):
        check(*arguments)
    with pytest.raises(DatasetError, match="none of quarantine, hold, warn"):
        check("a", pl.col("x") > 1, severity="fatal")
    with pytest.raises(DatasetError, match="no check"):
        dataset("x > 1")
    with pytest.raises(DatasetError, match="two of its checks"):
        dataset(check("a", pl.col("x") > 1), check("a", pl.col("x") > 2))


def test_severities_decide_what_becomes_of_rows_and_versions() -> None:
    declared = dataset(
        check("in python", pl.col("x") != 9),
        check("held in python", pl.col("x") != 8, severity="hold"),
        check("mean", pl.col("x").mean() < 4),
    )
    promised = contract(
        RowCheck(name="aside", expression="x <> 7"), RowCheck(name="held", expression="x <> 6", severity="hold"),
        RowCheck(name="told", expression="x <> 5", severity="warn"),
        x=Column(type=ColumnType.NUMBER, nullable=True, minimum=1, maximum=9, severities={"minimum": "quarantine"}),
    )  # fmt: skip
    compiled = compile_contract(declared, promised)
    checked = compiled.judge(ROWS, place="a.csv", first_row=1)
    assert checked.breaks == {"x.minimum": 20, "aside": 20, "in python": 20}
    tally = compiled.tally(CONTEXT)
    tally.add_checked(checked)
    tally.add(checked.good)
    outcomes = {found.check: found for found in compiled.finish(tally, context=replace(CONTEXT, rows=checked.good.lazy()))}
    assert [name for name, found in outcomes.items() if not found.passed] == [
        "x.minimum", "aside", "held", "told", "in python", "held in python", "mean",
    ]  # fmt: skip
    assert [name for name, found in outcomes.items() if found.holds] == ["held", "held in python", "mean"]
    assert (outcomes["told"].severity, outcomes["told"].broken, outcomes["told"].checked) == (Severity.WARN, 20, 200)
    assert outcomes["held"].examples[0] == "id=k6, x=6.0"
    assert outcomes["x.maximum"].passed


def test_cells_without_a_value_of_their_type_are_set_aside_with_their_text() -> None:
    cells = pl.DataFrame(
        {"id": ["a", None, "c"], "at": ["2025-01-01", "soon", "0001-01-01"], "x": ["1.5", "many", None], "more": [1, 2, 3]}
    )
    checked = compile_contract(dataset(), contract()).judge(cells, place="a.csv", first_row=11)
    assert (checked.unexpected, checked.missing) == (("more",), ("c",))
    assert dict(checked.broken.select("row", "reason").iter_rows()) == {
        12: "id is missing; at is no time: soon; x is no number: many",
        13: "x is missing; its event time is out of the calendar; its known time is out of the calendar",
    }
    assert checked.good.select("id", "__file", "__row").rows() == [("a", "a.csv", 11)]
    assert json.loads(checked.broken["raw"][0]) == {"id": None, "at": "soon", "x": "many", "c": None}
    with pytest.raises(UnknownColumnError, match="no column 'x'"):
        compile_contract(dataset(), contract()).judge(cells.drop("x"), place="a.csv")


def test_a_table_of_texts_is_checked_as_one_of_values() -> None:
    cells = ROWS.cast({"x": pl.String, "at": pl.String}).with_columns(x=pl.when(pl.col("x") == "3.0").then(pl.lit("three")).otherwise("x"))
    report = check_scan(dataset(), contract(AggregateCheck(name="a", expression="max(x)", maximum=8)), scan=cells.lazy(), context=CONTEXT)
    outcomes = {found.check: found for found in report.outcomes}
    assert (outcomes["x.type"].broken, outcomes["x.type"].examples[0], outcomes["x.nullable"].broken) == (20, "id=k3, x=three", 0)
    assert (outcomes["a"].observed, report.rows, report.passed, report.holds) == (9.0, 200, False, True)


def test_numbers_that_are_none_break_their_type() -> None:
    rows = ROWS.with_columns(x=pl.when(pl.col("x") == 1).then(float("nan")).when(pl.col("x") == 2).then(float("inf")).otherwise("x"))
    report = check_scan(dataset(), contract(), scan=rows.lazy(), context=CONTEXT)
    assert {found.check: found.broken for found in report.outcomes if found.broken} == {"x.type": 40}


def test_no_rows_break_no_promise() -> None:
    checks: list[Check] = [
        RowCheck(name="r", expression="x > 0"),
        AggregateCheck(name="a", expression="mean(x)", minimum=3),
        UniqueCheck(name="u", columns=("x",)),
        KeyCheck(name="k", columns=("c",), dataset="o", to=("c",)),
        FreshnessCheck(name="f", maximum_age="1h"),
        VolumeCheck(name="v", minimum=0),
    ]
    context = replace(CONTEXT, others={"o": ROWS.lazy()})
    report = check_scan(dataset(check("m", pl.col("x").mean() > 1)), contract(*checks), scan=ROWS.head(0).lazy(), context=context)
    assert report.passed
    compiled = compile_contract(dataset(), contract(*checks))
    assert all(found.passed for found in compiled.finish(compiled.tally(CONTEXT), context=CONTEXT))


def test_uniqueness_and_keys_name_who_broke_them() -> None:
    repeated = outcome(UniqueCheck(name="u", columns=("x", "c"), severity="warn"))
    assert (repeated.checked, repeated.broken, repeated.severity) == (150, 140, Severity.WARN)
    assert repeated.examples[0] == "x=1.0, c=b (20 times)"
    assert outcome(UniqueCheck(name="u", columns=("id",))).passed
    assert outcome(UniqueCheck(name="u", columns=("x",), tolerance=0.96)).passed
    others = replace(CONTEXT, others={"o": pl.LazyFrame({"letter": ["b", "z", None]})})
    orphans = outcome(KeyCheck(name="k", columns=("c",), dataset="o", to=("letter",)), others)
    assert (orphans.passed, orphans.checked, orphans.broken, orphans.examples) == (False, 150, 50, ("c=a",))
    missing = outcome(KeyCheck(name="k", columns=("c",), dataset="nothing"), others)
    assert (missing.passed, missing.skipped) == (True, True)
    with pytest.raises(CheckError, match="no column 'c'"):
        outcome(KeyCheck(name="k", columns=("c",), dataset="o"), others)


def test_corrections_of_a_row_repeat_nothing() -> None:
    history = pl.concat([ROWS, ROWS.head(50)]).with_columns(EVENT_TIME_OF, pl.lit(NOW).alias(KNOWN_TIME))
    assert outcome(UniqueCheck(name="u", columns=("id",)), rows=history).passed
    assert outcome(UniqueCheck(name="u", columns=("at",)), rows=history).passed
    assert outcome(UniqueCheck(name="u", columns=("at",)), rows=history.drop(KNOWN_TIME)).broken == 50
    assert outcome(UniqueCheck(name="u", columns=("x",)), rows=history).broken == 190


EVENT_TIME_OF = pl.col("at").alias(EVENT_TIME)


def sketched(rows: pl.DataFrame) -> Sketcher:
    sketcher = Sketcher(rows.schema)
    sketcher.add(rows)
    return sketcher


def test_a_distribution_is_compared_with_the_version_before() -> None:
    same, moved = replace(CONTEXT, reference=sketched(ROWS)), replace(CONTEXT, reference=sketched(ROWS.with_columns(pl.col("x") + 4)))
    assert outcome(DistributionCheck(name="d", column="x"), same).observed == pytest.approx(0, abs=1e-9)
    far = outcome(DistributionCheck(name="d", column="x", severity="hold"), moved)
    assert (far.passed, far.holds) == (False, True)
    assert outcome(DistributionCheck(name="d", column="c"), same).observed == pytest.approx(0, abs=1e-9)
    swapped = replace(CONTEXT, reference=sketched(ROWS.with_columns(c=pl.col("c").replace({"a": "b", "b": "a"}))))
    assert not outcome(DistributionCheck(name="d", column="c"), swapped).passed
    emptied = replace(CONTEXT, reference=sketched(ROWS.with_columns(c=pl.lit(None, dtype=pl.String))))
    assert not outcome(DistributionCheck(name="d", column="c"), emptied).passed
    assert outcome(DistributionCheck(name="d", column="c")).skipped
    assert outcome(DistributionCheck(name="d", column="c"), replace(CONTEXT, reference=sketched(ROWS.head(9)))).skipped


def test_what_is_served_is_compared_with_what_was_learnt() -> None:
    served = replace(CONTEXT, served=ROWS.select("x", c=pl.lit("z")))
    found = outcome(SkewCheck(name="s", columns=("x", "c")), served)
    assert not found.passed
    assert found.message.startswith("c lies")
    assert outcome(SkewCheck(name="s", columns=("x",)), served).passed
    assert outcome(SkewCheck(name="s", columns=("x",))).skipped
    assert outcome(SkewCheck(name="s", columns=("c",)), replace(CONTEXT, served=ROWS.select(c="x"))).skipped  # of another kind


def test_age_is_of_the_latest_time() -> None:
    latest = datetime(2025, 1, 9, 7, tzinfo=UTC)
    found = outcome(FreshnessCheck(name="f", maximum_age="16h"))
    assert (found.passed, found.observed, found.message) == (False, (NOW - latest).total_seconds(), "the latest is 17h old")
    assert outcome(FreshnessCheck(name="f", maximum_age="17h", column="at")).passed


@pytest.mark.parametrize(
    ("spec", "volumes", "passed", "skipped"),
    [
        ({"minimum": 200, "maximum": 200}, [], True, False),
        ({"minimum": 201}, [], False, False),
        ({"maximum": 199}, [], False, False),
        ({"relative": 0.5}, [190, 210], True, True),
        ({"relative": 0.5}, [190, 210, 1000], True, False),
        ({"relative": 0.5}, [500, 600, 700], False, False),
        ({"relative": 0.5, "minimum": 300}, [], False, False),
    ],
    ids=range(7),
)
def test_volume_is_bounded_or_like_that_of_earlier_versions(spec: Any, volumes: list[int], passed: bool, skipped: bool) -> None:  # noqa: FBT001  # given by a table
    found = outcome(VolumeCheck(name="v", **spec), replace(CONTEXT, volumes=volumes))
    assert (found.passed, found.skipped, found.observed) == (passed, skipped, 200)


def test_outcomes_read_back_as_they_were_written() -> None:
    report = check_scan(dataset(), contract(UniqueCheck(name="u", columns=("x",))), scan=ROWS.lazy(), context=CONTEXT)
    assert decode_outcomes(encode_outcomes(report.outcomes)) == report.outcomes


def test_an_expression_that_fails_on_rows_is_told_by_its_name() -> None:
    strict = check("strict", pl.col("c").replace_strict({f"text {step}": True for step in range(-3, 9)}, return_dtype=pl.Boolean))
    with pytest.raises(CheckError, match="strict"):
        check_scan(dataset(strict), contract(), scan=ROWS.lazy(), context=CONTEXT)
    with pytest.raises(CheckError, match="strict"):
        compile_contract(dataset(strict), contract()).judge(ROWS, place="x")


def test_two_hundred_checks_are_one_pass() -> None:
    checks = tuple(RowCheck(name=f"r{number}", expression=f"x >= {number} or c is null") for number in range(200))
    report = check_scan(dataset(), contract(*checks), scan=ROWS.lazy(), context=CONTEXT)
    broken = [found.broken for found in report.outcomes if found.kind == "row"]
    assert broken == [ROWS.filter(pl.col("x") < number, pl.col("c").is_not_null()).height for number in range(200)]
    many = tuple(replace_name(checks[0], f"n{number}") for number in range(1001))
    with pytest.raises(CheckError, match="at most 1,000"):
        compile_contract(dataset(), contract(*many))


def replace_name(check: RowCheck, name: str) -> RowCheck:
    return RowCheck(name=name, expression=check.expression)


def test_an_unreadable_expression_is_told_with_the_contract_s_path() -> None:
    text = contract(RowCheck(name="r", expression="x > 0")).encode().replace("x > 0", "x > read_csv('/etc/passwd')")
    with pytest.raises(ContractFileError, match=r"contracts/sales\.yaml.*no function 'read_csv'"):
        decode(text, dataset=dataset(), path="contracts/sales.yaml")
    with pytest.raises(ExpressionError):
        compile_contract(dataset(), contract(RowCheck(name="r", expression="x >")))


def test_uniqueness_is_about_the_rows_that_stand_already_as_well() -> None:
    before, new = ROWS.head(100).with_columns(pl.lit(NOW).alias(KNOWN_TIME)), ROWS.tail(120).with_columns(pl.lit(NOW).alias(KNOWN_TIME))
    moved = replace(CONTEXT, before=before.with_columns(id=pl.format("other-{}", "id")).lazy())
    check = UniqueCheck(name="u", columns=("at",))
    assert outcome(check, replace(CONTEXT, before=before.lazy()), rows=new).passed
    assert outcome(check, moved, rows=new).broken == 20
    assert outcome(check, rows=new).passed


def test_a_scratch_directory_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.raises(UnavailableError):
        outcome(UniqueCheck(name="u", columns=("x",)), replace(CONTEXT, memory_bytes=64, scratch=blocked))
    others = replace(CONTEXT, memory_bytes=64, scratch=blocked, others={"o": ROWS.lazy()})
    with pytest.raises(UnavailableError):
        outcome(KeyCheck(name="k", columns=("id",), dataset="o"), others)


def test_lists_are_no_cells() -> None:
    with pytest.raises(ColumnTypeError, match="List"):
        outcome(UniqueCheck(name="u", columns=("x",)), rows=ROWS.with_columns(c=pl.concat_list("x")))


def test_all_rows_and_aggregates_take_one_pass_and_each_key_one_more() -> None:
    passes: list[list[str] | None] = []

    def chunks(*asked: Any) -> Iterator[pl.DataFrame]:
        columns, predicate = asked[:2]
        passes.append(columns)
        for chunk in ROWS.iter_slices(64):
            found = chunk if predicate is None else chunk.filter(predicate)
            yield found if columns is None else found.select(columns)

    several: list[Check] = [RowCheck(name=f"r{number}", expression=f"x >= -{number}") for number in range(30)]
    several += [AggregateCheck(name="a", expression="mean(x)", maximum=9), VolumeCheck(name="v", minimum=1)]
    several += [FreshnessCheck(name="f", maximum_age="9d"), DistributionCheck(name="d", column="x")]
    context = replace(CONTEXT, reference=sketched(ROWS), others={"o": pl.LazyFrame({"c": ["a", "b"]})})
    for checks, number in (
        (several, 1),
        ([*several, UniqueCheck(name="u", columns=("id",))], 2),
        ([*several, UniqueCheck(name="u", columns=("id",)), KeyCheck(name="k", columns=("c",), dataset="o")], 3),
    ):
        passes.clear()
        scan = register_io_source(chunks, schema=ROWS.schema)
        declared = dataset(check("mean", pl.col("x").mean() < 9), check("row", pl.col("x") < 10))
        assert check_scan(declared, contract(*checks), scan=scan, context=context).passed
        assert len(passes) == number
