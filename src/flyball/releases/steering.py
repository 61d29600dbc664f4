"""Steering an endpoint by hand: which versions share its rows, which watch, and which are held ready; each step with its event.

A rollout owns its endpoint's rows for as long as it runs: policies wait until it has ended. Shadows answer nobody and may come and go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from flyball.core.events import Event
from flyball.core.ids import EventId
from flyball.registry.model import VersionState
from flyball.registry.service import RegistryService
from flyball.releases import deployments
from flyball.releases.deployments import Deployment
from flyball.releases.errors import DeploymentBusyError, IllegalDeploymentError, NotDeployableError
from flyball.releases.service import challenger_of, traffic_subject
from flyball.releases.sharing import learnt
from flyball.releases.store import ReleaseStore
from flyball.serving.policies import Arm, Bandit, Policy, Weights
from flyball.storage.recorder import Recorder
from flyball.storage.transactions import Transactions

_MAY_SHARE = frozenset({VersionState.VALIDATED, VersionState.RETIRED})
_MAY_WATCH = _MAY_SHARE | {VersionState.CANDIDATE}


Steered: TypeAlias = tuple[Deployment, EventId]
"""What is deployed afterwards, and the event that tells of it."""


class SteeringService:
    """Steers the endpoints of a home; each call is one transaction. As thread-safe as the recorder it was given."""

    def __init__(self, store: ReleaseStore, registry: RegistryService, *, transactions: Transactions, recorder: Recorder) -> None:
        self._store, self._registry, self._transactions, self._recorder = store, registry, transactions, recorder

    def check(self, here: Deployment, *, policy: Policy | None = None, shadows: Sequence[int] = ()) -> None:
        """Refuse what `set_policy` and `set_shadows` would refuse, before anything is made ready for it.

        Raises:
            VersionNotFoundError: there is no such version.
            NotDeployableError: one may not answer, or not even watch.
            DeploymentBusyError: a rollout owns the rows.
            IllegalDeploymentError: a version has another role already, or there is no champion.
        """
        if policy is not None:
            if here.canary is not None:
                raise DeploymentBusyError(here.endpoint, here.canary)
            deployments.share_out(here, policy)
            self._check(here, [number for number in policy.versions if number != here.champion], may=_MAY_SHARE)
        if shadows:
            deployments.mirror(here, shadows)
            self._check(here, shadows, may=_MAY_WATCH)

    def set_policy(self, here: Deployment, policy: Policy | None, *, why: str = "", cause: EventId | None = None) -> Steered:
        """The champion shares its rows by `policy`, or has them all again: `traffic.policy-set`.

        Weights that give the champion everything are no policy. A retired version that gets rows is restored.

        Raises:
            as `check`; also IllegalDeploymentError: there is no policy to end, or another transition came first.
        """
        chosen = None if isinstance(policy, Weights) and set(policy.shares) == {here.champion} else policy
        with self._transactions.write():
            self.check(here, policy=chosen)
            if chosen is None and here.policy is None:
                raise IllegalDeploymentError(here.environment, here.endpoint, reason="the champion has all rows already")
            after = deployments.share_out(here, chosen)
            event = self._told("traffic.policy-set", after, why=why, cause=cause, policy=after.to_json()["policy"])
            for number in after.challengers:
                if self._registry.get(here.model, number).state is VersionState.RETIRED:
                    self._registry.move(here.model, number, state=VersionState.VALIDATED, why="it is given rows again", cause=event.id)
            self._keep(after)
        return after, event.id

    def set_shadows(self, here: Deployment, shadows: Sequence[int], *, why: str = "", cause: EventId | None = None) -> Steered:
        """These versions and no others are asked beside those that answer: `traffic.shadows-set`.

        Raises:
            as `check`; also IllegalDeploymentError: these are its shadows already, or another transition came first.
        """
        with self._transactions.write():
            self.check(here, shadows=shadows)
            if tuple(shadows) == here.shadows:
                raise IllegalDeploymentError(here.environment, here.endpoint, reason=_unchanged(here.shadows))
            after = deployments.mirror(here, shadows)
            event = self._told("traffic.shadows-set", after, why=why, cause=cause, shadows=list(after.shadows))
            self._keep(after)
        return after, event.id

    def prepare(self, here: Deployment, versions: Sequence[int], *, cause: EventId | None = None) -> Steered:
        """The versions are held ready by all servers: `traffic.prepared`.

        Raises:
            IllegalDeploymentError: another transition came first.
        """
        with self._transactions.write():
            after = deployments.hold_ready(here, versions)
            event = self._told("traffic.prepared", after, why="", cause=cause, versions=list(versions))
            self._keep(after)
        return after, event.id

    def drop(self, here: Deployment, versions: Sequence[int], *, why: str, cause: EventId | None = None) -> Steered:
        """The versions are held ready no more: `traffic.dropped`.

        Raises:
            IllegalDeploymentError: another transition came first.
        """
        with self._transactions.write():
            after = deployments.drop(here, versions)
            event = self._told("traffic.dropped", after, why=why, cause=cause, versions=list(versions))
            self._keep(after)
        return after, event.id

    def learn(self, here: Deployment, arms: Mapping[int, Arm]) -> Steered:
        """The bandit's shares follow what its versions have earned: `traffic.learned`.

        Raises:
            IllegalDeploymentError: no bandit shares the rows, or another transition came first.
        """
        with self._transactions.write():
            bandit = here.policy
            if not isinstance(bandit, Bandit):
                raise IllegalDeploymentError(here.environment, here.endpoint, reason="no bandit shares its rows")
            after = deployments.learn(here, learnt(bandit, arms))
            event = self._told("traffic.learned", after, why="", cause=None, policy=after.to_json()["policy"])
            self._keep(after)
        return after, event.id

    def _check(self, here: Deployment, versions: Sequence[int], *, may: frozenset[VersionState]) -> None:
        for number in versions:
            state = self._registry.get(here.model, number).state
            if state not in may:
                raise NotDeployableError(here.model, number, state=state.value)

    def _told(self, kind: str, here: Deployment, *, why: str, cause: EventId | None, **facts: object) -> Event:
        data = {"endpoint": here.endpoint, **facts, **({"why": why} if why else {})}
        return self._recorder.record(kind, traffic_subject(here.model), data=data, cause=cause)

    def _keep(self, after: Deployment) -> None:
        if not self._store.set_deployment(after):
            raise IllegalDeploymentError(after.environment, after.endpoint, reason="another transition came first; read it again")
        place = f"{after.environment}/{after.endpoint}"
        self._registry.project(after.model, managed_by=place, champion=after.champion, challenger=challenger_of(after))


def _unchanged(shadows: Sequence[int]) -> str:
    return f"its shadows are {', '.join(map(str, shadows))} already" if shadows else "it has no shadows"
