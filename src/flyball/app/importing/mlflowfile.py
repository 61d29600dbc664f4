"""The SQLite file of an MLflow server as a source. It is opened read-only; older schemas lack tables and columns, which then are empty."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from flyball.app.importing import localfiles
from flyball.app.importing.source import FoundModel, FoundVersion, NotATrackingStoreError, SourceError, model_of, restored
from flyball.tracking.experiment import Experiment, Lifecycle
from flyball.tracking.loggedmodel import LoggedModel, LoggedModelStatus
from flyball.tracking.model import RunStatus
from flyball.tracking.trackedrun import DatasetInput, Metric, ModelInput, ModelOutput, RunHead, TrackedRun

Row = Mapping[str, Any]
_STATUS = {1: LoggedModelStatus.PENDING, 2: LoggedModelStatus.READY, 3: LoggedModelStatus.FAILED}


class MlflowFile:
    """A `Source` over the database file at `path`; `artifacts` is where its server kept artifacts. One thread uses it."""

    def __init__(self, path: Path, *, artifacts: Path | None = None) -> None:
        self._path = path.absolute()
        self._artifacts = artifacts or self._path.parent / "mlartifacts"  # where MLflow's server puts them by default
        try:
            self._connection = sqlite3.connect(f"{self._path.as_uri()}?mode=ro", uri=True)
            self._connection.row_factory = sqlite3.Row
            self._tables = {row["name"] for row in self._connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        except sqlite3.Error as error:
            raise NotATrackingStoreError(str(path), str(error)) from error
        if not {"experiments", "runs", "metrics"} <= self._tables:
            self._connection.close()
            raise NotATrackingStoreError(str(path), "it has no tables 'experiments', 'runs' and 'metrics'")

    @property
    def name(self) -> str:
        return f"the MLflow database {self._path.name}"

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def experiments(self) -> Iterator[Experiment]:
        for row in self._rows("SELECT * FROM experiments ORDER BY experiment_id", needs="experiments"):
            number = row["experiment_id"]
            yield Experiment(
                id=str(number),
                name=row["name"],
                artifact_location=row["artifact_location"] or "",
                lifecycle=Lifecycle(row["lifecycle_stage"]),
                created_ms=_get(row, "creation_time") or 0,
                updated_ms=_get(row, "last_update_time") or 0,
                tags=self._texts("SELECT key, value FROM experiment_tags WHERE experiment_id = ?", number, needs="experiment_tags"),
            )

    def runs(self, experiment: str) -> Iterator[TrackedRun]:
        for row in self._rows("SELECT * FROM runs WHERE experiment_id = ? ORDER BY start_time, run_uuid", int(experiment), needs="runs"):
            run = row["run_uuid"]
            found = self._rows("SELECT * FROM latest_metrics WHERE run_uuid = ? ORDER BY key", run, needs="latest_metrics")
            yield TrackedRun(
                head=_head(row),
                metrics=tuple(_metric(metric) for metric in found),
                params=self._texts("SELECT key, value FROM params WHERE run_uuid = ? ORDER BY key", run, needs="params"),
                tags=self._texts("SELECT key, value FROM tags WHERE run_uuid = ? ORDER BY key", run, needs="tags"),
                dataset_inputs=tuple(self._datasets(run)),
                model_inputs=tuple(ModelInput(model=link["destination_id"]) for link in self._links(run, "RUN_INPUT")),
                model_outputs=tuple(
                    ModelOutput(model=link["destination_id"], step=_get(link, "step") or 0) for link in self._links(run, "RUN_OUTPUT")
                ),
            )

    def history(self, run: str, key: str) -> Iterator[Metric]:
        asked = "SELECT * FROM metrics WHERE run_uuid = ? AND key = ? ORDER BY timestamp, step, value"
        for row in self._rows(asked, run, key, needs="metrics"):
            yield _metric(row)

    def logged_models(self, experiment: str) -> Iterator[LoggedModel]:
        asked = "SELECT * FROM logged_models WHERE experiment_id = ? ORDER BY creation_timestamp_ms, model_id"
        for row in self._rows(asked, int(experiment), needs="logged_models"):
            model = row["model_id"]
            params = "SELECT param_key, param_value FROM logged_model_params WHERE model_id = ?"
            tags = "SELECT tag_key, tag_value FROM logged_model_tags WHERE model_id = ?"
            yield LoggedModel(
                id=model,
                experiment=experiment,
                name=row["name"],
                status=_STATUS.get(row["status"], LoggedModelStatus.FAILED),
                status_message=row["status_message"] or "",
                model_type=row["model_type"],
                source_run=row["source_run_id"],
                created_ms=row["creation_timestamp_ms"],
                updated_ms=row["last_updated_timestamp_ms"],
                artifact_uri=row["artifact_location"],
                lifecycle=Lifecycle(row["lifecycle_stage"]),
                params=self._texts(params, model, needs="logged_model_params"),
                tags=self._texts(tags, model, needs="logged_model_tags"),
                metrics=tuple(self._model_metrics(model)),
            )

    def registered(self) -> Iterator[FoundModel]:
        for row in self._rows("SELECT * FROM registered_models ORDER BY name", needs="registered_models"):
            name = row["name"]
            aliases = "SELECT alias, version FROM registered_model_aliases WHERE name = ?"
            tags = "SELECT key, value FROM registered_model_tags WHERE name = ?"
            yield FoundModel(
                name=name,
                description=row["description"] or "",
                created_ms=row["creation_time"] or 0,
                updated_ms=row["last_updated_time"] or 0,
                tags=self._texts(tags, name, needs="registered_model_tags"),
                aliases={alias: int(number) for alias, number in self._rows(aliases, name, needs="registered_model_aliases")},
                versions=tuple(self._versions(name)),
            )

    def files(self, uri: str) -> Iterator[str]:
        yield from localfiles.files(self._directory(uri))

    def read(self, uri: str, path: str) -> Iterator[bytes]:
        yield from localfiles.read(self._directory(uri), path)

    def _directory(self, uri: str) -> Path:
        return localfiles.directory(uri, self._path.parent, artifacts=self._artifacts)

    def _versions(self, name: str) -> Iterator[FoundVersion]:
        for row in self._rows("SELECT * FROM model_versions WHERE name = ? ORDER BY version", name, needs="model_versions"):
            source, number = row["source"] or "", row["version"]
            tags = "SELECT key, value FROM model_version_tags WHERE name = ? AND version = ?"
            yield FoundVersion(
                number=number,
                source=source,
                files=_get(row, "storage_location") or source,
                run=row["run_id"] or None,
                model=model_of(source),
                user=row["user_id"] or "",
                description=row["description"] or "",
                stage=row["current_stage"] or "None",
                created_ms=row["creation_time"] or 0,
                updated_ms=row["last_updated_time"] or 0,
                tags=self._texts(tags, name, number, needs="model_version_tags"),
            )

    def _datasets(self, run: str) -> Iterator[DatasetInput]:
        asked = (
            "SELECT d.*, i.input_uuid FROM inputs i JOIN datasets d ON d.dataset_uuid = i.source_id"
            " WHERE i.source_type = 'DATASET' AND i.destination_type = 'RUN' AND i.destination_id = ? ORDER BY d.name, d.digest"
        )
        for row in self._rows(asked, run, needs="inputs"):
            tags = "SELECT name, value FROM input_tags WHERE input_uuid = ?"
            yield DatasetInput(
                name=row["name"],
                digest=row["digest"],
                source_type=row["dataset_source_type"],
                source=row["dataset_source"],
                schema=row["dataset_schema"],
                profile=row["dataset_profile"],
                tags=self._texts(tags, row["input_uuid"], needs="input_tags"),
            )

    def _links(self, run: str, kind: str) -> Iterator[Row]:
        asked = "SELECT * FROM inputs WHERE source_type = ? AND source_id = ? ORDER BY destination_id"
        yield from self._rows(asked, kind, run, needs="inputs")

    def _model_metrics(self, model: str) -> Iterator[Metric]:
        for row in self._rows("SELECT * FROM logged_model_metrics WHERE model_id = ?", model, needs="logged_model_metrics"):
            yield Metric(
                key=row["metric_name"],
                value=_value(row["metric_value"], is_nan=False),
                time_ms=row["metric_timestamp_ms"],
                step=row["metric_step"],
                model=model,
                dataset_name=row["dataset_name"],
                dataset_digest=row["dataset_digest"],
                run=row["run_id"],
            )

    def _texts(self, asked: str, *values: object, needs: str) -> dict[str, str]:
        return {key: value if value is not None else "" for key, value in self._rows(asked, *values, needs=needs)}

    def _rows(self, asked: str, *values: object, needs: str) -> Iterator[Any]:
        if needs not in self._tables:
            return
        try:
            yield from self._connection.execute(asked, values)
        except sqlite3.Error as error:
            raise SourceError(self.name, str(error)) from error


def _head(row: Any) -> RunHead:
    return RunHead(
        id=row["run_uuid"],
        experiment=str(row["experiment_id"]),
        name=row["name"] or row["run_uuid"],
        user=row["user_id"] or "",
        status=RunStatus(str(row["status"] or "RUNNING").lower()),
        start_ms=row["start_time"] or 0,
        end_ms=row["end_time"],
        lifecycle=Lifecycle(row["lifecycle_stage"]),
        artifact_uri=row["artifact_uri"] or "",
    )


def _metric(row: Any) -> Metric:
    value = _value(row["value"], is_nan=bool(row["is_nan"]))
    return Metric(key=row["key"], value=value, time_ms=row["timestamp"], step=row["step"] or 0)


def _value(value: float | None, *, is_nan: bool) -> float:
    if is_nan or value is None:
        return float("nan")
    return restored(float(value))


def _get(row: Any, name: str) -> Any:
    return row[name] if name in row.keys() else None  # noqa: SIM118  a sqlite3.Row is no mapping
