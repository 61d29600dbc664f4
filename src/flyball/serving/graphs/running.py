"""A graph that answers: each step once for the rows that need it, models of other processes asked at the same time.

What fails is answered by what was declared to stand in, and the rows' answers say so. Knows nothing of requests and of routing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import polars as pl

from flyball.core.errors import FlyballError
from flyball.data.contracts.expression import parse_row
from flyball.runtimes import Description, ModelManifest, Predictor, describe
from flyball.serving.child import ChildModel
from flyball.serving.errors import ModelFailedError
from flyball.serving.graphs.errors import GraphColumnError, GraphError
from flyball.serving.graphs.model import Call, Combine, Compute, GraphSpec, Inputs, Score, Step, Switch
from flyball.serving.graphs.values import Value, description_of, joined, mean_of, vote_of
from flyball.serving.outcome import Explained

Model: TypeAlias = Predictor | ChildModel
_LONGEST_REASON = 200


class GraphModel:
    """A graph with its models loaded. Models in this process are asked one after the other; others at once. For one event loop."""

    def __init__(self, manifest: ModelManifest, spec: GraphSpec, *, models: Mapping[str, Model]) -> None:
        """`models` are those of the graph's calls, by step.

        Raises:
            GraphError: an expression is none, or asks for a column that is not there.
        """
        self.manifest, self.spec, self.models = manifest, spec, models
        self.steps = {step.name: step for step in spec.steps}
        self.expressions = {text: _parsed(step.name, text) for step in spec.steps for text in _texts(step)}

    @property
    def children(self) -> tuple[ChildModel, ...]:
        """Its models in other processes, each once."""
        return tuple({id(model): model for model in self.models.values() if isinstance(model, ChildModel)}.values())

    @cached_property
    def description(self) -> Description:
        """What the graph says of itself, once its models are ready.

        Raises:
            ModelFailedError: one has not started; or steps that become one answer are of different kinds.
        """
        found: dict[str, Description] = {}
        for step in self.spec.steps:
            match step:
                case Call():
                    found[step.name] = self.said_of(step)
                case Combine(of=of):
                    found[step.name] = description_of([found[name] for name in of])
                case Switch(cases=cases, otherwise=otherwise):
                    found[step.name] = description_of([*(found[name] for _, name in cases), found[otherwise]])
                case Score(task=task):
                    found[step.name] = Description(task=task)
        output = found[self.spec.output]
        return Description(task=output.task, classes=output.classes, features=tuple(self.spec.inputs.columns))

    def said_of(self, step: Call) -> Description:
        model = self.models[step.name]
        found = model.description if isinstance(model, ChildModel) else describe(model)
        if found is None:
            raise ModelFailedError(f"step {step.name!r}: {step.model} has not started")
        return found

    async def predict(self, frame: pl.DataFrame) -> Explained:
        """The graph's answers to the rows.

        Raises:
            ModelFailedError: a step failed for which nothing stands in.
        """
        run = _Run(self, frame, range(frame.height), {})
        value = await run.value(self.spec.output)
        return Explained(value.said, run.warnings)

    @property
    def waits(self) -> bool:
        """Whether `predict` has to wait for other processes."""
        return bool(self.children)


@dataclass
class _Run:
    """One pass over the rows of `frame`, which are the rows `rows` of the request; each step is computed once."""

    graph: GraphModel
    frame: pl.DataFrame
    rows: Sequence[int]
    warnings: dict[int, list[str]]
    whole: _Run | None = None  # of which this one has the rows `own`
    own: Sequence[int] = ()
    _begun: dict[str, Any] = field(default_factory=dict)

    async def value(self, name: str) -> Value:
        """The answer of a step."""
        found = await self.once(name)
        assert isinstance(found, Value), "the graph was checked: an answer is asked for where there is one"
        return found

    async def once(self, name: str) -> Value | dict[str, pl.Series]:
        """What a step gives: columns, or an answer."""
        if name not in self._begun:
            made = self._part(name) if self.whole is not None and self.whole.has(name) else self._made(self.graph.steps[name])
            self._begun[name] = asyncio.ensure_future(made) if self.graph.waits else await _result(made)
        begun = self._begun[name]
        found: Value | dict[str, pl.Series] | FlyballError = await begun if isinstance(begun, asyncio.Future) else begun
        if isinstance(found, FlyballError):
            raise found
        return found

    def has(self, name: str) -> bool:
        """Whether the step is being computed, or has been; one that failed may succeed for fewer rows."""
        return name in self._begun and not isinstance(self._begun[name], FlyballError)

    async def _part(self, name: str) -> Value | dict[str, pl.Series]:
        """What the whole has computed already, for these rows."""
        assert self.whole is not None, "asked for only where there is one"
        found = await self.whole.once(name)
        return found.taken(self.own) if isinstance(found, Value) else {column: series[self.own] for column, series in found.items()}

    async def _all(self, names: Sequence[str]) -> list[Value | FlyballError]:
        if not self.graph.waits:
            return [await self._settled(name) for name in names]
        return list(await asyncio.gather(*(self._settled(name) for name in names)))

    async def _settled(self, name: str) -> Value | FlyballError:
        try:
            return await self.value(name)
        except FlyballError as error:
            return error

    async def _made(self, step: Step) -> Value | dict[str, pl.Series]:
        match step:
            case Inputs(columns=columns):
                return {name: self.frame[name] for name in columns}
            case Compute(of=of, columns=columns):
                return {**await self._given(of), **await self._computed(step, columns)}
            case Call():
                return await self._called(step)
            case Combine():
                return await self._combined(step)
            case Switch():
                return await self._switched(step)
            case Score(expression=expression, task=task):
                made = await self._computed(step, {step.name: expression})
                said = _failing(step.name, lambda: made[step.name].cast(pl.Float64).to_numpy())
                return Value(said, Description(task=task)).checked(self.frame.height)

    async def _given(self, of: Sequence[str]) -> dict[str, pl.Series]:
        """The columns of the steps, where two have one of the same name that of the later."""
        found: dict[str, pl.Series] = {}
        for name in of:
            made = await self.once(name)
            found |= made.columns(name) if isinstance(made, Value) else made
        return found

    async def _computed(self, step: Compute | Score, columns: Mapping[str, str]) -> dict[str, pl.Series]:
        given = await self._given(step.of)
        expressions = {name: self.graph.expressions[text] for name, text in columns.items()}
        _check_columns(step.name, [column for found in expressions.values() for column in found.columns], given=given)
        frame = pl.DataFrame([series.alias(name) for name, series in given.items()])
        made = _failing(step.name, lambda: frame.with_columns(found.value.alias(name) for name, found in expressions.items()))
        return {name: made[name] for name in columns}

    async def _called(self, step: Call) -> Value:
        try:
            return await self._asked(step)
        except FlyballError as error:
            if step.constant is not None:
                self._warn(step, error, by=f"{step.constant:g}")
                return self._constant(step, step.constant)
            if step.instead is None:
                raise
            stood_in = await self.value(step.instead)
            self._warn(step, error, by=f"step {step.instead!r}")
            return stood_in

    async def _asked(self, step: Call) -> Value:
        model, given = self.graph.models[step.name], await self._given(step.of)
        for theirs, ours in step.rename.items():
            _check_columns(step.name, [ours], given=given)
            given[theirs] = given[ours]
        taken = model.manifest.features or tuple(given)
        _check_columns(step.name, taken, given=given)
        frame = pl.DataFrame([given[name].alias(name) for name in taken])
        try:
            said = await model.predict(frame) if isinstance(model, ChildModel) else model.predict(frame)
            return Value(said, self.graph.said_of(step)).checked(self.frame.height)
        except ModelFailedError as error:
            raise ModelFailedError(f"step {step.name!r}: {error}") from error
        except Exception as error:
            if isinstance(error, FlyballError):
                raise
            raise ModelFailedError(f"step {step.name!r}: {type(error).__name__}: {error}") from error

    def _constant(self, step: Call, number: float) -> Value:
        description = self.graph.said_of(step)
        kind = Description(task="binary" if description.task == "binary" or len(description.classes) == 2 else "regression")
        return Value(np.full(self.frame.height, number), kind).checked(self.frame.height)

    def _warn(self, step: Call, error: FlyballError, *, by: str) -> None:
        words = f"{step.model} failed and {by} stood in: {error}"[:_LONGEST_REASON]
        for row in self.rows:
            self.warnings.setdefault(row, []).append(words)

    async def _combined(self, step: Combine) -> Value:
        weights = step.weights or (1.0,) * len(step.of)
        settled = await self._all(step.of)
        failed = [found for found in settled if isinstance(found, FlyballError)]
        if failed and (step.missing == "fail" or len(failed) == len(settled)):
            raise failed[0]
        for error in failed:
            for row in self.rows:
                self.warnings.setdefault(row, []).append(f"step {step.name!r} went without what failed: {error}"[:_LONGEST_REASON])
        kept = [(found, weight) for found, weight in zip(settled, weights, strict=True) if isinstance(found, Value)]
        values, left = [value for value, _ in kept], [weight for _, weight in kept]
        if sum(left) == 0:
            raise failed[0] if failed else ModelFailedError(f"step {step.name!r}: no weight is left")
        return mean_of(values, left) if step.how == "mean" else vote_of(values, left)

    async def _switched(self, step: Switch) -> Value:
        given = await self._given(step.on)
        expressions = [self.graph.expressions[condition] for condition, _ in step.cases]
        _check_columns(step.name, [column for found in expressions for column in found.columns], given=given)
        frame = pl.DataFrame([series.alias(name) for name, series in given.items()])
        chosen = pl.lit(len(step.cases))
        for place, found in reversed(list(enumerate(expressions))):
            chosen = pl.when(found.value).then(pl.lit(place)).otherwise(chosen)
        places = _failing(step.name, lambda: frame.select(place=chosen).to_series().to_numpy())
        branches = [*(name for _, name in step.cases), step.otherwise]
        parts = [(np.flatnonzero(places == place).tolist(), name) for place, name in enumerate(branches)]
        asked = [self._branch(rows, name) for rows, name in parts if rows]
        values = list(await asyncio.gather(*asked)) if self.graph.waits else [await one for one in asked]
        return joined([(rows, value) for (rows, _), value in zip([part for part in parts if part[0]], values, strict=True)], len(places))

    async def _branch(self, rows: list[int], name: str) -> Value:
        if len(rows) == self.frame.height:
            return await self.value(name)
        part = _Run(self.graph, self.frame[rows], [self.rows[row] for row in rows], self.warnings, self, rows)
        return await part.value(name)


async def _result(made: Awaitable[Value | dict[str, pl.Series]]) -> Value | dict[str, pl.Series] | FlyballError:
    """What was made, or why it was not: whoever asks for it again is told the same, and nothing is asked twice."""
    try:
        return await made
    except FlyballError as error:
        return error


def _texts(step: Step) -> list[str]:
    match step:
        case Compute(columns=columns):
            return list(columns.values())
        case Score(expression=expression):
            return [expression]
        case Switch(cases=cases):
            return [condition for condition, _ in cases]
    return []


def _parsed(name: str, text: str) -> Any:
    try:
        return parse_row(text)
    except FlyballError as error:
        raise GraphError(name, str(error)) from error


def _check_columns(name: str, wanted: Sequence[str], *, given: Mapping[str, pl.Series]) -> None:
    for column in wanted:
        if column not in given:
            raise GraphColumnError(name, column, known=given)


def _failing(name: str, work: Any) -> Any:
    try:
        return work()
    except pl.exceptions.PolarsError as error:
        raise ModelFailedError(f"step {name!r}: {error}") from error
