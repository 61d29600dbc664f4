"""The releaser makes a version of a trained model, puts it to the gates, and moves its rollout as judged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from flyball.core.events import Event
from flyball.core.ids import Digest, RunId
from flyball.loop.commands import JudgeRollout, MoveRollout, Register, StartRollout
from flyball.loop.context import Context
from flyball.loop.trainer import evidence_of
from flyball.registry import Registration
from flyball.releases import StageEvidence, compare_stage


class Releaser:
    """Carries out `Register`, `StartRollout`, `JudgeRollout` and `MoveRollout` for one model."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def register(self, command: Register, cause: Event) -> None:
        """Make the run's model a version and put it to the gates: `version.validated` or `version.rejected`."""
        context, services = self._context, self._context.services
        run = services.runs.get(RunId(command.run))
        summary: Mapping[str, Any] = run.summary
        registration = Registration(
            model=context.model.name,
            digest=run.artifacts["model"],
            run=run.id,
            data_versions={name: version.number for name, version in context.data.items()},
            training_digest=summary["training"]["digest"],
            feature_fingerprint=context.features_fingerprint,
            code_version=context.code_version,
            environment=Digest(run.tags["environment"]),
        )
        version = services.registry.register(registration, cause=cause.id)
        holdout = pl.read_ipc(context.blobs.open_path(run.artifacts["holdout"]))
        evidence = evidence_of(context, run, holdout=holdout)
        services.gating.decide(context.model.name, version.number, gates=context.model.gates, evidence=evidence, cause=cause.id)

    def start(self, command: StartRollout, cause: Event) -> None:
        """Begin the rollout; without a champion the version takes all rows at once."""
        self._context.services.releases.start(command.version, self._context.model.rollout, cause=cause.id)
        self._tell()

    def judge(self, command: JudgeRollout, cause: Event) -> None:
        """Compare canary and champion on the stage's mature rows: `rollout.judged`."""
        self._context.services.releases.judge(command.version, self._stage(command.version), cause=cause.id)

    def move(self, command: MoveRollout, cause: Event) -> None:
        """Do what was judged."""
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
        served = context.feed.served(rollout.entered, now)
        truth = context.feed.truth(served.rows, now)
        known = ~np.isnan(truth.labels)
        canary, champion = (known & (served.versions == number) for number in (version, rollout.champion))
        return compare_stage(
            context.objective.metric,
            canary=(truth.labels[canary], served.scores[canary]),
            champion=(truth.labels[champion], served.scores[champion]),
        )
