"""What a model's declaration refers to, and the digest of its meaning."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any

from flyball.core.canonical import digest
from flyball.core.ids import Digest
from flyball.data import Columns, Dataset, Join
from flyball.data.derivation.source import inputs_of
from flyball.features import OnDemand
from flyball.loop.errors import DeclarationError
from flyball.loop.model import Model, Project
from flyball.provenance import fingerprint_expression, fingerprint_function


def datasets_of(model: Model) -> dict[str, Dataset]:
    """Every dataset that the model's rows, label and features come from, by name; `rows` first.

    Raises:
        DeclarationError: two datasets that differ share a name.
    """
    found: dict[str, Dataset] = {}
    for dataset in _referred(model):
        if found.setdefault(dataset.name, dataset) != dataset:
            raise DeclarationError(f"Model {model.name!r}", f"two different datasets are named {dataset.name!r}")
    return found


@dataclass(frozen=True)
class Declared:
    """A dataset of the project, and the first history that its contract is inferred from; None: all that there is at first."""

    dataset: Dataset
    history: timedelta | None


def declared_in(project: Project) -> dict[str, Declared]:
    """The project's datasets by name, each behind those that it is derived from; where several models use one, the longest history counts.

    Raises:
        DeclarationError: two datasets that differ share a name.
    """
    found: dict[str, Declared] = {}
    for model in project.models:
        for name, dataset in with_inputs(datasets_of(model).values()).items():
            _check_same(project, dataset, found=found)
            history = model.length("history")
            before = found[name].history if name in found else None
            found[name] = Declared(dataset, history if before is None else max(history, before))
    for name, dataset in with_inputs(project.datasets).items():
        _check_same(project, dataset, found=found)
        found.setdefault(name, Declared(dataset, None))
    return {name: found[name] for name in with_inputs(declared.dataset for declared in found.values())}


def with_inputs(datasets: Iterable[Dataset]) -> dict[str, Dataset]:
    """The datasets and all that they are derived from, by name; each behind its inputs, and otherwise in their order.

    Raises:
        DeclarationError: two datasets that differ share a name.
    """
    found: dict[str, Dataset] = {}

    def add(dataset: Dataset) -> None:
        if dataset.name in found:
            if found[dataset.name] != dataset:
                raise DeclarationError(f"Dataset {dataset.name!r}", "it stands for two different datasets")
            return
        for source in inputs_of(dataset):
            add(source)
        found[dataset.name] = dataset

    for dataset in datasets:
        add(dataset)
    return found


def _check_same(project: Project, dataset: Dataset, *, found: Mapping[str, Declared]) -> None:
    if dataset.name in found and found[dataset.name].dataset != dataset:
        raise DeclarationError(f"Project {project.name!r}", f"two different datasets are named {dataset.name!r}")


def _referred(model: Model) -> Iterator[Dataset]:
    yield model.rows
    yield model.label.dataset
    for feature in model.features:
        match feature:
            case Columns():
                yield feature.dataset
            case OnDemand():
                pass
            case _:
                source = feature.source
                yield from (source.left, source.right) if isinstance(source, Join) else (source,)


def fingerprint(model: Model, features: Digest) -> Digest:
    """The digest of all that the model's declaration means; equal declarations in different files are equal.

    `features` is the fingerprint of the model's compiled feature set.
    """
    declared: dict[str, Any] = {field.name: getattr(model, field.name) for field in fields(model)}
    del declared["log"], declared["quota"]  # how answers are kept, and how many there are, changes none
    train = model.train
    declared |= {
        "rows": model.rows.definition(),
        "features": features,
        "label": [model.label.dataset.definition(), fingerprint_expression(model.label.expression), model.label.timeout],
        "train": fingerprint_function(train) if callable(train) else train,
    }
    for name in ("gates", "monitors", "retrain"):  # with their kinds: at_least and at_most have the same fields
        declared[name] = [[type(part).__name__, part] for part in declared[name]]
    return digest(declared)
