"""The releaser makes a version of a trained model, puts it to the gates, and moves its rollout as judged."""

from __future__ import annotations

import numpy as np
import polars as pl

from flyball.core.events import Event
from flyball.core.ids import Digest, RunId
from flyball.loop.commands import JudgeRollout, MoveRollout, Register, StartRollout
from flyball.loop.context import Context
from flyball.loop.trainer import Commit, evidence_of
from flyball.registry import Evidence, Registration
from flyball.releases import StageEvidence, compare_stage
from flyball.tracking import Run


class Releaser:
    """Carries out `Register`, `StartRollout`, `JudgeRollout` and `MoveRollout` for one model."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def register(self, command: Register, cause: Event) -> Commit:
        """Make the run's model a version and put it to the gates: `version.validated` or `version.rejected`."""
        context = self._context
        run = context.services.runs.get(RunId(command.run))
        holdout = pl.read_ipc(context.blobs.open_path(run.artifacts["holdout"]))
        evidence = evidence_of(context, run, holdout=holdout)
        return lambda: self._register(run, evidence, cause=cause)

    def _register(self, run: Run, evidence: Evidence, *, cause: Event) -> None:
        context, services, summary = self._context, self._context.services, run.summary
        registration = Registration(
            model=context.model.name,
            digest=run.artifacts["model"],
            run=run.id,
            data_versions=summary["data"],
            training_digest=summary["training"]["digest"],
            feature_fingerprint=context.features_fingerprint,
            code_version=context.code_version,
            environment=Digest(run.tags["environment"]),
        )
        version = services.registry.register(registration, cause=cause.id)
        services.gating.decide(context.model.name, version.number, gates=context.model.gates, evidence=evidence, cause=cause.id)

    def start(self, command: StartRollout, cause: Event) -> Commit:
        """Begin the rollout; without a champion the version takes all rows at once."""
        return lambda: self._start(command, cause)

    def _start(self, command: StartRollout, cause: Event) -> None:
        self._context.services.releases.start(command.version, self._context.model.rollout, cause=cause.id)
        self._tell()

    def judge(self, command: JudgeRollout, cause: Event) -> Commit:
        """Compare canary and champion on the stage's mature rows: `rollout.judged`."""
        evidence = self._stage(command.version)
        return lambda: self._judge(command, evidence, cause=cause)

    def _judge(self, command: JudgeRollout, evidence: StageEvidence, *, cause: Event) -> None:
        self._context.services.releases.judge(command.version, evidence, cause=cause.id)

    def move(self, command: MoveRollout, cause: Event) -> Commit:
        """Do what was judged."""
        return lambda: self._move(command, cause)

    def _move(self, command: MoveRollout, cause: Event) -> None:
        releases = self._context.services.releases
        match command.move:
            case "advance":
                releases.advance(command.version, why=command.why, cause=cause.id)
            case "finish":
                releases.finish(command.version, why=command.why, cause=cause.id)
            case "roll-back":
                releases.roll_back(command.version, why=command.why, cause=cause.id)
        self._tell()

    def _tell(self) -> None:
        self._context.deployed(self._context.clock.now(), self._context.services.releases.get())

    def _stage(self, version: int) -> StageEvidence:
        context = self._context
        rollout = context.services.releases.get_rollout(version)
        now = context.clock.now()
        stretch = context.traffic.stretch(rollout.entered, now)
        labels, scores = stretch.truth(now).labels, stretch.scores()
        known = ~np.isnan(labels)
        canary, champion = (known & (stretch.versions == number) for number in (version, rollout.champion))
        return compare_stage(
            context.objective.metric,
            canary=(labels[canary], scores[canary]),
            champion=(labels[champion], scores[champion]),
        )
