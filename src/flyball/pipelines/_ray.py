"""Steps on a Ray cluster: Ray says where, and there a child process runs the step, as everywhere else.

All hosts see the same files. Ray's own authentication stays as it is set: by token, unless somebody turns it off.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from flyball.core.optional import extra
from flyball.pipelines.errors import ClusterNotFoundError, StepFailedError, StepTimeoutError
from flyball.pipelines.executor import Work
from flyball.pipelines.process import ProcessExecutor

with extra("ray"):
    import ray
    from ray.exceptions import RayError

RETRIES = 3
"""So often a step whose host has gone is run again on another."""
CONNECT_SECONDS = 5.0
_TOKEN = "it takes only who has its token; set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN or ~/.ray/auth_token to what it has"  # noqa: S105  words


def attach(address: str | None, *, cpus: int | None = None) -> bool:
    """This process is in the cluster at `address`, or in one of its own where that is None; whether it was in none before.

    `address` is "HOST:PORT", "ray://HOST:PORT", or "auto" for the one that this host or the environment names.

    Raises:
        ClusterNotFoundError: there is none.
    """
    if address is not None:
        _check(address)
    if ray.is_initialized():
        return False
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing of ours tells anybody
    own = {"address": "local", "num_cpus": cpus, "include_dashboard": False}  # without the word Ray takes one that is on this host
    place: dict[str, Any] = own if address is None else {"address": address}
    ends = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(**place, log_to_driver=False, configure_logging=False)
    except (ConnectionError, RuntimeError, ValueError) as error:
        secret = "AuthToken" in f"{error} {error.__cause__}"
        raise ClusterNotFoundError(address or "this host", _TOKEN if secret else str(error).strip().partition("\n")[0]) from error
    finally:
        if ends is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, ends)  # Ray takes it over, and would end us in the midst of what we do
    return True


def _check(address: str) -> None:
    """Somebody listens there: Ray itself would ask for minutes."""
    if address in {"auto", "local"}:
        return
    try:
        found = urlsplit(address if "://" in address else f"//{address}")
        host, port = found.hostname, found.port
    except ValueError:
        host = port = None
    if host is None or port is None:
        raise ClusterNotFoundError(address, "an address is HOST:PORT, ray://HOST:PORT or auto")
    try:
        socket.create_connection((host, port), CONNECT_SECONDS).close()
    except OSError as error:
        raise ClusterNotFoundError(address, error.strerror or str(error)) from error


class RayExecutor:
    """An `Executor` whose steps run where Ray has room, as many at once as there are callers. Thread-safe.

    `address` is that of a cluster ("auto": the one that the environment names); without one a cluster is started on this host, and ends
    with `close`.
    """

    def __init__(self, address: str | None = None, *, cpus: int | None = None) -> None:
        self._address, self._cpus = address, cpus
        self._lock = threading.Lock()
        self._begun = False

    def execute(self, work: Work, timeout_seconds: float | None = None) -> dict[str, Any]:
        self._begin()
        step = ray.remote(num_cpus=1, max_retries=RETRIES)(_run).remote(asdict(work), timeout_seconds)
        try:
            found: dict[str, Any] = ray.get(step)
        except RayError as error:
            raise StepFailedError(work.step, f"Ray could not run it: {str(error).strip().partition(chr(10))[0]}", kind="ray") from error
        except BaseException:
            ray.cancel(step, force=True)
            raise
        return _answer(work.step, found)

    def _begin(self) -> None:
        with self._lock:
            self._begun = attach(self._address, cpus=self._cpus) or self._begun

    def close(self) -> None:
        """Let go of the cluster; one that was started here ends."""
        with self._lock:
            if self._begun:
                ray.shutdown()
                self._begun = False


def _run(work: dict[str, Any], timeout_seconds: float | None) -> dict[str, Any]:
    """On the host that Ray has chosen: what came of the step, in plain values."""
    executor = ProcessExecutor()
    try:
        return {"summary": executor.execute(Work(**work), timeout_seconds)}
    except StepTimeoutError as error:
        return {"seconds": error.seconds}
    except StepFailedError as error:
        return {"failed": {"reason": error.reason, "kind": error.kind, "detail": error.detail}}
    finally:
        executor.close()


def _answer(step: str, found: dict[str, Any]) -> dict[str, Any]:
    if "summary" in found:
        summary: dict[str, Any] = found["summary"]
        return summary
    if "seconds" in found:
        raise StepTimeoutError(step, found["seconds"])
    raise StepFailedError(step, **found["failed"])
