"""Whether a home's `flyball up` runs, by what its supervisor wrote and by the system; nothing is opened or asked over HTTP."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flyball.app.settings import UP, NotRunningError
from flyball.storage.clockfile import RUN


def find_up(home: Path) -> Mapping[str, Any] | None:
    """{pid, project, started, urls, children} of the supervisor that runs in this home; None where none does."""
    try:
        found: dict[str, Any] = json.loads((home / RUN / UP).read_text(encoding="utf-8"))
        os.kill(int(found["pid"]), 0)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found


def get_up(home: Path) -> Mapping[str, Any]:
    """As `find_up`.

    Raises:
        NotRunningError: none runs.
    """
    found = find_up(home)
    if found is None:
        raise NotRunningError(home)
    return found
