"""What the event log says of a version: everything that may change of it, folded from what happened.

A state that no event led to is one that somebody wrote into the database.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from flyball.core.canonical import digest
from flyball.core.duration import microseconds
from flyball.core.events import Event
from flyball.registry.model import VersionState
from flyball.registry.registered import CHALLENGER, CHAMPION, MANAGED_ALIASES, RegisteredVersion, Stage
from flyball.registry.service import version_subject
from flyball.storage.events import EventLog, EventQuery

_STATES = {
    "version.validated": VersionState.VALIDATED,
    "version.rejected": VersionState.REJECTED,
    "version.retired": VersionState.RETIRED,
    "version.restored": VersionState.VALIDATED,
}


_UPDATING = frozenset({"version.registered", "version.stage-set", "version.updated", "model.renamed"})


@dataclass
class Standing:
    """Where a version stands; texts by their digests."""

    registered: list[Event] = field(default_factory=list)
    state: VersionState = VersionState.CANDIDATE
    stage: str = Stage.NONE.value
    description: str = field(default_factory=lambda: digest(""))
    tags: dict[str, str] = field(default_factory=dict)
    updated_ms: int = 0

    def see(self, event: Event) -> None:
        """What the event changed."""
        data: dict[str, Any] = dict(event.data)
        self.state = _STATES.get(event.type, self.state)
        if event.type in _UPDATING:
            self.updated_ms = microseconds(event.time) // 1000
        match event.type:
            case "version.registered":
                self.registered.append(event)
                self.tags = dict(data.get("tags", {}))
                self.description = data.get("description", self.description)
            case "version.stage-set":
                self.stage = data["stage"]
            case "version.updated":
                self.description = data["description"]
            case "version.tag-set":
                self.tags[data["key"]] = data["value"]
            case "version.tag-deleted":
                self.tags.pop(data["key"], None)


@dataclass(frozen=True)
class History:
    """The events of one version and of its model's aliases, under every name that the model had."""

    names: tuple[str, ...]
    events: tuple[Event, ...]
    aliases: tuple[Event, ...]
    rollouts: tuple[Event, ...]

    @classmethod
    def read(cls, log: EventLog, version: RegisteredVersion) -> History:
        """All of it, in the order of the log."""
        renamed = [event for event in log.list(EventQuery(type="model.renamed")) if event.data.get("id") == version.model_id]
        names = _names(renamed, version)
        own = [log.list(EventQuery(subject=version_subject(name, version.number))) for name in names]
        every = [log.list(EventQuery(type_prefix="alias.", subject_prefix=f"model/{name}/version/")) for name in names]
        gone = [log.list(EventQuery(type="version.deleted", subject_prefix=f"model/{name}/version/")) for name in names]
        rollouts = [log.list(EventQuery(type_prefix="rollout.", subject_prefix=f"model/{name}/rollout/")) for name in names]
        return cls(names, _merged([*own, renamed]), _merged([*every, *gone]), _merged(rollouts))

    def standing(self) -> Standing:
        """Where the version stands after all that happened."""
        standing = Standing()
        for event in self.events:
            if event.type == "model.renamed" and not standing.registered:
                continue  # the model was renamed before it had this version
            standing.see(event)
        return standing

    def find_aliases(self, number: int) -> set[str]:
        """The aliases that name the version after all that happened."""
        named: dict[str, int] = {}
        for event in self.aliases:
            if event.type == "alias.set":
                named[event.data["alias"]] = event.data["version"]
            elif event.type == "alias.deleted":
                named.pop(event.data["alias"], None)
            else:
                named = {alias: kept for alias, kept in named.items() if kept != event.data["version"]}
        if self.rollouts:  # from the first release on the model is managed
            named = {alias: kept for alias, kept in named.items() if alias not in MANAGED_ALIASES}
        return {alias for alias, kept in (named | self._deployed()).items() if kept == number}

    def _deployed(self) -> dict[str, int]:
        deployed: dict[str, int | None] = {}
        for event in self.rollouts:
            version = event.data["version"]
            match event.type:
                case "rollout.stage-entered":
                    deployed[CHALLENGER] = version
                case "rollout.finished":
                    deployed = {CHAMPION: version}
                case "rollout.rolled-back" if deployed.get(CHAMPION) == version:
                    deployed = {CHAMPION: event.data["champion"]}
                case "rollout.rolled-back":
                    deployed[CHALLENGER] = None
        return {alias: version for alias, version in deployed.items() if version is not None}


def _names(renamed: Sequence[Event], version: RegisteredVersion) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*(event.data["from"] for event in renamed), *(event.data["to"] for event in renamed), version.name]))


def _merged(parts: Sequence[Sequence[Event]]) -> tuple[Event, ...]:
    # Of one moment, what happened under the earlier name comes first: the sort is stable.
    return tuple(sorted((event for part in parts for event in part), key=lambda event: event.time))
