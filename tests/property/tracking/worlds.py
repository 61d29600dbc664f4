"""Runs as plain values, drawn to collide: few values, many ties, long texts that begin alike, NaN and infinities."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hypothesis import strategies as st
from sqlalchemy import Connection, insert

from flyball.tracking._sql import datasets, experiments, latest_metrics, names, run_datasets, run_params, run_tags, tracked_runs
from flyball.tracking.experiment import Lifecycle, ViewType
from flyball.tracking.model import RunStatus
from flyball.tracking.search import Clause, Entity, Field, Operator, Order, total_order
from flyball.tracking.search.clause import Kind, Value
from flyball.tracking.search.textmatch import matches

EXPERIMENTS = (7, 8, 9)
KEYS = ("a", "b c")
_LONG = "x" * 63
TEXTS = (
    "",
    "A",
    "a",
    "ab",
    "a%",
    "a_b",
    "[a]*?",
    "é",
    "É",
    "\U0001f600",
    "\uffff",
    _LONG,
    _LONG + "y",
    _LONG + "yA",
    _LONG + "yz",
    _LONG + "z",
)
PATTERNS = ("%", "", "a%", "%b", "_", "a\\%", "[a]*?", "[a]%", "%É", "x%", _LONG + "y%", _LONG + "y_", "A%", "%_%_%", "é%", "\uffff%")
NUMBERS = (-math.inf, -1.5, -0.0, 0.0, 1.0, 2.0, 1e300, math.inf, math.nan)
TIMES = (0, 1, 2, 1_700_000_000_000)


@dataclass(frozen=True, kw_only=True)
class Made:
    """A run of a drawn world."""

    id: str
    experiment: int
    name: str
    user: str
    status: RunStatus
    lifecycle: Lifecycle
    start: int
    end: int | None
    uri: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    datasets: Sequence[tuple[str, str, str | None]] = ()


texts, numbers, keys = st.sampled_from(TEXTS), st.sampled_from(NUMBERS), st.sampled_from(KEYS)
made = st.builds(
    Made,
    id=st.text("0123456789abcdef", min_size=6, max_size=6),
    experiment=st.sampled_from(EXPERIMENTS),
    name=texts,
    user=texts,
    status=st.sampled_from(RunStatus),
    lifecycle=st.sampled_from([Lifecycle.ACTIVE, Lifecycle.ACTIVE, Lifecycle.DELETED]),
    start=st.sampled_from(TIMES),
    end=st.none() | st.sampled_from(TIMES),
    uri=texts,
    metrics=st.dictionaries(keys, numbers),
    params=st.dictionaries(keys, texts),
    tags=st.dictionaries(keys, texts),
    datasets=st.lists(st.tuples(texts, st.sampled_from(["d1", "d2"]), st.none() | texts), max_size=2, unique_by=lambda each: each[:2]),
)
worlds = st.lists(made, max_size=24, unique_by=lambda run: run.id)

_ATTRIBUTES = ("run_id", "run_name", "user_id", "status", "artifact_uri", "start_time", "end_time")
_TEXTUAL = (Operator.EQ, Operator.NE, Operator.LIKE, Operator.ILIKE)
_NUMERIC = (Operator.EQ, Operator.NE, Operator.LT, Operator.LE, Operator.GT, Operator.GE)


@st.composite
def clauses(draw: st.DrawFn, world: Sequence[Made]) -> Clause:
    """A clause that may hold for some of the world's runs."""
    entity = draw(st.sampled_from(Entity))
    match entity:
        case Entity.METRIC:
            finite = st.sampled_from([number for number in NUMBERS if math.isfinite(number)])
            return Clause(Field(entity, draw(keys)), draw(st.sampled_from(_NUMERIC)), draw(finite))
        case Entity.PARAM | Entity.TAG:
            operator = draw(st.sampled_from([*_TEXTUAL, Operator.IS_NULL, Operator.IS_NOT_NULL]))
            return Clause(Field(entity, draw(keys)), operator, _text(draw, operator))
        case Entity.DATASET:
            operator = draw(st.sampled_from([*_TEXTUAL, Operator.IN, Operator.NOT_IN]))
            return Clause(Field(entity, draw(st.sampled_from(["name", "digest", "context"]))), operator, _text(draw, operator))
    key = draw(st.sampled_from(_ATTRIBUTES))
    if key.endswith("_time"):
        return Clause(Field(entity, key), draw(st.sampled_from(_NUMERIC)), draw(st.sampled_from([*TIMES, 0.5])))
    operator = draw(st.sampled_from([*_TEXTUAL, Operator.IN, Operator.NOT_IN] if key == "run_id" else _TEXTUAL))
    if key == "run_id" and operator in {Operator.IN, Operator.NOT_IN}:
        return Clause(Field(entity, key), operator, tuple(draw(st.lists(st.sampled_from([run.id for run in world] or ["x"]), min_size=1))))
    if key == "status":
        return Clause(Field(entity, key), operator, draw(st.sampled_from(["FINISHED", "finished", "%I%", "F%", "RUNNING", "no"])))
    return Clause(Field(entity, key), operator, _text(draw, operator))


def _text(draw: st.DrawFn, operator: Operator) -> Value:
    match operator:
        case Operator.IS_NULL | Operator.IS_NOT_NULL:
            return None
        case Operator.IN | Operator.NOT_IN:
            return tuple(draw(st.lists(texts | st.just("d1"), min_size=1, max_size=3)))
        case Operator.LIKE | Operator.ILIKE:
            return draw(st.sampled_from(PATTERNS) | texts)
    return draw(texts)


@st.composite
def orders(draw: st.DrawFn) -> tuple[Order, ...]:
    """A total order over at most three fields."""
    keyed = st.builds(Field, st.sampled_from([Entity.METRIC, Entity.PARAM, Entity.TAG]), st.sampled_from([*KEYS, "nothing"]))
    fields = keyed | st.builds(Field, st.just(Entity.ATTRIBUTE), st.sampled_from(_ATTRIBUTES))
    return total_order([Order(of, draw(st.booleans())) for of in draw(st.lists(fields, max_size=3, unique=True))], of=Kind.RUN)


def found(run: Made, of: Field) -> object:
    """What the run has of a field; None for what is missing."""
    match of.entity:
        case Entity.METRIC:
            return run.metrics.get(of.key)
        case Entity.PARAM:
            return run.params.get(of.key)
        case Entity.TAG:
            return run.tags.get(of.key)
    attributes: dict[str, object] = {
        "run_id": run.id, "run_name": run.name, "user_id": run.user, "status": str(run.status).upper(), "artifact_uri": run.uri,
        "start_time": run.start, "end_time": run.end,
    }  # fmt: skip
    return attributes[of.key]


def passes(run: Made, clause: Clause) -> bool:
    """The law of one comparison: what is missing passes IS NULL alone, NaN passes != alone."""
    if clause.field.entity is Entity.DATASET:
        place = ("name", "digest", "context").index(clause.field.key)
        return any(each[place] is not None and matches(str(each[place]), clause.operator, asked=clause.value) for each in run.datasets)
    value = found(run, clause.field)
    if value is None:
        return clause.operator is Operator.IS_NULL
    assert isinstance(value, str | int | float)
    return matches(value, clause.operator, asked=clause.value)


class _Backward:
    def __init__(self, text: str) -> None:
        self.text = text

    def __lt__(self, other: _Backward) -> bool:
        return other.text < self.text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Backward) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)


def place(run: Made, order: Sequence[Order]) -> list[tuple[int, object]]:
    """The law of order: numbers, then NaN, then what is missing, in either direction."""
    places: list[tuple[int, object]] = []
    for each in order:
        value = found(run, each.field)
        if value is None:
            places.append((2, 0))
        elif isinstance(value, float) and math.isnan(value):
            places.append((1, 0))
        elif isinstance(value, str):
            places.append((0, value if each.ascending else _Backward(value)))
        else:
            assert isinstance(value, int | float)
            places.append((0, value if each.ascending else -value))
    return places


def expected(world: Sequence[Made], homes: Sequence[int], *, asked: Sequence[Clause], order: Sequence[Order], view: ViewType) -> list[str]:
    """The ids of the runs that a search finds, by the laws."""
    stages = {ViewType.ACTIVE_ONLY: {Lifecycle.ACTIVE}, ViewType.DELETED_ONLY: {Lifecycle.DELETED}, ViewType.ALL: set(Lifecycle)}[view]
    chosen = [run for run in world if run.experiment in homes and run.lifecycle in stages and all(passes(run, clause) for clause in asked)]
    return [run.id for run in sorted(chosen, key=lambda run: place(run, order))]


def put(connection: Connection, world: Sequence[Made]) -> None:
    """Write the world into the tables."""
    for each in EXPERIMENTS:
        connection.execute(
            insert(experiments).values(id=each, name=f"e{each}", artifact_location="", lifecycle="active", created_ms=0, updated_ms=0)
        )
    numbered = {}
    for kind in ("metric", "param", "tag"):
        for name in KEYS:
            inserted = connection.execute(insert(names).values(kind=kind, name=name).returning(names.c.id))
            numbered[kind, name] = inserted.scalar_one()
    sets: dict[tuple[int, str, str], int] = {}
    for run in world:
        row = insert(tracked_runs).values(
            id=run.id, experiment=run.experiment, name=run.name, user=run.user, status=str(run.status), lifecycle=str(run.lifecycle),
            start_ms=run.start, end_ms=run.end, artifact_uri=run.uri, points=0,
        ).returning(tracked_runs.c.number)  # fmt: skip
        number = connection.execute(row).scalar_one()
        _put_values(connection, run, number=number, numbered=numbered)
        for name, digest, context in run.datasets:
            if (run.experiment, name, digest) not in sets:
                new = insert(datasets).values(experiment=run.experiment, name=name, digest=digest, source_type="", source="")
                sets[run.experiment, name, digest] = connection.execute(new.returning(datasets.c.number)).scalar_one()
            link = insert(run_datasets).values(run=number, dataset=sets[run.experiment, name, digest], context=context, tags={})
            connection.execute(link)


def _put_values(connection: Connection, run: Made, *, number: int, numbered: Mapping[tuple[str, str], int]) -> None:
    shared = {"run": number, "experiment": run.experiment}
    for kind, table, values in (("param", run_params, run.params), ("tag", run_tags, run.tags)):
        for key, text in values.items():
            connection.execute(insert(table).values(**shared, key=numbered[kind, key], value=text, head=text[:64]))
    for key, value in run.metrics.items():
        nan = math.isnan(value)
        row = insert(latest_metrics).values(
            **shared, key=numbered["metric", key], is_nan=int(nan), value=0.0 if nan else value, step=0, time_ms=0
        )
        connection.execute(row)
