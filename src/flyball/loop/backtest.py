"""The backtest: the model's own history, replayed through the loop's own code under several retraining policies.

The world at virtual time T is what was known by T; nothing else differs from live. A world is made from its first event on; what
takes long (the frame, trainings, scores) are steps that are computed once, kept, and shared between policies and with
the next run, which is how a backtest that was killed continues.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from flyball.core.clock import Timer
from flyball.core.duration import EPOCH, MICROSECOND
from flyball.data.service import DataService
from flyball.features import FeatureSet
from flyball.loop.definition import datasets_of, fingerprint
from flyball.loop.errors import NothingToReplayError
from flyball.loop.frames import compiled, frame_step
from flyball.loop.ingestion import snapshot
from flyball.loop.model import Model
from flyball.loop.past import ModelFrame
from flyball.loop.replay import Ground, History, Progress, Replay, World
from flyball.loop.summary import PolicyStory, summarise, unanswered
from flyball.loop.trainer import objective_of
from flyball.loop.triggers import Trigger, policy_triggers
from flyball.monitoring import unwatched_in_backtest
from flyball.pipelines import StepRunner
from flyball.storage.blobs import BlobStore

Replayed = tuple[PolicyStory, float]
_LOOK_SECONDS = 0.2


@dataclass(frozen=True)
class Backtest:
    """A backtest of one model over one home's data. `data`, `steps` and `blobs` are the home's.

    `parallel` policies are replayed at once; `abort` ends the steps under way; `told_features` hears what was compiled.
    """

    project: str
    model: Model
    project_file: Path
    data: DataService
    steps: StepRunner
    blobs: BlobStore
    code_version: str
    timer: Timer
    told_features: Callable[[FeatureSet], None]
    abort: Callable[[], None]
    parallel: int = 2

    def run(self, policies: Sequence[str], *, start: datetime | None, worlds: Callable[[str], World], progress: Progress) -> dict[str, Any]:
        """The figures of every policy, in the order given; a policy named twice counts once.

        Raises:
            PolicyError: a text is no policy; nothing has run.
            NothingToReplayError: the rows end before the first training.
        """
        triggers = {policy: policy_triggers(policy, self.model.retrain) for policy in policies}
        began = self.timer.seconds()
        history = self._history(start)
        timings = {"frame": self.timer.seconds() - began}
        ground = Ground(
            model=self.model,
            history=history,
            project_file=self.project_file,
            code_version=self.code_version,
            steps=self.steps,
            blobs=self.blobs,
            timer=self.timer,
            progress=progress,
        )
        with ExitStack() as opened:
            stories, spent = self._together(Replay(ground), triggers, worlds=worlds, opened=opened)
            figures = summarise(stories, history.earliest, end=history.end)
            notes = [*unwatched_in_backtest(self.model.monitors), *unanswered(stories)]
        return {**self._head(history), "notes": notes, "policies": figures, "timings": {**timings, **spent}}

    def _together(
        self, replay: Replay, triggers: Mapping[str, Sequence[Trigger]], *, worlds: Callable[[str], World], opened: ExitStack
    ) -> tuple[list[PolicyStory], dict[str, float]]:
        """Replay every policy, several at a time; they share finished steps and nothing else, so that their order is of no matter."""
        made: list[tuple[World, Sequence[Trigger]]] = []
        for policy, wanted in triggers.items():
            world = worlds(policy)
            opened.callback(world.close)
            made.append((world, wanted))
        with ThreadPoolExecutor(max_workers=self.parallel, thread_name_prefix="policy") as pool:
            running: list[Future[Replayed]] = []
            try:
                running += [pool.submit(replay.run, world, wanted) for world, wanted in made]
                done = _results(running)
            except BaseException:  # Ctrl-C among them: the other policies must not go on
                replay.stop()
                self.abort()
                for future in running:
                    future.cancel()
                raise
        return [story for story, _ in done], {world.policy: seconds for (world, _), (_, seconds) in zip(made, done, strict=True)}

    def _head(self, history: History) -> dict[str, Any]:
        return {
            "project": self.project,
            "model": self.model.name,
            "metric": history.objective.metric,
            "start": history.earliest.isoformat(),
            "first_training": history.first.isoformat(),
            "end": history.end.isoformat(),
            "seed": self.model.seed,
            "data": {name: version.number for name, version in history.versions.items()},
            "definition": fingerprint(self.model, history.features),
        }

    def _history(self, start: datetime | None) -> History:
        datasets = datasets_of(self.model)
        histories = snapshot(datasets, self.data, blobs=self.blobs)
        versions = {name: self.data.get_accepted(name) for name in datasets}
        features = compiled(self.model, {name: self.blobs.open_path(found) for name, found in histories.items()})
        self.told_features(features)
        made = self.steps.run(frame_step(self.model, project=self.project_file, histories=histories, features=features.fingerprint))
        frame = ModelFrame(self.model, self.blobs.open_path(made.outputs["frame"]), labels=self.blobs.open_path(made.outputs["labels"]))
        opening = EPOCH if frame.opening is None else _moment(frame.opening)
        first = start or opening + self.model.length("history")
        end = _moment(int(frame.prediction_times[-1]) + 1) if len(frame) else first
        if end <= first:
            raise NothingToReplayError(self.model.name, first=first.isoformat(), end=end.isoformat())
        return History(
            frame=frame,
            inputs=made.outputs,
            versions=versions,
            features=features.fingerprint,
            objective=objective_of(self.model, frame.known_labels(first)),
            earliest=_moment(int(frame.prediction_times[0])),
            first=first,
            end=end,
        )


def _results(running: Sequence[Future[Replayed]]) -> list[Replayed]:
    """What the threads return, in their order; the first exception of any of them, or Ctrl-C, is raised within a moment."""
    waiting = set(running)
    while waiting:
        # By short waits: Polars' own handler for Ctrl-C restarts a blocked one, and the interrupt would be seen only at its end.
        done, waiting = wait(waiting, timeout=_LOOK_SECONDS, return_when=FIRST_EXCEPTION)
        for future in done:
            future.result()
    return [future.result() for future in running]


def _moment(microseconds: int) -> datetime:
    return EPOCH + microseconds * MICROSECOND
