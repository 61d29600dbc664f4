"""The steps of training as values, so that no caller needs to know their parameters' names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from flyball.core.clock import utc
from flyball.core.duration import parse_duration
from flyball.core.ids import Digest
from flyball.pipelines.model import Step
from flyball.training.errors import SearchError
from flyball.training.model import Search, TrainSpec


def train_step(
    spec: TrainSpec,
    *,
    inputs: Mapping[str, Digest],
    as_of: datetime,
    features: Sequence[str],
    function: Digest | None = None,
    context: Mapping[str, Any] | None = None,
) -> Step:
    """The step that trains as of `as_of` from the blobs ``frame`` and ``labels``.

    For a training function, `function` is its fingerprint and `context` has ``loader``: "module:function" that takes the context and
    returns the training function inside the child.

    Raises:
        SearchError: a training function without fingerprint or loader.
    """
    search = asdict(spec.train) if isinstance(spec.train, Search) else None
    if search is None and (function is None or "loader" not in (context or {})):
        raise SearchError("a training function needs its fingerprint and a loader in the context")
    return Step(
        name="train",
        function="flyball.training.steps:train",
        parameters={
            "as_of": utc(as_of),
            "holdout": spec.length("holdout"),
            "train_on": None if spec.train_on == "all" else parse_duration(spec.train_on),
            "features": list(features),
            "metric": spec.metric,
            "seed": spec.seed,
            "search": search,
            "function": function,
        },
        inputs={name: inputs[name] for name in ("frame", "labels")},
        context=dict(context or {}),
        timeout=spec.length("timeout"),
    )


def score_step(*, model: Digest, frame: Digest, start: datetime | None = None, stop: datetime | None = None) -> Step:
    """The step that scores the frame's rows predicted in [start, stop)."""
    return Step(
        name="score",
        function="flyball.training.steps:score",
        parameters={"start": start and utc(start), "stop": stop and utc(stop)},
        inputs={"model": model, "frame": frame},
        timeout=timedelta(hours=1),
    )
