"""Who is let in by the head of a request, and how often; the same for each way by which requests come in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from flyball.governance import Boundary, Caller, Permission, Role
from flyball.predict.headers import Head
from flyball.predict.limits import Admission

_MOST_KNOWN = 256
_Said: TypeAlias = tuple[str, bytes | None, bytes | None, bytes | None, bytes | None]


class Gate:
    """Admits requests. Whom nobody can revoke while the process lives is known again by what was said. For one event loop."""

    def __init__(self, boundary: Boundary, admission: Admission) -> None:
        self._boundary, self.admission = boundary, admission
        self._owners: dict[_Said, Caller] = {}

    def admit(self, headers: Iterable[tuple[bytes, bytes]], permission: Permission, *, address: str) -> Caller:
        """Who asks, if they may, and not too often; the request is counted.

        Raises:
            FlyballError: they are refused, as `Boundary.admit` and `Admission.check_rate` do.
        """
        caller = self._boundary.identify(headers)
        self.admission.check_rate(caller, permission, address=address)
        self._boundary.authority.check(caller, permission)
        return caller

    def admit_plain(self, head: Head, permission: Permission, *, address: str) -> Caller:
        """As `admit`, of a request that has no header twice."""
        get = head.get
        said = (permission.value, get(b"host"), get(b"origin"), get(b"authorization"), get(b"flyball-actor"))
        known = self._owners.get(said)
        if known is not None:
            self.admission.check_rate(known, permission, address=address)
            return known
        caller = self.admit(head.items(), permission, address=address)
        if _is_lasting(caller):
            if len(self._owners) >= _MOST_KNOWN:
                self._owners.clear()
            self._owners[said] = caller
        return caller


def _is_lasting(caller: Caller) -> bool:
    """Whether it is the owner by the token of the home itself, or because nobody is asked: no token's end, and no session's, changes it."""
    return caller.role is Role.OWNER and caller.holder.token is None and caller.session is None
