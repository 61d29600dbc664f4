"""A search among registered models or versions as a value, and what it means: the SQL of a store only makes it quick."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from flyball.core.duration import microseconds
from flyball.registry.registered import RegisteredModel, RegisteredVersion
from flyball.tracking.search import Clause, Entity, Operator, Order

Part: TypeAlias = str | int | float | None
Facts: TypeAlias = Mapping[str, str | int]

IS_PROMPT = "mlflow.prompt.is_prompt"
"""The tag by which MLflow's client tells prompts from models; it asks for models as those that do not have it."""

_COMPARE: Mapping[Operator, Callable[[str | int, str | int | float], bool]] = {
    Operator.EQ: lambda found, asked: found == asked,
    Operator.NE: lambda found, asked: found != asked,
    Operator.LT: lambda found, asked: found < asked,  # type: ignore[operator]  # the grammar compares numbers with numbers only
    Operator.LE: lambda found, asked: found <= asked,  # type: ignore[operator]  # as above
    Operator.GT: lambda found, asked: found > asked,  # type: ignore[operator]  # as above
    Operator.GE: lambda found, asked: found >= asked,  # type: ignore[operator]  # as above
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """All `clauses` hold; ordered by `order`, which leaves no two rows equal; those after the sort key `after`, at most `limit`.

    `prompts` asks for MLflow's prompts instead of models.
    """

    clauses: tuple[Clause, ...] = ()
    order: tuple[Order, ...]
    limit: int
    after: tuple[Part, ...] | None = None
    prompts: bool = False


def without_prompts(clauses: Iterable[Clause]) -> tuple[tuple[Clause, ...], bool]:
    """The clauses that do not speak of prompts, and whether those that do ask for prompts."""
    kept, prompts = [], False
    for clause in clauses:
        if clause.field.entity is not Entity.TAG or clause.field.key != IS_PROMPT:
            kept.append(clause)
        elif isinstance(clause.value, str):
            said = clause.value.lower()
            prompts = (clause.operator, said) in {(Operator.EQ, "true"), (Operator.NE, "false")}
    return tuple(kept), prompts


def facts_of(item: RegisteredModel | RegisteredVersion) -> tuple[Facts, Mapping[str, str]]:
    """The attributes that a filter or an order may name, and the tags. Times of creation of versions are in microseconds."""
    if isinstance(item, RegisteredModel):
        times: Facts = {"creation_timestamp": item.created_ms, "last_updated_timestamp": item.updated_ms}
        return {"name": item.name, **times}, item.tags
    facts: Facts = {
        "name": item.name,
        "version_number": item.number,
        "run_id": item.made.run,
        "source_path": item.source,
        "creation_timestamp": microseconds(item.made.created),
        "last_updated_timestamp": item.updated_ms,
    }
    return facts, item.own_tags


def matches(clause: Clause, facts: Facts, *, tags: Mapping[str, str]) -> bool:
    """Whether a row with these attributes and tags satisfies the clause; a tag that is missing satisfies none."""
    found = tags.get(clause.field.key) if clause.field.entity is Entity.TAG else facts.get(clause.field.key)
    if found is None:
        return False
    match clause.operator, clause.value:
        case Operator.LIKE | Operator.ILIKE, str() as pattern:
            return bool(_pattern(pattern, folded=clause.operator is Operator.ILIKE).fullmatch(str(found)))
        case Operator.IN, tuple() as listed:
            return found in listed
        case Operator.NOT_IN, tuple() as listed:
            return found not in listed
        case operator, str() | int() | float() as value if operator in _COMPARE:
            return _COMPARE[operator](found, value)
    return False


@lru_cache(256)
def _pattern(pattern: str, *, folded: bool) -> re.Pattern[str]:
    wild = {"%": ".*", "_": "."}
    text = "".join(wild.get(letter) or re.escape(letter) for letter in re.sub("%+", "%", pattern))
    return re.compile(text, re.DOTALL | (re.IGNORECASE if folded else 0))
