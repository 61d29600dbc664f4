"""All workers of a master: started, started again when they die, told the same plans at the same moment, and ended.

A plan is in force on all of them or on none: each loads it beside what it answers from, and only when all that live have said what
came of it, all are told to swap. What one refuses, none takes up.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from socket import socket
from typing import Any

from flyball.core.clock import Timer
from flyball.core.exposition import Family, counter, gauge, lasting, merged
from flyball.core.figures import process
from flyball.predict import wire
from flyball.predict.hand import Hand, Launch
from flyball.serving.effective import held_back
from flyball.serving.plan import ServingPlan

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.2, 10.0
LONG_LIFE_SECONDS = 60.0
STUCK_SECONDS = 30.0
"""A worker whose event loop has not turned for so long does not turn again."""
NO_PLAN = ServingPlan(revision=0)
_LOG = logging.getLogger(__name__)


@dataclass
class Crew:
    """The workers at a board's places. For one event loop; `changed` is called when one gets ready or is gone.

    `returned` gets the connections that one which is gone had not taken.
    """

    launch: Launch
    timer: Timer
    changed: Callable[[], None] = lambda: None
    returned: Callable[[Iterable[socket]], None] = lambda _: None
    hands: dict[int, Hand] = field(default_factory=dict)
    wanted: int = 0
    plan: ServingPlan = NO_PLAN
    without: frozenset[str] = frozenset()
    refused: dict[str, str] = field(default_factory=dict)
    restarts: int = 0
    ending: bool = False
    _opened: bool = False
    _ended: list[Family] = field(default_factory=list)
    _pauses: dict[int, float] = field(default_factory=dict)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def ready(self) -> list[Hand]:
        """Those that take connections."""
        return [hand for hand in self.hands.values() if hand.ready]

    def pick(self) -> list[Hand]:
        """Those that take connections, the one with the fewest first."""
        return sorted(self.ready, key=lambda hand: hand.load)

    def resize(self, wanted: int) -> None:
        """So many are to run: places that are free are filled, and the last ones end where they are too many."""
        self.wanted = wanted
        for place in range(wanted):
            self._fill(place)
        for place, hand in self.hands.items():
            if place >= wanted and not hand.leaving:
                hand.end()
        self.changed()

    async def come(self) -> bool:
        """The first workers can be told something; whether all of them."""
        first = list(self.hands.values())
        await asyncio.gather(*(_either(hand) for hand in first))
        return all(hand.present.is_set() and not hand.gone.is_set() for hand in first)

    async def begin(self) -> None:
        """The first workers answer from now on, and others join them: also for those that died while they loaded the first plan."""
        self._opened = True
        for hand in self.hands.values():
            hand.ready = hand.present.is_set() and not (hand.gone.is_set() or hand.leaving)
        for place in range(self.wanted):
            self._fill(place)
        self.changed()

    async def take(self, plan: ServingPlan) -> int:
        """The plan is in force on all workers, as far as none refused it; the revision that is in force then."""
        async with self._lock:
            return await self._swap(plan, without=self.without)

    async def set_without(self, endpoint: str, *, loaded: bool) -> wire.Told:
        """The endpoint answers on all workers, or on none."""
        async with self._lock:
            if endpoint not in {found.endpoint for found in self.plan.endpoints}:
                return wire.Told(0, unknown=True)
            without = self.without - {endpoint} if loaded else self.without | {endpoint}
            before = self.without
            await self._swap(self.plan, without=without)
            if endpoint not in self.refused:
                return wire.Told(0)
            self.without = before
            return wire.Told(0, refused=self.refused[endpoint])

    async def _swap(self, plan: ServingPlan, *, without: frozenset[str]) -> int:
        hands = [hand for hand in self.hands.values() if hand.ready or (not self._opened and hand.present.is_set())]
        data = plan.encode()
        replies = await asyncio.gather(*(hand.prepare(data, sorted(without)) for hand in hands))
        refused = {name: why for reply in replies for name, why in (reply or {}).items()}
        await asyncio.gather(*(hand.commit(sorted(refused)) for hand, reply in zip(hands, replies, strict=True) if reply is not None))
        self.plan = held_back(plan, refused, before=self.plan)
        self.without, self.refused = without, refused
        return self.plan.revision

    def _start(self, place: int) -> None:
        hand = self.hands[place] = Hand(place, self.launch, asked=self._asked, started_seconds=self.timer.seconds())
        hand.start()
        self._spawn(self._attend(hand))

    async def _attend(self, hand: Hand) -> None:
        """Have it join when it has come, and start another when it is gone."""
        await _either(hand)
        if hand.present.is_set() and self._opened:
            await self._join(hand)
        await hand.gone.wait()
        self._ended = lasting(merged([self._ended, hand.figures]))
        self.returned(hand.passing)
        if self.hands.get(hand.place) is hand:
            del self.hands[hand.place]
        self.changed()
        if self.ending or hand.place >= self.wanted or not self._opened:
            return
        self.restarts += 1
        pause = self._pause(hand)
        _LOG.warning("worker %d (pid %d) ended with %s; it starts again in %.1f s", hand.place, hand.pid, hand.exit_code, pause)
        await asyncio.sleep(pause)
        self._fill(hand.place)

    def _fill(self, place: int) -> None:
        if not self.ending and place < self.wanted and place not in self.hands:
            self._start(place)

    def _pause(self, hand: Hand) -> float:
        lived = self.timer.seconds() - hand.started_seconds
        pause = FIRST_PAUSE_SECONDS if lived >= LONG_LIFE_SECONDS else self._pauses.get(hand.place, FIRST_PAUSE_SECONDS)
        self._pauses[hand.place] = min(2 * pause, LONGEST_PAUSE_SECONDS)
        return pause

    async def _join(self, hand: Hand) -> None:
        """It answers from what is in force, and takes connections from then on; what it loads meanwhile keeps nobody waiting."""
        while not hand.gone.is_set():
            plan, without = self.plan, self.without
            refused = await hand.prepare(plan.encode(), sorted(without)) if plan is not NO_PLAN else {}
            async with self._lock:
                if refused is None or hand.leaving or hand.gone.is_set():
                    return
                if plan is not self.plan or without is not self.without:
                    continue
                if refused and self.ready:
                    _LOG.error("worker %d cannot serve what the others serve: %s", hand.place, " ".join(refused.values()))
                    hand.end()
                    hand.leaving = False
                    return
                if plan is not NO_PLAN and await hand.commit(()) is None:
                    return
                hand.ready = True
                self.changed()
                self._balance()
                return

    def _balance(self) -> None:
        """Who has more connections than its share is to let go of them, each with an answer; they come anew, to those who have fewer."""
        ready = self.ready
        loads = {hand.place: hand.load for hand in ready}
        share = -(-sum(loads.values()) // max(len(ready), 1))
        for hand in ready:
            if loads[hand.place] > share:
                hand.tell(wire.Shed(loads[hand.place] - share))

    def delay_seconds(self) -> float:
        """How long a request waits, on the average of the workers."""
        delays = [self.launch.board.get(hand.place).delay_seconds for hand in self.ready]
        return sum(delays) / len(delays) if delays else 0.0

    def kill_stuck(self) -> None:
        """Workers that do not turn any more end at once."""
        now = self.timer.seconds()
        for hand in self.ready:
            beat = self.launch.board.get(hand.place).beat_seconds
            if now - max(beat, hand.started_seconds) > STUCK_SECONDS:
                _LOG.error("worker %d (pid %d) has not turned for %.0f s and is killed", hand.place, hand.pid, STUCK_SECONDS)
                hand.kill()

    def _asked(self, hand: Hand, ask: wire.Ask) -> None:
        self._spawn(self._answer(hand, ask))

    async def _answer(self, hand: Hand, ask: wire.Ask) -> None:
        if ask.verb == "figures":
            told = wire.Told(0, figures=await self.figures())
        else:
            told = await self.set_without(ask.endpoint, loaded=ask.verb == "load")
        told.number = ask.number
        hand.tell(told)

    async def figures(self) -> list[Family]:
        """What all workers counted, those that have ended with them, and what there is to say of the crew."""
        counted: Sequence[list[Family]] = await asyncio.gather(*(hand.count() for hand in self.hands.values()))
        waits = Family("flyball_worker_queue_seconds", "Seconds that a request waits until a worker looks at it.", "gauge")
        for hand in self.ready:
            waits.add(round(self.launch.board.get(hand.place).delay_seconds, 6), worker=hand.place)
        own = [
            gauge("flyball_workers", "Processes that answer.", value=len(self.ready)),
            counter("flyball_worker_restarts_total", "Workers that died and were started again.", values=[((), self.restarts)]),
            waits,
        ]
        return [*merged([*counted, self._ended, process()]), *own]

    async def end(self, seconds: float) -> None:
        """All have ended, those that did not within `seconds` by force."""
        self.ending = True
        hands = list(self.hands.values())
        for hand in hands:
            hand.end()
        try:
            async with asyncio.timeout(seconds):
                await asyncio.gather(*(hand.gone.wait() for hand in hands))
        except TimeoutError:
            for hand in hands:
                if not hand.gone.is_set():
                    _LOG.error("worker %d (pid %d) did not end within %g s and is killed", hand.place, hand.pid, seconds)
                    hand.kill()
            await asyncio.gather(*(hand.gone.wait() for hand in hands))
        for task in self._tasks:
            task.cancel()

    def _spawn(self, doing: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(doing)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _either(hand: Hand) -> None:
    """It has come, or is gone."""
    waits = [asyncio.ensure_future(hand.present.wait()), asyncio.ensure_future(hand.gone.wait())]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
