"""Expressions that people write in contract files: SQL's operators over a row's columns, and aggregates over all rows.

`a = b and c is not null`, `mean(delay) - min(delay)`. Names are columns; words in 'single quotes' are texts. A capital or a
small letter makes no difference in the language's own words. Null is as in SQL.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, NoReturn

import polars as pl

from flyball.core.duration import parse_duration
from flyball.core.errors import DurationError
from flyball.data.contracts.calls import AGGREGATES, FUNCTIONS, aggregate
from flyball.data.contracts.errors import ExpressionError
from flyball.data.contracts.partials import Partial
from flyball.data.contracts.tokens import MAX_DEPTH, Token, pattern_fault, tokens
from flyball.data.contracts.wildcards import like_pattern
from flyball.data.model import TIME

_COMPARE: dict[str, Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
    "=": lambda a, b: a == b, "==": lambda a, b: a == b, "!=": lambda a, b: a != b, "<>": lambda a, b: a != b,
    "<": lambda a, b: a < b, "<=": lambda a, b: a <= b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b,
}  # fmt: skip
_ADD: dict[str, Callable[[pl.Expr, pl.Expr], pl.Expr]] = {"+": lambda a, b: a + b, "-": lambda a, b: a - b}
_MULTIPLY: dict[str, Callable[[pl.Expr, pl.Expr], pl.Expr]] = {"*": lambda a, b: a * b, "/": lambda a, b: a / b, "%": lambda a, b: a % b}
_RESERVED = {"and", "or", "not", "in", "is", "between", "like", "matches", "case", "when", "then", "else", "end", "null", "true", "false"}
_NOTHING = object()


@dataclass(frozen=True)
class Expression:
    """What a text means: `value` over the `columns` of a row, or, with `partials`, over the cells that these have of all rows."""

    text: str
    value: pl.Expr
    columns: tuple[str, ...]
    partials: tuple[Partial, ...] = ()


def parse_row(text: str) -> Expression:
    """The meaning of `text` for one row.

    Raises:
        ExpressionError: it is no such expression, or a bigger one than may be written.
    """
    return _Parser(text).parse()


def parse_aggregate(text: str) -> Expression:
    """The meaning of `text` for all rows: columns stand inside of aggregates only.

    Raises:
        ExpressionError: it is no such expression, or a bigger one than may be written.
    """
    found = _Parser(text, whole=True).parse()
    if not found.partials:
        raise ExpressionError(text, len(text), why=f"it aggregates nothing; use one of {', '.join(AGGREGATES)}")
    return found


@dataclass(frozen=True)
class _Value:
    expr: pl.Expr
    literal: Any = _NOTHING


@dataclass
class _Cursor:
    """The words of a text, taken one by one."""

    text: str
    position: int = 0

    def __post_init__(self) -> None:
        self.tokens = tokens(self.text)

    @property
    def _now(self) -> Token:
        return self.tokens[self.position]

    def _next(self) -> Token:
        token = self._now
        self.position += token.kind != "end"
        return token

    def _take(self, *words: str) -> Token | None:
        return self._next() if self._now.is_word(*words) else None

    def _expect(self, word: str) -> None:
        if self._take(word) is None:
            self._fail(f"{word.upper()!r} is expected")

    def _fail(self, why: str, at: Token | None = None) -> NoReturn:
        raise ExpressionError(self.text, (at or self._now).place, why=why)


@dataclass
class _Parser(_Cursor):
    """Recursive descent, one method per level of precedence. Used once."""

    whole: bool = False
    inside: bool = False
    depth: int = 0
    columns: dict[str, None] = field(default_factory=dict)
    partials: dict[str, Partial] = field(default_factory=dict)

    def parse(self) -> Expression:
        value = self._or()
        if self._now.kind != "end":
            self._fail("nothing is expected here any more")
        return Expression(self.text, value.expr, tuple(self.columns), tuple(self.partials.values()))

    def _or(self) -> _Value:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self._fail(f"it is nested more than {MAX_DEPTH} deep")
        value = self._and()
        while self._take("or"):
            value = _Value(value.expr | self._and().expr)
        self.depth -= 1
        return value

    def _and(self) -> _Value:
        value = self._not()
        while self._take("and"):
            value = _Value(value.expr & self._not().expr)
        return value

    def _not(self) -> _Value:
        negate = False
        while self._take("not"):
            negate = not negate
        value = self._comparison()
        return _Value(~value.expr) if negate else value

    def _comparison(self) -> _Value:
        left = self._sum()
        operator = self._take(*_COMPARE)
        if operator is not None:
            return _Value(_COMPARE[operator.text](left.expr, self._sum().expr))
        if self._take("is"):
            negate = self._take("not")
            self._expect("null")
            return _Value(left.expr.is_not_null() if negate else left.expr.is_null())
        negate = self._take("not")
        found = self._member(left)
        if found is None:
            if negate:
                self._fail("IN, BETWEEN, LIKE or MATCHES is expected after NOT")
            return left
        return _Value(~found if negate else found)

    def _member(self, left: _Value) -> pl.Expr | None:
        if self._take("in"):
            return left.expr.is_in(self._literals())
        if self._take("between"):
            low = self._sum().expr
            self._expect("and")
            return left.expr.is_between(low, self._sum().expr)
        if self._take("like"):
            return left.expr.str.contains(self._pattern(self._text(), like=True))
        if self._take("matches"):
            return left.expr.str.contains(self._pattern(self._text(), like=False))
        return None

    def _literals(self) -> list[Any]:
        self._expect("(")
        found = [self._literal()]
        while self._take(","):
            found.append(self._literal())
        self._expect(")")
        return found

    def _literal(self) -> Any:
        begun = self._now
        value = self._unary()
        if value.literal is _NOTHING or value.literal is None:
            self._fail("a number or a text is expected", at=begun)
        return value.literal

    def _text(self) -> Token:
        if self._now.kind != "text":
            self._fail("a text in 'single quotes' is expected")
        return self._next()

    def _pattern(self, token: Token, *, like: bool) -> str:
        pattern = like_pattern(token.text) if like else token.text
        fault = pattern_fault(pattern)
        if fault is not None:
            self._fail(fault, at=token)
        return pattern

    def _sum(self) -> _Value:
        value = self._product()
        while operator := self._take(*_ADD):
            value = _Value(_ADD[operator.text](value.expr, self._product().expr))
        return value

    def _product(self) -> _Value:
        value = self._unary()
        while operator := self._take(*_MULTIPLY):
            value = _Value(_MULTIPLY[operator.text](value.expr, self._unary().expr))
        return value

    def _unary(self) -> _Value:
        negate = False
        while operator := self._take("-", "+"):
            negate ^= operator.text == "-"
        value = self._primary()
        if not negate:
            return value
        if isinstance(value.literal, int | float) and not isinstance(value.literal, bool):
            return _Value(pl.lit(-value.literal), -value.literal)
        return _Value(-value.expr)

    def _primary(self) -> _Value:
        token = self._next()
        if token.is_word("("):
            value = self._or()
            self._expect(")")
            return value
        if token.kind == "number":
            number: int | float = int(token.text) if token.text.isdigit() and len(token.text) < 19 else float(token.text)
            return _Value(pl.lit(number), number)
        if token.kind == "text":
            return _Value(pl.lit(token.text), token.text)
        if token.kind == "quoted":
            return self._column(token)
        if token.kind != "name":
            self._fail("a column, a number, a text or '(' is expected", at=token)
        return self._named(token)

    def _named(self, token: Token) -> _Value:
        word = token.text.lower()
        constants = {"true": True, "false": False, "null": None}
        if word in constants:
            return _Value(pl.lit(constants[word]), constants[word])
        if word == "case":
            return self._case()
        if word in {"date", "time", "interval"} and self._now.kind == "text":
            return self._moment(word, self._next())
        if self._now.is_word("("):
            return self._call(token)
        if word in _RESERVED:
            self._fail("a value is expected", at=token)
        return self._column(token)

    def _column(self, token: Token) -> _Value:
        if self.whole and not self.inside:
            self._fail(f"the column stands in no aggregate, such as mean({token.text})", at=token)
        if not token.text or token.text.startswith("__"):
            self._fail("this is no column's name", at=token)
        self.columns[token.text] = None
        return _Value(pl.col(token.text))

    def _moment(self, word: str, token: Token) -> _Value:
        try:
            if word == "interval":
                length = parse_duration(token.text)
                return _Value(pl.lit(length), length)
            if word == "date":
                day = date.fromisoformat(token.text)
                return _Value(pl.lit(day), day)
            moment = datetime.fromisoformat(token.text)
            moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
            return _Value(pl.lit(moment, dtype=TIME), moment)
        except (ValueError, OverflowError, DurationError):
            self._fail(
                {"interval": "a length such as '3h'", "date": "a day such as '2013-01-31'"}.get(word, "a time in ISO 8601"), at=token
            )

    def _case(self) -> _Value:
        branches = []
        while self._take("when"):
            condition = self._or().expr
            self._expect("then")
            branches.append((condition, self._or().expr))
        if not branches:
            self._fail("'WHEN' is expected")
        otherwise = self._or().expr if self._take("else") else pl.lit(None)
        self._expect("end")
        for condition, value in reversed(branches):
            otherwise = pl.when(condition).then(value).otherwise(otherwise)
        return _Value(otherwise)

    def _call(self, token: Token) -> _Value:
        word = token.text.lower()
        if word in AGGREGATES:
            return self._aggregate(token)
        if word not in FUNCTIONS:
            self._fail(f"there is no function {token.text!r}; there are {', '.join((*FUNCTIONS, *AGGREGATES))}", at=token)
        arguments = self._arguments()
        function = FUNCTIONS[word]
        if not function.least <= len(arguments) <= function.most:
            self._fail(f"{word} takes {function.takes} arguments", at=token)
        for number in function.literal:
            if number < len(arguments) and arguments[number].literal in {_NOTHING, None}:
                self._fail(f"argument {number + 1} of {word} is to be written out", at=token)
        try:
            given = [value.literal if number in function.literal else value.expr for number, value in enumerate(arguments)]
            return _Value(function.make(*given))
        except (TypeError, ValueError, OverflowError) as error:
            raise ExpressionError(self.text, token.place, why=f"{word} cannot take these arguments") from error

    def _arguments(self) -> list[_Value]:
        self._expect("(")
        found: list[_Value] = []
        if self._take(")"):
            return found
        found.append(self._or())
        while self._take(","):
            found.append(self._or())
        self._expect(")")
        return found

    def _aggregate(self, token: Token) -> _Value:
        word = token.text.lower()
        if not self.whole:
            self._fail(f"{word} looks at all rows; write a check of kind aggregate", at=token)
        if self.inside:
            self._fail("an aggregate stands in no other one", at=token)
        begun = self.position
        self._expect("(")
        every = self._take("*") if word == "count" else None
        self.inside = True
        argument = None if every else self._or().expr
        self.inside = False
        self._expect(")")
        key = " ".join(f"{found.kind[0]}:{found.text}" for found in self.tokens[begun : self.position])  # a text is no column
        value, partials = aggregate(word, argument, key=key)
        self.partials |= {partial.name: partial for partial in partials}
        return _Value(value)
