"""Who acts at this terminal. Apart from all else in the room, for commands that only ask a server must start at once."""

from __future__ import annotations

import os


def person() -> str:
    """The person at this terminal, for the events' `actor`."""
    return f"user:{os.environ.get('USER') or os.environ.get('LOGNAME') or os.getuid()}"
