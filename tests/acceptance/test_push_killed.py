"""A control plane that is killed again and again while rows come in every form and from a stream: what was acknowledged is there, once."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest

from flyball.app.settings import Settings
from flyball.core.rand import SeededRandom
from flyball.data.rows import Rows
from tests.live import wait_for
from tests.redis import RedisServer, free_port, serving_redis

PROJECT = """
import flyball as fb
pushed = [fb.Dataset(name, fb.push(), key="id", event_time="at") for name in ("json", "ndjson", "arrow", "csv")]
streamed = fb.Dataset("streamed", fb.redis_stream("READINGS_URL", "readings", field="row"), key="id", event_time="at")
project = fb.Project("readings", datasets=[*pushed, streamed])
"""
TYPES = {"json": "application/json", "ndjson": "application/x-ndjson", "arrow": "application/vnd.apache.arrow.stream", "csv": "text/csv"}
KILLS, ROWS = 5, 120


def frame(first: int, count: int = ROWS) -> pl.DataFrame:
    """Rows that each correct one of a few keys: any that was stored twice, or not at all, would show."""
    numbers = range(first, first + count)
    at = pl.Series("at", [(1_740_000_000 + number) * 1_000_000 for number in numbers]).cast(pl.Datetime("us", "UTC"))
    return pl.DataFrame({"id": [f"k{number % 50}" for number in numbers], "value": numbers}).with_columns(at)


def encoded(form: str, rows: pl.DataFrame) -> bytes:
    """The rows as they are sent."""
    if form == "arrow":
        place = io.BytesIO()
        rows.write_ipc_stream(place)
        return place.getvalue()
    written = rows.with_columns(pl.col("at").dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
    if form == "csv":
        return written.write_csv().encode()
    return written.write_ndjson().encode() if form == "ndjson" else json.dumps({"rows": written.to_dicts()}).encode()


@dataclass
class Plane:
    """A control plane that is started again after each kill."""

    place: Path
    port: int
    redis: RedisServer
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and return when it serves."""
        settings = Settings(
            project=self.place / "project.py", home=self.place / "home", control_port=self.port, serve_port=0, console_port=0,
            auth=False, console=False,
        )  # fmt: skip
        settings.save()
        environment = {**os.environ, "READINGS_URL": self.redis.url, "FLYBALL_RATE_LIMITS": "off"}
        with (self.place / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "flyball.api", "--home", str(self.place / "home")], env=environment, stdout=log, stderr=log
            )
        wait_for(self._serves, 120, told=f"serving; {(self.place / 'log').read_text()[-2000:]}")

    def _serves(self) -> bool:
        try:
            return bool(httpx.get(f"http://127.0.0.1:{self.port}/api/v1/status", trust_env=False).json()["phase"] == "serving")
        except (httpx.HTTPError, KeyError):
            return False

    def stop(self, how: signal.Signals) -> None:
        """End it."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(60)

    def datasets(self) -> dict[str, dict[str, Any]]:
        """The datasets by name."""
        found = httpx.get(f"http://127.0.0.1:{self.port}/api/v1/datasets", trust_env=False).json()["datasets"]
        return {dataset["name"]: dataset for dataset in found}


@dataclass
class Sender:
    """Sends batch after batch, each under its key until it is acknowledged, whoever dies meanwhile."""

    plane: Plane
    form: str
    stop: threading.Event
    acknowledged: int = 0
    repeated: int = 0
    wrong: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Until `stop`, and then until the last batch is acknowledged."""
        with httpx.Client(base_url=f"http://127.0.0.1:{self.plane.port}", trust_env=False, timeout=30) as client:
            while not self.stop.is_set() and not self.wrong:
                body = encoded(self.form, frame(self.acknowledged))
                while not self._send(client, body):
                    time.sleep(0.05)
                self.acknowledged += ROWS

    def _send(self, client: httpx.Client, body: bytes) -> bool:
        headers = {"Content-Type": TYPES[self.form], "Idempotency-Key": f"{self.form}-{self.acknowledged}"}
        try:
            answer = client.post(f"/api/v1/datasets/{self.form}/rows", content=body, headers=headers)
        except httpx.HTTPError:
            return False
        if answer.status_code == 503:
            return False
        if answer.status_code != 200 or answer.json()["accepted"] != ROWS:
            self.wrong.append(answer.text)
        self.repeated += answer.json().get("duplicate", False)
        return True


@contextmanager
def working(plane: Plane, stop: threading.Event) -> Iterator[list[Sender]]:
    """Senders of every form, each in a thread."""
    senders = [Sender(plane, form, stop) for form in TYPES]
    threads = [threading.Thread(target=sender.run) for sender in senders]
    for thread in threads:
        thread.start()
    try:
        yield senders
    finally:
        stop.set()
        for thread in threads:
            thread.join(120)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_rows_of_every_form_and_a_stream_outlive_kills_at_any_moment(tmp_path: Path) -> None:
    chance, stop, streamed = SeededRandom(7), threading.Event(), 0
    (tmp_path / "project.py").write_text(PROJECT)
    with serving_redis(tmp_path / "redis") as redis:
        plane = Plane(tmp_path, free_port(), redis)
        plane.start()
        try:
            with working(plane, stop) as senders:
                for kill in range(KILLS):
                    streamed = _stream(redis, streamed)
                    time.sleep(0.3 + 2 * chance.uniform("kill", str(kill)))
                    plane.stop(signal.SIGKILL)
                    streamed = _stream(redis, streamed)
                    plane.start()
                stop.set()
            assert [sender.wrong for sender in senders] == [[]] * len(senders)
            expected = {sender.form: sender.acknowledged for sender in senders} | {"streamed": streamed}
            wait_for(lambda: {name: found["rows"] for name, found in plane.datasets().items()} == expected, 120, told=f"{expected}")
        finally:
            plane.stop(signal.SIGTERM)
    assert sum(sender.repeated for sender in senders) > 0, "no kill hit an acknowledgement on its way"
    _check(tmp_path / "home", expected)


def _stream(redis: RedisServer, first: int) -> int:
    """More messages, one of them no row; how many rows were sent by now."""
    with redis.client() as client:
        for row in frame(first).with_columns(pl.col("at").dt.strftime("%Y-%m-%dT%H:%M:%SZ")).to_dicts():
            client.xadd("readings", {"row": json.dumps(row)})
        client.xadd("readings", {"row": "no row"})
    return first + ROWS


def _check(home: Path, expected: dict[str, int]) -> None:
    """Each row once, in the order in which its sender sent it."""
    from flyball.app.home import Home

    opened = Home.open(home)
    try:
        for name, rows in expected.items():
            versions = opened.data.list(name)
            assert [version.number for version in versions] == list(range(1, len(versions) + 1))
            assert sum(version.duplicates + version.quarantined for version in versions) == 0, name
            content = opened.data.content(versions[-1])
            values = Rows(opened.data.tables).read(content)["value"]
            assert values.cast(pl.Int64).to_list() == list(range(rows)), name
        letters = opened.data.tables.read("deadletters.streamed").collect()
        assert (letters.height, letters["offset"].n_unique()) == (2 * KILLS, 2 * KILLS)
    finally:
        opened.close()
