"""Shadows are asked what was answered already, in the time that answering leaves: they cost a caller nothing but what is left over.

What waits is bounded; what finds no place is counted and forgotten. Between two questions the server answers for several times as long as
the last one took, and while its event loop runs late no shadow is asked at all. What a shadow says is journalled under the ids of the
rows that it mirrors, and moves no counter of answers but its own.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

from flyball.core.clock import Timer
from flyball.serving.asked import Asked
from flyball.serving.counters import Counters
from flyball.serving.group import Group
from flyball.serving.routing import CANARY, CHALLENGER, CHAMPION, FALLBACK, SHADOW
from flyball.serving.rowform import Rows
from flyball.serving.version import LoadedEndpoint, LoadedVersion

MOST_ROWS = 10_000
"""So many rows may wait for shadows, over all endpoints."""
_AT_ONCE = 64
_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.001, 0.1
_LATE_SECONDS = 0.005
_SHARE = 4.0
"""After a question the shadows rest for so many times as long as it took."""
_MIRRORED = frozenset({CHAMPION, CANARY, CHALLENGER, FALLBACK})
"""What was asked of a version by its number is about that version alone."""


class Shadowing:
    """Asks shadows by `run`, which has a group answered. For one event loop."""

    def __init__(self, run: Callable[[Group], None], *, counters: Counters, timer: Timer) -> None:
        self._run, self._counters, self._timer = run, counters, timer
        self._queue: deque[Group] = deque()
        self._rows, self._under_way = 0, 0
        self._pause = _PAUSE_SECONDS
        self._due: float | None = None
        self._handle: asyncio.TimerHandle | None = None

    @property
    def waiting(self) -> int:
        """The rows that wait for shadows."""
        return self._rows

    def offer(self, group: Group) -> None:
        """The rows of the group, which are answered, for the endpoint's shadows."""
        shadows = group.endpoint.plan.shadows
        if not shadows or group.route not in _MIRRORED:
            return
        if self._rows + group.rows.n > MOST_ROWS:
            self._drop(group)
            return
        self._queue.append(group)
        self._rows += group.rows.n
        self._schedule()

    def close(self) -> None:
        """What waits is dropped, and counted; what is under way goes on."""
        if self._handle is not None:
            self._handle.cancel()
        while self._queue:
            self._drop(self._take())

    def _schedule(self) -> None:
        if self._due is None and self._queue and not self._under_way:
            self._due = self._timer.seconds() + self._pause
            self._handle = asyncio.get_running_loop().call_later(self._pause, self._work)

    def _work(self) -> None:
        began, due = self._timer.seconds(), self._due or 0.0
        self._due = None
        if began - due > _LATE_SECONDS:  # others have waited for the loop as well
            self._pause = min(self._pause * 2, _LONGEST_PAUSE_SECONDS)
        elif self._queue:
            self._ask(self._next())
            self._pause = min(max(_PAUSE_SECONDS, _SHARE * (self._timer.seconds() - began)), _LONGEST_PAUSE_SECONDS)
        self._schedule()

    def _next(self) -> list[Group]:
        """The groups that are first in line and can be asked together."""
        found = [self._take()]
        rows = found[0].rows.n
        while self._queue and _alike(found[0], self._queue[0]) and rows + self._queue[0].rows.n <= _AT_ONCE:
            found.append(self._take())
            rows += found[-1].rows.n
        return found

    def _take(self) -> Group:
        group = self._queue.popleft()
        self._rows -= group.rows.n
        return group

    def _ask(self, groups: Sequence[Group]) -> None:
        endpoint = groups[0].endpoint
        for number in endpoint.plan.shadows:
            version = endpoint.versions[number]
            if not groups[0].vector or endpoint.takes_vectors(version):
                self._run(self._mirrored(groups, endpoint, version=version))

    def _mirrored(self, groups: Sequence[Group], endpoint: LoadedEndpoint, *, version: LoadedVersion) -> Group:
        owners = [(self._asked(asked, len(own)), range(len(own))) for group in groups for asked, own in group.owners]
        self._under_way += len(owners)
        return Group(
            endpoint, version, SHADOW, groups[-1].time, owners, Rows.chained([group.rows for group in groups]),
            [key for group in groups for key in group.keys], [name for group in groups for name in group.ids],
        )  # fmt: skip

    def _asked(self, before: Asked, rows: int) -> Asked:
        wants = replace(before.wants, ages=False)
        asked = Asked(before.endpoint, Rows(before.rows.form, {}, rows), arrived=self._timer.seconds(), done=self._done, wants=wants)
        asked.asker = before.asker
        return asked

    def _done(self) -> None:
        self._under_way -= 1
        self._schedule()

    def _drop(self, group: Group) -> None:
        for number in group.endpoint.plan.shadows:
            self._counters.unshadowed[group.endpoint.name, number] += group.rows.n


def _alike(one: Group, other: Group) -> bool:
    return one.endpoint is other.endpoint and one.rows.form is other.rows.form and one.vector == other.vector
