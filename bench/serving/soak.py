"""Half an hour of requests: memory stays flat, no row of the log is lost, and everybody counted the same.

A server of two workers is asked without pause by sixteen connections, single rows and a thousand rows in turn. Every ten seconds its
memory is read. At the end it is told to end: then the rows that callers were answered, those that it counted, and those in its journals
must be the same number.

Run ``python -m bench.serving.soak [SECONDS]``; the exit code is 1 when memory grew or a count differs.
"""

from __future__ import annotations

import asyncio
import re
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

from bench.serving.load import Tally, family, load_until, memory_mb, request
from bench.serving.peers import first_answer, free_port, running
from bench.serving.peerscripts import body_of
from bench.serving.pipeline import NUMBERS, TEXTS, make

SECONDS, SAMPLE_SECONDS, SETTLED = 1800.0, 10.0, 0.25
MOST_GROWTH, MOST_MB = 0.05, 8.0
CONNECTIONS = {1: 12, 1000: 4}


async def sampled(pid: int, *, port: int, requests: dict[int, list[bytes]], seconds: float) -> tuple[dict[int, Tally], list[float]]:
    """What the callers were answered, and the server's memory meanwhile."""
    tallies = {size: Tally() for size in requests}
    work = [
        load_until(port, requests[size], connections=CONNECTIONS[size], seconds=seconds, tally=tallies[size]) for size in requests
    ]  # fmt: skip
    running_ = asyncio.gather(*work)
    memory: list[float] = []
    while not running_.done():
        await asyncio.sleep(SAMPLE_SECONDS)
        memory.append(memory_mb(pid))
    await running_
    return tallies, memory


def counted(port: int) -> int:
    """How many rows the server says that it has answered, all its workers together."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        text = answer.read().decode()
    return sum(int(float(found)) for found in re.findall(r"^flyball_predictions_total\{[^}]*\} (\S+)$", text, re.MULTILINE))


def journalled(home: Path) -> int:
    """How many rows stand in the journals of all workers."""
    from flyball.serving.record import decode
    from flyball.storage._localjournal import LocalJournal

    total = 0
    for place in sorted((home / "journal").glob("predictions*")):
        journal, position = LocalJournal.read(place), 0
        while entries := journal.read_after(position, 500):
            position = entries[-1].position
            for entry in entries:
                record = decode(entry.payload)
                total += len(record.ids) if record.error is None else 0
    return total


def main(seconds: float) -> int:
    """Soak, print, judge."""
    import uvloop

    with tempfile.TemporaryDirectory(prefix="flyball-soak-") as directory:
        place = Path(directory)
        _, rows = make(place)
        port, log, home = free_port(), place / "flyball.log", place / "home"
        takes = ", ".join([*(f"{name}: string" for name in TEXTS), *(f"{name}: double" for name in NUMBERS)])
        flyball, model = [sys.executable, "-m", "flyball"], str(place / "pipeline.joblib")
        imported = ["import", "model", model, "--name", "flights", "--signature", takes, "--run-code", "--home", str(home)]
        subprocess.run([*flyball, *imported], check=True, stdout=subprocess.DEVNULL)
        command = [*flyball, "serve", "models:/flights/1", "--home", str(home), "--port", str(port), "--no-auth", "--workers", "2"]
        path = "/predict/flights"
        requests = {
            1: [request(port, path, body=body_of([row], "rows")) for row in rows[:1000]],
            1000: [request(port, path, body=body_of(rows[start : start + 1000], "rows")) for start in range(0, 3000, 1000)],
        }
        with running(command, {}, log=log, core=None) as pid:
            first_answer(port, requests[1][0], log=log)
            tallies, memory = uvloop.run(sampled(pid, port=port, requests=requests, seconds=seconds))
            told, processes = counted(port), len(family(pid))
        kept = journalled(home)
    answered = 1 + sum(size * tally.answered for size, tally in tallies.items())
    failed = sum(tally.failed for tally in tallies.values())
    return judge(memory, answered=answered, failed=failed, told=told, kept=kept, processes=processes)


def judge(memory: list[float], *, answered: int, failed: int, told: int, kept: int, processes: int) -> int:
    """The verdicts; 1 where one is no."""
    settled = memory[int(len(memory) * SETTLED) :]
    half = len(settled) // 2
    early, late = statistics.median(settled[:half]), statistics.median(settled[half:])
    verdicts = [
        (f"{failed} of the requests failed; none may", failed == 0),
        (f"{answered:,} rows answered, {told:,} counted, {kept:,} in the journals; equal", answered == told == kept),
        (f"{early:.0f} MB, later {late:.0f} MB, in {processes} processes; flat", late - early <= max(MOST_MB, MOST_GROWTH * early)),
    ]
    for sentence, good in verdicts:
        print(sentence if good else f"{sentence}: NOT SO")
    return 0 if all(good for _, good in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS))
