"""Which fields each kind of thing has, and how each may be compared: facts of MLflow's protocol, as tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from flyball.tracking.search.clause import Entity, Field, Kind, Operator
from flyball.tracking.search.errors import AttributeKeyError, EntityTypeError

_O = Operator
NUMERIC = (_O.GT, _O.GE, _O.NE, _O.EQ, _O.LT, _O.LE)
TEXTUAL = (_O.NE, _O.EQ, _O.LIKE, _O.ILIKE)
LISTED = (*TEXTUAL, _O.IN, _O.NOT_IN)
NULLABLE = (*TEXTUAL, _O.IS_NULL, _O.IS_NOT_NULL)
LISTS = (_O.IN, _O.NOT_IN)
NULLS = (_O.IS_NULL, _O.IS_NOT_NULL)

_RUN_WORDS = {
    "metric": Entity.METRIC, "metrics": Entity.METRIC,
    "parameter": Entity.PARAM, "parameters": Entity.PARAM, "param": Entity.PARAM, "params": Entity.PARAM,
    "tag": Entity.TAG, "tags": Entity.TAG,
    "attribute": Entity.ATTRIBUTE, "attributes": Entity.ATTRIBUTE, "attr": Entity.ATTRIBUTE, "run": Entity.ATTRIBUTE,
    "dataset": Entity.DATASET, "datasets": Entity.DATASET,
}  # fmt: skip
_TAG_WORDS = {"attribute": Entity.ATTRIBUTE, "attributes": Entity.ATTRIBUTE, "tag": Entity.TAG, "tags": Entity.TAG}
_MODEL_WORDS = {word: entity for word, entity in _RUN_WORDS.items() if entity is not Entity.DATASET and word != "run"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """One kind's fields. `texts` and `numbers` are attributes by name, `aliases` other spellings of them.

    `lists` may be compared with IN; `orders` may be ordered by; `entities` have keys of any name.
    """

    words: Mapping[str, Entity]
    texts: frozenset[str]
    numbers: frozenset[str] = frozenset()
    aliases: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    lists: frozenset[str] = frozenset()
    narrow: Mapping[str, tuple[Operator, ...]] = field(default_factory=lambda: MappingProxyType({}))
    keyed: tuple[Operator, ...] = TEXTUAL
    orders: frozenset[str] = frozenset()
    ordered_entities: tuple[Entity, ...] = ()
    datasets: frozenset[str] = frozenset()
    bare_numbers: bool = False  # params.lr = 0.01 is compared as the text '0.01'
    quoted_numbers: bool = False  # version_number = '3' is compared as the number 3

    def field(self, word: str | None, key: str) -> Field:
        """The field that is written so in a filter.

        Raises:
            EntityTypeError, AttributeKeyError: there is none.
        """
        entity = Entity.ATTRIBUTE if word is None else self.words.get(word)
        if entity is None:
            raise EntityTypeError(word or "", valid=self.words)
        true = self.aliases.get(key, key) if entity is Entity.ATTRIBUTE else key
        known = {Entity.ATTRIBUTE: self.texts | self.numbers, Entity.DATASET: self.datasets}.get(entity)
        if known is not None and true not in known:
            raise AttributeKeyError(str(entity), key, valid=known)
        return Field(entity, true)

    def numeric(self, of: Field) -> bool:
        """Whether it is compared with numbers."""
        return of.entity is Entity.METRIC or (of.entity is Entity.ATTRIBUTE and of.key in self.numbers)

    def operators(self, of: Field) -> tuple[Operator, ...]:
        """How it may be compared."""
        if self.numeric(of):
            return NUMERIC
        match of.entity:
            case Entity.ATTRIBUTE:
                return self.narrow.get(of.key, LISTED if self.lists else TEXTUAL)
            case Entity.DATASET:
                return LISTED
            case _:
                return self.keyed


_CREATED = {"created": "start_time", "Created": "start_time"}
_NAMED = {"run name": "run_name", "Run name": "run_name", "Run Name": "run_name"}
_RUN_TEXTS = frozenset({"run_id", "run_name", "user_id", "status", "artifact_uri"})
_MODEL_TIMES = {"creation_time": "creation_timestamp", "last_updated_time": "last_updated_timestamp"}
_MODEL_TIMES |= {"creation_timestamp_ms": "creation_timestamp", "last_updated_timestamp_ms": "last_updated_timestamp"}
_MODEL_TEXTS = frozenset({"name", "model_id", "model_type", "status", "source_run_id"})
_ID = (_O.EQ, _O.NE, _O.IN, _O.NOT_IN)

VOCABULARIES: Mapping[Kind, Vocabulary] = MappingProxyType({
    Kind.RUN: Vocabulary(
        words=_RUN_WORDS,
        texts=_RUN_TEXTS,
        numbers=frozenset({"start_time", "end_time"}),
        aliases=_CREATED | _NAMED,
        lists=frozenset({"run_id"}),
        keyed=NULLABLE,
        orders=_RUN_TEXTS | {"start_time", "end_time"},
        ordered_entities=(Entity.METRIC, Entity.PARAM, Entity.TAG, Entity.ATTRIBUTE),
        datasets=frozenset({"name", "digest", "context"}),
    ),
    Kind.EXPERIMENT: Vocabulary(
        words=_TAG_WORDS,
        texts=frozenset({"name", "experiment_id"}),
        numbers=frozenset({"creation_time", "last_update_time"}),
        lists=frozenset({"experiment_id"}),
        narrow={"experiment_id": _ID, "name": TEXTUAL},
        keyed=NULLABLE,
        orders=frozenset({"name", "experiment_id", "creation_time", "last_update_time"}),
        ordered_entities=(Entity.ATTRIBUTE,),
    ),
    Kind.LOGGED_MODEL: Vocabulary(
        words=_MODEL_WORDS,
        texts=_MODEL_TEXTS,
        numbers=frozenset({"creation_timestamp", "last_updated_timestamp"}),
        aliases=_MODEL_TIMES,
        lists=_MODEL_TEXTS,
        keyed=LISTED,
        bare_numbers=True,
        orders=_MODEL_TEXTS | {"creation_timestamp", "last_updated_timestamp"},
        ordered_entities=(Entity.ATTRIBUTE, Entity.METRIC),
    ),
    Kind.REGISTERED_MODEL: Vocabulary(
        words=_TAG_WORDS,
        texts=frozenset({"name"}),
        aliases={"timestamp": "last_updated_timestamp"},
        lists=frozenset({"name"}),
        orders=frozenset({"name", "creation_timestamp", "last_updated_timestamp"}),
        ordered_entities=(Entity.ATTRIBUTE,),
    ),
    Kind.MODEL_VERSION: Vocabulary(
        words=_TAG_WORDS,
        texts=frozenset({"name", "run_id", "source_path"}),
        numbers=frozenset({"version_number"}),
        quoted_numbers=True,
        lists=frozenset({"name", "run_id"}),
        narrow={"source_path": TEXTUAL},
        orders=frozenset({"name", "version_number", "creation_timestamp", "last_updated_timestamp"}),
        ordered_entities=(Entity.ATTRIBUTE,),
    ),
})  # fmt: skip
