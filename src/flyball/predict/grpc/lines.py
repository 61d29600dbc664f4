"""Connections of gRPC, which are the library's own: those of who does not read are cut.

A stream whose client makes no room for its answer stays for as long as the client likes, with all that it holds: gRPC has no word by which
a server ends it. So the connection ends. Nothing else is done to what belongs to the library.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

_OPEN = Path("/dev/fd")
"""The descriptors of this process: on Linux a link to those in /proc."""


def ends_of(peer: str) -> tuple[str, int] | None:
    """The address and port in gRPC's name of a peer; None where it has none.

    >>> ends_of("ipv4:127.0.0.1:40312"), ends_of("ipv6:%5B::1%5D:40312"), ends_of("unix:")
    (('127.0.0.1', 40312), ('::1', 40312), None)
    """
    kind, _, rest = unquote(peer).partition(":")
    address, _, port = rest.rpartition(":")
    return (address.strip("[]"), int(port)) if kind in {"ipv4", "ipv6"} and port.isdigit() else None


def cut(peer: str, *, port: int) -> bool:
    """The connection of that peer to our `port` is at its end; whether there was one."""
    ends = ends_of(peer)
    return ends is not None and any(_cut(int(place.name), ends, port=port) for place in list(_OPEN.iterdir()))


def _cut(descriptor: int, ends: tuple[str, int], *, port: int) -> bool:
    with suppress(OSError), _borrowed(descriptor) as found:  # most are no sockets, or nobody's
        if _plain(found.getpeername()) == ends and found.getsockname()[1] == port:
            found.shutdown(socket.SHUT_RDWR)
            return True
    return False


def _borrowed(descriptor: int) -> socket.socket:
    """The socket by a name of our own for it, so that nobody can put another in its place; OSError where it is none."""
    own = os.dup(descriptor)
    try:
        return socket.socket(fileno=own)
    except BaseException:
        os.close(own)
        raise


def _plain(name: object) -> tuple[str, int] | None:
    """The address and port, that of a client of the older protocol as it is written there."""
    return (str(name[0]).removeprefix("::ffff:"), int(name[1])) if isinstance(name, tuple) else None
