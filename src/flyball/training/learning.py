"""One training as of a time: search or user's function, judged on the hold-out, then fitted again on all rows known by then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from flyball.core.duration import EPOCH, MICROSECOND
from flyball.kernels.metrics import Metric
from flyball.runtimes.model import Predictor
from flyball.training.candidates import Candidates
from flyball.training.custom import TrainingFunction, fit_custom, training_set
from flyball.training.errors import NoHoldoutError, OneClassError, TooFewRowsError
from flyball.training.model import Search, TaskName
from flyball.training.objective import check_label, choose_metric, infer_task
from flyball.training.prepared import Prepared
from flyball.training.rows import Material, Rows
from flyball.training.tuning import Trial, best, run_search

MINIMUM_ROWS = 50


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is asked of a training; times are microseconds since 1970 UTC. `train` is a search or a user's function."""

    as_of: int
    holdout: int
    train: Search | TrainingFunction
    seed: int
    train_on: int | None = None
    task: TaskName | None = None
    metric: str | None = None

    @property
    def holdout_start(self) -> int:
        return self.as_of - self.holdout

    def since(self, end: int) -> int | None:
        """The first prediction time that a fit as of `end` learns from."""
        return None if self.train_on is None else end - self.train_on


@dataclass(frozen=True, kw_only=True)
class Learned:
    """What came out: `judged` learnt from `judged_rows` and saw no row of `holdout`, `final` was fitted on `rows`, all that was known."""

    task: TaskName
    metric: Metric
    rows: Rows
    holdout: Rows
    judged: Predictor
    judged_rows: int
    final: Predictor
    prepared: Prepared
    trials: list[Trial] = field(default_factory=list)
    winner: Trial | None = None


def learn(material: Material, request: Request) -> Learned:
    """Train as of `request.as_of`; nothing known later has any influence.

    Raises:
        TooFewRowsError, OneClassError, NoHoldoutError, LabelValueError, MetricTaskError: see each; they say what to do.
        TrainingFunctionError, PredictionError: the user's function did not return a model that predicts.
    """
    rows = material.known(request.as_of, request.since(request.as_of))
    start = request.holdout_start
    earlier = material.known(start, request.since(start))
    holdout = _after(rows, start)
    task = request.task or infer_task(rows.label)
    check_label(task, rows.label)
    metric = choose_metric(request.metric, task)
    _check(earlier, holdout, task=task, request=request)
    prepared = Prepared.of(rows, task, seed=request.seed)
    learned = partial(Learned, task=task, metric=metric, rows=rows, holdout=holdout, judged_rows=len(earlier), prepared=prepared)
    if not isinstance(request.train, Search):
        fit = _custom(request.train, task=task, metric=metric, seed=request.seed)
        judged = fit(earlier)
        judged.predict(holdout.features)  # a model that cannot predict is found before the second fit
        return learned(judged=judged, final=fit(rows))
    trials = run_search(earlier, request.train, metric=metric, task=task, seed=request.seed)
    winner = best(trials, metric)
    judged = Candidates(Prepared.of(earlier, task, seed=request.seed)).fit(winner.settings)
    return learned(judged=judged, final=Candidates(prepared).fit(winner.settings), trials=trials, winner=winner)


def _custom(function: TrainingFunction, *, task: TaskName, metric: Metric, seed: int) -> Callable[[Rows], Predictor]:
    return lambda rows: fit_custom(function, training_set(rows, task=task, metric=metric.name, seed=seed))


def _after(rows: Rows, start: int) -> Rows:
    first = int(rows.time.searchsorted(start, side="left"))
    return rows.between(first, len(rows))


def _check(earlier: Rows, holdout: Rows, *, task: TaskName, request: Request) -> None:
    if len(earlier) < MINIMUM_ROWS:
        raise TooFewRowsError(len(earlier), MINIMUM_ROWS, where=f"known before the hold-out, which starts {iso(request.holdout_start)}")
    if not len(holdout):
        raise NoHoldoutError(iso(request.holdout_start), iso(request.as_of), newest=iso(int(earlier.time.max())))
    if task == "binary" and (earlier.label == earlier.label[0]).all():
        raise OneClassError(float(earlier.label[0]), len(earlier), where=f"known before {iso(request.holdout_start)}")


def iso(moment: int) -> str:
    """Microseconds since 1970 as ISO 8601 in UTC."""
    return (EPOCH + moment * MICROSECOND).isoformat()
