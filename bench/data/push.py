"""How many rows a control plane acknowledges a second, each of them durable, in batches of 1,000 over loopback.

    python -m bench.data.push [--batches 300] [--fsync]

A real control plane in a process of its own, at its settings as they come, takes rows of six columns from one sender and from eight, in
each of the four forms, every batch under an idempotency key of its own. What it has acknowledged it makes versions of meanwhile, on
the same two cores; at the end all rows must be there. The peer is the least that an honest door can do: the same HTTP server with an
application that appends the bytes to a file and parses nothing. Promised, but
for --fsync: 50,000 rows a second.
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flyball.core.clock import MonotonicTimer

ROWS, WARM, LEAST_PER_SECOND, PATIENCE_SECONDS = 1000, 5, 50_000.0, 300.0
TIMER = MonotonicTimer()
START_SECONDS = 1_735_689_600
TYPES = {"json": "application/json", "ndjson": "application/x-ndjson", "arrow": "application/vnd.apache.arrow.stream", "csv": "text/csv"}
PROJECT = """import flyball as fb
project = fb.Project("push", datasets=[fb.Dataset(name, fb.push(), key="id", event_time="at") for name in {names!r}])
"""


@dataclass(frozen=True)
class Figures:
    """What one run did: rows and seconds until the last was acknowledged, and of the server's time on a core."""

    rows: int
    seconds: float
    cpu_seconds: float
    slowest_ms: float

    def __str__(self) -> str:
        cpu = 1e6 * self.cpu_seconds / self.rows
        return f"{self.rows / self.seconds:>10,.0f} rows/s {cpu:>8.1f} us of a core a row {self.slowest_ms:>8.0f} ms the slowest"


# ---- what is sent ---------------------------------------------------------------------------------------------------------


def bodies(form: str, count: int, *, first: int) -> list[bytes]:
    """Batches of a thousand rows, all keys new."""
    return [_body(form, range(first + ROWS * number, first + ROWS * (number + 1))) for number in range(count)]


def _body(form: str, numbers: Sequence[int]) -> bytes:
    import polars as pl

    frame = pl.DataFrame(
        {
            "id": [f"reading-{number:09}" for number in numbers],
            "at": pl.Series([(START_SECONDS + number) * 1_000_000 for number in numbers]).cast(pl.Datetime("us", "UTC")),
            "value": [number / 7 for number in numbers],
            "count": [number % 1000 for number in numbers],
            "ok": [number % 3 == 0 for number in numbers],
            "place": [f"hall {number % 50}" for number in numbers],
        }
    )
    if form == "arrow":
        held = io.BytesIO()
        frame.write_ipc_stream(held)
        return held.getvalue()
    written = frame.with_columns(pl.col("at").dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
    if form == "csv":
        return written.write_csv().encode()
    if form == "ndjson":
        return written.write_ndjson().encode()
    return json.dumps({"rows": written.to_dicts()}).encode()


# ---- the servers ----------------------------------------------------------------------------------------------------------


def free_port() -> int:
    """A port that nobody listened on just now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def control_plane(place: Path, names: Sequence[str], *, fsync: bool) -> Iterator[tuple[int, int]]:
    """A control plane whose project has these datasets of pushes: its port and process id."""
    from flyball.app.settings import Settings

    project, home, port = place / "project.py", place / "home", free_port()
    project.write_text(PROJECT.format(names=list(names)))
    Settings(project=project, home=home, control_port=port, serve_port=0, console_port=0, auth=False, console=False).save()
    environment = {**os.environ, "FLYBALL_RATE_LIMITS": "off", **({"FLYBALL_FSYNC_ROWS": "all"} if fsync else {})}
    with _running([sys.executable, "-m", "flyball.api", "--home", str(home)], environment, log=place / "log") as pid:
        yield port, _answering(port, pid, path="/api/v1/status", log=place / "log")


@contextmanager
def appender(place: Path) -> Iterator[tuple[int, int]]:
    """The peer: its port and process id."""
    port = free_port()
    with _running([sys.executable, __file__, "--serve", str(place / "peer"), str(port)], dict(os.environ), log=place / "peer.log") as pid:
        yield port, _answering(port, pid, path="/", log=place / "peer.log")


@contextmanager
def _running(command: Sequence[str], environment: dict[str, str], *, log: Path) -> Iterator[int]:
    with log.open("wb") as told, subprocess.Popen(command, env=environment, stdout=told, stderr=told) as process:
        try:
            yield process.pid
        finally:
            process.terminate()


def _answering(port: int, pid: int, *, path: str, log: Path) -> int:
    deadline = TIMER.seconds() + 60
    while TIMER.seconds() < deadline:
        try:
            status, answer = ask(http.client.HTTPConnection("127.0.0.1", port), f"GET {path}")
            if status == 200 and (not answer or json.loads(answer)["phase"] == "serving"):
                return pid
        except (ConnectionError, http.client.HTTPException):
            pass
        time.sleep(0.1)
    raise TimeoutError(log.read_text()[-2000:])


def ask(connection: http.client.HTTPConnection, route: str, *, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
    """The status and the answer."""
    method, _, path = route.partition(" ")
    connection.request(method, path, body or None, {name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    return answer.status, answer.read()


async def append(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
    """The application that parses nothing."""
    del scope
    parts, more = [], True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    os.write(FILE, b"".join(parts))
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


# ---- the load -------------------------------------------------------------------------------------------------------------


def cpu_seconds(pid: int) -> float:
    """What the process has had of all cores."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def push(server: tuple[int, int], path: str, *, form: str, senders: int, sent: Sequence[bytes]) -> Figures:
    """Send all batches, split among the senders, each over a connection that it keeps."""
    port, pid = server
    slowest, failures = [0.0] * senders, list[str]()

    def work(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        for place in range(number, len(sent), senders):
            begin = TIMER.seconds()
            key = f"{len(sent)}-{place}"
            status, answer = ask(connection, f"POST {path}", body=sent[place], Content_Type=TYPES[form], Idempotency_Key=key)
            slowest[number] = max(slowest[number], TIMER.seconds() - begin)
            if status != 200 or (answer and json.loads(answer)["accepted"] != ROWS):
                failures.append(answer.decode())
                return

    threads = [threading.Thread(target=work, args=(number,)) for number in range(senders)]
    used, begin = cpu_seconds(pid), TIMER.seconds()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise RuntimeError(failures[0])
    return Figures(len(sent) * ROWS, TIMER.seconds() - begin, cpu_seconds(pid) - used, 1000 * max(slowest))


def wait_applied(port: int, name: str, *, rows: int) -> float:
    """Seconds until the dataset has so many rows."""
    begin = TIMER.seconds()
    while TIMER.seconds() - begin < PATIENCE_SECONDS:
        found: Any = json.loads(ask(http.client.HTTPConnection("127.0.0.1", port), "GET /api/v1/datasets")[1])["datasets"]
        if any(dataset["name"] == name and dataset["rows"] == rows for dataset in found):
            return TIMER.seconds() - begin
        time.sleep(0.2)
    raise TimeoutError(f"{name} has not got its {rows:,} rows")


def main() -> int:
    """Measure, print, and say whether the promise is kept."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--batches", type=int, default=300)
    parser.add_argument("--fsync", action="store_true", help="each row on the disk before it is acknowledged")
    asked = parser.parse_args()
    kept = True
    with tempfile.TemporaryDirectory() as folder:
        names = [f"{form}-{senders}" for form in TYPES for senders in (1, 8)]
        with appender(Path(folder)) as peer:
            for many in (1, 8):
                sent = bodies("json", asked.batches, first=0)
                print(f"{'peer, json':<16}{many} senders {push(peer, '/', form='json', senders=many, sent=sent)}")
        with control_plane(Path(folder), names, fsync=asked.fsync) as server:
            for name in names:
                form, _, senders = name.partition("-")
                path = f"/api/v1/datasets/{name}/rows"
                push(server, path, form=form, senders=1, sent=bodies(form, WARM, first=1_000_000_000))
                sent = bodies(form, asked.batches, first=0)
                figures = push(server, path, form=form, senders=int(senders), sent=sent)
                behind = wait_applied(server[0], name, rows=(asked.batches + WARM) * ROWS)
                print(f"{form:<16}{senders} senders {figures} {behind:>6.1f} s until all were in the table", flush=True)
                kept &= asked.fsync or figures.rows / figures.seconds >= LEAST_PER_SECOND
    print(f"promised: {LEAST_PER_SECOND:,.0f} rows a second: {'kept' if kept else 'BROKEN'}")
    return 0 if kept else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        import uvicorn

        FILE = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        uvicorn.run(append, host="127.0.0.1", port=int(sys.argv[3]), log_level="error", access_log=False)
        sys.exit()
    sys.exit(main())
