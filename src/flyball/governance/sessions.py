"""Sessions: a login code is good once and for minutes; it is exchanged for a session token, good for hours.

So that no lasting secret ever stands in a URL. Codes and tokens are kept as digests only, in a file of the owner's mode: a restart of
the server ends no session. Lengths are real time, measured on the Timer: setting the system's clock prolongs nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from flyball.core.clock import Timer
from flyball.governance.errors import LoginCodeError
from flyball.governance.token import create_secret
from flyball.storage.errors import os_errors

CODE_SECONDS = 600.0
SESSION_SECONDS = 12 * 3600.0
LIMIT = 64


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose session it is: the id of a token, whose role it has for as long as that token is good; None is the owner."""

    token: str | None = None


OWNERS = Holder()


@dataclass(frozen=True)
class Session:
    """What a login code was exchanged for; `token` is sent as the owner's token is."""

    token: str
    expires_seconds: float

    def __repr__(self) -> str:
        return f"Session(…, expires_seconds={self.expires_seconds})"


class Sessions:
    """Codes and sessions of one home, at most `limit` of each: a new one beyond that ends the oldest. Thread-safe.

    With a `path` they outlive the process; after the machine's restart, when the Timer begins anew, none lives longer than it
    would have from then on.
    """

    def __init__(
        self,
        timer: Timer,
        *,
        path: Path | None = None,
        code_seconds: float = CODE_SECONDS,
        session_seconds: float = SESSION_SECONDS,
        limit: int = LIMIT,
    ) -> None:
        self._timer, self._path, self._limit = timer, path, limit
        self._code_seconds, self._session_seconds = code_seconds, session_seconds
        self._lock = threading.Lock()
        self._codes, self._sessions = self._load()

    @property
    def code_seconds(self) -> float:
        """How long a login code is good."""
        return self._code_seconds

    def create_code(self, holder: Holder = OWNERS) -> str:
        """A new login code, for a session of `holder`.

        Raises:
            UnavailableError: it could not be kept; no code was given.
        """
        code = create_secret()
        with self._lock:
            self._add(self._codes, code, holder=holder, seconds=self._code_seconds)
            self._keep()
        return code

    def exchange(self, code: str) -> Session:
        """A session for the code, which is used up by that.

        Raises:
            LoginCodeError: the code was used, is too old or was never given.
        """
        with self._lock:
            self._forget_old()
            kept = self._codes.pop(_digest(code), None)
            if kept is None:
                raise LoginCodeError
            token = create_secret()
            self._add(self._sessions, token, holder=kept.holder, seconds=self._session_seconds)
            self._keep()
        return Session(token, self._session_seconds)

    def find(self, token: str) -> Holder | None:
        """Whose the session of that token is; None where there is none that lasts."""
        with self._lock:
            kept = self._sessions.get(_digest(token))
            return kept.holder if kept is not None and self._timer.seconds() < kept.until else None

    def verify(self, token: str) -> bool:
        """Whether the token is that of a session that lasts."""
        return self.find(token) is not None

    def end(self, token: str) -> None:
        """End the session; idempotent."""
        with self._lock:
            self._sessions.pop(_digest(token), None)
            self._keep()

    def end_all(self, holder: Holder | None = None) -> None:
        """End every session and forget every code, of `holder` or of everybody."""
        with self._lock:
            for kept in (self._sessions, self._codes):
                for digest in [digest for digest, one in kept.items() if holder is None or one.holder == holder]:
                    del kept[digest]
            self._keep()

    def _add(self, kept: _Table, secret: str, *, holder: Holder, seconds: float) -> None:
        self._forget_old()
        while len(kept) >= self._limit:
            kept.pop(next(iter(kept)))
        kept[_digest(secret)] = _Kept(self._timer.seconds() + seconds, holder)

    def _forget_old(self) -> None:
        now = self._timer.seconds()
        for kept in (self._codes, self._sessions):
            for digest in [digest for digest, one in kept.items() if one.until <= now]:
                del kept[digest]

    def _load(self) -> tuple[_Table, _Table]:
        if self._path is None or not self._path.is_file():
            return {}, {}
        try:
            found = json.loads(self._path.read_bytes())
            now = self._timer.seconds()
            codes, sessions = (_read(found[name], most=now + most) for name, most in self._lengths().items())
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}, {}  # whoever was logged in asks for a new code
        return codes, sessions

    def _lengths(self) -> dict[str, float]:
        return {"codes": self._code_seconds, "sessions": self._session_seconds}

    def _keep(self) -> None:
        if self._path is None:
            return
        with os_errors(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=self._path.parent, prefix=".sessions.")
            try:
                with os.fdopen(descriptor, "w", encoding="ascii") as file:
                    json.dump({"codes": _written(self._codes), "sessions": _written(self._sessions)}, file)
                Path(name).replace(self._path)
            finally:
                Path(name).unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class _Kept:
    until: float
    holder: Holder


_Table: TypeAlias = dict[str, _Kept]


def _written(kept: _Table) -> dict[str, Any]:
    return {digest: [one.until, one.holder.token] for digest, one in kept.items()}


def _read(found: dict[str, Any], *, most: float) -> _Table:
    # One without a holder is of an earlier version, which knew the owner only.
    pairs = {str(digest): one if isinstance(one, list) else [one, None] for digest, one in found.items()}
    return {digest: _Kept(min(float(until), most), Holder(token)) for digest, (until, token) in pairs.items()}


def _digest(secret: str) -> str:
    # Looked up by digest: how long the look-up takes says nothing of the secret.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
