"""Expressions mean what SQL means by them, see nothing but the row, and cost no more than their bounds."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest

from flyball.data.contracts.errors import ExpressionError
from flyball.data.contracts.expression import parse_aggregate, parse_row
from flyball.data.contracts.partials import merge, take

ROWS = pl.DataFrame(
    {
        "x": [1.0, 2.5, None, -4.0],
        "n": [1, 2, 3, None],
        "text": ["a-1", "b_2", None, "C%"],
        "flag": [True, False, None, True],
        "at": pl.Series([datetime(2013, 1, 1, 5, tzinfo=UTC), datetime(2013, 6, 2, tzinfo=UTC), None, datetime(2014, 1, 1, tzinfo=UTC)]),
        "day": [date(2013, 1, 1), date(2013, 6, 2), None, date(2014, 1, 1)],
        "odd name": [1, 2, 3, 4],
    }
)


def of_rows(text: str) -> list[bool | None]:
    return ROWS.select(parse_row(text).value.alias("value"))["value"].to_list()


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("x > 1", [False, True, None, False]),
        ("x >= 1 AND n <> 2", [True, False, None, False]),
        ("x < 0 or flag", [True, False, None, True]),
        ("not flag", [False, True, None, False]),
        ("not not flag", [True, False, None, True]),
        ("x is null", [False, False, True, False]),
        ("x is not null or n = 3", [True, True, True, True]),
        ("n in (1, 3)", [True, False, True, None]),
        ("n not in (-1, 2)", [True, False, True, None]),
        ("text in ('a-1', 'it''s')", [True, False, None, False]),
        ("x between -4 and 1", [True, False, None, True]),
        ("x not between -4 and 1 or n = 1", [True, True, None, None]),
        ("text like '%-_'", [True, False, None, False]),
        (r"text like '%\%'", [False, False, None, True]),
        ("text like 'a.1'", [False, False, None, False]),
        ("text matches '^[a-z].[0-9]$'", [True, True, None, False]),
        ("1 + 2 * n - 1 = 2 * n", [True, True, True, None]),
        ("(1 + 2) * n = 3 * n", [True, True, True, None]),
        ("-x < +0", [True, True, None, False]),
        ("n % 2 = 1", [True, False, True, None]),
        ("n / 2 = 0.5", [True, False, False, None]),
        ('"odd name" > 2', [False, False, True, True]),
        ("at < time '2013-06-01T00:00:00Z'", [True, False, None, False]),
        ("at + interval '1d' > time '2014-01-01'", [False, False, None, True]),
        ("day = date '2013-06-02'", [False, True, None, False]),
        ("length(text) = 3 and starts_with(lower(text), 'a')", [True, False, None, False]),
        ("contains(text, '%') or ends_with(upper(text), '_2')", [False, True, None, True]),
        ("coalesce(x, 9) = 9", [False, False, True, False]),
        ("greatest(abs(x), 3) = 4 or least(x, n) = 1", [True, False, False, True]),
        ("round(x, 0) = floor(x) and sqrt(4) = 2", [True, True, None, True]),
        ("year(at) = 2013 and month(at) <= 6 and hour(at) = 5 and weekday(day) = 2 and day(day) = 1", [True, False, None, False]),
        ("case when n = 1 then x > 0 when n = 2 then false else true end", [True, False, True, True]),
        ("case when n > 5 then true end is null", [True, True, True, True]),
        ("ln(ceil(x)) = 0 and trim(text) = text", [True, False, None, False]),
    ],
)
def test_a_row_expression_is_what_sql_says(text: str, values: list[bool | None]) -> None:
    assert of_rows(text) == values


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("count(*)", 4), ("count(x)", 3), ("sum(n)", 6.0), ("mean(n)", 2.0), ("min(x)", -4.0), ("max(text)", "b_2"), ("nulls(x)", 1),
        ("share(flag)", 2 / 3), ("var(n)", 1.0), ("std(n)", 1.0), ("mean(x + n) - min(n)", 1.25 * 2 + 0.75 - 1),
        ("count(*) > 3 and mean(case when n > 1 then 1 else 0 end) = 0.5", True),
    ],
)  # fmt: skip
def test_an_aggregate_is_over_all_rows_however_they_are_parted(text: str, value: object) -> None:
    parsed = parse_aggregate(text)
    whole = ROWS.select(take(parsed.partials))
    parts = merge([ROWS[:1].select(take(parsed.partials)), ROWS[1:].select(take(parsed.partials))], parsed.partials)
    for cells in (whole, parts):
        assert cells.select(parsed.value.alias("value")).item() == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "at its end: a column, a number"),
        ("x >", "at its end"),
        ("x > 1 1", "nothing is expected here any more"),
        ("x ; drop table y", "no word of the language"),
        ("x > 'open", "no word of the language"),
        ("read_csv('/etc/passwd') = 1", "there is no function 'read_csv'"),
        ("pl.col('x')", "no word of the language"),
        ("__import__('os')", "there is no function"),
        ("__known_time > 1", "no column's name"),
        ("select x from y", "nothing is expected"),
        ("x in (select 1)", "a number or a text is expected"),
        ("x in (n)", "a number or a text is expected"),
        ("x in (null)", "a number or a text is expected"),
        ("x not 1", "is expected after NOT"),
        ("mean(x) > 1", "looks at all rows"),
        ("text like n", "a text in 'single quotes' is expected"),
        ("text matches '['", "no regular expression (unclosed character class)"),
        (r"text matches '\w{900}'", "exceeds size limit"),
        ("text matches '(a{100}){100}'", "counted repetitions"),
        ("text matches '(?=a)'", "no regular expression"),
        ("length(text, 3) = 1", "takes 1 arguments"),
        ("starts_with(text, text)", "to be written out"),
        ("round(x, 'many') = 1", "cannot take these arguments"),
        ("day = date '2013-02-30'", "a day such as"),
        ("at > time 'soon'", "ISO 8601"),
        ("at > at + interval '3 hours'", "a length such as"),
        ("case x end", "'WHEN' is expected"),
        ("case when flag then x", "'END' is expected"),
        ("(" * 60 + "x" + ")" * 60 + " > 1", "nested more than 40 deep"),
        ("x > 1" + " and x > 1" * 300, "more than 800 words"),
        ("x > " + "1" * 5000, "longer than 4,000"),
        ("text matches '" + "a" * 400 + "'", "at most 300 characters"),
        ("and", "a value is expected"),
    ],
    ids=range(33),
)
def test_what_is_no_expression_is_told_with_its_place(text: str, why: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_row(text)
    assert why in str(caught.value)


@pytest.mark.parametrize(
    ("text", "why"),
    [("x", "stands in no aggregate"), ("1 = 1", "aggregates nothing"), ("mean(sum(x))", "no other one"), ("sum(*)", "a column, a number")],
)
def test_an_aggregate_sees_columns_by_its_functions_only(text: str, why: str) -> None:
    with pytest.raises(ExpressionError, match=why):
        parse_aggregate(text)


def test_a_text_is_no_column_of_the_same_name() -> None:
    parsed = parse_aggregate("count(x) + count('x')")
    assert ROWS.select(take(parsed.partials)).select(parsed.value.alias("v")).item() == 3 + 1


def test_columns_are_told_in_order_and_once() -> None:
    assert parse_row('n > 1 and x > n or "odd name" = 1').columns == ("n", "x", "odd name")


@pytest.mark.parametrize("character", [chr(code) for code in range(32, 127)], ids=range(32, 127))
def test_like_takes_every_other_character_as_it_is(character: str) -> None:
    quoted = character.replace("'", "''")
    found = pl.DataFrame({"text": [character, "é"]}).select(parse_row(f"text like '{quoted}'").value).to_series().to_list()
    assert found == [True, character in "%_"]
