"""What a running loop has to tell a terminal: the start-up screen, and events as they come. It asks over HTTP, like any client."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from shlex import quote
from typing import Any

from flyball.app.settings import Settings
from flyball.client import Client, ClientError
from flyball.core.clock import utc
from flyball.governance.token import OwnerToken

# Rows arrive all the time: of the datasets only what a person might have to act upon is news.
_QUIET = ("dataset.", "contract.", "timer.", "features.", "window.waiting", "run.")
_LOUD = frozenset(("dataset.version.held", "dataset.version.rejected", "run.failed", "run.killed"))
_WAIT_SECONDS = 20.0
_RETRY_SECONDS = 0.5
_STARTING = timedelta(minutes=1)
_EMPTY = "parity.checked"  # until somebody asks, there is nothing to compare


def is_news(event: Mapping[str, Any]) -> bool:
    """Whether the event is of the loop itself, or of the data and for a person to act upon."""
    kind: str = event["type"]
    if kind == _EMPTY and not event["data"]["rows"]:
        return False
    return kind in _LOUD or not kind.startswith(_QUIET)


class Follower:
    """Tells what happens from business time `since` on; `gone` is called when nobody reads any more."""

    def __init__(self, settings: Settings, *, since: datetime, say: Callable[[str], None], gone: Callable[[], None]) -> None:
        self._settings, self._since, self._say, self._gone = settings, since, say, gone
        token = OwnerToken.find(settings.home) if settings.auth else None
        self._client = Client(settings.control_url, None if token is None else token.value, trust=settings.trust)

    def run(self) -> None:
        """The screen, then the events, until the process ends."""
        try:
            for line in self._screen():
                self._say(line)
            self._events()
        except BrokenPipeError:
            self._gone()

    def _events(self) -> None:
        position = 0
        while True:
            try:
                page = self._client.list_events(position, limit=1000, wait_seconds=_WAIT_SECONDS)
            except ClientError:  # it starts again; the supervisor says so
                time.sleep(_RETRY_SECONDS)
                continue
            position = page.position
            for event in page.events:
                if is_news(event) and datetime.fromisoformat(event["time"]) >= self._since:
                    self._say(line_of(event))

    def _screen(self) -> list[str]:
        settings = self._settings
        status = self._status()
        lines = [
            "",
            f"{status['project']} is up ({settings.project.name})" if settings.project else "the server is up, without a project",
            f"  home           {settings.home}",
            f"  control plane  {settings.told(settings.control_url)}",
        ]
        if settings.project is not None:
            lines.append(f"  model server   {settings.told(settings.serve_url)}/predict/ENDPOINT")
            lines += [] if settings.grpc_port is None else [f"  gRPC           {settings.host}:{settings.grpc_port}"]
        else:
            lines.append(f'  MLflow         eval "$(flyball env --home {quote(str(settings.home))})", then use the stock client')
        lines += [f"  console        {self._login()}"] if settings.console else []
        lines += [f"  time           {self._time(datetime.fromisoformat(status['clock']['now']))}"]
        lines += [f"  phase          {status['phase']}"] if status.get("phase") else []
        if not settings.auth:
            lines.append("  NO AUTHENTICATION: every user of this machine may change everything (--no-auth)")
        return [*lines, "Ctrl-C ends it.", ""]

    def _status(self) -> Mapping[str, Any]:
        """It is not up before it says so: a control plane may answer, and then find that its project is wrong."""
        while True:
            with suppress(ClientError):
                return self._client.get_status()
            time.sleep(_RETRY_SECONDS)

    def _login(self) -> str:
        url = self._settings.told(self._settings.console_url)
        if not self._settings.auth:
            return url
        try:
            return f"{url}/login?code={self._client.create_login_code()} (good once)"
        except ClientError:
            return url

    def _time(self, now: datetime) -> str:
        return pace(self._settings, since=self._since, now=now)


def pace(settings: Settings, *, since: datetime, now: datetime) -> str:
    """What time it is for the loop, and how fast it goes by; `since` is when it began, which may be later than was asked for."""
    if settings.epoch is None:
        return "the system's"
    fast = "as fast as" if settings.speed in {None, 1} else f"{settings.speed:,g} times as fast as"
    stands = "; it stands until `flyball replay` moves it" if settings.hold else ""
    passed = _STARTING * (1 if settings.hold else settings.speed or 1)  # a fast clock has gone on when we look
    gone = "; this home was there already, one that begins at --clock has another --home" if since - settings.epoch > passed else ""
    return f"from {max(since, now):%Y-%m-%d %H:%M} UTC, {fast} real time{stands}{gone}"


def line_of(event: Mapping[str, Any]) -> str:
    """Business time, whom it is about, and the sentence.

    >>> line_of({"time": "2013-12-01T06:00:00+00:00", "subject": "model/late-arrival/version/2", "text": "version 2 is champion"})
    '2013-12-01 06:00  late-arrival: version 2 is champion'
    """
    kind, *whom = event["subject"].split("/")[:2]
    if kind == "experiment":  # it is called by a number, and the sentence says its name
        whom = []
    return f"{utc(datetime.fromisoformat(event['time'])):%Y-%m-%d %H:%M}  {': '.join([*whom, event['text']])}"
