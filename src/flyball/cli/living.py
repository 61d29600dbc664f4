"""`flyball up` on a terminal: one screen when it is up, then one line for each event of the loop, business time first."""

from __future__ import annotations

import logging
import sys
import threading
from pathlib import Path

from flyball.app.settings import Settings
from flyball.app.supervisor import StartFailedError, Supervisor
from flyball.cli.following import Follower
from flyball.core.errors import InvalidError
from flyball.core.logs import JSON, chosen, set_up


def up(settings: Settings, *, command: str) -> int:
    """Run the project until told to end; the exit code.

    Raises:
        FlyballError: it could not start; see `Supervisor.run`.
    """
    set_up("supervisor")
    lines = Lines()
    if settings.project is not None and not settings.project.is_file():
        raise ProjectMissingError(settings.project)
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)  # a home is its owner's alone
    lines.say(f"starting {settings.title}; its home is {settings.home}")

    def follow(up: Supervisor) -> None:
        follower = Follower(up.settings, since=up.begun, say=lines.say, gone=up.stop)
        threading.Thread(target=follower.run, name="events", daemon=True).start()

    with Supervisor(settings, say=lambda line: lines.say(f"up: {line}"), ready=follow) as supervisor:
        try:
            code = supervisor.run(command)
        except StartFailedError as error:
            sys.stderr.write(f"flyball: {error}\n")
            return error.exit_code
    lines.say("ended" if code == 0 else "ended at once")
    return code


class ProjectMissingError(InvalidError):
    """No project file there."""

    code = "project-missing"

    def __init__(self, path: Path) -> None:
        super().__init__(f"There is no project file {path}. Name one, or make one with `flyball init`.")


class Lines:
    """Whole lines from several threads, each at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def say(self, line: str) -> None:
        """Write one line."""
        if chosen() == JSON:
            logging.getLogger("flyball.up").info("%s", line)
            return
        with self._lock:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
