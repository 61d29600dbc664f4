"""Scores of whole stretches of a frame, as steps: a version's scores of a stretch are computed once, whoever asks for which rows.

A score depends on its own row alone, so that to score a stretch ahead of time tells nobody anything early.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import numpy as np
import polars as pl

from flyball.core.duration import EPOCH, MICROSECOND
from flyball.core.ids import Digest
from flyball.loop.model import Model
from flyball.loop.past import Floats, ModelFrame, Rows
from flyball.pipelines import StepRunner
from flyball.registry import RegistryService
from flyball.storage.blobs import BlobStore
from flyball.training import score_step

STRETCH = timedelta(days=28)


class StepScorer:
    """A `Scorer` for the registered versions of one model over one frame."""

    def __init__(
        self,
        model: Model,
        frame: ModelFrame,
        *,
        inputs: Mapping[str, Digest],
        steps: StepRunner,
        registry: RegistryService,
        blobs: BlobStore,
    ) -> None:
        self._model, self._frame, self._inputs = model, frame, dict(inputs)
        self._steps, self._registry, self._blobs = steps, registry, blobs
        self._digests: dict[int, Digest] = {}
        self._kept: dict[tuple[Digest, int], tuple[int, Floats]] = {}

    def score(self, version: int, rows: Rows) -> Floats:
        if version not in self._digests:
            self._digests[version] = self._registry.get(self._model.name, version).digest
        digest = self._digests[version]
        scores = np.empty(len(rows))
        stretches = self._frame.prediction_times[rows] // (STRETCH // MICROSECOND)
        for stretch in np.unique(stretches):
            mine = stretches == stretch
            first, values = self._stretch(digest, int(stretch))
            scores[mine] = values[rows[mine] - first]
        return scores

    def _stretch(self, digest: Digest, number: int) -> tuple[int, Floats]:
        key = (digest, number)
        if key not in self._kept:
            start = EPOCH + number * STRETCH
            step = replace(
                score_step(model=digest, frame=self._inputs["frame"], start=start, stop=start + STRETCH),
                timeout=self._model.length("train_timeout"),
            )
            scored = pl.read_ipc(self._blobs.open_path(self._steps.run(step).outputs["scores.arrow"]))
            self._kept[key] = (int(scored["row"][0]), scored["score"].to_numpy())
        return self._kept[key]
