"""Bandits follow what their versions earn: from rewards that callers sent, or from labels that came."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from flyball.app.deed import Deed
from flyball.app.releasing import PRODUCTION, Releasing
from flyball.loop.earning import Earning
from flyball.releases import Deployment
from flyball.releases.errors import IllegalDeploymentError, PolicyError
from flyball.releases.rewards import RewardStore
from flyball.releases.sharing import learnt, moved
from flyball.serving.policies import Arm, Bandit

if TYPE_CHECKING:
    from flyball.app.livemodel import LiveModel

LEAST_MOVE = 0.005
"""A share that would move by less is left where it is: each step is an event, and a plan that all servers take over."""
_SYSTEM = Deed("system")


@dataclass(frozen=True)
class Learning:
    """Lets bandits learn. Thread-safe. `models` are those of the loop by name; `changed` tells that there is another plan."""

    releasing: Releasing
    rewards: RewardStore
    models: Mapping[str, LiveModel]
    changed: Callable[[], object]
    _earnings: dict[str, tuple[datetime, Earning]] = field(default_factory=dict)
    _looking: threading.Lock = field(default_factory=threading.Lock)

    def learn_all(self) -> int:
        """How many bandits of the home have other shares now."""
        deployments = self.releasing.shelf.releases.list_deployments()
        return sum(self.learn(found.endpoint) for found in deployments if found.environment == PRODUCTION)

    def learn(self, endpoint: str) -> bool:
        """Whether the endpoint's bandit has other shares now."""
        here = self.releasing.here(endpoint)
        if not isinstance(here.policy, Bandit):
            return False
        arms = self._earned(here, here.policy)
        if moved(here.policy, learnt(here.policy, arms)) < LEAST_MOVE:
            return False
        try:
            self.releasing.learn(here, arms, deed=_SYSTEM)
        except IllegalDeploymentError:
            return False  # a person was faster; the next time it is about what stands then
        self.changed()
        return True

    def check(self, model: str) -> None:
        """The model's labels say of each answer whether it was right.

        Raises:
            PolicyError: they are numbers, or the model has not been prepared yet.
        """
        live = self.models.get(model)
        if live is None or live.objective.task != "binary":
            raise PolicyError(f"the labels of model '{model}' do not say of an answer that it was right. Let it learn from rewards")

    def _earned(self, here: Deployment, bandit: Bandit) -> Mapping[int, Arm]:
        since = datetime.fromisoformat(bandit.since)
        if bandit.learns == "rewards":
            return self.rewards.totals(here.endpoint, since)
        live = self.models.get(here.model)
        if live is None:
            return {}
        with self._looking:
            begun, earning = self._earnings.get(here.endpoint, (None, None))
            if earning is None or begun != since:
                earning = live.earning(since)
                self._earnings[here.endpoint] = since, earning
            counts = earning.look(self.releasing.shelf.clock.now())
        return {number: Arm(float(right), known) for number in bandit.arms for right, known in [counts.get(number, (0, 0))] if known}
