"""Messages of a stream become rows, each stored once: whoever dies, whatever is in them, and however the stream comes and goes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from flyball.core.clock import VirtualClock
from flyball.core.errors import UnavailableError
from flyball.core.rand import SeededRandom
from flyball.data import Dataset
from flyball.data.declared.streams import RedisStreamSource, redis_stream
from flyball.data.livecommit import dead_letters_name
from flyball.data.model import ARRIVAL
from flyball.data.sources._redis import RedisStream
from flyball.data.sources.messages import Message, MessageSource
from flyball.data.streamerrors import StreamUnreachableError
from flyball.data.streaming import Consumer
from flyball.testing.data_home import DataHome, opened_data_home
from tests.redis import RedisServer, serving_redis

OBJECTS = redis_stream("READINGS_URL", "readings", field="row")
TEXTS = redis_stream("READINGS_URL", "readings", group="texts")
START = datetime(2025, 3, 1, tzinfo=UTC)
CLOCK = VirtualClock(START + timedelta(days=1))
KILLS = 12

# Takes messages until they end, and makes versions of them now and then; says when it is at work.
READER = """
import sys
from pathlib import Path
from flyball.testing.data_home import opened_data_home
from tests.integration.data.test_streaming import OBJECTS, consumer, dataset_of

with opened_data_home(Path(sys.argv[1])) as home, consumer(home, sys.argv[2]) as reader:
    print("up", flush=True)
    idle = 0
    while idle < 3:
        idle = 0 if reader.step(wait_seconds=0.1) else idle + 1
        print("step", flush=True)
        reader.live.apply(dataset_of(OBJECTS))
    print("done", flush=True)
"""


def dataset_of(source: RedisStreamSource) -> Dataset:
    return Dataset("readings", source, key="id", event_time="at")


@contextmanager
def consumer(home: DataHome, url: str, *, source: RedisStreamSource = OBJECTS) -> Iterator[Consumer]:
    messages = RedisStream(source, {"READINGS_URL": url})
    with home.live() as live:
        try:
            yield Consumer(dataset_of(source), source, messages, live, CLOCK)
        finally:
            messages.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with serving_redis(tmp_path / "redis") as found:
        yield found


def row(number: int, **cells: object) -> dict[str, object]:
    return {"id": f"r{number}", "at": (START + timedelta(minutes=number)).isoformat(), "value": number + 0.5, **cells}


def send(server: RedisServer, *contents: object) -> list[str]:
    """Append messages with these rows, or bytes; where they stand."""
    with server.client() as client:
        return [
            client.xadd("readings", {"row": found if isinstance(found, bytes) else json.dumps(found)}).decode()  # type: ignore[union-attr]  # never awaited here
            for found in contents
        ]


def stored(home: DataHome) -> list[tuple[object, ...]]:
    history = home.service.history(dataset_of(OBJECTS))
    assert history[ARRIVAL].is_unique().all()
    return list(history.select("id", "value").rows())


def dead(home: DataHome) -> pl.DataFrame:
    return home.service.tables.read(dead_letters_name("readings")).collect()


def test_messages_become_rows_and_are_acknowledged(home: DataHome, server: RedisServer) -> None:
    send(server, *(row(number) for number in range(700)))
    with consumer(home, server.url) as reader:
        assert [reader.step(wait_seconds=0.1) for _ in range(3)] == [500, 200, 0]
        version = reader.live.apply(reader.dataset)
    assert version is not None
    assert (version.rows, version.number) == (700, 2)
    assert stored(home) == [(f"r{number}", number + 0.5) for number in range(700)]
    with server.client() as client:
        assert client.xpending("readings", "flyball")["pending"] == 0
    with consumer(home, server.url) as reader:
        assert reader.step(wait_seconds=0.1) == 0


def test_fields_may_be_the_columns(home: DataHome, server: RedisServer) -> None:
    with server.client() as client:
        for number in range(150):
            client.xadd("readings", {"id": f"r{number}", "at": row(number)["at"], "value": str(number / 2), "note": "é"})  # type: ignore[dict-item]  # its own types
    with consumer(home, server.url, source=TEXTS) as reader:
        reader.step(wait_seconds=0.1)
        with server.client() as client:
            client.xadd("readings", {"id": "x1", "at": "soon", "value": "1"})
            client.xadd("readings", {"id": "x2", "at": "2025-04-01T00:00Z", "value": ""})
            client.xadd("readings", {"id": "x3", "at": "2025-04-01T00:00Z", "value": "3", b"\xff": b"\xff"})
        reader.step(wait_seconds=0.1)
        reader.live.apply(reader.dataset)
    history = home.service.history(dataset_of(TEXTS))
    assert (history.height, history["value"].sum()) == (150, sum(number / 2 for number in range(150)))
    aside = home.service.quarantined("readings")
    assert sorted(aside["reason"].to_list()) == ["at is no time: soon", "note is missing; value is missing"] or aside.height == 2
    assert dead(home)["reason"].to_list() == ["a field is not UTF-8"]


def test_what_is_no_row_goes_to_the_dead_letters_with_the_reason(home: DataHome, server: RedisServer) -> None:
    send(server, row(0), row(1))
    poisons: list[bytes] = [
        b"", b"{", b"[]", b"7", b"null", b'"x"', b"\xff\xfe", b"{" * 100_000, b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        b'{"id": "x"},{"id": "y"}', b'{"id": "' + b"x" * 300_000 + b'"}', b'{"id": "\\ud800"}',
    ]  # fmt: skip
    offsets = send(server, *poisons)
    with server.client() as client:
        offsets.append(client.xadd("readings", {"other": "x"}).decode())  # type: ignore[union-attr]  # never awaited here
    send(server, row(2, value="x"), row(4), b'{"id": "r5", "at": "2025-03-01T00:05Z", "value": 1e999}')
    with consumer(home, server.url) as reader:
        reader.step(wait_seconds=0.1)
        version = reader.live.apply(reader.dataset)
        assert reader.live.apply(reader.dataset) is None
    assert version is not None
    assert [key for key, _ in stored(home)] == ["r0", "r1", "r4"]
    found = dead(home).sort("offset")
    assert found["offset"].to_list() == offsets
    assert found["reason"].str.len_chars().min() > 10  # type: ignore[operator]  # of texts
    assert found["content"].bin.size().max() <= 256 << 10  # type: ignore[operator]  # of numbers
    aside = home.service.quarantined("readings")
    assert sorted(aside["file"].str.starts_with("redis:readings:flyball@").to_list()) == [True] * aside.height
    assert "messages.unreadable" in home.kinds()


def test_messages_before_the_first_row_wait_or_are_buried(home: DataHome, server: RedisServer) -> None:
    send(server, b"{", {"name": "no key"})
    with consumer(home, server.url) as reader:
        assert reader.step(wait_seconds=0.1) == 2
        assert reader.live.apply(reader.dataset) is None
    send(server, row(1))
    with consumer(home, server.url) as reader:
        reader.step(wait_seconds=0.1)
        reader.live.apply(reader.dataset)
    assert stored(home) == [("r1", 1.5)]
    assert dead(home).height == 2


class Unacknowledging:
    """A source whose acknowledgements fail while `broken`."""

    def __init__(self, real: MessageSource) -> None:
        self._real, self.broken = real, False

    def read(self, limit: int, *, wait_seconds: float) -> Sequence[Message]:
        return self._real.read(limit, wait_seconds=wait_seconds)

    def acknowledge(self, offsets: Sequence[str]) -> None:
        if self.broken and offsets:
            self._real.close()  # what was handed out comes again
            raise UnavailableError("It went away.")
        self._real.acknowledge(offsets)

    def close(self) -> None:
        self._real.close()


@pytest.mark.parametrize("apply", [False, True], ids=["in the journal", "applied"])
@pytest.mark.parametrize("reopen", [False, True], ids=["the same process", "another one"])
def test_messages_that_were_kept_and_not_acknowledged_are_stored_once(
    home: DataHome, server: RedisServer, *, apply: bool, reopen: bool
) -> None:
    send(server, *(row(number) for number in range(3)), b"{")
    source = Unacknowledging(RedisStream(OBJECTS, {"READINGS_URL": server.url}))
    with home.live() as live:
        reader = Consumer(dataset_of(OBJECTS), OBJECTS, source, live, CLOCK)
        source.broken = True
        for _ in range(3):
            with pytest.raises(UnavailableError):
                reader.step(wait_seconds=0.1)
        if apply:
            live.apply(reader.dataset)
        send(server, row(3, value=9.0), {**row(0), "value": 9.0})
        source.broken = False
        if not reopen:
            reader.step(wait_seconds=0.1)
            reader.step(wait_seconds=0.1)
            live.apply(reader.dataset)
        source.close()
    if reopen:
        with consumer(home, server.url) as again:
            again.step(wait_seconds=0.1)
            again.step(wait_seconds=0.1)
            again.live.apply(again.dataset)
    assert stored(home) == [("r0", 0.5), ("r1", 1.5), ("r2", 2.5), ("r3", 9.0), ("r0", 9.0)]
    assert dead(home).height == 1
    assert sum(version.duplicates for version in home.service.list("readings")) == 0


def test_a_server_that_comes_and_goes_loses_nothing(home: DataHome, server: RedisServer) -> None:
    sent = 0
    with consumer(home, server.url) as reader:
        for _ in range(4):
            send(server, *(row(number) for number in range(sent, sent + 20)))
            sent += 20
            server.kill()
            with pytest.raises(StreamUnreachableError):
                reader.step(wait_seconds=0.1)
            server.start()
            while reader.step(wait_seconds=0.1):
                pass
        with server.asleep(), pytest.raises(StreamUnreachableError):
            reader.step(wait_seconds=0.1)
        reader.live.apply(reader.dataset)
    assert [key for key, _ in stored(home)] == [f"r{number}" for number in range(sent)]


def test_killed_at_any_moment_each_message_is_stored_once(tmp_path: Path, server: RedisServer) -> None:
    chance, place, sent = SeededRandom(5), tmp_path / "home-of-it", 0
    for _ in range(KILLS):
        # Each row corrects one key: had a message been stored twice, its second copy would be a duplicate or one more correction.
        send(server, *(row(number, id=f"r{number % 7}") for number in range(sent, sent + 300)), b"{")
        sent += 300
        _read(place, server.url, kill_after=1 + chance.seed("kill", str(sent)) % 8)
    assert _read(place, server.url, kill_after=None) == 0
    with opened_data_home(place) as home:
        assert [value for _, value in stored(home)] == [number + 0.5 for number in range(sent)]
        assert dead(home)["offset"].n_unique() == dead(home).height == KILLS
        assert sum(version.duplicates for version in home.service.list("readings")) == 0


def _read(place: Path, url: str, *, kill_after: int | None) -> int:
    """Run a reader, and kill it when it has said so many words; its exit code."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", READER, str(place), url], stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        for number, _ in enumerate(process.stdout, start=1):
            if number == kill_after:
                process.send_signal(signal.SIGKILL)
        return process.wait(60)
