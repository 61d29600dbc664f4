"""The process of the control plane: it listens first, then opens the loop behind the door, and ends both together."""

from __future__ import annotations

import argparse
import logging
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from flyball.api.app import Limits, create_app
from flyball.api.entrance import Entrance
from flyball.api.mlflow import Services, mlflow_door
from flyball.api.serving import serve
from flyball.app.conversions import Conversions
from flyball.app.keeping import open_keeping
from flyball.app.listening import announce, bind
from flyball.app.settings import Settings
from flyball.app.tokenkeeping import TokenKeeping
from flyball.core import logs
from flyball.core.clock import MonotonicTimer
from flyball.core.errors import FlyballError
from flyball.governance import HostGuard, OwnerToken, Sessions, check_bind, is_loopback
from flyball.governance.certificates import Credentials
from flyball.governance.limits import Rates
from flyball.storage.clockfile import RUN

if TYPE_CHECKING:
    from flyball.app.bare import BareControl
    from flyball.app.control import Control

FAILED, REFUSED = 1, 2
_LOG = logging.getLogger(__name__)


def main(arguments: Sequence[str]) -> int:
    """Serve until SIGTERM or SIGINT; the exit code. What is wrong with the project or its data is said in one sentence."""
    parser = argparse.ArgumentParser(prog="python -m flyball.api", description="Run the control plane of a home.")
    parser.add_argument("--home", type=Path, required=True, help="the home, whose settings `flyball up` wrote")
    home = parser.parse_args(arguments).home.resolve()
    try:
        logs.set_up("control")
        return run(Settings.load(home))
    except FlyballError as error:
        logs.tell(error)
        return REFUSED


def _open(settings: Settings, *, failed: Callable[[BaseException], None]) -> Control | BareControl:
    # What a loop needs is loaded for a loop alone: a server of runs and models starts sooner and weighs less without.
    if settings.project is None:
        from flyball.app.bare import BareControl

        return BareControl.open(settings, failed=failed)
    from flyball.app.control import Control

    return Control.open(settings, failed=failed)


def run(settings: Settings) -> int:
    """Serve the home of `settings`.

    Raises:
        FlyballError: the project, its data, the home or the port is not what it must be; the loop has not begun.
    """
    check_bind(settings.host, authenticated=settings.auth)
    credentials = None if settings.certificate is None else Credentials(settings.certificate)
    listener = bind(settings.host, settings.control_port, field="control_port")
    port = listener.getsockname()[1]
    stop, failures = threading.Event(), list[BaseException]()

    def failed(error: BaseException) -> None:
        failures.append(error)
        stop.set()

    control = _open(settings, failed=failed)
    with ExitStack() as closing:
        closing.callback(control.close)
        token = OwnerToken.open(settings.home) if settings.auth else None
        sessions = Sessions(MonotonicTimer(), path=settings.home / RUN / "sessions.json")
        tokens = TokenKeeping(control.stores, project=control.project_name)
        guard = HostGuard.of(settings.host, port, names=credentials.names if credentials else ())
        entrance = Entrance(guard, token, sessions, tokens.service, tokens.book, owner_runs_code=is_loopback(settings.host))
        kept = open_keeping(control.stores, control.blobs)
        limits = Limits(rates=Rates.of(os.environ))
        mlflow = mlflow_door(Services(kept.tracking, kept.registry, kept.artifacts), limits=limits)
        console_url = settings.console_url if settings.console else None
        app = create_app(control, entrance, limits=limits, annexes=[mlflow], console_url=console_url)
        tokens.start()
        closing.callback(tokens.close)
        conversions = Conversions(control.stores, control.blobs)
        conversions.start()
        closing.callback(conversions.close)
        announce(settings.home, "control", port=port, certificate=settings.certificate)
        control.begin()
        serve(app, host=settings.host, port=port, sock=listener, stop=stop, credentials=credentials)
    for error in failures:
        if isinstance(error, FlyballError) and not control.begun:
            raise error
        _LOG.error("The control plane ends: %s: %s", type(error).__name__, error)
    return FAILED if failures else 0
