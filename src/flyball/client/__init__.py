"""The control plane for Python programs: one method per route, errors that say what to do. It knows nothing of Flyball but `core`."""

from flyball.client.client import Client, EventsPage
from flyball.client.errors import (
    ClientError,
    ConflictingError,
    InUseError,
    NotAllowedError,
    NotThereError,
    OverloadedError,
    RefusedError,
    ServerFailedError,
    TokenRefusedError,
    UnreachableError,
    UntrustedError,
)

__all__ = [
    "Client",
    "ClientError",
    "ConflictingError",
    "EventsPage",
    "InUseError",
    "NotAllowedError",
    "NotThereError",
    "OverloadedError",
    "RefusedError",
    "ServerFailedError",
    "TokenRefusedError",
    "UnreachableError",
    "UntrustedError",
]
