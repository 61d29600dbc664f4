"""The short way of the requests that come most: rows for a prediction, whole with their head.

They are begun where they are read and answered where their batch is computed, without a task, a scope and messages for each, which cost
more than all else that is done for a lone row. What is asked of them, in which order, and what they are told is as on the long way.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

import msgspec

from flyball.core.clock import Timer
from flyball.core.errors import FlyballError
from flyball.governance.errors import RateLimitedError
from flyball.predict.bodies import inflate
from flyball.predict.dataplane import DataPlane
from flyball.predict.errors import QuotaError, TooManyInsideError
from flyball.predict.gate import Gate
from flyball.predict.headers import Head, dialect_of, expected, pack
from flyball.predict.limits import Entry
from flyball.predict.replies import Reply, of_error
from flyball.predict.request import Beginning, Request, Route, Routes
from flyball.serving.asked import Answer, Asked
from flyball.serving.errors import InternalError

COOLED = (RateLimitedError, QuotaError, TooManyInsideError)
"""The refusals that wait a moment."""
METHOD = "POST"
_MOST_KEPT = 1000
_LOG = logging.getLogger(__name__)
_LONG = (b"?", b"%", b"#")
"""Who writes an address with these goes the long way."""


class Line(Protocol):
    """Who asked."""

    def answer(self, reply: Reply) -> None:
        """The one request that was taken has this answer."""
        ...


class Spot(msgspec.Struct, frozen=True, gc=False):
    """A route by its address, and how it is begun."""

    path: str
    route: Route
    begin: Beginning
    name: str
    version: str


class Lane:
    """Answers what it takes. For one event loop."""

    def __init__(self, routes: Routes, plane: DataPlane, *, gate: Gate, timer: Timer) -> None:
        self._routes, self._plane, self._gate, self._timer = routes, plane, gate, timer
        self._spots: dict[bytes, Spot] = {}
        self._cooling: set[asyncio.Task[None]] = set()

    def find(self, url: bytes) -> Spot | None:
        """The route that is asked at this address by POST; None where its requests go the long way."""
        found = self._spots.get(url)
        return self._find(url) if found is None else found

    def _find(self, url: bytes) -> Spot | None:
        if any(mark in url for mark in _LONG) or not url.isascii():
            return None
        path = url.decode()
        place = self._routes.find(path)
        route = None if place is None else place.routes.get(METHOD)
        if place is None or route is None or route.begin is None:
            return None
        if len(self._spots) >= _MOST_KEPT:  # somebody tries names
            self._spots.clear()
        found = self._spots[url] = Spot(path, route, route.begin, place.name, place.version)
        return found

    def take(self, spot: Spot, head: Head, *, body: bytes, line: Line, address: str) -> None:
        """`line` gets its answer soon, and never before this returns. `head` has each header once."""
        taken = _Taken(self, spot, head=head, line=line)
        try:
            self._begin(taken, body, address=address)
        except FlyballError as error:
            taken.leave()
            reply = of_error(error, dialect_of(spot.path))
            if isinstance(error, COOLED):
                self._cool(taken, reply)
            else:
                asyncio.get_running_loop().call_soon(self.answer, taken, reply)
        except Exception:  # noqa: BLE001 - the caller gets an answer whatever happens
            taken.leave()
            _LOG.exception("%s %s", METHOD, spot.path)
            asyncio.get_running_loop().call_soon(self.answer, taken, of_error(InternalError(), dialect_of(spot.path)))

    def _begin(self, taken: _Taken, body: bytes, *, address: str) -> None:
        spot, head, admission, plane = taken.spot, taken.head, self._gate.admission, self._plane
        route = spot.route
        caller = self._gate.admit_plain(head, route.permission, address=address)
        request = Request(spot.name, spot.version, head, b"", body, self._timer.seconds(), caller)
        limit = admission.limits.body_bytes
        coding, size = expected(head, route.kinds, limit_bytes=limit)
        taken.entry = admission.enter(caller.principal, expected=size)
        plane.check_room(spot.name, spot.version, who=caller.principal)
        if coding:
            request.body = inflate(body, coding, limit_bytes=limit)
            taken.entry.weigh(len(request.body))
        asking = spot.begin(plane, request)
        taken.render = asking.render
        plane.begin(asking.target, asking.rows, asker=request, done=taken.settle)

    def _cool(self, taken: _Taken, reply: Reply) -> None:
        task = asyncio.get_running_loop().create_task(self._answer_later(taken, reply))
        self._cooling.add(task)
        task.add_done_callback(self._cooling.discard)

    async def _answer_later(self, taken: _Taken, reply: Reply) -> None:
        await self._gate.admission.cool()
        self.answer(taken, reply)

    def answer(self, taken: _Taken, reply: Reply) -> None:
        """The request is counted, and told."""
        pack(reply, taken.head)
        self._plane.engine.counters.requests[taken.spot.route.counted, reply.status] += 1
        taken.line.answer(reply)


class _Taken:
    """A request that is inside."""

    __slots__ = ("_lane", "entry", "head", "line", "render", "spot")

    def __init__(self, lane: Lane, spot: Spot, *, head: Head, line: Line) -> None:
        self._lane, self.spot, self.head, self.line = lane, spot, head, line
        self.entry: Entry | None = None
        self.render: Callable[[Answer], Reply]

    def leave(self) -> None:
        """It is outside again, if it was inside."""
        if self.entry is not None:
            self.entry.leave()
            self.entry = None

    def settle(self, asked: Asked) -> None:
        """All of its rows are settled. Raises nothing: others are answered behind it."""
        try:
            self.leave()
            reply = self._told(asked)
            self._lane.answer(self, reply)
        except Exception:  # noqa: BLE001 - as above
            _LOG.exception("an answer at %s could not be sent", self.spot.path)

    def _told(self, asked: Asked) -> Reply:
        try:
            return self.render(asked.answer())
        except FlyballError as error:
            return of_error(error, dialect_of(self.spot.path))
        except Exception:  # noqa: BLE001 - as above
            _LOG.exception("%s %s", METHOD, self.spot.path)
            return of_error(InternalError(), dialect_of(self.spot.path))
