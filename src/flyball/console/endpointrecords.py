"""Endpoints as the console shows them: decoded and checked here, trusted afterwards."""

from __future__ import annotations

from typing import Any

import msgspec

from flyball.console.answers import Moment


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds from the arrival of a request to its prediction."""

    p50: float | None = None
    p99: float | None = None


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """What a version answered since the window began."""

    route: str = ""
    rows: int = 0
    errors: int = 0
    stood_in: int = 0
    last: Moment | None = None
    latency_ms: Latency = Latency()


class ServedVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version at an endpoint; `share` is null where the rows' own values decide, `held` is ready in the servers' memory."""

    version: int
    state: str = ""
    role: str | None = None
    share: float | None = None
    held: bool = False
    may_answer: bool = False
    traffic: Traffic | None = None


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """What a shadow said beside what was answered."""

    version: int
    rows: int = 0
    errors: int = 0
    compared: int = 0
    agreement: float | None = None
    mean_difference: float | None = None
    largest_difference: float | None = None
    seconds_p50: float | None = None


class ServerSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A model server that follows the control plane, and why it does not take up the newest plan, if so."""

    name: str
    revision: int = 0
    refusal: str | None = None


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint with its versions, the newest first."""

    name: str
    model: str
    revision: int = 0
    champion: int | None = None
    canary: int | None = None
    share: float = 0.0
    policy: dict[str, Any] | None = None
    shadows: tuple[int, ...] = ()
    sticky: tuple[str, ...] = ()
    since: Moment | None = None
    versions: tuple[ServedVersion, ...] = ()
    shadow_comparison: tuple[Comparison, ...] = ()
    servers: tuple[ServerSeen, ...] = ()

    @property
    def rows(self) -> int:
        """How many rows were answered since the window began."""
        return sum(found.traffic.rows for found in self.versions if found.traffic)

    @property
    def errors(self) -> int:
        """How many rows a version failed."""
        return sum(found.traffic.errors for found in self.versions if found.traffic)


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """A column that a request has: its type as JSON Schema has it, such as "string" with the format "date-time"."""

    name: str
    type: str = "string"
    format: str | None = None
    required: bool = True
    example: Any = None
