"""Endpoints without a home, for tests of doors and clients: `late` has two versions, and what is decided is remembered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flyball.app.deed import Deed, Json
from flyball.core.errors import NotFoundError
from flyball.releases.rewards import Reward, check_rewards
from flyball.releases.sharing import segments
from flyball.releases.sharing import weights as by_weights
from flyball.serving.policies import Learning

SERVERS: Json = {"acknowledged": True, "servers": ["127.0.0.1-8501"], "refused": {}, "late": [], "absent": []}
TRAFFIC: Json = {
    "route": "champion", "rows": 1000, "errors": 0, "stood_in": 0, "last": "2013-03-01T00:00:00+00:00",
    "latency_ms": {"p50": 0.4, "p99": 1.2},
}  # fmt: skip
VERSIONS: list[Json] = [
    {"version": 2, "state": "validated", "role": None, "share": 0.0, "held": False, "may_answer": True, "traffic": None},
    {"version": 1, "state": "validated", "role": "champion", "share": 1.0, "held": True, "may_answer": True, "traffic": TRAFFIC},
]
LATE: Json = {
    "name": "late", "model": "late", "revision": 1, "champion": 1, "canary": None, "share": 0.0, "policy": None, "shadows": [],
    "resident": [], "sticky": ["flight_id"], "since": "2013-02-22T00:00:00+00:00", "versions": VERSIONS, "shadow_comparison": [],
    "servers": [{"name": "127.0.0.1-8501", "revision": 1, "refusal": None}],
}  # fmt: skip


INPUTS: Json = {
    "inputs": [
        {"name": "flight_id", "type": "string", "format": None, "required": True, "example": "f1"},
        {"name": "departs_at", "type": "string", "format": "date-time", "required": True, "example": "2013-12-01T06:00:00Z"},
        {"name": "distance", "type": "number", "format": None, "required": True, "example": None},
    ]
}


class StillTraffic:
    """A `TrafficPlane` in which nothing happens; `deeds` are what callers decided, in order."""

    def __init__(self) -> None:
        self.deeds: list[tuple[Any, ...]] = []

    def list_endpoints(self) -> Json:
        return {"endpoints": [LATE]}

    def get_endpoint(self, endpoint: str) -> Json:
        self._check(endpoint)
        return LATE

    def get_inputs(self, endpoint: str) -> Json:
        self._check(endpoint)
        return INPUTS

    def try_rows(self, endpoint: str, rows: Sequence[Json]) -> Json:
        self._check(endpoint)
        said = [{"id": f"prd-{place}", "prediction": True, "score": 0.75, "version": 1, "route": "champion"} for place in range(len(rows))]
        return {"predictions": said, "model": "late", "version": 1, "route": "champion"}

    def set_weights(self, endpoint: str, weights: Mapping[int, float], *, deed: Deed) -> Json:
        return self._done("weights", endpoint, by_weights(weights).shares, deed=deed)

    def set_segments(self, endpoint: str, column: str, *, values: Mapping[str, int], deed: Deed) -> Json:
        return self._done("segments", endpoint, segments(column, values), deed=deed)

    def set_bandit(self, endpoint: str, versions: Sequence[int], *, learns: Learning, deed: Deed) -> Json:
        return self._done("bandit", endpoint, list(versions), learns, deed=deed)

    def delete_policy(self, endpoint: str, *, deed: Deed) -> Json:
        return self._done("policy", endpoint, deed=deed)

    def set_shadows(self, endpoint: str, versions: Sequence[int], *, deed: Deed) -> Json:
        return self._done("shadows", endpoint, list(versions), deed=deed)

    def add_rewards(self, endpoint: str, rewards: Sequence[Reward]) -> Json:
        self._check(endpoint)
        check_rewards(rewards)
        known = [found for found in rewards if found.prediction.startswith("prd-")]
        unknown = [found.prediction for found in rewards if found not in known]
        return {"accepted": len(known), "duplicates": 0, "unknown": unknown}

    def _done(self, what: str, endpoint: str, *facts: Any, deed: Deed) -> Json:
        self._check(endpoint)
        self.deeds.append((what, endpoint, *facts, deed))
        place = {name: LATE[name] for name in ("model", "champion", "canary", "share", "policy", "shadows", "resident")}
        return {
            "deployment": {"environment": "production", "endpoint": endpoint, "revision": 2, **place},
            "event": "evt-1",
            "servers": SERVERS,
        }

    def _check(self, endpoint: str) -> None:
        if endpoint != "late":
            raise NotFoundError(f"There is no endpoint {endpoint!r} here.")
