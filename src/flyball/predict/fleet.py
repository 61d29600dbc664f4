"""The processes that answer at one port together: what one of them is told, all of them do, and what they counted is added up."""

from __future__ import annotations

import asyncio
from typing import Protocol

from flyball.app.modelserver import ModelServer
from flyball.core.exposition import Family
from flyball.core.figures import process
from flyball.predict.metrics import families
from flyball.predict.repository import Repository


class Fleet(Repository, Protocol):
    """All processes of one model server, as one of them reaches them. For one event loop."""

    async def figures(self) -> list[Family]:
        """What all processes counted since the server started, those that have ended with them."""
        ...


class Alone:
    """The `Fleet` of a server of one process."""

    def __init__(self, models: ModelServer) -> None:
        self._models = models

    @property
    def unloaded(self) -> frozenset[str]:
        return self._models.unloaded

    async def figures(self) -> list[Family]:
        return [*families(self._models.engine.counters, revision=self._models.engine.serving.revision), *process()]

    async def unload(self, endpoint: str) -> None:
        await asyncio.to_thread(self._models.unload, endpoint)

    async def load(self, endpoint: str) -> None:
        await asyncio.to_thread(self._models.load, endpoint)
