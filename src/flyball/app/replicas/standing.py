"""What stands in a home about the replicas that are kept from it: how many are wanted, and how each was when it was looked at last."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from flyball.app.replicas.errors import NoReplicasError, ReplicasHeldError
from flyball.app.replicas.order import Bounds, Seen, checked_name
from flyball.app.settings import write_json
from flyball.core.errors import HeldError, UnavailableError
from flyball.storage.clockfile import RUN
from flyball.storage.homelock import HomeLock, find_owner

_FILE = re.compile(r"replicas-([a-z][a-z0-9-]*)\.json", re.ASCII)


@dataclass(frozen=True, slots=True)
class Standing:
    """The files of one group. Any process may ask; one keeps it."""

    home: Path
    group: str

    def __post_init__(self) -> None:
        checked_name(self.group)

    def hold(self) -> HomeLock:
        """Nobody else on this host keeps the group, until this is released.

        Raises:
            ReplicasHeldError: somebody does.
            UnavailableError: the home cannot be written.
        """
        try:
            return HomeLock.acquire(self._path("lock"), "flyball replicas run")
        except HeldError as error:
            raise ReplicasHeldError(self.group, "this host") from error

    def tell(self, facts: Mapping[str, Any], seen: Mapping[int, Seen]) -> None:
        """Keep how things are.

        Raises:
            UnavailableError: the home cannot be written.
        """
        replicas = [{"replica": slot, **asdict(one)} for slot, one in seen.items()]
        write_json(self._path("json"), {"name": self.group, "pid": os.getpid(), **facts, "replicas": replicas})

    def get(self) -> dict[str, Any]:
        """How things were last.

        Raises:
            NoReplicasError: nobody keeps the group from this home.
        """
        with suppress(OSError, ValueError):
            found: dict[str, Any] = json.loads(self._path("json").read_text(encoding="utf-8"))
            if find_owner(self._path("lock")) is not None:
                return found
        raise NoReplicasError(self.group, self.home)

    def set_count(self, count: int) -> int:
        """So many replicas are wanted from now on; how many were.

        Raises:
            NoReplicasError: nobody keeps the group from this home.
            ReplicasCountError: the number is out of the bounds that were given.
        """
        found = self.get()
        Bounds(found["least"], found["most"], found["least"]).check(count)
        before = self.find_count()
        write_json(self._path("count"), count)
        return found["least"] if before is None else before

    def begin(self, count: int) -> None:
        """So many are wanted at first.

        Raises:
            UnavailableError: the home cannot be written.
        """
        write_json(self._path("count"), count)

    def find_count(self) -> int | None:
        """How many are wanted; None where that cannot be read just now."""
        with suppress(OSError, ValueError, TypeError):
            return int(json.loads(self._path("count").read_text(encoding="utf-8")))
        return None

    def forget(self) -> None:
        """Nobody keeps the group any more."""
        for kind in ("json", "count"):
            with suppress(OSError):
                self._path(kind).unlink(missing_ok=True)

    def _path(self, kind: str) -> Path:
        return self.home / RUN / f"replicas-{self.group}.{kind}"


def list_groups(home: Path) -> list[dict[str, Any]]:
    """How each group is that is kept from the home, by name."""
    names = sorted(found[1] for path in (home / RUN).glob("replicas-*.json") if (found := _FILE.fullmatch(path.name)))
    groups = []
    for name in names:
        with suppress(NoReplicasError, UnavailableError):
            groups.append(Standing(home, name).get())
    return groups
