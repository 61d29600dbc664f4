"""The processes that answer at one port together: what one of them is told, all of them do, and what they counted is added up."""

from __future__ import annotations

import asyncio
from typing import Protocol

from flyball.app.modelserver import ModelServer
from flyball.core.exposition import Family
from flyball.predict.metrics import families


class Fleet(Protocol):
    """All processes of one model server, as one of them reaches them. For one event loop."""

    async def figures(self) -> list[Family]:
        """What all processes counted since the server started, those that have ended with them."""
        ...

    async def unload(self, endpoint: str) -> None:
        """Nobody answers at the endpoint when this returns, and its models are let go of; idempotent.

        Raises:
            EndpointNotFoundError: the plan has no such endpoint.
        """
        ...

    async def load(self, endpoint: str) -> None:
        """What the plan says of the endpoint answers again when this returns; idempotent.

        Raises:
            EndpointNotFoundError: the plan has no such endpoint.
            VersionRefusedError: it cannot be loaded; nobody answers there, as before.
        """
        ...


class Alone:
    """The `Fleet` of a server of one process."""

    def __init__(self, models: ModelServer) -> None:
        self._models = models

    async def figures(self) -> list[Family]:
        return families(self._models.engine.counters, revision=self._models.engine.serving.revision)

    async def unload(self, endpoint: str) -> None:
        await asyncio.to_thread(self._models.unload, endpoint)

    async def load(self, endpoint: str) -> None:
        await asyncio.to_thread(self._models.load, endpoint)
