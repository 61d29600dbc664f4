"""`flyball replay`: the history in the project's files, sent as live traffic to a running `flyball up` whose business time it drives.

Time stands at each moment until everything that happens then has been sent and answered; so each request is answered at exactly its
business time, however long that takes.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from flyball.app.home import Home
from flyball.app.location import LOCK
from flyball.app.places import Places
from flyball.app.running import find_up, get_up
from flyball.app.settings import Settings
from flyball.cli.outputs import check_outputs, write_whole
from flyball.cli.released import Released
from flyball.cli.sending import Answer, Line, ServerGoneError
from flyball.cli.traffic import Send, Stretch, read_histories, schedule
from flyball.client import Client, ClientError
from flyball.client.endpoints import EndpointsClient
from flyball.core.clock import MonotonicTimer, Timer
from flyball.core.errors import ConflictError, InvalidError
from flyball.governance.token import OwnerToken
from flyball.loop.projectfile import load_project
from flyball.storage.clockfile import NOBODY, SharedClock, clock_path
from flyball.storage.errors import os_errors
from flyball.storage.homelock import HomeLock

REPLAY = "replay"
_LOOK_SECONDS = 1.0
_TELL_SECONDS = 5.0
_KEPT_PROBLEMS = 5
_UNDEPLOYED_ATTEMPTS = 20
_RESUME = "the same `flyball replay`; what has been sent counts once"
_RUNNING_PHASES = frozenset(("serving", "waiting for the first training"))


class NotScaledError(ConflictError):
    """An `up` on wall time, which nobody can drive."""

    code = "not-scaled"

    def __init__(self, home: Path) -> None:
        super().__init__(
            f"The `flyball up` of {home} runs on the system's time, which a replay cannot drive. "
            "Start it with `flyball up PROJECT.py --clock TIME --speed NUMBER --hold`."
        )


class PastError(InvalidError):
    """A beginning that has passed."""

    code = "replay-past"

    def __init__(self, start: datetime, epoch: datetime) -> None:
        super().__init__(
            f"--from {start.isoformat()} lies before the clock's beginning, {epoch.isoformat()}, and what was known then is in the home "
            f"already. Give --from {epoch.isoformat()} or later."
        )


class StretchError(InvalidError):
    """Nothing between the two times."""

    code = "replay-stretch"

    def __init__(self, start: datetime, end: datetime) -> None:
        super().__init__(f"--to {end.isoformat()} is not after --from {start.isoformat()}.")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to replay, and into which home."""

    project: Path
    home: Path
    stretch: Stretch


@dataclass
class Tally:
    """What was sent, and what came of it. Latencies are of requests that were answered, in seconds."""

    requests: int = 0
    predictions: int = 0
    pushes: int = 0
    rows: int = 0
    quarantined: int = 0
    duplicates: int = 0
    unanswered: int = 0
    errors: int = 0
    retries: int = 0
    skipped: int = 0
    problems: list[str] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)

    def figures(self, seconds: float) -> dict[str, Any]:
        """The summary as JSON."""
        found = asdict(self)
        latencies = sorted(found.pop("latencies"))
        return found | {
            "seconds": round(seconds, 3),
            "latency_ms": {name: _quantile(latencies, share) for name, share in (("p50", 0.5), ("p99", 0.99))},
        }


def replay(wanted: Wanted, *, json_file: Path | None) -> int:
    """Send everything; 1 where a request was refused, else 0.

    Raises:
        NotRunningError, NotScaledError: there is no `up` whose time could be driven.
        PastError, StretchError: the stretch cannot be replayed.
        HeldError: another replay drives it.
        ServerGoneError: `up` ended meanwhile, or a server does not answer any more; the stretch can be resumed.
        FlyballError: the project's files cannot be read.
    """
    check_outputs({"--json": json_file})
    timer = MonotonicTimer()
    with HomeLock.acquire(_own(wanted.home) / LOCK, "flyball replay"), _driving(wanted) as (settings, clock):
        sends = _read(wanted)
        requests = sum(send.key is None for send in sends)
        _say(f"{requests:,} requests and {len(sends) - requests:,} batches of rows to send")
        driver = Driver(settings, clock, timer=timer)
        try:
            driver.wait_for_loop()
            clock.rebase()
            begun = timer.seconds()
            driver.send_all(sends, wanted.stretch)
        finally:
            driver.close()
    figures = driver.tally.figures(timer.seconds() - begun)
    figures |= {"from": wanted.stretch.start.isoformat(), "to": wanted.stretch.end.isoformat()}
    if json_file is not None:
        write_whole(json_file, json.dumps(figures, indent=2) + "\n")
    for line in summary(figures):
        sys.stdout.write(line + "\n")
    return 1 if figures["errors"] else 0


def summary(figures: dict[str, Any]) -> list[str]:
    """The figures for a person; the last line is the one that counts."""
    rate = figures["requests"] / figures["seconds"] if figures["seconds"] else 0.0
    lines = [f"refused: {problem}" for problem in figures["problems"]]
    if figures["skipped"]:
        lines.append(f"{figures['skipped']:,} requests were left out: their time had passed, so that an earlier replay has sent them")
    if figures["unanswered"]:
        lines.append(f"{figures['unanswered']:,} requests found no version that answers yet")
    latency = figures["latency_ms"]
    lines.append(
        f"replayed {figures['from'][:16]} to {figures['to'][:16]}: {figures['requests']:,} requests with {figures['predictions']:,} rows "
        f"({rate:,.0f}/s; p50 {latency['p50']} ms, p99 {latency['p99']} ms), "
        f"{figures['rows']:,} rows of data in {figures['pushes']:,} batches, {figures['errors']:,} errors, {figures['seconds']:.1f} s"
    )
    return lines


class Driver:
    """Moves business time from send to send."""

    def __init__(self, settings: Settings, clock: SharedClock, *, timer: Timer) -> None:
        token = OwnerToken.find(settings.home) if settings.auth else None
        secret = None if token is None else token.value
        self._settings, self._clock, self._timer = settings, clock, timer
        trust = settings.trust
        self._client = Client(settings.control_url, secret, trust=trust)
        self._control = Line(settings.control_url, secret, timer=timer, goes_on=self._goes_on, trust=trust)
        self._server = Line(settings.serve_url, secret, timer=timer, goes_on=self._goes_on, again=self._again, trust=trust)
        self._undeployed, self._asked = False, ""
        self._released = Released(EndpointsClient(self._client).get_endpoint, timer)
        self.tally = Tally()

    def wait_for_loop(self) -> None:
        """Return when the loop runs and has nothing left to do at this moment; raises ServerGoneError when `up` ended."""
        while True:
            self._goes_on()
            try:
                if self._client.get_status()["phase"] in _RUNNING_PHASES:
                    return
            except ClientError:  # it is starting
                pass
            time.sleep(0.2)

    def send_all(self, sends: Sequence[Send], stretch: Stretch) -> None:
        """Everything at its time, then time at the stretch's end."""
        tell = self._timer.seconds() + _TELL_SECONDS
        begun = reached = self._clock.now()
        for send in sends:
            if send.at < begun and send.key is None:
                self.tally.skipped += 1  # an earlier replay of this stretch has asked it; rows count once, however often they come
                continue
            if send.at > reached:
                self._reach(send.at)
                reached = send.at
            if send.key is None:
                self._ask(send)
            else:
                self._push(send)
            if self._timer.seconds() >= tell:
                tell = self._timer.seconds() + _TELL_SECONDS
                _say(f"{send.at:%Y-%m-%d %H:%M}  {self.tally.requests:,} requests, {self.tally.rows:,} rows of data")
        if stretch.end > reached:
            self._reach(stretch.end)

    def _reach(self, moment: datetime) -> None:
        """Business time is `moment`, and all that the scheduler has to do by then is done."""
        clock = self._clock
        clock.set_limit("driver", moment, owner=self._owner())
        look, pause = self._timer.seconds() + _LOOK_SECONDS, 0.0
        while not (clock.now() >= moment and _settled(clock, moment)):
            if self._timer.seconds() >= look:
                look = self._timer.seconds() + _LOOK_SECONDS
                self._goes_on()
            time.sleep(pause)
            pause = min(pause + 0.0001, 0.002)

    def _ask(self, send: Send) -> None:
        self._asked = send.name
        answer = self._post(self._server, f"/predict/{send.name}", send=send)
        tally = self.tally
        tally.requests += 1
        if answer.status == 200:
            tally.predictions += send.rows
            tally.latencies.append(answer.seconds)
        elif answer.problem["code"] == "not-deployed":
            tally.unanswered += 1
            self._undeployed = True
        else:
            self._refused(answer, send)

    def _push(self, send: Send) -> None:
        answer = self._post(self._control, f"/api/v1/datasets/{send.name}/rows?visible=true", send=send)
        self.tally.pushes += 1
        if answer.status != 200:
            self._refused(answer, send)
            return
        said = json.loads(answer.body)
        self.tally.rows += said["accepted"]
        self.tally.quarantined += len(said["quarantined"])
        self.tally.duplicates += bool(said["duplicate"])

    def _post(self, line: Line, path: str, *, send: Send) -> Answer:
        try:
            answer = line.post(path, send.body, key=send.key)
        except TimeoutError as error:
            raise ServerGoneError(line.url, str(error), resume=_RESUME) from error
        self.tally.retries += answer.attempts - 1
        return answer

    def _again(self, answer: Answer) -> bool:
        """Before the first release time has to go on: nobody answers until it does. After it, whoever has no plan yet has one soon."""
        if answer.problem["code"] != "not-deployed" or not (self._undeployed or answer.attempts > _UNDEPLOYED_ATTEMPTS):
            return True
        return self._released.may_answer(self._asked)

    def _refused(self, answer: Answer, send: Send) -> None:
        self.tally.errors += 1
        if len(self.tally.problems) < _KEPT_PROBLEMS:
            self.tally.problems.append(f"{send.at.isoformat()} {send.name}: {answer.status} {answer.problem['message']}")

    def _goes_on(self) -> None:
        if find_up(self._settings.home) is None:
            raise ServerGoneError(self._settings.control_url, "its `flyball up` has ended", resume=_RESUME)

    def _owner(self) -> int | None:
        """With `up --hold` time stands when we are gone, and when `up` is: what we had not asked yet is asked by the next replay."""
        return NOBODY if self._settings.hold else None

    def close(self) -> None:
        """Hang up everywhere."""
        self._control.close()
        self._server.close()
        self._client.close()


def _settled(clock: SharedClock, moment: datetime) -> bool:
    limit = clock.limit("scheduler")
    return not clock.standing and (limit is None or limit > moment)


@contextmanager
def _driving(wanted: Wanted) -> Iterator[tuple[Settings, SharedClock]]:
    """Time stands for the stretch inside the block; after it, it runs on from where it is, or is held by `up --hold`."""
    stretch = wanted.stretch
    if stretch.end <= stretch.start:
        raise StretchError(stretch.start, stretch.end)
    get_up(wanted.home)
    settings = Settings.load(wanted.home)
    if settings.epoch is None:
        raise NotScaledError(wanted.home)
    if stretch.start < settings.epoch:
        raise PastError(stretch.start, settings.epoch)
    clock = SharedClock.open(clock_path(wanted.home))
    owner = NOBODY if settings.hold else None
    clock.set_limit("driver", max(stretch.start, clock.now()), owner=owner)
    try:
        yield settings, clock
    finally:
        clock.set_limit("driver", clock.now() if settings.hold else None, owner=owner)
        clock.close()


def _read(wanted: Wanted) -> list[Send]:
    project = load_project(wanted.project)
    place = _own(wanted.home)
    contracts = wanted.home / "contracts"
    with os_errors(place):
        if contracts.is_dir():  # a person may have made them stricter
            shutil.copytree(contracts, place / "contracts", dirs_exist_ok=True)
    with Home.open(place, places=Places()) as home:  # its own rows, in files, wherever those of the home lie
        histories = read_histories(project, root=wanted.project.resolve().parent, home=home)
    return schedule(project, histories, stretch=wanted.stretch)


def _own(home: Path) -> Path:
    """Where a replay keeps the files' rows as it read them, so that the next one need not."""
    return home / REPLAY


def _quantile(ordered: Sequence[float], share: float) -> float | None:
    return round(ordered[int(share * (len(ordered) - 1))] * 1000, 2) if ordered else None


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
