"""MLflow's orders: a field, then ASC or DESC; what is missing comes last in either direction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flyball.tracking.search.clause import Entity, Field, Kind, Order
from flyball.tracking.search.errors import (
    FilterClauseError,
    FilterTooLargeError,
    OrderClauseError,
    OrderFieldError,
    OrderTwiceError,
)
from flyball.tracking.search.lexer import Sort, name_parts, tokens
from flyball.tracking.search.vocabulary import VOCABULARIES, Vocabulary

MAX_ORDERS = 20


def _attribute(key: str, *, ascending: bool) -> Order:
    return Order(Field(Entity.ATTRIBUTE, key), ascending)


_DEFAULT = {
    Kind.EXPERIMENT: (_attribute("creation_time", ascending=False), _attribute("experiment_id", ascending=True)),
    Kind.MODEL_VERSION: (_attribute("last_updated_timestamp", ascending=False),),
}
_TIES = {
    Kind.RUN: (_attribute("start_time", ascending=False), _attribute("run_id", ascending=True)),
    Kind.EXPERIMENT: (_attribute("experiment_id", ascending=False),),
    Kind.LOGGED_MODEL: (_attribute("creation_timestamp", ascending=False), _attribute("model_id", ascending=True)),
    Kind.REGISTERED_MODEL: (_attribute("name", ascending=True),),
    Kind.MODEL_VERSION: (_attribute("name", ascending=True), _attribute("version_number", ascending=False)),
}


def parse_order(clauses: Sequence[str], *, of: Kind) -> tuple[Order, ...]:
    """A total order: what was asked for, then what decides between equals. Nothing asked gives the kind's own order.

    Raises:
        OrderClauseError, OrderFieldError, OrderTwiceError, EntityTypeError, AttributeKeyError: it is no order of this kind.
    """
    if len(clauses) > MAX_ORDERS:
        raise FilterTooLargeError("orders", len(clauses), limit=MAX_ORDERS)
    asked = [_parsed(clause, VOCABULARIES[of]) for clause in clauses]
    if len({order.field for order in asked}) != len(asked):
        raise OrderTwiceError(clauses)
    return total_order(asked, of=of)


def total_order(asked: Sequence[Order], *, of: Kind) -> tuple[Order, ...]:
    """What was asked, and after it what decides between equals, so that every row has one place."""
    begun = tuple(asked) or _DEFAULT.get(of, ())
    fields = {order.field for order in begun}
    return (*begun, *(tie for tie in _TIES[of] if tie.field not in fields))


def parse_model_order(field: str, *, ascending: bool = True, dataset: str | None = None, digest: str | None = None) -> Order:
    """One order of logged models, which the protocol sends in parts: an attribute, or `metrics.NAME`, of a dataset where one is named.

    Raises:
        OrderClauseError, OrderFieldError: it is none.
    """
    vocabulary = VOCABULARIES[Kind.LOGGED_MODEL]
    word, dot, key = field.strip().partition(".")
    if dot and word == "metrics" and key:
        return Order(Field(Entity.METRIC, key.removeprefix("`").removesuffix("`")), ascending, dataset, digest)
    name = vocabulary.aliases.get(word, word)
    if dot or name not in vocabulary.orders:
        raise OrderFieldError(field, valid={*vocabulary.orders, "metrics.<name>"})
    return Order(Field(Entity.ATTRIBUTE, name), ascending)


def model_order(asked: Mapping[str, Any]) -> Order:
    """The same, of the protocol's own parts: `field_name`, `ascending`, `dataset_name`, `dataset_digest`.

    Raises:
        OrderClauseError, OrderFieldError: it is none.
    """
    field, ascending = asked.get("field_name"), asked.get("ascending")
    dataset, digest = asked.get("dataset_name") or None, asked.get("dataset_digest") or None
    if not isinstance(field, str) or not isinstance(ascending, bool | None) or (digest is not None and dataset is None):
        raise OrderClauseError(str(dict(asked)))
    return parse_model_order(field, ascending=ascending is not False, dataset=dataset, digest=digest)


def _parsed(clause: str, vocabulary: Vocabulary) -> Order:
    try:
        found = tokens(clause)
    except FilterClauseError:
        raise OrderClauseError(clause) from None
    if not found or len(found) > 2 or any(token.sort is not Sort.NAME for token in found):
        raise OrderClauseError(clause)
    direction = found[1].text.upper() if len(found) == 2 else "ASC"
    if direction not in {"ASC", "DESC"}:
        raise OrderClauseError(clause)
    return Order(_field(*name_parts(found[0].text), vocabulary=vocabulary), direction == "ASC")


def _field(word: str | None, key: str, *, vocabulary: Vocabulary) -> Field:
    true = vocabulary.aliases.get(key, key)
    attribute = word is None or vocabulary.words.get(word) is Entity.ATTRIBUTE
    if attribute and true in vocabulary.orders:
        return Field(Entity.ATTRIBUTE, true)
    if attribute:
        raise OrderFieldError(key, valid=vocabulary.orders)
    found = vocabulary.field(word, key)
    if found.entity not in vocabulary.ordered_entities:
        raise OrderFieldError(f"{word}.{key}", valid=vocabulary.orders)
    return found
