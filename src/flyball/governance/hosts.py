"""Which names a listener answers to: a page of another site cannot reach it, neither by a forged form nor by a rebound name."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import Self

from flyball.governance.errors import ForeignHostError, ForeignOriginError, OpenBindError

_LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]+):[0-9]{1,5}")


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what is bound to `host`.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0"), is_loopback("")
    (True, True, False, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_bind(host: str, *, authenticated: bool) -> None:
    """Nothing that other machines can reach is served without authentication.

    Raises:
        OpenBindError: `host` is not loopback, and nobody is asked for a token.
    """
    if not authenticated and not is_loopback(host):
        raise OpenBindError(host)


def _with_port(host: str, port: int) -> str:
    name = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return f"{name.lower()}:{port}"


class HostGuard:
    """Lets requests pass whose Host is one of the listener's authorities (host:port), and whose Origin, if any, is too.

    Holds for every method. Immutable and thread-safe.
    """

    def __init__(self, authorities: Iterable[str]) -> None:
        self._hosts = frozenset(authority.lower() for authority in authorities)
        self._origins = frozenset(f"{scheme}://{_short(host, scheme)}" for host in self._hosts for scheme in _DEFAULT_PORTS)

    @classmethod
    def of(cls, host: str, port: int, *, names: Iterable[str] = ()) -> Self:
        """The guard of a listener bound to `host` and `port`; `names` are further host names by which it may be called.

        A name with a port is taken as it is, one without gets the listener's and, behind a proxy, no port at all.
        """
        own = [_with_port(name, port) for name in (*_LOOPBACK_NAMES, host) if name]
        further = [form for name in names for form in ([name] if _has_port(name) else [name, _with_port(name, port)])]
        return cls([*own, *further])

    def check(self, host: str | None, origin: str | None) -> None:
        """Let the request pass, or refuse.

        Raises:
            ForeignHostError: the Host is missing or none of ours.
            ForeignOriginError: the Origin is another's, or hidden ("null").
        """
        if host not in self._hosts and (host is None or host.lower() not in self._hosts):
            raise ForeignHostError
        if origin is not None and origin.lower() not in self._origins:
            raise ForeignOriginError


def _has_port(name: str) -> bool:
    return _AUTHORITY.fullmatch(name) is not None


def _short(authority: str, scheme: str) -> str:
    """The authority as browsers write it in an Origin: without the scheme's own port."""
    return authority.removesuffix(f":{_DEFAULT_PORTS[scheme]}")
