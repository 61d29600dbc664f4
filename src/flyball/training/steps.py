"""The step functions of training: they run inside a step's child process and speak files and JSON only.

``train`` reads ``frame`` (Arrow IPC, ordered by `__prediction_time`; features under their names, slices as ``__slice.NAME``) and
``labels`` (Arrow IPC: row u32, label, `__known_time`, `__known_until`); it writes ``model.bin`` (see `runtimes.files`) and
``holdout.arrow`` (row u32, label f64, score f64 of the model that was judged), and ``samples.arrow`` (features and score f64 of the model
that is served, by which a server checks it). ``score`` reads ``model`` and ``frame`` and writes ``scores.arrow`` (row u32, score f64).
Nothing known after `as_of` has an influence on any byte of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from flyball.core.duration import EPOCH, MICROSECOND, microseconds
from flyball.data.model import PREDICTION_TIME
from flyball.pipelines.executor import find_function
from flyball.pipelines.model import StepTask
from flyball.registry.evidence import Evidence
from flyball.runtimes.encoder import Encoder
from flyball.runtimes.files import load, save_archive
from flyball.runtimes.model import Floats
from flyball.training.evaluation import evaluate, evaluate_slices
from flyball.training.learning import Learned, Request, iso, learn
from flyball.training.model import Search
from flyball.training.rows import Material, Rows, digest_rows

SAMPLES = 32


def train(task: StepTask) -> dict[str, Any]:
    """Train one model as of a time; the summary is its evidence.

    Parameters: as_of, holdout, train_on, features, task, metric, seed, search (or null), function (fingerprint, or null).
    Context: loader "module:function" and what that needs to return the user's training function.
    """
    request = _request(task)
    material = Material.read(task.inputs["frame"], task.inputs["labels"], features=tuple(task.parameters["features"]))
    learned = learn(material, request)
    score = learned.judged.predict(learned.holdout.features)
    save_archive(learned.final, task.output("model.bin"))
    _write_holdout(learned.holdout, score, task=task)
    _write_samples(learned, task=task)
    return _summary(learned, score, material=material, request=request)


def _request(task: StepTask) -> Request:
    asked = task.parameters
    search = asked.get("search")
    train = Search(**search) if search else find_function(task.context["loader"])(task.context)
    seed = asked["seed"] if not search or search.get("seed") is None else search["seed"]
    metric = asked.get("metric") or (search or {}).get("metric")
    return Request(
        as_of=microseconds(datetime.fromisoformat(asked["as_of"])),
        holdout=asked["holdout"],
        train=train,
        seed=seed,
        train_on=asked.get("train_on"),
        task=asked.get("task"),
        metric=metric,
    )


def _write_holdout(rows: Rows, score: Floats, *, task: StepTask) -> None:
    frame = pl.DataFrame({"row": rows.number.astype(np.uint32), "label": rows.label, "score": score})
    frame.write_ipc(task.output("holdout.arrow"), compression="uncompressed")


def _write_samples(learned: Learned, *, task: StepTask) -> None:
    """Rows over all of the history with the scores that the final model gives them, by which a server checks what it has loaded.

    A model that does not answer twice alike has none: nobody could check it.
    """
    rows = learned.rows.features
    frame = rows.gather_every(max(1, rows.height // SAMPLES)).head(SAMPLES)
    scores = learned.final.predict(frame)
    if np.array_equal(scores, learned.final.predict(frame)):
        # Written as `serving.selfcheck` reads it, which is not imported: what a step imports is in its key.
        frame.with_columns(pl.Series("score", scores, dtype=pl.Float64)).write_ipc(task.output("samples.arrow"), compression="uncompressed")


def _summary(learned: Learned, score: Floats, *, material: Material, request: Request) -> dict[str, Any]:
    rows, holdout, metric = learned.rows, learned.holdout, learned.metric
    evidence = Evidence(
        metric=metric.name,
        metrics=evaluate(holdout.label, score, task=learned.task),
        start=EPOCH + request.holdout_start * MICROSECOND,
        end=EPOCH + request.as_of * MICROSECOND,
        rows=len(holdout),
        greater_is_better=metric.greater_is_better,
        slices=evaluate_slices(holdout.label, score, columns=material.slices(holdout), metric=metric),
        notes=("judged on the hold-out before it was fitted again on all rows",),
    )
    return {
        "task": learned.task,
        "metric": metric.name,
        "evidence": evidence.to_json(),
        "model": learned.final.manifest.to_json(),
        "training": {
            "rows": len(rows),
            "judged_rows": learned.judged_rows,
            "first": iso(int(rows.time[0])),
            "last": iso(int(rows.time[-1])),
            "label_mean": float(rows.label.mean()),
            "digest": digest_rows(rows, learned.prepared.encoder, matrix=learned.prepared.matrix),
            "seed": request.seed,
        },
        "trials": [trial.to_json() for trial in learned.trials],
        "winner": None if learned.winner is None else learned.winner.number,
        "features": _ranges(learned.prepared.encoder, learned.prepared.matrix),
    }


def _ranges(encoder: Encoder, matrix: Floats) -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    for index, column in enumerate(encoder.columns):
        values = matrix[:, index]
        known = values[~np.isnan(values)]
        nulls = (len(values) - len(known)) / len(values)
        if column.kind == "category":
            found[column.name] = {"levels": len(column.levels), "nulls": nulls}
        else:
            low, high = (float(known.min()), float(known.max())) if len(known) else (None, None)
            found[column.name] = {"min": low, "max": high, "nulls": nulls}
    return found


def score(task: StepTask) -> dict[str, Any]:
    """Score the rows of the frame that were predicted in [start, stop); parameters: start, stop (times, or null)."""
    frame = pl.read_ipc(task.inputs["frame"])
    times = frame[PREDICTION_TIME].cast(pl.Datetime("us", "UTC")).to_physical().to_numpy()
    first = _position(times, task.parameters.get("start"), default=0)
    last = max(_position(times, task.parameters.get("stop"), default=len(times)), first)
    model = load(task.inputs["model"], allow_code=True)
    scores = model.predict(frame.slice(first, last - first))
    rows = np.arange(first, last, dtype=np.uint32)
    pl.DataFrame({"row": rows, "score": scores}).write_ipc(task.output("scores.arrow"), compression="uncompressed")
    return {"rows": len(rows), "first": first}


def _position(times: Any, moment: str | None, *, default: int) -> int:
    return default if moment is None else int(np.searchsorted(times, microseconds(datetime.fromisoformat(moment)), side="left"))
