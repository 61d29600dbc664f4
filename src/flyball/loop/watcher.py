"""The watcher closes a model's windows, compares them with the champion's reference, and scores them when their labels have come."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from flyball.core.events import Event
from flyball.kernels import METRICS
from flyball.loop.commands import MatureWindow, MeasureWindow
from flyball.loop.context import Context
from flyball.loop.past import Floats, Rows
from flyball.loop.trainer import Commit, training_rows
from flyball.loop.triggers import OnPerformanceDrop
from flyball.monitoring import (
    AlarmRate,
    DriftMonitor,
    DriftReport,
    DropReport,
    PerformanceMonitor,
    QualityMonitor,
    Reference,
    Window,
    check_quality,
    maturity,
    measure,
    performance_drop,
)
from flyball.monitoring.reference import SCORE_WINDOWS

SCORE = "prediction"
DEFAULT_DROP = 0.02
UNWATCHED = AlarmRate(1, timedelta(days=90))  # distances are stored always; without a drift monitor nobody is alarmed by them


@dataclass
class _Known:
    """The references of a version trained at `trained`: of its inputs, and of its scores once it has served enough windows."""

    trained: datetime
    inputs: Reference
    scores: Reference | None = None


class Watcher:
    """Carries out `MeasureWindow` and `MatureWindow` for one model. What it keeps is made again where it is not there."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._known: dict[int, _Known] = {}
        monitors = context.model.monitors
        self._drift = next((spec for spec in monitors if isinstance(spec, DriftMonitor)), None)
        # Inputs and scores alarm on their own, so each has half of the rate.
        self._rate = (self._drift.false_alarms if self._drift else UNWATCHED).share(2)
        self._quality = any(isinstance(spec, QualityMonitor) for spec in monitors)
        self._performance = any(isinstance(spec, PerformanceMonitor) for spec in monitors)
        drops = [trigger.drop for trigger in context.model.retrain if isinstance(trigger, OnPerformanceDrop)]
        self._drop = min(drops, default=DEFAULT_DROP)

    def measure(self, command: MeasureWindow, cause: Event) -> Commit:
        """Count and compare the window's rows: `window.closed`."""
        context = self._context
        stretch = context.traffic.stretch(command.start, command.end)
        resolved = int(stretch.truth(context.clock.now()).resolved.sum())
        drift = quality = None
        here = context.services.releases.find()
        if here is not None and here.champion is not None:
            known = self._learn(here.champion)
            features = stretch.features()
            self._learn_scores(here.champion, known, before=command.start)
            drift = self._compare(known, features, scores=stretch.scores()[stretch.versions == here.champion])
            quality = check_quality(known.inputs, features) if self._quality else None
        window = Window(context.model.name, command.start, command.end)
        closed = window.closed(len(stretch), resolved, drift=drift, quality=quality)
        return lambda: context.services.windows.close(closed, cause=cause.id)

    def mature(self, command: MatureWindow, cause: Event) -> Commit:
        """Score the window if enough of its rows are resolved: `window.matured`, else `window.waiting`."""
        context, windows = self._context, self._context.services.windows
        name = context.model.name
        stretch = context.traffic.stretch(command.start, command.end)
        truth = stretch.truth(context.clock.now())
        resolved = int(truth.resolved.sum())
        if not maturity(len(stretch), resolved, share=context.model.maturity).mature:
            return lambda: windows.wait(name, command.start, resolved=resolved, cause=cause.id)
        scores = stretch.scores()
        known = (stretch.versions > 0) & ~np.isnan(truth.labels)
        metrics = {
            metric.name: measure(metric.name, truth.labels[known], predictions=scores[known])
            for metric in METRICS.values()
            if metric.task.value == context.objective.task
        }
        window = windows.get(name, command.start).matured(resolved, metrics)
        drop = self._dropped(stretch.versions, truth.labels, scores=scores)
        return lambda: windows.mature(window, drop=drop, cause=cause.id)

    def _learn(self, version: int) -> _Known:
        if version not in self._known:
            context = self._context
            trained = context.services.registry.get_evidence(context.model.name, version).end
            past = context.pasts.reaching(trained)
            rows = training_rows(context.model, past, as_of=trained)
            frame, window = past.frame, context.model.length("window")
            inputs = Reference.fit(frame.features(rows), frame.times(rows), window=window, rate=self._rate)
            self._known[version] = _Known(trained, inputs)
        return self._known[version]

    def _compare(self, known: _Known, features: pl.DataFrame, *, scores: Floats) -> DriftReport:
        report = known.inputs.compare(features)
        if known.scores is not None:
            report = report.merged(known.scores.compare(pl.DataFrame({SCORE: scores})))
        return report if self._drift else replace(report, alarmed=False)

    def _learn_scores(self, version: int, known: _Known, *, before: datetime) -> None:
        """The scores' reference are windows that the version served itself: on rows that it was trained on it is too sure."""
        if known.scores is not None and len(known.scores.starts) >= SCORE_WINDOWS:
            return
        stretch = self._context.traffic.stretch(known.trained, before)  # nobody was answered by it sooner
        mine = stretch.versions == version
        if not mine.any():
            return
        window = self._context.model.length("window")
        scores, times = pl.Series(SCORE, stretch.scores()[mine]), stretch.times().filter(pl.Series(mine))
        known.scores = Reference.fit_scores(scores, times, window=window, rate=self._rate)

    def _dropped(self, versions: Rows, labels: Floats, *, scores: Floats) -> DropReport | None:
        if not self._performance:
            return None
        metric = self._context.objective.metric
        answered = versions > 0
        if not answered.any():
            return performance_drop(None, measure(metric, np.empty(0), predictions=np.empty(0)), drop=self._drop)
        numbers, counts = np.unique(versions[answered], return_counts=True)
        main = int(numbers[counts.argmax()])
        mine = (versions == main) & ~np.isnan(labels)
        found = measure(metric, labels[mine], predictions=scores[mine])
        services = self._context.services
        evidence = services.registry.find_evidence(self._context.model.name, main)
        report = performance_drop(evidence.overall if evidence else None, found, drop=self._drop)
        if services.releases.get().champion == main:
            return report
        return replace(report, alarmed=False, why=f"{report.why} Version {main}, which answered most of it, has been replaced.")
