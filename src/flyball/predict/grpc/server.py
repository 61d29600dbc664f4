"""gRPC's server in the event loop of the model server: where it listens, and what it bears.

Each process of a server listens at the one port by itself: connections cannot be handed to gRPC, so the system shares them out.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from dataclasses import dataclass
from typing import Any, Self

from flyball.app.listening import BindError, check_port
from flyball.core.optional import extra
from flyball.governance.certificates import Credentials
from flyball.predict.grpc.door import Door
from flyball.predict.limits import Limits

with extra("grpc"):
    import grpc  # type: ignore[import-untyped]  # it ships no types
    import grpc.aio  # type: ignore[import-untyped]  # as above

LINGER_SECONDS = 0.3
_METADATA_BYTES = 16 << 10
_STREAMS = 256
_SECONDS = 1000


@dataclass(frozen=True, slots=True)
class Place:
    """Where to listen; 0 is any free port, and a `shared` one that `place.reserve` keeps for several processes.

    With `credentials` TLS is spoken, and nothing else.
    """

    host: str
    port: int
    shared: bool = False
    credentials: Credentials | None = None


class GrpcServer:
    """Listens from `start` to `stop`. For the event loop in which both are called."""

    def __init__(self, server: Any, door: Door, *, port: int) -> None:
        self._server, self._door, self.port = server, door, port

    @classmethod
    async def start(cls, door: Door, limits: Limits, *, place: Place) -> Self:
        """It listens when this returns.

        Raises:
            BindError: nobody can listen there.
        """
        host, port = place.host, place.port if place.shared else _free(place.host, place.port)  # says why not, which gRPC does not
        server = grpc.aio.server(
            options=[*_options(limits), ("grpc.so_reuseport", int(place.shared))], maximum_concurrent_rpcs=2 * limits.requests
        )
        server.add_generic_rpc_handlers(tuple(door.handlers()))
        name = f"[{host}]" if ":" in host else host
        try:
            at = f"{name}:{port}"
            bound = server.add_insecure_port(at) if place.credentials is None else server.add_secure_port(at, _shown(place.credentials))
        except RuntimeError as error:
            raise BindError(host, port, reason=str(error)) from error
        logging.getLogger("grpc._cython.cygrpc").addFilter(_is_news)
        await server.start()
        door.port = bound
        return cls(server, door, port=bound)

    async def stop(self, grace_seconds: float) -> None:
        """No new call comes in; those that are in have so many seconds to end. Idempotent.

        New ones are told so for a moment: gRPC itself would cancel them, from which no client can tell that nothing was done.
        """
        self._door.draining = True
        await asyncio.sleep(LINGER_SECONDS)
        await self._server.stop(grace_seconds)


def _shown(credentials: Credentials) -> Any:
    """What gRPC asks for in every handshake, so that a renewed certificate is shown."""

    def latest() -> Any:
        return grpc.ssl_server_certificate_configuration([credentials.pem()])

    return grpc.dynamic_ssl_server_credentials(latest(), latest)


def _free(host: str, port: int) -> int:
    check_port(port, field="grpc_port")
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    with made:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            made.bind((host, port))
        except OSError as error:
            raise BindError(host, port, reason=error.strerror or str(error)) from error
        return int(made.getsockname()[1])


def _options(limits: Limits) -> list[tuple[str, int]]:
    """What a client may cost before it is asked who it is, and when one that has died or stalls is let go of."""
    return [
        ("grpc.max_receive_message_length", limits.body_bytes),
        ("grpc.max_send_message_length", -1),
        ("grpc.max_concurrent_streams", _STREAMS),
        ("grpc.max_metadata_size", _METADATA_BYTES),
        ("grpc.server_handshake_timeout_ms", 10 * _SECONDS),
        ("grpc.max_connection_idle_ms", 300 * _SECONDS),
        ("grpc.keepalive_time_ms", 60 * _SECONDS),
        ("grpc.keepalive_timeout_ms", 20 * _SECONDS),
        ("grpc.http2.min_ping_interval_without_data_ms", 10 * _SECONDS),
    ]


def _is_news(record: logging.LogRecord) -> bool:
    """A caller who hung up before the end of an answer is none, though gRPC logs it as an error."""
    return not (record.exc_info and record.exc_info[0] is not None and record.exc_info[0].__name__ == "ExecuteBatchError")
