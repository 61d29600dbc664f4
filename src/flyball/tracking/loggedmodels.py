"""The use cases of logged models, in MLflow's meaning."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from flyball.core.optional import extra
from flyball.tracking._sql import logged_model_metrics, logged_model_params, logged_model_tags, logged_models
from flyball.tracking.errors import LoggedModelNotFoundError, LoggedModelTagNotFoundError, ParamValueChangedError
from flyball.tracking.experiment import Lifecycle
from flyball.tracking.experiments import active_experiment
from flyball.tracking.ledger import Ledger
from flyball.tracking.limits import RUN_NAME_LENGTH, TAG_LENGTH, check_length, check_model_name, check_params, check_tags, experiment_number
from flyball.tracking.loggedmodel import LoggedModel, LoggedModelStatus
from flyball.tracking.page import Page
from flyball.tracking.runrows import run_row
from flyball.tracking.search import model_order
from flyball.tracking.search.modelsearch import ModelQuery, search_logged_models
from flyball.tracking.trackedrun import Metric

with extra("store"):
    from sqlalchemy import Connection, Row, Table, bindparam, delete, insert, select, text, update

_BY_ID = select(logged_models).where(logged_models.c.id == bindparam("of"))
_BY_NUMBERS = select(logged_models).where(logged_models.c.number.in_(bindparam("of", expanding=True)))
_SET_TAG = text(
    "INSERT INTO logged_model_tags (model, name, value) VALUES (:model, :name, :value)"
    " ON CONFLICT (model, name) DO UPDATE SET value = excluded.value"
)
_NOTHING: Mapping[str, str] = {}


class LoggedModels:
    """A logged model is pending until it is finalized; a deleted one is not found. Thread-safe."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def create(
        self,
        experiment: str,
        *,
        name: str | None = None,
        model_type: str | None = None,
        source_run: str | None = None,
        params: Mapping[str, str] = _NOTHING,
        tags: Mapping[str, str] = _NOTHING,
    ) -> LoggedModel:
        """A pending model; without a name it gets a random one.

        Raises:
            ExperimentNotFoundError, ExperimentDeletedError, RunNotFoundError: there is no such place or source.
            InvalidError: the name or an entry is beyond a limit.
        """
        if name is not None:
            check_model_name(name)
        check_length("model_type", model_type or "", limit=2 * RUN_NAME_LENGTH)
        check_params(params)
        check_tags(tags)
        now = self._ledger.now_ms()
        with self._ledger.database.write() as connection:
            of = active_experiment(connection, experiment)
            if source_run:
                run_row(connection, source_run)
            model = "m-" + self._ledger.new_id(connection, logged_models, experiment, str(now))
            uri = f"{of.artifact_location.rstrip('/')}/models/{model}/artifacts"
            made = insert(logged_models).values(
                id=model, experiment=of.id, name=name or self._ledger.new_name(model), status=str(LoggedModelStatus.PENDING),
                status_message="", lifecycle=str(Lifecycle.ACTIVE), model_type=model_type or None, source_run=source_run or None,
                created_ms=now, updated_ms=now, artifact_uri=uri, creator=tags.get("mlflow.user"),
            )  # fmt: skip
            number = int(connection.execute(made.returning(logged_models.c.number)).scalar_one())
            _put_params(connection, number, model=model, params=params)
            _put_tags(connection, number, tags=tags)
            return _models(connection, [_row(connection, model)])[0]

    def get(self, model: str) -> LoggedModel:
        """The model with all that was logged to it.

        Raises:
            LoggedModelNotFoundError: none has this id, or it is deleted.
        """
        with self._ledger.database.read() as connection:
            return _models(connection, [_row(connection, model)])[0]

    def finalize(self, model: str, status: LoggedModelStatus, *, message: str = "") -> LoggedModel:
        """The model is ready, or has failed.

        Raises:
            LoggedModelNotFoundError: none has this id, or it is deleted.
        """
        check_length("status_message", message, limit=TAG_LENGTH)
        with self._ledger.database.write() as connection:
            number = _row(connection, model).number
            self._touch(connection, number, status=str(status), status_message=message)
            return _models(connection, [_row(connection, model)])[0]

    def delete(self, model: str) -> None:
        """Nobody finds the model any more; idempotent for one that was there.

        Raises:
            LoggedModelNotFoundError: none has ever had this id.
        """
        now = self._ledger.now_ms()
        with self._ledger.database.write() as connection:
            row = connection.execute(_BY_ID, {"of": model}).one_or_none()
            if row is None:
                raise LoggedModelNotFoundError(model)
            if row.lifecycle == Lifecycle.ACTIVE:
                self._touch(connection, row.number, lifecycle=str(Lifecycle.DELETED), deleted_ms=now)

    def set_tags(self, model: str, tags: Mapping[str, str]) -> LoggedModel:
        """The tags have these values; others stay.

        Raises:
            LoggedModelNotFoundError, InvalidError: nothing was set.
        """
        check_tags(tags)
        with self._ledger.database.write() as connection:
            number = _row(connection, model).number
            _put_tags(connection, number, tags=tags)
            self._touch(connection, number)
            return _models(connection, [_row(connection, model)])[0]

    def delete_tag(self, model: str, key: str) -> None:
        """The model has no such tag.

        Raises:
            LoggedModelNotFoundError, LoggedModelTagNotFoundError: nothing was taken away.
        """
        with self._ledger.database.write() as connection:
            number = _row(connection, model).number
            gone = delete(logged_model_tags).where(logged_model_tags.c.model == number, logged_model_tags.c.name == key)
            if connection.execute(gone).rowcount != 1:
                raise LoggedModelTagNotFoundError(model, key)
            self._touch(connection, number)

    def log_params(self, model: str, params: Mapping[str, str]) -> None:
        """The params have these values for ever.

        Raises:
            LoggedModelNotFoundError, ParamValueChangedError, InvalidError: nothing was logged.
        """
        check_params(params)
        with self._ledger.database.write() as connection:
            number = _row(connection, model).number
            _put_params(connection, number, model=model, params=params)
            self._touch(connection, number)

    def search(
        self,
        experiments: Sequence[str],
        *,
        datasets: Sequence[tuple[str, str | None]] = (),
        filter: str = "",  # noqa: A002  it is the word of the grammar
        order_by: Sequence[Mapping[str, Any]] = (),
        max_results: int = 100,
        token: str | None = None,
    ) -> Page[LoggedModel]:
        """The models of these experiments that match, in the asked order; the newest first where none is asked.

        Raises:
            InvalidError: the filter, the order or the token cannot be read.
        """
        query = ModelQuery(
            experiments=tuple(experiment_number(experiment) for experiment in experiments),
            filter=filter,
            order=tuple(model_order(each) for each in order_by),
            datasets=tuple(datasets),
            limit=max_results,
            token=token,
        )
        with self._ledger.database.read() as connection:
            numbers, following = search_logged_models(connection, query)
            return Page(items=tuple(models_numbered(connection, numbers)), token=following)

    def _touch(self, connection: Connection, number: int, **values: object) -> None:
        changed = update(logged_models).where(logged_models.c.number == number)
        connection.execute(changed.values(updated_ms=self._ledger.now_ms(), **values))


def models_numbered(connection: Connection, numbers: Sequence[int]) -> list[LoggedModel]:
    """The models of these numbers, in their order; those that are there no more are left out."""
    rows = {row.number: row for row in connection.execute(_BY_NUMBERS, {"of": list(numbers)})} if numbers else {}
    return _models(connection, [rows[number] for number in numbers if number in rows])


def _row(connection: Connection, model: str) -> Row[Any]:
    row = connection.execute(_BY_ID, {"of": model}).one_or_none()
    if row is None or row.lifecycle != Lifecycle.ACTIVE:
        raise LoggedModelNotFoundError(model)
    return row


def _put_tags(connection: Connection, number: int, *, tags: Mapping[str, str]) -> None:
    if tags:
        connection.execute(_SET_TAG, [{"model": number, "name": name, "value": value} for name, value in tags.items()])


def _put_params(connection: Connection, number: int, *, model: str, params: Mapping[str, str]) -> None:
    held = _texts(connection, logged_model_params, numbers=[number])[number]
    changed = [(name, held[name], value) for name, value in params.items() if name in held and held[name] != value]
    if changed:
        raise ParamValueChangedError(model, changed=changed)
    fresh = [{"model": number, "name": name, "value": value} for name, value in params.items() if name not in held]
    if fresh:
        connection.execute(insert(logged_model_params), fresh)


def _texts(connection: Connection, table: Table, *, numbers: Sequence[int]) -> dict[int, dict[str, str]]:
    found: dict[int, dict[str, str]] = defaultdict(dict)
    for row in connection.execute(select(table).where(table.c.model.in_(numbers)).order_by(table.c.name)):
        found[row.model][row.name] = row.value
    return found


def _metrics(connection: Connection, models: Mapping[int, str]) -> dict[int, list[Metric]]:
    c = logged_model_metrics.c
    asked = select(logged_model_metrics).where(c.model.in_(list(models))).order_by(c.name, c.time_ms, c.step, c.run)
    found: dict[int, list[Metric]] = defaultdict(list)
    for row in connection.execute(asked):
        found[row.model].append(
            Metric(
                key=row.name, value=float("nan") if row.is_nan else row.value, time_ms=row.time_ms, step=row.step, model=models[row.model],
                dataset_name=row.dataset_name, dataset_digest=row.dataset_digest, run=row.run,
            )
        )  # fmt: skip
    return found


def _models(connection: Connection, rows: Sequence[Row[Any]]) -> list[LoggedModel]:
    if not rows:
        return []
    ids = {row.number: row.id for row in rows}
    params, tags = (_texts(connection, table, numbers=list(ids)) for table in (logged_model_params, logged_model_tags))
    metrics = _metrics(connection, ids)
    return [
        LoggedModel(
            id=row.id, experiment=str(row.experiment), name=row.name,
            status=LoggedModelStatus(row.status), status_message=row.status_message, model_type=row.model_type, source_run=row.source_run,
            created_ms=row.created_ms, updated_ms=row.updated_ms,
            artifact_uri=row.artifact_uri, creator=row.creator, lifecycle=Lifecycle(row.lifecycle), params=params[row.number],
            tags=tags[row.number], metrics=tuple(metrics[row.number]),
        )
        for row in rows
    ]  # fmt: skip
