"""Where a model server listens; light."""

from __future__ import annotations

import logging
import socket
from pathlib import Path

from flyball.app.listening import announce, bind

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


def announced(home: Path, port: int) -> None:
    """The home says where the model server listens."""
    announce(home, "predict", port=port)
    _LOG.info("the model server listens on port %d", port)
