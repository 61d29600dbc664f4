"""What is wrong with replicas that are asked for; each has a sentence here.

::

    InvalidError ─┬─ ReplicasNameError
                  ├─ ReplicasCountError
                  └─ ModelsNotSharedError
    HeldError ── ReplicasHeldError
    NotFoundError ── NoReplicasError
    UnavailableError ─┬─ NoRoomError
                      └─ ReplicaFailedError
"""

from __future__ import annotations

from pathlib import Path

from flyball.core.errors import HeldError, InvalidError, NotFoundError, UnavailableError


class ReplicasNameError(InvalidError):
    """No name of a group of replicas."""

    code = "replicas-name"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name[:60]!r} is no name of replicas: 1 to 40 small letters, digits and hyphens, the first a letter. Say --name."
        )


class ReplicasCountError(InvalidError):
    """So many replicas there are never."""

    code = "replicas-count"

    def __init__(self, found: str, *, wanted: str) -> None:
        super().__init__(f"The number of replicas is {found[:40]}, but must be {wanted}.")


class ModelsNotSharedError(InvalidError):
    """Nodes of a cluster have no way to the models."""

    code = "models-not-shared"

    def __init__(self) -> None:
        super().__init__(
            "Replicas find no models: there is no home here, and FLYBALL_BLOBS_URL is not set. Set it as the control plane has it, or run "
            "this where the home is, on a disk that all nodes see."
        )


class ReplicasHeldError(HeldError):
    """Somebody else keeps the replicas of that name on the cluster."""

    code = "replicas-held"

    def __init__(self, name: str, keeper: str) -> None:
        where = keeper.rpartition("-")[0] or keeper  # without what makes it unique
        super().__init__(f"The group of replicas {name!r}", f"`flyball replicas run` on {where} (another --name is another group)")


class NoReplicasError(NotFoundError):
    """Nobody here keeps replicas of that name."""

    code = "no-replicas"

    def __init__(self, name: str, home: Path) -> None:
        super().__init__(
            f"No `flyball replicas run` keeps replicas {name!r} with the home {home}. Start one, or name its --name and --home."
        )


class NoRoomError(UnavailableError):
    """The cluster takes not one replica."""

    code = "no-room"

    def __init__(self, cpus: int, *, room: str) -> None:
        super().__init__(
            f"The cluster has no room for a replica, which needs {cpus} processor(s): {room}. End something there, add a node, or "
            "say fewer --workers."
        )


class ReplicaFailedError(UnavailableError):
    """No replica comes up, and each says why."""

    code = "replica-failed"

    def __init__(self, why: str) -> None:
        super().__init__(f"No replica comes up: {why}")
