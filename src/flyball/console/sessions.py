"""Who may look: a session that the control plane has given, remembered here for a minute at a time.

The control plane is the judge of sessions, so that a console that was started again knows its visitors. When it cannot be asked, who
was let in before stays in: the page then says that its figures are old, which is better than no page.
"""

from __future__ import annotations

import hashlib
import re
import threading
from dataclasses import dataclass
from typing import Protocol

from flyball.console.controlplane import ControlPlane
from flyball.core.clock import Timer
from flyball.core.errors import FlyballError, UnavailableError

_PLAUSIBLE = re.compile(r"[A-Za-z0-9._~+/=-]{16,256}")
TRUST_SECONDS = 60.0
REFUSE_SECONDS = 5.0
LIMIT = 256


@dataclass(frozen=True, slots=True)
class Admission:
    """A session that was just opened; `token` is the cookie's value."""

    token: str
    seconds: float

    def __repr__(self) -> str:
        return f"Admission(…, seconds={self.seconds})"


class Visitors(Protocol):
    """Says who may look. Thread-safe; every method may ask the control plane and take its time."""

    def admit(self, code: str) -> Admission | None: ...
    def knows(self, token: str | None) -> bool: ...
    def dismiss(self, token: str) -> None: ...


class Everybody:
    """Lets everybody look (`--no-auth`, on loopback only)."""

    def admit(self, code: str) -> Admission | None:
        """There is nothing to open."""
        del code
        return None

    def knows(self, token: str | None) -> bool:
        """Yes."""
        del token
        return True

    def dismiss(self, token: str) -> None:
        """There is nothing to end."""
        del token


class Sessions:
    """Lets those look whose session the control plane knows; at most `LIMIT` answers are remembered, the oldest forgotten first."""

    def __init__(self, plane: ControlPlane, timer: Timer) -> None:
        self._plane, self._timer = plane, timer
        self._lock = threading.Lock()
        self._answers: dict[str, tuple[bool, float]] = {}

    def admit(self, code: str) -> Admission | None:
        """A session for the code; None where it was used, is too old or was never given.

        Raises:
            UnavailableError: the control plane could not be asked; the code may still be good.
        """
        if not _PLAUSIBLE.fullmatch(code):
            return None
        try:
            token, seconds = self._plane.create_session(code)
        except UnavailableError:
            raise
        except FlyballError:
            return None
        self._remember(token, known=True)
        return Admission(token, seconds)

    def knows(self, token: str | None) -> bool:
        """Whether the session lasts, as far as can be known."""
        if token is None or not _PLAUSIBLE.fullmatch(token):
            return False
        with self._lock:
            found = self._answers.get(_digest(token))
        if found is not None and self._timer.seconds() - found[1] < (TRUST_SECONDS if found[0] else REFUSE_SECONDS):
            return found[0]
        try:
            known = self._plane.is_session(token)
        except FlyballError:
            if found is None or not found[0]:
                return False
            known = True  # and for a while: not every file of the page shall wait for a control plane that hangs
        self._remember(token, known=known)
        return known

    def dismiss(self, token: str) -> None:
        """End the session, here at once, at the control plane as soon as it can be reached."""
        self._remember(token, known=False)
        self._plane.delete_session(token)

    def _remember(self, token: str, *, known: bool) -> None:
        digest = _digest(token)
        with self._lock:
            self._answers.pop(digest, None)
            while len(self._answers) >= LIMIT:
                # Refusals go first: a stream of wrong cookies must not log anybody out.
                refused = (key for key, (kept, _) in self._answers.items() if not kept)
                self._answers.pop(next(refused, next(iter(self._answers))))
            self._answers[digest] = (known, self._timer.seconds())


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
