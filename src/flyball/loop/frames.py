"""The frame of a model: one line per row that is predicted, with its features as of the prediction time, and its labels' versions.

Every line depends on nothing that became known after its prediction time, so that the training set as of T is a selection of
lines and labels, never another computation; and a request (one line) is computed by the same code.

Files: ``frame`` (Arrow IPC, ordered by prediction time and key; a row's number is its position) has the features under their names,
the key columns, `__prediction_time`, `__event_time`, the slicing columns of the gates as ``__slice.COLUMN``, and those that `sticky` names
as ``__sticky.COLUMN``;
``labels`` has ``row`` (u32), ``label`` (f64), `__known_time`, `__known_until`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flyball.core.duration import microseconds
from flyball.core.ids import Digest
from flyball.loop.model import Model
from flyball.loop.projectfile import load_project
from flyball.pipelines import Step, StepTask

if TYPE_CHECKING:
    import polars as pl

    from flyball.features import FeatureSet

SLICE = "__slice."
STICKY = "__sticky."


def frame_step(model: Model, *, project: Path, histories: Mapping[str, Digest], features: Digest) -> Step:
    """The step that makes the model's frame from the histories of its datasets (Arrow IPC blobs by dataset name)."""
    return Step(
        name="frame",
        function="flyball.loop.frames:build",
        parameters={
            "model": model.name,
            "features": features,
            "lead": model.lead,
            "rows": model.rows.definition(),
            "slices": slice_columns(model),
            **({} if model.sticky is None else {"sticky": list(model.sticks_to)}),
            **_label(model),
        },
        inputs=dict(histories),
        context={"project": str(project)},
    )


def _label(model: Model) -> dict[str, Any]:
    from flyball.provenance import fingerprint_expression

    return {"label": [model.label.dataset.name, fingerprint_expression(model.label.expression), model.label.timeout]}


def slice_columns(model: Model) -> list[str]:
    """The columns of `rows` that the model's gates slice by, sorted."""
    return sorted({gate.column for gate in model.gates if hasattr(gate, "column")})


def build(task: StepTask) -> dict[str, Any]:
    """Make the frame and the labels of the model that the step names."""
    import polars as pl

    model = load_project(Path(task.context["project"])).get(task.parameters["model"])
    histories = {name: pl.read_ipc(path) for name, path in task.inputs.items()}
    return _write(model, histories, task=task)


def _write(model: Model, histories: Mapping[str, pl.DataFrame], *, task: StepTask) -> dict[str, Any]:
    import polars as pl

    from flyball.data import label_history
    from flyball.data.model import EVENT_TIME, KNOWN_TIME, KNOWN_UNTIL, PREDICTION_TIME
    from flyball.data.prediction import predicted_rows
    from flyball.features import FeatureSet

    key = list(model.rows.key)
    rows = predicted_rows(histories[model.rows.name], model.rows, lead=model.length("lead"))
    schemas = {name: frame.schema for name, frame in histories.items()}
    features = FeatureSet.compile(model.features, model.rows, schemas=schemas).compute(rows, histories)
    slices = [pl.col(name).alias(SLICE + name) for name in slice_columns(model)]
    sticky = [] if model.sticky is None else [pl.col(name).alias(STICKY + name) for name in model.sticks_to]
    frame = pl.concat([rows.select(*key, PREDICTION_TIME, EVENT_TIME, *slices, *sticky), features], how="horizontal")
    labels = label_history(rows, model.label, history=histories[model.label.dataset.name], key=model.rows.key)
    numbered = rows.select(*key, pl.col(KNOWN_TIME).alias("since")).with_row_index("row")
    known = pl.max_horizontal(KNOWN_TIME, "since").alias(KNOWN_TIME)  # nothing is learnt from a row before we have it
    labels = labels.join(numbered, on=key, how="inner").select("row", pl.col("label").cast(pl.Float64), known, KNOWN_UNTIL)
    labels = labels.filter(pl.col(KNOWN_UNTIL).is_null() | (pl.col(KNOWN_TIME) < pl.col(KNOWN_UNTIL)))
    frame.write_ipc(task.output("frame"), compression="uncompressed")
    labels.sort("row", KNOWN_TIME).write_ipc(task.output("labels"), compression="uncompressed")
    times = frame[PREDICTION_TIME]
    span = [microseconds(moment) for moment in (times[0], times[-1])] if len(times) else []
    return {"rows": len(frame), "labels": len(labels), "span": span, "features": features.columns}


def compiled(model: Model, histories: Mapping[str, Path]) -> FeatureSet:
    """The model's features, compiled against the schemas of these histories (Arrow IPC); reads no rows.

    Raises:
        FlyballError: the features do not fit the data.
    """
    import polars as pl

    from flyball.features import FeatureSet

    schemas = {name: pl.Schema(pl.read_ipc_schema(path)) for name, path in histories.items()}
    return FeatureSet.compile(model.features, model.rows, schemas=schemas)
