"""Follows the control plane: asks for the plan by long poll, keeps it on disk, and puts it into force in the background.

Without a control plane the last plan goes on; it is asked for again, less often each time, and a new one is taken up at once.
"""

from __future__ import annotations

import http.client
import logging
import os
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import quote, urlsplit

import msgspec

from flyball.core.errors import UnavailableError
from flyball.core.trust import SYSTEM, Trust
from flyball.serving.plan import ServingPlan

WAIT_SECONDS = 25
LONGEST_REFUSAL = 500
_ANSWER_SECONDS = 15.0
_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.25, 5.0
_LONGEST_BYTES = 64 << 20
_LOG = logging.getLogger(__name__)


class ControlPlaneError(UnavailableError):
    """The control plane gave no plan."""

    code = "control-plane"

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"The control plane at {url} gave no plan: {reason}. What was deployed last is served on.")


class PlanSource(Protocol):
    """Where plans come from."""

    def find(self, revision: int, *, refusal: str = "") -> ServingPlan | None:
        """The plan that stands, once it is newer than `revision`; None where it is not for a while.

        `refusal` is why the plan that was found last is not in force.

        Raises:
            ControlPlaneError: it cannot be asked, or said something else.
        """
        ...

    def close(self) -> None:
        """Whoever waits in `find` is interrupted; idempotent and from any thread."""
        ...


class HttpPlans:
    """Plans by long poll over HTTP, as ``GET /api/v1/serving/plan?revision=R&wait=S&server=ID``."""

    def __init__(self, url: str, *, token: str | None, server: str, wait_seconds: int = WAIT_SECONDS, trust: Trust = SYSTEM) -> None:
        self._url, self._server, self._wait, self._trust = url, server, wait_seconds, trust
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._connection: http.client.HTTPConnection | None = None

    def find(self, revision: int, *, refusal: str = "") -> ServingPlan | None:
        connection = self._trust.connect(self._url, self._wait + _ANSWER_SECONDS)
        self._connection = connection
        try:
            path = f"{urlsplit(self._url).path.rstrip('/')}/api/v1/serving/plan?revision={revision}&wait={self._wait}&server={self._server}"
            path += f"&refusal={quote(refusal[:LONGEST_REFUSAL])}" if refusal else ""
            connection.request("GET", path, headers=self._headers)
            answer = connection.getresponse()
            data = answer.read(_LONGEST_BYTES)
            if answer.status == http.client.NOT_MODIFIED:
                return None
            if answer.status != http.client.OK:
                raise ControlPlaneError(self._url, f"it answered {answer.status}")
            return ServingPlan.decode(data)
        except (OSError, http.client.HTTPException, msgspec.DecodeError, AttributeError) as error:  # the last where `close` came between
            if isinstance(error, ControlPlaneError):
                raise
            raise ControlPlaneError(self._url, str(error) or type(error).__name__) from error
        finally:
            connection.close()

    def close(self) -> None:
        connection = self._connection
        if connection is not None and connection.sock is not None:
            try:
                connection.sock.shutdown(2)
            except OSError:
                return


@dataclass(frozen=True)
class PlanFile:
    """The last plan that came, kept so that a server that starts without a control plane has one."""

    path: Path

    def find(self) -> ServingPlan | None:
        """The plan that was kept last; None where there is none or it cannot be read."""
        try:
            return ServingPlan.decode(self.path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as error:
            _LOG.warning("the plan at %s cannot be read (%s); waiting for another", self.path, error)
            return None

    def set(self, plan: ServingPlan) -> None:
        """Keep `plan` instead; the file is the one or the other, whole."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=self.path.parent, prefix=".plan.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(plan.encode())
            Path(name).replace(self.path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise


class Follower:
    """Takes up the kept plan, then every newer one, in the thread that runs `run`.

    `take` puts a plan into force and returns the revision that is in force then, which is lower than the plan's where it was refused;
    `why` says why it was. Whoever gives plans is told at once; the plan is tried again, less often each time.
    """

    def __init__(
        self, source: PlanSource | None, kept: PlanFile, *, take: Callable[[ServingPlan], int], why: Callable[[], str] = str
    ) -> None:
        self._source, self._kept, self._take, self._why = source, kept, take, why
        self._stop = threading.Event()
        self._revision, self._refused, self._refusal = 0, 0, ""
        self._asked = False

    def open(self) -> None:
        """Take up the plan that was kept, if there is one."""
        plan = self._kept.find()
        if plan is not None:
            self._revision = self._take(plan)

    def run(self) -> None:
        """Follow until `stop`."""
        failures = 0
        while self._source is not None and not self._stop.is_set():
            failures = 0 if self._step(self._source) else failures + 1
            if failures:
                self._stop.wait(min(_PAUSE_SECONDS * 2 ** min(failures - 1, 10), _LONGEST_PAUSE_SECONDS))

    def stop(self) -> None:
        """`run` ends soon; from any thread, idempotent."""
        self._stop.set()
        if self._source is not None:
            self._source.close()

    def _step(self, source: PlanSource) -> bool:
        """Ask once and take up what comes; whether all went well."""
        plan = None
        try:
            # What was kept may be of another declaration with the same releases: the first time it is asked for whatever stands.
            plan = source.find(self._revision if self._asked else 0, refusal=self._refusal)
            self._asked = True
            if plan is None:
                return True
            self._revision = self._take(plan)
            if self._revision >= plan.revision:
                self._refusal = ""
                self._kept.set(plan)
                return True
            known, self._refused, self._refusal = self._refused, plan.revision, self._why() or "it does not take it up"
        except (UnavailableError, OSError) as error:
            if not self._stop.is_set():
                _LOG.info("%s", error)
            return False
        except Exception as error:  # noqa: BLE001 - a thread's rim: without it the server would never follow again
            _LOG.exception("the plan was not taken up")
            if plan is not None:
                self._refusal = f"{type(error).__name__}: {error}"
            return False
        return plan.revision != known
