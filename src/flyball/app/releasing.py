"""A person's word on who answers: promote, roll back, share rows, let versions watch; at any time, and never without who, when and why.

What was asked is an event of its own, and everything that follows names it as its cause; where it is refused, nothing is recorded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flyball.app.controlplane import Deed, Json
from flyball.core.errors import ConflictError
from flyball.core.ids import EventId
from flyball.loop.services import Shelf
from flyball.registry import RegistryService, VersionState
from flyball.releases import Deployment, ReleaseService, SteeringService
from flyball.releases.errors import DeploymentNotFoundError, IllegalDeploymentError
from flyball.serving.policies import Arm, Policy
from flyball.storage.recorder import Recorder

PRODUCTION = "production"


class NothingToPromoteError(ConflictError):
    """No canary, and no version named."""

    code = "nothing-to-promote"

    def __init__(self, endpoint: str, model: str, *, promotable: list[int]) -> None:
        numbers = ", ".join(map(str, promotable)) or "none"
        super().__init__(
            f"Endpoint '{endpoint}' has no canary to promote. Name a version of model '{model}' with --version; "
            f"those that may answer: {numbers}."
        )


@dataclass(frozen=True)
class Releasing:
    """Promotes and rolls back at the endpoints of one home. Thread-safe: each call has its own recorder."""

    shelf: Shelf
    environment: str = PRODUCTION

    def promote(self, endpoint: str, version: int | None, *, deed: Deed) -> Json:
        """The deployment after the canary, or the version of that number, became champion.

        A version that is no canary takes all rows at once, without stages; a retired one is restored first.

        Raises:
            DeploymentNotFoundError: nothing was released there yet.
            NothingToPromoteError: there is no canary, and no version was named.
            VersionNotFoundError: there is no such version.
            ConflictError: it may not answer, is the champion already, or another version is being rolled out.
        """
        with self.shelf.journal.transactions.write():
            here = self.here(endpoint)
            chosen = here.canary if version is None else version
            if chosen is None:
                raise NothingToPromoteError(endpoint, here.model, promotable=self._promotable(here))
            recorder, registry, releases = self._services(here, deed)
            found = registry.get(here.model, chosen)
            facts = {"endpoint": endpoint, "version": chosen, "why": deed.why}
            asked = recorder.record("promotion.asked", f"model/{here.model}", data=facts)
            if chosen == here.canary:
                releases.finish(chosen, why=_told(deed), cause=asked.id)
            else:
                self._refuse(here, chosen)
                if found.state is VersionState.RETIRED:
                    registry.move(here.model, chosen, state=VersionState.VALIDATED, why=_told(deed), cause=asked.id)
                releases.start(chosen, None, cause=asked.id)
            return {"deployment": releases.get().to_json(), "event": asked.id}

    def rollback(self, endpoint: str, *, deed: Deed) -> Json:
        """The deployment after the last step was taken back.

        The canary is taken out; without one a policy ends; without that the champion gives way to the one before it.

        Raises:
            DeploymentNotFoundError: nothing was released there yet.
            ConflictError: the champion was the first one, or has been rolled back to.
        """
        with self.shelf.journal.transactions.write():
            here = self.here(endpoint)
            if here.canary is None and here.policy is not None:
                return self.set_policy(endpoint, None, deed=deed)
            version = here.champion if here.canary is None else here.canary
            if version is None:
                raise IllegalDeploymentError(here.environment, endpoint, reason="nobody answers, so there is nothing to roll back")
            recorder, _, releases = self._services(here, deed)
            facts = {"endpoint": endpoint, "version": version, "why": deed.why}
            asked = recorder.record("rollback.asked", f"model/{here.model}", data=facts)
            releases.roll_back(version, why=_told(deed), cause=asked.id)
            return {"deployment": releases.get().to_json(), "event": asked.id}

    def set_policy(self, endpoint: str, policy: Policy | None, *, deed: Deed) -> Json:
        """The deployment whose champion shares its rows by `policy`, or has all of them again.

        Raises:
            DeploymentNotFoundError, VersionNotFoundError: there is no such endpoint or version.
            ConflictError: a rollout owns the rows, a version may not answer, or nothing would change.
        """
        with self.shelf.journal.transactions.write():
            here = self.here(endpoint)
            return _steered(self._steering(here, deed).set_policy(here, policy, why=deed.why))

    def set_shadows(self, endpoint: str, versions: Sequence[int], *, deed: Deed) -> Json:
        """The deployment beside whose answers these versions, and no others, are asked.

        Raises:
            as `set_policy`; also ConflictError: a version answers.
        """
        with self.shelf.journal.transactions.write():
            here = self.here(endpoint)
            return _steered(self._steering(here, deed).set_shadows(here, versions, why=deed.why))

    def prepare(self, endpoint: str, versions: Sequence[int], *, deed: Deed) -> Json:
        """The deployment whose servers hold the versions ready, beside what they hold for those that answer."""
        with self.shelf.journal.transactions.write():
            here = self.here(endpoint)
            return _steered(self._steering(here, deed).prepare(here, versions))

    def drop(self, endpoint: str, versions: Sequence[int], *, deed: Deed) -> Json:
        """The deployment whose servers need not hold the versions ready any more."""
        with self.shelf.journal.transactions.write():
            here = self.here(endpoint)
            return _steered(self._steering(here, deed).drop(here, versions, why=deed.why))

    def learn(self, here: Deployment, arms: Mapping[int, Arm], *, deed: Deed) -> Json:
        """The deployment whose bandit follows what its versions have earned.

        Raises:
            IllegalDeploymentError: another deployment stands than `here`.
        """
        return _steered(self._steering(here, deed).learn(here, arms))

    def here(self, endpoint: str) -> Deployment:
        """What is deployed at the endpoint.

        Raises:
            DeploymentNotFoundError: nothing was released there yet.
        """
        found = self.shelf.releases.find_deployment(self.environment, endpoint)
        if found is None:
            known = [other.endpoint for other in self.shelf.releases.list_deployments() if other.environment == self.environment]
            raise DeploymentNotFoundError(self.environment, endpoint, known=known)
        return found

    def _steering(self, here: Deployment, deed: Deed) -> SteeringService:
        recorder, registry, _ = self._services(here, deed)
        return SteeringService(self.shelf.releases, registry, transactions=self.shelf.journal.transactions, recorder=recorder)

    def _refuse(self, here: Deployment, version: int) -> None:
        # Before a retired version is restored: a refusal must not name the state that the restoring alone has made.
        if version == here.champion:
            raise IllegalDeploymentError(here.environment, here.endpoint, reason=f"version {version} is the champion already")

    def _promotable(self, here: Deployment) -> list[int]:
        may = {VersionState.VALIDATED, VersionState.RETIRED}
        return [found.number for found in self.shelf.registry.list(here.model) if found.state in may and found.number != here.champion]

    def _services(self, here: Deployment, deed: Deed) -> tuple[Recorder, RegistryService, ReleaseService]:
        shelf = self.shelf
        recorder = Recorder(shelf.journal.log, clock=shelf.clock, ids=shelf.ids, actor=deed.actor)
        registry = RegistryService(shelf.registry, transactions=shelf.journal.transactions, recorder=recorder)
        place = Deployment(here.environment, here.endpoint, here.model)
        releases = ReleaseService(
            shelf.releases, registry, transactions=shelf.journal.transactions, recorder=recorder, clock=shelf.clock, place=place
        )
        return recorder, registry, releases


def _steered(found: tuple[Deployment, EventId]) -> Json:
    return {"deployment": found[0].to_json(), "event": found[1]}


def _told(deed: Deed) -> str:
    return f"{deed.actor} asked for it{f': {deed.why}' if deed.why else ''}"
