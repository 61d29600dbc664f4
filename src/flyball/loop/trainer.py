"""The trainer trains as of now, in a step, and keeps the run; what goes wrong in it is an event, not an end of the loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from flyball.core.duration import parse_duration
from flyball.core.events import Event
from flyball.core.ids import Digest
from flyball.kernels import get_metric
from flyball.loop.commands import Train
from flyball.loop.context import Context, Objective
from flyball.loop.model import Model
from flyball.loop.past import EARLIEST, Past, Rows
from flyball.loop.projectfile import load_project
from flyball.pipelines import Step, StepAbortedError, StepFailedError, StepResult
from flyball.provenance import environment, fingerprint_function
from flyball.registry import Evidence
from flyball.storage.events import EventQuery
from flyball.tracking import Run
from flyball.training import Search, TrainSpec, train_step
from flyball.training.evaluation import compare
from flyball.training.objective import choose_metric, infer_task


def training_rows(model: Model, past: Past, *, as_of: datetime) -> Rows:
    """The rows that a training as of `as_of` may look at: all before it, or those of the last `train_on`."""
    since = EARLIEST if model.train_on == "all" else as_of - parse_duration(model.train_on)
    return past.predicted(since, as_of)


def objective_of(model: Model, labels: np.ndarray[Any, np.dtype[np.float64]]) -> Objective:
    """What the model is measured by; the task follows from the labels, or from the declared metric while there are none.

    Raises:
        UnknownNameError: no metric has the declared name.
        MetricTaskError: the metric is for the other task.
    """
    if model.objective is not None and not len(labels):
        declared = get_metric(model.objective)
        return Objective(declared.task.value, declared.name)
    task = infer_task(labels)
    return Objective(task, choose_metric(model.objective, task).name)


def moment(value: object) -> datetime:
    """A time as an event's data hold it, before and after they went through the log."""
    return value if isinstance(value, datetime) else datetime.fromisoformat(str(value))


def load_function(context: Mapping[str, Any]) -> Callable[..., Any]:
    """The training function of the model that a step's context names; called inside the step's child."""
    train = load_project(Path(context["project"])).get(context["model"]).train
    assert callable(train)  # the step is made for a training function only
    return train


Commit = Callable[[], object]
"""What is left of a deed when the long part is done: short, and to be run inside one transaction."""


class Trainer:
    """Carries out `Train` for one model."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def train(self, command: Train, cause: Event) -> Commit:
        """Train on what was known when the training began: `training.started` at once, then `training.finished` or `training.failed`."""
        begun, run = self._begin(command, cause)
        as_of = moment(begun.data["as_of"])
        past = self._context.pasts.reaching(as_of)
        try:
            made = self._context.steps.run(self._step(past, as_of))
        except StepAbortedError:  # everything was told to end: the training goes on at the next start
            raise
        except StepFailedError as error:  # a timeout is one
            failure = error
            return lambda: self._fail(run, failure, begun=begun)
        return lambda: self._finish(run, made, past=past, begun=begun)

    def _begin(self, command: Train, cause: Event) -> tuple[Event, Run]:
        """The training's first event and its run; those of an earlier attempt where there was one, so that it is told once."""
        context, services = self._context, self._context.services
        with services.transactions.write():
            known = services.log.list(EventQuery(type="training.started", subject=context.subject, cause=cause.id))
            if known:
                return known[0], next(run for run in services.runs.list(context.model.name) if run.cause == known[0].id)
            as_of = context.clock.now()
            facts = {"reason": command.reason, "as_of": as_of}
            begun = services.recorder.record("training.started", context.subject, data=facts, cause=cause.id)
            run = services.runs.create(
                context.model.name,
                parameters={**facts, "holdout": context.model.holdout, "train_on": context.model.train_on},
                tags={"seed": str(context.model.seed), "environment": environment().digest, "code": context.code_version},
                cause=begun.id,
            )
        return begun, run

    def _fail(self, run: Run, error: StepFailedError, *, begun: Event) -> None:
        services = self._context.services
        services.runs.fail(run.id, str(error))
        facts = {"run": run.id, "why": _short(error)}
        services.recorder.record("training.failed", self._context.subject, data=facts, cause=begun.id)

    def _step(self, past: Past, as_of: datetime) -> Step:
        model, context = self._context.model, self._context
        spec = TrainSpec(model.train, model.train_on, model.holdout, model.train_timeout, context.objective.metric, model.seed)
        function = None if isinstance(model.train, Search) else fingerprint_function(model.train)
        place = {"project": str(context.project_file), "model": model.name, "loader": "flyball.loop.trainer:load_function"}
        return train_step(spec, inputs=past.inputs, as_of=as_of, features=past.frame.feature_names, function=function, context=place)

    def _finish(self, run: Run, made: StepResult, *, past: Past, begun: Event) -> None:
        context, services = self._context, self._context.services
        summary = {**made.summary, "data": dict(past.data)}
        evidence = Evidence.from_json(summary["evidence"])
        artifacts: dict[str, Digest] = {name.partition(".")[0]: digest for name, digest in made.outputs.items()}
        artifacts |= past.kept
        if context.code is not None:
            artifacts["code"] = context.code
        metrics = {name: found.value for name, found in evidence.metrics.items()}
        services.runs.finish(run.id, metrics=metrics, artifacts=artifacts, summary=summary)
        overall = evidence.overall
        facts = {
            "run": run.id,
            "rows": summary["training"]["rows"],
            "winner": summary["model"]["format"],
            "metric": evidence.metric,
            "value": overall.value if overall else None,
        }
        services.recorder.record("training.finished", context.subject, data=facts, cause=begun.id)


def evidence_of(context: Context, run: Run, *, holdout: pl.DataFrame) -> Evidence:
    """The run's evidence, with the comparison to the champion on the hold-out's rows that neither of them saw.

    `holdout` has the columns row, label and score. The champion was fitted on all rows before it was trained, so that what it did
    not see are the rows predicted since.
    """
    evidence = Evidence.from_json(run.summary["evidence"])
    here = context.services.releases.find()
    if here is None or here.champion is None:
        return evidence
    trained = context.services.registry.get_evidence(context.model.name, here.champion).end
    rows, past = holdout["row"].cast(int).to_numpy(), context.pasts.of(run)
    unseen = past.frame.times(rows).to_numpy() >= np.datetime64(trained.replace(tzinfo=None), "us")
    rows, holdout = rows[unseen], holdout.filter(unseen)
    champion = past.scores(here.champion, rows)
    metric = get_metric(evidence.metric)
    found = compare(metric, holdout["label"].to_numpy(), challenger=holdout["score"].to_numpy(), champion=champion) if len(rows) else None
    return replace(evidence, champion=here.champion, comparison=found)


def _short(error: Exception) -> str:
    return str(error).splitlines()[0]
