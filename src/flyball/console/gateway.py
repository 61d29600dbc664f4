"""Where the console's pages about endpoints ask and decide, in the name of whoever looks, with answers as typed values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flyball.client.endpoints import EndpointsClient
from flyball.console.answers import decoded, decoded_list, item
from flyball.console.endpointrecords import Endpoint, Taken


class Gateway:
    """What one visitor may look up, decide and try of endpoints; every method may raise a `FlyballError` whose sentence can be shown.

    What changes something returns once every model server acts on it. Thread-safe.
    """

    def __init__(self, client: EndpointsClient) -> None:
        self._client = client

    def list_endpoints(self) -> tuple[Endpoint, ...]:
        """Every endpoint, by name."""
        return decoded_list(self._client.list_endpoints(), Endpoint)

    def get_endpoint(self, name: str) -> Endpoint:
        """One endpoint."""
        return decoded(self._client.get_endpoint(name), Endpoint)

    def set_weights(self, name: str, weights: Mapping[int, float], *, why: str) -> None:
        """Share the rows by weights."""
        self._client.set_weights(name, weights, why=why)

    def set_shadows(self, name: str, versions: Sequence[int], *, why: str) -> None:
        """Ask these versions and no others beside those that answer."""
        self._client.set_shadows(name, versions, why=why)

    def promote(self, name: str, version: int, *, why: str) -> None:
        """Make the version champion."""
        self._client.promote(name, version=version, why=why)

    def rollback(self, name: str, *, why: str) -> None:
        """Take the last step back."""
        self._client.rollback(name, why=why)

    def list_inputs(self, name: str) -> tuple[Taken, ...]:
        """The columns that a request has."""
        return decoded_list(item(self._client.get_inputs(name), "inputs"), Taken)

    def try_row(self, name: str, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a model server answers to a request of that row; it is logged like any other."""
        return self._client.try_rows(name, [row])
