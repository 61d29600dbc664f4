"""The endpoints of a live home: what is seen of them, and a person's word on how their rows are shared."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from flyball.app.deed import Deed, Json
from flyball.app.endpointview import EndpointView
from flyball.app.learning import Learning
from flyball.app.steering import Steering
from flyball.app.trying import Trials
from flyball.core.clock import Clock
from flyball.core.errors import UnknownNameError
from flyball.releases import bandit, segments
from flyball.releases import weights as by_weights
from flyball.releases.errors import NoBanditError
from flyball.releases.rewards import Earned, Reward, RewardStore, check_rewards
from flyball.serving.log import PredictionLog
from flyball.serving.policies import Bandit, Policy
from flyball.serving.policies import Learning as LearnsFrom
from flyball.serving.volume import FALLBACK, LIVE

_UNDO = Deed("system", "a model server refused what was to be in force")


@dataclass(frozen=True)
class TrafficDesk:
    """A `TrafficPlane`. `columns` are those of an endpoint's rows, as far as they are known."""

    view: EndpointView
    steering: Steering
    log: PredictionLog
    rewards: RewardStore
    clock: Clock
    learning: Learning
    columns: Callable[[str], Collection[str]]

    def list_endpoints(self) -> Json:
        return {"endpoints": [self.view.get(name) for name in self.view.names()]}

    def get_endpoint(self, endpoint: str) -> Json:
        return self.view.get(endpoint)

    def get_inputs(self, endpoint: str) -> Json:
        return self._trials.get_inputs(endpoint)

    def try_rows(self, endpoint: str, rows: Sequence[Json]) -> Json:
        return self._trials.try_rows(endpoint, rows)

    @property
    def _trials(self) -> Trials:
        return Trials(self.view.stores.path)

    def set_weights(self, endpoint: str, weights: Mapping[int, float], *, deed: Deed) -> Json:
        return self._share(endpoint, by_weights(weights), deed=deed)

    def set_segments(self, endpoint: str, column: str, *, values: Mapping[str, int], deed: Deed) -> Json:
        known = self.columns(endpoint)
        if known and column not in known:
            raise UnknownNameError("column", column, known=known, where=f"the rows of endpoint {endpoint!r}")
        return self._share(endpoint, segments(column, values), deed=deed)

    def set_bandit(self, endpoint: str, versions: Sequence[int], *, learns: LearnsFrom, deed: Deed) -> Json:
        if learns == "labels":
            self.learning.check(self.steering.releasing.here(endpoint).model)
        return self._share(endpoint, bandit(versions, learns=learns, since=self.clock.now()), deed=deed)

    def delete_policy(self, endpoint: str, *, deed: Deed) -> Json:
        return self._share(endpoint, None, deed=deed)

    def set_shadows(self, endpoint: str, versions: Sequence[int], *, deed: Deed) -> Json:
        releasing = self.steering.releasing
        return self.steering.carry_out(
            endpoint, lambda: releasing.set_shadows(endpoint, versions, deed=deed), deed=deed,
            undo=lambda before: releasing.set_shadows(endpoint, before.shadows, deed=_UNDO),
        )  # fmt: skip

    def add_rewards(self, endpoint: str, rewards: Sequence[Reward]) -> Json:
        check_rewards(rewards)
        policy = self.steering.releasing.here(endpoint).policy
        if not isinstance(policy, Bandit) or policy.learns != "rewards":
            raise NoBanditError(endpoint)
        found = self._answers(endpoint, [given.prediction for given in rewards], since=datetime.fromisoformat(policy.since))
        earned = [
            Earned(given.prediction, found[given.prediction].version, given.reward, found[given.prediction].answered)
            for given in rewards if given.prediction in found
        ]  # fmt: skip
        new = self.rewards.add(endpoint, earned)
        if new:
            self.learning.learn(endpoint)
        unknown = [given.prediction for given in rewards if given.prediction not in found]
        return {"accepted": new, "duplicates": len(earned) - new, "unknown": unknown}

    def _share(self, endpoint: str, policy: Policy | None, *, deed: Deed) -> Json:
        releasing = self.steering.releasing
        return self.steering.carry_out(
            endpoint, lambda: releasing.set_policy(endpoint, policy, deed=deed), deed=deed,
            undo=lambda before: releasing.set_policy(endpoint, before.policy, deed=_UNDO),
        )  # fmt: skip

    def _answers(self, endpoint: str, predictions: Sequence[str], *, since: datetime) -> Mapping[str, Earned]:
        """The answers of these ids, with the version to which each row was given; one for which another stood in earned it nothing.

        Scores of a batch earn nobody anything: no bandit chose. Nor do answers of before the bandit, which are not even looked for: the
        log grows for years.
        """
        self.log.drain()
        wanted = (pl.col("time") >= since) & pl.col("id").is_in(list(predictions)) & LIVE & (pl.col("route") != FALLBACK)
        rows = self.log.select(endpoint, wanted & pl.col("error").is_null(), columns=("id", "version", "time"))
        return {name: Earned(name, version, 0.0, time) for name, version, time in rows.rows()}
