"""The port of the release store: deployments and rollouts as they stand now; their history is the event log."""

from __future__ import annotations

from typing import Protocol

from flyball.releases.deployments import Deployment
from flyball.releases.rollout import Rollout


class ReleaseStore(Protocol):
    """Keeps one deployment per (environment, endpoint) and the latest rollout per (environment, endpoint, version).

    Every method joins the transaction that is open in the calling thread, or is one of its own; nothing is seen by others before
    that commits. Thread-safe. The store knows neither legal moves nor events: the service does.
    """

    def set_deployment(self, deployment: Deployment) -> bool:
        """Keep the deployment in the place of the one with the preceding revision, or of none if its revision is 1.

        False, and nothing changed, where another revision stands: somebody else moved it.
        """
        ...

    def find_deployment(self, environment: str, endpoint: str) -> Deployment | None:
        """The deployment, or None."""
        ...

    def list_deployments(self) -> list[Deployment]:
        """All deployments, ordered by (environment, endpoint)."""
        ...

    def set_rollout(self, environment: str, endpoint: str, *, rollout: Rollout) -> None:
        """Keep the rollout in the place of any earlier one of its version there."""
        ...

    def find_rollout(self, environment: str, endpoint: str, *, version: int) -> Rollout | None:
        """The latest rollout of the version there, or None."""
        ...

    def list_rollouts(self, environment: str, endpoint: str) -> list[Rollout]:
        """The latest rollout of every version there, ordered by version."""
        ...
