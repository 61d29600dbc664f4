"""`flyball env`: what a shell has to know to speak with the server of a home, whichever runs there."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path

from flyball.app.location import HOME, HomeNotFoundError, find_home
from flyball.cli import remote
from flyball.governance import OwnerToken
from flyball.storage.clockfile import RUN


def env(home: Path | None) -> None:
    """Print exports for a shell; where `flyball serve` alone runs, the token, and beside it where that listens.

    Raises:
        HomeNotFoundError: there is no home.
        NotRunningError: nothing runs in it.
    """
    place = _find_home(home)
    url = None if remote.find_running(place) is not None else find_served(place)
    if url is None:
        remote.env(home)
        return
    token = OwnerToken.find(place)
    sys.stdout.write(f"export FLYBALL_TOKEN={shlex.quote('' if token is None else token.value)}\n")
    sys.stdout.flush()
    sys.stderr.write(f"model server: {url}/predict/ENDPOINT; no control plane runs in this home\n")


def _find_home(home: Path | None) -> Path:
    """The home; also one that `flyball serve` made for what it fetched, which has no database."""
    try:
        return find_home(home, Path.cwd())
    except HomeNotFoundError:
        place = (home or Path(HOME)).resolve()
        if find_served(place) is None:
            raise
        return place


def find_served(home: Path) -> str | None:
    """Where the model server of the home listens, as one reaches it from here; None where none lives."""
    try:
        found = json.loads((home / RUN / "predict.json").read_text(encoding="utf-8"))
        os.kill(int(found["pid"]), 0)
        return f"http{'s' if found.get('certificate') else ''}://127.0.0.1:{int(found['port'])}"
    except (OSError, ValueError, KeyError, TypeError):
        return None
