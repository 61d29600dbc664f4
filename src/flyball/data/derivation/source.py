"""What a derived dataset's rows come from: other datasets, and code over their rows."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from importlib.metadata import version
from typing import Any

from flyball.core.canonical import digest
from flyball.core.ids import Digest
from flyball.data.declared.source import Source
from flyball.data.derivation.errors import DerivationCycleError
from flyball.data.errors import DatasetError
from flyball.data.model import Dataset, KnownRule
from flyball.provenance import fingerprint_function

KNOWN = "inputs_known_at"
"""The column of derived rows that says since when all that they were computed from was known."""


@dataclass(frozen=True, kw_only=True)
class DerivedSource(Source):
    """The result of `function` over one lazy frame per input, or of the Polars SQL `query` over tables named as the inputs.

    `known` is the column that says when a row is known; `shift` is how much later or earlier than its event it is known at least.
    """

    name: str
    inputs: tuple[Dataset, ...]
    key: tuple[str, ...]
    event_time: str
    function: Callable[..., Any] | None = None
    query: str | None = None
    known: str = KNOWN
    shift: timedelta | None = None

    def describe(self) -> str:
        """The call in a few words, and what its code is."""
        return f"{self.name}({', '.join(found.name for found in self.inputs)}) by code {self.code[:8]}"

    @cached_property
    def code(self) -> Digest:
        """Equal where the code would do the same to the same kinds of rows: all that is derived anew when it changes."""
        made = {"function": fingerprint_function(self.function)} if self.function else {"sql": self.query, "polars": version("polars")}
        return digest({**made, "inputs": [found.definition() for found in self.inputs], "known": [self.known, self.shift]})

    def meaning(self) -> Mapping[str, Any]:
        """Rows of other code are other rows."""
        return {"derived": self.code}

    def origins(self, position: str | None) -> Sequence[tuple[str, str]]:
        """The versions of the inputs that a build with this position has read, and its code."""
        read = json.loads(position)["inputs"] if position else {}
        return [*((f"dataset/{name}@{facts['number']}", "derived-from") for name, facts in read.items()), (f"code/{self.code}", "made-by")]


def inputs_of(dataset: Dataset) -> tuple[Dataset, ...]:
    """The datasets that this one is derived from directly; none for one that comes from elsewhere."""
    return dataset.source.inputs if isinstance(dataset.source, DerivedSource) else ()


def derive(
    *inputs: Dataset, key: str | Sequence[str], event_time: str, name: str | None = None, **known: Any
) -> Callable[[Callable[..., Any]], Dataset]:
    """The dataset that the decorated function makes of one Polars LazyFrame per input; it is named after the function.

    A row is known when all rows that it was computed from were, and not before what `known_time`, `known_after` or `known_before`
    says. `checks` and `schema` are as of any dataset.

    Raises:
        DatasetError: no inputs, or a name, key or rule that can never be right, or a function that cannot be called so.
        DerivationCycleError: it has the name of a dataset that it is derived from.
    """

    def declare(function: Callable[..., Any]) -> Dataset:
        called = name or str(getattr(function, "__name__", ""))
        try:
            inspect.signature(function).bind(*inputs)
        except TypeError as error:
            raise DatasetError(
                f"Derived dataset {called!r}", f"its function takes one frame per input, {len(inputs)} in all ({error})"
            ) from error
        return _declared(called, inputs, made={"function": function}, columns=(key, event_time), known=known)

    return declare


def derive_sql(name: str, query: str, *inputs: Dataset, key: str | Sequence[str], event_time: str, **known: Any) -> Dataset:
    """The dataset `name` that the Polars SQL `query` makes of the tables that `inputs` are; otherwise as `derive`.

    Raises:
        DatasetError, DerivationCycleError: as `derive`; or it is no query.
    """
    if not str(query).strip():
        raise DatasetError(f"Derived dataset {name!r}", "its second argument is the text of a SQL query")
    return _declared(name, inputs, made={"query": query}, columns=(key, event_time), known=known)


def _declared(
    name: str, inputs: Sequence[Dataset], *, made: Mapping[str, Any], columns: tuple[str | Sequence[str], str], known: Mapping[str, Any]
) -> Dataset:
    what = f"Derived dataset {name!r}"
    if not inputs:
        raise DatasetError(what, "it is derived from nothing; name its inputs: fb.derive(flights, weather, ...)")
    for found in inputs:
        if not isinstance(found, Dataset):
            raise DatasetError(what, f"its input {found!r} is no dataset")
    if len({found.name for found in inputs}) < len(inputs):
        raise DatasetError(what, "an input stands there twice; a function may use its frame twice")
    if path := _path_to(name, inputs):
        raise DerivationCycleError(name, [name, *path])
    key, event_time = columns
    # The rules are checked as of any dataset; the source then says by a column what they come to.
    rule: KnownRule = {word: known[word] for word in ("known_time", "known_after", "known_before") if known.get(word) is not None}  # type: ignore[assignment]  # literal names
    others = {word: value for word, value in known.items() if word not in {"known_time", "known_after", "known_before"}}
    plain = Dataset(name, inputs[0].source, key=key, event_time=event_time, **rule)
    before = None if plain.known_before is None else -plain.known_before
    source = DerivedSource(
        name=name, inputs=tuple(inputs), key=plain.key, event_time=event_time,
        known=plain.known_time or KNOWN, shift=plain.known_after if before is None else before, **made,
    )  # fmt: skip
    return Dataset(name, source, key=key, event_time=event_time, known_time=source.known, **others)


def _path_to(name: str, inputs: Sequence[Dataset]) -> list[str]:
    """The names of datasets that lead from these inputs to one called `name`; none where none does."""
    for found in inputs:
        if found.name == name:
            return [name]
        if path := _path_to(name, inputs_of(found)):
            return [found.name, *path]
    return []
