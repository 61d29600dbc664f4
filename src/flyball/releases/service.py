"""Releasing: each transition of a deployment and its rollout, with its event, is one transaction.

The loop says when; `judge` says what; this service only does it, and refuses what the tables of legal moves do not have.
"""

from __future__ import annotations

from datetime import datetime

from flyball.core.clock import Clock
from flyball.core.ids import EventId
from flyball.registry.model import VersionState
from flyball.registry.service import RegistryService
from flyball.releases import deployments, rollout
from flyball.releases.deployments import Deployment
from flyball.releases.errors import (
    DeploymentBusyError,
    DeploymentNotFoundError,
    IllegalDeploymentError,
    NotDeployableError,
    RolloutNotFoundError,
)
from flyball.releases.rollout import CanarySpec, Rollout, RolloutState, StageEvidence, Verdict
from flyball.releases.store import ReleaseStore
from flyball.storage.recorder import Recorder
from flyball.storage.transactions import Transactions


def traffic_subject(model: str) -> str:
    """The subject of the events about how a model's rows are shared."""
    return f"model/{model}/traffic"


def challenger_of(deployment: Deployment) -> int | None:
    """The version that the registry calls the challenger: the canary, or the first among which a policy shares the rows."""
    return deployment.canary if deployment.canary is not None else next(iter(deployment.challengers), None)


def rollout_subject(model: str, version: int) -> str:
    """The subject of a rollout's events."""
    return f"model/{model}/rollout/{version}"


class ReleaseService:
    """Releases at one (environment, endpoint), of one model. As thread-safe as the recorder it was given."""

    def __init__(
        self,
        store: ReleaseStore,
        registry: RegistryService,
        *,
        transactions: Transactions,
        recorder: Recorder,
        clock: Clock,
        place: Deployment,
    ) -> None:
        """`place` names environment, endpoint and model, and is what stands there before the first release."""
        self._store, self._registry, self._transactions = store, registry, transactions
        self._recorder, self._clock, self._place = recorder, clock, place

    def find(self) -> Deployment | None:
        """What is deployed here, or None before the first release."""
        return self._store.find_deployment(self._place.environment, self._place.endpoint)

    def get(self) -> Deployment:
        """What is deployed here.

        Raises:
            DeploymentNotFoundError: nothing was released yet.
        """
        found = self.find()
        if found is None:
            known = [other.endpoint for other in self._store.list_deployments() if other.environment == self._place.environment]
            raise DeploymentNotFoundError(self._place.environment, self._place.endpoint, known=known)
        return found

    def get_rollout(self, version: int) -> Rollout:
        """The latest rollout of a version here.

        Raises:
            RolloutNotFoundError: it was never rolled out.
        """
        found = self._store.find_rollout(self._place.environment, self._place.endpoint, version=version)
        if found is None:
            raise RolloutNotFoundError(self._place.model, version, known=[other.version for other in self.list_rollouts()])
        return found

    def list_rollouts(self) -> list[Rollout]:
        """The latest rollout of every version here, ordered by version."""
        return self._store.list_rollouts(self._place.environment, self._place.endpoint)

    def start(self, version: int, spec: CanarySpec | None, *, cause: EventId | None = None) -> Rollout:
        """Release a validated version: `rollout.stage-entered`, or `rollout.finished` at once where there is no champion.

        Raises:
            VersionNotFoundError: there is no such version.
            NotDeployableError: it is not validated.
            DeploymentBusyError: another version is being rolled out here.
            IllegalDeploymentError: it is the champion already.
        """
        with self._transactions.write():
            found = self._registry.get(self._place.model, version)
            if found.state is not VersionState.VALIDATED:
                raise NotDeployableError(self._place.model, version, state=found.state.value)
            here = self.find() or self._place
            if here.canary is not None:
                raise DeploymentBusyError(here.endpoint, here.canary)
            if here.champion == version:
                raise IllegalDeploymentError(here.environment, here.endpoint, reason=f"version {version} is the champion already")
            begun = rollout.begin(self._place.model, version, champion=here.champion, spec=spec, now=self._clock.now())
            self._apply(begun, here, why="", cause=cause)
        return begun

    def judge(self, version: int, evidence: StageEvidence, *, cause: EventId | None = None) -> Verdict:
        """Judge the present stage now: `rollout.judged`.

        Raises:
            RolloutNotFoundError: the version was never rolled out.
            RolloutOverError: its rollout has ended.
        """
        with self._transactions.write():
            found = self.get_rollout(version)
            verdict = rollout.judge(found, evidence, now=self._clock.now())
            facts = {
                "version": version,
                "stage": found.stage,
                "verdict": verdict.kind,
                "why": verdict.why,
                "rows": evidence.rows,
                "difference": evidence.difference.to_json() if evidence.difference else None,
                **({"until": verdict.until} if verdict.until else {}),
            }
            self._recorder.record("rollout.judged", rollout_subject(self._place.model, version), data=facts, cause=cause)
        return verdict

    def advance(self, version: int, *, why: str = "", cause: EventId | None = None) -> Rollout:
        """Give the canary its next share: `rollout.stage-entered`.

        Raises:
            RolloutNotFoundError: the version was never rolled out.
            IllegalRolloutMoveError: its rollout is over, or the next share is all of it.
        """
        with self._transactions.write():
            moved = rollout.advance(self.get_rollout(version), self._clock.now())
            self._apply(moved, self.get(), why=why, cause=cause)
        return moved

    def finish(self, version: int, *, why: str = "", cause: EventId | None = None) -> Rollout:
        """Make the canary the champion and retire the one before: `rollout.finished`, `version.retired`.

        Raises:
            RolloutNotFoundError: the version was never rolled out.
            IllegalRolloutMoveError: its rollout is over.
        """
        with self._transactions.write():
            moved = rollout.finish(self.get_rollout(version), self._clock.now())
            self._apply(moved, self.get(), why=why, cause=cause)
        return moved

    def roll_back(self, version: int, *, why: str, cause: EventId | None = None) -> Rollout:
        """Take the version out of the traffic: `rollout.rolled-back`; a full one gives way to the champion it replaced.

        The version that was full is retired, and the one before is restored.

        Raises:
            RolloutNotFoundError: the version was never rolled out.
            IllegalRolloutMoveError: it was rolled back before.
            IllegalDeploymentError: it has no champion to give way to, or is no longer in the traffic.
        """
        with self._transactions.write():
            moved = rollout.roll_back(self.get_rollout(version), self._clock.now())
            self._apply(moved, self.get(), why=why, cause=cause)
        return moved

    def _apply(self, moved: Rollout, here: Deployment, *, why: str, cause: EventId | None) -> None:
        after = _deployed(moved, here)
        self._keep(after)
        place = f"{here.environment}/{here.endpoint}"
        self._registry.project(here.model, managed_by=place, champion=after.champion, challenger=challenger_of(after))
        self._store.set_rollout(here.environment, here.endpoint, rollout=moved)
        facts = {"version": moved.version, **_facts(moved), **({"why": why} if why else {})}
        event = self._recorder.record(_EVENTS[moved.state], rollout_subject(moved.model, moved.version), data=facts, cause=cause)
        if here.policy is not None and after.policy is None:
            ended = {"endpoint": here.endpoint, "policy": None, "why": f"version {moved.version} was released"}
            self._recorder.record("traffic.policy-set", traffic_subject(here.model), data=ended, cause=event.id)
        if after.champion != here.champion:
            self._succeed(moved, here.champion, after=after.champion, cause=event.id)

    def _succeed(self, moved: Rollout, before: int | None, *, after: int | None, cause: EventId) -> None:
        if before is not None:
            self._registry.move(moved.model, before, state=VersionState.RETIRED, why=f"version {after} took over", cause=cause)
        restored = after is not None and self._registry.get(moved.model, after).state is VersionState.RETIRED
        if after is not None and moved.state is RolloutState.ROLLED_BACK and restored:  # a person may have restored it already
            why = f"version {moved.version} went back"
            self._registry.move(moved.model, after, state=VersionState.VALIDATED, why=why, cause=cause)

    def _keep(self, after: Deployment) -> None:
        if not self._store.set_deployment(after):
            raise IllegalDeploymentError(after.environment, after.endpoint, reason="another transition came first; read it again")


_EVENTS = {
    RolloutState.CANARY: "rollout.stage-entered",
    RolloutState.FULL: "rollout.finished",
    RolloutState.ROLLED_BACK: "rollout.rolled-back",
}


def _facts(moved: Rollout) -> dict[str, int | float | datetime | None]:
    if moved.state is RolloutState.CANARY:
        return {"stage": moved.stage, "share": moved.share, "judge_at": moved.judge_at, "champion": moved.champion}
    return {"champion": moved.champion}


def _deployed(moved: Rollout, here: Deployment) -> Deployment:
    match moved.state:
        case RolloutState.CANARY:
            return deployments.enter_canary(here, moved.version, share=moved.share)
        case RolloutState.FULL:
            return deployments.crown(here, moved.version)
        case RolloutState.ROLLED_BACK if here.champion != moved.version:
            return deployments.withdraw(here, moved.version)
        case RolloutState.ROLLED_BACK if moved.champion is None:
            reason = f"version {moved.version} was the first champion; there is none to go back to"
            raise IllegalDeploymentError(here.environment, here.endpoint, reason=reason)
        case RolloutState.ROLLED_BACK:
            if here.canary is not None:
                raise DeploymentBusyError(here.endpoint, here.canary)
            assert moved.champion is not None
            return deployments.crown(here, moved.champion)
