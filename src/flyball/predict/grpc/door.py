"""The services of gRPC over a data plane: who asks and whether there is room is settled by the metadata, before a message is read.

To gRPC every method is a stream here, for only then is a message read when we say so. A call is inside until gRPC is done with it: whoever
does not read what is answered holds places of their own. There is no check of the host by which the server
was called: no browser speaks gRPC to it, so that nobody's page can.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from flyball.core.clock import Timer
from flyball.core.errors import FlyballError
from flyball.core.optional import extra
from flyball.governance import Authority, Caller
from flyball.governance.errors import UnauthenticatedError
from flyball.governance.turns import Turns
from flyball.predict.dataplane import DataPlane
from flyball.predict.errors import DrainingError, MessageError, SlowBodyError, SlowReaderError, TooManyInsideError
from flyball.predict.grpc.lines import cut, ends_of
from flyball.predict.grpc.messages import of_inference
from flyball.predict.grpc.routes import ROUTES, Call, Route
from flyball.predict.grpc.statuses import sentence_of, status_of, trailers_of
from flyball.predict.limits import Admission, Entry
from flyball.predict.patience import retry_seconds
from flyball.predict.target import Origin
from flyball.serving.errors import InternalError

with extra("grpc"):
    import grpc  # type: ignore[import-untyped]  # it ships no types
    import grpc.aio  # type: ignore[import-untyped]  # as above
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # as above

READING = 16
"""So many messages come in at a time, and of one caller no more than its share: their sizes are known only when they are here."""
STREAMS, IDLE_SECONDS = 64, 300.0
"""So many streams one caller may hold open, each idle for so long at most: they take places even when nothing is asked."""
_LOG = logging.getLogger(__name__)
Handler: TypeAlias = Callable[[Any, Any], Awaitable[None]]


@dataclass(frozen=True)
class Keepers:
    """Who knows callers, who lets them in, and the time."""

    authority: Authority
    admission: Admission
    timer: Timer


class Door:
    """Answers the calls of all services. For one event loop."""

    def __init__(self, plane: DataPlane, keepers: Keepers) -> None:
        self._plane, self._keepers = plane, keepers
        self.port = 0
        """Where calls come in."""
        self.draining = False
        """No more calls come in; those that are in are answered."""
        self._reading = Turns(READING)
        self._streams: Counter[str] = Counter()

    def handlers(self) -> Iterable[Any]:
        """What gRPC's server is given, a handler for each service."""
        by_service: dict[str, dict[str, Any]] = {}
        for route in ROUTES:
            _, service, method = route.method.path.split("/")
            by_service.setdefault(service, {})[method] = grpc.stream_stream_rpc_method_handler(self._handler(route))
        return [grpc.method_handlers_generic_handler(service, found) for service, found in by_service.items()]

    def _handler(self, route: Route) -> Handler:
        name = route.method.path.rpartition("/")[2]
        answer = self._stream if route.method.streams else self._once

        async def handle(messages: Any, context: Any) -> None:
            del messages
            code = "OK"
            try:
                await answer(route, context)
            except asyncio.CancelledError:  # the caller gave up
                code = grpc.StatusCode.CANCELLED.name
                raise
            except grpc.aio.InternalError:  # there is nobody any more to whom anything could be said
                code = grpc.StatusCode.CANCELLED.name
            except FlyballError as error:
                if status_of(error) is grpc.StatusCode.RESOURCE_EXHAUSTED and retry_seconds(error) is not None:
                    await self._keepers.admission.cool()
                code = await _refuse(context, error)
            except Exception:  # noqa: BLE001 - the caller gets an answer whatever happens
                _LOG.exception("%s", route.method.path)
                code = await _refuse(context, InternalError())
            finally:
                self._plane.engine.counters.calls[name, code] += 1

        return handle

    async def _once(self, route: Route, context: Any) -> None:
        caller, origin = self._admit(route, context)
        entry = self._keepers.admission.enter(caller.principal)
        context.add_done_callback(lambda _: entry.leave())
        data = await self._read(context, caller)
        if data is None:
            raise MessageError("there is none")
        entry.weigh(len(data))
        answer = await route.answer(self._plane, _parsed(route, data, origin=origin))
        await self._write(context, answer, entry=entry)

    async def _stream(self, route: Route, context: Any) -> None:
        """Answer the requests of a stream in their order; one that is refused is told so, and the stream goes on."""
        caller, origin = self._admit(route, context)
        who = caller.principal
        if self._streams[who] >= STREAMS:
            raise TooManyInsideError(who, self._streams[who])
        self._streams[who] += 1
        context.add_done_callback(lambda _: self._streams.subtract((who,)))
        await self._converse(route, context, who=(caller, origin))

    async def _converse(self, route: Route, context: Any, *, who: tuple[Caller, Origin]) -> None:
        caller, origin = who
        admission = self._keepers.admission
        first = True
        while (data := await self._read(context, caller, waits=not first)) is not None:
            if not first:
                caller, origin = self._admit(route, context)  # a token may end while a stream goes on, and each request counts
            first = False
            with admission.enter(caller.principal, expected=len(data)) as entry:
                await self._write(context, await self._told(route, data, origin=origin), entry=entry)

    async def _told(self, route: Route, data: bytes, *, origin: Origin) -> Any:
        told = of_inference("ModelStreamInferResponse")()
        try:
            told.infer_response.CopyFrom(await route.answer(self._plane, _parsed(route, data, origin=origin)))
        except FlyballError as error:
            told.error_message = sentence_of(error)
        except Exception:  # noqa: BLE001 - as above
            _LOG.exception("%s", route.method.path)
            told.error_message = str(InternalError())
        return told

    def _admit(self, route: Route, context: Any) -> tuple[Caller, Origin]:
        if self.draining:
            raise DrainingError
        head = _head(context.invocation_metadata())
        caller = self._keepers.authority.caller(head.get("authorization"), head.get("flyball-actor"))
        self._keepers.admission.check_rate(caller, route.permission, address=address_of(context.peer()))
        self._keepers.authority.check(caller, route.permission)
        return caller, Origin(self._keepers.timer.seconds(), caller.principal, head.get("traceparent", ""))

    async def _read(self, context: Any, caller: Caller, *, waits: bool = False) -> bytes | None:
        """The next message, or None where there is none. Between messages a client may think for long: that `waits`."""
        if waits:
            try:
                async with asyncio.timeout(IDLE_SECONDS):
                    data = await context.read()
            except TimeoutError:
                return None
            return None if data is grpc.aio.EOF else data
        seconds = self._keepers.admission.limits.body_seconds
        await self._reading.take(caller.principal)
        try:
            async with asyncio.timeout(seconds):
                data = await context.read()
        except TimeoutError as error:
            raise SlowBodyError(seconds) from error
        finally:
            self._reading.give(caller.principal)
        return None if data is grpc.aio.EOF else data

    async def _write(self, context: Any, answer: Any, *, entry: Entry) -> None:
        """The answer has left, which it does as fast as the client makes room for it, be it ever so short."""
        data = answer.SerializeToString()
        entry.weigh(len(data))
        seconds = self._keepers.admission.limits.answer_seconds
        try:
            async with asyncio.timeout(seconds):
                await context.write(data)
        except TimeoutError as error:
            cut(context.peer(), port=self.port)
            raise SlowReaderError(seconds) from error


def _parsed(route: Route, data: bytes, *, origin: Origin) -> Call:
    try:
        message = route.method.request.FromString(data)
    except DecodeError as error:
        raise MessageError(str(error)) from error
    return Call(message, origin.arrived, origin.principal, origin.trace)


async def _refuse(context: Any, error: FlyballError) -> str:
    status = status_of(error)
    context.set_trailing_metadata(trailers_of(error))
    context.set_code(status)
    context.set_details(sentence_of(error))
    return str(status.name)


def _head(metadata: Iterable[tuple[str, Any]]) -> Mapping[str, str]:
    """The metadata by name, the last of each.

    Raises:
        UnauthenticatedError: two authorizations: which one is meant nobody can say.
    """
    found: dict[str, str] = {}
    for name, value in metadata or ():
        if name == "authorization" and name in found:
            raise UnauthenticatedError
        if isinstance(value, str):
            found[name] = value
    return found


def address_of(peer: str) -> str:
    """The address in gRPC's name of a peer.

    >>> address_of("ipv4:127.0.0.1:40312"), address_of("ipv6:%5B::1%5D:40312"), address_of("unix:")
    ('127.0.0.1', '::1', 'unix:')
    """
    ends = ends_of(peer)
    return peer if ends is None else ends[0]
