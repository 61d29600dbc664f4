"""Every error that Flyball raises on purpose, by one root; the constructor takes facts, the class writes the sentence.

::

    FlyballError
    ├── InvalidError (ValueError)        what was given can never be right: change it
    │   ├── NaiveTimeError, TimeReversedError, DurationError
    │   ├── UnknownNameError             a name that nothing has; says the near one
    │   └── … each room's own
    ├── NotFoundError (LookupError)      it may exist elsewhere or later
    ├── ConflictError (RuntimeError)     the state forbids it now
    │   └── HeldError                    somebody else owns it; says who
    ├── UnavailableError (OSError)       a part outside us failed: disk, network, file
    ├── IntegrityError (RuntimeError)    what was stored is not what was read
    └── MissingExtraError (ImportError)  an optional dependency is not installed

Each class has a stable `code`; doors map class to status and exit code. This module knows no room.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from datetime import datetime
from typing import ClassVar


class FlyballError(Exception):
    """The root: `except FlyballError` catches all that Flyball says on purpose, and nothing else."""

    code: ClassVar[str] = "error"


class InvalidError(FlyballError, ValueError):
    """What was given can never be right."""

    code = "invalid"


class NotFoundError(FlyballError, LookupError):
    """What was asked for does not exist."""

    code = "not-found"


class ConflictError(FlyballError, RuntimeError):
    """The state forbids it now."""

    code = "conflict"


class UnavailableError(FlyballError, OSError):
    """A part outside of us failed."""

    code = "unavailable"


class IntegrityError(FlyballError, RuntimeError):
    """What was read is not what was stored."""

    code = "integrity"


class HeldError(ConflictError):
    """Somebody else owns `what`."""

    code = "held"

    def __init__(self, what: str, holder: str) -> None:
        super().__init__(f"{what} is in use by {holder}. Wait until it ends, or stop it, and run the command again.")
        self.what, self.holder = what, holder


class NaiveTimeError(InvalidError):
    """A time without a zone."""

    code = "naive-time"

    def __init__(self, moment: datetime) -> None:
        super().__init__(f"The time {moment.isoformat()} has no time zone. Give it one, for example {moment.isoformat()}+00:00.")


class TimeTextError(InvalidError):
    """Not a moment."""

    code = "time-text"

    def __init__(self, option: str, text: str) -> None:
        super().__init__(f"{option} {text!r} is not a time. Write it in ISO 8601 with its zone, for example 2013-12-01T00:00Z.")


class TimeReversedError(InvalidError):
    """A clock was asked to run backwards."""

    code = "time-reversed"

    def __init__(self, now: datetime, asked: datetime) -> None:
        super().__init__(f"The clock stands at {now.isoformat()} and cannot go back to {asked.isoformat()}.")


class DurationError(InvalidError):
    """Not a duration."""

    code = "duration"

    def __init__(self, text: str) -> None:
        super().__init__(f"{text!r} is not a duration. Write whole numbers with units ms, s, m, h, d or w, for example '90d' or '1d12h'.")


class UnknownNameError(InvalidError):
    """A name that nothing has; the near one is named."""

    code = "unknown-name"

    def __init__(self, kind: str, name: str, *, known: Iterable[str], where: str = "") -> None:
        names = sorted(known)
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        hint = f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(names[:12]) or 'none'}{', …' if len(names) > 12 else ''}."
        super().__init__(f"There is no {kind} {name!r}{f' in {where}' if where else ''}. {hint}")
        self.name, self.near = name, near[0] if near else None


class MissingExtraError(FlyballError, ImportError):
    """An optional dependency is not installed."""

    code = "missing-extra"

    def __init__(self, module: str, extra: str) -> None:
        super().__init__(f"This needs the module {module!r}, which is not installed. Install it with: pip install 'flyball[{extra}]'")
