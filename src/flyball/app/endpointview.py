"""What there is to see of an endpoint: who answers there, for which share, how it goes, and what shadows would have said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import polars as pl

from flyball.app.deed import Json
from flyball.app.liveview import FIGURES_SECONDS, Kept
from flyball.app.releasing import PRODUCTION
from flyball.app.servers import Servers
from flyball.app.stores import Stores
from flyball.core.clock import MonotonicTimer
from flyball.loop.model import Model
from flyball.registry import VersionState
from flyball.releases import Deployment
from flyball.releases.deployments import roles
from flyball.releases.errors import DeploymentNotFoundError
from flyball.serving.log import PredictionLog
from flyball.serving.policies import Bandit, Weights
from flyball.serving.volume import LIVE, SHADOW, VersionVolume, volume_of

_COMPARED = ("time", "stream", "position", "id", "version", "route", "score", "prediction", "seconds", "error")
_MAY_SHARE = frozenset({VersionState.VALIDATED, VersionState.RETIRED})


class Declared(Protocol):
    """A project, as far as the view asks it."""

    @property
    def models(self) -> Sequence[Model]: ...


@dataclass(frozen=True)
class EndpointView:
    """The endpoints of the declared models. Thread-safe. Traffic is that of the last window's length."""

    project: Declared
    stores: Stores
    log: PredictionLog
    servers: Servers
    kept: Kept = field(default_factory=lambda: Kept(MonotonicTimer()))

    def names(self) -> list[str]:
        """The endpoints at which something was released, by name."""
        known = {found.endpoint for found in self.stores.releases.list_deployments() if found.environment == PRODUCTION}
        return sorted(model.serves_at for model in self.project.models if model.serves_at in known)

    def get(self, endpoint: str) -> Json:
        """One endpoint.

        Raises:
            DeploymentNotFoundError: nothing was released there yet.
        """
        here = self.stores.releases.find_deployment(PRODUCTION, endpoint)
        model = next((found for found in self.project.models if found.serves_at == endpoint), None)
        if here is None or model is None:
            raise DeploymentNotFoundError(PRODUCTION, endpoint, known=self.names())
        since = self.stores.clock.now() - model.length("window")
        volumes, shadows = self.kept.get(endpoint, lambda: self._figures(endpoint, since), seconds=FIGURES_SECONDS)
        told = here.to_json()
        return {
            "name": endpoint,
            **{name: told[name] for name in ("model", "revision", "champion", "canary", "share", "policy", "shadows", "resident")},
            "sticky": list(model.sticks_to),
            "since": since.isoformat(),
            "versions": self._versions(here, volumes=volumes),
            "shadow_comparison": shadows,
            "servers": self.servers.list(),
        }

    def _figures(self, endpoint: str, since: datetime) -> tuple[dict[int, VersionVolume], list[Json]]:
        """What is counted over answered rows, and what shadows said of them."""
        self.log.drain()
        rows = self.log.select(endpoint, pl.col("time") >= since, columns=_COMPARED)
        return {volume.version: volume for volume in volume_of(rows.filter(LIVE))}, compared(rows)

    def _versions(self, here: Deployment, *, volumes: dict[int, VersionVolume]) -> list[Json]:
        """The versions that have a role, are held ready, have answered lately, or may be given rows; newest first."""
        named, shares, told = roles(here), shares_of(here), []
        for version in reversed(self.stores.registry.list(here.model)):
            number = version.number
            if not (number in named or number in here.held or number in volumes or version.state in _MAY_SHARE):
                continue
            role = named.get(number)
            told.append({
                "version": number, "state": version.state.value, "role": None if role is None else role.value,
                "share": shares.get(number, 0.0), "held": number in here.held, "may_answer": version.state in _MAY_SHARE,
                "traffic": None if (volume := volumes.get(number)) is None else traffic_told(volume),
            })  # fmt: skip
        return told


def shares_of(here: Deployment) -> dict[int, float | None]:
    """The share of all rows that each version has by the deployment; None where the rows' own values decide."""
    if here.champion is None:
        return {}
    found: dict[int, float | None] = {} if here.canary is None else {here.canary: here.share}
    rest = 1.0 - (here.share if here.canary is not None else 0.0)
    match here.policy:
        case None:
            return {**found, here.champion: rest}
        case Weights(shares=shares) | Bandit(shares=shares):
            return {here.champion: 0.0, **found, **{number: share * rest for number, share in shares.items()}}
        case _:
            return {**found, **dict.fromkeys((here.champion, *here.challengers), None)}


def traffic_told(volume: VersionVolume) -> Json:
    """The figures of a version's traffic, latencies in milliseconds."""
    quantiles = {"p50": volume.p50_seconds, "p99": volume.p99_seconds}
    return {
        "route": volume.route, "rows": volume.rows, "errors": volume.errors, "stood_in": volume.stood_in, "last": volume.last.isoformat(),
        "latency_ms": {name: None if seconds is None else seconds * 1000 for name, seconds in quantiles.items()},
    }  # fmt: skip


def compared(rows: pl.DataFrame) -> list[Json]:
    """By shadow, what it said of rows beside what they were answered: how often the same, and how far off its scores were.

    `agreement` is the share of rows of which both made a prediction and it was the same; `mean_difference` that of its score minus the
    answer's, `largest_difference` without its sign.
    """
    answers = rows.filter(LIVE & pl.col("error").is_null()).select("id", "score", "prediction")
    said = rows.filter(pl.col("route") == SHADOW)
    told = []
    for (version,), mine in sorted(said.partition_by("version", as_dict=True).items()):
        well = mine.filter(pl.col("error").is_null())
        both = well.join(answers, on="id", suffix="_answered")
        off = both["score"] - both["score_answered"]
        same = (both["prediction"] == both["prediction_answered"]).drop_nulls()
        told.append({
            "version": version, "rows": mine.height, "errors": mine.height - well.height, "compared": both.height,
            "agreement": same.mean(), "mean_difference": off.mean(), "largest_difference": off.abs().max(),
            "seconds_p50": well["seconds"].median(),
        })  # fmt: skip
    return told
