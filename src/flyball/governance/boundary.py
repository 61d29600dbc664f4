"""The boundary of a listener: each request crosses it by its head alone, before its body is read or its path is looked at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from flyball.governance.authority import Authority, Caller
from flyball.governance.errors import ForeignHostError, ForeignOriginError, UnauthenticatedError
from flyball.governance.hosts import HostGuard
from flyball.governance.permissions import Permission

_ONCE = {b"host": ForeignHostError, b"origin": ForeignOriginError, b"authorization": UnauthenticatedError, b"flyball-actor": None}

Headers = Iterable[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Boundary:
    """Host and Origin first, then who it is, then whether they may. Thread-safe."""

    guard: HostGuard
    authority: Authority

    def admit(self, permission: Permission, headers: Headers) -> Caller:
        """Who asks, if they may; `headers` as ASGI has them: lower-case names and raw values.

        Raises:
            ForeignHostError: the Host is missing, doubled or none of ours.
            ForeignOriginError: the Origin is another's, or doubled.
            UnauthenticatedError: a token is needed, and none that we know was sent.
            ForbiddenError: known, and not allowed.
        """
        caller = self.identify(headers)
        self.authority.check(caller, permission)
        return caller

    def identify(self, headers: Headers) -> Caller:
        """Who asks, past Host and Origin; anonymous where nothing was proved.

        Raises:
            ForeignHostError: the Host is missing, doubled or none of ours.
            ForeignOriginError: the Origin is another's, or doubled.
            UnauthenticatedError: two Authorization headers: which one is meant nobody can say.
        """
        seen: dict[bytes, str] = {}
        for name, value in headers:
            if name in _ONCE:
                refused = _ONCE[name]
                if name in seen and refused is not None:
                    raise refused
                seen[name] = value.decode("latin-1")
        self.guard.check(seen.get(b"host"), seen.get(b"origin"))
        return self.authority.caller(seen.get(b"authorization"), seen.get(b"flyball-actor"))
