"""Who acts at this terminal. Apart from all else in the room, for commands that only ask a server must start at once."""

from __future__ import annotations

import os
import pwd
from contextlib import suppress


def person() -> str:
    """The person at this terminal, for the events' `actor`; by number where the system knows no name."""
    name = os.environ.get("USER") or os.environ.get("LOGNAME")
    with suppress(KeyError):
        name = name or pwd.getpwuid(os.getuid()).pw_name
    return f"user:{name or os.getuid()}"
