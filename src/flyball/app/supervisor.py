"""The supervisor of `flyball up`: it owns the home, starts what belongs to it, restarts what dies, and ends it all in time.

It does nothing else and loads nothing heavy, so that it has no reason to fail: no frames, no SQL, no HTTP server. What the processes
do is theirs; they die with it, even when it is killed.
"""

from __future__ import annotations

import http.client
import os
import select
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any, Self

from flyball.app.listening import bind
from flyball.app.location import LOCK
from flyball.app.processes import Process, Program
from flyball.app.settings import OPTIONS, UP, Settings, write_json
from flyball.core.clock import MonotonicTimer, Timer, WallClock
from flyball.core.errors import UnavailableError
from flyball.core.logs import words
from flyball.core.trust import Trust
from flyball.governance.certificates import Credentials
from flyball.governance.hosts import check_bind
from flyball.governance.token import FILE as TOKEN
from flyball.governance.token import OwnerToken
from flyball.storage.clockfile import NOBODY, RUN, SharedClock, clock_path
from flyball.storage.homelock import HomeLock

LOGS = "logs"
CONTROL, MODEL_SERVER, CONSOLE = "control", "predict", "console"
END_ORDER = (CONSOLE, MODEL_SERVER, CONTROL)
INTERRUPTED = 130
_TICK_SECONDS = 0.25
_ROTATE_TICKS = 40
_HEALTH_SECONDS = 0.5
# With these a process says, before it has done anything, that what it was given is wrong; to start it again would not change that.
# It may have answered by then: the control plane can be asked while it reads the data. What fails later ends with another code.
_HOPELESS = frozenset((2, 3, 4, 5, 6, 7))
Say = Callable[[str], None]


class StartFailedError(UnavailableError):
    """A process that ended at its first start, and said that it cannot run."""

    code = "start-failed"

    def __init__(self, title: str, lines: Sequence[str], *, log: Path, exit_code: int) -> None:
        said = " ".join(lines) or "it said nothing"
        super().__init__(f"{title[0].upper()}{title[1:]} could not start: {said} (whole log: {log})")
        self.exit_code = exit_code


def programs(settings: Settings) -> list[Program]:
    """What `flyball up` or `flyball server` runs, in the order of its start."""
    home = str(settings.home)
    found = [Program(CONTROL, "the control plane", "flyball.api", ("--home", home), url=settings.control_url, ends_within=3.8)]
    if settings.project is not None:
        serve = Program(MODEL_SERVER, "the model server", "flyball.predict", ("--home", home), url=settings.serve_url, ends_within=7.0)
        found.append(serve)
    if settings.console:
        arguments = ["--control-url", settings.control_url, "--host", settings.host, "--port", str(settings.console_port)]
        arguments += ["--run-file", str(settings.home / RUN / f"{CONSOLE}.json")]
        arguments += ["--token-file", str(settings.home / TOKEN)] if settings.auth else ["--no-auth"]
        if settings.certificate is not None:
            arguments += [*settings.certificate.options(), "--control-certificate", str(settings.certificate.chain)]
        found.append(Program(CONSOLE, "the console", "flyball.console", tuple(arguments), ends_within=2.0))
    return found


class Supervisor:
    """One per home. `run` blocks in one thread until `stop`, SIGTERM or Ctrl-C; a second of these does not wait for anybody.

    `say` gets one line for a person each time something happens; `ready` is called once, when control plane and model server answer.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        say: Say,
        ready: Callable[[Supervisor], None] | None = None,
        make: Callable[[Settings], Sequence[Program]] = programs,
        timer: Timer | None = None,
    ) -> None:
        self.settings = settings
        self._say, self._ready, self._make = say, ready, make
        self._timer = timer or MonotonicTimer()
        self._processes: dict[str, Process] = {}
        self._asked = 0
        self._wake_in, self._wake_out = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._started = self.begun = WallClock().now()  # `begun` is business time
        self._clock: SharedClock | None = None

    def stop(self) -> None:
        """End everything; from any thread. A second call does not wait for anybody."""
        self._asked += 1
        with suppress(BlockingIOError):
            os.write(self._wake_out, b"\0")

    def run(self, command: str) -> int:
        """Hold the home as `command`, run everything until told to end; the exit code of the whole.

        Raises:
            HeldError: another process holds the home; it is named.
            PortTakenError: another program listens on one of the ports.
            BindError: the host is not one of this machine.
            InvalidError: the certificate cannot be shown; what to do is said.
            OpenBindError: without authentication on anything but loopback.
            StartFailedError: a process said at its start that it cannot run.
            UnavailableError: the home cannot be written.
        """
        check_bind(self.settings.host, authenticated=self.settings.auth)
        if self.settings.certificate is not None:
            Credentials(self.settings.certificate)
        with HomeLock.acquire(self.settings.home / LOCK, command):
            self.settings = free_ports(self.settings)
            self.settings.save()
            OwnerToken.open(self.settings.home)
            self._clock = _clock(self.settings)
            self.begun = (self._clock or WallClock()).now()
            with self._signals():
                try:
                    self._start()
                    self._watch()
                except BaseException:
                    self._asked = max(self._asked, 1)
                    raise
                finally:
                    code = self._end()
        return code

    def _start(self) -> None:
        for program in self._make(self.settings):
            log = self.settings.home / LOGS / f"{program.name}.log"
            process = self._processes[program.name] = Process(program, log, timer=self._timer)
            process.start()
        self._write()

    def _watch(self) -> None:
        waiting, trust = {name for name, process in self._processes.items() if process.program.url}, self.settings.trust
        ticks = 0
        while not self._asked:
            self._sleep(0.05 if waiting else _TICK_SECONDS)
            for process in self._processes.values():
                self._look(process)
            if waiting:
                waiting = {name for name in waiting if not _answers(self._processes[name].program.url, trust)}
                if not waiting and self._ready is not None and not self._asked:
                    self._ready(self)
            ticks += 1
            if ticks % _ROTATE_TICKS == 0:
                for process in self._processes.values():
                    process.rotate()

    def _look(self, process: Process) -> None:
        first = process.restarts == 0
        code = process.ended()
        if code is not None:
            program = process.program
            lines = process.tail()
            if first and code in _HOPELESS and program.url:
                raise StartFailedError(program.title, [words(line) for line in lines[-1:]], log=process.log, exit_code=code)
            self._say(f"{program.title} {_how(code)}; it starts again in {process.pause_seconds():.1f} s. Its log: {process.log}")
            for line in lines:
                self._say(f"  {line}")
            self._write()
        if process.due and not self._asked:
            process.start()
            self._write()

    def _end(self) -> int:
        for name in (*END_ORDER, *self._processes):
            process = self._processes.pop(name, None)
            if process is None or process.pid is None:
                continue
            forced = self._asked > 1
            process.terminate()
            if not forced:
                forced = not self._ends(process)
            if forced:
                self._kill(process)
        if self._clock is not None:
            self._clock.stand()
            self._clock.close()
        (self.settings.home / RUN / UP).unlink(missing_ok=True)
        return INTERRUPTED if self._asked > 1 else 0

    def _ends(self, process: Process) -> bool:
        deadline = self._timer.seconds() + process.program.ends_within
        while self._asked < 2 and self._timer.seconds() < deadline:
            if process.wait(0.05):
                return True
        return process.wait(0)

    def _kill(self, process: Process) -> None:
        if self._asked > 1:
            process.kill_now()
            return
        title, seconds = process.program.title, process.program.ends_within
        stuck = process.kill()
        self._say(f"{title} did not end within {seconds:g} s and was killed. It was stuck in: {stuck or 'a place that it could not tell'}")
        self._say(f"  Its log: {process.log}")

    def _write(self) -> None:
        settings = self.settings
        urls = {CONTROL: settings.control_url, MODEL_SERVER: settings.serve_url, CONSOLE: settings.console_url}
        found = {name: {"pid": process.pid, "restarts": process.restarts} for name, process in self._processes.items()}
        facts: dict[str, Any] = {
            "pid": os.getpid(), "project": settings.project, "started": self._started,
            "urls": {name: url for name, url in urls.items() if name in found}, "children": found,
        }  # fmt: skip
        try:
            write_json(settings.home / RUN / UP, facts)
        except UnavailableError as error:  # a full disk must not end what runs
            self._say(str(error))

    def _sleep(self, seconds: float) -> None:
        if select.select([self._wake_in], [], [], seconds)[0]:
            with suppress(BlockingIOError):
                os.read(self._wake_in, 4096)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """SIGTERM and Ctrl-C stop, the death of a child wakes; only the main thread hears signals."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def ask(_: int, __: FrameType | None) -> None:
            self._asked += 1

        before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
        before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda _, __: None)
        woken = signal.set_wakeup_fd(self._wake_out, warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(woken)
            for number, handler in before.items():
                signal.signal(number, handler)

    def close(self) -> None:
        """Let go of what `stop` wakes with."""
        os.close(self._wake_in)
        os.close(self._wake_out)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def free_ports(settings: Settings) -> Settings:
    """The settings with a number for every port that was 0; each port is free now.

    Raises:
        PortTakenError: one is not.
        BindError: the host is not one of this machine.
    """
    unused = {*(() if settings.console else ("console_port",)), *(("grpc_port",) if settings.grpc_port is None else ())}
    fields = [field for field in OPTIONS if field not in unused]
    found: dict[str, int] = {}
    held: list[socket.socket] = []
    try:
        for field in fields:  # all are held until the last is found, lest one number be found twice
            held.append(bind(settings.host, getattr(settings, field), field=field))
            found[field] = held[-1].getsockname()[1]
    finally:
        for made in held:
            made.close()
    return settings.with_ports(found)


def _clock(settings: Settings) -> SharedClock | None:
    path = clock_path(settings.home)
    if settings.epoch is None or settings.speed is None:
        path.unlink(missing_ok=True)
        return None
    clock = SharedClock.create(path, epoch=settings.epoch, speed=settings.speed, standing=True)
    if settings.hold:
        clock.set_limit("driver", clock.now(), owner=NOBODY)  # who is left when we are killed must not see time run on
    return clock


def _answers(url: str, trust: Trust) -> bool:
    connection = trust.connect(url, _HEALTH_SECONDS)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _how(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    with suppress(ValueError):
        return f"was killed by {signal.Signals(-code).name}"
    return f"was killed by signal {-code}"
