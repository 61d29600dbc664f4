"""`flyball backtest`, wired: the home's rows, one world per policy, the process executor, the virtual clock."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flyball.app.home import Home
from flyball.app.location import find_home, home_of_project
from flyball.app.stores import Stores
from flyball.core.clock import MonotonicTimer, VirtualClock, utc
from flyball.core.errors import FlyballError, InvalidError
from flyball.core.ids import DerivedIds
from flyball.loop.backtest import Backtest
from flyball.loop.catalogue import record_features
from flyball.loop.check import check_lead
from flyball.loop.ingestion import ingest_all
from flyball.loop.model import Model, Project, checked_name
from flyball.loop.projectfile import load_project
from flyball.loop.replay import Progress, World
from flyball.loop.triggers import policy_triggers
from flyball.pipelines import ExecutorPool, ProcessExecutor
from flyball.provenance import code_version
from flyball.storage.errors import os_errors

PARALLEL = 2
"""Policies replayed at once, each with a child for its steps; half a gigabyte each, on small machines as on large ones."""

POLICIES = ("never", "every:30d", "declared")


class StartTimeError(InvalidError):
    """Not a time."""

    code = "start-time"

    def __init__(self, text: str) -> None:
        super().__init__(f"{text!r} is not a time with a zone. Write it as ISO 8601, for example 2013-03-01T00:00Z.")


class EarlyStartError(InvalidError):
    """A start before there is anything to learn from."""

    code = "early-start"

    def __init__(self, start: datetime, first: datetime) -> None:
        super().__init__(
            f"--start {start:%Y-%m-%dT%H:%MZ} is not after the first row, of {first:%Y-%m-%dT%H:%MZ}: the first training would have "
            "no rows. Name a later time, or leave --start out to begin after the model's `history`."
        )


class NoModelError(InvalidError):
    """A project that declares no model."""

    code = "no-model"

    def __init__(self, project: str) -> None:
        super().__init__(f"Project {project!r} declares no model, so there is nothing to replay. Add one to it with models=[...].")


class ModelChoiceError(InvalidError):
    """Several models and none chosen."""

    code = "model-choice"

    def __init__(self, project: str, models: list[str]) -> None:
        super().__init__(f"Project {project!r} has several models; choose one with --model: {', '.join(models)}.")


@dataclass(frozen=True)
class Request:
    """What was asked for; texts as they were typed."""

    project: Path
    policies: tuple[str, ...] = ()
    start: str | None = None
    name: str | None = None
    model: str | None = None
    home: Path | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of it: the figures, the backtest's name, and the home as a later command must name it from here, if it must."""

    figures: dict[str, Any]
    name: str
    home: str | None


def run_backtest(request: Request, progress: Progress, *, executor: ExecutorPool | None = None) -> Outcome:
    """The figures of the backtest: one world per policy, made anew, from the finished steps where there are some.

    Raises:
        HeldError: another process owns the home.
        UnavailableError: the home cannot be written, or its disk is full.
        FlyballError: what is wrong with the project, the data or the request; the home's data versions are kept.
    """
    project = load_project(request.project)
    model = _chosen(project, request.model)
    check_lead(model)  # such a model would have no row to predict, and the replay could only say that there is nothing
    name = checked_name("Backtest", request.name or project.name)
    start = None if request.start is None else _time(request.start)
    policies = request.policies or POLICIES
    for policy in policies:
        policy_triggers(policy, model.retrain)  # a text that is no policy is refused before the data are read
    place = home_of_project(request.project, request.home)
    executor = executor or ExecutorPool([ProcessExecutor() for _ in range(PARALLEL)])
    with os_errors(place), Home.open(place, executor=executor) as home, home.own(f"flyball backtest {request.project.name}"):
        ingest_all(
            model, home.data, root=request.project.resolve().parent, progress=lambda share, text: progress.moved("data", share, text=text)
        )
        first = home.data.get_accepted(model.rows.name).earliest_event_time
        if start is not None and first is not None and start <= first:
            raise EarlyStartError(start, first)
        journal = home.stores.journal
        backtest = Backtest(
            project=project.name,
            model=model,
            project_file=request.project.resolve(),
            data=home.data,
            steps=home.steps,
            blobs=home.blobs,
            code_version=code_version(request.project.resolve().parent),
            timer=MonotonicTimer(),
            abort=executor.abort,
            parallel=PARALLEL,
            told_features=lambda features: record_features(model, features, log=journal.log, recorder=journal.recorder),
        )
        result = backtest.run(policies, start=start, worlds=_worlds(home, name, model=model), progress=progress)
    return Outcome(result, name, _shown(place))


def _chosen(project: Project, name: str | None) -> Model:
    if not project.models:
        raise NoModelError(project.name)
    if name is None and len(project.models) > 1:
        raise ModelChoiceError(project.name, [model.name for model in project.models])
    return project.models[0] if name is None else project.get(name)


def _time(text: str) -> datetime:
    try:
        return utc(datetime.fromisoformat(text))
    except ValueError as error:
        raise StartTimeError(text) from error


def _shown(home: Path) -> str | None:
    """The home as a later command must name it from here; None where it is found without."""
    here = Path.cwd()
    try:
        if find_home(None, here) == home:
            return None
    except FlyballError:
        pass  # several below, or none that is found from here: it must be named
    return str(home.relative_to(here)) if home.is_relative_to(here) else str(home)


def _worlds(home: Home, name: str, *, model: Model) -> Callable[[str], World]:
    def make(policy: str) -> World:
        path = home.world_path(name, policy)
        # A world is the fold of its events from the first on: one that a kill left half-made is made again, from finished steps.
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        clock = VirtualClock(datetime(1970, 1, 1, tzinfo=UTC))
        stores = Stores.open(path, clock=clock, ids=DerivedIds(model.seed, policy))
        return World(
            policy=policy,
            clock=clock,
            ids=stores.ids,
            journal=stores.journal,
            lineage=stores.lineage,
            registry=stores.registry,
            releases=stores.releases,
            runs=stores.runs,
            windows=stores.windows,
            close=stores.close,
        )

    return make
