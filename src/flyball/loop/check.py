"""`check`: whether a project fits its data, before anything is stored or trained; every problem is named, not only the first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import TypeVar

import polars as pl

from flyball.core.duration import format_duration
from flyball.core.errors import FlyballError, UnknownNameError
from flyball.data import Columns, Dataset
from flyball.data.batch import Batch
from flyball.data.contracts.model import Contract
from flyball.data.labels import label_values
from flyball.data.model import ARRIVAL, EVENT_TIME, KNOWN_TIME, KNOWN_UNTIL, TIME
from flyball.data.sources.port import Opener, Surroundings
from flyball.data.unstored import UnstoredInputs
from flyball.features import FeatureSet
from flyball.kernels import get_metric
from flyball.loop.definition import datasets_of, declared_in
from flyball.loop.errors import CheckError, DeclarationError, LeadError
from flyball.loop.model import Model, Project
from flyball.loop.triggers import OnDrift, OnPerformanceDrop
from flyball.monitoring import DriftMonitor, PerformanceMonitor
from flyball.releases import AtLeast, AtMost, MaxSliceGap

T = TypeVar("T")
_Infer = Callable[[Dataset, timedelta | None], Contract]
SYSTEM = {EVENT_TIME: TIME, KNOWN_TIME: TIME, KNOWN_UNTIL: TIME, ARRIVAL: pl.Int64()}


@dataclass(frozen=True)
class Checked:
    """What a project that is right consists of: per model its datasets' columns and its features."""

    model: str
    datasets: Mapping[str, pl.Schema]
    features: FeatureSet


def check_project(project: Project, around: Surroundings, *, sources: Opener) -> list[Checked]:
    """Every model against what its datasets' sources hold, which `sources` opens in the surroundings; nothing is stored.

    Raises:
        CheckError: there are problems; all of them are named.
    """
    problems: list[str] = []
    infer = partial(_infer, sources=sources, around=around)
    _attempt(problems, f"project {project.name!r}", act=lambda: declared_in(project))
    checked = [found for model in project.models if (found := _check(model, infer, problems=problems)) is not None]
    for dataset in project.datasets:
        _attempt(problems, f"dataset {dataset.name!r}", act=partial(infer, dataset, None))
    if problems:
        raise CheckError(project.name, problems)
    return checked


def _check(model: Model, infer: _Infer, *, problems: list[str]) -> Checked | None:
    schemas = dict(_schemas(model, infer, problems=problems))
    problems.extend(f"model {model.name!r}: {problem}" for problem in _contradictions(model))
    if len(schemas) < len(datasets_of(model)):
        return None
    features = _attempt(problems, f"model {model.name!r}", act=lambda: FeatureSet.compile(model.features, model.rows, schemas=schemas))
    empty = pl.DataFrame(schema=schemas[model.label.dataset.name])
    _attempt(problems, f"model {model.name!r}, label", act=lambda: label_values(model.label, empty))
    columns = _own(schemas[model.rows.name])
    sliced = [gate for gate in model.gates if isinstance(gate, MaxSliceGap) and gate.column not in columns]
    problems.extend(
        f"model {model.name!r}, {gate.name}: {UnknownNameError('column', gate.column, known=columns, where='rows')}" for gate in sliced
    )
    problems.extend(
        f"model {model.name!r}, sticky: {UnknownNameError('column', name, known=columns, where='rows')}"
        for name in model.sticks_to
        if name not in columns
    )
    problems.extend(f"model {model.name!r}, log: {problem}" for problem in _unhidable(model, columns))
    return None if features is None else Checked(model.name, schemas, features)


def _unhidable(model: Model, columns: Iterable[str]) -> Iterator[str]:
    """Why columns cannot be hidden in the log: labels are joined by the key, and monitors compare the features."""
    hidden = () if model.log is None else sorted(model.log.plan.hidden)
    known = list(columns)
    features = {name for part in model.features if isinstance(part, Columns) and part.dataset == model.rows for name in part.names}
    for name in hidden:
        if name not in known:
            yield str(UnknownNameError("column", name, known=known, where="rows"))
        elif name in model.rows.key:
            yield f"column {name!r} is of the key, by which labels are joined; it cannot be hidden"
        elif name in features:
            yield f"column {name!r} is a feature as it is, which monitors compare; it cannot be hidden"


def _own(schema: pl.Schema) -> list[str]:
    return [name for name in schema if not name.startswith("__")]


def _schemas(model: Model, infer: _Infer, *, problems: list[str]) -> Iterator[tuple[str, pl.Schema]]:
    for name, dataset in datasets_of(model).items():
        contract = _attempt(problems, f"dataset {name!r}", act=partial(infer, dataset, model.length("history")))
        if contract is not None:
            yield name, pl.Schema({**contract.schema, **SYSTEM})


def _infer(dataset: Dataset, history: timedelta | None, *, sources: Opener, around: Surroundings) -> Contract:
    scratch = around.scratch / dataset.name
    inputs = UnstoredInputs(sources, around, history)
    with sources(dataset.source, replace(around, dataset=dataset.name, scratch=scratch / "source", inputs=inputs)) as source:
        return Batch.find(dataset, source, scratch=scratch).infer(history)


def _contradictions(model: Model) -> Iterator[FlyballError]:
    """What is wrong with the declaration whatever the data are."""
    try:
        check_lead(model)
    except LeadError as error:
        yield error
    if model.label.dataset.key != model.rows.key:
        what = f"the key of its dataset {model.label.dataset.name!r} is {model.label.dataset.key}, that of the rows is {model.rows.key}"
        yield DeclarationError("label", f"{what}; both must be the same")
    triggers = {type(trigger) for trigger in model.retrain}
    for trigger, monitor, word in ((OnDrift, DriftMonitor, "drift"), (OnPerformanceDrop, PerformanceMonitor, "performance")):
        if trigger in triggers and not any(isinstance(spec, monitor) for spec in model.monitors):
            yield DeclarationError(
                "retrain", f"on_{word}{'_drop' if word == 'performance' else ''} never comes without fb.{word}() among `monitors`"
            )
    names = [gate.metric for gate in model.gates if isinstance(gate, AtLeast | AtMost)]
    for name in [*names, *([model.objective] if model.objective else [])]:
        try:
            get_metric(name)
        except FlyballError as error:
            yield error


def check_lead(model: Model) -> None:
    """Whether rows are known by the time at which the model predicts them; a matter of the declaration alone.

    Raises:
        LeadError: they are not.
    """
    known = _known_before(model.rows)
    if known is not None and model.length("lead") > known:
        after = (
            f"{format_duration(known)} before"
            if known > timedelta()
            else "at the event time"
            if not known
            else f"{format_duration(-known)} after it"
        )
        raise LeadError(model.name, lead=model.lead, known=after, dataset=model.rows.name)


def _known_before(rows: Dataset) -> timedelta | None:
    """How long before its event time a row is known by declaration; None where a column says it per row."""
    if rows.known_time is not None:
        return None
    return rows.known_before if rows.known_before is not None else -(rows.known_after or timedelta())


def _attempt(problems: list[str], what: str, *, act: Callable[[], T]) -> T | None:
    try:
        return act()
    except FlyballError as error:
        problems.append(f"{what}: {error}")
        return None
