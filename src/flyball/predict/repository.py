"""The port by which models are loaded and unloaded by request."""

from __future__ import annotations

from typing import Protocol

from flyball.predict.errors import RepositoryFixedError


class Repository(Protocol):
    """Loads and unloads endpoints of the plan, on all workers. For the event loop that serves.

    An endpoint that is unloaded answers nobody until it is loaded again or the server starts anew; the plan stays as it is.
    """

    @property
    def unloaded(self) -> frozenset[str]:
        """The endpoints that were unloaded."""
        ...

    async def load(self, endpoint: str) -> None:
        """The endpoint answers when this returns.

        Raises:
            EndpointNotFoundError: the plan has none of that name.
            FlyballError: why it cannot be loaded.
        """
        ...

    async def unload(self, endpoint: str) -> None:
        """The endpoint answers nobody when this returns, and its models are let go.

        Raises:
            EndpointNotFoundError: the plan has none of that name.
        """
        ...


class Fixed:
    """A repository that serves what it serves."""

    unloaded: frozenset[str] = frozenset()

    async def load(self, endpoint: str) -> None:
        """Refused."""
        del endpoint
        raise RepositoryFixedError

    async def unload(self, endpoint: str) -> None:
        """Refused."""
        del endpoint
        raise RepositoryFixedError
