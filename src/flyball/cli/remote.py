"""Where a command's words go: to the control plane that runs the home, or, where none runs, to the home itself, owned for the moment."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from flyball.app.actor import person
from flyball.app.location import LOCK, find_home
from flyball.app.running import find_up
from flyball.app.settings import NotRunningError, Settings
from flyball.client import Client
from flyball.client.endpoints import EndpointsClient
from flyball.core.errors import FlyballError, HeldError
from flyball.core.trust import CA_FILE
from flyball.governance import OwnerToken
from flyball.storage.homelock import HomeLock

if TYPE_CHECKING:
    from flyball.app.controlplane import Deed, Json
    from flyball.app.home import Home
    from flyball.app.releasing import Releasing
    from flyball.core.clock import Clock

URL = "FLYBALL_URL"


class Desk(Protocol):
    """What a person may ask, wherever it is done; `steering` is what they may say of how rows are shared."""

    @property
    def steering(self) -> Steered: ...

    def promote(self, endpoint: str, version: int | None, *, why: str) -> Json:
        """{"deployment", "event"} afterwards, and "servers" where there are some."""
        ...

    def rollback(self, endpoint: str, *, why: str) -> Json:
        """{"deployment", "event"} afterwards, and "servers" where there are some."""
        ...

    def get_prediction(self, prediction: str) -> Json:
        """The trace of a prediction."""
        ...


class Steered(Protocol):
    """How rows are shared; each method says {"deployment", "event"}, and "servers" where there are some."""

    def set_weights(self, endpoint: str, weights: Mapping[int, float], *, why: str) -> Json: ...
    def set_segments(self, endpoint: str, column: str, *, versions: Mapping[str, int], why: str) -> Json: ...
    def set_bandit(self, endpoint: str, versions: Sequence[int], *, learns: str, why: str) -> Json: ...
    def set_shadows(self, endpoint: str, versions: Sequence[int], *, why: str) -> Json: ...


class RemoteDesk:
    """A control plane does it; what happens is told as done by the person at this terminal."""

    def __init__(self, client: Client) -> None:
        self._client, self.steering = client, EndpointsClient(client)

    def promote(self, endpoint: str, version: int | None, *, why: str) -> Json:
        return self.steering.promote(endpoint, version=version, why=why)

    def rollback(self, endpoint: str, *, why: str) -> Json:
        return self.steering.rollback(endpoint, why=why)

    def get_prediction(self, prediction: str) -> Json:
        return self._client.get_prediction(prediction)


class LocalSteering:
    """Said to a home that nobody runs, so that no model server has to hear of it."""

    def __init__(self, releasing: Releasing, deed: Callable[[str], Deed], *, clock: Clock) -> None:
        self._releasing, self._deed, self._clock = releasing, deed, clock

    def set_weights(self, endpoint: str, weights: Mapping[int, float], *, why: str) -> Json:
        from flyball.releases import weights as by_weights

        return self._releasing.set_policy(endpoint, by_weights(weights), deed=self._deed(why))

    def set_segments(self, endpoint: str, column: str, *, versions: Mapping[str, int], why: str) -> Json:
        from flyball.releases import segments

        return self._releasing.set_policy(endpoint, segments(column, versions), deed=self._deed(why))

    def set_bandit(self, endpoint: str, versions: Sequence[int], *, learns: str, why: str) -> Json:
        from flyball.releases import bandit
        from flyball.releases.errors import PolicyError

        if learns not in {"rewards", "labels"}:
            raise PolicyError(f"a bandit learns from rewards or from labels, not from {learns[:40]!r}")
        begun = bandit(versions, learns="labels" if learns == "labels" else "rewards", since=self._clock.now())
        return self._releasing.set_policy(endpoint, begun, deed=self._deed(why))

    def set_shadows(self, endpoint: str, versions: Sequence[int], *, why: str) -> Json:
        return self._releasing.set_shadows(endpoint, versions, deed=self._deed(why))


class LocalDesk:
    """Done here, in a home that nobody runs."""

    def __init__(self, home: Home) -> None:
        from flyball.app.controlplane import Deed
        from flyball.app.predictiontrace import Tracer, open_predictions
        from flyball.app.releasing import Releasing

        self._releasing, self._deed = Releasing(home.stores), partial(Deed, person())
        self.steering = LocalSteering(self._releasing, self._deed, clock=home.stores.clock)
        self._tracer = Tracer(home.stores, open_predictions(home))

    def promote(self, endpoint: str, version: int | None, *, why: str) -> Json:
        return self._releasing.promote(endpoint, version, deed=self._deed(why))

    def rollback(self, endpoint: str, *, why: str) -> Json:
        return self._releasing.rollback(endpoint, deed=self._deed(why))

    def get_prediction(self, prediction: str) -> Json:
        return self._tracer.trace(prediction)


def find_running(home: Path) -> Settings | None:
    """The settings of the `flyball up` that runs the home now, or None where none does."""
    try:
        return None if find_up(home) is None else Settings.load(home)
    except NotRunningError:
        return None


def connect(home: Path) -> Client:
    """A client of the control plane that runs the home, as its owner.

    Raises:
        NotRunningError: none runs it.
        TokenModeError: others can read the token's file.
    """
    settings = find_running(home)
    if settings is None:
        raise NotRunningError(home)
    token = OwnerToken.find(home)
    return Client(settings.control_url, None if token is None else token.value, actor=person(), trust=settings.trust)


def exports(home: Path, environment: Mapping[str, str]) -> str:
    """Lines for a shell: where the control plane of the home is, and its owner's token; for us and for MLflow's client.

    Over TLS also by what one knows it: what the environment says already, else the certificate itself.

    Raises:
        NotRunningError: none runs it.
    """
    settings = find_running(home)
    if settings is None:
        raise NotRunningError(home)
    token = OwnerToken.find(home)
    url, secret = settings.told(settings.control_url), "" if token is None else token.value
    told = {URL: url, "FLYBALL_TOKEN": secret, "MLFLOW_TRACKING_URI": url, "MLFLOW_TRACKING_TOKEN": secret}
    if settings.certificate is not None:
        known_by = environment.get(CA_FILE) or str(settings.certificate.chain)
        told |= {CA_FILE: known_by, "MLFLOW_TRACKING_SERVER_CERT_PATH": known_by}
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in told.items())


@contextmanager
def open_place(home: Path | None, environment: Mapping[str, str]) -> Iterator[Client | Path]:
    """Where the command's words go: FLYBALL_URL's control plane if it is set and no home is named, else the home's.

    Where none runs the home, it is the home itself, owned by this process for as long as the block lasts.

    Raises:
        HomeNotFoundError: there is no home.
        HeldError: something else than `flyball up` has the home, a backtest for example.
        ClientError: the control plane cannot be reached, or refuses.
    """
    if home is None and environment.get(URL):
        with Client.from_environment(environment, actor=person()) as client:
            yield client
        return
    place = find_home(home, Path.cwd())
    try:
        lock = HomeLock.acquire(place / LOCK, f"flyball {' '.join(sys.argv[1:2])}")
    except HeldError:
        if find_running(place) is None:
            raise
        with connect(place) as client:
            yield client
        return
    with lock:
        yield place


@contextmanager
def open_desk(home: Path | None, environment: Mapping[str, str]) -> Iterator[Desk]:
    """What a person may ask, there where `open_place` says; raises as that does."""
    with open_place(home, environment) as place:
        if isinstance(place, Client):
            yield RemoteDesk(place)
            return
        from flyball.app.home import Home
        from flyball.pipelines import InlineExecutor
        from flyball.storage.clockfile import open_clock

        with Home.open(place, clock=open_clock(place), executor=InlineExecutor()) as opened:
            opened.stores.database.own(f"flyball {' '.join(sys.argv[1:2])}")  # on a server, others may run it from another machine
            yield LocalDesk(opened)


def find_console_link(home: Path) -> str | None:
    """A fresh single-use link to the console of the home, or None where none runs or the control plane cannot be asked."""
    settings = find_running(home)
    if settings is None or not settings.console:
        return None
    if not settings.auth:
        return settings.told(settings.console_url)
    try:
        with connect(home) as client:
            return f"{settings.told(settings.console_url)}/login?code={client.create_login_code()}"
    except FlyballError:
        return None


def env(home: Path | None) -> None:
    """Print the exports for a shell; beside them, where only a person reads it, a link to the console."""
    place = find_home(home, Path.cwd())
    sys.stdout.write(exports(place, os.environ))
    sys.stdout.flush()
    if link := find_console_link(place):
        sys.stderr.write(f"console: {link}{'' if '?' not in link else ' (good once)'}\n")
