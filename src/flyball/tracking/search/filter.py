"""MLflow's filters: comparisons joined by AND, parsed to values that are bound and never written into SQL."""

from __future__ import annotations

import re

from flyball.tracking.search.clause import Clause, Entity, Field, Kind, Operator
from flyball.tracking.search.errors import (
    ComparatorError,
    FilterClauseError,
    FilterTooLargeError,
    ListError,
    NullTestError,
    NumberExpectedError,
    QuotesExpectedError,
    TextExpectedError,
)
from flyball.tracking.search.lexer import Sort, Token, name_parts, tokens, unquoted
from flyball.tracking.search.vocabulary import LISTS, NULLS, VOCABULARIES, Vocabulary

MAX_CLAUSES = 100
MAX_LISTED = 20_000
_EXACT = 2**63 - 1  # beyond it a column of whole numbers is compared with the nearest float
_OPERATORS = {str(operator): operator for operator in Operator}
_WORDS = frozenset({"AND", "OR", "NOT", "IN", "IS", "NULL", "LIKE", "ILIKE"})


def parse_filter(text: str | None, *, of: Kind) -> tuple[Clause, ...]:
    """The comparisons of `text`, all of which must hold; none for an empty text. Deterministic, linear in the text's length.

    Raises:
        InvalidError: one of `flyball.tracking.search.errors`: it is no filter for this kind.
    """
    return _Parser(text or "", VOCABULARIES[of]).clauses()


class _Parser:
    """One walk over the tokens of one text."""

    def __init__(self, text: str, vocabulary: Vocabulary) -> None:
        self._text, self._vocabulary = text, vocabulary
        self._tokens = tokens(text)
        self._next = 0

    def clauses(self) -> tuple[Clause, ...]:
        if not self._tokens:
            return ()
        found = [self._clause()]
        while self._next < len(self._tokens):
            if self._word() != "AND":
                raise self._refused(self._next)
            self._next += 1
            found.append(self._clause())
            if len(found) > MAX_CLAUSES:
                raise FilterTooLargeError("clauses", sum(token.text.upper() == "AND" for token in self._tokens) + 1, limit=MAX_CLAUSES)
        return tuple(found)

    def _peek(self) -> Token | None:
        return self._tokens[self._next] if self._next < len(self._tokens) else None

    def _word(self) -> str:
        token = self._peek()
        return token.text.upper() if token is not None and token.sort is Sort.NAME else ""

    def _refused(self, at: int) -> FilterClauseError:
        start = self._tokens[at].start if at < len(self._tokens) else len(self._text)
        return FilterClauseError(self._text[start:] if start < len(self._text) else self._text)

    def _clause(self) -> Clause:
        begin = self._next
        name = self._peek()
        if name is None or name.sort is not Sort.NAME or name.text.upper() in _WORDS:
            raise self._refused(begin)
        self._next += 1
        operator = self._operator(begin, name.text)
        of = self._vocabulary.field(*name_parts(name.text))
        valid = self._vocabulary.operators(of)
        if operator in NULLS and operator not in valid:
            raise NullTestError(str(of), valid="tags and params" if Entity.PARAM in self._vocabulary.words.values() else "tags")
        if operator not in valid:
            raise ComparatorError(str(of), operator, valid=valid)
        return Clause(of, operator) if operator in NULLS else Clause(of, operator, self._value(of, operator, begin=begin))

    def _operator(self, begin: int, name: str) -> Operator:
        token = self._peek()
        if token is None:
            raise self._refused(begin)
        self._next += 1
        if token.sort is Sort.COMPARATOR and token.text in _OPERATORS:
            return _OPERATORS[token.text]
        if token.sort is Sort.COMPARATOR:
            raise ComparatorError(name, token.text, valid=_OPERATORS)
        words = token.text.upper() if token.sort is Sort.NAME else ""
        for _ in range(2):  # IS NULL, IS NOT NULL, NOT IN
            if words in {"IS", "IS NOT", "NOT"} and self._word():
                words = f"{words} {self._word()}"
                self._next += 1
        if words in _OPERATORS:
            return _OPERATORS[words]
        if words in {"NOT LIKE", "NOT ILIKE", "RLIKE"}:
            raise ComparatorError(name, words, valid=_OPERATORS)
        raise self._refused(begin)

    def _value(self, of: Field, operator: Operator, *, begin: int) -> str | int | float | tuple[str, ...]:
        token = self._peek()
        if token is None:
            raise self._refused(begin)
        if operator in LISTS:
            return self._list(of, begin)
        if token.sort is Sort.OPEN:
            self._list(of, begin)
            raise ComparatorError(str(of), f"{operator} with a list", valid=LISTS)
        self._next += 1
        if self._vocabulary.numeric(of):
            return _number(of, self._unquoted_number(token))
        if self._vocabulary.bare_numbers and token.sort is Sort.NUMBER:
            return token.text
        text = _text(token)
        if text is None and token.sort is Sort.NAME:
            raise QuotesExpectedError(token.text)
        if text is None:
            raise TextExpectedError(str(of.entity), token.text)
        return text

    def _unquoted_number(self, token: Token) -> Token:
        text = _text(token) if self._vocabulary.quoted_numbers else None
        return Token(Sort.NUMBER, text, token.start) if text is not None and re.fullmatch("[0-9]{1,18}", text) else token

    def _list(self, of: Field, begin: int) -> tuple[str, ...]:
        if of.entity is Entity.ATTRIBUTE and of.key not in self._vocabulary.lists:
            raise ListError.unsupported(of.key, valid=self._vocabulary.lists)
        open_, found = self._peek(), list[str]()
        if open_ is None or open_.sort is not Sort.OPEN:
            raise self._refused(begin)
        self._next += 1
        while (token := self._peek()) is not None and token.sort is not Sort.CLOSE:
            found.append(self._listed(token))
        if token is None:
            raise ListError(self._text[open_.start :], "it has no end")
        self._next += 1
        if not found:
            raise ListError("()", "got empty list")
        if len(found) > MAX_LISTED:
            raise FilterTooLargeError("values in a list", len(found), limit=MAX_LISTED)
        return tuple(found)

    def _listed(self, token: Token) -> str:
        text = _text(token)
        if text is None:
            raise ListError(self._text[token.start :], "got different type in list")
        self._next += 1
        after = self._peek()
        if after is not None and after.sort is Sort.COMMA:
            self._next += 1
        elif after is not None and after.sort is not Sort.CLOSE:
            raise ListError(self._text[after.start :], "got ill-formed list")
        return text


def _text(token: Token) -> str | None:
    if token.sort is Sort.TEXT:
        return unquoted(token.text, "'")
    return unquoted(token.text, '"') if token.sort is Sort.NAME else None


def _number(of: Field, token: Token) -> int | float:
    if token.sort is not Sort.NUMBER:
        raise NumberExpectedError("metric" if of.entity is Entity.METRIC else f"numeric attribute: {of.key}", token.text)
    if of.entity is Entity.METRIC or not token.text.lstrip("-").isdigit() or len(token.text) > len(str(_EXACT)) + 1:
        return float(token.text)
    whole = int(token.text)
    return whole if abs(whole) <= _EXACT else float(whole)
