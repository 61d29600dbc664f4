"""``python -m flyball.predict.member …``: one worker of a model server. It gets its connections and its plans from the master."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from flyball.app.modelserver import ModelServer, Prepared
from flyball.core import logs
from flyball.core.clock import MonotonicTimer, Timer
from flyball.core.errors import FlyballError, HeldError, IntegrityError
from flyball.core.exposition import Family
from flyball.core.figures import process
from flyball.core.optional import extra
from flyball.governance import OwnerToken
from flyball.governance.certificates import Credentials
from flyball.predict import wire
from flyball.predict.app import PredictApp
from flyball.predict.board import Board, Seen
from flyball.predict.connections import Lines, Server, config
from flyball.predict.errors import DrainingError
from flyball.predict.grpc.beside import beside
from flyball.predict.metrics import families
from flyball.predict.options import Options, parse
from flyball.predict.server import GRACE_SECONDS, START_SECONDS, application, guard_of, serve_as, server_settings
from flyball.predict.watching import watched
from flyball.serving.errors import EndpointNotFoundError
from flyball.serving.plan import ServingPlan

with extra("serve"):
    import uvloop

BEAT_SECONDS = 0.1
_WEIGHT = 0.2
"""Of the last measurement in the mean delay: it is that of about the last half second."""
_HELD_SECONDS, _HELD_PAUSE_SECONDS = 10.0, 0.1
"""Workers of a master that was killed end what they have begun; so long their journals are waited for."""
_AT_ONCE = 64
_LOG = logging.getLogger(__name__)


class StillUnloadedError(IntegrityError):
    """An endpoint that was to answer again, and cannot be loaded."""

    code = "still-unloaded"

    def __init__(self, endpoint: str, reason: str) -> None:
        super().__init__(f"Endpoint {endpoint!r} is not loaded, and answers nobody as before: {reason}")


@dataclass(frozen=True)
class Post:
    """What a worker inherits: its place, and descriptors of the channel to the master, of the one for connections, and of the board."""

    place: int
    control: int
    lines: int
    board: int
    places: int


class Member:
    """The worker's end of the channel; the `Fleet` of its requests. For one event loop."""

    def __init__(self, models: ModelServer, writer: asyncio.StreamWriter, *, lines: Lines) -> None:
        self.unloaded: frozenset[str] = frozenset()
        self.answers = asyncio.Event()
        """Set once a plan is in force."""
        self._models, self._writer, self._lines = models, writer, lines
        self._prepared: tuple[Prepared, frozenset[str]] | None = None
        self._asked: dict[int, asyncio.Future[wire.Told]] = {}
        self._number = self._counted = 0
        self._waited, self._left = (0, 0.0), False
        self._tasks: set[asyncio.Task[None]] = set()

    async def listen(self, reader: asyncio.StreamReader) -> None:
        """Do what the master says until it is gone."""
        self._say(wire.Hello())
        with suppress(EOFError, OSError):
            while True:
                message = await wire.receive_down(reader)
                try:
                    await self._do(message)
                except Exception:  # noqa: BLE001 - a loop's rim: who waits for the answer gives up, and requests are answered on
                    _LOG.exception("what the master wanted was not done")
        self._lines.shed, self._left = 0, True
        for future in self._asked.values():
            if not future.done():
                future.set_exception(DrainingError())

    async def _do(self, message: wire.Down) -> None:
        match message:
            case wire.Prepare():
                self._spawn(self._prepare(message))
            case wire.Commit():
                self._say(wire.Committed(message.number, await self._commit(message.keep)))
            case wire.Forget():
                self._forget()
            case wire.Count():
                self._count(message.number)
            case wire.Shed():
                self._lines.shed = message.connections
            case wire.Told():
                future = self._asked.get(message.number)
                if future is not None and not future.done():
                    future.set_result(message)

    async def _prepare(self, message: wire.Prepare) -> None:
        self._forget()
        without = frozenset(message.without)
        prepared = await asyncio.to_thread(self._models.prepare, ServingPlan.decode(message.plan), without=without)
        self._prepared = prepared, without
        self._say(wire.Prepared(message.number, {name: str(error) for name, error in prepared.refused.items()}))

    async def _commit(self, keep: Sequence[str]) -> int:
        if self._prepared is None:
            return self._models.engine.serving.revision
        (prepared, self.unloaded), self._prepared = self._prepared, None
        revision = await self._models.put(prepared, keep=keep)
        self.answers.set()
        gc.collect()
        gc.freeze()  # what is loaded stays, and need not be looked through again
        return revision

    def _forget(self) -> None:
        if self._prepared is not None:
            self._models.forget(self._prepared[0])
            self._prepared = None

    def waited(self) -> float:
        """How long requests waited on the average, of those that were asked of a version since this was called last."""
        number, total = self._models.engine.counters.waited
        before, self._waited = self._waited, (number, total)
        return (total - before[1]) / (number - before[0]) if number > before[0] else 0.0

    def tell_counts(self) -> None:
        """The master knows what was counted, should this process be killed."""
        counters = self._models.engine.counters
        counted = counters.flushes + counters.requests.total() + counters.calls.total()
        if counted == self._counted:
            return
        self._counted = counted
        try:
            self._count(0)
        except Exception:  # noqa: BLE001 - a loop's rim: figures are no reason to answer nobody any more
            _LOG.exception("what was counted could not be told")

    def _count(self, number: int) -> None:
        engine = self._models.engine
        self._say(wire.Counted(number, [*families(engine.counters, revision=engine.serving.revision), *process()]))

    async def figures(self) -> list[Family]:
        return (await self._ask("figures")).figures

    async def unload(self, endpoint: str) -> None:
        await self._order("unload", endpoint)

    async def load(self, endpoint: str) -> None:
        await self._order("load", endpoint)

    async def _order(self, verb: wire.Verb, endpoint: str) -> None:
        told = await self._ask(verb, endpoint)
        if told.unknown:
            raise EndpointNotFoundError(endpoint, known=self._models.engine.serving.endpoints)
        if told.refused:
            raise StillUnloadedError(endpoint, told.refused)

    async def _ask(self, verb: wire.Verb, endpoint: str = "") -> wire.Told:
        """What the master says.

        Raises:
            DrainingError: it is gone, and so are we soon.
        """
        if self._left:
            raise DrainingError
        self._number += 1
        number = self._number
        future: asyncio.Future[wire.Told] = asyncio.get_running_loop().create_future()
        self._asked[number] = future
        try:
            self._say(wire.Ask(number, verb, endpoint))
            return await future
        finally:
            del self._asked[number]

    def _say(self, message: wire.Up) -> None:
        if not self._writer.is_closing():
            self._writer.write(wire.framed(message))

    def _spawn(self, doing: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(doing)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class Arrivals:
    """Takes the connections that the master hands over, and says on the board how many there are."""

    def __init__(self, server: Server, channel: socket.socket, *, board: Board, place: int, timer: Timer) -> None:
        self._server, self._channel, self._board, self._place, self._timer = server, channel, board, place, timer
        self._taken = self._opening = 0
        self._delay = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        channel.setblocking(False)
        board.set(place, Seen(0, 0, 0.0, timer.seconds()))

    def begin(self) -> None:
        """Take them from now on."""
        self._server.lines.changed = self.tell
        self._server.leaving = self.take
        asyncio.get_running_loop().add_reader(self._channel.fileno(), self.take)

    def take(self) -> None:
        """Take those that are there."""
        for _ in range(_AT_ONCE):
            try:
                data, descriptors, _, _ = socket.recv_fds(self._channel, 1, 1)
            except BlockingIOError:
                break
            except OSError:
                data, descriptors = b"", []
            if not data:
                asyncio.get_running_loop().remove_reader(self._channel.fileno())
                break
            self._taken += 1  # also one for which no descriptor was free: the master would wait for it, and keep it open
            for descriptor in descriptors:
                self._opening += 1
                task = asyncio.get_running_loop().create_task(self._open(socket.socket(fileno=descriptor)))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        self.tell()

    async def _open(self, line: socket.socket) -> None:
        line.setblocking(False)
        try:
            await self._server.take(line)
        except OSError:
            line.close()
        finally:
            self._opening -= 1

    def tell(self) -> None:
        """The board says how things are."""
        self._board.set(
            self._place, Seen(self._taken, len(self._server.lines.connections) + self._opening, self._delay, self._timer.seconds())
        )

    async def beat(self, member: Member) -> None:
        """Measure how late this loop looks at what has come, and say so, for ever."""
        while True:
            due = self._timer.seconds() + BEAT_SECONDS
            await asyncio.sleep(BEAT_SECONDS)
            late = max(0.0, self._timer.seconds() - due)
            self._delay += _WEIGHT * (max(late, member.waited()) - self._delay)
            self.tell()
            member.tell_counts()


async def serve(options: Options, post: Post) -> None:
    """Serve until a signal comes or the master is gone; what was asked before is answered then."""
    timer = MonotonicTimer()
    token = OwnerToken.open(options.home) if options.auth else None
    credentials = options.credentials()
    models = await _opened(options, post, token=token)
    reader, writer = await asyncio.open_unix_connection(sock=socket.socket(fileno=post.control))
    app = application(options, models, guard=guard_of(options, credentials, port=options.port), token=token, worker=post.place)
    outer, traces = watched(app, models.engine, timer=timer, environment=os.environ)
    server = Server(config(outer, grace_seconds=GRACE_SECONDS), credentials=credentials)
    member = Member(models, writer, lines=server.lines)
    serve_as(app, member)
    board = Board(post.board, post.places)
    arrivals = Arrivals(server, socket.socket(fileno=post.lines), board=board, place=post.place, timer=timer)
    for number in (signal.SIGTERM, signal.SIGINT):  # uvicorn takes over, and hands back to these when it has ended
        signal.signal(number, lambda *_: server.stop())
    serving = asyncio.create_task(server.serve(sockets=[]))
    tasks: list[asyncio.Task[None]] = []
    try:
        await server.up.wait()
        arrivals.begin()
        tasks += [asyncio.create_task(member.listen(reader)), asyncio.create_task(arrivals.beat(member))]
        tasks[0].add_done_callback(lambda _: server.stop())
        calls = asyncio.create_task(_answer_calls(options, app, member=member, server=server, credentials=credentials))
        calls.add_done_callback(lambda _: server.stop())  # what cannot answer calls ends and says why, and is started again
        await serving
        await calls
    finally:
        member.tell_counts()
        with suppress(OSError):
            await writer.drain()
        await models.close()
        if traces is not None:
            await asyncio.to_thread(traces.close)
        for task in tasks:
            task.cancel()
        writer.close()


async def _answer_calls(options: Options, app: PredictApp, *, member: Member, server: Server, credentials: Credentials | None) -> None:
    """Answer gRPC, where it is asked for, once there is something to answer with, and until the server ends."""
    ending = asyncio.ensure_future(server.ending.wait())
    answers = asyncio.ensure_future(member.answers.wait())
    await asyncio.wait([ending, answers], timeout=START_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    answers.cancel()
    async with beside(app, options, shared=True, credentials=credentials):
        await ending


async def _opened(options: Options, post: Post, *, token: OwnerToken | None) -> ModelServer:
    settings = server_settings(options, port=options.port, token=token, worker=post.place)
    for _ in range(round(_HELD_SECONDS / _HELD_PAUSE_SECONDS)):
        try:
            return ModelServer.open(options.home, settings)
        except HeldError:
            await asyncio.sleep(_HELD_PAUSE_SECONDS)
    return ModelServer.open(options.home, settings)


def main(arguments: Sequence[str]) -> int:
    """Serve as the worker that the first arguments say; the exit code."""
    post = Post(*(int(number) for number in arguments[:5]))
    try:
        logs.set_up(f"predict-{post.place}")
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(parse(arguments[5:]), post))
    except FlyballError as error:
        logs.tell(error)
        return 1
    return 0


if __name__ == "__main__":
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    sys.exit(main(sys.argv[1:]))
