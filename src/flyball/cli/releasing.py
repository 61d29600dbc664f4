"""`promote` and `rollback` on a terminal: a person's word on a release, which the events keep."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from flyball.cli.remote import open_desk
from flyball.cli.steering import told
from flyball.core.errors import ConflictError


class NotConfirmedError(ConflictError):
    """The person said no."""

    code = "not-confirmed"

    def __init__(self) -> None:
        super().__init__("Nothing was changed.")


def promote(endpoint: str, *, version: int | None, why: str, ask: bool, as_json: bool, home: Path | None) -> None:
    """Make the canary, or the version, the champion, and say what stands now."""
    chosen = "the canary" if version is None else f"version {version}"
    if ask and sys.stdin.isatty():
        _confirm(f"Make {chosen} the champion of endpoint '{endpoint}', for all its rows?")
    with open_desk(home, os.environ) as desk:
        told(desk.promote(endpoint, version, why=why), as_json=as_json)


def rollback(endpoint: str, *, why: str, as_json: bool, home: Path | None) -> None:
    """Take the canary out, or go back to the champion before, and say what stands now."""
    with open_desk(home, os.environ) as desk:
        told(desk.rollback(endpoint, why=why), as_json=as_json)


def _confirm(question: str) -> None:
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise NotConfirmedError
