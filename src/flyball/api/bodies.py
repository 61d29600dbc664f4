"""What requests carry: each body as one value with its limits, and nothing beside what is named."""

from __future__ import annotations

from typing import Annotated

from flyball.core.optional import extra

with extra("control"):
    from fastapi import Header, Path, Query
    from pydantic import BaseModel, ConfigDict, Field

LONGEST_WAIT_SECONDS = 30.0

Name = Annotated[str, Path(min_length=1, max_length=200)]
After = Annotated[int, Query(ge=0, description="Only events after this position.")]
Limit = Annotated[int, Query(ge=1, le=1000)]
Wait = Annotated[float, Query(ge=0, le=LONGEST_WAIT_SECONDS, description="Seconds to wait where there is nothing yet.")]
OfModel = Annotated[str | None, Query(max_length=63, description="Only events of this model.")]
Visible = Annotated[bool, Query(description="Answer when features and labels see the rows.")]
Revision = Annotated[int, Query(ge=0, description="What this server answers from now.")]
Server = Annotated[str | None, Query(max_length=100, description="Which model server asks.")]
Refusal = Annotated[str, Query(max_length=500, description="Why this server does not answer from the plan that it was given last.")]
IdempotencyKey = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=200)]
Why = Annotated[str, Field(max_length=1000, description="Why, in your words; it stands in the events.")]


class StrictBody(BaseModel):
    """Nothing beside what is named, and each of its own type."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Promotion(StrictBody):
    """Which version is to be the champion; without a number, the canary."""

    version: Annotated[int | None, Field(ge=1)] = None
    why: Why = ""


class Rollback(StrictBody):
    """Why to go back."""

    why: Why = ""


class Login(StrictBody):
    """A single-use login code."""

    code: Annotated[str, Field(max_length=200)]
