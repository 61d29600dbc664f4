"""What is a filter, for each kind, and what users are told where it is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyball.core.errors import InvalidError
from flyball.tracking.search import Clause, Entity, Field, Kind, Operator, parse_filter
from flyball.tracking.search.clause import Value
from flyball.tracking.search.errors import (
    AttributeKeyError,
    ComparatorError,
    EntityTypeError,
    FilterClauseError,
    FilterTooLargeError,
    ListError,
    NullTestError,
    NumberExpectedError,
    QuotesExpectedError,
    TextExpectedError,
)

_O = Operator


def _one(text: str, of: Kind = Kind.RUN) -> tuple[str, str, Operator, Value]:
    (clause,) = parse_filter(text, of=of)
    return str(clause.field.entity), clause.field.key, clause.operator, clause.value


@pytest.mark.parametrize(
    ("text", "clause"),
    [
        ("metrics.a > 1", ("metric", "a", _O.GT, 1.0)),
        ("metric.`a b` <= -1.5e3", ("metric", "a b", _O.LE, -1500.0)),
        ('metrics."x/y"=.5', ("metric", "x/y", _O.EQ, 0.5)),
        ("metrics.val-loss < 2", ("metric", "val-loss", _O.LT, 2.0)),
        ("metrics.a.b.c != 2", ("metric", "a.b.c", _O.NE, 2.0)),
        ("params.lr = '0.1'", ("parameter", "lr", _O.EQ, "0.1")),
        ("parameters.lr like '%a_'", ("parameter", "lr", _O.LIKE, "%a_")),
        ('param.x iLike "A"', ("parameter", "x", _O.ILIKE, "A")),
        ("tags.`mlflow.parentRunId` = 'x'", ("tag", "mlflow.parentRunId", _O.EQ, "x")),
        ("params.'a b' = 'x'", ("parameter", "a b", _O.EQ, "x")),
        ("tags.'it''s' = 'x'", ("tag", "it's", _O.EQ, "x")),
        ("tags.t = 'it''s'", ("tag", "t", _O.EQ, "it's")),
        ('tags.t = "it\'s"', ("tag", "t", _O.EQ, "it's")),
        ("tags.t = 'a AND b OR c'", ("tag", "t", _O.EQ, "a AND b OR c")),
        ("tags.t = 'C:\\dir\\'", ("tag", "t", _O.EQ, "C:\\dir\\")),
        ("tags.é = 'ü'", ("tag", "é", _O.EQ, "ü")),
        ("tags.x is not null", ("tag", "x", _O.IS_NOT_NULL, None)),
        ("params.x IS NULL", ("parameter", "x", _O.IS_NULL, None)),
        ("attributes.status = 'FINISHED'", ("attribute", "status", _O.EQ, "FINISHED")),
        ("run.status != 'x'", ("attribute", "status", _O.NE, "x")),
        ("`Run name` = 'x'", ("attribute", "run_name", _O.EQ, "x")),
        ("created >= 5", ("attribute", "start_time", _O.GE, 5)),
        ("end_time < 99999999999999999999", ("attribute", "end_time", _O.LT, 1e20)),
        ("run_id IN ('a', \"b\",)", ("attribute", "run_id", _O.IN, ("a", "b"))),
        ("attr.run_id not in ('a')", ("attribute", "run_id", _O.NOT_IN, ("a",))),
        ("datasets.context LIKE 'tr%'", ("dataset", "context", _O.LIKE, "tr%")),
        ("dataset.digest IN ('a','b')", ("dataset", "digest", _O.IN, ("a", "b"))),
    ],
)
def test_runs_are_asked_for(text: str, clause: tuple[str, str, Operator, Value]) -> None:
    assert _one(text) == clause


@pytest.mark.parametrize(
    ("text", "of", "clause"),
    [
        ("experiment_id IN ('1','2')", Kind.EXPERIMENT, ("attribute", "experiment_id", _O.IN, ("1", "2"))),
        ("creation_time > 5", Kind.EXPERIMENT, ("attribute", "creation_time", _O.GT, 5)),
        ("tags.x IS NULL", Kind.EXPERIMENT, ("tag", "x", _O.IS_NULL, None)),
        ("params.lr = 0.01", Kind.LOGGED_MODEL, ("parameter", "lr", _O.EQ, "0.01")),
        ("tags.a IN ('x', 'y')", Kind.LOGGED_MODEL, ("tag", "a", _O.IN, ("x", "y"))),
        ("creation_time > 5", Kind.LOGGED_MODEL, ("attribute", "creation_timestamp", _O.GT, 5)),
        ("name ILIKE 'a%'", Kind.REGISTERED_MODEL, ("attribute", "name", _O.ILIKE, "a%")),
        ("version_number = '3'", Kind.MODEL_VERSION, ("attribute", "version_number", _O.EQ, 3)),
        ("run_id IN ('a')", Kind.MODEL_VERSION, ("attribute", "run_id", _O.IN, ("a",))),
    ],
)
def test_other_kinds_have_their_own_fields(text: str, of: Kind, clause: tuple[str, str, Operator, Value]) -> None:
    assert _one(text, of) == clause


def test_all_clauses_are_to_hold() -> None:
    found = parse_filter("metrics.a>1 and params.b='c' AND tags.d != 'e'", of=Kind.RUN)
    assert [clause.field for clause in found] == [Field(Entity.METRIC, "a"), Field(Entity.PARAM, "b"), Field(Entity.TAG, "d")]
    assert parse_filter("", of=Kind.RUN) == parse_filter(None, of=Kind.RUN) == parse_filter(" \n", of=Kind.RUN) == ()


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("metrics.a > 1 OR metrics.b > 2", FilterClauseError, "Invalid clause(s) in filter string: 'OR metrics.b > 2'"),
        ("metrics.a > 1; DROP TABLE runs", FilterClauseError, "'; DROP TABLE runs'"),
        ("(metrics.a > 1)", FilterClauseError, "'(metrics.a > 1)'"),
        ("metrics.a > 1 AND", FilterClauseError, "Invalid clause(s)"),
        ("metrics.a", FilterClauseError, "Invalid clause(s)"),
        ("> 1", FilterClauseError, "Invalid clause(s)"),
        ("tags.a = 'x", FilterClauseError, "''x'"),
        ("tags.a = 'x' --", FilterClauseError, "'--'"),
        ("foo.bar = 'x'", EntityTypeError, "Invalid entity type 'foo'. Valid values are ["),
        ("Metrics.a > 1", EntityTypeError, "Invalid entity type 'Metrics'"),
        ("attributes.foo = 'x'", AttributeKeyError, "Invalid attribute key 'foo' specified. Valid keys are ["),
        ("datasets.foo = 'x'", AttributeKeyError, "Invalid dataset key 'foo' specified"),
        ("metrics.a > 'x'", NumberExpectedError, "Expected numeric value type for metric. Found 'x'"),
        ("metrics.a > NaN", NumberExpectedError, "Found NaN"),
        ("start_time > 'x'", NumberExpectedError, "Expected numeric value type for numeric attribute: start_time. Found 'x'"),
        ("params.a = 1", TextExpectedError, "Expected a quoted string value for parameter (e.g. 'my-value'). Got value 1"),
        ("tags.a = foo", QuotesExpectedError, "Parameter value is either not quoted or unidentified quote types used for string value foo"),
        ("tags.a = `foo`", QuotesExpectedError, "string value `foo`"),
        ("metrics.a LIKE 'x'", ComparatorError, "Invalid comparator 'LIKE' not one of ['>', '>=', '!=', '=', '<', '<=']"),
        ("params.a > 'x'", ComparatorError, "Invalid comparator '>' not one of"),
        ("tags.a NOT LIKE 'x'", ComparatorError, "Invalid comparator 'NOT LIKE'"),
        ("metrics.a == 1", ComparatorError, "Invalid comparator '=='"),
        ("metrics.z IS NULL", NullTestError, "IS NULL / IS NOT NULL is only supported for tags and params, not for metric 'z'"),
        ("run_id IN ()", ListError, "expected a non-empty list of string values, but got empty list"),
        ("run_id IN (1, 2)", ListError, "got different type in list"),
        ("run_id IN ('a' 'b')", ListError, "got ill-formed list"),
        ("run_id IN ('a'", ListError, "it has no end"),
        ("run_name IN ('a')", ListError, "only ['run_id'] support comparison with a list of quoted string values"),
        ("tags.a = 'x\0y'", FilterClauseError, "without NUL"),
        ("tags.a = '\ud800'", FilterClauseError, "without surrogates"),
    ],
)
def test_users_are_told_what_is_wrong(text: str, error: type[InvalidError], said: str) -> None:
    with pytest.raises(error) as raised:
        parse_filter(text, of=Kind.RUN)
    assert said in str(raised.value)


def test_what_is_too_much_is_refused_in_a_short_sentence() -> None:
    for text in ("tags.a = '" + "x" * 400_000 + "'", " AND ".join(["metrics.a > 1"] * 101), "run_id IN (" + "'a'," * 20_001 + ")"):
        with pytest.raises(FilterTooLargeError) as raised:
            parse_filter(text, of=Kind.RUN)
        assert len(str(raised.value)) < 300


_NAMES = 'metrics.a params.`b` tags."d" run_id AND OR NOT IN IS NULL LIKE \'x\' "y" `z` 1 -2.5'
_SIGNS = "= != > ( ) , '' ' \" ` ; -- é . .. % \\"
_pieces = st.sampled_from([*_NAMES.split(), *_SIGNS.split(), "params.`b c`", "\0", "\ud800", "\U0001f600", "\n", "'; DROP TABLE runs; --"])


@given(st.lists(_pieces, max_size=30).map(" ".join) | st.text(max_size=200), st.sampled_from(Kind))
def test_any_text_is_a_filter_or_a_clear_error(text: str, of: Kind) -> None:
    try:
        told = repr(parse_filter(text, of=of))
    except InvalidError as error:
        told = str(error)
    assert len(told) < 5_000


_values = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)


@given(_values.filter(bool), _values, st.sampled_from(["'", '"']), st.sampled_from(["`", '"']))
def test_any_key_and_any_text_can_be_quoted(key: str, value: str, quote: str, mark: str) -> None:
    text = f"tags.{mark}{key.replace(mark, mark * 2)}{mark} = {quote}{value.replace(quote, quote * 2)}{quote}"
    assert parse_filter(text, of=Kind.RUN) == (Clause(Field(Entity.TAG, key), Operator.EQ, value),)
