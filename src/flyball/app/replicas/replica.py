"""A replica on its node: a model server in a process of its own, started again when it dies or hangs, drained when it is told to end.

It needs nobody for that: neither who asked for it nor the control plane. It knows no cluster; whoever runs it there asks `look` and `end`.
"""

from __future__ import annotations

import http.client
import json
import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from flyball.app.processes import Process, Program
from flyball.app.replicas.order import Order, Seen, State
from flyball.app.replicas.place import Place, left, ship_left_behind
from flyball.core.clock import MonotonicTimer, Timer
from flyball.core.errors import FlyballError
from flyball.core.trust import SYSTEM, Trust
from flyball.storage.clockfile import RUN

TICK_SECONDS, LOOK_SECONDS, AGAIN_SECONDS = 0.1, 1.0, 5.0
TIDY_SECONDS = 60.0
HUNG_SECONDS = 30.0
"""A server that was alive, and does not say so for so long, is killed and started again."""
KEEPER_SECONDS = 10.0
"""Who has not asked for so long keeps us no more."""
ENDS_SECONDS = 10.0
_ANSWER_SECONDS = 2.0
_LOG = logging.getLogger(__name__)


class Replica:
    """One model server, from the constructor on until `end`. Thread-safe."""

    def __init__(self, order: Order, *, host: str, node: str, timer: Timer | None = None) -> None:
        self._order, self._host, self._node = order, order.host or host, node
        self._timer = timer or MonotonicTimer()
        self._end = threading.Event()
        self._lock = threading.Lock()
        self._keeper, self._asked = "", 0.0
        self._seen = Seen(state=State.STARTING, node=node, digest=order.digest)
        self._thread = threading.Thread(target=self._run, name="replica", daemon=True)  # its child dies with this thread
        self._thread.start()

    def look(self, keeper: str) -> Seen:
        """How it is; `keeper` is who asks. The first to ask keeps it, until it has not asked for a while."""
        with self._lock:
            now = self._timer.seconds()
            if keeper != self._keeper and self._keeper and now - self._asked < KEEPER_SECONDS:
                return replace(self._seen, keeper=self._keeper)
            self._keeper, self._asked = keeper, now
            return self._seen

    def end(self) -> None:
        """Answer what is owed, send the journal, and be `ended` then; does not wait; idempotent."""
        self._end.set()

    def wait(self, seconds: float) -> bool:
        """Whether it has ended within so long."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._end.is_set():
            try:
                place = Place.take(self._order)
                try:
                    self._serve(place)
                finally:
                    place.release()
            except FlyballError as error:
                self._say(State.FAILING, trouble=str(error))
            except Exception as error:  # noqa: BLE001 - a thread's rim; told to whoever looks
                _LOG.exception("the replica fails")
                self._say(State.FAILING, trouble=f"{type(error).__name__}: {error}")
            self._end.wait(AGAIN_SECONDS)
        self._say(State.ENDED, left=self._seen.left, trouble=self._seen.trouble)

    def _serve(self, place: Place) -> None:
        process = Process(self._program(place), place.home / "logs" / "predict.log", timer=self._timer)
        watch = _Watch(process, place.home, host=self._host, timer=self._timer)
        self._say(State.STARTING, place, process=process)
        process.start()
        tidied = self._timer.seconds() - TIDY_SECONDS
        try:
            while not self._end.wait(TICK_SECONDS):
                state, trouble = watch.step()
                self._say(state, place, process=process, trouble=trouble)
                if state is State.UP and self._timer.seconds() - tidied >= TIDY_SECONDS:
                    tidied = self._timer.seconds()
                    process.rotate()
                    ship_left_behind(self._order)
            self._say(State.DRAINING, place, process=process)
        finally:
            process.terminate()
            if not process.wait(ENDS_SECONDS):
                process.kill_now()
            with self._lock:
                self._seen = replace(self._seen, left=left(place.home))

    def _program(self, place: Place) -> Program:
        order = self._order
        arguments = ["--home", str(place.home), "--host", self._host, "--port", "0", "--control", order.control_url]
        arguments += ["--workers", order.workers, *(word for name in order.names for word in ("--name", name))]
        arguments += ["--grpc-port", "0"] if order.grpc else []
        return Program("predict", "the model server", "flyball.predict", arguments, place.environment(order))

    def _say(self, state: State, place: Place | None = None, *, process: Process | None = None, trouble: str = "", left: int = 0) -> None:
        run = None if place is None or state not in {State.UP, State.DRAINING} else place.home / RUN
        seen = Seen(
            state=state, node=self._node, digest=self._order.digest, trouble=trouble, left=left,
            server="" if place is None else place.server,
            address=self._address(run, "predict"), grpc=self._address(run, "grpc") if self._order.grpc else "",
            pid=0 if process is None else process.pid or 0, restarts=0 if process is None else process.restarts,
        )  # fmt: skip
        with self._lock:
            self._seen = seen

    def _address(self, run: Path | None, name: str) -> str:
        port = None if run is None else _found(run / f"{name}.json").get("port")
        return f"{self._host}:{port}" if port else ""


class _Watch:
    """Looks after one process: that it runs, and that it answers."""

    def __init__(self, process: Process, home: Path, *, host: str, timer: Timer) -> None:
        self._process, self._run, self._host, self._timer = process, home / RUN / "predict.json", host, timer
        self._state = State.STARTING
        self._alive = self._looked = float("-inf")
        self._lines: Sequence[str] = ()
        self._run.unlink(missing_ok=True)

    def step(self) -> tuple[State, str]:
        """Start it where it should run; how it is, and what is wrong."""
        if self._process.ended() is not None:
            self._lines = self._process.tail(1)
            self._state = State.STARTING
            self._run.unlink(missing_ok=True)
        if self._process.due:
            self._process.start()
            self._alive = float("inf")
        now = self._timer.seconds()
        if self._process.pid is not None and (self._state is not State.UP or now - self._looked >= LOOK_SECONDS):
            self._look(now)
        failing = self._state is State.STARTING and self._process.restarts > 1 and bool(self._lines)
        return (State.FAILING, self._lines[-1]) if failing else (self._state, "")

    def _look(self, now: float) -> None:
        self._looked = now
        status = _status(self._host, self._run)
        if status is not None:
            self._alive = now
            self._state = State.UP if status == http.client.OK else State.UNREADY
        elif self._state is not State.STARTING and now - self._alive > HUNG_SECONDS:
            _LOG.warning("the model server has not answered for %g s and is killed", HUNG_SECONDS)
            self._process.kill()


def _found(path: Path) -> Mapping[str, Any]:
    """What a process said of where it listens; nothing where it has not."""
    try:
        found: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def _status(host: str, place: Path) -> int | None:
    """What the server that listens where the file says tells of being ready; None where it tells nothing."""
    if not (found := _found(place)):
        return None
    shown = found.get("certificate")
    url = f"{'https' if shown else 'http'}://{f'[{host}]' if ':' in host else host}:{found['port']}"
    connection = (Trust.pinning(Path(shown)) if shown else SYSTEM).connect(url, _ANSWER_SECONDS)
    try:
        connection.request("GET", "/v2/health/ready")
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
