"""The tables of tracking; times are whole milliseconds since 1970 UTC.

Runs and logged models have a number beside their id: it is what everything logged to them is keyed by, because a number of a few bytes in
every row and index is what keeps a hundred million points small. So have the keys of metrics, params and tags (`names`).

A metric's point stands in `metric_points` first, a row per write with as many 28-byte records as were written at once
(`flyball.tracking.points`), and is moved to `metric_chunks`, columns packed per run and key, when a run has enough of them. The latest
value of each metric, which is what searches look at, is kept beside.
"""

from __future__ import annotations

from flyball.core.optional import extra
from flyball.storage.schema import BigSerial, Json, UtcTime, metadata

with extra("store"):
    from sqlalchemy import (
        BigInteger,
        Column,
        Double,
        Float,
        ForeignKey,
        Index,
        Integer,
        LargeBinary,
        SmallInteger,
        String,
        Table,
        Text,
        UniqueConstraint,
    )

experiments = Table(
    "experiments",
    metadata,
    Column("id", BigSerial, primary_key=True, autoincrement=True),  # 0 is "Default", made by the migration
    Column("name", Text, nullable=False),
    Column("artifact_location", Text, nullable=False),
    Column("lifecycle", String(16), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    UniqueConstraint("name"),
    sqlite_autoincrement=True,  # an id is never given twice: artifacts lie under it
)

experiment_tags = Table(
    "experiment_tags",
    metadata,
    Column("experiment", BigInteger, ForeignKey("experiments.id"), primary_key=True, autoincrement=False),
    Column("name", String(250), primary_key=True),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)

names = Table(
    "names",
    metadata,
    Column("id", BigSerial, primary_key=True, autoincrement=True),
    Column("kind", String(8), nullable=False),  # metric, param or tag
    Column("name", String(250), nullable=False),
    UniqueConstraint("kind", "name"),
)

tracked_runs = Table(
    "tracked_runs",
    metadata,
    Column("number", BigSerial, primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False),
    Column("experiment", BigInteger, ForeignKey("experiments.id"), nullable=False),
    Column("name", String(250), nullable=False),
    Column("user", Text, nullable=False),
    Column("status", String(16), nullable=False),  # RunStatus: scheduled, running, finished, failed, killed
    Column("lifecycle", String(16), nullable=False),  # Lifecycle: active, deleted
    Column("start_ms", BigInteger, nullable=False),
    Column("end_ms", BigInteger, nullable=True),
    Column("deleted_ms", BigInteger, nullable=True),
    Column("artifact_uri", Text, nullable=False),
    Column("points", BigInteger, nullable=False),  # how many metric points were logged to it, ever
    Column("details", Json, nullable=True),  # what only the loop knows of its runs: model.Run as it was set
    UniqueConstraint("id"),
    Index(None, "experiment", "lifecycle", "start_ms"),
    Index(None, "experiment", "lifecycle", "end_ms"),
    Index(None, "experiment", "lifecycle", "name"),
    Index(None, "experiment", "lifecycle", "status"),
    Index(None, "experiment", "lifecycle", "user"),
    sqlite_autoincrement=True,  # a number is never given twice: a reader may hold it while its run is purged
)

run_params = Table(
    "run_params",
    metadata,
    Column("run", BigInteger, primary_key=True, autoincrement=False),
    Column("key", BigInteger, primary_key=True, autoincrement=False),
    Column("experiment", BigInteger, nullable=False),
    Column("value", Text, nullable=False),
    Column("head", String(64), nullable=False),  # the value's first 64 characters, which the index can hold
    Index(None, "key", "experiment", "head", "run"),
    sqlite_with_rowid=False,
)

run_tags = Table(
    "run_tags",
    metadata,
    Column("run", BigInteger, primary_key=True, autoincrement=False),
    Column("key", BigInteger, primary_key=True, autoincrement=False),
    Column("experiment", BigInteger, nullable=False),
    Column("value", Text, nullable=False),
    Column("head", String(64), nullable=False),
    Index(None, "key", "experiment", "head", "run"),
    sqlite_with_rowid=False,
)

latest_metrics = Table(
    "latest_metrics",
    metadata,
    Column("run", BigInteger, primary_key=True, autoincrement=False),
    Column("key", BigInteger, primary_key=True, autoincrement=False),
    Column("experiment", BigInteger, nullable=False),
    Column("is_nan", SmallInteger, nullable=False),
    Column("value", Double, nullable=False),  # 0 where is_nan is 1; infinities stand as themselves
    Column("step", BigInteger, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Index(None, "key", "experiment", "is_nan", "value", "run"),
    sqlite_with_rowid=False,
)

metric_points = Table(
    "metric_points",
    metadata,
    Column("run", BigInteger, primary_key=True, autoincrement=False),
    Column("position", BigInteger, primary_key=True, autoincrement=False),  # the run's `points` with this row's
    Column("records", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

metric_chunks = Table(
    "metric_chunks",
    metadata,
    Column("run", BigInteger, primary_key=True, autoincrement=False),
    Column("key", BigInteger, primary_key=True, autoincrement=False),
    Column("position", BigInteger, primary_key=True, autoincrement=False),  # of the run, when it was packed
    Column("points", Integer, nullable=False),
    Column("first_ms", BigInteger, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
    Column("packed", LargeBinary, nullable=False),
)

datasets = Table(
    "tracked_datasets",
    metadata,
    Column("number", BigSerial, primary_key=True, autoincrement=True),
    Column("experiment", BigInteger, ForeignKey("experiments.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("source_type", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("schema", Text, nullable=True),
    Column("profile", Text, nullable=True),
    UniqueConstraint("experiment", "name", "digest"),
)

run_datasets = Table(
    "run_datasets",
    metadata,
    Column("run", BigInteger, primary_key=True, autoincrement=False),
    Column("dataset", BigInteger, primary_key=True, autoincrement=False),
    Column("context", Text, nullable=True),  # the tag mlflow.data.context, which searches ask for
    Column("tags", Json, nullable=False),
    Index(None, "dataset"),
)

run_model_inputs = Table(
    "run_model_inputs",
    metadata,
    Column("run", BigInteger, primary_key=True, autoincrement=False),
    Column("model", String(64), primary_key=True),
    sqlite_with_rowid=False,
)

run_model_outputs = Table(
    "run_model_outputs",
    metadata,
    Column("run", BigInteger, primary_key=True, autoincrement=False),
    Column("model", String(64), primary_key=True),
    Column("step", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

logged_models = Table(
    "logged_models",
    metadata,
    Column("number", BigSerial, primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False),
    Column("experiment", BigInteger, ForeignKey("experiments.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("status", String(16), nullable=False),  # LoggedModelStatus: pending, ready, failed
    Column("status_message", Text, nullable=False),
    Column("lifecycle", String(16), nullable=False),
    Column("model_type", Text, nullable=True),
    Column("source_run", String(64), nullable=True),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Column("deleted_ms", BigInteger, nullable=True),
    Column("artifact_uri", Text, nullable=False),
    Column("creator", Text, nullable=True),
    UniqueConstraint("id"),
    Index(None, "experiment", "lifecycle", "created_ms"),
    Index(None, "source_run"),
    sqlite_autoincrement=True,
)

logged_model_params = Table(
    "logged_model_params",
    metadata,
    Column("model", BigInteger, ForeignKey("logged_models.number"), primary_key=True, autoincrement=False),
    Column("name", String(250), primary_key=True),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)

logged_model_tags = Table(
    "logged_model_tags",
    metadata,
    Column("model", BigInteger, ForeignKey("logged_models.number"), primary_key=True, autoincrement=False),
    Column("name", String(250), primary_key=True),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)

logged_model_metrics = Table(
    "logged_model_metrics",
    metadata,
    Column("model", BigInteger, ForeignKey("logged_models.number"), primary_key=True, autoincrement=False),
    Column("name", String(250), primary_key=True),
    Column("time_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("step", BigInteger, primary_key=True, autoincrement=False),
    Column("run", String(64), primary_key=True),
    Column("dataset_name", Text, nullable=True),
    Column("dataset_digest", Text, nullable=True),
    Column("is_nan", SmallInteger, nullable=False),
    Column("value", Double, nullable=False),
    Index(None, "name", "is_nan", "value"),
    sqlite_with_rowid=False,
)

# Retired: read by no code since 0009_tracking copied them into the tables above; they stay with what they hold.

_retired_runs = Table(
    "runs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("experiment", String(256), nullable=False, index=True),
    Column("name", String(256), nullable=False),
    Column("status", String(16), nullable=False),
    Column("parameters", Json, nullable=False),
    Column("artifacts", Json, nullable=False),
    Column("tags", Json, nullable=False),
    Column("started", UtcTime, nullable=False),
    Column("ended", UtcTime, nullable=True),
    Column("summary", Json, nullable=False),
    Column("reason", Text, nullable=True),
    Column("cause", String(64), nullable=True),
)

_retired_run_metrics = Table(
    "run_metrics",
    metadata,
    Column("position", BigSerial, primary_key=True, autoincrement=True),
    Column("run", String(64), ForeignKey("runs.id"), nullable=False, index=True),
    Column("name", String(256), nullable=False),
    Column("value", Float, nullable=False),
    Column("step", BigInteger, nullable=False),
    Column("time", UtcTime, nullable=False),
)
