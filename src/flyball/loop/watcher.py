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
from flyball.loop.feed import Served
from flyball.loop.trainer import training_rows
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
    """Carries out `MeasureWindow` and `MatureWindow` for one model. What it keeps is made again from the feed when it is not there."""

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

    def measure(self, command: MeasureWindow, cause: Event) -> None:
        """Count and compare the window's rows: `window.closed`."""
        context = self._context
        feed = context.feed
        rows = feed.predicted(command.start, command.end)
        resolved = int(feed.truth(rows, context.clock.now()).resolved.sum())
        drift = quality = None
        here = context.services.releases.find()
        if here is not None and here.champion is not None:
            known = self._learn(here.champion)
            features = feed.features(rows)
            served = feed.served(command.start, command.end).of(here.champion)
            self._learn_scores(here.champion, known, before=command.start)
            drift = self._compare(known, features, served=served)
            quality = check_quality(known.inputs, features) if self._quality else None
        window = Window(context.model.name, command.start, command.end)
        context.services.windows.close(window.closed(len(rows), resolved, drift=drift, quality=quality), cause=cause.id)

    def mature(self, command: MatureWindow, cause: Event) -> None:
        """Score the window if enough of its rows are resolved: `window.matured`, else `window.waiting`."""
        context = self._context
        name, now = context.model.name, context.clock.now()
        rows = context.feed.predicted(command.start, command.end)
        resolved = int(context.feed.truth(rows, now).resolved.sum())
        if not maturity(len(rows), resolved, share=context.model.maturity).mature:
            context.services.windows.wait(name, command.start, resolved=resolved, cause=cause.id)
            return
        served = context.feed.served(command.start, command.end)
        labels = context.feed.truth(served.rows, now).labels
        known = ~np.isnan(labels)
        metrics = {
            metric.name: measure(metric.name, labels[known], predictions=served.scores[known])
            for metric in METRICS.values()
            if metric.task.value == context.objective.task
        }
        window = context.services.windows.get(name, command.start).matured(resolved, metrics)
        context.services.windows.mature(window, drop=self._dropped(served, labels), cause=cause.id)

    def _learn(self, version: int) -> _Known:
        if version not in self._known:
            feed, services = self._context.feed, self._context.services
            trained = services.registry.get_evidence(self._context.model.name, version).end
            rows = training_rows(self._context.model, feed, as_of=trained)
            window = self._context.model.length("window")
            inputs = Reference.fit(feed.features(rows), feed.times(rows), window=window, rate=self._rate)
            self._known[version] = _Known(trained, inputs)
        return self._known[version]

    def _compare(self, known: _Known, features: pl.DataFrame, *, served: Served) -> DriftReport:
        report = known.inputs.compare(features)
        if known.scores is not None:
            report = report.merged(known.scores.compare(pl.DataFrame({SCORE: served.scores})))
        return report if self._drift else replace(report, alarmed=False)

    def _learn_scores(self, version: int, known: _Known, *, before: datetime) -> None:
        """The scores' reference are windows that the version served itself: on rows that it was trained on it is too sure."""
        if known.scores is not None and len(known.scores.starts) >= SCORE_WINDOWS:
            return
        feed, window = self._context.feed, self._context.model.length("window")
        mine = feed.served(known.trained, before).of(version)  # nobody was answered by it sooner
        if not len(mine.rows):
            return
        scores = pl.Series(SCORE, mine.scores)
        known.scores = Reference.fit_scores(scores, feed.times(mine.rows), window=window, rate=self._rate)

    def _dropped(self, served: Served, labels: np.ndarray[tuple[int], np.dtype[np.float64]]) -> DropReport | None:
        if not self._performance:
            return None
        metric = self._context.objective.metric
        if not len(served.rows):
            return performance_drop(None, measure(metric, np.empty(0), predictions=np.empty(0)), drop=self._drop)
        versions, counts = np.unique(served.versions, return_counts=True)
        main = int(versions[counts.argmax()])
        mine = (served.versions == main) & ~np.isnan(labels)
        found = measure(metric, labels[mine], predictions=served.scores[mine])
        services = self._context.services
        evidence = services.registry.find_evidence(self._context.model.name, main)
        report = performance_drop(evidence.overall if evidence else None, found, drop=self._drop)
        if services.releases.get().champion == main:
            return report
        return replace(report, alarmed=False, why=f"{report.why} Version {main}, which answered most of it, has been replaced.")
