"""What a run has read and made: datasets and logged models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flyball.core.optional import extra
from flyball.tracking._sql import datasets, logged_models, run_datasets
from flyball.tracking.errors import LoggedModelNotFoundError
from flyball.tracking.limits import DATASET_LENGTHS, INPUT_TAG_KEY_LENGTH, INPUT_TAG_LENGTH, check_length, check_long
from flyball.tracking.trackedrun import DatasetInput, ModelInput, ModelOutput

with extra("store"):
    from sqlalchemy import Connection, bindparam, insert, select, text

CONTEXT = "mlflow.data.context"

_FIND = select(datasets.c.number).where(
    datasets.c.experiment == bindparam("of"), datasets.c.name == bindparam("called"), datasets.c.digest == bindparam("is")
)
_LINKED = select(run_datasets.c.run).where(run_datasets.c.run == bindparam("by"), run_datasets.c.dataset == bindparam("of"))
_KNOWN = select(logged_models.c.id).where(logged_models.c.id.in_(bindparam("of", expanding=True)))
_READ = text("INSERT INTO run_model_inputs (run, model) VALUES (:run, :model) ON CONFLICT (run, model) DO NOTHING")
_MADE = text(
    "INSERT INTO run_model_outputs (run, model, step) VALUES (:run, :model, :step)"
    " ON CONFLICT (run, model) DO UPDATE SET step = excluded.step"
)


def check_dataset(dataset: DatasetInput) -> None:
    """Every part of a dataset is within its limit.

    Raises:
        TooLongError, FieldError: one is not.
    """
    for name, limit in DATASET_LENGTHS.items():
        check_length(name, getattr(dataset, name) or "", limit=limit)
    for key, value in dataset.tags.items():
        check_length("key", key, limit=INPUT_TAG_KEY_LENGTH)
        check_length("value", value, limit=INPUT_TAG_LENGTH)


def check_outputs(models: Sequence[ModelOutput]) -> None:
    """Every step fits in 64 bits.

    Raises:
        FieldError: one does not.
    """
    for model in models:
        check_long("step", model.step)


def link_datasets(connection: Connection, run: int, *, experiment: int, read: Sequence[DatasetInput]) -> None:
    """The run has read these; of two with one name and digest, and of those linked before, the first stays as it is."""
    first: dict[tuple[str, str], DatasetInput] = {}
    for dataset in read:
        first.setdefault((dataset.name, dataset.digest), dataset)
    for dataset in first.values():
        number = _number(connection, dataset, experiment=experiment)
        if connection.execute(_LINKED, {"by": run, "of": number}).first() is None:
            tags = dict(dataset.tags)
            connection.execute(insert(run_datasets).values(run=run, dataset=number, context=tags.get(CONTEXT), tags=tags))


def _number(connection: Connection, dataset: DatasetInput, *, experiment: int) -> int:
    found = connection.execute(_FIND, {"of": experiment, "called": dataset.name, "is": dataset.digest}).scalar_one_or_none()
    if found is not None:
        return int(found)
    parts: dict[str, Any] = {name: getattr(dataset, name) for name in DATASET_LENGTHS}
    made = insert(datasets).values(experiment=experiment, **parts).returning(datasets.c.number)
    return int(connection.execute(made).scalar_one())


def link_models(connection: Connection, run: int, *, read: Sequence[ModelInput] = (), made: Sequence[ModelOutput] = ()) -> None:
    """The run has read and made these logged models.

    Raises:
        LoggedModelNotFoundError: one does not exist.
    """
    asked = {model.model for model in read} | {model.model for model in made}
    known = set(connection.execute(_KNOWN, {"of": sorted(asked)}).scalars()) if asked else set()
    for missing in sorted(asked - known):
        raise LoggedModelNotFoundError(missing)
    if read:
        connection.execute(_READ, [{"run": run, "model": model.model} for model in read])
    if made:
        connection.execute(_MADE, [{"run": run, "model": model.model, "step": model.step} for model in made])
