"""The use cases of experiments, in MLflow's meaning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flyball.core.optional import extra
from flyball.tracking._sql import experiment_tags, experiments, tracked_runs
from flyball.tracking.errors import (
    ExperimentDeletedError,
    ExperimentExistsError,
    ExperimentNameNotFoundError,
    ExperimentNotFoundError,
    ExperimentTagNotFoundError,
    RenameDeletedError,
)
from flyball.tracking.experiment import Experiment, Lifecycle, ViewType
from flyball.tracking.ledger import ARTIFACTS, Ledger
from flyball.tracking.limits import (
    EXPERIMENT_TAG_LENGTH,
    LOCATION_LENGTH,
    check_experiment_name,
    check_length,
    check_tags,
    experiment_number,
)
from flyball.tracking.page import Page
from flyball.tracking.search.experimentsearch import ExperimentQuery, search_experiments

with extra("store"):
    from sqlalchemy import ColumnElement, Connection, Row, bindparam, delete, insert, select, text, update

_BY_ID = select(experiments).where(experiments.c.id == bindparam("of"))
_BY_IDS = select(experiments).where(experiments.c.id.in_(bindparam("of", expanding=True)))
_BY_NAME = select(experiments).where(experiments.c.name == bindparam("of"))
_TAGS = select(experiment_tags).where(experiment_tags.c.experiment.in_(bindparam("of", expanding=True))).order_by(experiment_tags.c.name)
_SET_TAG = text(
    "INSERT INTO experiment_tags (experiment, name, value) VALUES (:experiment, :name, :value)"
    " ON CONFLICT (experiment, name) DO UPDATE SET value = excluded.value"
)


class Experiments:
    """A name is one experiment's, also when that is deleted; what is deleted does not change. Thread-safe."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def by(self, actor: str) -> Experiments:
        """The same experiments, telling what is done as done by `actor`."""
        return Experiments(self._ledger.by(actor))

    def create(self, name: str, *, artifact_location: str | None = None, tags: Mapping[str, str] | None = None) -> Experiment:
        """A new experiment of this name: `experiment.created`; its artifacts lie under its number where no place is given.

        Raises:
            ExperimentExistsError: the name is taken, perhaps by a deleted one.
            InvalidError: the name, the location or a tag is beyond a limit.
        """
        check_experiment_name(name)
        check_length("artifact_location", artifact_location or "", limit=LOCATION_LENGTH)
        check_tags(tags or {}, limit=EXPERIMENT_TAG_LENGTH)
        now = self._ledger.now_ms()
        with self._ledger.database.write() as connection:
            taken = connection.execute(_BY_NAME, {"of": name}).one_or_none()
            if taken is not None:
                raise ExperimentExistsError(name, deleted=taken.lifecycle == Lifecycle.DELETED)
            number = add_experiment(connection, name, now_ms=now, artifact_location=artifact_location)
            _set_tags(connection, number, tags=tags or {})
            self._ledger.recorder.record("experiment.created", f"experiment/{number}", data={"name": name})
            return _experiments(connection, [connection.execute(_BY_ID, {"of": number}).one()])[0]

    def get(self, experiment: str) -> Experiment:
        """The experiment, also a deleted one.

        Raises:
            ExperimentNotFoundError, ExperimentIdError: none has this id.
        """
        with self._ledger.database.read() as connection:
            return _experiments(connection, [_row(connection, experiment)])[0]

    def get_named(self, name: str) -> Experiment:
        """The experiment of this name, also a deleted one.

        Raises:
            ExperimentNameNotFoundError: none has this name.
        """
        found = self.find_named(name)
        if found is None:
            raise ExperimentNameNotFoundError(name)
        return found

    def find_named(self, name: str) -> Experiment | None:
        """The experiment of this name, also a deleted one, or None."""
        with self._ledger.database.read() as connection:
            return next(iter(_experiments(connection, connection.execute(_BY_NAME, {"of": name}).all())), None)

    def search(
        self,
        *,
        filter: str = "",  # noqa: A002  it is the word of the grammar
        order_by: Sequence[str] = (),
        view: ViewType = ViewType.ACTIVE_ONLY,
        max_results: int = 1000,
        token: str | None = None,
    ) -> Page[Experiment]:
        """The experiments that match, in the asked order; the newest first where none is asked.

        Raises:
            InvalidError: the filter, the order or the token cannot be read.
        """
        query = ExperimentQuery(filter=filter, order_by=tuple(order_by), view=view, limit=max_results, token=token)
        with self._ledger.database.read() as connection:
            numbers, following = search_experiments(connection, query)
            rows = {row.id: row for row in connection.execute(_BY_IDS, {"of": numbers})} if numbers else {}
            return Page(items=tuple(_experiments(connection, [rows[number] for number in numbers])), token=following)

    def rename(self, experiment: str, name: str) -> None:
        """The experiment has another name from now on.

        Raises:
            ExperimentNotFoundError, RenameDeletedError, ExperimentExistsError, InvalidError: it keeps its name.
        """
        check_experiment_name(name)
        with self._ledger.database.write() as connection:
            row = _row(connection, experiment)
            if row.lifecycle != Lifecycle.ACTIVE:
                raise RenameDeletedError
            taken = connection.execute(_BY_NAME, {"of": name}).one_or_none()
            if taken is not None and taken.id != row.id:
                raise ExperimentExistsError(name, deleted=taken.lifecycle == Lifecycle.DELETED)
            _set(connection, row.id, name=name, updated_ms=self._ledger.now_ms())

    def delete(self, experiment: str) -> None:
        """The experiment and its runs are deleted: shown to nobody who does not ask for deleted ones, and restorable.

        Raises:
            ExperimentNotFoundError: there is no active one of this id.
        """
        self._move(experiment, old=Lifecycle.ACTIVE, new=Lifecycle.DELETED)

    def restore(self, experiment: str) -> None:
        """The experiment and its runs are active again.

        Raises:
            ExperimentNotFoundError: there is no deleted one of this id.
        """
        self._move(experiment, old=Lifecycle.DELETED, new=Lifecycle.ACTIVE)

    def _move(self, experiment: str, *, old: Lifecycle, new: Lifecycle) -> None:
        now = self._ledger.now_ms()
        with self._ledger.database.write() as connection:
            row = _row(connection, experiment)
            if row.lifecycle != old:
                raise ExperimentNotFoundError(experiment)
            _set(connection, row.id, lifecycle=str(new), updated_ms=now)
            of_runs = update(tracked_runs).where(tracked_runs.c.experiment == row.id, tracked_runs.c.lifecycle == str(old))
            connection.execute(of_runs.values(lifecycle=str(new), deleted_ms=now if new is Lifecycle.DELETED else None))
            kind = "experiment.deleted" if new is Lifecycle.DELETED else "experiment.restored"
            self._ledger.recorder.record(kind, f"experiment/{row.id}", data={"name": row.name})

    def set_tag(self, experiment: str, key: str, *, value: str) -> None:
        """The tag has this value.

        Raises:
            ExperimentNotFoundError, ExperimentDeletedError, InvalidError: it was not set.
        """
        check_tags({key: value}, path="", limit=EXPERIMENT_TAG_LENGTH)
        with self._ledger.database.write() as connection:
            _set_tags(connection, _active(connection, experiment), tags={key: value})

    def delete_tag(self, experiment: str, key: str) -> None:
        """The experiment has no such tag.

        Raises:
            ExperimentNotFoundError, ExperimentDeletedError, ExperimentTagNotFoundError: nothing was taken away.
        """
        with self._ledger.database.write() as connection:
            number = _active(connection, experiment)
            gone = delete(experiment_tags).where(experiment_tags.c.experiment == number, experiment_tags.c.name == key)
            if connection.execute(gone).rowcount != 1:
                raise ExperimentTagNotFoundError(experiment, key)


def add_experiment(connection: Connection, name: str, *, now_ms: int, artifact_location: str | None = None) -> int:
    """The number of a new experiment of this name, which must be free."""
    made = insert(experiments).values(
        name=name, artifact_location=artifact_location or "", lifecycle=str(Lifecycle.ACTIVE), created_ms=now_ms, updated_ms=now_ms
    )
    number: int = connection.execute(made.returning(experiments.c.id)).scalar_one()
    if not artifact_location:
        _set(connection, number, artifact_location=f"{ARTIFACTS}{number}")
    return number


def loop_experiment(connection: Connection, name: str, *, now_ms: int) -> int:
    """The number of the experiment of this name, made where there is none; a deleted one serves the loop as well."""
    found = connection.execute(_BY_NAME, {"of": name}).one_or_none()
    return add_experiment(connection, name, now_ms=now_ms) if found is None else int(found.id)


def active_experiment(connection: Connection, experiment: str) -> Row[Any]:
    """The row of an experiment that takes new runs and models.

    Raises:
        ExperimentNotFoundError, ExperimentIdError, ExperimentDeletedError: there is none.
    """
    row = _row(connection, experiment)
    if row.lifecycle != Lifecycle.ACTIVE:
        raise ExperimentDeletedError(experiment)
    return row


def experiments_where(connection: Connection, *conditions: ColumnElement[bool]) -> list[Experiment]:
    """The experiments that meet the conditions, with their tags, by id."""
    return _experiments(connection, connection.execute(select(experiments).where(*conditions).order_by(experiments.c.id)).all())


def _row(connection: Connection, experiment: str) -> Row[Any]:
    row = connection.execute(_BY_ID, {"of": experiment_number(experiment)}).one_or_none()
    if row is None:
        raise ExperimentNotFoundError(experiment)
    return row


def _active(connection: Connection, experiment: str) -> int:
    return int(active_experiment(connection, experiment).id)


def _set(connection: Connection, number: int, **values: object) -> None:
    connection.execute(update(experiments).where(experiments.c.id == number).values(**values))


def _set_tags(connection: Connection, number: int, *, tags: Mapping[str, str]) -> None:
    if tags:
        connection.execute(_SET_TAG, [{"experiment": number, "name": name, "value": value} for name, value in tags.items()])


def _experiments(connection: Connection, rows: Sequence[Row[Any]]) -> list[Experiment]:
    tags: dict[int, dict[str, str]] = {row.id: {} for row in rows}
    if rows:
        for tag in connection.execute(_TAGS, {"of": list(tags)}):
            tags[tag.experiment][tag.name] = tag.value
    return [
        Experiment(
            id=str(row.id), name=row.name, artifact_location=row.artifact_location, lifecycle=Lifecycle(row.lifecycle),
            created_ms=row.created_ms, updated_ms=row.updated_ms, tags=tags[row.id],
        )
        for row in rows
    ]  # fmt: skip
