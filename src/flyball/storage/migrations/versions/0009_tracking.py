"""The tables of tracking in MLflow's meaning; runs of the loop are copied into them, and their old tables stay as they are."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0009_tracking"
down_revision = "0008_pushes"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_TABLES = (
    "experiments",
    "experiment_tags",
    "names",
    "tracked_runs",
    "run_params",
    "run_tags",
    "latest_metrics",
    "metric_points",
    "metric_chunks",
    "tracked_datasets",
    "run_datasets",
    "run_model_inputs",
    "run_model_outputs",
    "logged_models",
    "logged_model_params",
    "logged_model_tags",
    "logged_model_metrics",
)


def upgrade() -> None:
    """Make the tables, the experiment "Default", and copy what the loop has logged so far."""
    _make_experiments_and_runs()
    _make_logged()
    _make_points()
    _make_datasets()
    _make_models()
    bind = op.get_bind()
    bind.execute(
        sa.text(
            "INSERT INTO experiments (id, name, artifact_location, lifecycle, created_ms, updated_ms)"
            " VALUES (0, 'Default', 'mlflow-artifacts:/0', 'active', 0, 0)"
        )
    )
    _Copy(bind).run()


def downgrade() -> None:
    """Take them back; the loop's runs are where they were."""
    for table in reversed(_TABLES):
        op.drop_table(table)


def _make_experiments_and_runs() -> None:
    """Experiments, the dictionary of keys, and runs."""
    op.create_table(
        "experiments",
        sa.Column("id", _SERIAL, primary_key=True, autoincrement=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("artifact_location", sa.Text, nullable=False),
        sa.Column("lifecycle", sa.String(16), nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("updated_ms", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "experiment_tags",
        sa.Column("experiment", sa.BigInteger, sa.ForeignKey("experiments.id"), primary_key=True, autoincrement=False),
        sa.Column("name", sa.String(250), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "names",
        sa.Column("id", _SERIAL, primary_key=True, autoincrement=True),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("name", sa.String(250), nullable=False),
        sa.UniqueConstraint("kind", "name"),
    )
    op.create_table(
        "tracked_runs",
        sa.Column("number", _SERIAL, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("experiment", sa.BigInteger, sa.ForeignKey("experiments.id"), nullable=False),
        sa.Column("name", sa.String(250), nullable=False),
        sa.Column("user", sa.Text, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("lifecycle", sa.String(16), nullable=False),
        sa.Column("start_ms", sa.BigInteger, nullable=False),
        sa.Column("end_ms", sa.BigInteger, nullable=True),
        sa.Column("deleted_ms", sa.BigInteger, nullable=True),
        sa.Column("artifact_uri", sa.Text, nullable=False),
        sa.Column("points", sa.BigInteger, nullable=False),
        sa.Column("details", sa.Text, nullable=True),
        sa.UniqueConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_tracked_runs_experiment_lifecycle_start_ms"), "tracked_runs", ["experiment", "lifecycle", "start_ms"])
    op.create_index(op.f("ix_tracked_runs_experiment_lifecycle_end_ms"), "tracked_runs", ["experiment", "lifecycle", "end_ms"])
    op.create_index(op.f("ix_tracked_runs_experiment_lifecycle_name"), "tracked_runs", ["experiment", "lifecycle", "name"])
    op.create_index(op.f("ix_tracked_runs_experiment_lifecycle_status"), "tracked_runs", ["experiment", "lifecycle", "status"])
    op.create_index(op.f("ix_tracked_runs_experiment_lifecycle_user"), "tracked_runs", ["experiment", "lifecycle", "user"])


def _make_logged() -> None:
    """What is logged to runs, as searches look at it."""
    op.create_table(
        "run_params",
        sa.Column("run", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("key", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("experiment", sa.BigInteger, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("head", sa.String(64), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_run_params_key_experiment_head_run"), "run_params", ["key", "experiment", "head", "run"])
    op.create_table(
        "run_tags",
        sa.Column("run", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("key", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("experiment", sa.BigInteger, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("head", sa.String(64), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_run_tags_key_experiment_head_run"), "run_tags", ["key", "experiment", "head", "run"])
    op.create_table(
        "latest_metrics",
        sa.Column("run", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("key", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("experiment", sa.BigInteger, nullable=False),
        sa.Column("is_nan", sa.SmallInteger, nullable=False),
        sa.Column("value", sa.Double, nullable=False),
        sa.Column("step", sa.BigInteger, nullable=False),
        sa.Column("time_ms", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_latest_metrics_key_experiment_is_nan_value_run"), "latest_metrics", ["key", "experiment", "is_nan", "value", "run"]
    )


def _make_points() -> None:
    """Every point of every metric."""
    op.create_table(
        "metric_points",
        sa.Column("run", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("records", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "metric_chunks",
        sa.Column("run", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("key", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("points", sa.Integer, nullable=False),
        sa.Column("first_ms", sa.BigInteger, nullable=False),
        sa.Column("last_ms", sa.BigInteger, nullable=False),
        sa.Column("packed", sa.LargeBinary, nullable=False),
    )


def _make_datasets() -> None:
    """What runs have read and made."""
    op.create_table(
        "tracked_datasets",
        sa.Column("number", _SERIAL, primary_key=True, autoincrement=True),
        sa.Column("experiment", sa.BigInteger, sa.ForeignKey("experiments.id"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("source_type", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("schema", sa.Text, nullable=True),
        sa.Column("profile", sa.Text, nullable=True),
        sa.UniqueConstraint("experiment", "name", "digest"),
    )
    op.create_table(
        "run_datasets",
        sa.Column("run", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("dataset", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("context", sa.Text, nullable=True),
        sa.Column("tags", sa.Text, nullable=False),
    )
    op.create_index(op.f("ix_run_datasets_dataset"), "run_datasets", ["dataset"])
    op.create_table(
        "run_model_inputs",
        sa.Column("run", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("model", sa.String(64), primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "run_model_outputs",
        sa.Column("run", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("model", sa.String(64), primary_key=True),
        sa.Column("step", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )


def _make_models() -> None:
    """Logged models."""
    op.create_table(
        "logged_models",
        sa.Column("number", _SERIAL, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("experiment", sa.BigInteger, sa.ForeignKey("experiments.id"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("status_message", sa.Text, nullable=False),
        sa.Column("lifecycle", sa.String(16), nullable=False),
        sa.Column("model_type", sa.Text, nullable=True),
        sa.Column("source_run", sa.String(64), nullable=True),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("updated_ms", sa.BigInteger, nullable=False),
        sa.Column("deleted_ms", sa.BigInteger, nullable=True),
        sa.Column("artifact_uri", sa.Text, nullable=False),
        sa.Column("creator", sa.Text, nullable=True),
        sa.UniqueConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_logged_models_experiment_lifecycle_created_ms"), "logged_models", ["experiment", "lifecycle", "created_ms"])
    op.create_index(op.f("ix_logged_models_source_run"), "logged_models", ["source_run"])
    op.create_table(
        "logged_model_params",
        sa.Column("model", sa.BigInteger, sa.ForeignKey("logged_models.number"), primary_key=True, autoincrement=False),
        sa.Column("name", sa.String(250), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "logged_model_tags",
        sa.Column("model", sa.BigInteger, sa.ForeignKey("logged_models.number"), primary_key=True, autoincrement=False),
        sa.Column("name", sa.String(250), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "logged_model_metrics",
        sa.Column("model", sa.BigInteger, sa.ForeignKey("logged_models.number"), primary_key=True, autoincrement=False),
        sa.Column("name", sa.String(250), primary_key=True),
        sa.Column("time_ms", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("step", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("run", sa.String(64), primary_key=True),
        sa.Column("dataset_name", sa.Text, nullable=True),
        sa.Column("dataset_digest", sa.Text, nullable=True),
        sa.Column("is_nan", sa.SmallInteger, nullable=False),
        sa.Column("value", sa.Double, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_logged_model_metrics_name_is_nan_value"), "logged_model_metrics", ["name", "is_nan", "value"])


class _Copy:
    """The rows of `runs` and `run_metrics`, as the new tables keep them."""

    def __init__(self, bind: sa.Connection) -> None:
        self._bind = bind
        self._experiments: dict[str, int] = {}
        self._names: dict[tuple[str, str], int] = {}

    def run(self) -> None:
        for row in self._rows("SELECT * FROM runs ORDER BY started, id"):
            experiment = self._experiment(row["experiment"], row["started"] // 1000)
            self._copy_run(row, experiment)

    def _rows(self, text: str, **given: Any) -> Iterator[dict[str, Any]]:
        return (dict(row) for row in self._bind.execute(sa.text(text), given).mappings().all())

    def _put(self, table: str, **values: Any) -> None:
        self._bind.execute(sa.table(table, *map(sa.column, values)).insert().values(**values))

    def _experiment(self, name: str, created_ms: int) -> int:
        if name not in self._experiments:
            if name != "Default":
                number = 1 + max((row["id"] for row in self._rows("SELECT id FROM experiments")), default=0)
                self._put(
                    "experiments", name=name, artifact_location=f"mlflow-artifacts:/{number}", lifecycle="active",
                    created_ms=created_ms, updated_ms=created_ms,
                )  # fmt: skip
            found = next(self._rows("SELECT id FROM experiments WHERE name = :name", name=name))
            self._experiments[name] = found["id"]
        return self._experiments[name]

    def _name(self, kind: str, name: str) -> int:
        if (kind, name) not in self._names:
            self._put("names", kind=kind, name=name)
            found = next(self._rows("SELECT id FROM names WHERE kind = :kind AND name = :name", kind=kind, name=name))
            self._names[kind, name] = found["id"]
        return self._names[kind, name]

    def _copy_run(self, row: dict[str, Any], experiment: int) -> None:
        parameters, tags = json.loads(row["parameters"]), json.loads(row["tags"])
        details = {
            "experiment": row["experiment"],
            "parameters": parameters,
            "artifacts": json.loads(row["artifacts"]),
            "summary": json.loads(row["summary"]),
            "reason": row["reason"],
            "cause": row["cause"],
            "started": row["started"],
            "ended": row["ended"],
        }
        self._put(
            "tracked_runs", id=row["id"], experiment=experiment, name=row["name"], user="", status=row["status"], lifecycle="active",
            start_ms=row["started"] // 1000, end_ms=None if row["ended"] is None else row["ended"] // 1000,
            artifact_uri=f"mlflow-artifacts:/{experiment}/{row['id']}/artifacts", points=0, details=_canonical(details),
        )  # fmt: skip
        run = next(self._rows("SELECT number FROM tracked_runs WHERE id = :id", id=row["id"]))["number"]
        tags = {**tags, "mlflow.runName": row["name"], **({"flyball.cause": row["cause"]} if row["cause"] else {})}
        texts = {name: value if isinstance(value, str) else _canonical(value) for name, value in parameters.items()}
        for kind, table, values in (("param", "run_params", texts), ("tag", "run_tags", tags)):
            for name, value in values.items():
                self._put(table, run=run, key=self._name(kind, name), experiment=experiment, value=value, head=value[:64])
        self._copy_points(run, experiment, run_id=row["id"])

    def _copy_points(self, run: int, experiment: int, *, run_id: str) -> None:
        found = list(self._rows("SELECT * FROM run_metrics WHERE run = :run ORDER BY position", run=run_id))
        if not found:
            return
        points = [(self._name("metric", row["name"]), row["step"], row["time"] // 1000, row["value"]) for row in found]
        self._bind.execute(sa.text("UPDATE tracked_runs SET points = :points WHERE number = :run"), {"points": len(points), "run": run})
        self._put("metric_points", run=run, position=len(points), records=b"".join(struct.pack("<iqqd", *point) for point in points))
        for key, step, time_ms, value in {point[0]: point for point in sorted(points)}.values():
            self._put("latest_metrics", run=run, key=key, experiment=experiment, is_nan=0, value=value, step=step, time_ms=time_ms)


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
