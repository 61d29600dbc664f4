"""Deployments: which versions answer at an endpoint of an environment, and for which share of the rows.

Transitions are pure and leave no row unanswered: from the first champion on, the shares add up to 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from flyball.releases.errors import IllegalDeploymentError


class Role(Enum):
    """What a version does at an endpoint."""

    CHAMPION = "champion"
    CANARY = "canary"


@dataclass(frozen=True, slots=True)
class Deployment:
    """Who answers at (environment, endpoint); `revision` counts the transitions, and a model server keeps the highest it saw.

    A canary takes `share` of the rows and the champion the rest. Without a champion nobody answers.

    Raises:
        IllegalDeploymentError: a canary without a champion or being it, or a share outside (0, 1) for one.
    """

    environment: str
    endpoint: str
    model: str
    champion: int | None = None
    canary: int | None = None
    share: float = 0.0
    revision: int = 0

    def __post_init__(self) -> None:
        problem = self._problem()
        if problem:
            raise IllegalDeploymentError(self.environment, self.endpoint, reason=problem)

    def _problem(self) -> str:
        if self.canary is None:
            return "" if self.share == 0 else "a share is given to a canary that is not there"
        if self.champion is None:
            return f"version {self.canary} cannot be a canary without a champion beside it"
        if self.canary == self.champion:
            return f"version {self.canary} is the champion already and cannot be its own canary"
        return "" if 0 < self.share < 1 else f"a canary takes a share between 0 and 1, not {self.share:g}"

    def role(self, version: int) -> Role | None:
        """The role of `version` here, or None."""
        if version == self.champion:
            return Role.CHAMPION
        return Role.CANARY if version == self.canary else None

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON."""
        return {
            "environment": self.environment, "endpoint": self.endpoint, "model": self.model, "champion": self.champion,
            "canary": self.canary, "share": self.share, "revision": self.revision,
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Deployment:
        """The deployment that `to_json` wrote."""
        return cls(**data)


def routing(deployment: Deployment) -> list[tuple[int, float]]:
    """(version, share) of those that answer, canary first so that its rows stay its own while its share grows; empty without a champion.

    >>> routing(Deployment("production", "late", "late", champion=1, canary=2, share=0.25))
    [(2, 0.25), (1, 0.75)]
    """
    if deployment.champion is None:
        return []
    if deployment.canary is None:
        return [(deployment.champion, 1.0)]
    return [(deployment.canary, deployment.share), (deployment.champion, 1.0 - deployment.share)]


def enter_canary(deployment: Deployment, version: int, *, share: float) -> Deployment:
    """`version` takes `share` of the rows as the canary.

    Raises:
        IllegalDeploymentError: another version is the canary, there is no champion, or the share does not leave it any row.
    """
    if deployment.canary not in {None, version}:
        raise IllegalDeploymentError(
            deployment.environment, deployment.endpoint, reason=f"version {deployment.canary} is the canary already"
        )
    return replace(deployment, canary=version, share=share, revision=deployment.revision + 1)


def crown(deployment: Deployment, version: int) -> Deployment:
    """`version` answers all rows as the champion.

    Raises:
        IllegalDeploymentError: it is the champion already, or another version is the canary.
    """
    if deployment.champion == version:
        raise IllegalDeploymentError(deployment.environment, deployment.endpoint, reason=f"version {version} is the champion already")
    if deployment.canary not in {None, version}:
        raise IllegalDeploymentError(deployment.environment, deployment.endpoint, reason=f"version {deployment.canary} is the canary")
    return replace(deployment, champion=version, canary=None, share=0.0, revision=deployment.revision + 1)


def withdraw(deployment: Deployment, version: int) -> Deployment:
    """`version` is the canary no longer; the champion answers all rows.

    Raises:
        IllegalDeploymentError: it is not the canary.
    """
    if deployment.canary != version:
        raise IllegalDeploymentError(deployment.environment, deployment.endpoint, reason=f"version {version} is not the canary")
    return replace(deployment, canary=None, share=0.0, revision=deployment.revision + 1)


def roles(deployment: Deployment) -> Mapping[int, Role]:
    """The role of every version that has one here."""
    found = {deployment.champion: Role.CHAMPION, deployment.canary: Role.CANARY}
    return {version: role for version, role in found.items() if version is not None}
