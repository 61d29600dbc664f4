"""A filter as values: what is compared, how, and with what. Nothing here knows how it was written or where it is looked up."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

Value: TypeAlias = str | int | float | tuple[str, ...] | None


class Kind(StrEnum):
    """What is searched for; each has its own fields."""

    RUN = "run"
    EXPERIMENT = "experiment"
    LOGGED_MODEL = "logged model"
    REGISTERED_MODEL = "registered model"
    MODEL_VERSION = "model version"


class Entity(StrEnum):
    """What a field belongs to; the value is the word in messages."""

    METRIC = "metric"
    PARAM = "parameter"
    TAG = "tag"
    ATTRIBUTE = "attribute"
    DATASET = "dataset"


class Operator(StrEnum):
    """How a field is compared."""

    EQ = "="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    LIKE = "LIKE"
    ILIKE = "ILIKE"
    IN = "IN"
    NOT_IN = "NOT IN"
    IS_NULL = "IS NULL"
    IS_NOT_NULL = "IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Field:
    """A key of an entity, under its one true name: aliases are gone."""

    entity: Entity
    key: str

    def __str__(self) -> str:
        return f"{self.entity} '{self.key}'"


@dataclass(frozen=True, slots=True)
class Clause:
    """One comparison; `value` is None for the tests of NULL, a tuple for lists, an int or a float for numbers, else a text."""

    field: Field
    operator: Operator
    value: Value = None


@dataclass(frozen=True, slots=True)
class Order:
    """One field to order by; missing values come last in either direction.

    `dataset` and `digest` narrow a logged model's metric to what was measured on that dataset.
    """

    field: Field
    ascending: bool = True
    dataset: str | None = None
    digest: str | None = None
