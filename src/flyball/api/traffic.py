"""Routes of endpoints: what is seen of them, how their rows are shared, which versions watch, and what answers earned."""

from __future__ import annotations

from typing import Annotated, Literal

from flyball.api.bodies import Name, StrictBody, Why
from flyball.api.desk import Desk, deed_of
from flyball.api.doors import Doors
from flyball.api.trying import add_trying
from flyball.app.trafficplane import TrafficPlane
from flyball.core.optional import extra
from flyball.governance import Permission
from flyball.releases.rewards import LONGEST_ID, Reward

with extra("control"):
    from fastapi import Query
    from pydantic import Field
    from starlette.requests import Request
    from starlette.responses import Response

MOST_REWARDS = 10_000
_BIGGEST = 2**31 - 1
Number = Annotated[int, Field(ge=1, le=_BIGGEST)]
NumberText = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,8}$")]
Reason = Annotated[str, Query(max_length=1000, description="Why, in your words; it stands in the events.")]


class Weighing(StrictBody):
    """Shares by version; they sum to 1, and all for the champion ends a policy."""

    weights: Annotated[dict[NumberText, Annotated[float, Field(ge=0, le=1)]], Field(min_length=1, max_length=100)]
    why: Why = ""


class Segmenting(StrictBody):
    """Versions by the values of a column of the rows; other values are the champion's."""

    column: Annotated[str, Field(min_length=1, max_length=200)]
    versions: Annotated[dict[Annotated[str, Field(max_length=200)], Number], Field(min_length=1, max_length=1000)]
    why: Why = ""


class Gambling(StrictBody):
    """Versions that get rows by what they earn: from rewards that are sent, or from labels."""

    versions: Annotated[list[Number], Field(min_length=1, max_length=100)]
    learns: Literal["rewards", "labels"] = "rewards"
    why: Why = ""


class Watching(StrictBody):
    """The versions that are asked beside those that answer, and answer nobody; none ends it."""

    versions: Annotated[list[Number], Field(max_length=16)]
    why: Why = ""


class Earning(StrictBody):
    """What the answer of that id earned."""

    id: Annotated[str, Field(min_length=1, max_length=LONGEST_ID)]
    reward: Annotated[float, Field(ge=0, le=1)]


class Earnings(StrictBody):
    """What answers earned; each counts once, however often it is sent."""

    rewards: Annotated[list[Earning], Field(max_length=MOST_REWARDS)]


def add_traffic(doors: Doors, desk: Desk, *, traffic: TrafficPlane) -> None:
    """What one sees of endpoints, and what one decides."""
    _add_looks(doors, desk, traffic=traffic)
    _add_policies(doors, desk, traffic=traffic)
    _add_watching(doors, desk, traffic=traffic)
    add_trying(doors, desk, traffic=traffic)


def _add_looks(doors: Doors, desk: Desk, *, traffic: TrafficPlane) -> None:
    @doors.route("GET /api/v1/endpoints", Permission.READ)
    async def list_endpoints() -> Response:
        """Every endpoint with its versions, their roles, shares and traffic."""
        return await desk.tell(traffic.list_endpoints, slow=True)

    @doors.route("GET /api/v1/endpoints/{endpoint}", Permission.READ)
    async def get_endpoint(endpoint: Name) -> Response:
        """One endpoint with its versions, their roles, shares and traffic."""
        return await desk.tell(lambda: traffic.get_endpoint(endpoint), slow=True)


def _add_policies(doors: Doors, desk: Desk, *, traffic: TrafficPlane) -> None:
    @doors.route("POST /api/v1/endpoints/{endpoint}/weights", Permission.RELEASE)
    async def set_weights(request: Request, *, endpoint: Name, body: Weighing) -> Response:
        """Share the rows by weights; answered when every model server does."""
        weights = {int(number): share for number, share in body.weights.items()}
        return await desk.tell(lambda: traffic.set_weights(endpoint, weights, deed=deed_of(request, body.why)), slow=True)

    @doors.route("POST /api/v1/endpoints/{endpoint}/segments", Permission.RELEASE)
    async def set_segments(request: Request, *, endpoint: Name, body: Segmenting) -> Response:
        """Share the rows by the values of a column; answered when every model server does."""
        deed = deed_of(request, body.why)
        return await desk.tell(lambda: traffic.set_segments(endpoint, body.column, values=body.versions, deed=deed), slow=True)

    @doors.route("POST /api/v1/endpoints/{endpoint}/bandit", Permission.RELEASE)
    async def set_bandit(request: Request, *, endpoint: Name, body: Gambling) -> Response:
        """Share the rows by what the versions earn; answered when every model server does."""
        deed = deed_of(request, body.why)
        return await desk.tell(lambda: traffic.set_bandit(endpoint, body.versions, learns=body.learns, deed=deed), slow=True)

    @doors.route("DELETE /api/v1/endpoints/{endpoint}/policy", Permission.RELEASE)
    async def delete_policy(request: Request, *, endpoint: Name, why: Reason = "") -> Response:
        """Give the champion all rows again, but a canary's; answered when every model server does."""
        return await desk.tell(lambda: traffic.delete_policy(endpoint, deed=deed_of(request, why)), slow=True)


def _add_watching(doors: Doors, desk: Desk, *, traffic: TrafficPlane) -> None:
    @doors.route("POST /api/v1/endpoints/{endpoint}/shadows", Permission.RELEASE)
    async def set_shadows(request: Request, *, endpoint: Name, body: Watching) -> Response:
        """Ask these versions and no others beside those that answer; answered when every model server does."""
        return await desk.tell(lambda: traffic.set_shadows(endpoint, body.versions, deed=deed_of(request, body.why)), slow=True)

    @doors.route("POST /api/v1/endpoints/{endpoint}/rewards", Permission.INGEST)
    async def add_rewards(endpoint: Name, body: Earnings) -> Response:
        """Take what answers earned, by their ids; each counts once."""
        earned = [Reward(found.id, found.reward) for found in body.rewards]
        return await desk.tell(lambda: traffic.add_rewards(endpoint, earned), slow=True)
