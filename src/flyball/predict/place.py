"""Where a model server listens; light."""

from __future__ import annotations

import logging
import socket
from pathlib import Path

from flyball.app.listening import BindError, announce, bind
from flyball.governance.certificates import Certificate

BACKLOG = 2048
_LOG = logging.getLogger(__name__)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there; lines that it takes send what is written at once.

    Raises:
        PortTakenError: another program has the port.
        BindError: nobody can listen there.
    """
    listener = bind(host, port, field="serve_port")
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.listen(BACKLOG)
    listener.setblocking(False)
    return listener


def reserve(host: str, port: int) -> socket.socket:
    """A socket that keeps a port for processes that each listen there by themselves, and takes no connection itself.

    Raises:
        PortTakenError: another program has the port.
        BindError: nobody can listen there.
    """
    with bind(host, port, field="grpc_port") as alone:  # whoever had it with us would take what is ours
        port = alone.getsockname()[1]
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        made.bind((host, port))
    except OSError as error:
        made.close()
        raise BindError(host, port, reason=error.strerror or str(error)) from error
    return made


def announced(home: Path, port: int, *, certificate: Certificate | None = None) -> None:
    """The home says where the model server listens."""
    announce(home, "predict", port=port, certificate=certificate)
    _LOG.info("the model server listens on port %d", port)
