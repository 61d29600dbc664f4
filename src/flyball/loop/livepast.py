"""The past of a live model: made anew from the datasets when a training needs to reach further, in a step that is kept."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from flyball.core.clock import Clock
from flyball.core.ids import Digest
from flyball.data.service import DataService
from flyball.loop.definition import datasets_of
from flyball.loop.frames import compiled, frame_step
from flyball.loop.ingestion import snapshot
from flyball.loop.model import Model
from flyball.loop.past import ModelFrame, Past
from flyball.loop.scoring import StepScorer
from flyball.pipelines import StepRunner
from flyball.registry import RegistryService
from flyball.storage.blobs import BlobStore
from flyball.tracking import Run

FRAME, LABELS, DATA = "frame", "labels", "data"


@dataclass(frozen=True)
class Workshop:
    """What pasts are made with."""

    project_file: Path
    data: DataService
    steps: StepRunner
    blobs: BlobStore
    registry: RegistryService
    clock: Clock


@dataclass(frozen=True)
class _Made:
    """Where a past lies, and the business time that it reaches to."""

    reach: datetime
    inputs: Mapping[str, Digest]
    data: Mapping[str, int]


class LivePasts:
    """`Pasts` over a home's datasets. Thread-safe: one past is made at a time.

    `refresh` brings the datasets up to date with what has been pushed and what lies in their sources. A frame is held in memory only
    as long as somebody uses it.
    """

    def __init__(self, model: Model, workshop: Workshop, *, refresh: Callable[[], None]) -> None:
        self._model, self._workshop, self._refresh = model, workshop, refresh
        self._lock = threading.Lock()
        self._newest: _Made | None = None
        self._held: weakref.WeakValueDictionary[Digest, Past] = weakref.WeakValueDictionary()

    def reaching(self, moment: datetime) -> Past:
        with self._lock:
            if self._newest is None or self._newest.reach < moment:
                self._newest = self._make()
            return self._open(self._newest.inputs, self._newest.data)

    def of(self, run: Run) -> Past:
        with self._lock:
            inputs = {name: run.artifacts[name] for name in (FRAME, LABELS)}
            return self._open(inputs, run.summary[DATA])

    def _make(self) -> _Made:
        shop, model = self._workshop, self._model
        reach = shop.clock.now()
        self._refresh()
        datasets = datasets_of(model)
        data = {name: shop.data.get_accepted(name).number for name in datasets}
        histories = snapshot(datasets, shop.data, blobs=shop.blobs, versions=data)  # while it is made, rows may come
        features = compiled(model, {name: shop.blobs.open_path(found) for name, found in histories.items()})
        made = shop.steps.run(frame_step(model, project=shop.project_file, histories=histories, features=features.fingerprint))
        return _Made(reach, {name: made.outputs[name] for name in (FRAME, LABELS)}, data)

    def _open(self, inputs: Mapping[str, Digest], data: Mapping[str, int]) -> Past:
        held = self._held.get(inputs[FRAME])
        if held is not None:
            return held
        shop, model = self._workshop, self._model
        frame = ModelFrame(model, shop.blobs.open_path(inputs[FRAME]), labels=shop.blobs.open_path(inputs[LABELS]))
        scorer = StepScorer(model, frame, inputs=inputs, steps=shop.steps, registry=shop.registry, blobs=shop.blobs)
        past = Past(frame, dict(inputs), dict(data), scorer, kept=dict(inputs))
        self._held[inputs[FRAME]] = past
        return past
