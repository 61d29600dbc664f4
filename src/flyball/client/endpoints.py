"""Endpoints of a control plane: who answers, how rows are shared, which versions watch, and what answers earned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flyball.client.wire import Ask, Json, Wire, part

_READY_SECONDS = 90.0


class EndpointsClient:
    """A door to endpoints over `wire`; in the name of whom `session` belongs to, else the wire's own.

    Every method raises a `ClientError`. What changes something says {"deployment", "event", "servers"} once every model server acts on it;
    the forms of the answers stand in docs/reference/http.md. Thread-safe.
    """

    def __init__(self, wire: Wire, *, session: str | None = None) -> None:
        self._wire = wire
        self._headers = {"Authorization": f"Bearer {session}"} if session else {}

    def list_endpoints(self) -> list[Json]:
        """Every endpoint with its versions, their roles, shares and traffic."""
        return self._wire.ask_list(Ask("GET", "/api/v1/endpoints", headers=self._headers), "endpoints")

    def get_endpoint(self, endpoint: str) -> Json:
        """One endpoint, as `list_endpoints` has it."""
        return self._wire.ask(Ask("GET", _path(endpoint), headers=self._headers))

    def promote(self, endpoint: str, *, version: int | None = None, why: str = "") -> Json:
        """The canary, or the version of that number, is the champion."""
        return self._set(endpoint, "promote", version=version, why=why)

    def rollback(self, endpoint: str, *, why: str = "") -> Json:
        """The last step is taken back: the canary, else a policy, else the champion."""
        return self._set(endpoint, "rollback", why=why)

    def set_weights(self, endpoint: str, weights: Mapping[int, float], *, why: str = "") -> Json:
        """Each version gets its share of the rows; shares sum to 1, and all for the champion ends a policy."""
        return self._set(endpoint, "weights", weights={str(number): share for number, share in weights.items()}, why=why)

    def set_segments(self, endpoint: str, column: str, *, versions: Mapping[str, int], why: str = "") -> Json:
        """Rows whose `column` has one of the values are that version's."""
        return self._set(endpoint, "segments", column=column, versions=dict(versions), why=why)

    def set_bandit(self, endpoint: str, versions: Sequence[int], *, learns: str = "rewards", why: str = "") -> Json:
        """The versions get rows by what they earn: from "rewards", or from "labels"."""
        return self._set(endpoint, "bandit", versions=list(versions), learns=learns, why=why)

    def delete_policy(self, endpoint: str, *, why: str = "") -> Json:
        """The champion has all rows again, but a canary's."""
        asked = Ask("DELETE", f"{_path(endpoint)}/policy", {"why": why}, headers=self._headers, wait_seconds=_READY_SECONDS)
        return self._wire.ask(asked)

    def set_shadows(self, endpoint: str, versions: Sequence[int], *, why: str = "") -> Json:
        """These versions and no others are asked beside those that answer."""
        return self._set(endpoint, "shadows", versions=list(versions), why=why)

    def add_rewards(self, endpoint: str, rewards: Mapping[str, float]) -> Json:
        """{"accepted", "duplicates", "unknown"}: what answers earned, from 0 to 1, by their ids; at most 10,000 at once."""
        found = [{"id": name, "reward": reward} for name, reward in rewards.items()]
        return self._wire.ask(Ask("POST", f"{_path(endpoint)}/rewards", body={"rewards": found}, headers=self._headers))

    def get_inputs(self, endpoint: str) -> Json:
        """{"inputs"}: the columns that a request has, each with its type as JSON Schema has it, and an example."""
        return self._wire.ask(Ask("GET", f"{_path(endpoint)}/inputs", headers=self._headers))

    def try_rows(self, endpoint: str, rows: Sequence[Mapping[str, Any]]) -> Json:
        """What the home's model server answers to a request of these rows; it is logged as any other."""
        return self._wire.ask(Ask("POST", f"{_path(endpoint)}/try", body={"rows": list(rows)}, headers=self._headers))

    def _set(self, endpoint: str, what: str, **body: Any) -> Json:
        asked = Ask("POST", f"{_path(endpoint)}/{what}", body=body, headers=self._headers, wait_seconds=_READY_SECONDS)
        return self._wire.ask(asked)


def _path(endpoint: str) -> str:
    return f"/api/v1/endpoints/{part(endpoint)}"
