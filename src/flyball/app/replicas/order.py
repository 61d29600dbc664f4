"""What is asked of each replica, and what one says of itself: plain values that travel between hosts; standard library only."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum

from flyball.app.replicas.errors import ReplicasCountError, ReplicasNameError

MOST = 64
"""So many there are at most where nobody says another number."""
_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}", re.ASCII)
_BOUNDS = re.compile(r"([0-9]{1,4})(?:-([0-9]{1,4}))?", re.ASCII)
_OURS = frozenset(
    {"HOME", "URL", "TOKEN", "SHIP_LOG", "HOST", "WORKERS", "DATABASE_URL", "TABLES_URL", "PROJECT", "FSYNC_ROWS", "MEASURES"}
)


def checked_name(name: str) -> str:
    """The name, which is one.

    Raises:
        ReplicasNameError: it is not.
    """
    if not _NAME.fullmatch(name):
        raise ReplicasNameError(name)
    return name


@dataclass(frozen=True, slots=True)
class Bounds:
    """`least` replicas at first; a person may ask for any number up to `most`.

    >>> Bounds.parse("2"), Bounds.parse("2-8")
    (Bounds(least=1, most=64, first=2), Bounds(least=2, most=8, first=2))
    """

    least: int
    most: int
    first: int

    @classmethod
    def parse(cls, text: str) -> Bounds:
        """What ``N`` or ``MIN-MAX`` says.

        Raises:
            ReplicasCountError: it is neither, or says none.
        """
        found = _BOUNDS.fullmatch(text.strip())
        first, most = (int(found[1]), int(found[2] or 0)) if found else (0, 0)
        if first < 1 or (found and found[2] and most < first):
            raise ReplicasCountError(repr(text), wanted="a number from 1, or bounds like 2-8")
        return cls(first, most, first) if most else cls(1, max(first, MOST), first)

    def check(self, count: int) -> int:
        """The number, which is within them.

        Raises:
            ReplicasCountError: it is not.
        """
        if not self.least <= count <= self.most:
            raise ReplicasCountError(str(count), wanted=f"from {self.least} to {self.most}, as --replicas of `flyball replicas run` says")
        return count


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What each replica of a group is. `root` is the directory on every node that their homes lie in, "" the node's own choice.

    `names` are the authorities (host:port) by which clients call them, `shared` is the control plane's home where nodes may see it. They
    listen at `host`, "" for the address that the cluster has of their node.
    """

    group: str
    control_url: str
    token: str = field(repr=False)
    cpus: int
    workers: str = "1"
    root: str = ""
    host: str = ""
    names: tuple[str, ...] = ()
    grpc: bool = False
    shared: str = ""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def digest(self) -> str:
        """Orders that are the same have the same, whoever gave them; tells nothing of what is in them."""
        told = [(each.name, getattr(self, each.name)) for each in fields(self) if each.name != "environment"]
        return hashlib.sha256(repr([*told, sorted(self.environment.items())]).encode()).hexdigest()[:16]


class State(StrEnum):
    """How a replica is: `waiting` for room, `starting`, `up`, `unready` (alive, but with nothing to answer from), `failing` to start.

    `away`: nothing is heard of it just now. `draining`: it answers what it owes. `ended`: it has. `lost`: it is no more.
    """

    WAITING = "waiting"
    STARTING = "starting"
    UP = "up"
    UNREADY = "unready"
    FAILING = "failing"
    AWAY = "away"
    DRAINING = "draining"
    ENDED = "ended"
    LOST = "lost"

    @property
    def goes(self) -> bool:
        """Whether it is about to be gone, or is."""
        return self in {State.DRAINING, State.ENDED, State.LOST}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What there is to know of a replica. `left`: so many answers are on its node that the control plane has not got.

    `keeper` is who asked it for others lately, other than who asks now.
    """

    state: State
    node: str = ""
    server: str = ""
    address: str = ""
    grpc: str = ""
    pid: int = 0
    restarts: int = 0
    digest: str = ""
    left: int = 0
    keeper: str = ""
    trouble: str = ""


def passed_on(environment: Mapping[str, str]) -> dict[str, str]:
    """The settings that hold wherever a model server runs: of ours, of buckets and of traces; not those of this one process."""
    return {
        name: value
        for name, value in environment.items()
        if name.startswith(("AWS_", "OTEL_")) or (name.startswith("FLYBALL_") and not _of_one(name.removeprefix("FLYBALL_")))
    }


def _of_one(name: str) -> bool:
    return name in _OURS or name.endswith("_PORT")
