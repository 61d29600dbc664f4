"""Places to listen at, and what a process of a home says about the one it has; standard library only."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

from flyball.app.settings import OPTIONS, PortTakenError, SettingError, write_json
from flyball.core.clock import WallClock
from flyball.core.errors import InvalidError
from flyball.governance.certificates import Certificate
from flyball.storage.clockfile import RUN

_LAST_PORT = 65535


class BindError(InvalidError):
    """A place that nobody can listen at."""

    code = "bind"

    def __init__(self, host: str, port: int, *, reason: str) -> None:
        super().__init__(f"Nothing can listen on {host}:{port}: {reason}. Choose an address of this machine with --host, or another port.")


def check_port(port: int, *, field: str) -> None:
    """A port is one, or 0 for any free one; `field` is the one of `Settings` to change.

    Raises:
        SettingError: it is none.
    """
    if not 0 <= port <= _LAST_PORT:
        raise SettingError(OPTIONS[field][0], port, wanted="a port from 1 to 65535, or 0 for any free one")


def bind(host: str, port: int, *, field: str) -> socket.socket:
    """A socket that has the place and does not listen yet; port 0 is any free one. `field` is the one of `Settings` to change.

    Raises:
        SettingError: it is no port.
        PortTakenError: another program has the port.
        BindError: the host is not one of this machine, or the port is not for us.
    """
    check_port(port, field=field)
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
    except OSError as error:
        made.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTakenError(host, port, field=field) from error
        raise BindError(host, port, reason=error.strerror or str(error)) from error
    return made


def announce(home: Path, name: str, *, port: int, certificate: Certificate | None = None) -> None:
    """HOME/run/NAME.json says that this process listens on `port`, and by which certificate one knows it there.

    Raises:
        UnavailableError: it cannot be written.
    """
    shown = {} if certificate is None else {"certificate": certificate.chain}
    write_json(home / RUN / f"{name}.json", {"pid": os.getpid(), "port": port, "started": WallClock().now(), **shown})
