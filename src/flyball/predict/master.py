"""The master of a model server of several processes: it owns the port, follows the control plane, and hands both on.

It accepts connections and gives each to the worker that has the fewest, so that lines that stay open are shared as well; a port that
workers listened on together would give most of them to whoever wakes first. It answers nothing itself, and loads no frames and no
model: it has no reason to fail. When it does, its workers end what they have begun, and are gone.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from flyball.app.location import PLAN
from flyball.app.settings import PortTakenError
from flyball.app.workers import cores
from flyball.core.clock import MonotonicTimer
from flyball.core.errors import IntegrityError
from flyball.governance import OwnerToken, check_bind
from flyball.predict.board import Board
from flyball.predict.crew import Crew
from flyball.predict.hand import Launch
from flyball.predict.options import Options
from flyball.predict.place import announced, listen, reserve
from flyball.predict.scaling import Scaler
from flyball.serving.following import Follower, HttpPlans, PlanFile
from flyball.serving.plan import ServingPlan

_START_SECONDS = 10.0
END_SECONDS = 6.5
"""A worker gives its last answers in less; who ends us waits a little longer."""
_TICK_SECONDS = 0.25
_AT_ONCE = 256
_LOOK_SECONDS = 0.002
_REST_SECONDS = 1.0
"""Who has no descriptor left for another connection looks again after so long: the line that waits would wake it at every turn."""
_TAKEN_SECONDS, _TAKEN_PAUSE_SECONDS = 3.0, 0.1
"""So long the workers of a master that was killed are waited for, who have the port until they have gone."""
_LOG = logging.getLogger(__name__)


class NothingToServeError(IntegrityError):
    """A plan that a server was started for, and that cannot be served."""

    code = "nothing-to-serve"

    def __init__(self, refused: Mapping[str, str]) -> None:
        super().__init__(" ".join(refused.values()))


class Master:
    """One per port. For one event loop."""

    def __init__(self, options: Options, listener: socket.socket, *, arguments: Sequence[str]) -> None:
        self._options, self._listener = options, listener
        self._workers = options.workers.within(cores())
        self._timer = MonotonicTimer()
        self.port: int = listener.getsockname()[1]
        self._reserved = None if options.grpc_port is None else reserve(options.host, options.grpc_port)
        calls = None if self._reserved is None else int(self._reserved.getsockname()[1])
        launch = Launch(arguments, self.port, Board.create(self._workers.most), grpc_port=calls)
        self._crew = Crew(launch, self._timer, changed=self._changed, returned=self._returned)
        self._accepting = False
        self._stop = asyncio.Event()
        self._held: list[socket.socket] = []
        self._looking = False
        self._follower = self._following()

    async def run(self) -> int:
        """Serve until told to end; the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        self._crew.resize(self._workers.least)
        try:
            if not await self._crew.come():
                return 1  # the worker has said why
            opening = asyncio.create_task(asyncio.to_thread(self._follower.open))
            done, _ = await asyncio.wait([opening], timeout=_START_SECONDS if self._options.plan is None else None)
            if not done:
                _LOG.warning("the plan that was kept is still being loaded; until then nothing is answered")
            if self._options.plan is not None and self._crew.refused:
                raise NothingToServeError(self._crew.refused)
            await self._crew.begin()
            threading.Thread(target=self._follower.run, name="plans", daemon=True).start()
            announced(self._options.home, self.port, certificate=self._options.certificate)
            _LOG.info("%d workers answer, of %s", len(self._crew.ready), self._workers)
            await self._watch()
        finally:
            await self._end()
        return 0

    async def _watch(self) -> None:
        scaler = Scaler(self._workers)
        while not self._stop.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(_TICK_SECONDS):
                    await self._stop.wait()
            self._crew.kill_stuck()
            delay = self._crew.delay_seconds()
            wanted = scaler.want(self._crew.wanted, delay_seconds=delay, now=self._timer.seconds())
            if wanted != self._crew.wanted:
                _LOG.info("%d workers instead of %d: a request waits for %.1f ms", wanted, self._crew.wanted, delay * 1000)
                self._crew.resize(wanted)

    def _following(self) -> Follower:
        """Plans come from the control plane, and are kept, as those of a server of one process are."""
        options, loop = self._options, asyncio.get_running_loop()
        token = options.control_token or (OwnerToken.open(options.home).value if options.auth else None)
        name, url = options.name_at(self.port), options.control_url
        source = None if url is None else HttpPlans(url, token=token, server=name, trust=options.trust)

        def take(plan: ServingPlan) -> int:
            return asyncio.run_coroutine_threadsafe(self._crew.take(plan), loop).result()

        kept = PlanFile(options.plan or options.home / PLAN)
        return Follower(source, kept, take=take, why=lambda: " ".join(self._crew.refused.values()))

    def _changed(self) -> None:
        """Connections are accepted while there is somebody to take them; until then they wait in the kernel's queue."""
        wanted = bool(self._crew.ready) and not self._stop.is_set()
        if wanted != self._accepting:
            self._accepting = wanted
            loop = asyncio.get_running_loop()
            if wanted:
                loop.add_reader(self._listener.fileno(), self._accept)
            else:
                loop.remove_reader(self._listener.fileno())

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                line, _ = self._listener.accept()
            except BlockingIOError:
                return
            except ConnectionAbortedError:  # a client that has gone already
                continue
            except OSError as error:  # too many open files
                _LOG.warning("a connection could not be accepted: %s", error)
                self._rest()
                return
            line.setblocking(False)
            if not self._hand_over(line):
                self._returned([line])
                return

    def _rest(self) -> None:
        """Nothing is accepted for a while."""
        loop = asyncio.get_running_loop()
        self._accepting = False
        loop.remove_reader(self._listener.fileno())
        loop.call_later(_REST_SECONDS, self._changed)

    def _hand_over(self, line: socket.socket) -> bool:
        self._look_again()
        return any(hand.hand_over(line) for hand in self._crew.pick())

    def _returned(self, lines: Iterable[socket.socket]) -> None:
        """These have nobody: they are given to whoever can take them, soon."""
        self._held += lines
        self._look_again()

    def _look(self) -> None:
        self._looking = False
        for hand in self._crew.hands.values():
            hand.release()
        self._held = [line for line in self._held if not self._hand_over(line)]
        if self._held or any(hand.passing for hand in self._crew.hands.values()):
            self._look_again()

    def _look_again(self) -> None:
        if not self._looking:
            self._looking = True
            asyncio.get_running_loop().call_later(_LOOK_SECONDS, self._look)

    async def _end(self) -> None:
        """Who has come is still answered, who comes now is refused."""
        self._follower.stop()
        if self._accepting:
            self._accept()
        self._stop.set()
        self._changed()
        self._listener.close()
        self._look()
        await self._crew.end(END_SECONDS)
        if self._reserved is not None:
            self._reserved.close()


def main(options: Options, arguments: Sequence[str]) -> int:
    """Serve by several workers until SIGTERM or SIGINT; the exit code.

    Raises:
        FlyballError: it cannot listen there.
    """
    check_bind(options.host, authenticated=options.auth)
    options.credentials()  # said once, here, and not by every worker
    if options.auth:
        OwnerToken.open(options.home)  # before several processes would make one at once
    listener = _listen(options)

    async def run() -> int:
        return await Master(options, listener, arguments=arguments).run()

    return asyncio.run(run())


def _listen(options: Options) -> socket.socket:
    timer, pause = MonotonicTimer(), threading.Event()
    until = timer.seconds() + (_TAKEN_SECONDS if _was_here(options.home) else 0.0)
    while True:
        try:
            return listen(options.host, options.port)
        except PortTakenError:
            if timer.seconds() >= until:
                raise
            pause.wait(_TAKEN_PAUSE_SECONDS)


def _was_here(home: Path) -> bool:
    return (home / "run" / "predict.json").exists()
