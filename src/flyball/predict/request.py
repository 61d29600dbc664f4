"""A request as a door sees it, and the routes by which it comes to one."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from flyball.governance import Caller, Permission
from flyball.predict.replies import Reply

if TYPE_CHECKING:
    from flyball.predict.dataplane import DataPlane
    from flyball.predict.target import Target
    from flyball.serving.asked import Answer
    from flyball.serving.rowform import Rows

_MOST_KEPT, _LONGEST_KEPT = 1000, 300
_NAME = re.compile(r"\{(\w+)\}")
_SAID = re.compile(r"/?\{\w+\}")


class Body(Enum):
    """What a route does with the body of a request."""

    NONE = "none"  # it is not read
    ROWS = "rows"  # it is read, and must say what it is
    ANY = "any"  # it is read, whatever it says to be


class Request(msgspec.Struct, gc=False):
    """What came, once its body is here. `head` are the headers by their lower-case names; `name` and `version` are from the path."""

    name: str
    version: str
    head: Mapping[bytes, bytes]
    query: bytes
    body: bytes
    arrived: float
    caller: Caller

    @property
    def principal(self) -> str:
        """The proved name of who asks."""
        return self.caller.principal

    @property
    def trace(self) -> str:
        """The caller's `traceparent`, "" where there is none."""
        return self.head.get(b"traceparent", b"").decode("latin-1")


class Asking(msgspec.Struct, gc=False):
    """What a request asks of whom, and how the answer is written."""

    target: Target
    rows: Rows
    render: Callable[[Answer], Reply]


Answering: TypeAlias = "Callable[[DataPlane, Request], Awaitable[Reply]]"
Beginning: TypeAlias = "Callable[[DataPlane, Request], Asking]"


@dataclass(frozen=True)
class Route:
    """A route: `path` may hold `{name}` and `{version}`. `kinds` are the content types that its body may have, empty for any.

    `begin` is the first half of `answer`, for who need not wait for the other one: all that is to be said of the body is said in it.
    """

    method: str
    path: str
    permission: Permission
    answer: Answering
    body: Body = Body.NONE
    kinds: tuple[bytes, ...] = ()
    begin: Beginning | None = None

    @cached_property
    def counted(self) -> str:
        """What its requests are counted as."""
        return _SAID.sub("", self.path)


class Place(msgspec.Struct, frozen=True, gc=False):
    """Where a path leads: a route by each method, with what the path says."""

    routes: Mapping[str, Route]
    name: str
    version: str


class Routes:
    """Finds the place of a path: one look into a dictionary for a path that was asked before. For one event loop."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self.all = tuple(routes)
        by_path: dict[str, dict[str, Route]] = {}
        for route in self.all:
            by_path.setdefault(route.path, {})[route.method] = route
        self._patterns = [(_pattern(path), found) for path, found in by_path.items()]
        self._kept: dict[str, Place] = {}

    def find(self, path: str) -> Place | None:
        """The place of the path; the first template that fits counts."""
        found = self._kept.get(path)
        if found is not None:
            return found
        for pattern, routes in self._patterns:
            match = pattern.fullmatch(path)
            if match is not None:
                said = match.groupdict()
                place = Place(routes, said.get("name", ""), said.get("version", ""))
                return self._keep(path, place) if len(path) <= _LONGEST_KEPT else place
        return None

    def _keep(self, path: str, place: Place) -> Place:
        if len(self._kept) >= _MOST_KEPT:  # somebody tries names
            self._kept.clear()
        self._kept[path] = place
        return place


def _pattern(path: str) -> re.Pattern[str]:
    parts = _NAME.split(path)
    written = [re.escape(part) if index % 2 == 0 else f"(?P<{part}>[^/]+)" for index, part in enumerate(parts)]
    return re.compile("".join(written))
