"""`flyball replay` against stand-ins of the two servers, which write down what came and what time it was."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from flyball.app.settings import NotRunningError, Settings, write_json
from flyball.cli.replaying import NotScaledError, PastError, StretchError, Wanted
from flyball.cli.replaying import replay as run_replay
from flyball.cli.sending import ServerGoneError
from flyball.cli.traffic import Stretch
from flyball.core.errors import HeldError
from flyball.governance.token import OwnerToken
from flyball.storage.clockfile import SharedClock, clock_path
from flyball.storage.homelock import HomeLock
from tests.integration.cli.orders import HOUR, MINUTE, START, write_project

MOMENT = timedelta(microseconds=1)


@dataclass
class Seen:
    """What came in: (business time, path, rows, idempotency key)."""

    clock: SharedClock
    calls: list[tuple[datetime, str, list[dict[str, Any]], str | None]] = field(default_factory=list)
    script: list[int] = field(default_factory=list)  # statuses to answer with, before all is well again
    hang_up_after: int | None = None

    def note(self, path: str, body: bytes, *, key: str | None) -> int:
        if self.hang_up_after is not None and len(self.calls) >= self.hang_up_after:
            return 0
        status = self.script.pop(0) if self.script else 200
        self.calls.append((self.clock.now(), path, json.loads(body)["rows"], key))
        return status


def _door(seen: Seen) -> type[BaseHTTPRequestHandler]:
    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(200, {"status": "ok", "phase": "serving"})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.headers["Authorization"].startswith("Bearer ")
            status = seen.note(self.path, body, key=self.headers["Idempotency-Key"])
            if status == 0:
                self.close_connection = True
                return
            accepted = {"accepted": len(json.loads(body)["rows"]), "quarantined": [], "duplicate": False}
            self._answer(status, accepted if status == 200 else {"error": {"code": "some", "message": "a reason"}})

        def _answer(self, status: int, value: object) -> None:
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    return Door


@dataclass
class Up:
    """A home in which `up` seems to run."""

    home: Path
    project: Path
    clock: SharedClock
    seen: Seen

    def replay(self, hours: int = 24, *, start: datetime = START, every: timedelta = HOUR, labels: bool = True) -> int:
        stretch = Stretch(start, START + hours * HOUR, rows_every=every, labels=labels)
        return run_replay(Wanted(self.project, self.home, stretch), json_file=None)

    @property
    def asked(self) -> list[tuple[datetime, list[dict[str, Any]]]]:
        return [(at, rows) for at, path, rows, _ in self.seen.calls if path == "/predict/late"]

    def pushed(self, dataset: str) -> list[tuple[datetime, list[dict[str, Any]]]]:
        return [(at, rows) for at, path, rows, _ in self.seen.calls if path == f"/api/v1/datasets/{dataset}/rows?visible=true"]


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    home = tmp_path / "home"
    clock = SharedClock.create(clock_path(home), epoch=START, speed=1e9, standing=True)
    clock.set_limit("driver", START)
    clock.reset_pauses()
    seen = Seen(clock)
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), _door(seen)) for _ in range(2)]
    threads = [threading.Thread(target=server.serve_forever, args=(0.02,)) for server in servers]
    for server, thread in zip(servers, threads, strict=True):
        server.daemon_threads = True
        thread.start()
    control, serve = (server.server_address[1] for server in servers)
    project = write_project(tmp_path)
    Settings(project=project, home=home, control_port=control, serve_port=serve, epoch=START, speed=1e9, hold=True).save()
    write_json(home / "run" / "up.json", {"pid": os.getpid()})
    OwnerToken.open(home)
    yield Up(home, project, clock, seen)
    for server, thread in zip(servers, threads, strict=True):
        server.shutdown()
        server.server_close()
        thread.join()
    clock.close()


def test_each_request_comes_at_its_business_time_with_all_rows_of_that_time(up: Up, capsys: pytest.CaptureFixture[str]) -> None:
    assert up.replay(hours=24) == 0
    first = START + 20 * MINUTE  # one hour before the order of 01:20
    assert [at for at, _ in up.asked] == [first + hour * HOUR for hour in range(24)]
    numbers = [2 * (48 + hour + 1) for hour in range(24)]
    assert [rows for _, rows in up.asked] == [[{"id": f"o{n}", "x": n % 7}, {"id": f"o{n + 1}", "x": (n + 1) % 7}] for n in numbers]
    assert "24 requests with 48 rows" in capsys.readouterr().out.splitlines()[-1]


def test_rows_come_at_the_end_of_their_batch_before_what_happens_then(up: Up) -> None:
    up.replay(hours=24)
    orders, outcomes = up.pushed("orders"), up.pushed("outcomes")
    assert [at for at, _ in orders] == [START + hour * HOUR - MOMENT for hour in range(1, 25)]
    assert [row["id"] for row in orders[0][1]] == ["o102", "o103"], "the orders of 03:20 are known at 00:20"
    assert orders[0][1][0] == {"id": "o102", "at": "2024-01-03T03:20:00Z", "x": 4}
    assert [row["id"] for row in outcomes[0][1]] == ["o96", "o97"], "the outcomes of 00:25 are known at 00:55"
    assert up.seen.calls == sorted(up.seen.calls, key=lambda call: call[0])


def test_without_batches_each_row_comes_at_its_own_time(up: Up) -> None:
    up.replay(hours=3, every=timedelta(0))
    assert [at for at, _ in up.pushed("outcomes")] == [START + 55 * MINUTE + hour * HOUR - MOMENT for hour in range(3)]
    assert all(len(rows) == 2 for _, rows in up.pushed("outcomes")), "two become known at once"


def test_labels_may_stay_away(up: Up) -> None:
    up.replay(hours=3, labels=False)
    assert up.pushed("outcomes") == []
    assert len(up.pushed("orders")) == 3


def test_two_stretches_are_one(up: Up) -> None:
    up.replay(hours=10)
    up.replay(hours=24, start=START + 10 * HOUR)
    once = [(path, rows) for _, path, rows, _ in up.seen.calls]
    assert len(up.asked) == 24
    assert sorted(row["id"] for _, rows in up.pushed("orders") for row in rows) == sorted(f"o{n}" for n in range(102, 150))
    assert len(once) == len({json.dumps(call) for call in once})


def test_what_happens_at_a_moment_is_waited_for(up: Up) -> None:
    boundary = START + 2 * HOUR
    up.clock.set_limit("scheduler", boundary)
    closed: list[int] = []

    def close() -> None:
        while up.clock.now() < boundary:
            threading.Event().wait(0.01)
        with up.clock.paused():
            threading.Event().wait(0.2)
            closed.append(len(up.seen.calls))
            up.clock.set_limit("scheduler", None)

    scheduler = threading.Thread(target=close)
    scheduler.start()
    up.replay(hours=3)
    scheduler.join()
    before = [at for at, *_ in up.seen.calls[: closed[0]]]
    assert before
    assert max(before) == boundary - MOMENT, "the rows of the boundary had come, and nothing after it"


def test_a_server_that_starts_again_is_waited_for_and_a_refusal_is_counted(up: Up, capsys: pytest.CaptureFixture[str]) -> None:
    up.seen.script = [503, 503, 200, 422, 200]
    assert up.replay(hours=3) == 1
    said = capsys.readouterr().out
    assert "1 errors" in said.splitlines()[-1]
    assert "422 a reason" in said
    assert len({key for *_, key in up.seen.calls if key}) == 6, "tried again under the same key"


def test_a_replay_that_was_cut_off_goes_on_by_the_same_command(up: Up) -> None:
    up.seen.hang_up_after = 7
    (up.home / "run" / "later.json").write_text((up.home / "run" / "up.json").read_text())
    stop = threading.Timer(1.5, (up.home / "run" / "up.json").unlink)
    stop.start()
    with pytest.raises(ServerGoneError, match="same `flyball replay`"):
        up.replay(hours=6)
    stop.join()
    cut = list(up.seen.calls)
    up.seen.hang_up_after = None
    (up.home / "run" / "later.json").rename(up.home / "run" / "up.json")
    up.replay(hours=6)
    keys = {key for *_, key in up.seen.calls if key}
    assert {key for *_, key in cut if key} <= keys
    assert len(keys) == 12
    assert len(up.asked) >= 6
    assert {row["id"] for _, rows in up.asked for row in rows} == {f"o{n}" for n in range(98, 110)}


def test_after_it_time_stands_where_up_holds_it_and_runs_on_where_not(up: Up) -> None:
    up.replay(hours=2)
    assert up.clock.now() == up.clock.limit("driver") == START + 2 * HOUR
    replace(Settings.load(up.home), hold=False).save()
    up.replay(hours=4)
    assert up.clock.limit("driver") is None
    assert up.clock.now() > START + 4 * HOUR


def test_a_second_replay_is_refused(up: Up) -> None:
    with HomeLock.acquire(up.home / "replay" / "owner.lock", "flyball replay"), pytest.raises(HeldError, match="flyball replay"):
        up.replay()


def test_what_cannot_be_replayed_is_refused(up: Up, tmp_path: Path) -> None:
    with pytest.raises(StretchError):
        up.replay(hours=0)
    with pytest.raises(PastError, match="beginning"):
        up.replay(start=START - MINUTE)
    Settings(project=up.project, home=up.home).save()
    with pytest.raises(NotScaledError, match="--clock"):
        up.replay()
    (up.home / "run" / "up.json").unlink()
    with pytest.raises(NotRunningError):
        up.replay()
    stretch = Stretch(START, START + HOUR, rows_every=HOUR)
    with pytest.raises(NotRunningError):
        run_replay(Wanted(up.project, tmp_path / "nowhere", stretch), json_file=None)
