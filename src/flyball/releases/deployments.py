"""Deployments: which versions answer at an endpoint of an environment, and for which share of the rows.

Transitions are pure and leave no row unanswered: from the first champion on, the shares add up to 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import msgspec

from flyball.releases.errors import IllegalDeploymentError
from flyball.serving.policies import Bandit, Policy

KEPT = 2
"""So many versions that answered before are held ready, so that going back to one of them takes no loading."""


class Role(Enum):
    """What a version does at an endpoint."""

    CHAMPION = "champion"
    CANARY = "canary"
    CHALLENGER = "challenger"
    SHADOW = "shadow"


@dataclass(frozen=True, slots=True)
class Deployment:
    """Who answers at (environment, endpoint); `revision` counts the transitions, and a model server keeps the highest it saw.

    A canary takes `share` of the rows, `policy` shares the others with challengers, and the champion takes the rest. Without a champion
    nobody answers. `shadows` are asked and answer nobody; `resident` are held ready beside those, the last that answered first.

    Raises:
        IllegalDeploymentError: a canary without a champion or being it, a share outside (0, 1) for one, or a version with two roles.
    """

    environment: str
    endpoint: str
    model: str
    champion: int | None = None
    canary: int | None = None
    share: float = 0.0
    revision: int = 0
    policy: Policy | None = None
    shadows: tuple[int, ...] = ()
    resident: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        problem = self._problem()
        if problem:
            raise IllegalDeploymentError(self.environment, self.endpoint, reason=problem)

    def _problem(self) -> str:
        asked = [number for number in (self.champion, self.canary, *self.challengers, *self.shadows) if number is not None]
        if (self.policy or self.shadows) and self.champion is None:
            return "there is no champion yet, beside which others could be asked"
        if self.canary not in {None, self.champion} and len(set(asked)) < len(asked):
            return "one version cannot be the champion, the canary, a challenger and a shadow at once"
        if len(set(self.shadows)) < len(self.shadows) or {self.champion, *self.challengers} & set(self.shadows):
            return "a version that answers cannot be a shadow, and no version is one twice"
        if self.canary is None:
            return "" if self.share == 0 else "a share is given to a canary that is not there"
        if self.champion is None:
            return f"version {self.canary} cannot be a canary without a champion beside it"
        if self.canary == self.champion:
            return f"version {self.canary} is the champion already and cannot be its own canary"
        return "" if 0 < self.share < 1 else f"a canary takes a share between 0 and 1, not {self.share:g}"

    @property
    def challengers(self) -> tuple[int, ...]:
        """The versions beside the champion among which the policy shares rows."""
        return tuple(number for number in (self.policy.versions if self.policy else ()) if number != self.champion)

    @property
    def asked(self) -> tuple[int, ...]:
        """The versions that are asked, those that answer first."""
        named = (self.champion, self.canary, *self.challengers, *self.shadows)
        return tuple(number for number in named if number is not None)

    @property
    def held(self) -> tuple[int, ...]:
        """The versions that servers hold ready."""
        return tuple(dict.fromkeys((*self.asked, *self.resident)))

    def role(self, version: int) -> Role | None:
        """The role of `version` here, or None."""
        return roles(self).get(version)

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON."""
        return {
            "environment": self.environment, "endpoint": self.endpoint, "model": self.model, "champion": self.champion,
            "canary": self.canary, "share": self.share, "revision": self.revision,
            "policy": None if self.policy is None else msgspec.to_builtins(self.policy, str_keys=True),
            "shadows": list(self.shadows), "resident": list(self.resident),
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Deployment:
        """The deployment that `to_json` wrote, now or before there were policies."""
        policy: Policy | None = msgspec.convert(data.get("policy"), Policy | None, str_keys=True)
        lists = {name: tuple(data.get(name, ())) for name in ("shadows", "resident")}
        return cls(**{**data, "policy": policy, **lists})


def routing(deployment: Deployment) -> list[tuple[int, float]]:
    """(version, share) of those that answer by the loop's word, canary first so that its rows stay its own while its share grows.

    Empty without a champion. What a policy makes of the champion's share is not in it.

    >>> routing(Deployment("production", "late", "late", champion=1, canary=2, share=0.25))
    [(2, 0.25), (1, 0.75)]
    """
    if deployment.champion is None:
        return []
    if deployment.canary is None:
        return [(deployment.champion, 1.0)]
    return [(deployment.canary, deployment.share), (deployment.champion, 1.0 - deployment.share)]


def enter_canary(deployment: Deployment, version: int, *, share: float) -> Deployment:
    """`version` takes `share` of the rows as the canary; it is no shadow any more, and a policy that had it as a challenger ends.

    Raises:
        IllegalDeploymentError: another version is the canary, there is no champion, or the share does not leave it any row.
    """
    if deployment.canary not in {None, version}:
        raise _illegal(deployment, f"version {deployment.canary} is the canary already")
    shadows = tuple(number for number in deployment.shadows if number != version)
    policy = None if version in deployment.challengers else deployment.policy
    return _next(deployment, canary=version, share=share, shadows=shadows, policy=policy)


def crown(deployment: Deployment, version: int) -> Deployment:
    """`version` answers all rows as the champion; a policy ends, since it was about another champion.

    Raises:
        IllegalDeploymentError: it is the champion already, or another version is the canary.
    """
    if deployment.champion == version:
        raise _illegal(deployment, f"version {version} is the champion already")
    if deployment.canary not in {None, version}:
        raise _illegal(deployment, f"version {deployment.canary} is the canary")
    shadows = tuple(number for number in deployment.shadows if number != version)
    return _next(deployment, champion=version, canary=None, share=0.0, policy=None, shadows=shadows)


def withdraw(deployment: Deployment, version: int) -> Deployment:
    """`version` is the canary no longer; the champion answers its rows.

    Raises:
        IllegalDeploymentError: it is not the canary.
    """
    if deployment.canary != version:
        raise _illegal(deployment, f"version {version} is not the canary")
    return _next(deployment, canary=None, share=0.0)


def share_out(deployment: Deployment, policy: Policy | None) -> Deployment:
    """The champion shares its rows by `policy`, or by none.

    Raises:
        IllegalDeploymentError: there is no champion, or the policy names the canary or a shadow.
    """
    return _next(deployment, policy=policy)


def learn(deployment: Deployment, bandit: Bandit) -> Deployment:
    """The bandit that shares the rows knows more.

    Raises:
        IllegalDeploymentError: another policy stands, or one among other versions.
    """
    before = deployment.policy
    if not isinstance(before, Bandit) or set(before.shares) != set(bandit.shares) or before.since != bandit.since:
        raise _illegal(deployment, "the bandit that was to learn is not its policy any more")
    return _next(deployment, policy=bandit)


def mirror(deployment: Deployment, shadows: Sequence[int]) -> Deployment:
    """`shadows` and no others are asked beside those that answer.

    Raises:
        IllegalDeploymentError: there is no champion, or one of them answers.
    """
    return _next(deployment, shadows=tuple(shadows))


def hold_ready(deployment: Deployment, versions: Sequence[int]) -> Deployment:
    """`versions` are held ready, before what was held until now."""
    new = tuple(number for number in dict.fromkeys(versions) if number not in deployment.asked)
    kept = tuple(number for number in deployment.resident if number not in new)
    return replace(deployment, resident=(*new, *kept)[: max(KEPT, len(new))], revision=deployment.revision + 1)


def drop(deployment: Deployment, versions: Sequence[int]) -> Deployment:
    """`versions` are not held ready any more, where they are not asked."""
    left = tuple(number for number in deployment.resident if number not in versions)
    return replace(deployment, resident=left, revision=deployment.revision + 1)


def _next(deployment: Deployment, **changes: Any) -> Deployment:
    after = replace(deployment, **changes, revision=deployment.revision + 1)
    left = dict.fromkeys(number for number in (*deployment.asked, *deployment.resident) if number not in after.asked)
    return replace(after, resident=tuple(left)[:KEPT])


def _illegal(deployment: Deployment, reason: str) -> IllegalDeploymentError:
    return IllegalDeploymentError(deployment.environment, deployment.endpoint, reason=reason)


def roles(deployment: Deployment) -> Mapping[int, Role]:
    """The role of every version that has one here."""
    found: dict[int | None, Role] = dict.fromkeys(deployment.shadows, Role.SHADOW)
    found |= dict.fromkeys(deployment.challengers, Role.CHALLENGER)
    found |= {deployment.canary: Role.CANARY, deployment.champion: Role.CHAMPION}
    return {version: role for version, role in found.items() if version is not None}
